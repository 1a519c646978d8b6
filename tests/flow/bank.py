"""A day of the Anonymous Bank played through the daemon, with its own customers and priorities, and the reports held
against a recount of the trace, of the robots' own journals and of the customers' knowledge: to the unit.

    bank.py [FIRST[-LAST]] [--speed N]     days of January 1999 (all of them); one JSON line each
"""

import argparse
import asyncio
import collections
import importlib.machinery
import importlib.util
import json
import sys
import time
import types

import harness
import play_floor
from records import recorded, settled
from runner import Skip, check, equal

SPEED = 600


def module(path):
    """A program without an ending, as a module."""
    loader = importlib.machinery.SourceFileLoader("play_program", str(path))
    spec = importlib.util.spec_from_loader("play_program", loader)
    found = importlib.util.module_from_spec(spec)
    loader.exec_module(found)
    return found


async def report(centre, by, interval="all", **more):
    """{group: row} of a report over everything."""
    answer = await centre.admin(
        "report.get", by=by, interval=interval, **{"from": "1999-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", **more}
    )
    return answer["rows"] if interval != "all" else {row[by]: row for row in answer["rows"]}


async def a_day(start, number, speed=SPEED):
    """Plays and recounts one day of January 1999; returns how many contacts it had, by their end."""
    play = module(harness.TOP / "tools" / "play")
    if not play.TRACE.is_file():
        raise Skip(f"{play.TRACE.name} is not there")
    day = play.play_model.from_trace(play.TRACE, number, play.play_model.SEED)
    settings = play.settings(day, None)
    services = sorted({r["service"] for r in day.rows} | {s for shift in day.shifts for s in shift["services"]})
    centre = await start(
        speed=speed, judged=False, queues=settings["queues"], agents=settings["agents"],
        skills=harness.SETTINGS["skills"] + services, teams={"bank": {}},
    )  # fmt: skip

    journal = []  # what the robots heard: (event, agent, contact)

    class Watched(play.Play):
        def heard(self, desk, there, event, params):
            contact = params.get("contact", {})
            journal.append((event, desk.agent.get("id"), contact.get("id") if isinstance(contact, dict) else contact))
            super().heard(desk, there, event, params)

    options = types.SimpleNamespace(
        speed=speed, state=str(centre.state_dir), desk=centre.ready["desk"], http=centre.ready["http"]
    )
    played = Watched(day, options)
    live = await played.run()
    await played.admin.close()
    equal(live, 0, "nothing is left live")
    ends = collections.Counter(played.states.values())
    await recorded(centre, ends["completed"])
    await settled(centre)

    # By queue, from the trace and the customers' own knowledge of how each contact ended.
    came, left = collections.Counter(), collections.Counter()
    for number, row in enumerate(day.rows):
        queue = f"{play_floor.QUEUE}-{row['service']}"
        came[queue] += 1
        left[queue, played.states[number]] += 1
    rows = await report(centre, "queue")
    for queue, n in came.items():
        row = rows[queue]
        seen = (row["offered"], row["answered"], row["completed"], row["abandoned"])
        equal(seen, (n, left[queue, "completed"], left[queue, "completed"], left[queue, "abandoned"]), queue)
        # Each stay has made its service level event by now, and only one.
        equal(row["in_time"] + row["abandoned_in_time"] + row["passed"], n, f"service level events of {queue}")

    # By agent, from what the robots heard.
    heard = collections.Counter((event, agent) for event, agent, _ in journal)
    rows = await report(centre, "agent")
    for agent in {shift["agent"] for shift in day.shifts}:
        name = f"{play_floor.TEAM}-{agent}"
        row = rows.get(name, collections.defaultdict(int))
        equal(row["offers"], heard["offer.created", name], f"offers to {name}")
        equal(row["accepted"], heard["contact.connected", name], f"conversations of {name}")
        equal(row["handled"], heard["contact.completed", name], f"contacts finished by {name}")
        equal(row["rona"], heard["offer.timeout", name], f"offers missed by {name}")
        if row["busy_ms"]:
            check(row["busy_ms"] + row["idle_ms"] <= row["logged_in_ms"] + row["busy_ms"], name, row)

    # By tier, from the points of the trace's customers.
    def tier(points):
        return "gold" if points >= 80 else "silver" if points >= 40 else "bronze"

    tiers = collections.Counter(tier(row["points"]) for row in day.rows)
    rows = await report(centre, "tier")
    equal({t: row["offered"] for t, row in rows.items()}, dict(tiers))

    # Intervals add up to the whole, and the live counters say the same (I12).
    whole = (await report(centre, "all"))["all"]
    counts = (await centre.admin("server.status"))["counts"]
    equal((whole["offered"], whole["completed"], whole["abandoned"]), (len(day.rows), ends["completed"], ends["abandoned"]))
    equal((counts["submitted"], counts["completed"], counts["abandoned"]), (len(day.rows), ends["completed"], ends["abandoned"]))
    now = time.time()
    first, last = (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + d)) for d in (-3600, 60))
    slots = await report(centre, "all", interval="15m", **{"from": first, "to": last})
    for name in ("offered", "answered", "abandoned", "in_time", "abandoned_in_time", "passed", "handled", "talk_ms"):
        equal(sum(slot[name] for slot in slots), whole[name], f"intervals of {name}")
    return ends


async def days(first, last, speed):
    wrong = 0
    for number in range(first, last + 1):
        cleaners, failed, began = [], True, time.monotonic()
        try:
            ends = await a_day(harness.starter(cleaners), number, speed)
            failed = False
            line = {"contacts": sum(ends.values()), **ends, "differences": 0}
        except SystemExit as nothing:
            failed, line = False, {"contacts": 0, "why": str(nothing)}
        except AssertionError as error:
            wrong += 1
            line = {"differs": str(error)}
        finally:
            for clean in cleaners:
                await clean(failed)
        seconds = round(time.monotonic() - began)
        print(json.dumps({"figure": "bank day equals recount", "day": number, **line, "seconds": seconds}), flush=True)
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("days", nargs="?", default="1-31")
    parser.add_argument("--speed", type=int, default=SPEED)
    options = parser.parse_args()
    first, _, last = options.days.partition("-")
    sys.exit(1 if asyncio.run(days(int(first), int(last or first), options.speed)) else 0)


if __name__ == "__main__":
    main()
