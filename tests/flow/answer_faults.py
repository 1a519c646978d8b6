"""Automatic answers while usherd is killed around the moment they leave (I7: never twice, and no mail is lost).

    answer_faults.py [N]      N kills (200); prints one JSON line

Each mail comes from somebody else and may be answered by itself. usherd is killed -9 between the arrival of the mail and
a moment after the relay has said 250 to the answer. tests/flow/test_email_answers.py does it with fewer.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time

from mailbox import contact_of
from maildesk import LIBRARY, answer, mail_in, order_mail, post
from runner import check, equal, eventually

PROOF_MOST = 12  # verdicts, more than enough for an aim of 50 %
MOMENTS = ("taken", "whole", "said")  # the mail was taken in; its answer came whole to the relay; the relay said 250


async def opened(start):
    """A centre whose response may be sent without an agent; nobody is at a desk."""
    library = {"orders/order-late.md": LIBRARY["orders/order-late.md"].replace("aim: 98", "aim: 50")}
    answers = {"audit": 0, "hourly": 1000000, "daily": 1000000, "hold": "4s"}
    queues = {"general": {"limits": {"length": 1000000}}}
    here = await post(start, out={"answers": answers}, library=library, channels={"email": {"cost": 1}}, queues=queues, patience_s=180)
    ann = await here.centre.agent("a1")
    await open_gate(here, ann, "help@desk.example")
    await ann.stop()
    return here


async def open_gate(here, robot, address):
    """Mails answered as was proposed, one after the other, until the next one would be answered by itself."""
    for n in range(PROOF_MOST):
        await mail_in(here.centre, order_mail(n), sender=f"ann{n}@cust.example", to=(address,))
        await answer(robot, await robot.take(timeout_s=30), resolve=True)
        await eventually(lambda: has_verdicts(here.centre, n + 1), limit_s=30, what="the verdict")
        if await is_open(here.centre):
            return
    raise AssertionError("the gate does not open")


async def has_verdicts(centre, n):
    return (await centre.admin("suggest.report"))["verdicts"] >= n


async def is_open(centre):
    try:
        found = (await centre.admin("suggest.report", response="order-late"))["responses"]
    except asyncio.TimeoutError:
        return False  # a machine that stands still now and then
    return found and found[0]["gate"]["open"]


async def _deliver(centre, n):
    """Hands the mail in until it is taken, as a mail server does; its contact."""
    while True:
        with contextlib.suppress(AssertionError, OSError, KeyError, EOFError):
            return await contact_of(centre, order_mail(n, Message_ID=f"<k{n}@cust.example>"), sender=f"ann{n}@cust.example")
        await asyncio.sleep(0.1)


async def _kill_once(here, rng, n, counts):
    """One mail, and a kill at a moment of its life; then usherd is started anew."""
    centre, moment, late_s = here.centre, rng.choice(MOMENTS), rng.choice((0, rng.uniform(0, 0.03)))
    pid, killed = centre.process.pid, asyncio.Event()

    async def kill():
        await asyncio.sleep(late_s)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        killed.set()

    async def hook(what):
        if what == moment:
            here.sink.hook = None
            if late_s:
                asyncio.ensure_future(kill())
            else:
                await kill()

    here.sink.hook = hook
    delivering = asyncio.ensure_future(_deliver(centre, n))
    if moment == "taken":
        await asyncio.wait([delivering])
        await kill()
    with contextlib.suppress(asyncio.TimeoutError):
        await asyncio.wait_for(killed.wait(), 20)
    here.sink.hook = None
    if not killed.is_set():
        await kill()  # it went to an agent: no answer passed by
        counts["unanswered"] += 1
    await centre.process.wait()
    counts[moment] += 1
    centre.ready = {}
    await centre.launch()
    return await asyncio.wait_for(delivering, 60)


async def everything(here, kills, seed=1):
    """Plays it; returns the counts. Raises when an answer went twice or a mail was lost."""
    rng, centre = random.Random(seed), here.centre
    counts = dict.fromkeys((*MOMENTS, "unanswered"), 0)
    began, contacts = time.monotonic(), []
    for n in range(1000, 1000 + kills):
        await eventually(lambda: is_open(centre), limit_s=120, what="the gate after a start")
        contacts.append(await _kill_once(here, rng, n, counts))
    equal(len(set(contacts)), kills, "contacts")
    await eventually(lambda: _settled(centre, contacts), limit_s=120, what="nothing held and nothing queued")
    sent = {}
    for data in here.sink.begun:
        if b"auto-replied" in data:
            to = next(line for line in data.split(b"\r\n") if line.lower().startswith(b"to:"))
            sent[to] = sent.get(to, 0) + 1
    check(all(n == 1 for n in sent.values()), "answered twice", {to: n for to, n in sent.items() if n > 1})
    states = [await centre.state(contact) for contact in contacts]
    check(set(states) <= {"queued", "answered"}, states)
    counts.update(answers=len(sent), answered=states.count("answered"), to_agents=states.count("queued"))
    counts["seconds"] = round(time.monotonic() - began, 1)
    return counts


async def _settled(centre, contacts):
    for state in ("queued", "sending"):
        if (await centre.admin("email.outbox", state=state))["mails"]:
            return False
    return "scheduled" not in [await centre.state(contact) for contact in contacts]


async def _main(n):
    from harness import starter  # noqa: PLC0415: only when it is run by itself

    cleaners = []
    failed = True
    try:
        here = await opened(starter(cleaners))
        here.centre.judged = False
        counts = await everything(here, n, seed=int(time.time()))
        failed = False
    finally:
        for clean in cleaners:
            await clean(failed)
    print(json.dumps({"figure": "answer_faults", "value": n, "unit": "kills", "twice": 0, "lost": 0, **counts}))


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]) if len(sys.argv) > 1 else 200))
