"""The line protocol: the simulated switch and the example program speak it as the schema says, and the
adapter makes of it what the switch's own journal holds."""

import asyncio
import json
import os
import pathlib
import ssl
import sys
import tempfile

from certificates import certificates
from runner import Skip, check, equal, main, test
from switch_support import LineClient, Switch
from test_switch import replay

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("USHER_BUILD", TOP / "build"))
SECRET = "a secret of enough bytes"


def checker():
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed") from None
    definitions = json.loads((TOP / "schemas" / "line.schema.json").read_text())["$defs"]
    sides = {
        side: jsonschema.Draft202012Validator({"$ref": f"#/$defs/{side}", "$defs": definitions})
        for side in ("from_switch", "from_usher")
    }

    def holds(message, side):
        wrong = next(iter(sides[side].iter_errors(message)), None)
        if wrong:
            found = sorted(wrong.context or [wrong], key=lambda e: -len(e.absolute_path))
            raise AssertionError(f"{message}: {found[0].message}")

    return holds


def compare(events, account, talk_slack=0.002):
    mine = [e for e in events if e.get("call") == account["call"]]
    [gone] = [e for e in mine if e["event"] == "call.gone"]
    equal(gone["outcome"], account["outcome"], account)
    check(abs(gone["talk"] - account["talk_s"]) < talk_slack, gone, account)
    check(abs(gone["hold"] - account["hold_s"]) < 0.002, gone, account)
    equal(len([e for e in mine if e["event"] == "call.waiting"]), account["waits"], account)
    rung = {e["leg"] for e in mine if e["event"] == "agent.ringing"}
    over = [e["leg"] for e in mine if e["event"] == "agent.released" and "leg" in e]
    equal(sorted(over), sorted(rung), "each leg that rang is over once")


@test
async def a_switch_that_speaks_the_line_protocol():
    async with Switch(speaks="line", secret=SECRET) as switch:
        for number, mode in (("1001", "answer"), ("1002", "answer"), ("1003", "ring"), ("1004", "busy"), ("1005", "away")):
            switch.phone(number, mode=mode, answer_s=0.05)
        client = await LineClient.open(switch.address, SECRET, checker())
        client.order("snapshot")
        await client.expect("snapshot-end", calls=0)
        call = switch.arrive(number="+4420", name="Rita", patience_s=60, attributes={"menu": "bill"})
        new = await client.expect("new-call", call=call)
        equal((new["number"], new["dialled"], new["attributes"]), ("+4420", "8004", {"menu": "bill"}))
        for n, (number, reason) in enumerate((("1003", "no_answer"), ("1004", "busy"), ("1005", "unavailable"))):
            client.order("connect", call=call, device=f"PJSIP/{number}", ring_ms=200, offer=f"of{n}")
            told = await client.expect("report", event="released", reason=reason)
            equal((told.get("offer"), "leg" in told), (f"of{n}", reason != "unavailable"))
            await switch.until(lambda n=n: switch.account(call)["waits"] == n + 2)
        client.order("connect", call=call, device="PJSIP/1001", ring_ms=5000, offer="o9")
        answered = await client.expect("report", event="answered", call=call)
        equal(answered["offer"], "o9")
        client.order("hold", call=call, leg=answered["leg"])
        await client.expect("report", event="held")
        client.order("retrieve", call=call, leg=answered["leg"])
        await client.expect("report", event="retrieved")
        client.order("snapshot")
        listed = await client.expect("call", call=call)
        equal((listed["state"], [leg["device"] for leg in listed["legs"]]), ("talking", ["PJSIP/1001"]))
        client.order("consult", call=call, leg=answered["leg"], number="1002")
        asked = await client.expect("report", event="answered", consult=True)
        client.order("consult-finish", call=call, leg=answered["leg"])
        moved = await client.expect("report", event="transferred")
        equal((moved["by"], moved.get("to_leg"), moved["target"]), ("attended", asked["leg"], "1002"))
        await asyncio.sleep(0.15)
        switch.world.phones["1002"].hang_up()
        await client.expect("release", call=call)
        left = switch.arrive(number="5", patience_s=0.1)
        await client.expect("release", call=left, outcome="abandoned")
        client.order("connect", call=left, device="PJSIP/1001", action="late")
        equal((await client.expect("failed", action="late"))["reason"], "gone")
        client.order("dial", call="usher-1", number="1001", ring_ms=2000)
        await client.expect("new-call", call="usher-1")
        client.order("hang-up", call="usher-1")
        await client.expect("release", call="usher-1")
        await asyncio.sleep(0.05)
        events = replay(client.bytes, "line")
        for one in (call, left):
            compare(events, switch.account(one), talk_slack=0.01)
        await client.close()


@test
async def a_wrong_secret_and_a_silent_client():
    async with Switch(speaks="line", secret=SECRET) as switch:
        try:
            await LineClient.open(switch.address, "another secret of that size")
            check(False, "let in")
        except AssertionError as error:
            check("refused" in str(error), error)


@test
async def a_lost_message_leaves_a_gap_in_the_numbers():
    async with Switch(speaks="line", secret=SECRET) as switch:
        client = await LineClient.open(switch.address, SECRET, checker())
        switch.fault(drop=1.0, names=["new-call"])
        call = switch.arrive(number="1", patience_s=60)
        await switch.until(lambda: switch.account(call)["waits"] == 1)
        switch.fault(drop=0.0)
        switch.leave(call)
        await client.expect("release", call=call)
        numbers = [m["seq"] for m in client.messages if "seq" in m]
        equal([b - a for a, b in zip(numbers, numbers[1:])].count(2), 1, numbers)
        await client.close()


@test
async def the_example_program_serves_a_caller():
    process = await asyncio.create_subprocess_exec(
        sys.executable, TOP / "tools" / "line-example", "0", SECRET, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        ready = json.loads(await process.stdout.readline())
        client = await LineClient.open(ready["line"], SECRET, checker())

        def key(words):
            process.stdin.write(words.encode() + b"\n")

        key("call 5550100")
        call = (await client.expect("new-call", number="5550100"))["call"]
        client.order("connect", call=call, device="1001", ring_ms=100, offer="o1")
        await client.expect("report", event="waiting", why="no_answer")
        client.order("connect", call=call, device="1002", ring_ms=60000, offer="o2")
        await client.expect("report", event="ringing", offer="o2")
        key("answer 1002")
        await client.expect("report", event="answered", device="1002")
        client.order("snapshot")
        await client.expect("call", call=call, state="talking")
        client.order("mute", call=call, leg="x", action="m")
        await client.expect("failed", action="m")
        client.order("ping")
        await client.expect("pong")
        key("leave 5550100")
        await client.expect("release", call=call)
        events = replay(client.bytes, "line")
        told = [(e["event"], e.get("reason", e.get("outcome"))) for e in events if e.get("call") == call]
        equal(told, [("call.waiting", None), ("agent.ringing", None), ("agent.released", "no_answer"), ("call.waiting", None),
                     ("agent.ringing", None), ("agent.answered", None), ("agent.released", "hung_up"), ("call.gone", "ended")])  # fmt: skip
        await client.close()
        check(len((TOP / "tools" / "line-example").read_text().splitlines()) <= 125, "it is to stay small")
    finally:
        process.stdin.close()
        await asyncio.wait_for(process.wait(), 10)


def centre_with(switch, **more):
    return {
        "switches": {"pbx": {"plugin": "line", "address": [switch.address], "secret": switch.secret, **more}},
        "channels": {"voice": {"cost": 100, "offer_timeout": "5s", "wrapup": "0s", "sla": "20s"}},
        "agents": [
            {"id": "a1", "name": "Ann", "team": "first", "device": "PJSIP/1001"},
            {"id": "a2", "name": "Bob", "team": "first", "device": "PJSIP/1002"},
        ],
    }


async def one_caller(start, switch, **more):
    """A caller through the daemon: no answer at the first telephone, the second takes him."""
    centre = await start(judged=False, **centre_with(switch, **more))
    await switch.linked()
    switch.phone("1001", mode="ring")
    switch.phone("1002", answer_s=0.2)
    ann = await centre.agent("a1")
    call = switch.arrive(number="+442071234567", name="Rita", patience_s=60, talk_s=1, attributes={"menu": "bill"})
    offer = await ann.expect("offer.created")
    contact = offer["contact"]["id"]
    equal((offer["contact"]["attributes"]["ani"], offer["contact"]["attributes"]["dnis"]), ("+442071234567", "8004"))
    bob = await centre.agent("a2")
    await ann.expect("offer.timeout")
    await bob.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
    await bob.expect("contact.completed", lambda p: p["contact"]["id"] == contact)
    await switch.until(lambda: switch.account(call)["outcome"] == "ended")
    found, account = await centre.get(contact), switch.account(call)
    equal((found["state"], [(x["agent"], x["end"]) for x in found["legs"]][-1]), ("completed", ("a2", "hung_up")))
    check(abs(found["talk_ms"] / 1000 - account["talk_s"]) < 0.02, found, account)
    return centre


@test
async def a_caller_over_the_line_protocol_into_the_daemon(start):
    async with Switch(speaks="line", secret=SECRET) as switch:
        centre = await one_caller(start, switch)
        left = switch.arrive(number="5", patience_s=60)
        await switch.until(lambda: switch.account(left)["waits"] == 1)
        await switch.away(0.3)
        switch.leave(left)
        await switch.linked()
        lost = switch.arrive(number="6", patience_s=60)
        await switch.until(lambda: switch.account(lost)["waits"] == 1)
        await switch.restart(down_s=0.2)
        await switch.linked()
        while (await centre.admin("server.status"))["counts"]["live"]:
            await asyncio.sleep(0.05)


@test
async def the_same_over_tls_with_certificates_of_both_sides(start):
    with tempfile.TemporaryDirectory() as folder:
        paths = certificates(folder)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=paths["ca"])
        tls.load_cert_chain(paths["server"], paths["server_key"])
        tls.verify_mode = ssl.CERT_REQUIRED
        async with Switch(speaks="line", secret="", tls=tls) as switch:
            await one_caller(start, switch, tls=True, auth="tls", ca_file=paths["ca"], cert_file=paths["client"],
                             key_file=paths["client_key"], tls_name="localhost")  # fmt: skip


if __name__ == "__main__":
    main()
