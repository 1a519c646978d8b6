"""Mails at full speed through LMTP while usherd and its Redis are killed at random.

    mail_faults.py [N]      N mails (10,000); prints one JSON line

Each mail is sent until it is taken, some twice. Afterwards every 250 must be a contact, and none
may be there twice. tests/flow/test_mail_faults.py runs it with fewer.
"""

import asyncio
import contextlib
import json
import random
import sys
import time

from mailbox import MAIL, mail
from runner import check, equal

CLIENTS = 8
LONG = {"general": {"limits": {"length": 1000000}}}  # a queue that takes them all
TWICE = 0.1  # of the mails are sent once more although they were taken: a 250 that was lost on its way


class Lmtp:
    """One connection, made anew when it is gone; None for an answer that never came."""

    def __init__(self, centre):
        self.centre, self.reader, self.writer = centre, None, None

    async def _line(self):
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the end of the stream")
        return line.decode().rstrip()

    async def _reply(self):
        while (line := await self._line())[3:4] == "-":
            pass
        return int(line[:3]), line[4:]

    async def _open(self):
        host, _, port = self.centre.ready["lmtp"].rpartition(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        await self._reply()
        self.writer.write(b"LHLO mx.example\r\n")
        await self._reply()

    async def send(self, content):
        """(code, text), or None when nobody knows."""
        try:
            if self.writer is None:
                await self._open()
            self.writer.write(b"MAIL FROM:<ann@cust.example>\r\nRCPT TO:<help@desk.example>\r\nDATA\r\n")
            codes = [(await self._reply())[0] for _ in range(3)]
            if codes[2] != 354:
                return codes[0] if codes[0] != 250 else codes[1], ""
            self.writer.write(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            return await self._reply()
        except (OSError, ConnectionError, KeyError, ValueError):
            self.close()
            return None

    def close(self):
        if self.writer is not None:
            self.writer.close()
        self.reader = self.writer = None


async def _client(centre, rng, todo, taken, counts):
    """Takes mails from the list until it is empty; each until it was taken."""
    wire = Lmtp(centre)
    while todo:
        name = todo.pop()
        content = mail(f"Mail {name}, where is my order?\n", Message_ID=f"<{name}@cust.example>")
        while True:
            said = await asyncio.wait_for(wire.send(content), 120)
            counts["sent"] += 1
            if said and said[0] == 250:
                taken.setdefault(name, set()).add(said[1].split()[-1])
                if rng.random() >= TWICE:
                    break
                counts["again"] += 1
                continue
            check(said is None or said[0] in (421, 451, 452), said)
            counts["later" if said else "unknown"] += 1
            await asyncio.sleep(rng.uniform(0.01, 0.2))
    wire.close()


async def _killer(centre, rng, todo, counts, pause_s):
    while todo:
        await asyncio.sleep(rng.uniform(0.3, pause_s))
        if not todo:
            break
        what = rng.choice(["router", "redis"])
        await centre.kill(what)
        counts[what] += 1
        if what == "router":
            centre.ready = {}
            await centre.launch()


async def everything(centre, n, seed=1, pause_s=10.0):
    """Plays it; returns the counts. Raises when a mail was lost or doubled."""
    rng = random.Random(seed)
    todo, taken = list(range(n)), {}
    counts = dict.fromkeys(("sent", "again", "later", "unknown", "router", "redis"), 0)
    began = time.monotonic()
    killer = asyncio.create_task(_killer(centre, rng, todo, counts, pause_s))
    await asyncio.gather(*(_client(centre, rng, todo, taken, counts) for _ in range(CLIENTS)))
    with contextlib.suppress(asyncio.CancelledError):
        await killer
    counts["seconds"] = round(time.monotonic() - began, 1)
    equal(len(taken), n, "every mail was taken in the end")
    doubled = {name: ids for name, ids in taken.items() if len(ids) > 1}
    check(not doubled, "taken as two contacts", doubled)
    ids = {next(iter(found)) for found in taken.values()}
    equal(len(ids), n, "two mails, one contact")
    waiting = (await centre.admin("queue.list"))["queues"]
    equal(sum(q["waiting"] for q in waiting), n, "contacts that wait")
    for contact in rng.sample(sorted(ids), min(n, 200)):
        check(await centre.state(contact) == "queued", contact)
    return counts


async def _main(n):
    from harness import starter  # noqa: PLC0415: only when it is run by itself

    cleaners = []
    centre = await starter(cleaners)(mail=MAIL, judged=False, patience_s=120, queues=LONG)
    failed = True
    try:
        counts = await everything(centre, n, seed=int(time.time()))
        failed = False
    finally:
        for clean in cleaners:
            await clean(failed)
    print(json.dumps({"figure": "mail_faults", "value": n, "unit": "mails", "lost": 0, "doubled": 0, **counts}))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 10000))
