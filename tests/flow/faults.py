"""Faults under load: kill -9 of usherd and of Redis, a store that stands still, at random moments.

Robots play customers and agents and write journals; invariants.py judges them. Used by the flow
tests, and by itself (tools/bench faults N):

    faults.py --kills 50 [--what router|store|freeze|all] [--seed 7] [--seconds-between 1.0]
"""

import argparse
import asyncio
import collections
import contextlib
import json
import os
import random
import signal
import sys
import time

import harness
import invariants
from resp import Resp
from usher_client import Gone, Refused
from usher_http import HttpBroken

AGENTS = 12
SETTINGS = {
    "limits": {"connections_per_address": 0},  # all robots come from one
    "promise": "fair",  # first come, first served within a class: what I5 can be held against
    "channels": {"task": {"cost": 100, "offer_timeout": "1500ms", "wrapup": "0s", "sla": "10s"}},
    "queues": {"general": {"channels": ["task", "chat", "email", "voice"], "reserve": 0, "affinity": "0s"}},
    "agents": [{"id": f"r{n}", "skills": {}} for n in range(1, AGENTS + 1)],
}


class Customer:
    """Hands one contact in, again and again until it is answered; maybe leaves before it is served."""

    def __init__(self, load, number):
        self.load, self.key = load, f"k{number}"
        self.contact, self.leaves_after_s, self.settled = None, None, False
        if load.rng.random() < 0.12:
            self.leaves_after_s = load.rng.uniform(0.05, 1.5)

    async def live(self):
        await self._submit()
        if self.contact and self.leaves_after_s is not None:
            await asyncio.sleep(self.leaves_after_s)
            await self._leave()
        self.settled = True

    async def _submit(self):
        note, http = self.load.centre.note, self.load.http
        # Who may leave is of no lane: a contact that left is not passed over.
        note("submit", key=self.key, lane="general" if self.leaves_after_s is None else None)
        body = {"channel": "task", "source": "faults", "external_id": self.key}
        while True:
            try:
                status, answer = await http.call("POST", "/v1/contacts", body)
            except HttpBroken:
                note("unknown", key=self.key)
            else:
                if status in (200, 201):
                    self.contact = answer["id"]
                    note("accepted", key=self.key, contact=self.contact, duplicate=bool(answer.get("duplicate")))
                    return
                note("refused", key=self.key, type=harness.error_type(answer))
                if status < 500:
                    raise AssertionError(f"{self.key}: {status} {answer}")
            await asyncio.sleep(self.load.rng.uniform(0.05, 0.3))

    async def _leave(self):
        note = self.load.centre.note
        note("leave", contact=self.contact)
        while True:
            with contextlib.suppress(HttpBroken):
                status, _ = await self.load.http.call("DELETE", f"/v1/contacts/{self.contact}")
                if status < 500:
                    note("left", contact=self.contact, state=status)
                    return
            await asyncio.sleep(0.2)


class Worker:
    """What an agent robot does with what it hears."""

    def __init__(self, load, robot):
        self.load, self.robot = load, robot
        robot.act, robot.worker = self.hear, self
        robot.backoff_most_s = 1.0  # the next kill is not far
        robot.on_online = self.back

    def hear(self, name, params):
        if name == "offer.created":
            self.load.spawn(self.answer(params["offer"]))
        elif name == "contact.connected":
            self.load.spawn(self.handle(params["contact"]["id"]))
        elif name in ("session.ready", "session.reset"):
            for offer in params.get("offers", []):
                self.load.spawn(self.answer(offer["offer"]))
            for contact in params.get("contacts", []):
                self.load.spawn(self.handle(contact["id"]))
        if name in ("session.ready", "session.reset", "agent.state_changed"):
            state = self.robot.agent.get("state")
            if state in ("not_responding", "not_ready") and not self.load.resting:
                self.load.spawn(self.set_ready())

    def back(self):
        """After a resume that replayed: what was asked and not answered is asked again."""
        if self.robot.resumed:
            for offer in list(self.robot.offers):
                self.load.spawn(self.answer(offer))
            for contact in list(self.robot.contacts):
                self.load.spawn(self.handle(contact))

    async def set_ready(self):
        await asyncio.sleep(self.load.rng.uniform(0.01, 0.1))
        await self.ask(self.robot.ready())

    async def answer(self, offer):
        rng = self.load.rng
        await asyncio.sleep(rng.uniform(0, 0.03))
        kind = rng.random()
        if kind < 0.05:
            await self.ask(self.robot.reject(offer))
        elif kind < 0.07:  # too late, on purpose
            await asyncio.sleep(2.0)
            await self.ask(self.robot.accept(offer))
        else:
            await self.ask(self.robot.accept(offer))

    async def handle(self, contact):
        await asyncio.sleep(self.load.rng.uniform(0.01, 0.15))
        while contact in self.robot.contacts and self.robot not in self.load.keep:
            if await self.ask(self.robot.complete(contact)):
                return
            await asyncio.sleep(0.2)

    async def ask(self, call):
        """True when the server gave an answer, whichever."""
        try:
            await call
        except Refused as refused:
            return refused.type not in ("store_away", "busy", "rate_limited")
        except (Gone, asyncio.TimeoutError):
            return False
        return True


class Load:
    def __init__(self, centre, seed, per_s=40.0):
        self.centre, self.rng, self.per_s = centre, random.Random(seed), per_s
        self.http, self.tasks, self.customers = None, set(), []
        self.resting, self.stopped, self.keep = False, False, []

    def spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            self.failure = task.exception()
            self.stopped = True

    failure = None

    async def begin(self):
        self.http = await self.centre.intake()
        tokens = (await self.centre.admin("token.create", role="agent", agent="r%d", count=AGENTS))["tokens"]
        self.robots = [self.centre.robot(t["agent"], t["token"], validate=False) for t in tokens]
        for robot in self.robots:
            Worker(self, robot)
            await robot.start()
        self.source = asyncio.create_task(self._arrive())

    async def _arrive(self):
        while not self.stopped:
            await asyncio.sleep(self.rng.expovariate(self.per_s))
            customer = Customer(self, len(self.customers))
            self.customers.append(customer)
            self.spawn(customer.live())

    async def rest(self, few=25):
        """Everything stands still with some work in each place, so that it can be counted."""
        self.stopped = True
        await self.source
        while any(c.contact is None or not c.settled for c in self.customers):
            self._raise()
            await asyncio.sleep(0.05)
        await self._until_live(0)
        self.resting = True
        for robot in self.robots:
            await self._insist(lambda robot=robot: robot.not_ready(after_current=True))
        await self._until_live(0, held_only=True)
        for number in range(few):
            customer = Customer(self, f"rest{number}")
            customer.leaves_after_s = None
            self.customers.append(customer)
            await customer.live()
        self.keep = self.robots[:3]  # these hold one contact each while all is counted
        for robot in self.keep:
            await self._insist(robot.ready)
        await asyncio.sleep(0.5)

    def wake(self):
        self.resting, self.keep = False, []
        for robot in self.robots:
            self.spawn(self._insist(robot.ready))
            for contact in list(robot.contacts):
                self.spawn(robot.worker.handle(contact))

    async def _insist(self, call):
        last = None
        for _ in range(300):
            try:
                return await call()
            except (Gone, Refused, asyncio.TimeoutError) as error:
                last = error
            await asyncio.sleep(0.1)
        raise AssertionError(f"an agent could not be reached any more: {last!r}")

    def _raise(self):
        if self.failure:
            raise self.failure

    async def _until_live(self, most, held_only=False, limit_s=60.0):
        """Waits until no more contacts than that live (or are held)."""
        end = time.monotonic() + limit_s * harness.SLOW
        while time.monotonic() < end:
            self._raise()
            with contextlib.suppress(Refused, Gone, OSError):
                counts = (await self.centre.admin("server.status"))["counts"]
                if (counts["live"] - (counts["waiting"] if held_only else 0)) <= most:
                    return
            await asyncio.sleep(0.1)

    async def end(self):
        """No more customers; waits until all contacts are served, then asks after each."""
        await self._until_live(0)
        for contact in sorted({c.contact for c in self.customers if c.contact}):
            self.centre.note("final", contact=contact, state=await self.centre.state(contact))
        self.resting = True


def random_moment(rng, between_s):
    return asyncio.sleep(rng.uniform(0.2, 1.8) * between_s)


async def kill_router(load):
    await load.centre.kill("router")
    await load.centre.launch()
    load.http = await load.centre.intake()


async def kill_store(load):
    await load.centre.kill("store")
    if load.centre.redis:  # ours to restart
        await load.centre.redis.wait()
        await load.centre.start_redis()


async def freeze_store(load, for_s=1.5):
    """The store stands still: nothing may be said that it has not confirmed."""
    pid = load.centre.redis_pid()
    os.kill(pid, signal.SIGSTOP)
    load.centre.note("freeze", what="store")
    try:
        await asyncio.sleep(for_s)
    finally:
        load.centre.note("thaw", what="store")
        os.kill(pid, signal.SIGCONT)


FAULTS = {"router": kill_router, "store": kill_store, "freeze": freeze_store}


async def recount(centre):
    """I11 and I12: what the store holds and what the counters say, against a recount. Quiet moments only."""
    listed = await centre.admin("contact.list", most=200)
    places = collections.defaultdict(list)
    for contact in listed["waiting"]:
        places[contact["id"]].append("waiting")
    for contact in listed["held"]:
        places[contact["id"]].append(f"held by {contact.get('agent')}")
    for contact, found in places.items():
        centre.note("place", contact=contact, places=found)
    counts = (await centre.admin("server.status"))["counts"]
    waiting = collections.Counter(c["queue"] for c in listed["waiting"])
    for queue in (await centre.admin("queue.list"))["queues"]:
        centre.note("count", name=f"waiting in {queue['name']}", said=queue["waiting"], counted=waiting[queue["name"]])
    centre.note("count", name="waiting", said=counts["waiting"], counted=len(listed["waiting"]))
    centre.note("count", name="live", said=counts["live"], counted=len(places))
    for agent in (await centre.admin("agent.list"))["agents"]:
        held = [c for c in listed["held"] if c.get("agent") == agent["id"]]
        cost = sum(centre.settings["channels"][c["channel"]]["cost"] for c in held if c["state"] != "parked")
        centre.note("count", name=f"load of {agent['id']}", said=agent["load"], counted=cost)
    stored = await stored_contacts(centre)
    for contact, found in stored.items():
        centre.note("place", contact=contact, places=found)
    live = {c for c, found in stored.items() if not all(place.startswith("finished") for place in found)}
    centre.note("count", name="contacts that live in the store", said=sorted(live), counted=sorted(places))


async def stored_contacts(centre):
    """{contact: [places]} as it stands in Redis (docs/redis.md): one that waits is in the sorted set
    of its class, one that an agent holds in `held` with 0, a finished one there with its removal."""
    prefix = f"usher:{{{centre.settings['centre']}}}:"
    async with await Resp.open(centre.redis_address()) as redis:
        keys = await redis.keys(prefix + "*")
        stored = {key[len(prefix) + 2 :]: [] for key in keys if key.startswith(prefix + "c:")}
        for key in keys:
            if key.startswith(prefix + "q:") or key == prefix + "held":
                found = await redis("ZRANGE", key, 0, -1, "WITHSCORES")
                for contact, score in zip(found[::2], found[1::2]):
                    name = key[len(prefix) :] if key != prefix + "held" or float(score) == 0 else "finished"
                    stored.setdefault(contact, ["no record"]).append(name)
    return stored


async def run(centre, kills, what, seed, between_s=1.0, per_s=40.0):
    """The whole run; returns the verdict. The centre's journal holds it all. per_s: customers a second."""
    load = Load(centre, seed, per_s)
    async with centre.watched():
        await load.begin()
        kinds = ["router", "store", "freeze"] if what == "all" else [what]
        for n in range(kills):
            await random_moment(load.rng, between_s)
            if load.failure:
                raise load.failure
            await FAULTS[kinds[n % len(kinds)]](load)
        await random_moment(load.rng, between_s)
        await load.rest()
        await recount(centre)
        load.wake()
        await load.end()
        await recount(centre)
    return invariants.judge(centre.journal)


def settings():
    """Ports that stay over a restart: desktops come back to where they were."""
    return {**SETTINGS, "http": f"127.0.0.1:{harness.free_port()}", "desk": f"127.0.0.1:{harness.free_port()}"}


async def _main(options):
    cleaners = []
    start = harness.starter(cleaners)
    failed = True
    try:
        centre = await start(judged=False, **settings())
        verdict = await run(centre, options.kills, options.what, options.seed, options.seconds_between)
        for invariant, text in verdict.broken:
            print(f"{invariant}: {text}")
        print(f"faults: what={options.what} seed={options.seed} {verdict.line()}")
        figure = {"figure": f"faults {options.what}", "value": len(verdict.broken), "unit": "invariants broken"}
        print(json.dumps({**figure, "reference": options.kills, "ratio": None, **verdict.counts}), flush=True)
        failed = bool(verdict.broken)
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
    sys.exit(asyncio.run(_main(parser.parse_args())))


if __name__ == "__main__":
    main()
