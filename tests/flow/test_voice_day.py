"""Callers of a real call centre through the simulated switch into the running daemon: each accounted for once.

The short form of tools/bench voice-month. How many are served and how many leave depends on the machine; that usher's
records are those of the switch does not.
"""

import play_model
import voice_month
from runner import Skip, check, equal, main, test

DAY, FROM_S, CALLERS, SPEED = 18, 9 * 3600, 150, 400.0


@test(limit_s=180)
async def callers_of_a_real_day_are_in_the_records_as_at_the_switch(start):
    if not voice_month.TRACE.is_file():
        raise Skip(f"there is no {voice_month.TRACE.name} beside the project")
    day = play_model.from_trace(voice_month.TRACE, DAY)
    day = play_model.seated(play_model.part(day, FROM_S, CALLERS), voice_month.AGENTS)
    fine, played = await voice_month.play(start, day, SPEED)
    equal(played.differences[:8], [], f"{len(played.differences)} records differ from the switch's journal")
    counts = played.world.journal.summary()
    equal(counts["callers"], CALLERS)
    check(fine, "somebody is not accounted for", counts)
    equal(played.world.plan.problems, [])
    check(counts["ended"] > 10, "too little was played to say anything", counts)


if __name__ == "__main__":
    main()
