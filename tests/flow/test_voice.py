"""Calls through the running daemon: a simulated switch, real Redis, robots at desktops (CTI.md, CONTRACTS 2)."""

import asyncio
import sqlite3

from harness import free_port
from robot import refused
from runner import check, equal, main, test
from switch_apps import app_user_event
from voice_case import (PLAN, agent_state, centre_is, channel_is, come, contact_of, linked, number_of, status, until,
                        voice)  # fmt: skip

@test(subset=True)
async def a_call_rings_its_agent_and_the_answer_accepts(start):
    async with voice(start) as (centre, switch):
        ann = await centre.agent("a1")
        call = switch.arrive(number="5550100", dialled="8004", patience_s=60, talk_s=1)
        offer = await ann.expect("offer.created")
        equal(offer["contact"]["attributes"]["ani"], "5550100")
        equal(offer["contact"]["attributes"]["dnis"], "8004")
        contact = offer["contact"]["id"]
        await ann.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        done = await ann.expect("contact.completed", lambda p: p["contact"]["id"] == contact)
        check(done["handled_ms"] > 0, done)
        await switch.until(lambda: switch.account(call)["outcome"] == "ended", "the caller was served")
        found = await centre.get(contact)
        equal(found["state"], "completed")
        check(800 <= found["talk_ms"] <= 5000, found)
        check(200 <= found["ring_ms"] <= 5000, found)
        equal([(leg["agent"], leg["end"]) for leg in found["legs"]], [("a1", "hung_up")])
        equal((await status(centre))["calls"]["answered"], 1)


@test(subset=True)
async def a_caller_who_hangs_up_while_waiting_is_abandoned(start):
    async with voice(start) as (centre, switch):
        call = switch.arrive(number="5550101", patience_s=60, talk_s=1)
        contact = await contact_of(centre, call, "queued")
        switch.leave(call)
        await until(lambda: centre_is(centre, contact, "abandoned"), "abandoned")
        equal((await centre.get(contact))["reason"], "short_abandon")


@test
async def each_way_of_not_being_reached_has_its_consequence(start):
    async with voice(start, answer_s=0.2) as (centre, switch):
        ann = await centre.agent("a1")
        rows = [
            ("ring", "offer.timeout", "not_responding", "rona"),
            ("busy", "offer.rejected", "ready", None),
            ("away", "offer.cancelled", "not_ready", "device"),
        ]
        for number, (mode, event, state, reason) in enumerate(rows):
            switch.phone(1001, mode=mode)
            call = switch.arrive(number=f"555020{number}", patience_s=60, talk_s=1)
            contact = (await ann.expect("offer.created"))["contact"]["id"]
            await ann.expect(event)
            if reason:
                await agent_state(ann, state, reason)
            else:
                equal(ann.agent["state"], "ready")
            equal(await centre.state(contact), "queued")
            switch.leave(call)
            await until(lambda: centre_is(centre, contact, "abandoned"), "abandoned")
            await ann.ready()


@test
async def a_telephone_that_does_not_answer_gives_the_call_to_the_next(start):
    async with voice(start, answer_s=0.2) as (centre, switch):
        ann, bob = await centre.agent("a1"), await centre.agent("a2", ready=False)
        switch.phone(1001, mode="ring")
        call = switch.arrive(number="5550110", patience_s=60, talk_s=1)
        contact = (await ann.expect("offer.created"))["contact"]["id"]
        await bob.ready()
        await ann.expect("offer.timeout")
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        await switch.until(lambda: switch.account(call)["outcome"] == "ended", "served by the second")
        await until(lambda: centre_is(centre, contact, "completed"), "completed")
        legs = (await centre.get(contact))["legs"]
        equal([(leg["agent"], leg["end"]) for leg in legs], [("a1", "no_answer"), ("a2", "hung_up")])


@test(subset=True)
async def who_waits_is_connected_when_an_agent_gets_ready(start):
    async with voice(start) as (centre, switch):
        calls = [switch.arrive(number=f"55503{i:02}", patience_s=60, talk_s=0.3) for i in range(5)]
        for call in calls:
            await contact_of(centre, call, "queued")
        await centre.agent("a1")
        await centre.agent("a2")
        await switch.until(lambda: all(switch.account(c)["outcome"] == "ended" for c in calls), "all served", 40)
        counts = (await centre.admin("server.status"))["counts"]
        check(counts, "figures")


@test(subset=True)
async def a_cut_link_loses_nobody_and_callers_keep_their_places(start):
    async with voice(start) as (centre, switch):
        ann = await centre.agent("a1")
        talking = switch.arrive(number="5550400", patience_s=60, talk_s=90)
        await ann.expect("contact.connected")
        waiting, contacts = await come(centre, switch, 3, "555041", patience_s=60, talk_s=0.3)
        t0 = [(await centre.get(c))["t0_ms"] for c in contacts]
        switch.cut()
        await switch.linked()
        await linked(centre)

        async def in_place():
            return await centre.waiting() == contacts

        await until(in_place, "all of them wait in their order")
        equal([(await centre.get(c))["t0_ms"] for c in contacts], t0)
        switch.leave(talking)
        await switch.until(lambda: all(switch.account(c)["outcome"] == "ended" for c in [talking, *waiting]), "served", 60)
        for contact in contacts:
            await until(lambda c=contact: centre_is(centre, c, "completed"), "completed")


@test(subset=True)
async def a_switch_that_starts_anew_loses_its_calls_and_abandons_none(start):
    async with voice(start) as (centre, switch):
        ann = await centre.agent("a1")
        switch.arrive(number="5550500", patience_s=60, talk_s=30)
        talking = (await ann.expect("contact.connected"))["contact"]["id"]
        waiting = await contact_of(centre, switch.arrive(number="5550501", patience_s=60, talk_s=1), "queued")
        await switch.restart()
        await switch.linked()
        for contact in (talking, waiting):
            await until(lambda c=contact: centre_is(centre, c, "lost"), "lost")
        # The agent is free: the next caller rings him.
        call = switch.arrive(number="5550502", patience_s=60, talk_s=0.3)
        await switch.until(lambda: switch.account(call)["outcome"] == "ended", "served")


@test(subset=True)
async def a_killed_router_finds_its_calls_where_they_stand(start):
    async with voice(start, desk=f"127.0.0.1:{free_port()}") as (centre, switch):
        ann = await centre.agent("a1")
        talking = switch.arrive(number="5550600", patience_s=90, talk_s=90)
        first = (await ann.expect("contact.connected"))["contact"]["id"]
        waiting = switch.arrive(number="5550601", patience_s=90, talk_s=0.3)
        second = await contact_of(centre, waiting, "queued")
        left = switch.arrive(number="5550602", patience_s=90, talk_s=0.3)
        third = await contact_of(centre, left, "queued")
        await centre.kill()
        switch.leave(left)
        await centre.launch()
        await linked(centre)
        await until(lambda: centre_is(centre, third, "lost"), "lost: nobody saw him go")
        equal(await centre.state(first), "connected")
        switch.leave(talking)
        await switch.until(lambda: all(switch.account(c)["outcome"] == "ended" for c in (talking, waiting)), "served", 60)
        for contact in (first, second):
            await until(lambda c=contact: centre_is(centre, c, "completed"), "completed")


@test
async def a_call_outside_makes_its_agent_busy(start):
    async with voice(start) as (centre, switch):
        ann = await centre.agent("a1")
        switch.outside(answer_s=0.1)
        switch.control.do_phone_dial("1001", "5559999")
        await ann.expect("agent.state_changed", lambda p: p["agent"].get("outside_call"))
        call = switch.arrive(number="5550700", patience_s=60, talk_s=0.3)
        await contact_of(centre, call, "queued")
        switch.control.do_phone_hang_up("1001")
        await ann.expect("contact.connected")
        await switch.until(lambda: switch.account(call)["outcome"] == "ended", "served")


@test
async def who_rings_again_has_his_old_place(start):
    async with voice(start) as (centre, switch):
        first = switch.arrive(number="5550800", patience_s=60, talk_s=0.3)
        gone = await contact_of(centre, first, "queued")
        t0 = (await centre.get(gone))["t0_ms"]
        second = await contact_of(centre, switch.arrive(number="5550801", patience_s=60, talk_s=0.3), "queued")
        switch.leave(first)
        await until(lambda: centre_is(centre, gone, "abandoned"), "abandoned")
        again = await contact_of(centre, switch.arrive(number="5550800", patience_s=60, talk_s=0.3), "queued")
        check((await centre.get(again))["t0_ms"] <= t0 + 1, "his old place")
        equal(await centre.waiting(), [again, second])


@test
async def a_hold_and_a_transfer_at_the_telephone_are_followed(start):
    async with voice(start) as (centre, switch):
        ann, bob = await centre.agent("a1"), await centre.agent("a2", ready=False)
        call = switch.arrive(number="5550900", patience_s=60, talk_s=30)
        contact = (await ann.expect("contact.connected"))["contact"]["id"]
        switch.control.do_phone_hold("1001")
        await ann.expect("call.held")
        switch.control.do_phone_retrieve("1001")
        await ann.expect("call.retrieved")
        switch.control.do_phone_blind("1001", "1002")
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        equal((await centre.get(contact))["agent"], "a2")
        switch.leave(call)
        await until(lambda: centre_is(centre, contact, "completed"), "completed")
        equal((await centre.get(contact))["transfers"], 1)


@test
async def a_desktop_holds_transfers_and_hangs_up_through_the_switch(start):
    async with voice(start) as (centre, switch):
        ann, bob = await centre.agent("a1"), await centre.agent("a2")
        call = switch.arrive(number="5551000", patience_s=60, talk_s=60)
        contact = (await ann.expect("contact.connected"))["contact"]["id"]
        t0 = (await centre.get(contact))["t0_ms"]
        check((await ann.call("call.hold", contact=contact))["accepted"], "asked")
        await ann.expect("call.held")
        await ann.call("call.retrieve", contact=contact)
        await ann.expect("call.retrieved")
        await ann.call("call.mute", contact=contact)
        await switch.until(lambda: switch.actions("MuteAudio"), "muted")
        # To another agent, with age and history; his telephone rings.
        await ann.call("call.transfer", contact=contact, agent="a2")
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        equal((await centre.get(contact))["t0_ms"], t0)
        await refused(bob.call("call.transfer", contact=contact, number="12\r\nEvil: 1"), "invalid_params")
        await bob.call("call.hangup", contact=contact)
        await bob.expect("contact.completed")
        await switch.until(lambda: switch.account(call)["outcome"] == "ended", "over")
        legs = (await centre.get(contact))["legs"]
        equal([leg["agent"] for leg in legs], ["a1", "a2"])
        check(legs[0]["hold_ms"] > 0, legs)


@test
async def a_supervisor_listens_in_and_it_is_audited(start):
    async with voice(start) as (centre, switch):
        switch.phone("1009", answer_s=0.1)
        ann = await centre.agent("a1")
        switch.arrive(number="5551100", patience_s=60, talk_s=5)
        contact = (await ann.expect("contact.connected"))["contact"]["id"]
        for mode, option in (("monitor", "qES"), ("whisper", "qESw"), ("barge", "qESB")):
            await centre.admin("call.monitor", contact=contact, device="PJSIP/1009", mode=mode)
            await switch.until(
                lambda o=option: any(a.get("data", "").endswith("," + o) for a in switch.actions("Originate")), mode
            )
        log = "".join(file.read_text() for file in (centre.state_dir / "audit").glob("*"))
        equal([log.count(f'"{mode}"') for mode in ("monitor", "whisper", "barge")], [1, 1, 1], "audited")


@test
async def place_and_wait_are_announced_only_when_they_improve(start):
    async with voice(start, calls={"announce": "300ms"}) as (centre, switch):
        calls, contacts = await come(centre, switch, 3, "555120", patience_s=60, talk_s=0.3)

        def said(call):
            name = switch.world.channels[call].name
            return [a["value"] for a in switch.actions("Setvar")
                    if a["variable"] == "USHER_POSITION" and a["channel"] == name and a["value"]]  # fmt: skip

        await switch.until(lambda: [said(c) for c in calls] == [["1"], ["2"], ["3"]], "each hears his place once")
        name = switch.world.channels[calls[2]].name
        switch.leave(calls[0])
        await switch.until(lambda: said(calls[2]) == ["3", "2"], f"better news for {name}")
        await until(lambda: centre_is(centre, contacts[0], "abandoned"), "abandoned")
        await asyncio.sleep(0.7)
        equal(said(calls[2]), ["3", "2"], "no news is not told")


@test
async def the_shipped_dialplan_parks_connects_and_falls_back(start):
    async with voice(start, switch_more={"dialplan": PLAN}) as (centre, switch):
        ann = await centre.agent("a1")
        call = switch.arrive(number="5551300", dialled="8004", patience_s=60, talk_s=0.5, context="usher-in")
        await ann.expect("contact.connected")
        await switch.until(lambda: switch.account(call)["outcome"] == "ended", "served")


DIALLING = {"attempts": 2, "gap": "300ms", "delay": "300ms", "ring": "1s", "earliest": "00:00", "latest": "24:00"}


async def ask_for_a_call(centre, number="+442071234567"):
    return await centre.submit("callback", attributes={"callback.number": number})


@test(subset=True)
async def a_callback_is_dialled_for_the_agent_who_accepted_it(start):
    async with voice(start, dialling=DIALLING, switch_more={"dialplan": PLAN}) as (centre, switch):
        switch.outside(answer_s=0.2, talk_s=0.5)
        ann = await centre.agent("a1")
        contact = await ask_for_a_call(centre)
        await ann.accept((await ann.offered(contact))["offer"])
        await until(lambda: centre_is(centre, contact, "completed"), "completed", 30)
        found = await centre.get(contact)
        equal(found["attempts"], 1)
        check(found["talk_ms"] > 0, found)
        equal(len(switch.actions("Originate")), 1)


@test
async def who_cannot_be_reached_is_tried_as_often_as_allowed_and_no_more(start):
    async with voice(start, dialling=DIALLING, switch_more={"dialplan": PLAN}) as (centre, switch):
        switch.outside(mode="ring")
        ann = await centre.agent("a1")
        contact = await ask_for_a_call(centre)
        for _ in range(2):
            await ann.accept((await ann.offered(contact))["offer"])
        await until(lambda: centre_is(centre, contact, "unreachable"), "unreachable", 60)
        equal(len(switch.actions("Originate")), 2)
        await until(lambda: is_recorded(centre, contact, "unreachable"), "the record says so, too")
        await until(lambda: agent_is(centre, "a1", "ready"), "the agent is free")


async def is_recorded(centre, contact, state):
    with sqlite3.connect(f"file:{centre.state_dir}/history.db?mode=ro", uri=True, timeout=10) as database:
        return database.execute("SELECT state FROM contact WHERE id = ?", [number_of(contact)]).fetchall() == [(state,)]


async def agent_is(centre, agent, state):
    return [a["state"] for a in (await centre.admin("agent.list"))["agents"] if a["id"] == agent] == [state]


@test
async def an_answering_machine_is_nobody_and_is_tried_again(start):
    async with voice(start, dialling=DIALLING, switch_more={"dialplan": PLAN}) as (centre, switch):
        switch.outside(answer_s=0.1, talk_s=600)
        ann = await centre.agent("a1")
        contact = await ask_for_a_call(centre)
        for attempt in (1, 2):
            await ann.accept((await ann.offered(contact))["offer"])
            await switch.until(lambda n=attempt: len(switch.actions("Originate")) == n, "dialled")
            await switch.until(lambda: any(len(b.members) == 2 for b in switch.world.bridges.values()), "it answers")
            answer = await ann.call("callback.report", contact=contact, result="machine")
            equal(answer["attempts"], attempt)
            await switch.until(lambda: not switch.world.channels, "hung up")
        await until(lambda: centre_is(centre, contact, "unreachable"), "tried as often as allowed")
        await until(lambda: agent_is(centre, "a1", "ready"), "the agent is free")


@test
async def a_killed_router_dials_nobody_twice(start):
    more = {"dialling": {**DIALLING, "gap": "1h", "ring": "60s"}, "switch_more": {"dialplan": PLAN}}
    async with voice(start, desk=f"127.0.0.1:{free_port()}", **more) as (centre, switch):
        switch.outside(mode="ring")
        ann = await centre.agent("a1")
        contact = await ask_for_a_call(centre)
        await ann.accept((await ann.offered(contact))["offer"])
        await switch.until(lambda: switch.actions("Originate"), "dialled")
        await centre.kill()
        await switch.restart()
        await centre.launch()
        await linked(centre)
        await until(lambda: centre_is(centre, contact, "scheduled"), "scheduled: this attempt was made")
        equal((await centre.get(contact))["attempts"], 1)
        equal(len(switch.actions("Originate")), 1)


@test
async def a_customer_dialled_first_waits_at_his_place_once_he_answers(start):
    more = {"dialling": {**DIALLING, "mode": "customer_first"}, "switch_more": {"dialplan": PLAN}}
    async with voice(start, **more) as (centre, switch):
        switch.outside(answer_s=0.2, talk_s=20)
        contact = await ask_for_a_call(centre)
        ann = await centre.agent("a1")
        await ann.expect("contact.connected", lambda p: p["contact"]["id"] == contact, 30)
        await ann.call("call.hangup", contact=contact)
        await until(lambda: centre_is(centre, contact, "completed"), "completed", 30)


@test
async def a_waiting_caller_swaps_to_a_callback_in_the_same_place(start):
    async with voice(start, dialling=DIALLING) as (centre, switch):
        call = switch.arrive(number="+442071234567", patience_s=60, talk_s=1)
        contact = await contact_of(centre, call, "queued")
        before = await centre.get(contact)
        behind = await contact_of(centre, switch.arrive(number="5550101", patience_s=60, talk_s=1), "queued")
        await app_user_event(switch.world.channels[call], "UsherCallback,Number: +442071234567")
        await until(lambda: channel_is(centre, contact, "callback"), "it is a callback")
        switch.leave(call)
        await until(lambda: centre_is(centre, contact, "queued"), "it waits again after the delay")
        after = await centre.get(contact)
        equal([after[k] for k in ("t0_ms", "deadline_ms")], [before[k] for k in ("t0_ms", "deadline_ms")])
        equal(await centre.waiting(), [contact, behind])
        # He rings himself: the same contact, the same place.
        again = switch.arrive(number="+442071234567", patience_s=60, talk_s=1)
        await until(lambda: channel_is(centre, contact, "voice"), "joined")
        equal(await centre.waiting(), [contact, behind])
        switch.leave(again)
        await until(lambda: centre_is(centre, contact, "abandoned"), "abandoned")


if __name__ == "__main__":
    main()
