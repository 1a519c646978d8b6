"""Webhooks: signed, in order, at least once, tried again, and to no address that is not allowed."""

import asyncio
import hashlib
import hmac
import json
import time

from robot import refused
from runner import check, equal, eventually, main, test


class Receiver:
    """A program that takes events; the first answers are as given, the rest 200."""

    def __init__(self, *first):
        self.first, self.got, self.bad, self.asked = list(first), [], [], 0
        self.secret = None

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def _serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(fields["content-length"]))
        wanted = hmac.new(
            self.secret.encode(), fields["x-usher-timestamp"].encode() + b"." + body, hashlib.sha256
        ).hexdigest()
        if fields["x-usher-signature"] != f"sha256={wanted}":
            self.bad.append("the signature")
        self.asked += 1
        status = self.first.pop(0) if self.first else 200
        if status == 200:
            self.got += json.loads(body)["events"]
        more = f"Location: http://127.0.0.1:{self.port}/other\r\n" if status == 302 else ""
        writer.write(f"HTTP/1.1 {status} x\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@test
async def events_arrive_signed_in_order_and_are_tried_again(start):
    centre = await start(judged=False)
    receiver = await Receiver(500, 302).start()
    made = await centre.admin("webhook.add", name="crm", url=f"http://127.0.0.1:{receiver.port}/hook", private=True)
    receiver.secret = made["secret"]
    ends = await Receiver().start()
    url = f"http://127.0.0.1:{ends.port}/"
    ends.secret = (await centre.admin("webhook.add", name="ends", url=url, private=True, events=["contact.completed"]))["secret"]
    ann = await centre.agent("a1")
    contacts = []
    for _ in range(3):
        contacts.append(await centre.submit("task"))
        await ann.finish(await ann.take())
    await eventually(lambda: [e for e in receiver.got if e["event"] == "contact.completed"][2:], 20, "the events")
    await eventually(lambda: len(ends.got) == 3, 20, "the ends")
    equal(receiver.bad + ends.bad, [])
    equal([e["contact"] for e in ends.got], contacts)
    ids = [e["id"] for e in receiver.got]
    equal(ids, sorted(set(ids)), "in order")
    for contact in contacts:
        equal([e["event"] for e in receiver.got if e.get("contact") == contact],
              ["contact.created", "offer.created", "offer.accepted", "contact.connected", "contact.completed"])  # fmt: skip
    check("not taken" in centre.log_tail(200) and made["secret"] not in centre.log_tail(500), "the log")

    # It goes on where it was over a restart, and not at all once it is removed.
    await ann.stop()
    await centre.restart()
    await centre.admin("webhook.remove", name="ends")
    ann = await centre.agent("a1")
    await centre.submit("task")
    await ann.finish(await ann.take())
    await eventually(lambda: [e for e in receiver.got if e["event"] == "contact.completed"][3:], 20, "after a restart")
    # What was on its way at the end may come twice, and is then the same.
    once = {e["id"]: e for e in receiver.got}
    check(all(once[e["id"]] == e for e in receiver.got), "the same id, the same event")
    recorded = {e["id"]: e for e in (await centre.admin("event.list", after=min(once) - 1, most=500))["events"]}
    equal({n: e for n, e in recorded.items() if n <= max(once)}, once, "none is missing")
    equal(len(ends.got), 3)
    listed = (await centre.admin("webhook.list"))["webhooks"]
    equal([(h["name"], "secret" in h) for h in listed], [("crm", False)])
    receiver.server.close()
    ends.server.close()


@test
async def one_that_is_long_away_keeps_no_other_waiting(start):
    centre = await start(judged=False)
    away, back = await Receiver(*[500] * 20).start(), await Receiver(500).start()

    async def add(name, receiver):
        url = f"http://127.0.0.1:{receiver.port}/"
        made = await centre.admin("webhook.add", name=name, url=url, private=True, events=["queue.state_changed"])
        receiver.secret = made["secret"]

    await add("away", away)
    await centre.admin("queue.close", queue="general")
    await eventually(lambda: away.asked == 4, 30, "it is asked at ever longer pauses")
    await add("back", back)
    await centre.admin("queue.open", queue="general")
    await eventually(lambda: back.got, 20, "it is asked again")
    equal((back.asked, away.asked), (2, 4), "after its own pause, not after the other's")
    away.server.close()
    back.server.close()


@test
async def one_that_does_not_answer_keeps_no_restart_waiting(start):
    centre = await start(judged=False)
    asked, cut = asyncio.Event(), asyncio.Event()

    async def silent(reader, writer):
        asked.set()
        while await reader.read(65536):
            pass
        cut.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    await centre.admin("webhook.add", name="silent", url=url, private=True)
    await centre.admin("queue.close", queue="general")
    await asyncio.wait_for(asked.wait(), 20)
    began = time.monotonic()
    await centre.stop_daemon()
    took = time.monotonic() - began
    check(cut.is_set() and took < 8, f"usherd ended after {took:.1f} s, a request may take 10")
    server.close()


@test
async def addresses_that_are_not_public_are_never_asked(start):
    centre = await start(judged=False)
    receiver = await Receiver().start()
    await refused(centre.admin("webhook.add", name="x", url=f"http://127.0.0.1:{receiver.port}/"), "invalid_params")
    await refused(centre.admin("webhook.add", name="x", url="https://a.example/", events=["contact.nothing"]), "invalid_params")
    await refused(centre.admin("webhook.remove", name="x"), "no_webhook")
    await centre.admin("webhook.add", name="inside", url=f"https://localhost:{receiver.port}/")
    ann = await centre.agent("a1")
    await centre.submit("task")
    await ann.finish(await ann.take())
    await eventually(lambda: "not taken" in centre.log_tail(200), 20, "it is refused")
    equal(receiver.got, [])
    behind = (await centre.admin("webhook.list"))["webhooks"][0]["behind"]
    check(behind > 0, "the lag is shown")
    receiver.server.close()


if __name__ == "__main__":
    main()
