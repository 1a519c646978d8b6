"""SMTP servers for tests: one that behaves (aiosmtpd), and a sink that can be told to misbehave.

    sink = await Sink.start(["greylist", "ok"])      # what it does to each message, in turn; the last one stays
    ...
    sink.taken                                       # [{"from", "to", "data", "message_id"}]
    await sink.stop()

What it can do: ok, refuse_mail (MAIL 550), refuse_rcpt (RCPT 550), refuse_some (second recipient 550), greylist
(RCPT 451), refuse_data (554 after the message), later_data (451 after the message), drop_connect, drop_data (takes the
message, hangs up before an answer), drop_mid (hangs up within the message), hang_connect (never greets), hang_data (takes
the message, never answers), busy (421 as greeting), garbage (no SMTP at all), endless (a greeting without end), drip (a byte now and then, for ever),
chatter (lines of a greeting, for ever), chatter_data (takes the message, then lines of an answer, for ever).
"""

import asyncio
import contextlib
import re
import ssl

from harness import free_port

LINE_MAX = 4096


class Sink:
    def __init__(self, script):
        self.script, self.taken, self.seen, self.sessions = list(script), [], [], 0
        self.begun = []  # messages that came whole, whatever was said to them
        self.server, self.port, self.raw = None, 0, []
        self.writers = set()
        self.hook = None  # called with "whole" when a message has come, with "said" when 250 has been written

    @classmethod
    async def start(cls, script=("ok",), port=0, chunking=False):
        sink = cls(script)
        sink.chunking = chunking
        sink.server = await asyncio.start_server(sink._serve, "127.0.0.1", port, limit=1 << 22)
        sink.port = sink.server.sockets[0].getsockname()[1]
        return sink

    async def stop(self):
        self.server.close()
        for writer in list(self.writers):
            writer.transport.abort()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self.server.wait_closed(), 2)

    def _next(self):
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    async def _serve(self, reader, writer):
        self.sessions += 1
        self.writers.add(writer)
        try:
            await self._session(reader, writer, self._next())
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.writers.discard(writer)
            with contextlib.suppress(Exception):
                writer.close()

    async def _session(self, reader, writer, act):
        async def say(text):
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        self.seen.append(act)
        if act == "drop_connect":
            return
        if act == "hang_connect":
            await reader.read(1 << 16)
            return
        if act == "busy":
            await say("421 4.3.2 come back later")
            return
        if act == "garbage":
            writer.write(b"\x00\xff" * 2000)
            await writer.drain()
            return
        async def talk(words):
            while True:
                writer.write(words)
                await writer.drain()
                await asyncio.sleep(0.2)

        if act in ("drip", "chatter"):
            await talk(b"2" if act == "drip" else b"220-still here\r\n")
        if act == "endless":
            for _ in range(2000):
                await say("220-" + "x" * 500)
                await asyncio.sleep(0)
            return
        await say("220 sink.test ESMTP")
        sender, to = None, []
        while line := await reader.readline():
            self.raw.append(line)
            verb = line.decode("latin-1").strip()
            if verb.upper().startswith("EHLO"):
                await say("250-sink.test\r\n250-PIPELINING\r\n" + "250-CHUNKING\r\n" * self.chunking + "250 ENHANCEDSTATUSCODES")
                chunks = b""
            elif verb.upper().startswith("MAIL FROM:"):
                sender, to = re.search(r"<(.*)>", verb)[1], []
                await say("550 5.7.1 not from you" if act == "refuse_mail" else "250 2.1.0 sender fine")
            elif verb.upper().startswith("RCPT TO:"):
                if act == "refuse_rcpt" or (act == "refuse_some" and to):
                    await say("550 5.1.1 nobody of that name")
                elif act == "greylist":
                    await say("451 4.7.1 greylisted, try again")
                else:
                    to.append(re.search(r"<(.*)>", verb)[1])
                    await say("250 2.1.5 recipient fine")
            elif verb.upper() == "DATA" or verb.upper().startswith("BDAT "):
                if verb.upper() != "DATA":
                    chunks += await reader.readexactly(int(verb.split()[1]))
                    if act == "drop_mid":
                        return
                if not to:
                    await say("503 5.5.1 no recipients")
                    continue
                if verb.upper() != "DATA" and not verb.upper().endswith("LAST"):
                    await say("250 2.0.0 more")
                    continue
                if verb.upper() == "DATA":
                    await say("354 go ahead")
                    if act == "drop_mid":
                        await reader.readline()
                        return
                data = chunks if verb.upper() != "DATA" else await self._data(reader)
                self.begun.append(data)
                if self.hook:
                    await self.hook("whole")
                if act == "drop_data":
                    return
                if act == "chatter_data":
                    await talk(b"250-still here\r\n")
                if act == "hang_data":
                    await reader.read(1 << 16)
                    return
                if act in ("refuse_data", "later_data"):
                    await say("554 5.6.0 not this" if act == "refuse_data" else "451 4.3.0 disk full")
                    continue
                found = re.search(rb"^message-id:\s*(<[^>]*>)", data, re.I | re.M)
                self.taken.append({
                    "from": sender, "to": to, "data": data, "message_id": found[1].decode() if found else None,
                })  # fmt: skip
                await say("250 2.0.0 taken as 1")
                if self.hook:
                    await self.hook("said")
            elif verb.upper() == "QUIT":
                await say("221 2.0.0 bye")
                return
            elif verb.upper() == "RSET":
                await say("250 2.0.0 reset")
            else:
                await say("502 5.5.2 what?")

    async def _data(self, reader):
        lines = []
        while (line := await reader.readline()) != b".\r\n":
            if not line:
                raise ConnectionError
            lines.append(line)
        return b"".join(lines)


def self_signed(folder, name):
    """A certificate for a name; returns (certificate, key) as paths."""
    import subprocess

    cert, key = folder / f"{name}.crt", folder / f"{name}.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
         "-keyout", key, "-out", cert, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


class Mta:
    """A server that behaves: aiosmtpd, with STARTTLS and AUTH when given a certificate and an account."""

    def __init__(self, cert=None, key=None, account=None):
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import AuthResult

        self.taken, context = [], None
        outer = self

        class Handler:
            async def handle_DATA(self, server, session, envelope):
                outer.taken.append({
                    "from": envelope.mail_from, "to": envelope.rcpt_tos, "data": envelope.content,
                    "tls": session.ssl["cipher"][1] if session.ssl else None, "user": session.auth_data,
                })  # fmt: skip
                return "250 2.0.0 taken"

        def authenticate(server, session, envelope, mechanism, data):
            fine = (data.login.decode(), data.password.decode()) == account
            return AuthResult(success=fine, auth_data=data.login.decode() if fine else None)

        more = {}
        if cert:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(cert, key)
            more = {"tls_context": context, "require_starttls": True}
        if account:
            more |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": True}
        self.controller = Controller(Handler(), hostname="127.0.0.1", port=free_port(), **more)

    def start(self):
        self.controller.start()
        self.port = self.controller.port
        return self

    def stop(self):
        self.controller.stop()
