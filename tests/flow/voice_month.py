"""The month of a real call centre, played through the simulated switch into the running daemon.

Callers of the Anonymous Bank's January 1999 ring the switch at speed, 15 robot agents take them; at the
end each caller must be accounted for once, and usher's records must equal the switch's own: how each
ended, how long he waited, talked and was held. Service level and waits stand beside what the centre of
the trace did. Started by tools/bench voice-month.

    voice_month.py [--day N] [--speed 600] [--agents 15]      day 0 (the default): the whole month
"""

import argparse
import asyncio
import contextlib
import json
import pathlib
import sys
import types

import harness

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))

import play_calls  # noqa: E402
import play_model  # noqa: E402
from play_floor import settings  # noqa: E402

TRACE = TOP.parent / "shared" / "data" / "traces" / "bank_1999_jan.csv.gz"
AGENTS, SPEED = 15, 600.0
BUSY_S = 30  # real seconds that a busy machine may stand still without it being anybody's fault in the play
SECRET = "a secret of the month"


def changes(day, speed):
    """Settings of a centre for these callers."""
    busy = f"{BUSY_S * speed:.0f}s"
    made = play_calls.add_call_settings(settings(day, None), day, SECRET)
    made["queues"] = {name: {**queue, "limits": {"length": 100000}} for name, queue in made["queues"].items()}
    skills = sorted({s for shift in day.shifts for s in shift["services"]} | {r["service"] for r in day.rows})
    return {
        **made, "skills": [*harness.SETTINGS["skills"], *skills], "redis_fsync": "everysec",
        "teams": {"bank": {}, **harness.SETTINGS["teams"]}, "log_level": "warn",
        "channels": {"voice": {"cost": 100, "offer_timeout": busy, "wrapup": "30s", "sla": "20s"}},
        "calls": {"abandoned_resume": "0s", "short_abandon": "0s", "silence": busy, "lag": busy},
        "limits": {"connections_per_address": 0, "messages_per_second": 0},
    }  # fmt: skip


async def play(start, day, speed):
    """Plays it; returns (all is well, the play with its figures)."""
    made = changes(day, speed)
    centre = await start(judged=False, speed=speed, **made)
    options = types.SimpleNamespace(
        state=str(centre.state_dir), desk=centre.ready["desk"], http=centre.ready["http"], speed=speed, seed=play_model.SEED
    )
    played = play_calls.CallPlay(day, options, made)
    live = await played.run()
    fine = played.figures(live)
    with contextlib.suppress(Exception):
        await played.admin.close()
    return fine, played


async def _main(options):
    if not TRACE.is_file():
        raise SystemExit(f"voice-month: there is no {TRACE.name} beside the project")
    day = play_model.seated(play_model.from_trace(TRACE, options.day), options.agents)
    minutes = play_model.Clock(day).length_s / options.speed / 60
    print(f"{day.name}: {len(day.rows)} callers, {len(day.shifts)} agents, speed {options.speed:g}, about {minutes:.0f} minutes")
    for note in day.notes:
        print(f"  {note}", flush=True)
    cleaners, failed = [], True
    try:
        fine, played = await play(harness.starter(cleaners), day, options.speed)
        figure = {"figure": "voice month", "value": len(played.differences), "unit": "differences of records and journal"}
        print(json.dumps({**figure, "reference": len(day.rows), "ratio": None}), flush=True)
        failed = not fine
    finally:
        for clean in cleaners:
            await clean(failed)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--day", type=int, default=0)
    parser.add_argument("--speed", type=float, default=SPEED)
    parser.add_argument("--agents", type=int, default=AGENTS)
    sys.exit(asyncio.run(_main(parser.parse_args())))


if __name__ == "__main__":
    main()
