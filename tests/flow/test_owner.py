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


@test(limit_s=120)
async def a_standby_takes_over_from_one_that_was_killed(start):
    first = await start(redis="own")
    first.judged = False  # its desktop is gone together with it
    contact = await first.submit("task", require={"billing": 1})
    second = await start(redis=first.settings["redis"], launch=False, patience_s=60)
    second.judged = False  # what the first took in is not in its journal
    await second.launch(expect_ready=False, options=["--standby"])
    await eventually(lambda: "standing by" in second.log_tail(), limit_s=30, what="the standby to wait")
    equal(second.process.returncode, None, second.log_tail())
    second.process.send_signal(signal.SIGHUP)
    await eventually(lambda: "config: reloaded" in second.log_tail(), limit_s=30, what="settings read while standing by")
    # The owner goes on, and the other one's accounts can still be changed.
    equal(await first.waiting(), [contact])
    made = await asyncio.create_subprocess_exec(
        str(second.build / "usherctl"), "--state", str(second.state_dir), "token", "create", "--role", "agent", "--agent", "a3",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)  # fmt: skip
    said = (await made.communicate())[0].decode()
    equal(made.returncode, 0, said)
    await first.kill()
    await second.became_ready()
    equal(await second.waiting(), [contact])
    cem = second.robot("a3", said.split()[-1])
    await cem.start()
    await cem.ready()
    await cem.take(contact)
    await cem.finish(contact)


@test(limit_s=60)
async def a_standby_can_be_ended_and_needs_a_redis_that_is_shared(start):
    first = await start(redis="own")
    second = await start(redis=first.settings["redis"], launch=False)
    await second.launch(expect_ready=False, options=["--standby"])
    await eventually(lambda: "standing by" in second.log_tail(), limit_s=30, what="the standby to wait")
    equal(await second.stop_daemon(), 0, second.log_tail())
    second.write_settings(redis="managed")
    await second.launch(expect_ready=False, options=["--standby"])
    equal(await asyncio.wait_for(second.process.wait(), 30), 1)
    check("--standby is for a Redis that several usherd share" in second.log_tail(), second.log_tail())


if __name__ == "__main__":
    main()
