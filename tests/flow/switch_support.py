"""The simulated switch inside a flow test: same event loop, free port, its own journal.

    async with Switch(secret="s") as switch:
        switch.phone("1001")                       # answers after 3 s of play
        call = switch.arrive(number="+442071234567", patience_s=60, talk_s=30)
        ... usherd connects to switch.address ...
        await switch.until(lambda: switch.account(call)["outcome"] == "ended")
        switch.cut(); await switch.restart(); switch.fault(silent=True)

What the switch thinks of its callers is in account() and accounts(); compare() holds it against
what usher recorded.
"""

import asyncio
import json
import os
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))

import switch_people  # noqa: E402
from free_port import free_port  # noqa: E402
from switch_ami import Ami  # noqa: E402
from switch_control import Control  # noqa: E402
from switch_dialplan import BUILTIN, Plan  # noqa: E402
from switch_line import Line, proof  # noqa: E402
from switch_world import World  # noqa: E402

SLOW = float(os.environ.get("USHER_FLOW_SLOW", "1"))  # as harness.py has it
QUIET = ("Newexten", "VarSet", "RTCPSent", "RTCPReceived")  # what the shipped manager.conf filters


class Switch:
    def __init__(self, *, user="usher", secret="", speed=1.0, seed=1, dialplan=None, system="", speaks="ami", tls=None, **ami):
        text = pathlib.Path(dialplan).read_text(encoding="utf-8") if dialplan else BUILTIN
        self.world = World(plan=Plan(text), speed=speed, seed=seed, system=system)
        self.ami = self.line = None
        if speaks == "line":
            self.line = Line(self.world, secret=secret, tls=tls)
        else:
            self.ami = Ami(self.world, user=user, secret=secret, filtered=QUIET, tls=tls, **ami)
        self.server = self.ami or self.line
        self.control = Control(self.world, self.ami, self.line)
        self.address, self.secret = None, secret

    async def __aenter__(self):
        await self.listen()
        return self

    async def __aexit__(self, *_):
        await self.close()
        if _[0] is None and self.world.plan.problems:
            raise AssertionError(f"the switch had problems: {self.world.plan.problems}")

    async def listen(self):
        self.address = await self.server.listen(port=free_port())  # it comes back there
        return self.address

    async def close(self):
        await self.server.close()
        for task in list(self.world.tasks):
            task.cancel()
        await asyncio.sleep(0)

    # ---- people

    def phone(self, number, **more):
        self.control.do_phone(number, **more)
        return self.world.phones[str(number)]

    def phones(self, first, last, **more):
        for number in range(first, last + 1):
            self.phone(str(number), **more)

    def arrive(self, **more):
        """A caller; returns the id of his call."""
        return self.control.do_arrive(**more)["call"]

    def leave(self, call):
        return self.control.do_leave(call)

    def outside(self, **more):
        self.control.do_outside(**more)

    # ---- what goes wrong

    def cut(self):
        return self.control.do_cut()

    def fault(self, **changes):
        self.control.do_fault(**changes)

    async def restart(self, **more):
        await self.control.do_restart(**more)

    async def away(self, seconds):
        await self.control.do_away(seconds)

    # ---- looking

    def account(self, call):
        return self.control.do_account(call)["account"]

    def accounts(self):
        return self.world.journal.all()

    def actions(self, name):
        """The headers of all actions of a name that clients sent."""
        return self.control.do_actions(name)["actions"]

    async def until(self, holds, what="", seconds=20):
        """Waits for a condition; fails with what it waited for."""
        end = time.monotonic() + seconds * SLOW
        while not holds():
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds} s: {what or holds}; {self.world.journal.summary()}")
            await asyncio.sleep(0.01)

    async def linked(self, links=1):
        """Until so many clients are logged in and were told that the switch is ready."""
        await self.until(lambda: sum(s.booted if self.ami else s.up for s in self.server.sessions) >= links, f"{links} link(s)")


class AmiClient:
    """A small client of the Manager Interface, for tests of the switch itself; keeps every byte."""

    def __init__(self):
        self.bytes, self.messages, self.more = b"", [], asyncio.Event()
        self.reader = self.writer = self.task = None
        self.closed = False

    @classmethod
    async def open(cls, address, login=True, secret="", **more):
        self = cls()
        host, _, port = address.rpartition(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        self.task = asyncio.ensure_future(self._read())
        if login:
            answer = await self.ask("Login", Username="usher", Secret=secret, **more)
            if answer["Response"] != "Success":
                raise AssertionError(answer)
        return self

    async def _read(self):
        rest = b""
        try:
            while data := await self.reader.read(65536):
                self.bytes += data
                rest += data
                if not self.messages and rest.startswith(b"Asterisk Call Manager"):
                    end = rest.find(b"\r\n")
                    if end < 0:
                        continue
                    self.messages.append([("greeting", rest[:end].decode())])
                    rest = rest[end + 2 :]
                while (end := rest.find(b"\r\n\r\n")) >= 0:
                    block, rest = rest[:end], rest[end + 4 :]
                    pairs = [line.partition(b": ")[::2] for line in block.split(b"\r\n")]
                    self.messages.append([(k.decode(), v.decode("utf-8", "surrogateescape")) for k, v in pairs])
                self.more.set()
        except ConnectionError:
            pass
        self.closed = True
        self.more.set()

    def send(self, action, **headers):
        lines = [f"Action: {action}", *(f"{k}: {v}" for k, v in headers.items())]
        self.writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape"))

    async def ask(self, action, **headers):
        """Sends an action; its response as a mapping."""
        ident = headers.pop("ActionID", f"t{len(self.messages)}-{id(headers)}")
        self.send(action, ActionID=ident, **headers)
        return await self.expect(lambda m: m.get("Response") and m.get("ActionID") == ident, action)

    async def expect(self, holds, what="", seconds=10, since=0):
        end = time.monotonic() + seconds
        seen = since
        while True:
            while seen < len(self.messages):
                message = dict(self.messages[seen])
                seen += 1
                if holds(message):
                    return message
            if self.closed or time.monotonic() > end:
                raise AssertionError(f"no {what}; the last: {[dict(m) for m in self.messages[-3:]]}")
            self.more.clear()
            try:
                await asyncio.wait_for(self.more.wait(), 0.2)
            except asyncio.TimeoutError:
                continue

    async def event(self, name, seconds=10, **headers):
        return await self.expect(
            lambda m: m.get("Event") == name and all(m.get(k) == str(v) for k, v in headers.items()),
            f"event {name} {headers}", seconds,
        )  # fmt: skip

    def events(self, *names):
        return [dict(m) for m in self.messages if dict(m).get("Event") in names]

    async def close(self):
        self.writer.close()
        self.task.cancel()


class LineClient:
    """A small client of the line protocol, for tests; keeps every byte and every message."""

    def __init__(self, check=None):
        self.bytes, self.messages, self.more, self.closed, self.seq = b"", [], asyncio.Event(), False, 0
        self.check = check  # called with each message and its side

    @classmethod
    async def open(cls, address, secret="", check=None, **tls):
        self = cls(check)
        host, _, port = address.rpartition(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port), **tls)
        self.task = asyncio.ensure_future(self._read())
        hello = await self.expect("hello")
        login = {"is": "login", "user": "usher"}
        if secret:
            nonce = "00" * 16
            login.update(nonce=nonce, proof=proof(secret, "usher", hello["nonce"], nonce))
        self._write(login)
        await self.expect("up")
        return self

    async def _read(self):
        try:
            while line := await self.reader.readline():
                self.bytes += line
                if line.endswith(b"\n"):
                    message = json.loads(line)
                    if self.check:
                        self.check(message, "from_switch")
                    self.messages.append(message)
                    self.more.set()
        finally:
            self.closed = True
            self.more.set()

    def _write(self, message):
        if self.check:
            self.check(message, "from_usher")
        self.writer.write(json.dumps(message).encode() + b"\n")

    def order(self, is_, **more):
        self.seq += 1
        self._write({"is": is_, "seq": self.seq, "action": more.pop("action", f"o{self.seq}"), **more})

    async def expect(self, is_, seconds=10, since=0, **members):
        end = time.monotonic() + seconds
        while True:
            for message in self.messages[since:]:
                if message["is"] == is_ and all(message.get(k) == v for k, v in members.items()):
                    return message
            if self.closed or time.monotonic() > end:
                if self.task.done() and self.task.exception():
                    raise self.task.exception()
                raise AssertionError(f"no {is_} {members}; the last: {self.messages[-3:]}")
            self.more.clear()
            try:
                await asyncio.wait_for(self.more.wait(), 0.2)
            except asyncio.TimeoutError:
                continue

    async def close(self):
        self.writer.close()
        self.task.cancel()


__all__ = ["AmiClient", "LineClient", "Switch", "switch_people"]
