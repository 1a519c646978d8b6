"""Sessions: heartbeat, resume, takeover, lost desktops, tokens."""

import asyncio
import time

from robot import refused
from harness import LATE_S
from runner import check, equal, eventually, main, test


@test(subset=True)
async def a_login_lands_in_not_ready_with_a_snapshot(start):
    centre = await start()
    ann = await centre.agent("a1", ready=False)
    told = await ann.expect("session.ready")
    equal((told["seq"], told["role"], told["agent"]["state"]), (1, "agent", "not_ready"))
    equal((told.get("contacts", []), told.get("offers", [])), ([], []))
    await centre.submit("task")
    await ann.quiet("offer.created", 0.2)


@test
async def a_reload_changes_the_rate_of_desktops_and_leaves_them_their_heartbeat(start):
    centre = await start()
    ann = await centre.agent("a1", reconnect=False)
    centre.write_settings(heartbeat="300ms", limits={"messages_per_second": 2})
    await centre.admin("config.reload")
    began = time.monotonic()
    await asyncio.gather(*(ann.wire.call("session.ping", timeout_s=30) for _ in range(14)))
    check(time.monotonic() - began >= 2, "eight at once, then two a second")
    await asyncio.sleep(2)  # she was told 10 s
    check(ann.online, "closed for a heartbeat that she was not told")


@test
async def a_snapshot_fits_a_message_however_much_is_known_of_what_is_held(start):
    centre = await start()
    ann = await centre.agent("a1")
    held = []
    for n in range(8):
        held.append(await centre.submit("task", customer={"account": f"A{n}"}))
        await ann.take(held[-1])
        for _ in range(5):
            await ann.wire.call("contact.note", contact=held[-1], text="x" * 8192)
        await ann.wire.call("contact.park", contact=held[-1])

    async def known():
        shown = [(await ann.wire.call("contact.get", contact=c))["contact"] for c in held]
        return all(len(c.get("customer", {}).get("notes", [])) == 5 for c in shown)

    await eventually(known, 20, "all is on the cards", every_s=0.2)
    again = await centre.agent("a1", ready=False, reconnect=False)
    told = await again.expect("session.ready")
    equal({c["id"] for c in told["contacts"]}, set(held))
    equal([(c["truncated"], "customer" in c) for c in told["contacts"]], [(True, False)] * 8, "the cards are left out")
    whole = (await again.wire.call("contact.get", contact=held[0]))["contact"]
    equal(len(whole["customer"]["notes"]), 5, "contact.get has them")


@test(subset=True)
async def a_second_desktop_of_one_agent_takes_over_his_work(start):
    centre = await start()
    first = await centre.agent("a1")
    held = await centre.submit("chat")
    await first.take(held)
    contact = await centre.submit("chat")
    offer = await first.offered(contact)
    second = await centre.agent("a1", ready=False, reconnect=False)
    await first.expect("session.replaced")
    await eventually(lambda: not first.online, what="the first desktop closed")
    told = await second.expect("session.ready")
    equal([c["id"] for c in told["contacts"]], [held])
    equal([o["offer"] for o in told["offers"]], [offer["offer"]])
    equal(told["agent"]["state"], "ready", "the state goes on")
    await second.accept(offer["offer"])
    await second.finish(contact)
    await second.finish(held)


@test(subset=True)
async def a_resume_replays_what_was_missed(start):
    centre = await start()
    ann = await centre.agent("a1", reconnect=False)
    contact = await centre.submit("chat")
    offer = await ann.offered(contact)
    seq, session = ann.seq, ann.session
    ann.crash()
    await ann.wire.closed
    await centre.leave(contact)
    seen = []
    wire = await centre.wire(on_event=lambda name, params: seen.append((name, params)))
    answer = await wire.call("session.resume", session=session, token=ann.token, seq=seq)
    equal((answer["resumed"], answer["session"]), (True, session))
    await eventually(lambda: any(n == "offer.rescinded" for n, _ in seen), what="the missed event")
    numbers = [p["seq"] for _, p in seen]
    equal(numbers, list(range(seq + 1, seq + 1 + len(numbers))), "numbers without holes")
    missed = next(p for n, p in seen if n == "offer.rescinded")
    equal(missed["offer"], offer["offer"])


@test(subset=True)
async def a_desktop_that_comes_back_keeps_its_work_and_its_open_offer(start):
    centre = await start()
    ann = await centre.agent("a1")
    held = await centre.submit("chat")
    await ann.take(held)
    contact = await centre.submit("chat")
    offer = await ann.offered(contact)
    lost = ann.wire
    ann.crash()
    await eventually(lambda: ann.online and ann.wire is not lost, what="back again")
    await ann.accept(offer["offer"])
    await ann.finish(contact)
    await ann.finish(held)


@test
async def a_lost_desktop_gets_no_new_offers(start):
    centre = await start()
    ann = await centre.agent("a1", reconnect=False)
    ann.crash()
    await ann.wire.closed
    contact = await centre.submit("task")
    await asyncio.sleep(0.3)
    equal(await centre.state(contact), "queued")
    bob = await centre.agent("a2")
    await bob.take(contact)


@test(subset=True)
async def an_offer_that_lapses_at_a_lost_desktop_is_no_rona(start):
    centre = await start(speed=10, channels={"task": {"offer_timeout": "10s"}})
    ann = await centre.agent("a1", reconnect=False)
    contact = await centre.submit("task")
    await ann.offered(contact)
    ann.crash()
    await ann.wire.closed
    equal(await centre.state(contact), "offered")
    await centre.becomes(contact, "queued")
    again = await centre.agent("a1", ready=False)
    told = await again.expect("session.ready")
    check(told["agent"]["state"] != "not_responding", told["agent"])
    await again.ready()
    await again.take(contact)


@test(limit_s=180)
async def work_of_a_desktop_lost_for_good_goes_back_to_its_place(start):
    centre = await start(desk_grace="3s")
    ann = await centre.agent("a1", reconnect=False)
    contact = await centre.submit("task")
    await ann.take(contact)
    before = (await centre.admin("contact.get", contact=contact))["contact"]
    ann.crash()
    await ann.wire.closed
    await asyncio.sleep(1)
    equal(await centre.state(contact), "connected")
    centre.judged = False  # the checker knows the grace of 120 s only
    await centre.becomes(contact, "queued", timeout_s=6)
    after = (await centre.admin("contact.get", contact=contact))["contact"]
    equal(after["t0_ms"], before["t0_ms"], "as old as it was")
    bob = await centre.agent("a2")
    await bob.take(contact)


@test
async def silence_for_two_beats_is_a_loss(start):
    centre = await start(heartbeat="1s")
    wire = await centre.wire(token=await centre.token("agent", agent="a1"))
    await wire.call("agent.set_state", state="ready")
    began = time.monotonic()
    await asyncio.wait_for(asyncio.shield(wire.closed), 2 + LATE_S)
    check(1.5 <= time.monotonic() - began <= 2 + LATE_S, f"closed after {time.monotonic() - began:.1f} s")
    contact = await centre.submit("task")
    await asyncio.sleep(0.2)
    equal(await centre.state(contact), "queued")


@test
async def one_who_holds_work_cannot_log_out(start):
    centre = await start()
    ann = await centre.agent("a1", reconnect=False)
    contact = await centre.submit("task")
    await ann.take(contact)
    await refused(ann.call("session.logout"))
    await ann.finish(contact)
    await ann.call("session.logout")
    listed = (await centre.admin("agent.list"))["agents"]
    equal({a["id"]: a["state"] for a in listed}["a1"], "offline")


@test(subset=True)
async def a_restart_keeps_queue_order_offers_and_work(start):
    centre = await start()
    ann = await centre.agent("a1")
    held = await centre.submit("chat")
    await ann.take(held)
    offered = await centre.submit("chat")
    offer = await ann.offered(offered)
    waiting = [await centre.submit("task") for _ in range(5)]
    gold = await centre.submit("task", tier="gold")
    before = await centre.waiting()
    equal(before, [gold, *waiting])
    await centre.kill("router")
    await centre.launch()
    ann.address = centre.ready["desk"]
    await eventually(lambda: ann.online and ann.session, what="the desktop is back", limit_s=15)
    equal(await centre.waiting(), before)
    equal(await centre.state(held), "connected")
    await eventually(lambda: offered in {o["contact"]["id"] for o in ann.offers.values()}, what="the open offer")
    await ann.accept(offer["offer"])
    await ann.finish(offered)
    await ann.finish(held)


@test
async def a_token_that_is_revoked_ends_its_sessions(start):
    centre = await start()
    ann = await centre.agent("a1", reconnect=False)
    await centre.admin("token.revoke", agent="a1")
    await asyncio.wait_for(asyncio.shield(ann.wire.closed), 2)
    wire = await centre.wire()
    await refused(wire.call("session.login", token=ann.token))


@test
async def a_code_for_an_agent_who_is_not_in_the_settings_is_not_used_up(start):
    centre = await start()
    code = (await centre.admin("code.create", role="agent", agent="zoe"))["code"]
    await refused((await centre.wire()).call("session.login", code=code), "no_agent")
    equal(len((await centre.admin("token.list", agent="zoe"))["tokens"]), 1, "the code is there still, and no token is")
    centre.write_settings(agents=[*centre.settings["agents"], {"id": "zoe"}])
    await centre.admin("config.reload")
    login = await (await centre.wire()).call("session.login", code=code)
    equal(login["agent"], "zoe")


@test
async def a_token_is_for_one_agent(start):
    centre = await start()
    token = await centre.token("agent", agent="a1")
    wire = await centre.wire(token=token)
    with_login = await refused(wire.call("session.login", token=token))
    check(with_login.type, "a second login on one connection is refused")
    await refused(centre.admin("token.create", role="agent", agent="nobody"))


@test
async def tokens_are_minted_by_the_thousand(start):
    agents = [{"id": f"r{n}", "skills": {}} for n in range(1, 1001)]
    centre = await start(agents=agents)
    began = time.monotonic()
    made = (await centre.admin("token.create", role="agent", agent="r%d", count=1000))["tokens"]
    equal((len(made), made[-1]["agent"]), (1000, "r1000"))
    check(time.monotonic() - began < 5)


@test
async def one_who_sends_too_much_is_heard_more_slowly_and_nobody_else_waits(start):
    centre = await start()
    wire = await centre.wire(token=await centre.token("supervisor"))
    ann = await centre.agent("a1")
    began = time.monotonic()
    calls = [asyncio.ensure_future(wire.send("session.ping")) for _ in range(400)]
    slowest = 0.0
    for _ in range(20):
        asked = time.monotonic()
        await ann.call("session.ping")
        slowest = max(slowest, time.monotonic() - asked)
        await asyncio.sleep(0.05)
    await asyncio.gather(*calls)
    check(time.monotonic() - began >= 3.0, "400 messages at once took", time.monotonic() - began, "s")
    check(slowest < 0.5, f"another one waited {slowest:.2f} s for an answer")


if __name__ == "__main__":
    main()
