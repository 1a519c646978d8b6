"""Client of usherd's desktop protocol (docs/protocol.md) for asyncio. Standard library only.

One connection, as it is:

    async with await Connection.open("127.0.0.1:7443", ca="state/cert.pem") as wire:
        await wire.call("session.login", token=token)
        await wire.call("queue.list")

A desktop that keeps its heartbeat, comes back after a lost connection and knows what it holds:

    desk = Desktop("127.0.0.1:7443", token, ca=...)
    desk.on_event = lambda name, params: ...
    await desk.start()
    await desk.ready()
    offer = await desk.wait_for("offer.created")
    await desk.call("offer.accept", offer=offer["offer"])
"""

import asyncio
import contextlib
import json
import random

from usher_http import tls_context

LINE_MAX = 262144 + 2  # bytes of one message and its line end
BACKOFF_FIRST_S, BACKOFF_MOST_S = 0.2, 10.0


class Refused(Exception):
    """The server answered with an error: `type` is for programs, str() for people."""

    def __init__(self, error):
        super().__init__(error.get("message", ""))
        self.code = error.get("code")
        self.data = error.get("data") or {}
        self.type = self.data.get("type")


class Gone(Exception):
    """The connection ended before an answer came: whether the request took effect is unknown."""


class Connection:
    """One connection. Events go to on_event(name, params) in order; on_frame(way, frame, method)
    sees every frame ("<" from the server, with the method that a reply answers, ">" to it)."""

    def __init__(self, reader, writer, on_event=None, on_frame=None):
        self._reader, self._writer = reader, writer
        self.on_event, self.on_frame = on_event, on_frame
        self._next, self._waiting = 0, {}
        self.closed = asyncio.get_running_loop().create_future()
        self.heard_at = asyncio.get_running_loop().time()
        self.failure = None  # what on_event or on_frame raised
        self._task = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, address, ca=None, insecure=False, on_event=None, on_frame=None):
        """address: "host:port" over TLS, or "unix:/path" of the daemon's own socket."""
        if address.startswith("unix:"):
            pair = await asyncio.open_unix_connection(address[5:], limit=LINE_MAX)
        else:
            host, _, port = address.rpartition(":")
            pair = await asyncio.open_connection(
                host.strip("[]"), int(port), ssl=tls_context(ca, insecure), limit=LINE_MAX
            )
        return cls(*pair, on_event, on_frame)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def call(self, method, timeout_s=30.0, **params):
        """Sends a request and returns its result. Raises Refused, Gone, or TimeoutError."""
        return await asyncio.wait_for(self.send(method, **params), timeout_s)

    def send(self, method, **params):
        """Sends a request at once; the returned future gets its result."""
        answer = asyncio.get_running_loop().create_future()
        if self.closed.done():
            answer.set_exception(Gone("the connection is closed"))
            return answer
        self._next += 1
        name = str(self._next)
        frame = {"jsonrpc": "2.0", "id": name, "method": method, "params": params}
        self._waiting[name] = (method, answer)
        if self.on_frame:
            self.on_frame(">", frame, method)
        self.write_line(json.dumps(frame))
        return answer

    def write_line(self, text):
        self._writer.write(text.encode() + b"\n")

    async def _read(self):
        reason = "closed by the server"
        try:
            while line := await self._reader.readline():
                self.heard_at = asyncio.get_running_loop().time()
                self._take(json.loads(line))
        except (OSError, ValueError, asyncio.IncompleteReadError) as error:
            reason = str(error) or type(error).__name__
        except asyncio.CancelledError:
            reason = "closed here"
        except Exception as error:  # a fault of on_event or on_frame is kept for close()
            self.failure, reason = error, f"a handler failed: {error}"
        self._writer.close()
        if not self.closed.done():
            self.closed.set_result(reason)
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Gone(reason))
                answer.exception()  # not awaited is fine: the connection is gone
        self._waiting.clear()

    def _take(self, frame):
        method, answer = self._waiting.pop(frame.get("id"), (None, None))
        if self.on_frame:
            self.on_frame("<", frame, frame.get("method") or method)
        if "method" in frame:
            if self.on_event:
                self.on_event(frame["method"], frame.get("params", {}))
        elif answer is not None and not answer.done():
            if "error" in frame:
                answer.set_exception(Refused(frame["error"]))
            else:
                answer.set_result(frame["result"])

    async def close(self):
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        if not self.closed.done():  # cancelled before its first step
            self._writer.close()
            self.closed.set_result("closed here")
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._writer.wait_closed(), 1)
        if self.failure:
            raise self.failure

    def abort(self):
        """Drops the connection as a crash would: nothing is said."""
        self._writer.transport.abort()


class Desktop:
    """An agent's session over as many connections as it takes.

    agent      {"id", "state", ...} as last heard
    offers     open offers by id
    contacts   held contacts by id
    on_event   called with (name, params) after offers and contacts were brought up to date
    on_online  called after each login or resume; on_offline when the connection was lost
    """

    def __init__(self, address, token, ca=None, insecure=False, device=None, reconnect=True, rng=None):
        self.address, self.token, self.ca, self.insecure = address, token, ca, insecure
        self.device, self.reconnect = device, reconnect
        self.rng = rng or random.Random()
        self.on_event = self.on_online = self.on_offline = self.on_frame = None
        self.agent, self.offers, self.contacts = {}, {}, {}
        self.session, self.seq, self.wire = None, 0, None
        self.heartbeat_s, self.replaced, self.resumed = 10.0, False, False
        self.backoff_most_s, self.failure = BACKOFF_MOST_S, None
        self.frozen = False  # says nothing any more, as a machine that stands still does
        self._watchers, self._task, self._snapshot = [], None, None
        self._entering = asyncio.Event()  # clear while a login is under way: requests wait for it
        self._entering.set()

    # ---- life

    async def start(self, timeout_s=20.0):
        """Connects and logs in; afterwards the session keeps itself alive until stop()."""
        await asyncio.wait_for(self._connect(), timeout_s)
        self._task = asyncio.create_task(self._stay())
        self._task.add_done_callback(self._ended)
        return self

    def _ended(self, task):
        """It does not come back by itself any more; call() then says why."""
        if not task.cancelled():
            self.failure = task.exception()

    async def stop(self, logout=False):
        self.reconnect = False  # a cancellation that comes with the end of the connection may go unheard
        if logout and self.online:
            with contextlib.suppress(Refused, Gone, asyncio.TimeoutError):
                await self.call("session.logout", timeout_s=5)
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self.wire:
            await self.wire.close()

    @property
    def online(self):
        return self.wire is not None and not self.wire.closed.done()

    def crash(self):
        """Loses the connection without a word; comes back by itself if reconnect is set."""
        if self.wire:
            self.wire.abort()

    async def _connect(self):
        wire = await Connection.open(self.address, self.ca, self.insecure, self._event, self.on_frame)
        self._snapshot = asyncio.get_running_loop().create_future()
        self._entering.clear()
        try:
            session = await self._enter(wire)
            self.wire, self.session = wire, session["session"]
            self.heartbeat_s = session["heartbeat_ms"] / 1000
            self.token = session.get("token", self.token)
            self.resumed = session["resumed"]
            if not self.resumed:
                await asyncio.wait_for(self._snapshot, 10)
        except BaseException:
            await wire.close()
            raise
        finally:
            self._entering.set()
        if self.on_online:
            self.on_online()

    async def _enter(self, wire):
        if self.session:
            try:
                return await wire.call("session.resume", session=self.session, token=self.token, seq=self.seq)
            except Refused as error:
                if error.type in ("token_expired", "login_failed", "not_permitted"):
                    raise
        more = {"device": self.device} if self.device else {}
        self.seq = 0
        return await wire.call("session.login", token=self.token, client="usher_client 1", **more)

    async def _stay(self):
        while True:
            await self._beat()
            if self.on_offline:
                self.on_offline()
            if self.replaced or not self.reconnect:
                return
            await self._come_back()

    async def _come_back(self):
        """Tries until a login or resume succeeds, ever less often."""
        wait_s = BACKOFF_FIRST_S
        while True:
            await asyncio.sleep(wait_s * self.rng.uniform(0.5, 1.5))
            wait_s = min(self.backoff_most_s, wait_s * 2)
            try:
                return await self._connect()
            except (OSError, Gone, asyncio.TimeoutError, EOFError):
                continue
            except Refused as error:
                if error.type not in ("busy", "rate_limited", "store_away"):
                    raise

    async def _beat(self):
        """Sends the heartbeat until the connection is lost."""
        wire, now = self.wire, asyncio.get_running_loop().time
        while not wire.closed.done():
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(asyncio.shield(wire.closed), self.heartbeat_s / 2)
                break
            if self.frozen:
                continue
            if now() - wire.heard_at > 2 * self.heartbeat_s:
                wire.abort()
                break
            ping = wire.send("session.ping", **({"seq": self.seq} if self.seq else {}))
            ping.add_done_callback(lambda f: f.cancelled() or f.exception())
        await wire.closed

    # ---- what is heard

    def _event(self, name, params):
        self.seq = params.get("seq", self.seq)
        if name in ("session.ready", "session.reset"):
            self.agent = params.get("agent", {})
            self.offers = {o["offer"]: o for o in params.get("offers", [])}
            self.contacts = {c["id"]: c for c in params.get("contacts", [])}
            if self._snapshot and not self._snapshot.done():
                self._snapshot.set_result(params)
        elif name == "session.replaced":
            self.replaced = True
        elif name == "offer.created":
            self.offers[params["offer"]] = params
        elif name.startswith("offer."):
            self.offers.pop(params["offer"], None)
        elif name == "contact.updated":
            # It may be one that is only offered, and not ours yet.
            contact = params["contact"]
            if contact["id"] in self.contacts:
                self.contacts[contact["id"]].update(contact)
            for offer in self.offers.values():
                if offer["contact"]["id"] == contact["id"]:
                    offer["contact"].update(contact)
        elif name in ("contact.connected", "contact.wrapup", "contact.parked", "contact.resumed"):
            contact = params["contact"]
            self.contacts[contact["id"]] = {**self.contacts.get(contact["id"], {}), **contact}
        elif name.startswith("contact."):
            self.contacts.pop(params["contact"]["id"], None)
        elif name.startswith("agent."):
            self.agent = params.get("agent", self.agent)
        if self.on_event:
            self.on_event(name, params)
        for watcher in list(self._watchers):
            watcher(name, params)

    async def wait_for(self, name, where=None, timeout_s=10.0):
        """The params of the next event of that name for which where(params) holds."""
        found = asyncio.get_running_loop().create_future()

        def watch(seen, params):
            if seen == name and not found.done() and (where is None or where(params)):
                found.set_result(params)

        self._watchers.append(watch)
        try:
            return await asyncio.wait_for(found, timeout_s)
        except asyncio.TimeoutError:
            raise asyncio.TimeoutError(f"no {name} within {timeout_s:g} s") from None
        finally:
            self._watchers.remove(watch)

    # ---- what is asked

    async def call(self, method, timeout_s=30.0, **params):
        await asyncio.wait_for(self._entering.wait(), timeout_s)
        if self.failure:
            raise self.failure
        if self.wire is None:
            raise Gone("not connected")
        return await self.wire.call(method, timeout_s, **params)

    async def ready(self):
        return await self.call("agent.set_state", state="ready")

    async def not_ready(self, reason=None, after_current=None):
        more = {"reason": reason, "after_current": after_current}
        return await self.call("agent.set_state", state="not_ready", **{k: v for k, v in more.items() if v is not None})

    async def accept(self, offer):
        return await self.call("offer.accept", offer=offer)

    async def reject(self, offer, reason=None):
        return await self.call("offer.reject", offer=offer, **({"reason": reason} if reason else {}))

    async def complete(self, contact, **outcome):
        return await self.call("contact.complete", contact=contact, **outcome)
