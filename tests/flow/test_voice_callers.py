"""What callers and their menus get: data of the IVR in rules and on the screen, answers to a menu's questions, "press
1 to be called back", and links: several to one switch."""

from runner import check, equal, main, test
from switch_apps import app_user_event
from voice_case import PLAN, centre_is, channel_is, come, contact_of, ended, frozen, recorded, status, until, voice

DIALLING = {"attempts": 2, "gap": "300ms", "delay": "300ms", "ring": "5s", "earliest": "00:00", "latest": "24:00"}


@test
async def what_the_ivr_collected_chooses_queue_and_tier_and_is_on_the_screen(start):
    rules = [
        {"name": "bills", "when": 'menu == "bill"', "set": {"queue": "billing"}},
        {"name": "account", "when": 'account == "A-77"', "set": {"tier": "gold"}},
        {"name": "number dialled", "when": 'dnis == "8009"', "set": {"points": 50}},
    ]
    async with voice(start, rules=rules) as (centre, switch):
        cem = await centre.agent("a3", ready=False)
        plain = switch.arrive(number="5556000", patience_s=600)
        await contact_of(centre, plain, "queued")
        call = switch.arrive(number="5556001", dialled="8009", patience_s=600, talk_s=0.2, attributes={"menu": "bill", "account": "A-77"})
        contact = await contact_of(centre, call, "queued")
        found = await centre.get(contact)
        equal((found["queue"], found["tier"], found["points"]), ("billing", "gold", 50.0))
        await cem.ready()
        offer = await cem.expect("offer.created")
        equal(offer["contact"]["id"], contact, "before the ordinary caller who came first")
        shown = offer["contact"]["attributes"]
        equal([shown[k] for k in ("menu", "account", "ani", "dnis")], ["bill", "A-77", "5556001", "8009"])
        await ended(switch, call)


async def asked(switch, call):
    """What a menu asks of a caller's place; returns his channel, whose variables have the answer."""
    channel = switch.world.channels[call]
    await app_user_event(channel, "UsherAsk,queue: general")
    await switch.until(lambda: channel.get("USHER_TOLD"), "an answer in the channel's variables")
    return channel


@test
async def a_menu_is_told_place_wait_and_whether_a_callback_is_on_offer(start):
    async with voice(start, dialling=DIALLING) as (centre, switch):
        for n in range(2):
            await contact_of(centre, switch.arrive(number=f"555610{n}", patience_s=600), "queued")
        call = switch.arrive(number="5556102", patience_s=600)
        await contact_of(centre, call, "queued")
        channel = await asked(switch, call)
        equal((channel.get("USHER_POSITION"), channel.get("USHER_CALLBACK")), ("3", "1"))


@test
async def a_menu_offers_no_callback_where_no_number_may_be_called(start):
    async with voice(start, dialling=DIALLING, callme={"forbid": ["+44"]}) as (centre, switch):
        call = switch.arrive(number="5556110", patience_s=600)
        await contact_of(centre, call, "queued")
        channel = await asked(switch, call)
        equal((channel.get("USHER_POSITION"), channel.get("USHER_CALLBACK")), ("1", ""))


@test
async def announcements_are_switched_on_and_off_by_a_reload_for_who_waits(start):
    async with voice(start) as (centre, switch):
        async def announce(every):
            centre.settings["calls"] = {"announce": every}
            centre.write_settings()
            await centre.admin("config.reload")

        async def announced():
            return (await status(centre))["calls"]["announced"]

        async def heard(n):
            return await announced() >= n

        ann = await centre.agent("a1", ready=False)
        calls, contacts = await come(centre, switch, 3, "555612", patience_s=600)
        await announce("100ms")
        await until(lambda: heard(3), "who waited already hears his place")
        await announce("0s")
        switch.leave(calls[0])
        await until(lambda: centre_is(centre, contacts[0], "abandoned"), "the others are better off")
        # An agent's telephone is looked at in the beat that announces: two looks are a beat at least.
        switch.phone("1042")
        switch.control.do_phone_dial("1042", "1001")
        await ann.expect("agent.state_changed", lambda p: p["agent"].get("outside_call"))
        switch.control.do_phone_hang_up("1042")
        await ann.expect("agent.state_changed", lambda p: not p["agent"].get("outside_call"))
        equal(await announced(), 3, "nobody is told any more")


@test
async def who_presses_one_is_called_back_in_his_place(start):
    more = {"calls": {"announce": "300ms"}, "dialling": DIALLING, "switch_more": {"dialplan": PLAN}}
    async with voice(start, **more) as (centre, switch):
        switch.outside(answer_s=0.1, talk_s=0.3)
        call = switch.arrive(number="+442071234567", patience_s=600, context="usher-in")
        contact = await contact_of(centre, call, "queued")
        before = await centre.get(contact)
        behind = await contact_of(centre, switch.arrive(number="5556200", patience_s=600, context="usher-in"), "queued")
        await switch.until(lambda: switch.world.channels[call].app.lower() == "read", "he is asked")
        switch.control.do_press(call, "1")
        await until(lambda: channel_is(centre, contact, "callback"), "his wish is taken")
        await switch.until(lambda: switch.account(call)["over"], "he is told good-bye")
        await until(lambda: centre_is(centre, contact, "queued"), "he waits on, on the hook")
        after = await centre.get(contact)
        equal([after[k] for k in ("t0_ms", "deadline_ms")], [before[k] for k in ("t0_ms", "deadline_ms")])
        equal(await centre.waiting(), [contact, behind])
        ann = await centre.agent("a1")
        await ann.accept((await ann.offered(contact))["offer"])
        await until(lambda: centre_is(centre, contact, "completed"), "called back")
        equal((await centre.admin("cti.status"))["calls"]["abandoned"], 0, "nobody left")


@test
async def two_links_to_one_switch_are_one_switch(start):
    async with voice(start, answer_s=0.1) as (centre, switch):
        centre.settings["switches"]["pbx"]["address"] = [switch.address, switch.address]
        centre.write_settings()
        await centre.admin("config.reload")
        await switch.linked(2)

        async def up():
            links = (await centre.admin("cti.status"))["switches"][0]["links"]
            return [x["state"] for x in links] == ["up", "up"]

        await until(up, "both links")
        calls, contacts = await come(centre, switch, 3, "555630", patience_s=600, talk_s=0.2)
        equal(await centre.waiting(), contacts, "each is one contact")
        next(iter(switch.ami.sessions)).transport.abort()
        late = switch.arrive(number="5556310", patience_s=600, talk_s=0.2)
        contacts.append(await contact_of(centre, late, "queued"))
        equal(await centre.waiting(), contacts, "nobody was put off: one link is enough")
        await centre.agent("a1")
        await ended(switch, *calls, late)
        check((await centre.admin("cti.status"))["calls"]["connects"] == 4, "each was connected once")


# ---- who hangs up and comes back


@test
async def who_hangs_up_while_a_telephone_rings_for_him_has_his_old_place_too(start):
    async with voice(start) as (centre, switch):
        phone = switch.phone(1001, mode="manual")
        ann = await centre.agent("a1")
        call = switch.arrive(number="5556400", patience_s=600)
        gone = (await ann.offered())["contact"]["id"]
        await switch.until(lambda: phone.rung, "it rings")
        t0 = (await centre.get(gone))["t0_ms"]
        switch.leave(call)
        await until(lambda: centre_is(centre, gone, "abandoned"), "abandoned")
        again = await contact_of(centre, switch.arrive(number="5556400", patience_s=600))
        equal((await centre.get(again))["t0_ms"], t0)


@test
async def who_comes_and_goes_while_redis_stands_still_is_like_any_other_who_left(start):
    async with voice(start) as (centre, switch):
        async def taken():
            return (await status(centre))["calls"]["taken"] == 1

        async def abandoned():
            return (await status(centre))["calls"]["abandoned"] == 1

        with frozen(centre.redis_pid()):
            call = switch.arrive(number="5556500", patience_s=600)
            await until(taken, "usherd heard of him")
            switch.leave(call)
        await until(abandoned, "he is counted")
        record = await recorded(centre, call)
        equal((record["state"], record["reason"]), ("abandoned", "short_abandon"))
        again = await contact_of(centre, switch.arrive(number="5556500", patience_s=600), "queued")
        found = await centre.get(again)
        equal(found["t0_ms"], record["t0_ms"], "his old place")


if __name__ == "__main__":
    main()
