#!/usr/bin/python3
"""The directory of customers: an import of a million, look-ups under load, and what a slow CRM or a
stalled database costs routing. One JSON line a figure.

    bench_memory.py [--customers N] [--rate N] [--seconds N]

Routing latency is the time from the submission to the offer at an idle agent's desktop, of the same
robots on the same daemon: alone, then with a CRM that takes 2 s, then with the database's write lock
held by another program, then with a disk under it that does not come back.
"""

import argparse
import asyncio
import contextlib
import json
import os
import pathlib
import random
import sqlite3
import statistics
import sys
import time

BUILD = pathlib.Path(os.environ.get("USHER_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
TOP = BUILD.parent
sys.path.insert(0, str(TOP / "tests" / "flow"))

import harness  # noqa: E402
from usher_http import tls_context  # noqa: E402

AGENTS = 8
WIRES = 16  # of the intake; each may have 64 requests without an answer
ROUNDS = 3


def figure(name, value, unit, reference=None, ratio=None, **more):
    line = {"figure": name, "value": value, "unit": unit, "reference": reference, "ratio": ratio, **more}
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in line.items()}), flush=True)


def memory_mib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def settings(**more):
    return {
        "redis_fsync": "everysec", "log_level": "warn",
        "limits": {"connections_per_address": 0, "messages_per_second": 0},
        "channels": {"task": {"cost": 100, "offer_timeout": "60s", "wrapup": "0s", "sla": "60s"}},
        "queues": {"general": {"channels": ["task"], "reserve": 0, "affinity": "0s", "limits": {"length": 10000000}}},
        "keep_finished": "5s",
        "agents": [{"id": f"b{n}", "skills": {}} for n in range(1, AGENTS + 1)],
        **more,
    }  # fmt: skip


def write_table(path, n):
    chance = random.Random(1999)
    with open(path, "w", encoding="ascii") as file:
        file.write("account,name,email,phone,revenue,since\n")
        for i in range(n):
            file.write(
                f"A{i},Customer {i},c{i}@example.com,+4477{i:08d},{chance.randrange(9000)},20{chance.randrange(10, 25)}-04-01\n"
            )


class Daemon:
    def hanging(self, centre):
        """The disk under the database hangs while a file is there (tests/flow/diskstall.c)."""
        self.hangs = centre.dir / "hangs"
        library = BUILD / "tests" / "flow" / "libdiskstall.so"
        under = str(centre.state_dir / "history.db")
        return {"LD_PRELOAD": str(library), "DISKSTALL_UNDER": under, "DISKSTALL_WHEN": str(self.hangs)}

    async def __aenter__(self):
        self.cleaners, self.failed = [], True
        self.centre = await harness.starter(self.cleaners)(
            judged=False, patience_s=120, environment=self.hanging, **settings()
        )
        self.key = (await self.centre.admin("key.create", name="bench", rate=0))["key"]
        return self

    async def __aexit__(self, kind, *_):
        for clean in self.cleaners:
            await clean(kind is not None)

    async def restart(self, **changes):
        self.centre.write_settings(**changes)
        await self.centre.admin("config.reload")

    async def intake(self):
        return await self.centre.wire(key=self.key)


async def imported(daemon, n):
    table = daemon.centre.dir / "customers.csv"
    write_table(table, n)
    pid = daemon.centre.process.pid
    before, began = memory_mib(pid), time.monotonic()
    child = await asyncio.create_subprocess_exec(
        str(BUILD / "usherctl"), "--state", str(daemon.centre.state_dir), "customer", "import", str(table), "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    most = before
    reading = asyncio.create_task(child.communicate())
    while not reading.done():
        most = max(most, memory_mib(pid))
        await asyncio.wait([reading], timeout=0.5)
    out = json.loads(reading.result()[0])
    took = time.monotonic() - began
    if out["created"] != n or out["bad"]:
        raise RuntimeError(f"the import went wrong: {out}")
    size = sum(f.stat().st_size for f in daemon.centre.state_dir.glob("history.db*"))
    figure("import", n / took, "customers/s", customers=n, seconds=took)
    figure("import memory", most, "MiB of usherd at most", before, most / before, database_mib=size / 2**20)


class Pump:
    """A connection that hands contacts in at the least cost of its own: the two processors are the daemon's."""

    def __init__(self, reader, writer):
        self.reader, self.writer, self.waiting, self.refused, self.n = reader, writer, 0, 0, 0
        self.reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, daemon):
        host, _, port = daemon.centre.ready["desk"].rpartition(":")
        context = tls_context(daemon.centre.ca(), False)
        self = cls(*await asyncio.open_connection(host, int(port), ssl=context))
        self.send("session.login", {"key": daemon.key})
        while self.waiting > 0:
            await asyncio.sleep(0.01)
        return self

    def send(self, method, params):
        self.n += 1
        self.waiting += 1
        frame = {"jsonrpc": "2.0", "id": str(self.n), "method": method, "params": params}
        self.writer.write(json.dumps(frame).encode() + b"\n")

    async def _read(self):
        while line := await self.reader.readline():
            if b'"method"' not in line:
                self.waiting -= 1
                self.refused += b'"error"' in line

    def close(self):
        self.reading.cancel()
        self.writer.close()


async def arrivals(daemon, n, rate, seconds):
    """So many contacts a second of known and new customers; what status says of the look-ups."""
    pumps = [await Pump.open(daemon) for _ in range(WIRES)]
    chance, sent = random.Random(7), 0
    before = await daemon.centre.admin("history.status")
    used = cpu_s(daemon.centre.process.pid)
    began = time.monotonic()
    while (now := time.monotonic() - began) < seconds:
        while sent < now * rate and (pump := min(pumps, key=lambda p: p.waiting)).waiting < 60:
            sent += 1
            new = chance.random() < 0.1
            who = {"phone": f"+4478{chance.randrange(10**8):08d}"} if new else {"id": f"A{chance.randrange(n)}"}
            pump.send("contact.create", {"channel": "task", "customer": who})
        await asyncio.sleep(0.002)
    while any(p.waiting > 0 for p in pumps):
        await asyncio.sleep(0.002)
    took = time.monotonic() - began
    used = cpu_s(daemon.centre.process.pid) - used
    status = await daemon.centre.admin("customer.status")
    after = await daemon.centre.admin("history.status")
    if refused := sum(p.refused for p in pumps):
        raise RuntimeError(f"{refused} contacts were refused")
    for pump in pumps:
        pump.close()
    for share in ("p50", "p99"):
        figure(f"lookup {share}", status[f"lookup_{share}_us"], "us from question to answer", contacts_s=sent / took,
               asked=status["asked"], late=status["late"], usherd_cpus=used / took,
               recorded_s=(after["events"] - before["events"]) / took, history_lag_ms=after["lag_ms"])  # fmt: skip


def cpu_s(pid):
    """CPU time of a process so far, of all its threads."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def dispatch(daemon, n, lives, phones=False):
    """Times from submission to the offer at an idle agent's desktop, in us."""
    agents = [await daemon.centre.agent(f"b{i}", validate=False) for i in range(1, AGENTS + 1)]
    intake = await daemon.intake()
    chance, times = random.Random(3), []
    for i in range(lives):
        who = {"phone": f"+4479{chance.randrange(10**8):08d}"} if phones else {"id": f"A{chance.randrange(n)}"}
        began = time.perf_counter()
        created = asyncio.ensure_future(intake.call("contact.create", channel="task", customer=who))
        waiting = [asyncio.ensure_future(a.expect("offer.created", timeout_s=30)) for a in agents]
        done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        times.append((time.perf_counter() - began) * 1e6)
        agent = agents[waiting.index(next(iter(done)))]
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await created
        offer = next(iter(done)).result()
        await agent.accept(offer["offer"])
        await agent.expect("contact.connected")
        await agent.finish(offer["contact"]["id"])
    for agent in agents:
        await agent.stop()
    daemon.centre.robots.clear()
    await intake.close()
    return times


async def slow_crm():
    async def serve(reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(2)
                body = b'{"attributes": {"revenue": 100}}'
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def measure(options):
    async with Daemon() as daemon:
        await imported(daemon, options.customers)
        crm = await slow_crm()
        url = f"http://127.0.0.1:{crm.sockets[0].getsockname()[1]}/?{{kind}}={{value}}"
        plugin = {"name": "http_directory", "url": url, "timeout": "5s"}
        times = {"alone": [], "slow CRM": [], "held database": [], "hanging disk": []}
        cases = [c for c in times if c != "slow CRM" or (BUILD / "plugins" / "http_directory.so").exists()]
        for n in range(ROUNDS):
            for case in cases if n % 2 == 0 else reversed(cases):
                await daemon.restart(plugins=[plugin] if case == "slow CRM" else [])
                held = sqlite3.connect(daemon.centre.state_dir / "history.db", isolation_level=None, timeout=30)
                if case == "held database":
                    held.execute("BEGIN IMMEDIATE")
                if case == "hanging disk":
                    daemon.hangs.touch()
                times[case] += await dispatch(daemon, options.customers, options.lives)
                daemon.hangs.unlink(missing_ok=True)
                held.close()
        crm.close()
        for case in cases[1:]:
            report(case, times[case], times["alone"])
        await daemon.restart(plugins=[])
        await arrivals(daemon, options.customers, options.rate, options.seconds)


def report(name, times, alone):
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        mine, other = percentile(times, share), percentile(alone, share)
        figure(f"offer {label}, {name}", mine, "us to the offer", other, mine / other, spread=statistics.pstdev(alone))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1000000)
    parser.add_argument("--rate", type=int, default=1000, help="contacts a second")
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--lives", type=int, default=400, help="offers timed in each case")
    asyncio.run(measure(parser.parse_args()))


if __name__ == "__main__":
    main()
