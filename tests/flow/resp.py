"""Just enough of the Redis protocol to look into a store from outside."""

import asyncio


class Resp:
    @classmethod
    async def open(cls, where):
        """where: "unix:/path" or "host:port"."""
        self = cls()
        if where.startswith("unix:"):
            self.reader, self.writer = await asyncio.open_unix_connection(where[5:])
        else:
            host, _, port = where.rpartition(":")
            self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.writer.close()

    async def __call__(self, *words):
        data = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self.writer.write(b"*%d\r\n" % len(data) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in data))
        return await self._value()

    async def _value(self):
        line = (await self.reader.readuntil(b"\r\n"))[:-2]
        kind, rest = line[:1], line[1:]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if int(rest) < 0:
            return None
        if kind == b"$":
            return (await self.reader.readexactly(int(rest) + 2))[:-2].decode("utf-8", "replace")
        return [await self._value() for _ in range(int(rest))]

    async def keys(self, pattern="*"):
        cursor, found = "0", set()
        while True:
            cursor, some = await self("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
            found.update(some)
            if cursor == "0":
                return sorted(found)
