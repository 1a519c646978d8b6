"""Plays recordings of a switch's bytes as the switch would send them: one file a connection.

Each file's bytes go out in pieces of a size or of random sizes. Where a recorded answer belongs to an
action (login, lists), the client's own ActionID takes the place of the recorded one, and the answer
waits until the client has asked; what nobody asks for within WAIT_S is sent as it is. So a live client
sees the recording, and can make use of its lists.
"""

import asyncio
import pathlib
import random
import re
import socket

WAIT_S = 0.3
# Which action an answer is to, by what it says.
ANSWERS = (
    ("login", b"Authentication accepted"), ("corestatus", b"CoreStartupDate:"), ("coresettings", b"AMIversion:"),
    ("coreshowchannels", b"Channels will follow"), ("bridgelist", b"Bridge listing will follow"),
    ("status", b"Channel status will follow"), ("ping", b"Ping: Pong"),
)  # fmt: skip


def parts(data):
    """[(bytes, action or None, recorded ActionID)]: the greeting, then message by message."""
    greeting, mark, rest = data.partition(b"\r\n")
    found = [(greeting + mark, None, None)]
    for block in re.findall(rb".*?\r\n\r\n|.+\Z", rest, re.S):
        said = re.search(rb"^ActionID: (.*?)\r$", block, re.M | re.I)
        action = None
        if block.startswith(b"Response:"):
            action = next((name for name, text in ANSWERS if text in block), None)
        found.append((block, action, said[1] if said else None))
    return found


class Player:
    def __init__(self, files, chunk="65536", seed=1):
        self.files, self.rng = [pathlib.Path(f) for f in files], random.Random(seed)
        self.chunk = None if chunk == "random" else int(chunk)
        self.next, self.server, self.done = 0, None, asyncio.Event()
        self.sessions = set()

    async def listen(self, host="127.0.0.1", port=0):
        self.server = await asyncio.start_server(self.client, host, port, family=socket.AF_INET)
        return "{}:{}".format(*self.server.sockets[0].getsockname()[:2])

    async def close(self):
        self.server.close()
        for writer in list(self.sessions):
            writer.transport.abort()

    async def client(self, reader, writer):
        """Sends the next file to whoever connects; after the last one links are closed at once."""
        if self.next >= len(self.files):
            writer.close()
            return
        path = self.files[self.next]
        self.next += 1
        self.sessions.add(writer)
        asked = {}  # action: ids of the client, oldest first
        more = asyncio.Event()
        listening = asyncio.ensure_future(self.listen_to(reader, asked, more))
        ids = {}  # recorded ActionID: the client's
        try:
            for data, action, recorded in parts(path.read_bytes()):
                if action:
                    ids[recorded] = await self.asked(asked, more, action)
                mine = ids.get(recorded)
                if mine:
                    data = data.replace(b"ActionID: " + recorded + b"\r\n", b"ActionID: " + mine + b"\r\n")
                await self.send(writer, data)
        except (ConnectionError, OSError, asyncio.CancelledError):
            pass  # the last: the program ends
        finally:
            listening.cancel()
            self.sessions.discard(writer)
            writer.close()
            if self.next >= len(self.files):
                self.done.set()

    async def listen_to(self, reader, asked, more):
        while block := await reader.readuntil(b"\r\n\r\n"):
            name = re.search(rb"^Action: (\w+)", block, re.M | re.I)
            ident = re.search(rb"^ActionID: (.*?)\r$", block, re.M | re.I)
            if name:
                asked.setdefault(name[1].decode().lower(), []).append(ident[1] if ident else None)
            more.set()

    async def asked(self, asked, more, action):
        """The client's ActionID of an action; None: he did not ask in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + WAIT_S
        while not asked.get(action):
            more.clear()
            try:
                await asyncio.wait_for(more.wait(), max(0.001, end - loop.time()))
            except asyncio.TimeoutError:
                return None
        return asked[action].pop(0)

    async def send(self, writer, data):
        """Each piece is a write of its own; small ones give others a turn now and then."""
        at = n = 0
        while at < len(data):
            size = self.chunk or self.rng.randint(1, 2000)
            writer.write(data[at : at + size])
            at, n = at + size, n + 1
            if n % 64 == 0 or size >= 1000:
                await writer.drain()
                await asyncio.sleep(0)
        await writer.drain()
