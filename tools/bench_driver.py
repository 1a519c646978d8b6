"""Runs the benchmark programs and prints their figures; started by tools/bench, which builds them.

Every figure that is a ratio has both its sides measured in the same round on the same machine; the
order alternates from round to round, and medians are taken.
"""

import argparse
import asyncio
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "tests" / "flow"))

import harness  # noqa: E402
from resp import Resp  # noqa: E402

PROGRAMS = harness.BUILD / "tests" / "bench"
AGENTS = 50
TOKENS_AT_ONCE = 1000
CONNECTED = 10000  # agents, of whom AGENTS work
OF_OTHERS = {"bench_lifecycle"}  # run by a group below; any other bench_NAME is the group NAME
GROUP_OF = {"bench_match": "decide"}


def program(name):
    return PROGRAMS / name


def run_program(name, *arguments):
    """The JSON lines that a program prints."""
    done = subprocess.run([program(name), *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{name} ended with status {done.returncode}: {done.stderr.strip()[-500:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


class Figures:
    def __init__(self):
        self.lines = []

    def add(self, figure, value, unit, reference=None, ratio=None, **more):
        """Prints a figure at once and keeps it for the table."""
        line = {"figure": figure, "value": value, "unit": unit, "reference": reference, "ratio": ratio, **more}
        line = {name: round(x, 4) if isinstance(x, float) else x for name, x in line.items()}
        self.lines.append(line)
        print(json.dumps(line), flush=True)

    def table(self):
        print()
        print(f"{'figure':<28} {'value':>12} {'unit':<22} {'reference':>12} {'ratio':>8}  goal")
        for line in self.lines:
            shown = [line["value"], line["reference"], line["ratio"]]
            value, reference, ratio = ("-" if x is None else f"{x:,.4g}" if x < 1000 else f"{x:,.0f}" for x in shown)
            print(
                f"{line['figure']:<28} {value:>12} {line['unit']:<22} {reference:>12} {ratio:>8}  {line.get('goal', '')}"
            )
        print(machine())


def machine():
    names = {line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")}
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return f"measured on {os.cpu_count()} cores ({', '.join(sorted(names))}), {pages >> 30} GiB"


def settings(fsync, agents=AGENTS):
    return {
        "redis_fsync": fsync,
        "desk": {"address": "127.0.0.1:0", "tls": False},
        "limits": {"connections_per_address": 0, "messages_per_second": 0},
        "log_level": "warn",
        "channels": {"task": {"cost": 100, "offer_timeout": "60s", "wrapup": "0s", "sla": "60s"}},
        "queues": {"general": {"channels": ["task"], "reserve": 0, "limits": {"length": 10000000}}},
        "keep_finished": "10s",
        "agents": [{"id": f"b{n}", "skills": {}} for n in range(1, agents + 1)],
    }


async def life(fsync, *arguments, agents=AGENTS, waiting=0, rewrites=True, wait_s=120):
    """One run of bench_lifecycle against a daemon of its own. With `waiting` so many contacts more wait all the time;
    the run begins when what their coming set off is over: the history has them, Redis has rewritten its log. Without
    `rewrites` it rewrites none, and so never forks: until each of its pages was written once behind a fork, that costs
    a fault."""
    cleaners = []
    start = harness.starter(cleaners)
    failed = True
    try:
        centre = await start(judged=False, **settings(fsync, agents))
        if not rewrites:
            async with await Resp.open(centre.redis_address()) as redis:
                await redis("CONFIG", "SET", "auto-aof-rewrite-percentage", 0)
        tokens = []
        for first in range(1, agents + 1, TOKENS_AT_ONCE):
            wanted = {"agent": "b%d", "from": first, "count": min(TOKENS_AT_ONCE, agents + 1 - first)}
            tokens += (await centre.admin("token.create", role="agent", **wanted))["tokens"]
        key = (await centre.admin("key.create", name="bench", rate=0))["key"]
        with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
            file.writelines(t["token"] + "\n" for t in tokens)
            file.flush()
            command = [
                program("bench_lifecycle"), "--desk", centre.ready["desk"], "--key", key, "--tokens", file.name,
                "--router", centre.process.pid, "--redis", centre.redis_pid(), *arguments,
            ]  # fmt: skip
            hold = centre.dir / "hold"
            if waiting:
                hold.touch()
                command += ["--waiting", waiting, "--hold", hold]
            child = await asyncio.create_subprocess_exec(
                *map(str, command), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            ended = asyncio.create_task(child.communicate())
            if waiting:
                await settled(centre, waiting, ended, wait_s)
                hold.unlink()
            out, err = await asyncio.wait_for(ended, wait_s)
        if child.returncode != 0:
            raise RuntimeError(f"{err.decode().strip()}\n{centre.log_tail()}")
        seen = json.loads(out)
        seen["history_cpu_us"], seen["history_late_s"] = await written(centre)
        failed = False
        return seen
    finally:
        for clean in cleaners:
            await clean(failed)


async def settled(centre, waiting, ended, wait_s):
    """Waits until so many wait, the history has read of them, and Redis rewrites no log."""
    end = time.monotonic() + wait_s
    async with await Resp.open(centre.redis_address()) as redis:
        while not ended.done() and time.monotonic() < end:
            counts = (await centre.admin("server.status"))["counts"]
            lag_ms = (await centre.admin("history.status"))["lag_ms"]
            rewrites = "aof_rewrite_in_progress:1" in str(await redis("INFO", "persistence"))
            if counts["waiting"] >= waiting and lag_ms == 0 and not rewrites:
                return
            await asyncio.sleep(0.5)
    if not ended.done():
        raise RuntimeError(f"{waiting:,} contacts did not come to rest within {wait_s} s\n{centre.log_tail()}")


ENTRIES_A_LIFE = 3  # of the event stream: created and offered, connected, completed


async def written(centre):
    """Waits until the history has all of it: CPU of the threads beside the router's a life (us), and the seconds."""
    began, total_s, status = time.monotonic(), 0, {"lag_ms": 1}
    while status["lag_ms"] > 0 and time.monotonic() - began < 60:
        await asyncio.sleep(0.1)
        status = await centre.admin("history.status")
    took_s = time.monotonic() - began
    for task in pathlib.Path(f"/proc/{centre.process.pid}/task").iterdir():
        if int(task.name) != centre.process.pid:
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            total_s += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total_s * 1e6 * ENTRIES_A_LIFE / max(1, status["entries"]), took_s


class PrivateRedis:
    """A Redis on a Unix socket in a directory of its own, for the ceilings."""

    def __init__(self, fsync):
        self.fsync = fsync

    def __enter__(self):
        self.dir = tempfile.TemporaryDirectory(prefix="usher-bench-")
        self.socket = f"{self.dir.name}/redis.sock"
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.dir.name, "--save", "",
             "--appendonly", "no" if self.fsync == "none" else "yes",
             "--appendfsync", "everysec" if self.fsync == "none" else self.fsync],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        for _ in range(500):
            if pathlib.Path(self.socket).exists():
                return self
            try:
                self.process.wait(0.02)
            except subprocess.TimeoutExpired:
                continue
            break
        raise RuntimeError("redis-server did not start")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)
        self.dir.cleanup()


def ceiling_store(fsync):
    """S: lives a second of three checked steps, nothing around them."""
    if not program("ceiling_store").is_file():
        return None
    with PrivateRedis(fsync) as redis:
        return run_program("ceiling_store", redis.socket, AGENTS)[0]["value"]


def raw_dispatch():
    with PrivateRedis("everysec") as redis:
        return run_program("ceiling_dispatch", redis.socket, 200, 4)[0]


def median(rounds, name):
    return statistics.median(r[name] for r in rounds)


def group_life(figures, rounds):
    measured = {"life": [], "known": [], "paced": [], "raw": [], "X": [], "S": []}
    parts = [
        ("X", lambda: run_program("ceiling_socket", 3)[0]["value"]),
        ("S", lambda: ceiling_store("everysec")),
        ("life", lambda: asyncio.run(life("everysec", "--depth", AGENTS, "--seconds", 5))),
        ("known", lambda: asyncio.run(life("everysec", "--depth", AGENTS, "--seconds", 5, "--customers", 1000000))),
        ("paced", lambda: asyncio.run(life("everysec", "--rate", 200, "--seconds", 5))),
        ("raw", raw_dispatch),
    ]
    for n in range(rounds):
        for name, measure in parts if n % 2 == 0 else reversed(parts):
            measured[name].append(measure())
    lives = median(measured["life"], "lives_s")
    x = statistics.median(measured["X"])
    figures.add("X", x, "exchanges/s")
    if measured["S"][0] is not None:
        s = statistics.median(measured["S"])
        f = 1 / (1 / s + 3 / x)
        figures.add("S", s, "lives/s")
        figures.add("P1", lives, "lives/s", f, lives / f, goal=">= 0.5, aim 0.75")
    else:
        figures.add("P1", lives, "lives/s", goal="no store ceiling is built")
    cpu = median(measured["life"], "router_cpu_us") + median(measured["life"], "redis_cpu_us")
    figures.add(
        "P7", cpu, "us of CPU a life", 160, cpu / 160, goal="<= 1, aim 0.63",
        router=median(measured["life"], "router_cpu_us"), redis=median(measured["life"], "redis_cpu_us"),
        history_meanwhile=median(measured["life"], "beside_cpu_us"),
    )  # fmt: skip
    behind_s, known = median(measured["life"], "history_late_s"), median(measured["known"], "lives_s")
    figures.add("history of it", median(measured["life"], "history_cpu_us"), "us of CPU a life", behind_s=behind_s)
    figures.add("P1, each a new customer", known, "lives/s", lives, known / lives)
    for share, bound in (("p50", "<= 1.5, aim 1"), ("p99", "<= 2, aim 1")):
        mine, raw = median(measured["paced"], f"dispatch_{share}_us"), median(measured["raw"], f"{share}_us")
        figures.add(f"P11 {share}", mine, "us to the offer", raw, mine / raw, goal=bound)
    figures.add("P17", lives, "lives/s", 4000, lives / 4000, goal=">= 1, aim 2")


def group_scale(figures, rounds):
    """What a backlog of a million, ten thousand desktops, and half of the highest rate change of a life."""
    loop = ("--depth", AGENTS, "--seconds", 5)
    measured = {"thousand": [], "million": [], "forked": [], "few": [], "many": [], "half": []}
    for n in range(rounds):
        few = asyncio.run(life("everysec", *loop))
        measured["few"].append(few)
        parts = [
            ("thousand", lambda: life("everysec", *loop, waiting=1000, rewrites=False)),
            ("million", lambda: life("everysec", *loop, waiting=1000000, rewrites=False, wait_s=900)),
            ("forked", lambda: life("everysec", *loop, waiting=1000000, wait_s=900)),
            ("many", lambda: life("everysec", *loop, "--active", AGENTS, agents=CONNECTED, wait_s=300)),
            ("half", lambda few=few: life("everysec", "--rate", int(few["lives_s"] / 2), "--seconds", 5)),
        ]
        for name, measure in parts if n % 2 == 0 else reversed(parts):
            measured[name].append(asyncio.run(measure()))
    thousand, million, forked = (median(measured[name], "lives_s") for name in ("thousand", "million", "forked"))
    figures.add("P10", million, "lives/s, 1M wait", thousand, million / thousand, goal=">= 0.7, aim 0.9")
    figures.add("P10 behind a fork", forked, "lives/s, 1M wait", thousand, forked / thousand)
    p50, p99 = median(measured["half"], "dispatch_p50_us"), median(measured["half"], "dispatch_p99_us")
    figures.add("P12", p99, "us p99 at half rate", p50, p99 / p50, goal="<= 10, aim 5")
    few, many = (
        median(measured[name], "router_cpu_us") + median(measured[name], "redis_cpu_us") for name in ("few", "many")
    )
    figures.add("P16", many, f"us a life, {CONNECTED:,} agents", few, many / few, goal="<= 1.4, aim 1.2")


def group_voice(figures):
    """Calls by a simulated switch: how soon a freed agent has the next one, and what events cost."""
    done = subprocess.run(
        [sys.executable, TOP / "tests" / "flow" / "voice_bench.py"], stdout=subprocess.PIPE, text=True, check=True
    )
    for line in map(json.loads, done.stdout.splitlines()):
        figures.add(**line)


def groups():
    """Programs that print finished figures, by the group that they are."""
    found = sorted(p.name for p in PROGRAMS.glob("bench_*") if p.is_file() and p.name not in OF_OTHERS)
    return {GROUP_OF.get(name, name.removeprefix("bench_")): name for name in found}


PEERS = {  # the goals of each: how many times as fast usher's whole life is to be
    "BullMQ": ("P4 beside BullMQ", ">= 1.3, aim 2"),
    "PostgreSQL": ("P5 beside PostgreSQL", ">= 3, aim 5"),
    "beanstalkd": ("P6 beside beanstalkd", ">= 0.4, aim 0.7"),
}


def peers(figures, rounds):
    """The systems that others would take, where they are installed; empty queues, closed loop."""
    measured, lives = {}, []
    for _ in range(rounds):
        lives.append(asyncio.run(life("everysec", "--depth", AGENTS, "--seconds", 4))["lives_s"])
        done = subprocess.run(
            [sys.executable, TOP / "tests" / "bench" / "peers.py", "4"], stdout=subprocess.PIPE, text=True, check=True
        )
        for line in map(json.loads, done.stdout.splitlines()):
            measured.setdefault(line["peer"], []).append(line["value"])
    mine = statistics.median(lives)
    for name, values in measured.items():
        figure, goal = PEERS[name]
        other = statistics.median(values)
        figures.add(figure, mine, "lives/s", other, mine / other, goal=goal)


def main():
    parser = argparse.ArgumentParser(description="benchmarks")
    known = groups()
    parser.add_argument("groups", nargs="*", help=f"life, scale, voice, {', '.join(known)}; all if none is named")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args()
    unknown = set(options.groups) - {"life", "scale", "voice", *known}
    if unknown:
        parser.error(f"no group {', '.join(unknown)}")
    figures = Figures()
    for group in options.groups or ["life", "scale", "voice", *known]:
        if group == "life":
            group_life(figures, options.rounds)
        elif group == "scale":
            group_scale(figures, options.rounds)
        elif group == "voice":
            group_voice(figures)
        else:
            for line in run_program(known[group]):
                figures.add(**line)
    if options.peers:
        peers(figures, options.rounds)
    figures.table()


if __name__ == "__main__":
    main()
