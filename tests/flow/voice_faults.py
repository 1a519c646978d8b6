"""Faults under load of calls: the link cut, the switch away or dead, usherd and Redis killed, at random moments.

A simulated switch lets callers come and telephones answer, or not; robots sit at the desktops. After
it all every caller is held against usher's records: each is there once, with an end that is true, none
is called abandoned who was merely lost, no agent stays reserved. Used by the flow tests, and by itself
(tools/bench faults calls N), where the callers are those of a busy day of a real call centre, at speed,
and 15 robots take them:

    voice_faults.py --kills 50 [--what cut|away|restart|router|store|all] [--seed 7] [--speaks ami|line] [--made-up]
"""

import argparse
import asyncio
import contextlib
import itertools
import json
import re
import sys
import time

import faults
import harness
import invariants
import play_model
import switch_compare
from robot import ALPHABET
from switch_support import Switch
from usher_client import Gone, Refused
from voice_month import AGENTS as AGENTS_OF_TRACE
from voice_month import TRACE

AGENTS, FIRST_PHONE = 10, 1001
BUSY_DAY, TRACE_SPEED = 18, 240.0  # of the trace
SECRET = "a secret between the two"
SLACK_S = 0.3  # within which a caller may come and go around an outage without being seen
# What an outage may make of a call: it ended unseen, so usher can only know that it is lost.
UNSEEN = {"ended": {"lost"}, "abandoned": {"lost"}}


def settings(switch, agents=AGENTS):
    return {
        "http": f"127.0.0.1:{harness.free_port()}", "desk": f"127.0.0.1:{harness.free_port()}",
        "limits": {"connections_per_address": 0},
        "channels": {"voice": {"cost": 100, "offer_timeout": "1500ms", "wrapup": "0s", "sla": "10s"}},
        "queues": {"general": {"channels": ["voice"], "reserve": 0, "affinity": "0s"}},
        "switches": {"pbx": {
            "plugin": "line" if switch.line else "asterisk", "address": [switch.address], "secret": SECRET,
        }},
        "calls": {"short_abandon": "0s", "abandoned_resume": "0s"},
        "agents": [
            {"id": f"r{n}", "skills": {}, "device": f"PJSIP/{FIRST_PHONE + n - 1}"} for n in range(1, agents + 1)
        ],
    }  # fmt: skip


class Worker:
    """An agent whose telephone accepts for him: he only comes back to ready."""

    def __init__(self, load, robot):
        self.load, self.robot = load, robot
        robot.act, robot.worker, robot.backoff_most_s = self.hear, self, 1.0
        robot.on_online = self.back

    def hear(self, name, params):
        if name in ("session.ready", "session.reset", "agent.state_changed"):
            self.back()

    def back(self):
        if self.robot.agent.get("state") in ("not_responding", "not_ready") and not self.load.resting:
            self.load.spawn(self.set_ready())

    async def set_ready(self):
        await asyncio.sleep(self.load.rng.uniform(0.01, 0.1))
        with contextlib.suppress(Refused, Gone, asyncio.TimeoutError):
            await self.robot.ready()


class Load(faults.Load):
    def __init__(self, centre, switch, seed, per_s=12.0, agents=AGENTS, rows=None):
        super().__init__(centre, seed, per_s)
        self.switch, self.outages, self.agents, self.rows = switch, [], agents, rows

    async def begin(self):
        tokens = (await self.centre.admin("token.create", role="agent", agent="r%d", count=self.agents))["tokens"]
        self.robots = [self.centre.robot(t["agent"], t["token"], validate=False) for t in tokens]
        for robot in self.robots:
            Worker(self, robot)
            await robot.start()
        await self.switch.linked()
        self.source = asyncio.create_task(self._arrive())

    async def _arrive(self):
        rng = self.rng
        for gap_s, talk_s, patience_s in self.of_trace() if self.rows else self.made_up():
            await asyncio.sleep(gap_s)
            if self.stopped:
                return
            if not self.switch.world.up:
                continue
            phone = self.switch.world.phones[str(FIRST_PHONE + rng.randrange(self.agents))]
            phone.mode = rng.choices(("answer", "ring", "busy", "reject"), (90, 3, 4, 3))[0]
            phone.answer_s = rng.uniform(0.01, 0.2)
            self.switch.arrive(number=f"+4420{rng.randrange(10**7):07d}", talk_s=talk_s, patience_s=patience_s)

    def made_up(self):
        """(until he comes, how long he talks, his patience) of callers without end, in seconds."""
        rng = self.rng
        while True:
            patience_s = rng.uniform(0.05, 1.5) if rng.random() < 0.15 else 60.0
            yield rng.expovariate(self.per_s), rng.uniform(0.05, 0.8), patience_s

    def of_trace(self):
        """The same of the trace's day, at its speed, again and again."""
        while True:
            for before, row in itertools.pairwise([self.rows[0], *self.rows]):
                gap_s = min(row["at_s"] - before["at_s"], play_model.BREAK_S)
                yield tuple(s / TRACE_SPEED for s in (gap_s, row["handle_s"], row["patience_s"]))

    async def fault(self, what):
        """One fault; the outage lasts until usher knows the switch's calls again."""
        began = self.switch.world.now()
        await self.read_up_to_here()
        await FAULTS[what](self)
        await asyncio.sleep(0.1)  # a cut link is seen by the next read
        await self.switch.linked()
        await self.again_linked()
        self.outages.append((began - SLACK_S, self.switch.world.now() + SLACK_S))

    async def read_up_to_here(self):
        """What the switch said before now is read and written; a busy machine may take a while for it. Each answer is
        at least a turn of the loop behind the one before: one to read, one to hear of the writing."""
        for _ in range(3):
            with contextlib.suppress(Refused, Gone, OSError, asyncio.TimeoutError):
                await self.centre.admin("server.status")

    async def again_linked(self):
        end = time.monotonic() + 40 * harness.SLOW
        while True:
            with contextlib.suppress(Refused, Gone, OSError, asyncio.TimeoutError):
                told = await self.centre.admin("cti.status")
                if all(s["up"] for s in told["switches"]):
                    return
            if time.monotonic() > end:
                raise AssertionError("the switch is not linked again")
            await asyncio.sleep(0.05)

    async def quiet(self):
        """No more callers; until the last one is gone, and usher has nothing live."""
        self.stopped = True
        await self.source
        for number in self.switch.world.phones.values():
            number.mode = "answer"
        await self.switch.until(lambda: all(a.over for a in self.switch.world.journal.accounts.values()), "all callers gone", 90)
        await self._until_live(0)

    def unseen(self, account):
        """Was his whole stay within an outage?"""
        return any(a <= (account["waited"] or account["came"]) and (account["over"] or 1e12) <= b for a, b in self.outages)

    def touched(self, account):
        return any(a <= (account["over"] or 1e12) and account["came"] <= b for a, b in self.outages)

    async def compared(self):
        """Differences between records and journal, once they have settled."""
        wrong = ["nothing was compared"]
        for _ in range(100):
            accounts = self.switch.accounts()
            recorded = switch_compare.records(self.centre.state_dir)
            calm = [a for a in accounts if not self.touched(a)]
            rough = [a for a in accounts if self.touched(a) and not (self.unseen(a) and not recorded.get(a["call"]))]
            of = {a["call"] for a in calm}
            wrong = switch_compare.compare(calm, {c: r for c, r in recorded.items() if c in of})
            wrong += switch_compare.compare(
                rough, {c: r for c, r in recorded.items() if c not in of}, allowed=UNSEEN, times=False
            )
            if not wrong:
                break
            await asyncio.sleep(0.1)
        return wrong, len(calm), len(rough)

    async def reserved(self):
        """Agents that still hold something when nothing is live, and contacts that are."""
        wrong = []
        for agent in (await self.centre.admin("agent.list"))["agents"]:
            if agent["load"]:
                wrong.append(f"{agent['id']} is still reserved: load {agent['load']}")
        live = (await self.centre.admin("server.status"))["counts"]["live"]
        return wrong + ([f"{live} contacts still live"] if live else [])


async def cut(load):
    load.switch.cut()


async def away(load):
    await load.switch.away(load.rng.uniform(0.1, 1.0))


async def restart(load):
    await load.switch.restart(down_s=load.rng.uniform(0.1, 0.8), ready_s=load.rng.uniform(0.0, 0.2))


async def kill_router(load):
    await load.centre.kill("router")
    await load.centre.launch()


FAULTS = {"cut": cut, "away": away, "restart": restart, "router": kill_router, "store": faults.kill_store}


async def run(start, kills, what, seed, speaks="ami", between_s=1.0, per_s=12.0, rows=None):
    """Returns (sentences about what is broken, counts). rows: callers of a day, instead of made-up ones."""
    agents = AGENTS_OF_TRACE if rows else AGENTS
    async with Switch(speaks=speaks, secret=SECRET, seed=seed) as switch:
        for n in range(agents):
            switch.phone(str(FIRST_PHONE + n), answer_s=0.1)
        centre = await start(judged=False, **settings(switch, agents))
        load = Load(centre, switch, seed, per_s, agents, rows)
        kinds = list(FAULTS) if what == "all" else [what]
        async with centre.watched():
            await load.begin()
            for n in range(kills):
                await faults.random_moment(load.rng, between_s)
                load._raise()
                await load.fault(kinds[n % len(kinds)])
            await faults.random_moment(load.rng, between_s)
            await load.quiet()
        broken, calm, rough = await load.compared()
        broken += await load.reserved()
        diverted = [w for n, w in switch.server.seen if n == "divert" or w.get("exten") == "divert"]
        broken += [f"a caller was turned away: {w}" for w in diverted[:3]]
        load.resting = True
        broken += judged(centre, switch)
        late_ms = round(1000 * max((r["s"] for r in centre.journal if r["ev"] == "late"), default=0))
        return broken, {**switch.world.journal.summary(), "untouched": calm, "touched": rough, "late_ms": late_ms}


def number_of(contact):
    """The number in an id, as records have it."""
    number = 0
    for letter in contact[1:]:
        number = number * 32 + ALPHABET.index(letter)
    return number


def judged(centre, switch):
    """The invariants over the robots' journals. The switch handed the callers in, not a robot: a contact that is none
    of its callers came from nowhere, and one call is one contact. Where
    it shows a caller with an agent whose offer an outage had ended, the switch is right: then the
    journal of the switch must say that this agent had him."""
    recorded = switch_compare.records(centre.state_dir)
    calls = {row["id"]: call for call, rows in recorded.items() for row in rows}
    for contact in {r["contact"] for r in centre.journal if r.get("contact")}:
        call = calls.get(number_of(contact))
        if call in switch.world.journal.accounts:
            centre.note("submit", key=call)
            centre.note("accepted", key=call, contact=contact)
    broken = []
    for name, text in invariants.judge(centre.journal).broken:
        seized = re.match(r"contact (\w+) was connected to r(\d+) without offer None", text)
        if name == "I2e" and seized and number_of(seized[1]) in calls:
            account = switch.account(calls[number_of(seized[1])])
            if f"PJSIP/{FIRST_PHONE + int(seized[2]) - 1}" in account["agents"]:
                continue
        if name not in ("I1", "I3c"):  # held against the switch's journal instead
            broken.append(f"{name}: {text}")
    return broken


def line(counts):
    return " ".join(f"{name}={value}" for name, value in counts.items())


async def _main(options):
    cleaners = []
    start = harness.starter(cleaners)
    failed = True
    try:
        rows = None
        if TRACE.is_file() and not options.made_up:
            rows = play_model.from_trace(TRACE, BUSY_DAY).rows
            print(f"callers: day {BUSY_DAY} of {TRACE.name} at speed {TRACE_SPEED:g}, {AGENTS_OF_TRACE} agents", flush=True)
        broken, counts = await run(
            start, options.kills, options.what, options.seed, options.speaks, options.seconds_between, rows=rows
        )
        for text in broken:
            print(text)
        print(f"faults of calls: what={options.what} seed={options.seed} {line(counts)}")
        figure = {"figure": f"faults calls {options.what}", "value": len(broken), "unit": "broken"}
        print(json.dumps({**figure, "reference": options.kills, "ratio": None, **counts}), flush=True)
        failed = bool(broken)
    finally:
        for clean in cleaners:
            await clean(failed)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=10, help="how many faults")
    parser.add_argument("--what", choices=[*FAULTS, "all"], default="all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds-between", type=float, default=1.0)
    parser.add_argument("--made-up", action="store_true", help="callers at random even if the trace is there")
    parser.add_argument("--speaks", choices=["ami", "line"], default="ami")
    sys.exit(asyncio.run(_main(parser.parse_args())))


if __name__ == "__main__":
    main()
