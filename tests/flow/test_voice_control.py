"""What agents and supervisors do with calls: transfers of every kind, asking, conference, listening in,
taking over; devices of a login, telephones that pick up by themselves."""

from robot import refused
from runner import check, equal, main, test
from voice_case import PLAN, agent_state, centre_is, contact_of, ended, until, voice

FROM_CONF = {"switch_more": {"dialplan": PLAN}}


async def talking(centre, switch, robot, **caller):
    """A caller in the hands of a robot: (call, contact)."""
    call = switch.arrive(**{"number": "5552000", "patience_s": 600, "talk_s": 600, **caller})
    contact = (await robot.expect("contact.connected"))["contact"]["id"]
    return call, contact


async def over(centre, switch, call, contact, state="completed"):
    switch.leave(call)
    await until(lambda: centre_is(centre, contact, state), state)


def members(switch, call):
    """Devices that are in a bridge or a room with the caller."""
    channel = switch.world.channels[call]
    return sorted(c.device() for c in channel.bridge.members if c is not channel) if channel.bridge else []


@test
async def a_blind_transfer_to_a_number_ends_the_agents_part_and_the_caller_talks_on(start):
    async with voice(start, **FROM_CONF) as (centre, switch):
        switch.phone("1042", answer_s=0.1)  # a colleague who is no agent
        ann = await centre.agent("a1")
        call, contact = await talking(centre, switch, ann)
        await ann.call("call.transfer", contact=contact, number="1042")
        await ann.expect("contact.completed", lambda p: p["contact"]["id"] == contact, 15)
        await switch.until(lambda: members(switch, call) == ["PJSIP/1042"], "the colleague has him")
        equal([(t["kind"], t["to"]) for t in switch.account(call)["transfers"]], [("blind", "1042")])
        equal((await centre.get(contact))["transfers"], 1)
        # The agent is free while they talk.
        other = switch.arrive(number="5552001", patience_s=60, talk_s=0.2)
        await ended(switch, other)
        switch.leave(call)
        await ended(switch, call)


@test
async def a_transfer_to_a_queue_keeps_history_age_and_clock(start):
    async with voice(start) as (centre, switch):
        ann = await centre.agent("a1")
        call, contact = await talking(centre, switch, ann)
        before = await centre.get(contact)
        await ann.call("call.transfer", contact=contact, queue="billing")
        await ann.expect("contact.transferred")
        await until(lambda: centre_is(centre, contact, "queued"), "waits for billing")
        await switch.until(lambda: switch.account(call)["waits"] == 2, "music again")
        waiting = await centre.get(contact)
        equal((waiting["queue"], waiting["t0_ms"]), ("billing", before["t0_ms"]))
        check(waiting["deadline_ms"] >= before["deadline_ms"], "the time that he talked does not count", waiting, before)
        cem = await centre.agent("a3")
        await cem.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        await over(centre, switch, call, contact)
        equal([leg["agent"] for leg in (await centre.get(contact))["legs"]], ["a1", "a3"])


@test
async def an_attended_transfer_asks_first_and_then_hands_over(start):
    async with voice(start, **FROM_CONF) as (centre, switch):
        ann = await centre.agent("a1")
        bob = await centre.agent("a2", ready=False)
        call, contact = await talking(centre, switch, ann)
        await ann.call("call.consult", contact=contact, agent="a2")
        await switch.until(lambda: switch.world.phones["1002"].answers == 1, "the colleague is asked")
        equal((await centre.get(contact))["agent"], "a1", "the caller is still the first one's")
        # He who is asked is busy with it.
        await bob.expect("agent.state_changed", lambda p: p["agent"].get("outside_call"))
        await ann.call("call.transfer", contact=contact, attended=True)
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        equal((await centre.get(contact))["agent"], "a2")
        await switch.until(lambda: "PJSIP/1002" in switch.account(call)["agents"], "the switch says so, too")
        await over(centre, switch, call, contact)
        found = await centre.get(contact)
        equal(found["transfers"], 1)
        check(found["hold_ms"] > 0, "he held while they talked of him", found)


@test
async def who_was_asked_goes_and_the_caller_is_back_with_his_agent(start):
    async with voice(start, **FROM_CONF) as (centre, switch):
        switch.phone("1042", answer_s=0.1)
        ann = await centre.agent("a1")
        call, contact = await talking(centre, switch, ann)
        await ann.call("call.consult", contact=contact, number="1042")
        await switch.until(lambda: switch.world.phones["1042"].answers == 1, "asked")
        await ann.call("call.consult", contact=contact, end=True)
        await switch.until(lambda: members(switch, call) == ["PJSIP/1001"], "back with his agent")
        equal((await centre.get(contact))["agent"], "a1")
        await over(centre, switch, call, contact)
        equal((await centre.get(contact)).get("transfers", 0), 0)


@test
async def three_talk_in_a_conference(start):
    async with voice(start, **FROM_CONF) as (centre, switch):
        switch.phone("1042", answer_s=0.1)
        ann = await centre.agent("a1")
        call, contact = await talking(centre, switch, ann)
        await ann.call("call.conference", contact=contact, number="1042")
        await switch.until(lambda: members(switch, call) == ["PJSIP/1001", "PJSIP/1042"], "three in a room")
        equal(await centre.state(contact), "connected")
        await over(centre, switch, call, contact)


@test
async def a_call_that_is_taken_over_rings_the_other_agent_at_once_or_stays(start):
    async with voice(start) as (centre, switch):
        ann, bob = await centre.agent("a1"), await centre.agent("a2", ready=False)
        call, contact = await talking(centre, switch, ann)
        why = await refused(centre.admin("call.take_over", contact=contact, agent="a2"), "agent_not_free")
        check("ready" in str(why), why)
        equal((await centre.get(contact))["agent"], "a1", "he was not made to wait")
        await bob.ready()
        await agent_state(bob, "ready")
        t0 = (await centre.get(contact))["t0_ms"]
        await centre.admin("call.take_over", contact=contact, agent="a2")
        await ann.expect("contact.transferred")
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        equal((await centre.get(contact))["t0_ms"], t0)
        log = "".join(file.read_text() for file in (centre.state_dir / "audit").glob("*"))
        equal(log.count("call.take_over"), 1, "audited once: what was refused took nothing")
        await over(centre, switch, call, contact)


@test
async def only_staff_listens_in_or_takes_over(start):
    async with voice(start) as (centre, switch):
        ann, bob = await centre.agent("a1"), await centre.agent("a2")
        call, contact = await talking(centre, switch, ann)
        other = bob if (await centre.get(contact))["agent"] == "a1" else ann
        for method, more in (("call.monitor", {"device": "PJSIP/1002"}), ("call.take_over", {"agent": "a2"})):
            await refused(other.call(method, contact=contact, **more), "not_permitted")
        await refused(other.call("call.hangup", contact=contact))
        theirs = await centre.supervisor("s2")  # of another team
        await refused(theirs.call("call.monitor", contact=contact, device="PJSIP/1009"))
        equal(switch.actions("Originate"), [])
        await over(centre, switch, call, contact)


@test
async def the_device_of_a_login_rings_instead_of_that_of_the_settings(start):
    async with voice(start, **FROM_CONF) as (centre, switch):
        switch.outside(answer_s=0.1)
        switch.phone("1055", answer_s=0.1)
        for device, rung in (("PJSIP/1055", "PJSIP/1055"), ("+442079460018", "PJSIP/trunk")):
            robot = centre.robot("a1", await centre.token("agent", agent="a1"), device=device)
            await robot.start()
            await robot.ready()
            call, contact = await talking(centre, switch, robot)
            equal(robot.agent["device"], device)
            equal([a["device"] for a in switch.account(call)["attempts"]], [rung])
            await over(centre, switch, call, contact)
            await robot.stop(logout=True)
        equal(switch.world.phones["1001"].rung, 0)


@test
async def telephones_pick_up_by_themselves_as_switch_and_agent_say(start):
    agents = [
        {"id": "a1", "name": "Ann", "team": "first", "device": "PJSIP/1001"},
        {"id": "a2", "name": "Bob", "team": "first", "device": "PJSIP/1002", "answer": "ring"},
        {"id": "a3", "name": "Cem", "team": "first", "device": "PJSIP/1003", "answer": "auto"},
    ]
    for of_switch, wanted in (("auto", {"a1": "1", "a2": "", "a3": "1"}), ("ring", {"a1": "", "a2": "", "a3": "1"})):
        async with voice(start, answer_s=0.05, agents=agents) as (centre, switch):
            centre.settings["switches"]["pbx"]["answer"] = of_switch
            centre.write_settings()
            await centre.admin("config.reload")
            for name, auto in wanted.items():
                robot = await centre.agent(name)
                call, contact = await talking(centre, switch, robot)
                channel = switch.world.channels[call].name
                said = [a["value"] for a in switch.actions("Setvar")
                        if a["variable"] == "__USHER_AUTO" and a["channel"] == channel]  # fmt: skip
                equal(said, [auto] if auto else [], name, of_switch)
                await over(centre, switch, call, contact)
                await robot.stop(logout=True)


@test
async def the_order_to_pick_up_is_for_the_telephone_that_rings(start):
    async with voice(start) as (centre, switch):
        switch.phone(1001, mode="manual")
        ann = await centre.agent("a1")
        call = switch.arrive(number="5552100", patience_s=60, talk_s=60)
        contact = await contact_of(centre, call, "offered")
        await switch.until(lambda: switch.world.phones["1001"].rung == 1, "it rings")
        await refused(ann.call("call.hold", contact=contact), "wrong_state")
        await ann.call("call.answer", contact=contact)
        await ann.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        await refused(ann.call("call.answer", contact=contact), "wrong_state")
        await over(centre, switch, call, contact)


if __name__ == "__main__":
    main()
