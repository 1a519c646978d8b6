"""`usherctl cti replay`: recordings of a real switch become neutral events, exactly and in any chunking.

The recordings lie in ../shared/data/ami beside the project, with timeline.txt, the times taken from
the switch's own events; where they are not, the tests of them are skipped and the small transcript
below, of our own making, is what is played.
"""

import json
import os
import pathlib
import re
import subprocess
import tempfile

from runner import Skip, check, equal, main, test

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("USHER_BUILD", TOP / "build"))
DATA = TOP.parent / "shared" / "data" / "ami"
CHUNKS = ("1", "7", "1000", "random")
RECORDINGS = (
    "errors-2", "local-callme-originate", "local-resync", "local-wait-abandon", "local-wait-redirect-noanswer-answer",
    "restart-crash-1", "restart-crash-2", "sip-agent-phone-killed", "sip-wait-redirect-hold-attxfer",
)  # fmt: skip


def replay(*files, chunk=None, status=0):
    """Events of the files, and what was said on standard error."""
    command = [BUILD / "usherctl", "cti", "replay", "--plugin", "asterisk"]
    done = subprocess.run(
        [*command, *(("--chunk", chunk) if chunk else ()), *files], capture_output=True, text=True, check=False, timeout=60
    )
    equal(done.returncode, status, done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def recording(name):
    path = DATA / f"{name}.s2c.raw"
    if not path.is_file():
        raise Skip(f"there is no {path.name}: the recordings are not beside the project")
    return path


def facts(events, *members):
    return [tuple(e.get(m) for m in ("event", *members)) for e in events]


# ---- a transcript of our own ----


def message(event, t, **headers):
    lines = [f"Event: {event}", f"Timestamp: {1795340000 + t:.6f}", *(f"{k}: {v}" for k, v in headers.items())]
    return "\r\n".join(lines) + "\r\n\r\n"


CALL = {"Channel": "PJSIP/trunk-00000001", "Uniqueid": "1795340000.1", "Linkedid": "1795340000.1"}
LEG = {"Channel": "PJSIP/1001-00000002", "Uniqueid": "1795340002.2", "Linkedid": "1795340000.1"}
DEST = {f"Dest{k}": v for k, v in LEG.items()}
OWN = (
    "Asterisk Call Manager/9.0.0\r\n"
    "Response: Success\r\nActionID: u1\r\nMessage: Authentication accepted\r\n\r\n"
    "Event: FullyBooted\r\nStatus: Fully Booted\r\n\r\n"
    + message("Newchannel", 0.25, **CALL)
    + message("UserEvent", 0.5, **CALL, UserEvent="UsherWait", Dnis="8004", Ani="15550123", Reason="")
    + message("DialBegin", 2, **CALL, **DEST)
    + "Event: broken\r\nthis line has no colon\r\nUniqueid: 1795340000.1\r\n\r\n"
    + message("DialEnd", 4, **CALL, **DEST, DialStatus="ANSWER")
    + message("BridgeEnter", 4, **LEG, BridgeUniqueid="b", BridgeNumChannels=1)
    + message("BridgeEnter", 4.125, **CALL, BridgeUniqueid="b", BridgeNumChannels=2)
    + message("Hold", 5, **LEG) + message("Unhold", 6.5, **LEG)
    + message("BridgeLeave", 9.125, **LEG, BridgeUniqueid="b")
    + message("Hangup", 9.25, **LEG, Cause=16) + message("Hangup", 9.5, **CALL, Cause=3)
)  # fmt: skip


def own_file(folder):
    path = pathlib.Path(folder) / "own.s2c.raw"
    path.write_bytes(OWN.encode())
    return path


@test
def a_transcript_of_our_own_is_the_same_in_any_chunking():
    call, leg = CALL["Uniqueid"], LEG["Uniqueid"]
    on = {"call": call, "leg": leg, "device": "PJSIP/1001"}
    wanted = [
        {"t": None, "event": "switch.up"},
        {
            "t": 0.25, "event": "call.waiting", "call": call, "device": CALL["Channel"], "number": "15550123",
            "dialled": "8004",
        },
        {"t": 1.75, "event": "agent.ringing", **on},
        {"t": 3.875, "event": "agent.answered", **on, "picked_up": 3.75},
        {"t": 4.75, "event": "agent.held", **on},
        {"t": 6.25, "event": "agent.retrieved", **on},
        {"t": 9.0, "event": "agent.released", **on, "reason": "hung_up"},
        {"t": 9.25, "event": "call.gone", "call": call, "outcome": "ended", "talk": 5.0, "hold": 1.5},
        {"t": 9.25, "event": "switch.down", "why": "closed"},
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        path = own_file(folder)
        for chunk in (*CHUNKS, "65536", None):
            events, said = replay(path, chunk=chunk)
            equal(events, wanted, f"chunk {chunk}")
            check("refused=1" in said and "Key: value" in said, said)


@test
def bytes_cut_off_anywhere_make_no_wrong_end():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "cut.s2c.raw"
        whole, _ = replay(own_file(folder))
        for cut in range(0, len(OWN), 61):
            path.write_bytes(OWN.encode()[:cut])
            events, _ = replay(path, chunk="1000")
            told = [e for e in events if not e["event"].startswith("switch.")]
            # What was told is the beginning of the whole; nothing is ended that was merely cut.
            equal([e["event"] for e in told], [e["event"] for e in whole[1 : len(told) + 1]], cut)


@test
def what_is_wrong_is_said_and_fails():
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "ssh.raw"
        path.write_bytes(b"SSH-2.0-OpenSSH_9.2\r\n")
        _, said = replay(path, status=1)
        check("greeting" in said, said)
        _, said = replay(pathlib.Path(folder) / "none", status=1)
        check("No such file" in said, said)
        for chunk in ("0", "65537", "some"):
            _, said = replay(path, chunk=chunk, status=2)
            check("--chunk" in said, said)
        done = subprocess.run(
            [BUILD / "usherctl", "cti", "replay", "--plugin", "vip", path], capture_output=True, text=True, check=False
        )
        check(done.returncode == 1 and "speaks to no switch" in done.stderr, done.stderr)


@test
def hostile_values_stay_values():
    """Names that would be lines, events, logs or pages: one caller, one event, nothing else."""
    cases = DATA.parent / "bad" / "own" / "cti.jsonl"
    if not cases.is_file():
        raise Skip("there is no bad/own/cti.jsonl beside the project")
    seen = 0
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "bad.raw"
        for line in cases.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            if "value" not in case:
                continue
            path.write_bytes(
                "Asterisk Call Manager/9\r\nEvent: FullyBooted\r\n\r\n".encode()
                + message("UserEvent", 1, Uniqueid="c1", UserEvent="UsherWait", Name=case["value"]).encode()
                + message("UserEvent", 2, Uniqueid="c2", UserEvent="UsherWait", Name="Bob").encode()
            )
            events, said = replay(path, chunk="7")
            calls = [e["call"] for e in events if e["event"] == "call.waiting"]
            check(calls in (["c1", "c2"], ["c2"]), case["id"], events, said)
            check(all(e["event"] in ("switch.up", "call.waiting", "switch.down") for e in events), case["id"], events)
            name = events[1].get("name", "")
            check(not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", name), case["id"], name)
            seen += 1
    check(seen >= 10, seen)


# ---- recordings of a real switch ----


def timeline(name):
    """Rows of the reference: [(seconds, kind, {key: value}, channel)]."""
    path = DATA / "timeline.txt"
    if not path.is_file():
        raise Skip("there is no timeline.txt beside the project")
    block = re.search(rf"^== {re.escape(name)}$\n(.*?)(?=^== |\Z)", path.read_text(), re.M | re.S)
    rows = []
    for line in block[1].splitlines():
        found = re.match(r"\s*([\d.]+) (\S+)\s*(.*)", line)
        if found:
            words = found[3].split()
            keys = dict(w.split("=", 1) for w in words if "=" in w)
            channel = words[0] if words and "=" not in words[0] else ""
            rows.append((float(found[1]), found[2], keys, channel))
    return rows


def device(channel):
    return re.sub(r"-[0-9a-f]{8}(;\d)?$", "", channel)


def wanted_of(name):
    """What the reference says of callers and their telephones, as (kind, seconds, device): derived from
    its rows by rules of this test's own, for callers who waited by UsherWait or in a queue."""
    rows, wanted, legs, callers = timeline(name), [], {}, set()
    bridged, met, over = {}, set(), set()
    for t, kind, keys, channel in rows:
        dest = keys.get("DestChannel", "")
        if kind in ("UserEvent/UsherWait", "QueueCallerJoin"):
            callers.add(channel)
            wanted.append(("call.waiting", t, channel))
        elif kind == "DialBegin" and channel and callers:
            legs[dest] = t
            wanted.append(("agent.ringing", t, device(dest)))
        elif kind == "DialEnd" and dest in legs and keys.get("DialStatus") != "ANSWER":
            over.add(dest)
            wanted.append(("agent.released", t, device(dest)))
        elif kind == "BridgeEnter":
            bridged[channel] = t
            if channel in legs and int(keys["BridgeNumChannels"]) == 2 and channel not in met:
                met.add(channel)
                wanted.append(("agent.answered", t, device(channel)))
            for leg in set(legs) - met - {channel}:
                if int(keys["BridgeNumChannels"]) == 2 and leg in bridged:
                    met.add(leg)
                    wanted.append(("agent.answered", t, device(leg)))
        elif kind in ("Hold", "Unhold"):
            wanted.append(("agent.held" if kind == "Hold" else "agent.retrieved", t, device(channel)))
        elif kind == "AttendedTransfer":
            wanted.append(("agent.transferred", t, device(channel)))
        elif kind == "Hangup" and channel in callers:
            wanted.append(("call.gone", t, channel))
        elif kind == "Hangup" and channel in set(legs) - over:
            wanted.append(("agent.released", t, device(channel)))
    return wanted


def same_times(events, wanted, what):
    """Every fact of the one is in the other, at the same time within 1 ms."""
    named = {e["call"]: e["device"] for e in events if e["event"] == "call.waiting" and "device" in e}
    seen = []
    for e in events:
        if e["event"].split(".")[0] in ("call", "agent"):
            of = named.get(e["call"], "") if e["event"].startswith("call.") else e["device"]
            seen.append((e["event"], e["t"], of))
    equal(sorted((k, d) for k, _, d in seen), sorted((k, d) for k, _, d in wanted), what)
    for a, b in zip(sorted(seen, key=lambda x: (x[0], x[2], x[1])), sorted(wanted, key=lambda x: (x[0], x[2], x[1]))):
        check(abs(a[1] - b[1]) <= 0.00100001, f"{what}: {a} against {b}")


@test
def recordings_of_callers_give_their_block_of_the_timeline():
    for name in (
        "local-wait-abandon", "local-wait-redirect-noanswer-answer", "restart-crash-1", "sip-agent-phone-killed",
        "sip-wait-redirect-hold-attxfer",
    ):  # fmt: skip
        path = recording(name)
        wanted = wanted_of(name)
        check(len(wanted) >= 2, name, wanted)
        for chunk in CHUNKS:
            events, _ = replay(path, chunk=chunk)
            same_times(events, wanted, f"{name}, chunk {chunk}")


@test
def recordings_are_the_same_in_any_chunking_and_nothing_in_them_is_refused():
    for name in RECORDINGS:
        whole, said = replay(recording(name))
        check(" refused=0 " in said, name, said)
        for chunk in CHUNKS:
            equal(replay(recording(name), chunk=chunk)[0], whole, f"{name}, chunk {chunk}")


@test
def abandoned_and_answered_are_told_apart():
    outcomes = {
        "local-wait-abandon": ["abandoned"],
        "local-wait-redirect-noanswer-answer": ["ended"],
        "sip-agent-phone-killed": ["ended"],
        "sip-wait-redirect-hold-attxfer": ["ended"],
    }
    for name, wanted in outcomes.items():
        events, _ = replay(recording(name))
        equal([e["outcome"] for e in events if e["event"] == "call.gone"], wanted, name)


@test
def a_transfer_keeps_the_call_and_names_both_telephones():
    events, _ = replay(recording("sip-wait-redirect-hold-attxfer"))
    equal(len({e["call"] for e in events if "call" in e}), 1)
    [move] = [e for e in events if e["event"] == "agent.transferred"]
    equal((move["device"], move["target"], move["by"]), ("PJSIP/1001", "PJSIP/1002", "attended"))
    asked = [e["event"] for e in events if e.get("consult")]
    equal(asked, ["agent.ringing", "agent.answered"])


@test
def a_call_of_ours_is_known_by_the_id_that_we_gave_it():
    events, _ = replay(recording("local-callme-originate"))
    rows = timeline("local-callme-originate")
    begin, answer = rows[0][0], rows[2][0]
    ours = [e for e in events if e.get("call") == "usher-cb7-agent"]
    equal(
        [e["event"] for e in ours],
        ["call.placed", "agent.ringing", "agent.answered", "agent.ringing", "agent.answered", "agent.released",
         "agent.released", "call.gone"],
    )  # fmt: skip
    for e, t in zip(ours, (begin, begin, answer, 1.010, 2.015, 6.010, 6.011, 6.011)):
        check(abs(e["t"] - t) <= 0.00100001, e, t)
    failed = [(e["reason"], round(e["t"], 3)) for e in events if e["event"] == "action.failed"]
    equal(failed, [("no_answer", 11.535), ("unavailable", 11.537)])


@test
def a_new_connection_learns_who_waits_and_who_talks():
    events, _ = replay(recording("local-resync"))
    resync = [e for e in events if e.get("resync")]
    state = {e["name"]: e["state"] for e in resync if e["event"] == "call.waiting"}
    equal(state["Parked"], "waiting")
    equal(state["Talking"], "talking")
    equal([e["device"] for e in resync if e["event"] == "agent.answered"], ["Local/2002@phones", "Local/2003@phones"])
    gone = {e["call"]: e["outcome"] for e in events if e["event"] == "call.gone"}
    parked, talking = (next(e["call"] for e in resync if e.get("name") == n) for n in ("Parked", "Talking"))
    equal((gone[parked], gone[talking]), ("abandoned", "ended"))


@test
def calls_of_a_switch_that_died_are_lost_and_not_abandoned():
    for chunk in CHUNKS:
        events, said = replay(recording("restart-crash-1"), recording("restart-crash-2"), chunk=chunk)
        waited = {e["call"] for e in events if e["event"] == "call.waiting"}
        gone = [(e["call"], e["outcome"]) for e in events if e["event"] == "call.gone"]
        equal(sorted(gone), sorted((call, "lost") for call in waited))
        equal(len(gone), 3)
        rung = {e["leg"] for e in events if e["event"] == "agent.ringing"}
        equal({e["leg"] for e in events if e["event"] == "agent.released"}, rung, "nobody stays reserved")
        check(" calls=0" in said, said)
        equal([e["event"] for e in events if e["event"].startswith("switch.")],
              ["switch.up", "switch.down", "switch.up", "switch.down"])  # fmt: skip


if __name__ == "__main__":
    main()
