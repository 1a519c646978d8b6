"""A small HTTP/1.1 client for asyncio: keep-alive, TLS, JSON. Standard library only.

    http = Http("https://127.0.0.1:8443", ca="state/cert.pem", key="id.secret")
    status, answer = await http.call("POST", "/v1/contacts", {"channel": "voice"})
    await http.close()
"""

import asyncio
import json
import ssl
import urllib.parse


class HttpBroken(Exception):
    """No answer came: whether the request took effect is unknown."""


def tls_context(ca=None, insecure=False):
    """ca: a PEM file to trust (a self-made certificate); insecure: no check at all, loopback only."""
    context = ssl.create_default_context(cafile=ca)
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class Http:
    """One origin, several connections kept open between calls."""

    def __init__(self, url, ca=None, key=None, insecure=False, timeout_s=30.0):
        parts = urllib.parse.urlsplit(url)
        self.host, self.tls = parts.hostname, parts.scheme == "https"
        self.port = parts.port or (443 if self.tls else 80)
        self.context = tls_context(ca, insecure) if self.tls else None
        self.key, self.timeout_s = key, timeout_s
        self._idle = []

    async def _connect(self):
        return await asyncio.open_connection(self.host, self.port, ssl=self.context)

    async def call(self, method, path, body=None, headers=None):
        """Returns (status, decoded JSON or text). Raises HttpBroken when no answer came."""
        status, _, text = await self.exchange(method, path, body, headers)
        try:
            return status, json.loads(text) if text else None
        except ValueError:
            return status, text

    async def exchange(self, method, path, body=None, headers=None):
        """Returns (status, {lower-case name: value}, text)."""
        try:
            return await asyncio.wait_for(self._exchange(method, path, body, headers or {}), self.timeout_s)
        except (OSError, EOFError, asyncio.IncompleteReadError, asyncio.TimeoutError) as error:
            raise HttpBroken(f"{method} {path}: {error or type(error).__name__}") from error

    async def _exchange(self, method, path, body, headers):
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}"]
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        reader, writer = await self._take()
        try:
            writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
            await writer.drain()
            status, fields, text = await _read_answer(reader, method)
        except BaseException:
            writer.close()
            raise
        if fields.get("connection", "").lower() == "close":
            writer.close()
        else:
            self._idle.append((reader, writer))
        return status, fields, text

    async def _take(self):
        while self._idle:
            reader, writer = self._idle.pop()
            if not reader.at_eof() and not writer.is_closing():
                return reader, writer
            writer.close()
        return await self._connect()

    async def close(self):
        for _, writer in self._idle:
            writer.close()
        self._idle.clear()


async def _read_answer(reader, method):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split(" ", 2)[1])
    fields = {}
    for line in head[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip().lower()] = value.strip()
    if method == "HEAD" or status in (204, 304):
        return status, fields, ""
    if fields.get("transfer-encoding", "").lower() == "chunked":
        body = b""
        while True:
            size = int((await reader.readline()).split(b";")[0], 16)
            chunk = await reader.readexactly(size + 2)
            if size == 0:
                break
            body += chunk[:-2]
    else:
        body = await reader.readexactly(int(fields.get("content-length", "0")))
    return status, fields, body.decode(errors="surrogateescape")  # bytes that are no text come back by it
