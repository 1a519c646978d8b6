"""Taking contacts in: idempotence, admission, refusals, what a key may do."""

import asyncio
import re

from runner import check, equal, main, test


@test(subset=True)
async def the_same_external_id_is_the_same_contact(start):
    centre = await start()
    status, first = await centre.post("chat", source="shop", external_id="m-1")
    equal(status, 201)
    status, again = await centre.post("chat", source="shop", external_id="m-1")
    equal((status, again["id"], again["duplicate"]), (200, first["id"], True))
    _, other = await centre.post("chat", source="mall", external_id="m-1")
    check(other["id"] != first["id"], "another source is another contact")
    equal(len(await centre.waiting()), 2)


@test(subset=True)
async def twenty_submissions_at_once_with_one_id_make_one_contact(start):
    centre = await start()
    await centre.intake()
    answers = await asyncio.gather(*(centre.post("chat", source="s", external_id="x") for _ in range(20)))
    equal(len({a["id"] for _, a in answers}), 1)
    equal(sorted(s for s, _ in answers).count(201), 1)
    equal(len(await centre.waiting()), 1)


@test
async def a_finished_contact_is_still_found_by_its_external_id(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("chat", source="s", external_id="x")
    await ann.take(contact)
    await ann.finish(contact)
    status, again = await centre.post("chat", source="s", external_id="x")
    equal((status, again["id"]), (200, contact))
    await ann.quiet("offer.created", 0.2)


@test(subset=True)
async def a_full_queue_refuses_and_names_alternatives(start):
    queue = {"channels": ["chat", "task"], "limits": {"length": 2}}
    centre = await start(queues={"general": queue})
    for _ in range(2):
        await centre.submit("chat")
    status, answer = await centre.post("chat")
    equal((status, answer["error"]["type"]), (503, "queue_full"))
    check(answer["error"]["message"])
    equal(len(await centre.waiting()), 2)


@test
async def a_closed_queue_admits_nobody_but_serves_who_waits(start):
    centre = await start()
    contact = await centre.submit("chat")
    await centre.admin("queue.close", queue="general")
    status, answer = await centre.post("chat")
    equal((status, answer["error"]["type"]), (503, "queue_closed"))
    ann = await centre.agent("a1")
    await ann.take(contact)
    await ann.call("contact.requeue", contact=contact)
    await ann.take(contact)
    await centre.admin("queue.open", queue="general")
    await centre.submit("chat")


@test
async def what_is_wrong_with_a_submission_is_said(start):
    centre = await start()
    http = await centre.intake()
    for body in (
        {},
        {"channel": "pigeon"},
        {"channel": "chat", "queue": "nowhere"},
        {"channel": "chat", "tier": "lead"},
        {"channel": "chat", "require": {"nothing": 1}},
        {"channel": "chat", "require": {"billing": 11}},
        {"channel": "chat", "agent": "nobody"},
        {"channel": "chat", "sla_ms": -5},
        {"channel": "chat", "deadline": "tomorrow"},
        {"channel": "chat", "titel": "x"},
        {"channel": "chat", "external_id": "a b"},
        {"channel": "chat", "attributes": {"a": {"b": 1}}},
        [],
        "chat",
    ):
        status, answer = await http.call("POST", "/v1/contacts", body)
        check(status in (400, 404, 422), body, status, answer)
        check(answer["error"]["type"] and answer["error"]["message"], body, answer)
    equal(await centre.waiting(), [])


@test(subset=True)
async def nobody_comes_in_without_a_key(start):
    centre = await start()
    await centre.intake()
    contact = await centre.submit("chat")
    for key in (None, "x.y", centre.key + "x", centre.key[:-1]):
        http = centre.client(key)
        for method, path, body in (
            ("POST", "/v1/contacts", {"channel": "chat"}),
            ("GET", f"/v1/contacts/{contact}", None),
            ("DELETE", f"/v1/contacts/{contact}", None),
        ):
            status, answer = await http.call(method, path, body)
            check(status in (401, 403), key and "a wrong key", method, status, answer)
        await http.close()
    equal(await centre.waiting(), [contact])


@test
async def a_key_works_within_its_channels_and_permissions_only(start):
    centre = await start()
    contact = await centre.submit("task")
    key = (await centre.admin("key.create", name="shop", allow=["submit"], channels=["chat"], queues=["general"]))["key"]
    http = centre.client(key)
    status, _ = await http.call("POST", "/v1/contacts", {"channel": "chat"})
    equal(status, 201)
    for method, path, body in (
        ("POST", "/v1/contacts", {"channel": "task"}),
        ("POST", "/v1/contacts", {"channel": "chat", "queue": "billing"}),
        ("GET", f"/v1/contacts/{contact}", None),
        ("DELETE", f"/v1/contacts/{contact}", None),
    ):
        status, answer = await http.call(method, path, body)
        equal(status, 403, method, body, answer)
    await http.close()


@test
async def a_revoked_key_ends_at_once(start):
    centre = await start()
    made = await centre.admin("key.create", name="shop")
    http = centre.client(made["key"])
    equal((await http.call("POST", "/v1/contacts", {"channel": "chat"}))[0], 201)
    await centre.admin("key.revoke", id=made["id"])
    check((await http.call("POST", "/v1/contacts", {"channel": "chat"}))[0] in (401, 403))
    await http.close()


@test
async def an_intake_over_the_desk_does_the_same(start):
    centre = await start()
    key = (await centre.admin("key.create", name="link"))["key"]
    wire = await centre.wire(key=key)
    made = await wire.call("contact.create", channel="chat", source="s", external_id="7")
    centre.note("submit", key="7")
    centre.note("accepted", key="7", contact=made["contact"])
    equal(made["duplicate"], False)
    again = await wire.call("contact.create", channel="chat", source="s", external_id="7")
    equal((again["contact"], again["duplicate"]), (made["contact"], True))
    found = await wire.call("contact.get", contact=made["contact"])
    equal(found["contact"]["state"], "queued")
    await wire.call("contact.leave", contact=made["contact"])
    equal(await centre.state(made["contact"]), "abandoned")


@test
async def an_unknown_contact_is_not_found(start):
    centre = await start()
    http = await centre.intake()
    for contact in ("c000000000001", "c", "x", "c00000000000l"):
        for method in ("GET", "DELETE"):
            status, answer = await http.call(method, f"/v1/contacts/{contact}")
            check(status in (400, 404), method, contact, status, answer)


@test
async def a_contact_with_a_window_is_scheduled_until_it_opens(start):
    centre = await start()
    ann = await centre.agent("a1")
    status = await centre.admin("server.status")
    check(status["version"])
    contact = await centre.submit("task", not_before=_in_ms(1200), window_ms=60000)
    equal(await centre.state(contact), "scheduled")
    await ann.quiet("offer.created", 0.6)
    await ann.offered(contact, timeout_s=4)


def _in_ms(ms):
    import datetime

    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(milliseconds=ms)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


@test(subset=True)
async def health_readiness_and_metrics_are_served(start):
    centre = await start()
    await centre.submit("chat")
    for path in ("/healthz", "/readyz"):
        status, _ = await centre.http.call("GET", path)
        equal(status, 200, path)
    status, fields, text = await centre.http.exchange("GET", "/metrics")
    equal(status, 200)
    check("text/plain" in fields["content-type"], fields)
    for line in text.splitlines():
        check(
            line.startswith("#") or re.fullmatch(r'[a-zA-Z_:]\w*(\{[^}]*\})? [-+0-9.eEInfNa]+', line), "not a metric:", line
        )


if __name__ == "__main__":
    main()
