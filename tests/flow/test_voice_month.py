"""A quiet day of a real call centre through the simulated switch (the whole month: tools/bench voice-month)."""

import voice_month
from play_model import from_trace, seated
from runner import Skip, check, equal, main, test

QUIET_DAY = 30  # 143 callers, 5 agents


@test(alone=True, limit_s=120)
async def every_caller_of_a_day_is_accounted_for_once_and_as_the_switch_says(start):
    if not voice_month.TRACE.is_file():
        raise Skip(f"{voice_month.TRACE.name} is not there")
    day = seated(from_trace(voice_month.TRACE, QUIET_DAY), voice_month.AGENTS)
    fine, played = await voice_month.play(start, day, 2400.0)
    equal(played.differences[:5], [], f"{len(played.differences)} differences")
    check(fine, played.world.journal.summary())


if __name__ == "__main__":
    main()
