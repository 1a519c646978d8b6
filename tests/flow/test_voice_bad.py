"""Switches and callers that misbehave, against the running daemon: names that would be commands, messages
without an end, a switch that never reads, never answers, never stops, that lies about its certificate."""

import asyncio
import base64
import json
import pathlib
import ssl
import tempfile

from harness import SLOW, TOP
from runner import Skip, check, equal, main, test
from switch_support import Switch
from test_line import certificates
from voice_case import SECRET, centre_is, contact_of, ended, linked, settings, status, until, voice

BAD = TOP.parent / "shared" / "data" / "bad" / "own" / "cti.jsonl"
QUICK = {"calls": {"silence": "2s"}}


def cases():
    if not BAD.is_file():
        raise Skip(f"{BAD.name} is not there")
    return [json.loads(line) for line in BAD.read_text(encoding="utf-8").splitlines() if line.strip()]


async def link(centre):
    """The one link to the one switch."""
    return (await status(centre))["switches"][0]["links"][0]


async def serves(centre, switch, robot, number):
    """A caller is served: all is well."""
    call = switch.arrive(number=number, patience_s=60, talk_s=0.1)
    await robot.expect("contact.connected")
    await ended(switch, call)


@test
async def names_of_callers_are_inert(start):
    async with voice(start, answer_s=0.05) as (centre, switch):
        ann = await centre.agent("a1", ready=False)
        for number, case in enumerate(c for c in cases() if c.get("field") == "caller_name"):
            # Only a line end makes another message of it, which is refused; what follows is read.
            before, broken = (await link(centre))["refused"], "\n" in case["value"]
            call = switch.arrive(number=f"55530{number:02}", name=case["value"], patience_s=600, talk_s=0.1)

            async def seen(call=call, before=before, broken=broken):
                if broken:
                    return (await link(centre))["refused"] > before
                return any(c.get("external_id") == call for c in (await centre.admin("contact.list"))["waiting"])

            await until(seen, f"{case['id']} is a caller, or refused")
            found = [c for c in (await centre.admin("contact.list"))["waiting"] if c.get("external_id") == call]
            name = (await centre.get(found[0]["id"]))["attributes"].get("caller_name", "") if found else ""
            check(not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in name), case["id"], repr(name))
            switch.leave(call)
        check(not pathlib.Path("/tmp/owned").exists(), "a shell ran")
        await ann.ready()
        await serves(centre, switch, ann, "5553099")
        equal((await link(centre))["connected"], 1, "the link was never lost")
        log = (centre.dir / "log").read_text(errors="replace")
        check("admin logged in" not in log, "the log was forged")


@test
async def a_caller_with_a_smuggled_line_end_harms_nobody_else_over_a_lost_link(start):
    async with voice(start, answer_s=0.05) as (centre, switch):
        good = switch.arrive(number="5553200", patience_s=600, talk_s=0.1)
        contact = await contact_of(centre, good, "queued")
        evil = switch.arrive(number="5553201", name="Bob\r\nEvent: Hangup\r\nUniqueid: 1", patience_s=600)
        late = switch.arrive(number="5553202", patience_s=600, talk_s=0.1)
        await contact_of(centre, late, "queued")
        switch.cut()
        await switch.linked()
        await linked(centre)
        await until(lambda: centre_is(centre, contact, "queued"), "he waits on")
        await centre.agent("a1")
        await ended(switch, good, late)
        switch.leave(evil)


@test
async def bytes_that_are_no_messages_are_refused_and_reading_goes_on(start):
    async with voice(start, answer_s=0.05) as (centre, switch):
        ann = await centre.agent("a1")
        for number, case in enumerate(c for c in cases() if c.get("proto") == "cti"):
            before = await link(centre)
            [session] = switch.ami.sessions
            for data, times, _ in case["chunks"]:
                session.transport.write(base64.b64decode(data) * times)
            if case["expect"] == "timeout":
                session.transport.write(b"\r\n")  # its end comes after all; until then nothing is said

            async def read(before=before):
                return (await link(centre))["bytes"] > before["bytes"]

            await until(read, "it was read")
            after = await link(centre)
            if case["expect"] == "reject":
                check(after["refused"] > before["refused"] and after["problem"], case["id"], after)
            equal(after["connected"], 1, case["id"], "the link stays")
            await serves(centre, switch, ann, f"55531{number:02}")
        equal((await centre.admin("server.status"))["counts"]["live"], 0, "nothing came of them")


@test
async def a_call_that_is_told_five_times_is_one_contact(start):
    async with voice(start, answer_s=0.05) as (centre, switch):
        switch.fault(duplicate=1.0)
        calls = [switch.arrive(number=f"555320{n}", patience_s=60, talk_s=0.1) for n in range(5)]
        for call in calls:
            await contact_of(centre, call, "queued")
        equal(len(await centre.waiting()), 5)
        await centre.agent("a1")
        await ended(switch, *calls)
        switch.fault(duplicate=0.0)
        equal((await status(centre))["calls"]["connects"], 5, "each was connected once")


@test
async def times_of_a_switch_that_are_none_spoil_no_age(start):
    async with voice(start, answer_s=0.05) as (centre, switch):
        await contact_of(centre, switch.arrive(number="5553300", patience_s=60, talk_s=0.1), "queued")
        world, now = switch.world, switch.world.now
        for number, at in enumerate((99999999999.9, 0.5, -5.0)):
            world.now = lambda at=at: at
            call = switch.arrive(number=f"555331{number}", patience_s=60, talk_s=0.1)
            contact = await contact_of(centre, call, "queued")
            world.now = now
            found = await centre.get(contact)
            check(abs(found["created_ms"] - found["t0_ms"]) < 1000, found)
        ann = await centre.agent("a1")
        for _ in range(4):
            await ann.expect("contact.connected")
        await until(lambda: nothing_live(centre), "all served")


async def nothing_live(centre):
    return (await centre.admin("server.status"))["counts"]["live"] == 0


def memory_kb(pid):
    """Most that the process ever had in memory."""
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@test
async def a_switch_that_never_stops_is_read_and_others_are_served(start):
    async with voice(start, answer_s=0.05) as (centre, switch):
        ann = await centre.agent("a1")
        before_kb, done = memory_kb(centre.process.pid), asyncio.Event()

        async def flood():
            while not done.is_set():
                await switch.control.do_flood(0.2)
                await asyncio.sleep(0.05)

        task = asyncio.ensure_future(flood())
        for number in range(3):
            await serves(centre, switch, ann, f"555340{number}")
        contact = await centre.submit("chat")
        equal(await ann.take(contact), contact, "what comes by other ways, too")
        await ann.finish(contact)
        done.set()
        await task
        check((await link(centre))["bytes"] > 1 << 20, "it did say much")
        check(memory_kb(centre.process.pid) - before_kb < 65536 * SLOW, "what it says is not piled up")


@test
async def a_switch_that_is_silent_or_never_reads_is_left_and_its_callers_keep_their_places(start):
    for fault in ({"silent": True}, {"deaf": True}):
        async with voice(start, answer_s=0.05, **QUICK) as (centre, switch):
            calls = [switch.arrive(number=f"555350{n}", patience_s=600, talk_s=0.1) for n in range(2)]
            contacts = [await contact_of(centre, call, "queued") for call in calls]
            switch.fault(**fault)
            await linked(centre, False)
            found = await link(centre)
            check(found["problem"], "it says why", found)
            for contact in contacts:
                equal(await centre.state(contact), "scheduled", "in his place, but nobody can have him now")
            chat, ann = await centre.submit("chat"), await centre.agent("a1")
            equal(await ann.take(chat), chat, "other channels are served meanwhile")
            await ann.finish(chat)
            switch.fault(silent=False, deaf=False)
            await linked(centre)
            await ended(switch, *calls)


@test
async def a_switch_that_greets_and_says_nothing_else_is_called_again(start):
    calls = []

    async def client(reader, writer):
        calls.append(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")

    server = await asyncio.start_server(client, "127.0.0.1", 0)
    address = "{}:{}".format(*server.sockets[0].getsockname()[:2])
    centre = await start(
        switches={"pbx": {"plugin": "asterisk", "address": [address], "secret": SECRET}}, calls={"silence": "1s"}
    )

    async def again():
        return len(calls) >= 2

    await until(again, "a second call", 30)
    check("ready" in (await link(centre))["problem"], await link(centre))
    server.close()
    for writer in calls:
        writer.close()


@test
async def the_certificate_of_a_switch_is_looked_at(start):
    with tempfile.TemporaryDirectory() as mine, tempfile.TemporaryDirectory() as foreign:
        paths, others = certificates(mine), certificates(foreign)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(paths["server"], paths["server_key"])
        async with Switch(secret=SECRET, tls=tls) as switch:
            switch.phone(1001, answer_s=0.05)
            more = {"tls": True, "tls_name": "localhost"}
            base = settings(switch)
            base["switches"]["pbx"].update(more, ca_file=others["ca"])
            centre = await start(**base)

            async def refused():
                return "certificate" in (await link(centre))["problem"]

            await until(refused, "an unknown authority is not believed")
            for wrong in ({"tls_name": "pbx.example"}, {}):
                centre.settings["switches"]["pbx"].update({**more, "ca_file": paths["ca"], **wrong})
                centre.write_settings()
                await centre.admin("config.reload")
                if wrong:
                    await until(refused, "nor another's name")
            await switch.linked()
            await linked(centre)
            ann = await centre.agent("a1")
            centre.judged = False
            await serves(centre, switch, ann, "5553600")


if __name__ == "__main__":
    main()
