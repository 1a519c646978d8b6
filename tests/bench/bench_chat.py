#!/usr/bin/python3
"""2,000 chats at once: customers who write and agents who answer, through the real daemon and Redis.

Started by `tools/bench chat`; USHER_CHATS says how many. The robots share the machine with what they measure, so latencies are
upper bounds; the daemon's own share is the CPU time a message. `router` is the answer time of a ping on the
daemon's own socket while all of it goes on: it waits behind nothing but the loop.
"""

import asyncio
import json
import os
import pathlib
import random
import resource
import sys
import time

# Run where it is built, or where it lies.
TOP = pathlib.Path(os.environ["USHER_BUILD"]).parent if "USHER_BUILD" in os.environ else pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "flow"))

import harness  # noqa: E402
from chat_client import Visitor  # noqa: E402
from usher_client import Desktop  # noqa: E402

AGENTS = 40
TALK_S = 30
THINK_S = 10  # between two messages of one customer


def at(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0


def cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Answerer(Desktop):
    """An agent who accepts everything and answers every message."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.on_event, self.answered, self.tasks = self._react, 0, set()

    def _react(self, name, params):
        if name == "offer.created":
            self._do(self.accept(params["offer"]))
        elif name == "chat.message" and params["message"]["from"] == "customer":
            self.answered += 1
            self._do(self.call("chat.message", contact=params["contact"]["id"], id=f"r{params['message']['seq']}", text="Let me see."))

    def _do(self, awaitable):
        async def run():
            try:
                await awaitable
            except Exception:  # a chat that has just ended
                pass

        task = asyncio.get_running_loop().create_task(run())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)


async def probe(centre, times, stop):
    """Pings on the daemon's own socket."""
    wire = await centre.ctl()
    while not stop.is_set():
        began = time.perf_counter()
        await wire.call("session.ping")
        times.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(0.05)


async def talk(visitor, times, until, rng):
    await asyncio.sleep(rng.uniform(0, THINK_S))
    while time.monotonic() < until:
        began = time.perf_counter()
        await visitor.say("Is there anything new about my order of last week?")
        times.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(rng.uniform(0.5, 1.5) * THINK_S)


async def measure(n):
    changes = {
        "http": {"address": "127.0.0.1:0", "tls": False},
        "channels": {"chat": {"cost": 1, "offer_timeout": "10m", "wrapup": "0s", "sla": "30s"}},
        "agents": [{"id": f"b{i}", "name": f"B {i}", "capacity": n // AGENTS + 20} for i in range(AGENTS)],
        "limits": {"connections_per_address": 0, "messages_per_second": 0},
        "chat": {"open_per_address": 0, "messages_per_second": 0, "agent_warn": "0s", "customer_ask": "0s", "away": "1h"},
        "teams": {}, "queues": {"general": {"channels": ["chat"], "limits": {"length": 100000}}}, "default_queue": "general",
    }  # fmt: skip
    centre = harness.Centre(changes, 1)
    centre.settings["queues"] = changes["queues"]
    await centre.start()
    await centre.launch()
    rng, visitors, agents, figures = random.Random(1), [], [], {}
    starts, says, pings, stop = [], [], [], asyncio.Event()
    try:
        for i in range(AGENTS):
            agent = Answerer(centre.ready["desk"], await centre.token("agent", agent=f"b{i}"), ca=centre.ca())
            await agent.start()
            await agent.ready()
            agents.append(agent)
        gate = asyncio.Semaphore(50)

        async def begin():
            async with gate:
                visitor = Visitor(centre.ready["http"])
                began = time.perf_counter()
                await visitor.start(name="Ann", question="Where is my order?")
                starts.append((time.perf_counter() - began) * 1000)
                visitors.append(visitor)

        began = time.monotonic()
        await asyncio.gather(*(begin() for _ in range(n)))
        figures["chats started a second"] = n / (time.monotonic() - began)
        for _ in range(600):
            if all(v.state.get("stage") == "talking" for v in visitors):
                break
            await asyncio.sleep(0.1)
        talking = sum(v.state.get("stage") == "talking" for v in visitors)
        before = cpu_s(centre.process.pid) + cpu_s(centre.redis_pid())
        probing = asyncio.create_task(probe(centre, pings, stop))
        until = time.monotonic() + TALK_S
        began = time.monotonic()
        await asyncio.gather(*(talk(v, says, until, rng) for v in visitors))
        took = time.monotonic() - began
        stop.set()
        await probing
        used = cpu_s(centre.process.pid) + cpu_s(centre.redis_pid()) - before
        answered = sum(a.answered for a in agents)
        lost = sum(1 for v in visitors if v.doubled or v.failure)
        messages = len(says) + sum(len(v.texts("agent")) for v in visitors)
        figures.update({
            "chats at once": talking, "messages a second": messages / took,
            "start, p50 ms": at(starts, 0.5), "start, p99 ms": at(starts, 0.99),
            "acknowledged, p50 ms": at(says, 0.5), "acknowledged, p99 ms": at(says, 0.99),
            "router, p50 ms": at(pings, 0.5), "router, p99 ms": at(pings, 0.99),
            "CPU a message, us (usherd + Redis)": used / max(1, messages) * 1e6,
            "answered by agents": answered, "doubled or broken": lost,
            "usherd, MiB": int(pathlib.Path(f"/proc/{centre.process.pid}/statm").read_text().split()[1]) * 4 / 1024,
        })  # fmt: skip
    finally:
        for visitor in visitors:
            await visitor.stop()
        for agent in agents:
            await agent.stop()
        centre.judged = False
        await centre.finish(False)
    return figures


def main():
    n = int(os.environ.get("USHER_CHATS", "2000"))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * n + 1000), hard))
    for name, value in asyncio.run(measure(n)).items():
        unit = name.rpartition(" ")[2] if name.endswith("ms") else ""
        print(json.dumps({"figure": f"chat: {name}", "value": round(value, 2), "unit": unit}), flush=True)


if __name__ == "__main__":
    main()
