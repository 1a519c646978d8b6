"""What calls cost, measured on the running daemon with a simulated switch; started by tools/bench voice.

  connect N   an agent is freed by his caller's hanging up: from that event on the wire to the Redirect of
              the next caller on the wire, commits to Redis included, with N callers waiting
  events      events of the switch that one core of usherd takes a second
"""

import asyncio
import json
import os
import statistics
import time

import harness
from switch_support import Switch

SECRET = "a secret between the two"
AGENTS, TALK_S, FREED = 5, 0.05, 300
WAITING = (10, 100, 1000)
EVENTS = 60000


def settings(switch):
    return {
        "redis_fsync": "everysec", "log_level": "warn",
        "desk": "127.0.0.1:0",
        "limits": {"connections_per_address": 0, "messages_per_second": 0},
        "channels": {"voice": {"cost": 100, "offer_timeout": "60s", "wrapup": "0s", "sla": "60s"}},
        "queues": {"general": {"channels": ["voice"], "reserve": 0, "limits": {"length": 100000}}},
        "switches": {"pbx": {"plugin": "asterisk", "address": [switch.address], "secret": SECRET}},
        "calls": {"lag": "10m"},
        "agents": [{"id": f"b{n}", "skills": {}, "device": f"PJSIP/{1000 + n}"} for n in range(1, AGENTS + 1)],
    }  # fmt: skip


class Watch:
    """Pairs each end of a telephone's call with the next order to ring that telephone."""

    def __init__(self, switch):
        self.switch, self.freed, self.took_ms = switch, {}, []
        switch.world.listeners.append(self.event)
        switch.ami.heard = self.action

    def event(self, event):
        said = dict(event.headers)
        if event.name == "Hangup" and said["Channel"].startswith("PJSIP/1"):
            self.freed[said["Channel"].rpartition("-")[0].rpartition("/")[2]] = time.perf_counter()

    def action(self, name, words):
        if name == "Redirect" and words.get("context") == "usher-agent":
            since = self.freed.pop(words["exten"], None)
            if since is not None:
                self.took_ms.append(1000 * (time.perf_counter() - since))


async def connect(start, waiting):
    """Milliseconds from an agent's being freed to the next caller's Redirect."""
    async with Switch(secret=SECRET) as switch:
        for n in range(1, AGENTS + 1):
            switch.phone(str(1000 + n), answer_s=0.001)
        centre = await start(judged=False, **settings(switch))
        await switch.linked()
        watch = Watch(switch)
        for n in range(waiting + FREED):
            switch.arrive(number=f"+4420{n:07d}", patience_s=3600, talk_s=TALK_S)
            if n % 50 == 0:
                await asyncio.sleep(0.01)
        while (await centre.admin("server.status"))["counts"]["waiting"] < waiting + FREED:
            await asyncio.sleep(0.05)
        tokens = (await centre.admin("token.create", role="agent", agent="b%d", count=AGENTS))["tokens"]
        for token in tokens:
            robot = centre.robot(token["agent"], token["token"], validate=False)
            await robot.start()
            await robot.ready()
        await switch.until(lambda: len(watch.took_ms) >= FREED - AGENTS, "all freed", 300)
        return sorted(watch.took_ms)


def cpu_s(pid):
    words = open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


async def events(start):
    """Events a second of usherd's own CPU time: whole lives of callers who wait and leave, and what a
    switch says beside them."""
    async with Switch(secret=SECRET) as switch:
        centre = await start(judged=False, **settings(switch))
        await switch.linked()
        call = switch.arrive(number="1", patience_s=3600)
        await switch.until(lambda: switch.account(call)["waits"] == 1)
        channel = switch.world.channels[call]
        before, told = cpu_s(centre.process.pid), 0
        while told < EVENTS:
            for _ in range(100):
                switch.world.tell("NewConnectedLine", "call", channel)
                switch.world.tell("Hold", "call", channel, MusicClass="default")
                switch.world.tell("Unhold", "call", channel)
                told += 3
            while any(s.transport.get_write_buffer_size() > 1 << 20 for s in switch.ami.sessions):
                await asyncio.sleep(0.001)
            await asyncio.sleep(0)
        while True:
            [link] = (await centre.admin("cti.status"))["switches"][0]["links"]
            if link["events"] >= told:
                break
            await asyncio.sleep(0.02)
        return told / max(1e-3, cpu_s(centre.process.pid) - before)


def share(values, part):
    return values[min(len(values) - 1, int(part * len(values)))]


async def main():
    cleaners, failed = [], True
    start = harness.starter(cleaners)
    try:
        for waiting in WAITING:
            took = await connect(start, waiting)
            for name, value in (("p50", statistics.median(took)), ("p99", share(took, 0.99))):
                print(json.dumps({
                    "figure": f"voice connect {name}, {waiting} waiting", "value": round(value, 3), "unit": "ms",
                    "reference": 5, "ratio": round(value / 5, 3), "goal": "<= 5 ms (app_queue: 550)",
                }), flush=True)  # fmt: skip
        value = await events(start)
        print(json.dumps({"figure": "voice events", "value": round(value), "unit": "events/s a core", "reference": None,
                          "ratio": None}), flush=True)  # fmt: skip
        failed = False
    finally:
        for clean in cleaners:
            await clean(failed)


if __name__ == "__main__":
    asyncio.run(main())
