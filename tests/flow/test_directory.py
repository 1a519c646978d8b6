"""A site's own CRM behind the http_directory plugin: slow, failing, restarted; routing never waits for it."""

import asyncio
import contextlib
import json
import time
import urllib.parse

from harness import BUILD
from runner import Skip, check, equal, eventually, main, test

POINTS = [{"name": "revenue", "weight": 0.01}]


class Crm:
    """A small HTTP server: answers by phone number, as slowly and as wrongly as it is told."""

    def __init__(self):
        self.known, self.asked, self.headers = {}, [], []
        self.delay_s, self.status, self.body = 0, None, None

    async def start(self):
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def stop(self):
        self.server.close()
        await self.server.wait_closed()

    async def _serve(self, reader, writer):
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                self.headers.append(lines[1:])
                query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(lines[0].split()[1]).query))
                ((_, value),) = query.items()
                self.asked.append(value)
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                found = self.known.get(value)
                status = self.status or (200 if found else 404)
                body = self.body or json.dumps(found or {}).encode()
                writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))
                await writer.drain()
        writer.close()


async def begin(start, crm, **more):
    if not (BUILD / "plugins" / "http_directory.so").exists():
        raise Skip("built without libcurl")
    plugin = {"name": "http_directory", "url": f"http://127.0.0.1:{crm.port}/usher?{{kind}}={{value}}", **more}
    return await start(customers={"points": POINTS}, plugins=[plugin])


async def points(centre, contact):
    listed = await centre.admin("contact.list", most=200)
    return next(c["points"] for c in listed["waiting"] + listed["held"] if c["id"] == contact)


async def becomes(centre, contact, wanted):
    async def true():
        return await points(centre, contact) == wanted

    await eventually(true, what=f"{wanted} points of {contact}")


@test(subset=True)
async def what_the_crm_says_scores_a_waiting_contact_again(start):
    crm = await Crm().start()
    crm.delay_s = 0.3
    crm.known["+441632960001"] = {"name": "Ann Lee", "type": "person", "attributes": {"revenue": 4500, "city": "Leeds"}}
    centre = await begin(start, crm)
    contact = await centre.submit("chat", customer={"phone": "01632 960001"})
    equal(await points(centre, contact), 0, "it does not wait for the CRM")
    await becomes(centre, contact, 45)
    party = (await centre.admin("customer.get", contact=contact))["customer"]
    equal((party["name"], party["attributes"]["revenue"]["source"]), ("Ann Lee", "http_directory"), party)
    # Kept: neither the contact nor the CRM waits the next time.
    again = await centre.submit("chat", customer={"phone": "01632 960001"})
    equal(await points(centre, again), 45)
    equal(crm.asked, ["+441632960001"])
    check(any("application/json" in h for h in crm.headers[0]), crm.headers)
    await crm.stop()


@test
async def a_crm_of_two_seconds_delays_nobody(start):
    crm = await Crm().start()
    crm.delay_s = 2
    crm.known["+441632960001"] = {"attributes": {"revenue": 9000}}
    centre = await begin(start, crm, timeout="5s")
    bob = await centre.agent("a2")
    began = time.monotonic()
    contact = await centre.submit("chat", customer={"phone": "01632 960001"})
    await bob.take(contact)
    check(time.monotonic() - began < 2, "offered and taken before the CRM has answered")
    await bob.expect("contact.updated", lambda p: p["contact"]["points"] == 90)
    await crm.stop()


@test
async def a_failing_crm_is_left_alone_until_it_is_well(start):
    crm = await Crm().start()
    crm.status = 500
    centre = await begin(start, crm, failures="3", rest="1500ms", at_once="1")

    async def resting():
        await centre.submit("email", customer={"phone": f"01632 96{len(crm.asked):04d}"})
        await asyncio.sleep(0.05)
        before = len(crm.asked)
        await centre.submit("email", customer={"phone": f"01632 97{len(crm.asked):04d}"})
        await asyncio.sleep(0.1)
        return len(crm.asked) == before

    await eventually(resting, what="the circuit breaker")
    check(3 <= len(crm.asked) <= 6, crm.asked)
    check("too many failures" in centre.log_tail(200), "it is logged")
    crm.status = None
    crm.known["+441632960999"] = {"attributes": {"revenue": 1000}}

    async def well():
        contact = await centre.submit("email", customer={"phone": "01632 960999"})
        await asyncio.sleep(0.2)
        return await points(centre, contact) == 10

    await eventually(well, limit_s=15, what="asking again")
    await crm.stop()


@test
async def what_is_no_answer_harms_nobody(start):
    crm = await Crm().start()
    centre = await begin(start, crm, failures="100", timeout="400ms")
    cases = [b"<html>", b"[]", b'{"attributes": [1]}', b"x" * 100000, b'{"attributes": {"revenue": 1e999}}', b"\xff\xfe{}"]
    for i, body in enumerate(cases):
        crm.status, crm.body = 200, body
        contact = await centre.submit("email", customer={"phone": f"01632 96100{i}"})

        async def asked(n=i):
            return len(crm.asked) > n

        await eventually(asked)
        await asyncio.sleep(0.1)
        equal(await points(centre, contact), 0)
    await crm.stop()
    gone = await centre.submit("email", customer={"phone": "01632 962000"})
    equal(await points(centre, gone), 0)


@test
async def a_question_that_cannot_be_asked_is_no_trial(start):
    """Its address would be too long; the breaker, open before, must close with the next question."""
    crm = await Crm().start()
    crm.status = 500
    path = "x" * 200 + "".join(f"&a{i}={{value}}" for i in range(8))
    centre = await begin(start, crm, failures="1", rest="100ms", kinds="account",
                         url=f"http://127.0.0.1:{crm.port}/usher?{{kind}}={{value}}#{path}")  # fmt: skip
    await centre.submit("email", customer={"account": "A1"})

    async def failed():
        return "too many failures" in centre.log_tail(200)

    await eventually(failed, what="an open breaker")
    crm.status = None
    crm.known["A2"] = {"attributes": {"revenue": 2000}}
    await asyncio.sleep(0.2)  # the rest is over
    await centre.submit("email", customer={"account": "ü" * 100})
    contact = await centre.submit("email", customer={"account": "A2"})
    await becomes(centre, contact, 20)
    await crm.stop()


@test
async def a_reload_asks_another_address(start):
    first, second = await Crm().start(), await Crm().start()
    second.known["+441632960001"] = {"attributes": {"revenue": 2000}}
    centre = await begin(start, first)
    await centre.submit("email", customer={"phone": "01632 960009"})
    centre.write_settings(
        plugins=[{"name": "http_directory", "url": f"http://127.0.0.1:{second.port}/?{{kind}}={{value}}"}]
    )
    await centre.admin("config.reload")
    contact = await centre.submit("email", customer={"phone": "01632 960001"})
    await becomes(centre, contact, 20)
    await first.stop()
    await second.stop()


if __name__ == "__main__":
    main()
