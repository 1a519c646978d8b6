"""A centre linked to a simulated switch, for the tests of calls, and what they wait for."""

import asyncio
import contextlib
import os
import signal
import time

import invariants
import switch_compare
from harness import SLOW, TOP
from robot import ALPHABET
from runner import equal
from switch_support import Switch

SECRET = "a-secret-of-the-switch"
QUEUES = {"general": {"channels": ["voice", "chat", "task", "email", "callback"]}, "billing": {"require": {"billing": 1}}}


def settings(switch, **more):
    """Settings with a switch; agents' telephones are 1001 and on."""
    voice = {
        "callme": {"country": "44", "allow": ["+44"]},
        "switches": {"pbx": {"plugin": "asterisk", "address": [switch.address], "secret": switch.secret}},
        "channels": {
            "voice": {"cost": 100, "offer_timeout": "5s", "wrapup": "0s", "sla": "20s"},
            "callback": {"cost": 100, "offer_timeout": "20s", "wrapup": "0s", "sla": "15m"},
        },
        "queues": QUEUES,
        "agents": [
            {"id": "a1", "name": "Ann", "team": "first", "device": "PJSIP/1001"},
            {"id": "a2", "name": "Bob", "team": "first", "device": "1002"},
            {"id": "a3", "name": "Cem", "team": "first", "skills": {"billing": 5}, "device": "PJSIP/1003"},
        ],
    }
    voice.update(more)
    return voice


@contextlib.asynccontextmanager
async def voice(start, phones=(1001, 1002, 1003), answer_s=0.3, switch_more=None, **more):
    """A centre linked to a switch with telephones."""
    async with Switch(secret=SECRET, **(switch_more or {})) as switch:
        for number in phones:
            switch.phone(number, answer_s=answer_s)
        centre = await start(**settings(switch, **more))
        await switch.linked()
        await linked(centre)
        async with centre.watched():
            yield centre, switch
            await judge(centre, [switch])


@contextlib.contextmanager
def frozen(pid):
    """The process stands still meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def asleep(centre):
    """usherd stands still meanwhile: what the switch says waits on the wire."""
    return frozen(centre.process.pid)


async def origin(centre, contact):
    """(switch, call) of a contact, as usher says it: live, or in its record."""
    found = []

    async def known():
        listed = await centre.admin("contact.list", most=200)
        found[:] = [(c["source"], c.get("external_id")) for c in listed["waiting"] + listed["held"] if c["id"] == contact]
        if not found and (centre.state_dir / "history.db").is_file():
            rows = [row for rows in switch_compare.records(centre.state_dir).values() for row in rows]
            found[:] = [(row["source"], row["external_id"]) for row in rows if row["id"] == number_of(contact)]
        return bool(found)

    await until(known, f"whose contact {contact} is")
    return found[0]


def number_of(contact):
    """The number in an id, as records have it."""
    number = 0
    for letter in contact[1:]:
        number = number * 32 + ALPHABET.index(letter)
    return number


async def judge(centre, switches):
    """The invariants over the robots' journals, held against the switches' own: a contact that no robot
    handed in must be a caller of a switch, one contact a call; and where a switch shows a caller with an
    agent whom no offer named (handed on at a telephone), its journal must say that he had him."""
    if not centre.judged:
        return
    centre.judged = False  # it is done here
    records, calls = list(centre.journal), {}  # robots hear more while we ask

    def note(ev, **fields):
        records.append({"t": time.monotonic(), "ev": ev, **fields})

    handed_in = {r["contact"] for r in records if r["ev"] == "accepted"}
    for contact in {r["contact"] for r in records if r.get("contact")} - handed_in:
        source, call = await origin(centre, contact)
        account = next((s.account(call) for s in switches if call in s.world.journal.accounts), None)
        if account and account["waits"]:
            calls[contact] = account
            note("submit", key=f"{source} {call}")
            note("accepted", key=f"{source} {call}", contact=contact)
    quiet = (await centre.admin("server.status"))["counts"]["live"] == 0
    for contact in {r["contact"] for r in records if r["ev"] == "accepted"} if quiet else ():
        note("final", contact=contact, state=await centre.state(contact))
    outages = any(r["ev"] == "kill" for r in records) or any(
        link["connected"] > 1 for s in (await status(centre))["switches"] for link in s["links"]
    )
    device = {a["id"]: a.get("device", "").rpartition("/")[2] for a in centre.settings["agents"]}
    broken = []
    for name, text in invariants.judge(records).broken:
        words = text.split()
        if name == "I2e" and text.endswith("without offer None to him"):
            account = calls.get(words[1], {"agents": []})
            if device.get(words[5]) in [d.rpartition("/")[2] for d in account["agents"]]:
                continue
        if name in ("I1", "I3c") and not quiet:
            continue  # callers go on when the test ends
        if name == "I1" and text.endswith(" is lost") and (outages or calls.get(words[1], {}).get("outcome") == "lost"):
            continue  # nobody could know how he ended
        broken.append(f"{name}: {text}")
    if broken:
        raise AssertionError("\n    ".join(broken))


async def until(holds, what, seconds=20):
    """Waits for a condition; fails with what it waited for."""
    end = time.monotonic() + seconds * SLOW
    while not await holds():
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        await asyncio.sleep(0.03)


async def status(centre):
    return await centre.admin("cti.status")


async def linked(centre, up=True):
    async def holds():
        return all(s["up"] is up for s in (await status(centre))["switches"])

    await until(holds, f"the switch is {'up' if up else 'down'}")


async def contact_of(centre, call, want=None):
    """The contact of a call, once there is one (in that state)."""
    found = {}

    async def holds():
        listed = await centre.admin("contact.list")
        for contact in listed["waiting"] + listed["held"]:
            if contact.get("external_id") == call and want in (None, contact["state"]):
                found.update(contact)
                return True
        return False

    await until(holds, f"a contact of {call} {want or ''}")
    return found["id"]


async def come(centre, switch, n, number, **caller):
    """(calls, contacts) of n callers who wait in this order: the next one comes when the last one has his place."""
    calls, contacts = [], []
    for i in range(n):
        calls.append(switch.arrive(number=f"{number}{i}", **caller))
        contacts.append(await contact_of(centre, calls[i], "queued"))
    return calls, contacts


async def centre_is(centre, contact, *states):
    return (await centre.get(contact))["state"] in states


async def channel_is(centre, contact, channel):
    return (await centre.get(contact))["channel"] == channel


async def agent_state(robot, state, reason=None):
    return await robot.expect(
        "agent.state_changed", lambda p: p["agent"]["state"] == state and reason in (None, p["agent"].get("reason"))
    )


async def ended(switch, *calls, seconds=20):
    """Until these callers were served to their end."""
    await switch.until(lambda: all(switch.account(c)["outcome"] == "ended" for c in calls), "served", seconds)


async def recorded(centre, call):
    """The record of a call in the history, once it is closed."""
    found = []

    async def closed():
        found[:] = [r for r in switch_compare.records(centre.state_dir).get(call, []) if r["closed"]]
        return bool(found)

    await until(closed, f"a closed record of {call}")
    equal(len(found), 1, "one record a call")
    return found[0]


PLAN = TOP / "conf" / "asterisk" / "extensions.conf"
