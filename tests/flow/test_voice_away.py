"""Calls while somebody is away without a word: usherd that stood still, a telephone that died, usherd that was killed."""

from harness import free_port
from resp import Resp
from runner import check, equal, main, test
from test_customers import imported
from test_customers_away import erased_once_allowed
from voice_case import agent_state, asleep, centre_is, contact_of, ended, linked, status, until, voice

# ---- the router stood still


@test(limit_s=120)
async def a_router_that_stood_still_finds_switch_and_callers_as_they_are(start):
    """Longer than its switch may be silent or late, and than a telephone may ring: all that came meanwhile is read
    before anything is concluded from its not having come."""
    short = {"silence": "4s", "lag": "3s"}
    voice_channel = {"cost": 100, "offer_timeout": "3s", "wrapup": "0s", "sla": "20s"}
    rings = {"voice": voice_channel, "callback": {**voice_channel, "sla": "15m"}}
    async with voice(start, calls=short, channels=rings) as (centre, switch):
        phone = switch.phone(1002, mode="manual")
        ann = await centre.agent("a1")
        talking = await contact_of(centre, switch.arrive(number="5557000", patience_s=600, talk_s=600), "connected")
        calls = [switch.arrive(number=f"555700{n}", patience_s=600, talk_s=600) for n in range(1, 4)]
        answered, leaves, stays = [await contact_of(centre, call, "queued") for call in calls]
        t0 = (await centre.get(stays))["t0_ms"]
        bob = await centre.agent("a2")
        await switch.until(lambda: phone.rung == 1, "the first of them rings Bob")
        redirects = len(switch.actions("Redirect"))
        with asleep(centre):
            began = switch.world.now()
            check(switch.control.do_phone_answer("1002"), "Bob picks up")
            switch.leave(calls[1])
            late = switch.arrive(number="5557004", patience_s=600)
            await switch.until(lambda: switch.world.now() - began > 6.5, "a while")
        pings = len(switch.actions("Ping"))
        await until(lambda: centre_is(centre, leaves, "abandoned"), "his end was read")
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == answered)
        arrived = await contact_of(centre, late, "queued")
        await switch.until(lambda: len(switch.actions("Ping")) > pings, "the switch is asked for a sign of life")
        [link] = (await status(centre))["switches"][0]["links"]
        equal((link["state"], link["connected"], link["problem"]), ("up", 1, ""))
        equal(await centre.waiting(), [stays, arrived])
        equal((await centre.get(stays))["t0_ms"], t0)
        equal(len(switch.actions("Redirect")), redirects, "nobody was taken from his agent")
        equal([await centre.state(c) for c in (talking, answered)], ["connected", "connected"])
        equal(ann.agent["state"], "ready")


# ---- the switch is not there yet


@test
async def who_was_offered_before_the_switch_was_reached_is_rung_when_it_is(start):
    patient = {"cost": 100, "offer_timeout": "60s", "wrapup": "0s", "sla": "20s"}
    channels = {"voice": patient, "callback": {**patient, "sla": "15m"}}
    async with voice(start, channels=channels, desk=f"127.0.0.1:{free_port()}") as (centre, switch):
        call = switch.arrive(number="5557050", patience_s=600, talk_s=0.2)
        contact = await contact_of(centre, call, "queued")
        await centre.kill()
        await switch.server.deafen()
        await centre.launch()
        ann = await centre.agent("a1")
        equal((await ann.offered())["contact"]["id"], contact)
        equal(switch.account(call)["attempts"], [])
        await switch.server.listen(switch.server.host, switch.server.port)
        await ann.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        await ended(switch, call)
        equal(len(switch.account(call)["attempts"]), 1)


# ---- a telephone dies


@test(limit_s=120)
async def a_telephone_that_dies_is_noticed_by_its_desktop(start):
    """Two lose power in the middle of a call: no word from the switch, no heartbeat any more. They get nothing new; what
    the switch holds up is not torn down. One caller is given back by a supervisor, one hangs up by himself."""
    async with voice(start, heartbeat="1s", desk_grace="2s") as (centre, switch):
        ann, cem = await centre.agent("a1", reconnect=False), await centre.agent("a3", reconnect=False)
        calls = [switch.arrive(number=f"555710{n}", patience_s=600, talk_s=600) for n in range(2)]
        contacts = [await contact_of(centre, call, "connected") for call in calls]
        with_ann = contacts.index((await ann.expect("contact.connected"))["contact"]["id"])
        kept, leaves = contacts[with_ann], contacts[1 - with_ann]
        leaver = calls[1 - with_ann]
        for robot, number in ((ann, 1001), (cem, 1003)):
            switch.phone(number, mode="dead")
            robot.frozen = True

        async def noticed():
            return [a["id"] for a in (await centre.admin("agent.list"))["agents"] if a["desktop_lost"]] == ["a1", "a3"]

        await until(noticed, "both are missed")
        since = switch.world.now()
        other = switch.arrive(number="5557102", patience_s=600, talk_s=0.2)
        waits = await contact_of(centre, other, "queued")
        await switch.until(lambda: switch.world.now() - since > 3, "longer than work is kept for a desktop")
        equal([await centre.state(c) for c in contacts], ["connected", "connected"], "the switch holds them up")
        equal(await centre.state(waits), "queued", "nobody to take him")
        t0 = (await centre.get(kept))["t0_ms"]
        await centre.admin("contact.requeue", contact=kept)
        await until(lambda: centre_is(centre, kept, "queued"), "he waits again")
        ann.note("returned", contact=kept, how="queued")  # she did not hear it
        equal((await centre.get(kept))["t0_ms"], t0, "as old as he was")
        switch.leave(leaver)
        await until(lambda: centre_is(centre, leaves, "completed"), "he had been served")
        for agent in ("a1", "a3"):
            await until(lambda a=agent: is_offline(centre, a), "he went with his desktop, and it is no RONA")
        legs = (await centre.get(leaves))["legs"]
        equal([(leg["agent"], leg["end"]) for leg in legs], [("a3", "hung_up")])
        bob = await centre.agent("a2")
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == kept)
        equal([leg["agent"] for leg in (await centre.get(kept))["legs"]], ["a1"], "the part of the first is over")
        switch.leave(calls[with_ann])
        await ended(switch, other)
        await until(lambda: centre_is(centre, kept, "completed"), "served")
        equal([leg["agent"] for leg in (await centre.get(kept))["legs"]], ["a1", "a2"])
        # With a telephone that has power again he works on.
        switch.phone(1001, mode="answer")
        ann.frozen = False
        await ann.start()
        await bob.not_ready()
        await ann.ready()
        await agent_state(ann, "ready")
        await ended(switch, switch.arrive(number="5557103", patience_s=600, talk_s=0.2))


async def is_offline(centre, agent):
    [found] = [a for a in (await centre.admin("agent.list"))["agents"] if a["id"] == agent]
    return (found["state"], found.get("reason")) == ("offline", "desktop_lost")


# ---- old places


async def places(centre):
    """By whom those are known who left a moment ago, as Redis has it."""
    async with await Resp.open(centre.redis_address()) as redis:
        return sorted(who[0] for who in await redis("HKEYS", "usher:{flow}:places"))


async def kept_as(centre, wanted):
    seen = []

    async def holds():
        seen[:] = await places(centre)
        return seen == wanted

    try:
        await until(holds, f"Redis keeps {wanted}")
    except AssertionError as error:
        raise AssertionError(f"{error}, but {seen}") from None


CUSTOMERS = {"wait": "1s", "points": []}


@test(subset=True)
async def who_rings_again_has_his_old_place_though_the_router_was_killed(start):
    async with voice(start, customers=CUSTOMERS, desk=f"127.0.0.1:{free_port()}") as (centre, switch):
        await imported(centre, {"account": "A1", "name": "Ann Lee", "phone": ["01632 960001", "01632 960002"]})
        numbers = ["+441632960001", "5557200"]
        first = [switch.arrive(number=number, patience_s=600) for number in numbers]
        gone = [await contact_of(centre, call, "queued") for call in first]
        t0 = [(await centre.get(contact))["t0_ms"] for contact in gone]
        behind = await contact_of(centre, switch.arrive(number="5557201", patience_s=600), "queued")
        for call, contact in zip(first, gone):
            switch.leave(call)
            await until(lambda c=contact: centre_is(centre, c, "abandoned"), "abandoned")
        await kept_as(centre, ["c", "c", "n", "n"])
        await centre.kill()
        await centre.launch()
        await linked(centre)
        # One rings from where he rang before, the other one is known as a customer.
        again = [await contact_of(centre, switch.arrive(number=n, patience_s=600), "queued") for n in ("+441632960002", "5557200")]

        async def in_place():
            return await centre.waiting() == [*again, behind]

        await until(in_place, "before who came after them")
        equal([(await centre.get(contact))["t0_ms"] for contact in again], t0)
        await kept_as(centre, ["n"])
        equal((await status(centre))["calls"]["resumed"], 2)


@test
async def the_old_place_of_an_erased_customer_is_forgotten(start):
    async with voice(start, customers=CUSTOMERS) as (centre, switch):
        [party] = await imported(centre, {"account": "A1", "name": "Ann Lee", "phone": "01632 960001"})
        centre.judged = False  # an erased contact has no end that anybody saw
        for number in ("+441632960001", "5557300"):
            call = switch.arrive(number=number, patience_s=600)
            contact = await contact_of(centre, call, "queued")
            switch.leave(call)
            await until(lambda c=contact: centre_is(centre, c, "abandoned"), "abandoned")
        await kept_as(centre, ["c", "c", "n", "n"])
        await erased_once_allowed(centre, party)
        equal(await places(centre), ["c", "n"], "the other one's is kept")


if __name__ == "__main__":
    main()
