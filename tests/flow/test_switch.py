"""The simulated switch by itself: what it says on the wire, and that its journal tells the same story.

The wire is read by `usherctl cti replay` (the adapter, which knows nothing of the simulator) and held
against the journal, which is not made from events.
"""

import asyncio
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

from runner import Skip, check, equal, main, test
from switch_support import AmiClient, Switch

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("USHER_BUILD", TOP / "build"))
DATA = TOP.parent / "shared" / "data" / "ami"


def replay(data, plugin="asterisk"):
    """Neutral events of the bytes of a connection."""
    with tempfile.NamedTemporaryFile(suffix=".raw") as file:
        file.write(data)
        file.flush()
        done = subprocess.run(
            [BUILD / "usherctl", "cti", "replay", "--plugin", plugin, file.name],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
    equal(done.returncode, 0, done.stderr)
    check(" refused=0 " in done.stderr, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


class Router:
    """A client that connects callers to telephones in a given order."""

    def __init__(self, switch, client):
        self.switch, self.client = switch, client

    async def connect(self, call, extension, ring_s=None):
        channel = self.switch.world.channels[call].name
        if ring_s is not None:
            await self.client.ask("Setvar", Channel=channel, Variable="USHER_RING", Value=ring_s)
        answer = await self.client.ask("Redirect", Channel=channel, Context="usher-agent", Exten=extension, Priority=1)
        equal(answer["Response"], "Success", answer)

    async def failed(self, call, number):
        """Until that many attempts failed and he waits again."""
        account = self.switch.world.journal.accounts[call]
        await self.switch.until(lambda: account.waits > number, f"{number} attempts")


def same(events, accounts, since):
    """The adapter's story of each call against the journal's."""
    for account in accounts:
        mine = [e for e in events if e.get("call") == account["call"]]
        waits = [e for e in mine if e["event"] == "call.waiting"]
        equal(len(waits), account["waits"], account)
        gone = [e for e in mine if e["event"] == "call.gone"]
        equal([e["outcome"] for e in gone], [account["outcome"]], account)
        for name, seconds in (("talk", account["talk_s"]), ("hold", account["hold_s"])):
            check(abs(gone[0][name] - seconds) < 0.002, name, gone[0], account)
        # Who waits is gone when he hangs up; that the switch has cleared up after him says nothing of him.
        over = account["left" if account["outcome"] == "abandoned" else "over"]
        check(abs(gone[0]["t"] + since - over) < 0.002, gone[0], account)
        answered = [e["t"] for e in mine if e["event"] == "agent.answered"]
        equal(bool(answered), account["answered"] is not None, account)
        if answered:
            check(abs(answered[0] + since - account["answered"]) < 0.002, answered, account)
        ended = [e for e in mine if e["event"] == "agent.released" and e["reason"] in ("no_answer", "busy", "unavailable", "congestion")]
        words = {"no_answer": "NOANSWER", "busy": "BUSY", "unavailable": "CHANUNAVAIL", "congestion": "CONGESTION"}
        failed = [a["status"] for a in account["attempts"] if a["status"] in words.values()]
        equal([words[e["reason"]] for e in ended], failed, account)


def first_channel(client):
    return float(client.events("Newchannel")[0]["Timestamp"])


@test
async def a_caller_by_every_way_there_is():
    async with Switch(secret="s") as switch:
        for number, mode in (("1001", "answer"), ("1002", "answer"), ("1003", "ring"), ("1004", "busy"), ("1005", "away"),
                             ("1006", "congestion"), ("1007", "reject")):  # fmt: skip
            switch.phone(number, mode=mode, answer_s=0.05)
        client = await AmiClient.open(switch.address, secret="s")
        router = Router(switch, client)
        tried = switch.arrive(number="+442071234567", name="Rita", patience_s=60, attributes={"menu": "bill"})
        for n, number in enumerate(("1003", "1004", "1005", "1006", "1007"), 1):
            await router.connect(tried, number, 0.2)
            await router.failed(tried, n)
        await router.connect(tried, "1001")
        one, two = switch.world.phones["1001"], switch.world.phones["1002"]
        await switch.until(lambda: switch.account(tried)["answered"], "the answer")
        check(one.hold())
        await asyncio.sleep(0.05)
        check(one.hold(False) and one.attended("1002"))
        await switch.until(lambda: one.consulting.two.bridge, "the consultation")
        check(one.hang_up(), "hands over")
        caller = switch.world.channels[tried]
        await switch.until(lambda: [c for c in caller.bridge.members if c.phone is two], "the Local pair is taken out")
        check(two.hang_up())
        moved = switch.arrive(number="1", patience_s=60)
        await router.connect(moved, "1001")
        await switch.until(lambda: switch.account(moved)["answered"])
        check(one.blind("1002"))
        await switch.until(lambda: len(switch.account(moved)["agents"]) == 2, "the second agent")
        check(two.hang_up())
        left = switch.arrive(number="2", patience_s=0.1)
        away = switch.arrive(number="3", patience_s=60)
        await router.connect(away, "1003", 30)
        await switch.until(lambda: switch.account(away)["attempts"], "it rings")
        switch.leave(away)
        local = switch.arrive(number="4", patience_s=0.3, tech="local")
        await switch.until(lambda: switch.world.journal.summary()["waiting"] == 0 and not switch.world.channels, "all gone")
        outcomes = [switch.account(c)["outcome"] for c in (tried, moved, left, away, local)]
        equal(outcomes, ["ended", "ended", "abandoned", "abandoned", "abandoned"])
        equal([t["kind"] for c in (tried, moved) for t in switch.account(c)["transfers"]], ["attended", "blind"])
        await client.ask("Ping")  # everything before the answer is here
        events = replay(client.bytes)
        same(events, switch.accounts(), first_channel(client))
        asked = next(e for e in events if e["event"] == "call.waiting")
        equal((asked["number"], asked["name"], asked["dialled"], asked["attributes"]),
              ("+442071234567", "Rita", "8004", {"menu": "bill"}))  # fmt: skip
        moves = [(e["by"], e.get("target")) for e in events if e["event"] == "agent.transferred"]
        equal(moves, [("attended", "PJSIP/1002"), ("blind", "1002")])
        await client.close()


@test
async def two_calls_of_a_telephone_joined_keep_one_linkedid():
    async with Switch() as switch:
        switch.phone("1001", answer_s=0.02, one_call=False)
        switch.phone("1002", answer_s=0.02)
        client = await AmiClient.open(switch.address)
        call = switch.arrive(number="5", patience_s=60)
        await Router(switch, client).connect(call, "1001")
        await switch.until(lambda: switch.account(call)["answered"])
        one, two = switch.world.phones["1001"], switch.world.phones["1002"]
        one.hold()
        one.dial("1002")
        await switch.until(lambda: two.answers == 1 and two.legs and two.legs[0].bridge, "the second call")
        younger = two.legs[0].linkedid
        check(younger != call, "two conversations")
        check(one.merge())
        enter = [m for m in client.events("BridgeEnter") if m["Channel"].startswith("PJSIP/1002")]
        await switch.until(lambda: len(client.events("AttendedTransfer")) == 1)
        enter = [m["Linkedid"] for m in client.events("BridgeEnter") if m["Channel"].startswith("PJSIP/1002")]
        equal(enter, [younger, call], "changes silently, in the next BridgeEnter")
        two.hang_up()
        await switch.until(lambda: switch.account(call)["over"])
        equal(switch.account(call)["outcome"], "ended")
        await client.close()


@test
async def a_call_that_a_client_has_dialled():
    async with Switch() as switch:
        switch.phone("2004", answer_s=0.02)
        switch.phone("2005", answer_s=0.02)
        switch.phone("2006", mode="busy")
        switch.phone("2007", mode="ring")
        client = await AmiClient.open(switch.address)
        await client.ask("Originate", Channel="PJSIP/2004", Context="internal", Exten="2005", Priority=1, Async="true",
                         CallerID='"Call Me" <15550120>', Timeout=10000, ChannelId="usher-cb7")  # fmt: skip
        answer = await client.event("OriginateResponse")
        equal((answer["Response"], answer["Reason"], answer["Uniqueid"]), ("Success", "4", "usher-cb7"))
        names = [dict(m).get("Event") for m in client.messages]
        check(names.index("OriginateResponse") < names.index("DialEnd"), "the response overtakes the event")
        await client.event("BridgeEnter", BridgeNumChannels=2)
        equal((await client.ask("Hangup", Channel="PJSIP/2004-00000000"))["Message"], "Channel Hungup")
        await switch.until(lambda: not switch.world.channels)
        equal(switch.account("usher-cb7")["outcome"], "ended")
        for target, reason in (("PJSIP/2006", "5"), ("PJSIP/2007", "3"), ("PJSIP/2999", "0"), ("Local/2999@nowhere", "0")):
            ident = f"x-{reason}-{target}"
            client.send("Originate", ActionID=ident, Channel=target, Context="internal", Exten="2005", Priority=1,
                        Async="true", Timeout=100)  # fmt: skip
            answer = await client.event("OriginateResponse", ActionID=ident)
            equal((answer["Response"], answer["Reason"]), ("Failure", reason), target)
        events = replay(client.bytes)
        ours = [e["event"] for e in events if e.get("call") == "usher-cb7"]
        equal(ours[:3] + ours[-1:], ["call.placed", "agent.ringing", "agent.answered", "call.gone"])
        await client.close()


@test
async def holding_apart_joining_again_listening_and_a_conference():
    async with Switch() as switch:
        for number in ("1001", "1002", "1009"):
            switch.phone(number, answer_s=0.02)
        client = await AmiClient.open(switch.address)
        call = switch.arrive(number="1", patience_s=60)
        await Router(switch, client).connect(call, "1001")
        await client.event("BridgeEnter", BridgeNumChannels=2)
        channel, leg = switch.world.channels[call].name, switch.world.phones["1001"].legs[0].name

        async def both(context, caller, other):
            answer = await client.ask("Redirect", Channel=channel, Context=context, Exten=caller, Priority=1, ExtraChannel=leg,
                                      ExtraContext=context, ExtraExten=other, ExtraPriority=1)  # fmt: skip
            equal(answer["Message"], "Dual Redirect successful")

        await both("usher-hold", "s", "leg")
        await client.event("MusicOnHoldStart", Context="usher-hold")
        equal(len(switch.world.bridges), 0, "apart")
        equal((await client.ask("Bridge", Channel1=channel, Channel2=leg))["Response"], "Success")
        zombies = [m for m in client.events("Hangup") if m["Channel"].endswith("<ZOMBIE>")]
        equal(len(zombies), 2, "each left where it was by a masquerade")
        check(switch.world.channels[call].bridge.members[1].name == leg, "and kept its name and id")
        client.send("Originate", Channel="PJSIP/1009", Application="ChanSpy", Data=f"{leg},qES", Async="true")
        equal((await client.event("ChanSpyStart"))["SpyeeChannel"], leg)
        await both("usher-conference", "77", "77")
        client.send("Originate", Channel="PJSIP/1002", Context="usher-conference", Exten="77", Priority=1, Async="true")
        await client.event("ConfbridgeJoin", BridgeNumChannels=3)
        switch.world.phones["1001"].hang_up()
        await client.event("ConfbridgeLeave", BridgeNumChannels=2)
        equal(switch.account(call)["over"], None, "the others go on")
        switch.leave(call)
        switch.world.phones["1002"].hang_up()
        switch.world.phones["1009"].hang_up()
        await switch.until(lambda: not switch.world.channels and not switch.world.bridges, "nothing is left")
        same(replay(client.bytes), [switch.account(call)], first_channel(client))
        await client.close()


@test
async def logins_plain_md5_wrong_and_too_early():
    async with Switch(secret="geheim") as switch:
        client = await AmiClient.open(switch.address, login=False)
        equal((await client.ask("Ping"))["Message"], "Permission denied")
        challenge = (await client.ask("Challenge", AuthType="MD5"))["Challenge"]
        key = hashlib.md5(f"{challenge}geheim".encode()).hexdigest()
        answer = await client.ask("Login", AuthType="MD5", Username="usher", Key=key)
        equal(answer["Message"], "Authentication accepted")
        await client.event("FullyBooted", Status="Fully Booted")
        equal((await client.ask("Ping"))["Ping"], "Pong")
        await client.close()
        wrong = await AmiClient.open(switch.address, login=False)
        equal((await wrong.ask("Login", Username="usher", Secret="no"))["Message"], "Authentication failed")
        await switch.until(lambda: wrong.closed, "the switch closes")
        before = dict(await _status(switch))
        await switch.restart(down_s=0.05, ready_s=0.4)
        early = await AmiClient.open(switch.address, secret="geheim")
        check(not early.events("FullyBooted"), "a login before it is ready")
        told = await early.event("FullyBooted")
        equal(list(told)[2], "Status", "its headers stand in another order then")
        check(dict(await _status(switch))["started"] != before["started"], "another start")
        await early.close()


async def _status(switch):
    return [("started", switch.world.started)]


@test
async def errors_are_the_real_ones():
    async with Switch(write="call") as switch:
        client = await AmiClient.open(switch.address)
        for action, headers, text in (
            ("Redirect", {"Channel": "PJSIP/none-1", "Context": "c", "Exten": "1", "Priority": 1}, "Channel does not exist: PJSIP/none-1"),
            ("Redirect", {"Context": "c"}, "Channel not specified"),
            ("Hangup", {"Channel": "none"}, "No such channel"),
            ("Originate", {"Channel": "PJSIP/1", "Exten": "1"}, "Permission denied"),
            ("Frobnicate", {}, "Invalid/unknown command: Frobnicate. Use Action: ListCommands to show available commands."),
        ):  # fmt: skip
            answer = await client.ask(action, **headers)
            equal((answer["Response"], answer["Message"]), ("Error", text))
        client.writer.write(b"Action: Ping\r\nLong: " + b"x" * 2000 + b"\r\n\r\n")
        await client.expect(lambda m: m.get("Message") == "Failed to parse message: line too long")
        answer = await client.ask("Redirect", Channel="PJSIP/none-1\r\nEvil: two", Context="c", Exten="1", Priority=1)
        check("PJSIP/none-1" in answer["Message"], "a line end in a value is another header")
        await client.close()


@test
async def what_goes_wrong_with_the_link():
    async with Switch() as switch:
        client = await AmiClient.open(switch.address)
        switch.fault(drop=1.0, names=["Newstate"])
        call = switch.arrive(number="1", patience_s=60)
        await client.event("UserEvent", UserEvent="UsherWait")
        equal(client.events("Newstate"), [], "dropped")
        switch.fault(drop=0.0, duplicate=1.0, names=None)
        switch.leave(call)
        await client.event("Hangup")
        equal(len(client.events("Hangup")), 2, "doubled")
        switch.fault(duplicate=0.0, silent=True)
        switch.arrive(number="2", patience_s=60)
        client.send("Ping", ActionID="quiet")
        await asyncio.sleep(0.1)
        check(not any(dict(m).get("ActionID") == "quiet" for m in client.messages), "silent")
        switch.fault(silent=False, deaf=True)
        client.send("Ping", ActionID="deaf")
        await asyncio.sleep(0.1)
        check(not any(dict(m).get("ActionID") == "deaf" for m in client.messages), "does not read")
        switch.fault(deaf=False)
        await client.expect(lambda m: m.get("ActionID") == "deaf", "what was sent meanwhile")
        seen = len(client.bytes)
        switch.fault(cut_after=77)
        switch.arrive(number="3", patience_s=60)
        await switch.until(lambda: client.closed)
        equal(len(client.bytes) - seen, 77, "cut at any byte")
        again = await AmiClient.open(switch.address)
        answer = await again.ask("CoreShowChannels")
        equal(answer["EventList"], "start")
        done = await again.event("CoreShowChannelsComplete")
        equal(done["ListItems"], "2")
        equal({m["Application"] for m in again.events("CoreShowChannel")}, {"MusicOnHold"})
        await switch.restart(down_s=0.05)
        equal(sorted(a["outcome"] for a in switch.accounts()), ["abandoned", "lost", "lost"])
        await switch.until(lambda: again.closed)


@test
async def a_caller_in_any_dialplan_of_asterisk():
    """The interpreter: labels, patterns, expressions, choices, sub-routines, the h extension."""
    plan = """
[globals]
LIMIT=3
[from-trunk]
include => numbers
exten => i,1,Hangup()
[numbers]
exten => _80[0-4]X,1,Answer() ; a comment
 same => n,Set(N=${EXTEN:2})
 same => n,GotoIf($[${N} > ${LIMIT} & "${CALLERID(num)}" != ""]?big,s,1)
 same => n,Hangup()
[big]
exten => s,1(top),Gosub(sub,s,1(${N},b))
 same => n,Set(COUNT=$[${COUNT} + 1])
 same => n,GotoIf($[${COUNT} < 3]?top)
 same => n,UserEvent(Seen,Count: ${COUNT},Enc: ${URIENCODE(a b,c)},If: ${IF($["${N}" = "04"]?yes:no)},Sub: ${GOSUB_RETVAL})
 same => n,WaitExten(5,m)
exten => 1,1,UserEvent(Pressed,Digit: ${EXTEN})
 same => n,Hangup()
exten => h,1,UserEvent(Gone,Cause: ${HANGUPCAUSE})
[sub]
exten => s,1,Return(${ARG1}-${ARG2})
"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(plan)
        file.flush()
        async with Switch(dialplan=file.name) as switch:
            client = await AmiClient.open(switch.address)
            call = switch.arrive(number="44", dialled="8004", patience_s=60)
            seen = await client.event("UserEvent", UserEvent="Seen")
            equal((seen["Count"], seen["If"], seen["Sub"]), ("3", "yes", "04-b"), seen)
            await client.event("MusicOnHoldStart")
            switch.control.do_press(call, "1")
            equal((await client.event("UserEvent", UserEvent="Pressed"))["Digit"], "1")
            await client.event("UserEvent", UserEvent="Gone")
            await client.event("Hangup")
            switch.arrive(number="44", dialled="7000", patience_s=60)
            await switch.until(lambda: not switch.world.channels, "a wrong number ends at i")
            await client.close()


@test
async def music_that_ends_and_trunks_that_are_dialled():
    plan = """
[usher-in]
exten => _X.,1,Answer()
 same => n,Set(SEEN=${ALIVE})
 same => n(music),MusicOnHold(default,0.2)
 same => n,GotoIf($["${ALIVE}" = "${SEEN}"]?alone)
 same => n,Set(SEEN=${ALIVE})
 same => n,Goto(music)
 same => n(alone),Dial(PJSIP/trunk/+442071234567,5)
"""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
        file.write(plan)
        file.flush()
        async with Switch(dialplan=file.name) as switch:
            switch.outside(answer_s=0.02)
            client = await AmiClient.open(switch.address)
            call = switch.arrive(number="44", patience_s=60)
            await client.event("MusicOnHoldStart")
            await client.ask("Setvar", Variable="ALIVE", Value="1")
            await client.event("MusicOnHoldStop")
            begun = await client.event("DialBegin")
            equal(begun["DestChannel"].partition("-")[0], "PJSIP/trunk")
            equal(len(client.events("MusicOnHoldStart")), 2, "a sign of life in the meantime")
            await switch.until(lambda: switch.account(call)["answered"])
            switch.leave(call)
            await switch.until(lambda: not switch.world.channels)
            await client.close()


@test
async def recordings_are_played_in_any_chunking():
    path = DATA / "local-resync.s2c.raw"
    if not path.is_file():
        raise Skip("there are no recordings beside the project")
    for chunk in ("1", "random", "65536"):
        process = await asyncio.create_subprocess_exec(
            sys.executable, TOP / "tools" / "switch", "--play", path, "--chunk", chunk, stdout=asyncio.subprocess.PIPE
        )
        ready = json.loads(await process.stdout.readline())
        client = await AmiClient.open(ready["ami"], login=False)
        client.send("Login", ActionID="mine", Username="usher", Secret="any")
        client.send("CoreShowChannels", ActionID="list")
        await client.expect(lambda m: m.get("Event") == "CoreShowChannelsComplete" and m.get("ActionID") == "list", "the list", 20)
        await asyncio.wait_for(process.wait(), 30)
        await asyncio.sleep(0.05)
        recorded = path.read_bytes().replace(b"ActionID: u1\r\n", b"ActionID: mine\r\n").replace(b"ActionID: u4\r\n", b"ActionID: list\r\n")
        equal(len(client.bytes), len(recorded), chunk)
        equal(client.bytes, recorded, chunk)


@test
async def the_program_takes_orders_over_its_control_socket():
    process = await asyncio.create_subprocess_exec(
        sys.executable, TOP / "tools" / "switch", "--control", "127.0.0.1:0", "--phones", "1001-1003", "--answer", "0.05",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        ready = json.loads(await process.stdout.readline())
        host, _, port = ready["control"].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))

        async def do(name, **more):
            writer.write(json.dumps({"id": name, "do": name, **more}).encode() + b"\n")
            while True:
                answer = json.loads(await asyncio.wait_for(reader.readline(), 10))
                if answer.get("id") == name:
                    return answer

        equal((await do("status"))["up"], True)
        check(not (await do("nonsense"))["ok"] and not (await do("arrive", colour="red"))["ok"])
        call = (await do("arrive", number="1", patience_s=60))["call"]
        client = await AmiClient.open(ready["ami"])
        await client.ask("Redirect", Channel="PJSIP/trunk-00000000", Context="usher-agent", Exten="1002", Priority=1)
        await client.event("BridgeEnter", BridgeNumChannels=2)
        check((await do("phone.hang_up", number="1002"))["ok"])
        await client.event("Hangup", Uniqueid=call)
        equal((await do("account", call=call))["account"]["outcome"], "ended")
        writer.close()
        await client.close()
    finally:
        process.terminate()
        last = await process.stdout.read()
        equal(await asyncio.wait_for(process.wait(), 10), 0)
        equal(json.loads(last)["summary"]["ended"], 1)


if __name__ == "__main__":
    main()
