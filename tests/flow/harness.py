"""A centre for one test: real daemon, real Redis, free ports, a directory of its own.

    async def my_test(start):
        centre = await start(speed=10, channels={"chat": {"wrapup": "5s"}})
        ann = await centre.agent("a1")
        contact = await centre.submit("chat")

Everything a centre's robots saw is judged by invariants.py when the test ends. What is started is
stopped by its process id; the directory stays only when the test failed.
"""

import asyncio
import contextlib
import copy
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))

import frames  # noqa: E402
import invariants  # noqa: E402
from free_port import free_port  # noqa: E402
from resp import Resp  # noqa: E402
from robot import Robot  # noqa: E402
from usher_client import Connection  # noqa: E402
from usher_http import Http, HttpBroken  # noqa: E402

BUILD = pathlib.Path(os.environ.get("USHER_BUILD", TOP / "build"))
REDIS = os.environ.get("USHER_FLOW_REDIS", "managed")  # or "cluster": a single-node cluster beside it
SLOW = float(os.environ.get("USHER_FLOW_SLOW", "1"))  # a sanitizer build is so many times slower
LOOK_S = 0.02  # between looks whether this process goes on
LATE_S = 8 * SLOW  # what a busy machine may add to a time that is waited for; no test measures the machine

SETTINGS = {
    "centre": "flow",
    "timezone": "UTC",
    "channels": {
        "voice": {"cost": 100, "offer_timeout": "15s", "wrapup": "0s", "sla": "20s"},
        "chat": {"cost": 50, "offer_timeout": "30s", "wrapup": "0s", "sla": "30s"},
        "task": {"cost": 100, "offer_timeout": "20s", "wrapup": "0s", "sla": "60s"},
        "email": {
            "cost": 25, "offer_timeout": "60s", "wrapup": "0s", "sla": "4h", "interruptible": True, "deferrable": True,
        },
    },
    "tiers": [
        {"name": "bronze", "value": 1},
        {"name": "silver", "value": 3, "from_points": 40},
        {"name": "gold", "value": 8, "from_points": 80, "never_demoted": True},
    ],
    "skills": ["english", "french", "billing"],
    "queues": {
        "general": {"channels": ["voice", "chat", "task", "email"]},
        "billing": {"channels": ["voice", "chat", "task", "email"], "require": {"billing": 1}},
    },
    "default_queue": "general",
    "teams": {"first": {"supervisors": ["s1"]}, "second": {"supervisors": ["s2"]}},
    "agents": [
        {"id": "a1", "name": "Ann", "team": "first", "skills": {"english": 5}},
        {"id": "a2", "name": "Bob", "team": "first", "skills": {"english": 5}},
        {"id": "a3", "name": "Cem", "team": "first", "skills": {"english": 5, "billing": 5}},
    ],
}  # fmt: skip


def settings_with(changes):
    """SETTINGS with top-level members merged (mappings) or replaced (lists and words)."""
    settings = copy.deepcopy(SETTINGS)
    for name, value in changes.items():
        if isinstance(value, dict) and isinstance(settings.get(name), dict):
            for key, inner in value.items():
                old = settings[name].get(key)
                settings[name][key] = {**old, **inner} if isinstance(old, dict) and isinstance(inner, dict) else inner
        else:
            settings[name] = value
    return settings


def alive(pid):
    """Does a process that is no zombie have this id?"""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid):
    """{process id: name} of the children of a process."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, tail = stat.read_text().rpartition(")")
            if int(tail.split()[1]) == pid:
                found[int(head.split()[0])] = head.partition("(")[2]
    return found


class Centre:
    def __init__(self, changes, speed, build=BUILD, environment=None, patience_s=30):
        self.build, self.environment, self.patience_s = build, environment, patience_s
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="usher-flow-"))
        self.dir.chmod(0o755)  # the daemon's own account must pass
        self.state_dir, self.config = self.dir / "state", self.dir / "usher.yaml"
        self.settings, self.speed = settings_with(changes), speed
        self.settings.setdefault("http", "127.0.0.1:0")
        self.settings.setdefault("desk", "127.0.0.1:0")
        self.journal, self.robots, self.wires = [], [], []
        self.process = self.redis = self.http = self._ctl = None
        self.ready, self.judged, self.key = {}, True, None

    # ---- the daemon

    async def start(self):
        if not (self.build / "usherd").is_file():
            raise AssertionError(f"{self.build.name}/usherd is not built; build it first")
        if self.settings.get("redis") == "own" or (REDIS == "cluster" and "redis" not in self.settings):
            await self.start_redis(cluster=REDIS == "cluster")
        self.write_settings()
        return self

    def write_settings(self, **changes):
        """Writes the settings file; JSON is YAML, too."""
        self.settings.update(changes)
        self.config.write_text(json.dumps(self.settings, indent=1) + "\n")

    def disk_fault(self, kind, under):
        """For the next launch; kind: "full" (nothing can be written) or "stall" (nothing comes back). It is so below a
        path of the state directory while the file whose path is returned is there."""
        when, word = self.dir / kind, f"DISK{kind.upper()}"
        self.environment = lambda c: {
            "LD_PRELOAD": str(self.build / "tests" / "flow" / f"libdisk{kind}.so"),
            f"{word}_UNDER": str(c.state_dir / under), f"{word}_WHEN": str(when),
        }  # fmt: skip
        return when

    async def launch(self, expect_ready=True, options=()):
        self.state_dir.mkdir(exist_ok=True)
        arguments = [str(self.build / "usherd"), "--config", str(self.config), "--state", str(self.state_dir)]
        if os.geteuid() == 0:
            arguments += ["--user", "nobody"]  # it refuses to stay root
        if self.speed != 1:
            arguments += ["--speed", str(self.speed)]
        arguments += options
        more = self.environment(self) if self.environment else {}
        with open(self.dir / "log", "ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *arguments, stdout=asyncio.subprocess.PIPE, stderr=log, limit=1 << 20, env={**os.environ, **more}
            )
        self.ready = {}
        if expect_ready:
            await self.became_ready()
        return self

    async def became_ready(self):
        self.ready = await asyncio.wait_for(self._ready(), self.patience_s * SLOW)
        self._ctl = None
        self.http = self.client(self.key)

    async def _ready(self):
        while line := await self.process.stdout.readline():
            if line.startswith(b"{"):
                return json.loads(line)
        code = await self.process.wait()
        raise AssertionError(f"usherd ended with status {code} instead of being ready:\n{self.log_tail()}")

    def log_tail(self, lines=15):
        log = self.dir / "log"
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:]) if log.exists() else ""

    async def start_redis(self, cluster=False, fsync="always", port=None, options=()):
        """A Redis of the test's own beside the daemon, as a production one would be."""
        port = port or free_port()
        folder = self.dir / "redis"
        folder.mkdir(exist_ok=True)
        more = ["--cluster-enabled", "yes", "--cluster-port", str(free_port())] if cluster else []
        with open(self.dir / "redis.log", "ab") as log:
            self.redis = await asyncio.create_subprocess_exec(
                "redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--appendonly", "yes",
                "--appendfsync", fsync, "--save", "", *more, *options, stdout=log, stderr=log,
            )  # fmt: skip
        for _ in range(500):
            with contextlib.suppress(OSError, RuntimeError):
                async with await Resp.open(f"127.0.0.1:{port}") as redis:
                    if not cluster or await self._one_node(redis):
                        break
            await asyncio.sleep(0.02)
        self.settings["redis"] = f"redis://127.0.0.1:{port}"

    async def _one_node(self, redis):
        """Makes it a cluster of one node; True once it calls itself one."""
        info = await redis("CLUSTER", "INFO")
        if "cluster_slots_assigned:0" in info:
            await redis("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        return "cluster_state:ok" in info

    def redis_pid(self):
        if self.redis:
            return self.redis.pid
        return next((pid for pid, name in children(self.process.pid).items() if name.startswith("redis")), None)

    def redis_address(self):
        where = self.settings.get("redis", "managed")
        if where != "managed":
            return where.removeprefix("redis://")
        where = self.ready["redis"]
        return where if where.startswith("unix:") or ":" in where else "unix:" + where

    def note(self, ev, **fields):
        self.journal.append({"t": time.monotonic(), "ev": ev, **fields})

    @contextlib.asynccontextmanager
    async def watched(self):
        """Meanwhile the journal says when this process itself stood still (invariants.py)."""

        async def watch():
            while True:
                began = time.monotonic()
                await asyncio.sleep(LOOK_S)
                late_s = time.monotonic() - began - LOOK_S
                if late_s > LOOK_S / 2:
                    self.note("late", s=late_s)

        task = asyncio.create_task(watch())
        try:
            yield
        finally:
            task.cancel()

    async def kill(self, what="router"):
        """kill -9 of the daemon, or of its Redis."""
        pid = self.process.pid if what == "router" else self.redis_pid()
        self.note("kill", what=what)
        if pid:
            os.kill(pid, signal.SIGKILL)
        if what == "router":
            await self.process.wait()
        elif self.redis and REDIS == "cluster":
            # As the daemon does with its own, and a site's supervisor with a site's.
            await self.redis.wait()
            await self.start_redis(cluster=True, port=int(self.settings["redis"].rpartition(":")[2]))

    async def restart(self):
        await self.stop_daemon()
        await self.launch()

    async def stop_daemon(self):
        """TERM; returns the exit status. The managed Redis must go with it."""
        if self.process is None:
            return 0
        redis = None if self.redis else self.redis_pid()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            code = await asyncio.wait_for(self.process.wait(), 15 * SLOW)
        except asyncio.TimeoutError:
            self.process.kill()
            await self.process.wait()
            raise AssertionError("usherd did not end within 15 s of TERM") from None
        for _ in range(200):
            if redis is None or not alive(redis):
                return code
            await asyncio.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.kill(redis, signal.SIGKILL)
        raise AssertionError("usherd left its redis-server behind")

    async def finish(self, failed):
        """Ends everything; raises when the daemon ended badly or an invariant was broken."""
        trouble = []
        if failed:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._dump(), 5)
        for robot in self.robots:
            with contextlib.suppress(Exception):
                await robot.stop()
            if robot.wire and isinstance(robot.wire.failure, frames.BadFrame):
                trouble.append(f"{robot.name}: {robot.wire.failure}")
        for wire in self.wires:
            try:
                await wire.close()
            except Exception as error:
                trouble.append(str(error))
        if self.http:
            await self.http.close()
        try:
            if self.process and self.process.returncode is None:
                code = await self.stop_daemon()
                if code != 0:
                    trouble.append(f"usherd ended with status {code}:\n{self.log_tail()}")
        except AssertionError as error:
            trouble.append(str(error))
        if self.redis and self.redis.returncode is None:
            self.redis.kill()
            await self.redis.wait()
        log = (self.dir / "log").read_text(errors="replace") if (self.dir / "log").exists() else ""
        for mark in ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer"):
            if mark in log:
                at = log.index(mark)
                trouble.append(log[max(0, at - 200) : at + 3000])
        if self.judged and not failed:
            finals = any(r["ev"] == "final" for r in self.journal)
            trouble += [
                f"{name}: {text}"
                for name, text in invariants.judge(self.journal).broken
                if finals or name not in ("I1", "I3c")
            ]
        if failed or trouble:
            with open(self.dir / "journal", "w", encoding="utf-8") as file:
                file.writelines(json.dumps(r) + "\n" for r in self.journal)
            trouble.append(f"kept: {self.dir}")
            raise AssertionError("\n    ".join(trouble))
        shutil.rmtree(self.dir, ignore_errors=True)

    async def _dump(self):
        """What the daemon thinks, for whoever looks into a failure."""
        listed = await self.admin("contact.list")
        found = {"contacts": listed, "agents": await self.admin("agent.list"), "explained": []}
        for contact in (listed["waiting"] + listed["held"])[:5]:
            found["explained"].append(await self.admin("explain.contact", contact=contact["id"]))
        (self.dir / "state.json").write_text(json.dumps(found, indent=1))

    # ---- who talks to it

    def ca(self):
        """The self-made certificate of the state directory."""
        found = sorted(self.state_dir.glob("**/*cert*.pem")) + sorted(self.state_dir.glob("**/*.crt"))
        return str(found[0]) if found else None

    async def ctl(self):
        """A connection of the administrator's over the daemon's own socket."""
        if self._ctl is None or self._ctl.closed.done():
            self._ctl = await Connection.open(f"unix:{self.state_dir}/usherd.sock", on_frame=frames.validate)
            self.wires.append(self._ctl)
        return self._ctl

    async def admin(self, method, **params):
        return await (await self.ctl()).call(method, **params)

    async def token(self, role, **more):
        if role != "agent":
            more.setdefault("account", role)
        return (await self.admin("token.create", role=role, **more))["tokens"][0]["token"]

    async def agent(self, name, ready=True, **more):
        """A robot at the desk of an agent, logged in and ready."""
        token = await self.token("agent", agent=name)
        robot = self.robot(name, token, **more)
        await robot.start()
        if ready:
            await robot.ready()
            await robot.expect("agent.state_changed", lambda p: p["agent"]["state"] == "ready")
        return robot

    def robot(self, name, token, **more):
        costs = {n: c.get("cost", 100) for n, c in self.settings["channels"].items()}
        robot = Robot(name, self.ready["desk"], token, self.journal, costs, ca=self.ca(), **more)
        self.robots.append(robot)
        return robot

    async def wire(self, on_event=None, **login):
        """A plain connection; with login, logged in."""
        wire = await Connection.open(self.ready["desk"], ca=self.ca(), on_event=on_event, on_frame=frames.validate)
        self.wires.append(wire)
        if login:
            await wire.call("session.login", **login)
        return wire

    async def supervisor(self, account=None, role="supervisor", on_event=None):
        more = {"account": account} if account else {}
        return await self.wire(on_event, token=await self.token(role, **more))

    def client(self, key=None, **more):
        return Http(self.ready["http"], ca=self.ca(), key=key, **more)

    async def intake(self):
        """The HTTP client with an API key, made when it is first needed."""
        if not self.key:
            self.key = (await self.admin("key.create", name="flow", rate=0))["key"]
            self.http.key = self.key
        return self.http

    # ---- contacts

    async def post(self, channel, **more):
        """POST /v1/contacts; returns (status, answer)."""
        http = await self.intake()
        key = f"{more.get('source', '')}/{more['external_id']}" if "external_id" in more else f"#{len(self.journal)}"
        self.note("submit", key=key)
        try:
            status, answer = await http.call("POST", "/v1/contacts", {"channel": channel, **more})
        except HttpBroken:
            self.note("unknown", key=key)
            raise
        if status in (200, 201):
            duplicate = bool(answer.get("duplicate"))
            self.note("accepted", key=key, contact=answer["id"], duplicate=duplicate)
        else:
            self.note("refused", key=key, type=error_type(answer))
        return status, answer

    async def submit(self, channel="chat", **more):
        """A contact that must be accepted; returns its id."""
        status, answer = await self.post(channel, **more)
        if status not in (200, 201):
            raise AssertionError(f"not accepted: {status} {answer}")
        return answer["id"]

    async def get(self, contact):
        http = await self.intake()
        status, answer = await http.call("GET", f"/v1/contacts/{contact}")
        return answer if status == 200 else None

    async def state(self, contact):
        found = await self.get(contact)
        return found and found["state"]

    async def leave(self, contact):
        """The customer gives up; returns the status of DELETE."""
        http = await self.intake()
        self.note("leave", contact=contact)
        status, answer = await http.call("DELETE", f"/v1/contacts/{contact}")
        self.note("left", contact=contact, state=status)
        return status, answer

    async def becomes(self, contact, state, timeout_s=8.0):
        """Waits until the contact is in that state."""
        end = time.monotonic() + timeout_s
        while True:
            seen = await self.state(contact)
            if seen == state:
                return
            if time.monotonic() > end:
                raise AssertionError(f"contact {contact} is {seen}, not {state}, after {timeout_s:g} s")
            await asyncio.sleep(0.03)

    async def waiting(self, queue=None):
        """Ids of waiting contacts in the order in which they would be served."""
        listed = await self.admin("contact.list", most=200, **({"queue": queue} if queue else {}))
        return [c["id"] for c in listed["waiting"]]


def error_type(answer):
    error = answer.get("error", answer) if isinstance(answer, dict) else {}
    return error.get("type") if isinstance(error, dict) else None


def starter(cleaners):
    """What a test gets as `start`."""

    async def start(speed=1, judged=True, launch=True, build=BUILD, environment=None, patience_s=30, **changes):
        centre = Centre(changes, speed, build, environment, patience_s)
        centre.judged = judged
        cleaners.append(centre.finish)
        await centre.start()
        return await centre.launch() if launch else centre

    return start
