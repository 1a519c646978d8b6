"""Client of usherd's chat for customers (docs/chat.md) for asyncio. Standard library only.

    visitor = Visitor("https://127.0.0.1:8443", ca="state/cert.pem")
    await visitor.start(name="Ann", question="Where is my order?")
    await visitor.say("Hello?")
    await visitor.wait_for("chat.message", lambda m: m["from"] == "agent")

A visitor that loses its connection comes back by its token and says again, under the same ids,
what was not acknowledged.
"""

import asyncio
import base64
import contextlib
import json
import os
import secrets
import struct
import urllib.parse

from usher_client import Gone, Refused
from usher_http import tls_context

PROTOCOL = "usher.chat.v1"


class Socket:
    """One WebSocket that carries text messages (RFC 6455), as a client."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, url, path="/chat", protocol=PROTOCOL, ca=None, insecure=False, origin=None):
        parts = urllib.parse.urlsplit(url)
        tls = tls_context(ca, insecure) if parts.scheme in ("https", "wss") else None
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=tls)
        key = base64.b64encode(os.urandom(16)).decode()
        head = [
            f"GET {path} HTTP/1.1", f"Host: {parts.hostname}:{parts.port}", "Upgrade: websocket",
            "Connection: Upgrade", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Protocol: {protocol}",
        ]  # fmt: skip
        if origin:
            head.append(f"Origin: {origin}")
        writer.write(("\r\n".join(head) + "\r\n\r\n").encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in answer.split(b"\r\n", 1)[0] + b" ":
            writer.close()
            raise ConnectionRefusedError(answer.split(b"\r\n", 1)[0].decode())
        return cls(reader, writer)

    def send(self, text, opcode=1):
        data = text.encode() if isinstance(text, str) else text
        head = bytes([0x80 | opcode])
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 65536:
            head += struct.pack("!BH", 0x80 | 126, len(data))
        else:
            head += struct.pack("!BQ", 0x80 | 127, len(data))
        mask = os.urandom(4)
        pad = (mask * (len(data) // 4 + 1))[: len(data)]
        masked = (int.from_bytes(data, "big") ^ int.from_bytes(pad, "big")).to_bytes(len(data), "big")
        self.writer.write(head + mask + masked)

    async def receive(self):
        """The next text message; None when the peer closed. Pings are answered."""
        whole = b""
        while True:
            first, second = await self.reader.readexactly(2)
            n = second & 127
            if n == 126:
                (n,) = struct.unpack("!H", await self.reader.readexactly(2))
            elif n == 127:
                (n,) = struct.unpack("!Q", await self.reader.readexactly(8))
            data = await self.reader.readexactly(n)
            opcode = first & 15
            if opcode == 8:
                return None
            if opcode == 9:
                self.send(data, opcode=10)
            elif opcode in (0, 1):
                whole += data
                if first & 0x80:
                    return whole.decode()

    def close(self):
        with contextlib.suppress(Exception):
            self.writer.close()

    def abort(self):
        self.writer.transport.abort()


class Visitor:
    """A customer. events: [(name, params)] as heard; messages: {seq: message}."""

    def __init__(self, url, ca=None, insecure=False, on_frame=None, reconnect=True, on_event=None):
        self.url, self.ca, self.insecure = url, ca, insecure
        self.on_frame, self.reconnect, self.on_event = on_frame, reconnect, on_event
        self.client_id = secrets.token_urlsafe(24)
        self.chat = self.token = self.contact = None
        self.state, self.messages, self.events = {}, {}, []
        self.doubled = []  # numbers of messages that were shown twice with another text
        self.failure = None
        self._next, self._said = 0, 0
        self._waiting, self._watchers = {}, []
        self._socket = self._task = None
        self._ready = asyncio.Event()

    # ---- the connection

    async def connect(self):
        self._socket = await Socket.open(self.url, ca=self.ca, insecure=self.insecure)
        self._task = asyncio.create_task(self._read(self._socket))
        return self

    async def _read(self, socket):
        try:
            while (text := await socket.receive()) is not None:
                self._take(json.loads(text))
        except (OSError, EOFError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            return
        except Exception as error:
            self.failure = error
        socket.close()
        self._ready.clear()
        for _, answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(Gone("the connection is gone"))
                answer.exception()
        self._waiting.clear()
        if self.reconnect and self.token and self.state.get("stage") != "over" and not self.failure:
            self._task = asyncio.create_task(self._come_back())

    async def _come_back(self):
        wait_s = 0.1
        while self.reconnect:
            with contextlib.suppress(OSError, EOFError, Gone, Refused, asyncio.TimeoutError):
                socket = await Socket.open(self.url, ca=self.ca, insecure=self.insecure)
                self._socket = socket
                reader = asyncio.create_task(self._read(socket))
                self._task = reader
                await self.resume()
                return
            await asyncio.sleep(wait_s)
            wait_s = min(2.0, wait_s * 2)

    def _take(self, frame):
        method, answer = self._waiting.pop(frame.get("id"), (None, None))
        if self.on_frame:
            self.on_frame("<", frame, frame.get("method") or method)
        if "method" in frame:
            self._event(frame["method"], frame["params"])
        elif answer is not None and not answer.done():
            if "error" in frame:
                answer.set_exception(Refused(frame["error"]))
            else:
                if method in ("chat.start", "chat.resume"):
                    self._entered(frame["result"])  # before any event behind it
                answer.set_result(frame["result"])

    def _event(self, name, params):
        self.events.append((name, params))
        if name == "chat.message":
            self._show(params)
        elif name == "chat.state":
            self.state = params
        elif name == "chat.amended" and params["seq"] in self.messages:
            self.messages[params["seq"]]["text"] = params["text"]
        if self.on_event:
            self.on_event(name, params)
        for watcher in list(self._watchers):
            watcher(name, params)

    def _show(self, message):
        seq = message["seq"]
        known = self.messages.get(seq)
        if known is not None and known.get("id") != message.get("id"):
            self.doubled.append(seq)
        self.messages[seq] = message

    def send(self, method, **params):
        answer = asyncio.get_running_loop().create_future()
        self._next += 1
        frame = {"jsonrpc": "2.0", "id": str(self._next), "method": method, "params": params}
        self._waiting[frame["id"]] = (method, answer)
        try:
            self._socket.send(json.dumps(frame))
        except OSError as error:
            answer.set_exception(Gone(str(error)))
        return answer

    async def call(self, method, timeout_s=30.0, **params):
        return await asyncio.wait_for(self.send(method, **params), timeout_s)

    # ---- the chat

    async def start(self, **about):
        if self._socket is None:
            await self.connect()
        return await self.call("chat.start", client_id=self.client_id, **about)

    async def resume(self):
        after = max(self.messages, default=0)
        return await self.call("chat.resume", chat=self.chat, token=self.token, after=after)

    def _entered(self, answer):
        self.chat, self.token, self.state = answer["chat"], answer["token"], answer["state"]
        self.contact = answer["contact"]
        for message in answer["messages"]:
            self._show(message)
        self._ready.set()

    async def say(self, text, message_id=None, patience_s=60.0):
        """Says it until it is acknowledged, over as many connections as it takes; its number."""
        self._said += 1
        message_id = message_id or f"m{self._said}"
        end = asyncio.get_running_loop().time() + patience_s
        while True:
            try:
                await asyncio.wait_for(self._ready.wait(), patience_s)
                return (await self.call("chat.say", id=message_id, text=text))["seq"]
            except Refused as error:
                if error.type not in ("store_away", "rate_limited", "busy"):
                    raise
                await asyncio.sleep(error.data.get("retry_after_ms", 500) / 1000)
            except (Gone, OSError):
                await asyncio.sleep(0.05)
            if asyncio.get_running_loop().time() > end:
                raise asyncio.TimeoutError("not acknowledged")

    async def upload(self, name, data, part=36864):
        """Sends a file in parts; the last part's answer has its message."""
        self._said += 1
        for at in range(0, max(len(data), 1), part):
            chunk = base64.b64encode(data[at : at + part]).decode()
            answer = await self.call(
                "chat.upload", id=f"f{self._said}", name=name, size=len(data), part=at // part, data=chunk
            )
        return answer

    def texts(self, sender=None):
        """What was said, in order."""
        return [
            m.get("text") for _, m in sorted(self.messages.items())
            if m["kind"] == "text" and (sender is None or m["from"] == sender)
        ]  # fmt: skip

    async def wait_for(self, name, where=None, timeout_s=10.0):
        """The params of an event, heard already or next, for which where(params) holds."""
        for seen, params in self.events:
            if seen == name and (where is None or where(params)):
                return params
        found = asyncio.get_running_loop().create_future()

        def watch(seen, params):
            if seen == name and not found.done() and (where is None or where(params)):
                found.set_result(params)

        self._watchers.append(watch)
        try:
            return await asyncio.wait_for(found, timeout_s)
        except asyncio.TimeoutError:
            raise asyncio.TimeoutError(f"no {name} within {timeout_s:g} s; state {self.state}") from None
        finally:
            self._watchers.remove(watch)

    def crash(self):
        """Loses the connection without a word."""
        self._socket.abort()

    async def stop(self):
        self.reconnect = False
        if self._task:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._socket:
            self._socket.close()
        if self.failure:
            raise self.failure
