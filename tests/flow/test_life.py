"""The life of a contact over HTTP and the desk, and every end an offer can have."""

import asyncio
import time

from robot import refused
from harness import LATE_S
from runner import check, equal, eventually, main, test


@test(subset=True)
async def a_contact_is_offered_accepted_connected_and_completed(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("chat", title="Where is my order?", attributes={"tags": ["press"]})
    offer = await ann.offered(contact)
    equal(offer["contact"]["title"], "Where is my order?")
    equal(offer["contact"]["attributes"]["tags"], ["press"])
    check(offer["why"], "an offer says why")
    equal(await centre.state(contact), "offered")
    await ann.accept(offer["offer"])
    await ann.expect("offer.accepted")
    connected = await ann.expect("contact.connected")
    equal(connected["offer"], offer["offer"])
    equal(await centre.state(contact), "connected")
    await ann.finish(contact)
    equal(await centre.state(contact), "completed")


@test(subset=True)
async def a_contact_that_waits_tells_its_position(start):
    centre = await start()
    contacts = [await centre.submit("chat") for _ in range(3)]
    found = [await centre.get(c) for c in contacts]
    equal([f["state"] for f in found], ["queued"] * 3)
    equal([f["position"] for f in found], [0, 1, 2])
    equal(await centre.waiting(), contacts)


@test(subset=True)
async def a_rejected_contact_keeps_its_place_and_spares_the_agent_for_ten_seconds(start):
    centre = await start(speed=5)
    ann = await centre.agent("a1")
    contact = await centre.submit("task")
    offer = await ann.offered(contact)
    began = time.monotonic()
    await ann.reject(offer["offer"], "not mine")
    await ann.expect("offer.rejected")
    equal(await centre.state(contact), "queued")
    equal(ann.agent["state"], "ready")
    second = await centre.submit("task")
    later = await ann.offered(second)
    await ann.accept(later["offer"])
    await ann.finish(second)
    await ann.offered(contact)
    took_s = (time.monotonic() - began) * 5
    check(9.5 <= took_s <= 10 + 5 * LATE_S, f"offered again after {took_s:.1f} s of the play, not after 10")


@test
async def a_rejected_contact_goes_to_another_agent_at_once(start):
    centre = await start()
    ann, contact = await centre.agent("a1"), await centre.submit("task")
    offer = await ann.offered(contact)
    bob = await centre.agent("a2")
    await ann.reject(offer["offer"])
    await bob.offered(contact, timeout_s=2)


@test(subset=True)
async def an_unanswered_offer_times_out_and_the_agent_is_not_responding(start):
    centre = await start(speed=10, channels={"task": {"offer_timeout": "10s"}})
    ann = await centre.agent("a1")
    first, second = await centre.submit("task"), await centre.submit("task")
    began = time.monotonic()
    offer = await ann.offered(first)
    await ann.expect("offer.timeout", lambda p: p["offer"] == offer["offer"])
    took_s = (time.monotonic() - began) * 10
    check(9.5 <= took_s <= 10 + 10 * LATE_S, f"timed out after {took_s:.1f} s of the play, not after 10")
    await eventually(lambda: ann.agent["state"] == "not_responding", what="not_responding")
    equal(await centre.waiting(), [first, second], "the contact is back at its old place")
    await ann.quiet("offer.created", 0.5)
    await ann.ready()
    await ann.offered(first)


@test
async def a_customer_who_leaves_rescinds_the_offer(start):
    centre = await start()
    ann, contact = await centre.agent("a1"), await centre.submit("chat")
    offer = await ann.offered(contact)
    status, _ = await centre.leave(contact)
    check(status in (200, 202, 204), status)
    await ann.expect("offer.rescinded", lambda p: p["offer"] == offer["offer"])
    equal(await centre.state(contact), "abandoned")
    equal(ann.agent["state"], "ready")
    await ann.offered(await centre.submit("chat"))


@test
async def a_contact_withdrawn_by_staff_cancels_the_offer(start):
    centre = await start()
    ann, contact = await centre.agent("a1"), await centre.submit("chat")
    offer = await ann.offered(contact)
    await centre.admin("contact.withdraw", contact=contact, reason="test")
    await ann.expect("offer.cancelled", lambda p: p["offer"] == offer["offer"])
    equal(await centre.state(contact), "cancelled")
    equal(ann.agent["state"], "ready")


@test(subset=True)
async def a_repeated_accept_gets_the_same_answer(start):
    centre = await start()
    ann, contact = await centre.agent("a1"), await centre.submit("chat")
    offer = (await ann.offered(contact))["offer"]
    first = await ann.accept(offer)
    equal(await ann.accept(offer), first)
    together = await asyncio.gather(ann.accept(offer), ann.accept(offer))
    equal(together, [first, first])
    await ann.expect("contact.connected")
    await ann.quiet("contact.connected", 0.2)


@test(subset=True)
async def late_answers_get_a_definite_reply(start):
    centre = await start(speed=10, channels={"task": {"offer_timeout": "5s"}})
    ann = await centre.agent("a1")
    contact = await centre.submit("task")
    offer = (await ann.offered(contact))["offer"]
    await ann.expect("offer.timeout")
    check("timeout" in str(await refused(ann.accept(offer), "offer_gone")))
    check("timeout" in str(await refused(ann.reject(offer), "offer_gone")))
    await ann.ready()
    second = (await ann.offered(contact))["offer"]
    await ann.reject(second)
    check("reject" in str(await refused(ann.accept(second), "offer_gone")))
    other = await centre.submit("chat")
    third = (await ann.offered(other))["offer"]
    await centre.leave(other)
    await ann.expect("offer.rescinded")
    check("rescinded" in str(await refused(ann.accept(third), "offer_gone")))
    await refused(ann.accept("o00000000zzzz"), "offer_gone")
    equal(ann.contacts, {})


@test
async def an_offer_of_another_agent_cannot_be_answered(start):
    centre = await start()
    ann, contact = await centre.agent("a1"), await centre.submit("chat")
    offer = (await ann.offered(contact))["offer"]
    bob = await centre.agent("a2")
    await refused(bob.call("offer.accept", offer=offer), "not_yours")
    await refused(bob.call("offer.reject", offer=offer), "not_yours")
    await ann.accept(offer)
    await refused(bob.call("contact.complete", contact=contact), "not_yours")
    await refused(bob.call("contact.transfer", contact=contact, queue="general"), "not_yours")


@test
async def a_customer_who_leaves_a_conversation_begins_wrapup(start):
    centre = await start(channels={"chat": {"wrapup": "30s"}})
    ann = await centre.agent("a1")
    contact = await centre.submit("chat")
    await ann.take(contact)
    await centre.leave(contact)
    await ann.expect("contact.wrapup", lambda p: p["contact"]["id"] == contact)
    equal(await centre.state(contact), "wrapup")
    await ann.finish(contact)
    equal(await centre.state(contact), "completed")


@test
async def a_customer_who_leaves_while_waiting_is_abandoned_once(start):
    centre = await start()
    contact = await centre.submit("chat")
    await centre.leave(contact)
    equal(await centre.state(contact), "abandoned")
    await centre.leave(contact)
    equal(await centre.state(contact), "abandoned")
    ann = await centre.agent("a1")
    await ann.quiet("offer.created", 0.3)


@test(subset=True)
async def a_freed_agent_has_the_next_contact_at_once(start):
    centre = await start()
    contacts = [await centre.submit("task") for _ in range(6)]
    ann = await centre.agent("a1")
    for contact in contacts:
        equal(await ann.take(), contact, "in order of arrival")
        await ann.finish(contact)
    check(not await centre.waiting())


@test
async def offers_carry_the_payload_of_the_intake(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task", payload={"form": {"page": 3}})
    await ann.take(contact)
    found = await ann.call("contact.get", contact=contact, payload=True)
    equal(found["contact"]["payload"], {"form": {"page": 3}})


@test
async def a_channel_and_a_queue_taken_out_over_a_restart_drain(start):
    centre = await start()
    contact = await centre.submit("chat", queue="billing")
    await centre.kill()
    del centre.settings["channels"]["chat"], centre.settings["queues"]["billing"]
    centre.settings["queues"]["general"] = {}
    centre.write_settings()
    await centre.launch()
    found = await centre.get(contact)
    equal([found[name] for name in ("state", "channel", "queue")], ["queued", "chat", "billing"])
    ann = await centre.agent("a1")
    await ann.take(contact)
    await ann.finish(contact)
    equal(await centre.state(contact), "completed")


if __name__ == "__main__":
    main()
