"""What an agent does with contacts: wrap-up, outcome, transfer, requeue, parking, several at once."""

import asyncio
import time

from robot import refused
from harness import LATE_S
from runner import check, equal, eventually, main, test

WRAPUP = {"task": {"wrapup": "20s"}}


@test(subset=True)
async def wrapup_runs_its_time_and_then_the_contact_is_completed(start):
    centre = await start(speed=10, channels=WRAPUP)
    ann = await centre.agent("a1")
    contact = await centre.submit("task")
    await ann.take(contact)
    began = time.monotonic()
    await ann.call("contact.wrapup", contact=contact)
    told = await ann.expect("contact.wrapup")
    check(told["until"], "the end of wrap-up is told")
    equal(await centre.state(contact), "wrapup")
    await centre.submit("task")
    await ann.quiet("offer.created", 0.5)
    await ann.expect("contact.completed", lambda p: p["contact"]["id"] == contact)
    took_s = (time.monotonic() - began) * 10
    check(19.5 <= took_s <= 20 + 10 * LATE_S, f"wrap-up took {took_s:.1f} s of the play, not 20")
    await ann.offered(timeout_s=2)


@test
async def a_contact_says_how_long_it_waited_and_how_long_it_is_handled(start):
    centre = await start()
    contact = await centre.submit("task")
    ann = await centre.agent("a1")
    offer = await ann.offered(contact)
    check(offer["contact"]["waited_ms"] > 0, "it waited until it was offered, and waits on")
    await ann.accept(offer["offer"])
    held = await eventually(lambda: handled(centre, contact), what="handled time that grows while it is connected")
    check("waited_ms" not in held, held)
    await ann.finish(contact)
    ended = await centre.get(contact)
    equal(ended["state"], "completed")
    check(not {"waited_ms", "value"} & set(ended), f"what is not known of it any more is not given as 0: {ended}")


async def handled(centre, contact):
    found = await centre.get(contact)
    return found if found["state"] == "connected" and found.get("handled_ms", 0) > 0 else None


@test(subset=True)
async def wrapup_can_be_ended_early(start):
    centre = await start(channels=WRAPUP)
    ann = await centre.agent("a1")
    first, second = await centre.submit("task"), await centre.submit("task")
    await ann.take(first)
    await ann.call("contact.wrapup", contact=first)
    await ann.expect("contact.wrapup")
    await ann.finish(first)
    await ann.offered(second, timeout_s=2)


@test
async def wrapup_can_be_extended_up_to_the_cap(start):
    centre = await start(speed=10, channels={"task": {"wrapup": "5s"}})
    ann = await centre.agent("a1")
    contact = await centre.submit("task")
    await ann.take(contact)
    await ann.call("contact.wrapup", contact=contact)
    first = await ann.expect("contact.wrapup")
    await ann.call("contact.wrapup", contact=contact, extend_ms=1000)
    second = await ann.expect("contact.wrapup")
    check(second["until"] > first["until"], first["until"], second["until"])
    await ann.quiet("contact.completed", 0.7)
    equal(await centre.state(contact), "wrapup")
    await ann.expect("contact.completed")
    await refused(ann.call("contact.wrapup", contact=contact, extend_ms=1000))


@test
async def a_completion_carries_disposition_amount_and_satisfaction(start):
    codes = {"channels": ["chat"], "dispositions": {"required": True, "codes": ["solved", "sale"]}}
    centre = await start(queues={"general": codes})
    ann = await centre.agent("a1")
    contact = await centre.submit("chat")
    await ann.take(contact)
    await refused(ann.complete(contact), "disposition_required")
    await refused(ann.complete(contact, disposition="unheard_of"), "disposition_required")
    told = await ann.finish(contact, disposition="sale", amount=99.5, currency="EUR", satisfaction=8, note="fine")
    equal(told["disposition"], "sale")
    equal(await centre.state(contact), "completed")


@test
async def an_outcome_out_of_range_is_refused(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("chat")
    await ann.take(contact)
    for bad in ({"satisfaction": 11}, {"satisfaction": -1}, {"currency": "EURO"}, {"amount": "10"}, {"disposition": "a b"}):
        await refused(ann.complete(contact, **bad))
    equal(await centre.state(contact), "connected")


@test
async def completing_twice_is_answered_definitely(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("chat")
    await ann.take(contact)
    await ann.finish(contact)
    error = await refused(ann.complete(contact))
    check(error.type in ("no_contact", "wrong_state"), error.type)


@test(subset=True)
async def a_transfer_to_a_queue_keeps_the_age(start):
    centre = await start()
    ann = await centre.agent("a1")
    first = await centre.submit("task")
    await ann.take(first)
    second = await centre.submit("task", queue="billing", require={"billing": 1})
    third = await centre.submit("task", queue="billing", require={"billing": 1})
    await ann.call("contact.transfer", contact=first, queue="billing")
    await ann.expect("contact.transferred", lambda p: p["contact"]["id"] == first)
    found = await centre.get(first)
    equal((found["state"], found["queue"]), ("queued", "billing"))
    # The age stays; the deadline moves by the time that the customer was served, no more.
    equal(found["deadline_ms"], found["t0_ms"] + found["sla_ms"] + found.get("handled_ms", 0))
    waiting = [found] + [await centre.get(contact) for contact in (second, third)]
    cem = await centre.agent("a3")
    equal([await _serve(cem) for _ in range(3)], [c["id"] for c in sorted(waiting, key=lambda c: c["deadline_ms"])])


async def _serve(robot):
    contact = await robot.take()
    await robot.finish(contact)
    return contact


@test(subset=True)
async def a_transfer_to_an_agent_waits_for_that_agent(start):
    centre = await start()
    ann, bob = await centre.agent("a1"), await centre.agent("a2", ready=False)
    contact = await centre.submit("task")
    await ann.take(contact)
    await ann.call("contact.transfer", contact=contact, agent="a2")
    await ann.expect("contact.transferred")
    await ann.quiet("offer.created", 0.3)
    await bob.ready()
    await bob.take(contact)
    await bob.finish(contact)


@test
async def a_refused_transfer_stays_with_its_agent(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task")
    await ann.take(contact)
    await refused(ann.call("contact.transfer", contact=contact, queue="nowhere"), "no_queue")
    await refused(ann.call("contact.transfer", contact=contact, agent="nobody"), "no_agent")
    await refused(ann.call("contact.transfer", contact=contact))
    equal(await centre.state(contact), "connected")
    await ann.finish(contact)


@test(subset=True)
async def a_requeued_contact_goes_back_to_its_place(start):
    """Its deadline moves by the short time for which it was connected, no more."""
    centre = await start()
    first = await centre.submit("task")
    await asyncio.sleep(0.6)
    second = await centre.submit("task")
    ann = await centre.agent("a1")
    await ann.take(first)
    await ann.not_ready(after_current=True)
    await ann.call("contact.requeue", contact=first)
    await ann.expect("contact.queued", lambda p: p["contact"]["id"] == first)
    equal(await centre.waiting(), [first, second])


@test
async def a_parked_contact_costs_nothing_and_is_resumed(start):
    centre = await start()
    ann = await centre.agent("a1")
    first = await centre.submit("task")
    await ann.take(first)
    error = await refused(ann.call("contact.park", contact=first, until="2020-01-01T00:00:00Z"))
    equal((error.type, error.data["field"]), ("invalid_params", "until"))
    await ann.call("contact.park", contact=first)
    await ann.expect("contact.parked")
    equal(await centre.state(first), "parked")
    second = await centre.submit("task")
    await ann.take(second)
    await refused(ann.call("contact.resume", contact=first))
    await ann.finish(second)
    await ann.call("contact.resume", contact=first)
    await ann.expect("contact.resumed")
    equal(await centre.state(first), "connected")
    await ann.finish(first)


@test(subset=True)
async def a_call_parks_an_email_which_resumes_afterwards(start):
    centre = await start(queues={"general": {"channels": ["voice", "chat", "task", "email"], "reserve": 0}})
    ann = await centre.agent("a1")
    mail = await centre.submit("email")
    await ann.take(mail)
    call = await centre.submit("voice")
    await ann.take(call)
    await ann.expect("contact.parked", lambda p: p["contact"]["id"] == mail)
    equal(await centre.state(mail), "parked")
    await ann.finish(call)
    await ann.expect("contact.resumed", lambda p: p["contact"]["id"] == mail)
    equal(await centre.state(mail), "connected")
    # It costs what it did, so there is room for a chat, and the judge of the robots agrees.
    chat = await ann.take(await centre.submit("chat"))
    equal([r["cost"] for r in centre.journal if r["ev"] == "resumed"], [25])
    await ann.finish(chat)
    await ann.finish(mail)


@test
async def an_email_stays_parked_until_the_wrapup_of_the_call_is_over(start):
    centre = await start(
        channels={"voice": {"wrapup": "20s"}},
        queues={"general": {"channels": ["voice", "email"], "reserve": 0}},
    )
    ann = await centre.agent("a1")
    mail = await centre.submit("email")
    await ann.take(mail)
    call = await centre.submit("voice")
    await ann.take(call)
    await ann.call("contact.wrapup", contact=call)
    await ann.expect("contact.wrapup")
    equal(await centre.state(mail), "parked")
    await ann.finish(call)
    await ann.expect("contact.resumed")


@test(subset=True)
async def several_chats_fill_an_agent_up_to_his_capacity(start):
    centre = await start()
    ann = await centre.agent("a1")
    contacts = [await centre.submit("chat") for _ in range(3)]
    taken = [await ann.take(), await ann.take()]
    equal(taken, contacts[:2])
    await ann.quiet("offer.created", 0.3)
    await ann.finish(contacts[0])
    equal(await ann.take(), contacts[2])


@test
async def a_call_is_not_offered_beside_a_chat(start):
    centre = await start()
    ann = await centre.agent("a1")
    chat = await centre.submit("chat")
    await ann.take(chat)
    call = await centre.submit("voice")
    await ann.quiet("offer.created", 0.3)
    await ann.finish(chat)
    await ann.offered(call)


@test
async def an_agents_own_capacity_stands_above_the_default(start):
    agents = [{"id": "a1", "skills": {}, "capacity": 150}]
    centre = await start(agents=agents)
    ann = await centre.agent("a1")
    for _ in range(4):
        await centre.submit("chat")
    for _ in range(3):
        await ann.take()
    await ann.quiet("offer.created", 0.3)


@test
async def not_ready_after_current_is_pending_until_the_work_is_done(start):
    centre = await start()
    ann = await centre.agent("a1")
    first = await centre.submit("task")
    await ann.take(first)
    await centre.submit("task")
    await ann.not_ready("lunch", after_current=True)
    await ann.finish(first)
    await eventually(lambda: ann.agent["state"] == "not_ready", what="not_ready after the work")
    await ann.quiet("offer.created", 0.3)


@test
async def a_channel_that_an_agent_closed_gives_him_nothing(start):
    centre = await start()
    ann = await centre.agent("a1")
    await ann.call("agent.set_channel", channel="chat", available=False)
    await ann.expect("agent.channel_changed")
    chat, task = await centre.submit("chat"), await centre.submit("task")
    await ann.take(task)
    await ann.finish(task)
    await ann.quiet("offer.created", 0.3)
    await ann.call("agent.set_channel", channel="chat", available=True)
    await ann.offered(chat)


@test
async def an_agent_who_drains_finishes_and_takes_nothing_new(start):
    centre = await start()
    ann = await centre.agent("a1")
    first = await centre.submit("chat")
    await ann.take(first)
    await ann.call("agent.set_routable", routable=False)
    await centre.submit("chat")
    await ann.quiet("offer.created", 0.3)
    await ann.finish(first)
    await ann.quiet("offer.created", 0.3)
    await ann.call("agent.set_routable", routable=True)
    await ann.offered()


if __name__ == "__main__":
    main()
