"""Two daemons over one store: only the owner may do anything (I6, F20)."""

import asyncio
import os
import signal

import harness  # noqa: F401  (finds the clients in tools/)
from runner import check, equal, eventually, main, test
from usher_http import HttpBroken


@test(limit_s=120)
async def a_second_daemon_does_not_take_over_from_a_living_one(start):
    first = await start(redis="own")
    contact = await first.submit("task")
    second = await start(redis=first.settings["redis"], launch=False)
    second.write_settings()
    await second.launch(expect_ready=False)
    code = await asyncio.wait_for(second.process.wait(), 30)
    check(code != 0, "it started beside the owner")
    check(second.log_tail(), "it said nothing")
    ann = await first.agent("a1")
    await ann.take(contact)
    await ann.finish(contact)


@test(limit_s=120)
async def a_stale_daemon_does_nothing_when_it_wakes(start):
    first = await start(redis="own")
    first.judged = False  # its desktop is gone together with it
    ann = await first.agent("a1", reconnect=False)
    held = await first.submit("chat")
    await ann.take(held)
    waiting = await first.submit("task", require={"billing": 1})
    os.kill(first.process.pid, signal.SIGSTOP)
    asked = asyncio.create_task(first.http.call("POST", "/v1/contacts", {"channel": "chat", "title": "late"}))
    await asyncio.sleep(4)  # past its lease
    second = await start(redis=first.settings["redis"], patience_s=40)
    second.judged = False  # what the first took in is not in its journal
    seen = len(ann.heard)
    os.kill(first.process.pid, signal.SIGCONT)
    await asyncio.wait_for(first.process.wait(), 10)
    check(first.process.returncode != 0, "a daemon that lost its store's ownership ends with an error")
    equal([n for n, _ in ann.heard[seen:] if n.startswith(("offer", "contact"))], [], "effects of the stale daemon")
    try:
        status, answer = await asked
        check(status not in (200, 201), f"the stale daemon accepted a contact: {answer}")
    except HttpBroken:
        pass
    equal(await second.waiting(), [waiting])
    cem = await second.agent("a3")
    await cem.take(waiting)
    await cem.finish(waiting)
    again = await second.agent("a1", ready=False)
    await eventually(lambda: held in again.contacts, what="the work of before")
    await again.finish(held)


if __name__ == "__main__":
    main()
