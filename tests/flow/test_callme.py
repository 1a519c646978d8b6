"""Call-me requests over HTTP: asked for, offered, handled, moved, withdrawn; what is refused."""

import asyncio
import datetime

from chat_case import begin
from robot import refused
from runner import check, equal, eventually, main, test

CALLME = {"country": "44", "forbid": ["+449"], "allow": ["+44"]}
CHANNELS = {"callback": {"cost": 100, "offer_timeout": "30s", "wrapup": "5s", "sla": "15m"}}
QUEUES = {"general": {"channels": ["voice", "chat", "task", "email", "callback"]}}


async def centre_of(start, channels=CHANNELS, **changes):
    changes.setdefault("callme", CALLME)
    changes["callme"] = {**CALLME, **changes["callme"]}
    begun = await begin(start, judged=False, channels=channels, queues=QUEUES, **changes)
    for _ in range(100):  # what was asked for before the start is read first; meanwhile it is "try again"
        if (await begun[0].client().call("GET", "/v1/callbacks"))[1].get("available"):
            break
        await asyncio.sleep(0.02)
    return begun


async def ask(centre, phone="020 7946 0018", **more):
    body = {"phone": phone, "consent": True, **more}
    return await centre.client().call("POST", "/v1/callbacks", body)


async def look(centre, found, method="GET", body=None):
    token = found["token"]
    return await centre.client().call(method, f"/v1/callbacks/{found['id']}", body, {"X-Usher-Token": token})


def hours_from_now(hours):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)
    return at.isoformat(timespec="milliseconds")


@test(subset=True)
async def a_request_is_offered_dialled_by_hand_and_done(start):
    centre, _ = await centre_of(start)
    status, found = await ask(centre, name="Mary", topic="Orders", page={"url": "https://shop.example/cart"}, timezone="Europe/London")
    equal((status, found["state"], found["phone"]), (201, "waiting", "+44 ... 018"))
    equal(found["position"], 0)
    ann = await centre.agent("a1")
    offer = await ann.offered()
    contact = offer["contact"]
    equal(contact["callback"]["number"], "+442079460018")
    equal(contact["attributes"]["page.url"], "https://shop.example/cart")
    equal(contact["title"], "Orders")
    check(contact["customer"]["provisional"], "nobody knew him by this number", contact["customer"])
    await ann.accept(offer["offer"])
    await ann.expect("contact.connected")
    equal((await look(centre, found))[1]["state"], "calling")
    await ann.call("callback.report", contact=contact["id"], result="reached")
    await ann.call("contact.wrapup", contact=contact["id"])
    await ann.finish(contact["id"], disposition="solved")
    await eventually(lambda: done(centre, found), what="called")


async def done(centre, found):
    return (await look(centre, found))[1]["state"] == "called"


@test(subset=True)
async def who_is_not_reached_is_tried_again_and_then_unreachable(start):
    patient = {"callback": {**CHANNELS["callback"], "offer_timeout": "1h"}}  # six seconds at this speed
    centre, _ = await centre_of(start, speed=600, channels=patient)
    status, found = await ask(centre)
    equal(status, 201)
    ann = await centre.agent("a1")
    contact = await ann.take()
    before = (await centre.admin("contact.list"))["held"][0]
    answer = await ann.call("callback.report", contact=contact, result="no_answer")
    equal(answer["attempts"], 1)
    equal(await ann.take(contact, timeout_s=15), contact, "the same contact again")
    again = (await centre.admin("contact.list"))["held"][0]
    equal(again["t0_ms"], before["t0_ms"])
    await ann.call("callback.report", contact=contact, result="busy")
    await ann.take(contact, timeout_s=15)
    await ann.call("callback.report", contact=contact, result="no_answer")
    await eventually(lambda: ended(centre, found, "unreachable"), what="unreachable")


@test
async def by_hand_too_he_is_tried_as_often_as_the_settings_say(start):
    centre, _ = await centre_of(start, dialling={"attempts": 2, "gap": "100ms"})
    _, found = await ask(centre)
    ann = await centre.agent("a1")
    contact = await ann.take()
    await ann.call("callback.report", contact=contact, result="no_answer")
    equal(await ann.take(contact), contact, "again, and not in ten minutes")
    await ann.call("callback.report", contact=contact, result="no_answer")
    await eventually(lambda: ended(centre, found, "unreachable"), what="twice was all")


async def ended(centre, found, how):
    return (await look(centre, found))[1].get("state") == how  # an error: not read back yet


@test(subset=True)
async def one_open_request_a_number_and_topic(start):
    centre, _ = await centre_of(start)
    client = "c" * 30
    _, first = await ask(centre, topic="Orders", client_id=client)
    status, same = await ask(centre, "+44 20 7946 0018", topic="Orders", client_id=client)
    equal((status, same.get("id")), (200, first["id"]), first, same)
    check(same["token"], "the same page gets its token again")
    status, other = await ask(centre, "0044 20 79460018", topic="Orders")
    equal((status, other["joined"]), (200, True))
    check("token" not in other and "id" not in other, "who knows a number cannot take its request away", other)
    status, _ = await ask(centre, topic="Invoices")
    equal(status, 201)
    equal(len(await centre.waiting()), 2)


@test(subset=True)
async def limits_and_the_number_plan_hold(start):
    centre, _ = await centre_of(start)
    for phone, field in (("0900 123 4567", "phone"), ("+1 900 555 0100", "phone"), ("hello", "phone")):
        status, answer = await ask(centre, phone)
        equal((status, answer["error"]["type"], answer["error"]["field"]), (422, "number_wrong", field))
    status, answer = await centre.client().call("POST", "/v1/callbacks", {"phone": "020 7946 0018"})
    equal((status, answer["error"]["type"]), (422, "consent_missing"))
    status, answer = await ask(centre, spelling="wrong")
    equal(status, 422)
    for i in range(3):
        equal((await ask(centre, topic=f"t{i}"))[0], 201)
    status, answer = await ask(centre, topic="t3")
    equal((status, answer["error"]["type"]), (429, "too_many_for_number"))
    for i in range(2):
        equal((await ask(centre, f"020 7946 002{i}"))[0], 201)
    status, answer = await ask(centre, "020 7946 0031")
    equal((status, answer["error"]["type"]), (429, "too_many_from_address"))


@test
async def without_a_number_that_may_be_called_no_call_is_on_offer(start):
    centre, _ = await centre_of(start)

    async def offered():
        return (await centre.client().call("GET", "/v1/callbacks"))[1]["available"]

    for plan, wanted in (({"forbid": ["+449"]}, False), (CALLME, True), ({}, False)):
        centre.settings["callme"] = plan
        centre.write_settings()
        await centre.admin("config.reload")
        equal(await offered(), wanted, plan)
    equal((await ask(centre, "+44 20 7946 0018"))[1]["error"]["type"], "number_wrong")


@test(subset=True)
async def a_window_is_kept_moved_and_withdrawn(start):
    centre, _ = await centre_of(start)
    status, found = await ask(centre, when={"from": hours_from_now(2), "to": hours_from_now(3)})
    equal((status, found["state"]), (201, "scheduled"))
    status, moved = await look(centre, found, "PATCH", {"when": {"from": hours_from_now(5), "to": hours_from_now(6)}})
    equal((status, moved["state"]), (200, "scheduled"))
    check(moved["when"]["from"] > found["when"]["from"], moved)
    status, now = await look(centre, found, "PATCH", {"when": "now"})
    equal((status, now["state"], now["position"]), (200, "waiting", 0))
    status, gone = await look(centre, found, "DELETE")
    equal((status, gone["state"]), (200, "cancelled"))
    equal(await centre.waiting(), [])
    status, _ = await centre.client().call("GET", f"/v1/callbacks/{found['id']}", None, {"X-Usher-Token": "v1.99999999999." + "0" * 64})
    equal(status, 401)
    for window in ({"from": hours_from_now(-5), "to": hours_from_now(-4)}, {"from": hours_from_now(1), "to": hours_from_now(1.01)},
                   {"from": hours_from_now(24 * 40), "to": hours_from_now(24 * 40 + 1)}, "later", {"from": "x", "to": "y"}):  # fmt: skip
        status, answer = await ask(centre, topic="w", when=window)
        equal(status, 422, window)


@test(subset=True)
async def outside_the_hours_a_time_within_them_is_asked_for(start):
    closed = {"hours": {}}
    open_day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=2)).date()
    calendars = {"office": {**closed, "days": {str(open_day): ["09:00-17:00"]}}}
    centre, _ = await centre_of(start, calendars=calendars, callme={"hours": "office"})
    status, form = await centre.client().call("GET", "/v1/callbacks")
    equal((status, form["open"], form["available"]), (200, False, True))
    equal(form["hours"][0]["from"], f"{open_day}T09:00:00.000Z")
    status, answer = await ask(centre)
    equal((status, answer["error"]["type"]), (422, "closed"))
    window = {"from": f"{open_day}T09:30:00Z", "to": f"{open_day}T10:30:00Z"}
    equal((await ask(centre, when=window))[0], 201)
    window = {"from": f"{open_day}T16:30:00Z", "to": f"{open_day}T17:30:00Z"}
    equal((await ask(centre, topic="late", when=window))[1]["error"]["type"], "closed")


@test(subset=True)
async def a_request_survives_kills_of_router_and_redis(start):
    centre, _ = await centre_of(start)
    _, found = await ask(centre, topic="Orders")
    await centre.kill()
    await centre.launch()
    await eventually(lambda: ended(centre, found, "waiting"), what="the request is back")
    await centre.kill("redis")
    await eventually(lambda: ended(centre, found, "waiting"), what="still there")
    equal(len(await centre.waiting()), 1)
    status, other = await ask(centre, topic="Orders")
    equal((status, other["joined"]), (200, True))


@test(subset=True)
async def a_chat_becomes_a_request_of_the_same_age(start):
    centre, chats = await centre_of(start)
    visitor = await chats.visitor(name="Mary", topic="Orders", question="Where is it?")
    before = (await centre.admin("contact.list"))["waiting"][0]
    answer = await visitor.call("chat.convert", to="callback", phone="020 7946 0018")
    found = {"id": answer["request"], "token": answer["token"]}
    state = await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    equal(state["reason"], "callback")
    after = (await centre.admin("contact.list"))["waiting"][0]
    equal((after["id"], after["t0_ms"], after["channel"]), (before["id"], before["t0_ms"], "callback"))
    equal((await look(centre, found))[1]["state"], "waiting")
    ann = await centre.agent("a1")
    offer = await ann.offered(before["id"])
    equal(offer["contact"]["callback"]["number"], "+442079460018")
    await ann.accept(offer["offer"])
    await ann.expect("contact.connected")
    page = await ann.call("chat.transcript", contact=before["id"])
    check("Where is it?" in [m.get("text") for m in page["messages"]], "one history")
    await refused(visitor.call("chat.convert", to="callback", phone="020 7946 0018"), "wrong_state")


@test(subset=True)
async def a_talking_chat_becomes_a_request_or_an_email(start):
    centre, chats = await centre_of(start)
    ann = await centre.agent("a1")
    visitor = await chats.visitor(name="Mary", phone="020 7946 0018", email="mary@example.com")
    contact = await ann.take()
    await refused(ann.call("chat.convert", contact=contact, to="callback", phone="0900 123 456"), "number_wrong")
    await ann.call("chat.convert", contact=contact, to="email")
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    offer = await ann.offered(contact)
    equal(offer["contact"]["channel"], "email")


if __name__ == "__main__":
    main()
