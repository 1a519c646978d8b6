"""What is recorded of calls are the switch's own times; who waited already keeps his place; several switches;
menus' time; hours and windows of callbacks."""

import datetime
import sqlite3
import tempfile
import zoneinfo

from harness import free_port
from runner import check, equal, main, test
from switch_support import Switch
from test_clock import Shift
from test_customers import imported
from voice_case import (PLAN, SECRET, asleep, centre_is, channel_is, contact_of, ended, judge, linked, recorded, settings,
                        until, voice)  # fmt: skip

NEAR_MS = 3  # times are rounded to milliseconds, sums of them too
DIALLING = {"attempts": 2, "gap": "300ms", "delay": "300ms", "ring": "1s"}
ALL_DAY = {**DIALLING, "earliest": "00:00", "latest": "24:00"}


async def gone_for(switch, call, seconds):
    """Until he hung up so long ago."""
    await switch.until(lambda: switch.account(call)["over"], "he hangs up")
    await switch.until(lambda: switch.world.now() - switch.account(call)["over"] > seconds, "a while")


def near(seen_ms, seconds, *what, by_ms=NEAR_MS):
    check(abs(seen_ms - 1000 * seconds) <= by_ms, *what, seen_ms, 1000 * seconds)


def rows_of(centre, sql, *parameters):
    with sqlite3.connect(f"file:{centre.state_dir}/history.db?mode=ro", uri=True, timeout=10) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(sql, parameters)]


async def by_agent(centre):
    """{agent: his row of the report of today}"""
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    report = await centre.admin(
        "report.get", by="agent", interval="all", **{"from": (now - day).isoformat(), "to": (now + day).isoformat()}
    )
    return {row["agent"]: row for row in report["rows"]}


@test(subset=True)
async def records_and_reports_have_the_switchs_times_though_its_word_comes_late(start):
    async with voice(start, answer_s=0.4) as (centre, switch):
        ann = await centre.agent("a1", ready=False)
        call = switch.arrive(number="5554000", patience_s=600, talk_s=600)
        await contact_of(centre, call, "queued")
        await ann.ready()
        await ann.expect("offer.created")
        with asleep(centre):
            await switch.until(lambda: switch.account(call)["answered"], "answered unseen")
            switch.control.do_phone_hold("1001")
            await switch.until(lambda: switch.world.now() - switch.account(call)["answered"] > 0.5, "a while")
            switch.control.do_phone_retrieve("1001")
        await ann.expect("contact.connected")
        with asleep(centre):
            switch.leave(call)
            await gone_for(switch, call, 1.0)
        record, account = await recorded(centre, call), switch.account(call)
        equal(record["state"], "completed")
        near(record["talk_ms"], account["talk_s"] - account["hold_s"], "talk")
        near(record["hold_ms"], account["hold_s"], "hold")
        near(record["ring_ms"], account["attempts"][0]["ring_s"], "ring")
        near(record["wait_ms"], account["answered"] - account["waited"], "wait")
        row = (await by_agent(centre))["a1"]
        equal([row["talk_ms"], row["hold_ms"]], [record["talk_ms"], record["hold_ms"]], "the report says the same")
        [visit] = rows_of(centre, "SELECT * FROM visit WHERE contact = ?", record["id"])
        near(visit["queue_ms"], account["answered"] - account["waited"], "the stay in the queue")


@test
async def an_abandoned_wait_is_as_long_as_the_switch_says(start):
    async with voice(start) as (centre, switch):
        call = switch.arrive(number="5554010", patience_s=600)
        await contact_of(centre, call, "queued")
        with asleep(centre):
            switch.leave(call)
            await gone_for(switch, call, 0.7)
        record, account = await recorded(centre, call), switch.account(call)
        equal(record["state"], "abandoned")
        near(record["wait_ms"], account["left"] - account["waited"], "his patience")


@test
async def each_agents_part_of_a_call_is_his_own(start):
    async with voice(start, answer_s=0.2) as (centre, switch):
        ann, bob = await centre.agent("a1"), await centre.agent("a2", ready=False)
        call = switch.arrive(number="5554020", patience_s=600, talk_s=600)
        contact = (await ann.expect("contact.connected"))["contact"]["id"]
        await switch.until(lambda: switch.world.now() - switch.account(call)["answered"] > 0.4, "they talk")
        switch.control.do_phone_blind("1001", "1002")
        await bob.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        moved = switch.account(call)["transfers"][0]["t"]
        switch.leave(call)
        record, account = await recorded(centre, call), switch.account(call)
        legs = rows_of(centre, "SELECT * FROM leg WHERE contact = ? ORDER BY n", record["id"])
        equal([leg["agent"] for leg in legs], ["a1", "a2"])
        # He leaves the bridge a moment after the transfer.
        near(legs[0]["talk_ms"], moved - account["answered"], "until he handed on", by_ms=200)
        near(record["talk_ms"], account["talk_s"] - account["hold_s"], "together")
        equal(record["talk_ms"], legs[0]["talk_ms"] + legs[1]["talk_ms"])


@test
async def what_was_measured_before_a_kill_is_not_forgotten(start):
    async with voice(start, desk=f"127.0.0.1:{free_port()}") as (centre, switch):
        ann = await centre.agent("a1")
        call = switch.arrive(number="5554030", patience_s=600, talk_s=600)
        contact = (await ann.expect("contact.connected"))["contact"]["id"]
        ring_ms = (await centre.get(contact))["ring_ms"]
        await centre.kill()
        await centre.launch()
        await linked(centre)
        back = switch.world.now()
        equal((await centre.get(contact))["ring_ms"], ring_ms)
        await switch.until(lambda: switch.world.now() - back > 0.3, "they talk on")
        switch.leave(call)
        record, account = await recorded(centre, call), switch.account(call)
        near(record["ring_ms"], account["attempts"][0]["ring_s"])
        check(record["talk_ms"] >= 1000 * (account["over"] - back) - NEAR_MS, record, "since the start")
        check(record["talk_ms"] <= 1000 * account["talk_s"] + 1000, record, account, "and not twice")


# ---- who waited already


@test
async def a_customer_who_rings_again_from_another_telephone_has_his_old_place(start):
    customers = {"wait": "1s", "points": []}
    async with voice(start, customers=customers) as (centre, switch):
        await imported(centre, {"account": "A1", "name": "Ann Lee", "phone": ["01632 960001", "01632 960002"]})
        first = switch.arrive(number="+441632960001", patience_s=600)
        gone = await contact_of(centre, first, "queued")
        t0 = (await centre.get(gone))["t0_ms"]
        behind = await contact_of(centre, switch.arrive(number="+441632960777", patience_s=600), "queued")
        switch.leave(first)
        await until(lambda: centre_is(centre, gone, "abandoned"), "abandoned")
        call = switch.arrive(number="+441632960002", patience_s=600, talk_s=0.2)
        again = await contact_of(centre, call, "queued")

        async def in_front():
            return await centre.waiting() == [again, behind]

        await until(in_front, "before who came after him")
        equal((await centre.get(again))["t0_ms"], t0)
        # Another customer with another number has no place to come back to.
        other = await contact_of(centre, switch.arrive(number="+441632960003", patience_s=600), "queued")
        equal(await centre.waiting(), [again, behind, other])
        await centre.agent("a1")
        await ended(switch, call)
        record = await recorded(centre, call)
        check(record["wait_ms"] >= (record["answered_ms"] - t0) - 1000, "his wait counts from his first call", record)


# ---- several switches


@test
async def two_switches_at_once_and_the_death_of_one_is_none_of_the_other(start):
    async with Switch(secret=SECRET) as one, Switch(secret=SECRET) as two:
        for switch in (one, two):
            switch.phones(1001, 1002, answer_s=0.2)
        both = {n: {"plugin": "asterisk", "address": [s.address], "secret": SECRET} for n, s in (("one", one), ("two", two))}
        centre = await start(**{**settings(one), "switches": both})
        await one.linked()
        await two.linked()
        await linked(centre)
        # Their calls may have the same ids.
        two.world.serials = one.world.serials.copy()
        calls = [(s, s.arrive(number=f"555410{n}", patience_s=600, talk_s=0.5)) for n, s in enumerate((one, two))]

        async def both_wait():
            return len(await centre.waiting()) == 2

        await until(both_wait, "two contacts")
        sources = sorted(c["source"] for c in (await centre.admin("contact.list"))["waiting"])
        equal(sources, ["one", "two"])
        robots = [await centre.agent("a1"), await centre.agent("a2")]
        for switch, call in calls:
            await ended(switch, call)
            equal(len(switch.account(call)["attempts"]), 1, "rung by his own switch")
        for robot in robots:
            await robot.not_ready()
        one.arrive(number="5554110", patience_s=600)
        stays = two.arrive(number="5554111", patience_s=600, talk_s=0.2)
        await until(both_wait, "two more")
        of = {c["source"]: c["id"] for c in (await centre.admin("contact.list"))["waiting"]}
        lost, waits = of["one"], of["two"]
        await one.restart()
        await one.linked()
        await until(lambda: centre_is(centre, lost, "lost"), "lost with its switch")
        equal(await centre.state(waits), "queued", "the other one's caller waits on")
        for robot in robots:
            await robot.ready()
        await ended(two, stays)
        await judge(centre, [one, two])


@test
async def a_call_that_an_agent_takes_outside_usher_costs_him_his_room(start):
    async with voice(start, answer_s=0.1) as (centre, switch):
        ann = await centre.agent("a1")
        switch.phone("1042")
        switch.control.do_phone_dial("1042", "1001")
        await ann.expect("agent.state_changed", lambda p: p["agent"].get("outside_call"))
        equal([a["load"] for a in (await centre.admin("agent.list"))["agents"] if a["id"] == "a1"], [100])
        call = switch.arrive(number="5554200", patience_s=600, talk_s=0.2)
        contact = await contact_of(centre, call, "queued")
        chat = await centre.submit("chat")
        equal(await centre.state(chat), "queued", "nor has he room for anything else")
        switch.control.do_phone_hang_up("1042")
        await ann.expect("contact.connected", lambda p: p["contact"]["id"] == contact)
        await ended(switch, call)
        equal(await ann.take(chat), chat)


# ---- menus


MENU = """
[menu]
exten => _X.,1,Answer()
 same => n,Wait(0.8)
 same => n,Set(USHER_DNIS=${EXTEN})
 same => n,Goto(usher-wait,s,1)
"""


@test
async def time_in_menus_counts_as_waited_or_not_by_setting(start):
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as plan:
        plan.write(PLAN.read_text(encoding="utf-8") + MENU)
        plan.flush()
        async with voice(start, switch_more={"dialplan": plan.name}) as (centre, switch):
            for counts in (False, True):
                centre.settings["switches"]["pbx"]["count_ivr"] = counts
                centre.write_settings()
                await centre.admin("config.reload")
                call = switch.arrive(number=f"55543{counts:02}", patience_s=600, context="menu")
                found = await centre.get(await contact_of(centre, call, "queued"))
                check(700 <= found["ivr_ms"], found)
                before_ms = found["created_ms"] - found["t0_ms"]
                check(before_ms >= 700 if counts else before_ms < 500, counts, before_ms)
                switch.leave(call)
                record, account = await recorded(centre, call), switch.account(call)
                equal(record["ivr_ms"], found["ivr_ms"])
                near(record["wait_ms"], account["left"] - account["waited"] + (record["ivr_ms"] / 1000 if counts else 0), "wait")


# ---- callbacks: where the customer is, and when


def zone_with(hour):
    """A zone in which it is that hour of the day now, in words of the tz database."""
    west = (datetime.datetime.now(datetime.timezone.utc).hour - hour) % 24
    west -= 24 if west > 12 else 0
    return f"Etc/GMT{west:+d}" if west else "Etc/UTC"


@test
async def nobody_is_dialled_at_night_where_he_is(start):
    async with voice(start, dialling=DIALLING, switch_more={"dialplan": PLAN}) as (centre, switch):
        switch.outside(answer_s=0.1, talk_s=0.2)
        number = {"callback.number": "+442071234567"}
        night = await centre.submit("callback", attributes={**number, "callback.timezone": zone_with(3)})
        await until(lambda: centre_is(centre, night, "scheduled"), "until his morning")
        day = await centre.submit("callback", attributes={"callback.number": "+442071234568", "callback.timezone": zone_with(13)})
        ann = await centre.agent("a1")
        await ann.accept((await ann.offered(day))["offer"])
        await until(lambda: centre_is(centre, day, "completed"), "he is called")
        equal(await centre.state(night), "scheduled")
        equal(len(switch.actions("Originate")), 1)


@test
async def nobody_is_offered_or_dialled_at_night_though_an_agent_is_ready(start):
    dialling = {**DIALLING, "gap": "12h"}
    async with voice(start, dialling=dialling, switch_more={"dialplan": PLAN}) as (centre, switch):
        switch.outside(answer_s=600)
        ann = await centre.agent("a1")

        def place(hour):
            return {"callback.number": "+442071234567", "callback.timezone": zone_with(hour)}

        async def opens(contact):
            """The hour where he is, when it may be offered."""
            found = await centre.get(contact)
            equal(found["state"], "scheduled")
            moment = datetime.datetime.fromtimestamp(found["eligible_ms"] / 1000 + 30, datetime.timezone.utc)
            zone = zoneinfo.ZoneInfo(found["attributes"]["callback.timezone"])
            return moment.astimezone(zone).strftime("%H:%M")

        equal(await opens(await centre.submit("callback", attributes=place(3))), "08:00", "it is night there")
        night = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=12)).isoformat()
        window = {"not_before": night, "window_ms": 3600000}
        equal(await opens(await centre.submit("callback", attributes=place(13), **window)), "08:00", "it will be night")
        day = await centre.submit("callback", attributes=place(13))
        await ann.accept((await ann.offered(day))["offer"])
        await until(lambda: centre_is(centre, day, "scheduled"), "he does not answer")
        equal(await opens(day), "08:00", "the next attempt would be at night")
        equal([r["contact"] for r in centre.journal if r["ev"] == "offer"], [day])
        equal(len(switch.actions("Originate")), 1)


@test
async def who_is_accepted_or_waits_as_the_hours_end_is_not_dialled(start):
    async with voice(start, dialling=ALL_DAY, switch_more={"dialplan": PLAN}) as (centre, switch):
        there = {"callback.number": "+442071234567", "callback.timezone": zone_with(13)}
        ann = await centre.agent("a1")
        accepted = await centre.submit("callback", attributes=there)
        offer = (await ann.offered(accepted))["offer"]
        waits = await centre.submit("callback", attributes={**there, "callback.number": "+442071234568"})
        equal(await centre.state(waits), "queued")
        centre.settings["dialling"] = {**ALL_DAY, "latest": "09:00"}
        centre.write_settings()
        await centre.admin("config.reload")
        await until(lambda: centre_is(centre, waits, "scheduled"), "the new hours hold for who waits")
        await ann.accept(offer)
        await until(lambda: centre_is(centre, accepted, "scheduled"), "he is not dialled")
        equal((await centre.get(accepted)).get("attempts", 0), 0)
        equal(switch.actions("Originate"), [])


@test
async def a_window_that_is_missed_twice_expires(start):
    clocks = []

    def environment(centre):
        clocks[:] = clocks or [Shift(centre)]
        return clocks[0].environment()

    now = datetime.datetime.now(datetime.timezone.utc)
    opens = now.replace(minute=0, second=0, microsecond=0) + datetime.timedelta(hours=2)
    hours = {"mon-sun": [f"{opens:%H}:00-{opens:%H}:30"]}
    channels = {
        "voice": {"cost": 100, "offer_timeout": "5s", "wrapup": "0s", "sla": "20s"},
        "callback": {"cost": 100, "offer_timeout": "20s", "wrapup": "0s", "sla": "10m"},
    }
    dialling = {**ALL_DAY, "hours": "dials"}
    async with voice(start, dialling=dialling, channels=channels, calendars={"dials": {"hours": hours}},
                     environment=environment) as (centre, _):  # fmt: skip
        contact = await centre.submit("callback", attributes={"callback.number": "+442071234567"})
        await until(lambda: centre_is(centre, contact, "scheduled"), "closed: until the opening")
        missed = 0
        while await centre.state(contact) != "expired" and missed < 4:
            # Centre time follows the wall clock over a restart. He wakes when the hours begin, with nobody
            # there; then they are over again.
            opened = (opens - now).total_seconds() + 86400 * missed
            for passed_s, state in ((600, "queued"), (3600, None)):
                await centre.stop_daemon()
                clocks[0].set(opened + passed_s)
                await centre.launch()
                if state:
                    await until(lambda state=state: centre_is(centre, contact, state), "his time has come")
            missed += 1
            await until(lambda: centre_is(centre, contact, "scheduled", "expired"), "nobody was there")
        found = await centre.get(contact)
        equal((found["state"], found["reason"]), ("expired", "window_missed"))
        equal(missed, 2)


@test
async def a_callback_that_is_joined_by_its_customer_is_one_contact(start):
    async with voice(start, dialling=ALL_DAY) as (centre, switch):
        contact = await centre.submit("callback", attributes={"callback.number": "+442071234567"})
        await until(lambda: centre_is(centre, contact, "queued"), "he waits to be called")
        call = switch.arrive(number="+442071234567", patience_s=600, talk_s=0.2)
        await until(lambda: channel_is(centre, contact, "voice"), "he rang himself")
        equal(await centre.waiting(), [contact])
        await centre.agent("a1")
        await ended(switch, call)
        await until(lambda: centre_is(centre, contact, "completed"), "served")
        equal(switch.actions("Originate"), [], "he need not be called any more")


if __name__ == "__main__":
    main()
