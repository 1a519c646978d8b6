"""What happened with a customer: timeline, notes, cases, the card with the offer; the event feed."""

import asyncio
import contextlib
import json
import sqlite3

from chat_case import begin
from ctl import run
from records import recorded, settled
from robot import refused
from runner import check, equal, eventually, main, test


async def served(centre, robot, channel="task", **more):
    """One contact of the customer, from beginning to end."""
    contact = await centre.submit(channel, **more)
    await robot.take(contact)
    await robot.finish(contact)
    return contact


async def party_of(centre, email):
    """Id of the customer, once he is known: a contact of a machine that stands still goes on before."""
    async def found():
        return (await centre.admin("customer.find", kind="email", value=email))["customers"]

    return (await eventually(found, what="the customer"))[0]["id"]


async def whole_timeline(call, **params):
    """All entries, page by page, of a customer or of a live contact's."""
    entries, after = [], {}
    while after is not None:
        page = await call("customer.timeline", **params, **after)
        equal("next" in page, page["more"])
        entries += page["entries"]
        after = {"after": page["next"]} if page["more"] else None
    return entries


@test
async def the_offer_brings_what_was_before(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    who = {"id": "k-17", "name": "Kim"}
    first = await served(centre, ann, customer=who, title="Where is my order?")
    await recorded(centre, 1)
    second = await centre.submit("chat", customer=who)
    await ann.take(second)

    async def card():
        found = (await ann.wire.call("customer.get", contact=second))["customer"]
        return found if found.get("last_contacts") else None

    seen = await eventually(card, 10, "the card")
    equal([(c["contact"], c["title"], c["agent"]) for c in seen["last_contacts"] if c["state"] == "completed"],
          [(first, "Where is my order?", "a1")])  # fmt: skip
    await ann.wire.call("contact.note", contact=second, text="is angry; card 4111 1111 1111 1111")
    case = (await ann.wire.call("case.open", contact=second, title="lost parcel"))["case"]
    await ann.wire.call("case.set_state", contact=second, case=case, state="pending", reason="asked for the number")
    told = await ann.expect("contact.updated", lambda p: p["contact"].get("customer", {}).get("open_cases"))
    equal([(c["case"], c["state"]) for c in told["contact"]["customer"]["open_cases"]][0][0], case)
    line = await ann.wire.call("customer.timeline", contact=second)
    equal([e["kind"] for e in line["entries"] if e["kind"] != "contact"], ["case", "note"])
    equal([e["text"] for e in line["entries"] if e["kind"] == "note"], ["is angry; card [card number ending 1111]"])
    check({e["contact"] for e in line["entries"] if e["kind"] == "contact"} >= {first}, line)
    listed = (await ann.wire.call("case.list", contact=second))["cases"]
    equal([(c["state"], [h["state"] for h in c["changes"]], c["contacts"]) for c in listed],
          [("pending", ["open", "pending"], [second])])  # fmt: skip
    await ann.finish(second)
    await refused(ann.wire.call("customer.timeline", contact=second), "no_contact")
    await refused(ann.wire.call("customer.timeline", customer=line["customer"]), "invalid_params")


@test(subset=True)
async def what_was_said_in_a_chat_stays_with_its_rating(start):
    centre, chats = await begin(start, judged=False)
    ann = await centre.agent("a1")
    visitor = await chats.visitor(name="Mary", email="mary@cust.example", question="Where is my order?")
    contact = await ann.take()
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "talking")
    await ann.call("chat.message", contact=contact, id="1", text="It left this morning.")
    await ann.call("chat.note", contact=contact, id="n", text="between us")
    await ann.call("chat.close", contact=contact)
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    await visitor.call("chat.rate", score=4, comment="Thank you")
    party = await party_of(centre, "mary@cust.example")

    async def lines():
        entries = (await centre.admin("customer.timeline", customer=party))["entries"]
        return next((e["lines"] for e in entries if e["contact"] == contact and e["state"] == "completed"), 0)

    said = ["Where is my order?", "It left this morning.", "between us", "Thank you"]

    async def whole():
        page = await centre.admin("contact.transcript", of=contact)
        return [m["text"] for m in page["messages"] if m["kind"] != "event"] == said

    await eventually(whole, what="all that was said in the record")
    n = await eventually(lines, what="the contact among what happened with her")
    await ann.stop()  # or it comes back by itself, beside the next one of that name
    await centre.kill()
    await centre.launch()
    equal(await lines(), n)
    report = {**await figures(centre, "agent"), **await figures(centre, "queue")}
    equal([(report[who]["satisfaction"], report[who]["satisfaction_answers"]) for who in ("a1", "general")], [(7.5, 1)] * 2)
    attributes = (await centre.admin("customer.get", customer=party))["customer"]["attributes"]
    equal((attributes["satisfaction"]["value"], attributes["satisfaction"]["source"]), (7.5, "chat"))
    ann = await centre.agent("a1")
    again = await centre.submit("chat", customer={"email": "mary@cust.example"})
    await ann.take(again)
    page = await ann.call("contact.transcript", of=contact, contact=again)
    equal([m["text"] for m in page["messages"] if m["from"] == "agent" and m["kind"] == "text"], ["It left this morning."])
    await refused(ann.call("contact.transcript", of=contact), "invalid_params")
    other = await centre.submit("chat", customer={"email": "other@cust.example"})
    await ann.take(other)
    await refused(ann.call("contact.transcript", of=contact, contact=other), "no_contact")


@test
async def all_that_is_kept_of_a_customer_is_handed_out_however_much_it_is(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task", title="Order 17", customer={"email": "ann@example.com"})
    await ann.take(contact)
    party = await party_of(centre, "ann@example.com")
    await centre.admin("customer.list_add", list="vip", kind="email", pattern="ann@example.com", reason="founder")
    for n in range(60):
        await ann.call("contact.note", contact=contact, text=f"{n:02d} " + "n" * 8000)
    # The timeline has as many as an answer holds, and goes on.
    noted = [e["text"][:2] for e in await whole_timeline(ann.call, contact=contact, most=200) if e["kind"] == "note"]
    equal(noted, [f"{n:02d}" for n in reversed(range(60))])
    await ann.finish(contact)
    await settled(centre)
    out, _ = await run("customer", "export", party, state=centre.state_dir)
    check(len(out) > 400_000, "more than a frame may have")
    lines = [json.loads(line) for line in out.splitlines()]
    equal((lines[0]["id"], lines[0]["listings"][0]["reason"]), (party, "founder"))
    equal([line["text"][:2] for line in lines if line.get("kind") == "note"], [f"{n:02d}" for n in range(60)])
    equal([(line["contact"], line["title"]) for line in lines if line.get("kind") == "contact"], [(contact, "Order 17")])
    await refused(centre.admin("customer.export", customer=party, after="9:x"), "invalid_params")


@test
async def a_note_and_a_case_asked_for_again_under_their_ids_are_one_over_a_restart_too(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task", customer={"email": "ann@example.com"})
    await ann.take(contact)

    async def ask():
        note = (await ann.call("contact.note", id="p-1", contact=contact, text="He will call again."))["note"]
        case = (await ann.call("case.open", id="p-1", contact=contact, title="A lamp is broken"))["case"]
        await ann.call("case.set_state", id="p-1", contact=contact, case=case, state="pending", reason="asked for a photo")
        return note, case

    first = await ask()
    equal(await ask(), first)
    await ann.stop()  # or she comes back by herself, beside the next one of that name
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    await eventually(lambda: contact in ann.contacts, what="her work")
    equal(await ask(), first)
    (case,) = (await ann.call("case.list", contact=contact))["cases"]
    equal([change["state"] for change in case["changes"]], ["open", "pending"])
    # Without an id, and under another one, they are others.
    await ann.call("contact.note", contact=contact, text="He will call again.")
    await ann.call("contact.note", id="p-2", contact=contact, text="He will call again.")
    entries = (await ann.call("customer.timeline", contact=contact))["entries"]
    equal([e["kind"] for e in entries if e["kind"] != "contact"].count("note"), 3)


async def figures(centre, by):
    span = {"from": "2000-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z"}
    return {row[by]: row for row in (await centre.admin("report.get", by=by, interval="all", **span))["rows"]}


@test
async def staff_reads_by_customer_and_each_read_is_in_the_audit(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    contacts = [await served(centre, ann, customer={"id": "k-1"}) for _ in range(3)]
    await recorded(centre, 3)
    live = await centre.submit("task", customer={"id": "k-1"})
    s1 = await centre.supervisor("s1")

    async def known():
        found = await s1.call("customer.timeline", contact=live, most=200)
        return found if {e["contact"] for e in found["entries"]} >= {*contacts, live} else None

    line = await eventually(known, 10, "the timeline")
    page = await s1.call("customer.timeline", customer=line["customer"], most=2)
    check(page["more"] and len(page["entries"]) == 2, page)
    rest = await s1.call("customer.timeline", customer=line["customer"], after=page["next"])
    seen = [e["contact"] for e in page["entries"] + rest["entries"]]
    equal(sorted(seen), sorted({*contacts, live}), "each once")
    await refused(s1.call("customer.timeline", customer="k000000000zzz"), "no_customer")
    out, _ = await run("audit", "show", "--what", "customer.timeline", state=centre.state_dir)
    check(out.count("customer.timeline") >= 4 and "s1" in out, out)


@test
async def entries_of_one_millisecond_come_once_with_every_size_of_a_page(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    contact = await centre.submit("task", customer={"id": "k-1"})
    await ann.take(contact)
    texts = [f"note {n}" for n in range(8)]
    for text in texts:
        await ann.call("contact.note", contact=contact, text=text)
        await ann.call("case.open", contact=contact, title=text)

    async def his():
        page = await ann.call("customer.timeline", contact=contact, most=200)
        return len(page["entries"]) == 1 + 2 * len(texts)

    await eventually(his, what="all of it in his timeline")
    # Beside the daemon, as if a machine had done all of it at once: three kinds within a
    # millisecond, in the middle of what was a moment before and after.
    with contextlib.closing(sqlite3.connect(centre.state_dir / "history.db", timeout=10)) as db, db:
        ((number, party, at),) = db.execute(
            "SELECT c.id, p.party, c.created_ms FROM contact c JOIN contact_person p ON p.contact = c.id"
        ).fetchall()
        at -= 3600_000
        for table, moment in ("note", "at_ms"), ("issue", "opened_ms"):
            ids = [id for (id,) in db.execute(f"SELECT id FROM {table} ORDER BY id")]
            equal(len(ids), len(texts))
            for n, id in enumerate(ids):
                db.execute(f"UPDATE {table} SET {moment} = ? WHERE id = ?", (at + (n == 7) - (n == 0), id))
        for n in range(8):
            moved = at + (n == 7) - (n == 0)
            db.execute("INSERT INTO contact (id, closed, state, channel, created_ms, t0_ms, ended_ms, version) VALUES (?, 1, "
                       "'completed', 'task', ?, ?, ?, 1)", (number + 1000 + n, moved, moved, moved))  # fmt: skip
            db.execute("INSERT INTO contact_person (contact, party, title, channel, ended_ms) VALUES (?, ?, ?, 'task', ?)",
                       (number + 1000 + n, party, texts[n], moved))  # fmt: skip
    s1 = await centre.supervisor("s1")
    customer = (await s1.call("customer.timeline", contact=contact))["customer"]

    def name(entry):
        return entry["kind"], entry.get("text") or entry["title"]

    whole = (await s1.call("customer.timeline", customer=customer, most=200))["entries"]
    equal(len({e["at"] for e in whole}), 4, "the live one, and three moments")
    equal([name(e) for e in whole[1:4]], [(kind, texts[7]) for kind in ("case", "note", "contact")])
    equal([name(e) for e in whole[4:-3]], [(kind, text) for kind in ("case", "note", "contact") for text in texts[6:0:-1]])
    equal([name(e) for e in whole[-3:]], [(kind, texts[0]) for kind in ("case", "note", "contact")])
    for most in range(1, len(whole) + 2):
        equal(await whole_timeline(s1.call, customer=customer, most=most), whole, f"pages of {most}")
    # `before` bounds what is shown, and leaves the rest to `after`.
    before = whole[1]["at"]
    equal(await whole_timeline(s1.call, customer=customer, most=5, before=before), whole[4:])
    page = await s1.call("customer.timeline", customer=customer, most=2)
    equal((await s1.call("customer.timeline", customer=customer, after=page["next"], before=before))["entries"], whole[4:])
    for wrong in "x", "1.2", "1.3.5", "1.-1.5", page["next"] + "0x":
        await refused(s1.call("customer.timeline", customer=customer, after=wrong), "invalid_params")


@test
async def what_was_written_before_he_was_known_is_his(start):
    """The disk hangs: the contact goes on without its customer, and he is known when it does not any more."""
    centre = await start(judged=False, launch=False)
    when = centre.disk_fault("stall", "history.db")
    await centre.launch()
    ann = await centre.agent("a1")
    await settled(centre)
    when.touch()
    try:
        contact = await centre.submit("task", customer={"account": "late-1"})
        await ann.take(contact)
        check("customer" not in (await ann.call("contact.get", contact=contact))["contact"], "nobody knows him")

        async def writes_wait(n):
            async def so_many():
                return (await centre.admin("customer.status"))["database"]["waiting"] == n

            await eventually(so_many, what=f"{n} writes that wait")

        await writes_wait(1)  # the contact's record
        link = await centre.admin("survey.link", contact=contact)
        answer = {"contact": contact, "token": link["token"], "satisfaction": 9}
        rated = asyncio.ensure_future(centre.client().call("POST", link["post"], answer))
        await writes_wait(2)
        writes = [
            asyncio.ensure_future(ann.call("contact.note", contact=contact, text="He will call again.")),
            asyncio.ensure_future(ann.call("case.open", contact=contact, title="A lamp is broken")),
        ]
        await asyncio.sleep(0)  # they are sent first
        await ann.call("session.ping")
    finally:
        when.unlink()
    await asyncio.gather(*writes)
    equal(await rated, (200, {"accepted": True}))

    async def shown():
        card = (await ann.call("contact.get", contact=contact))["contact"].get("customer", {})
        return [n["text"] for n in card.get("notes", [])], [c["title"] for c in card.get("open_cases", [])]

    async def his():
        return await shown() == (["He will call again."], ["A lamp is broken"])

    try:
        await eventually(his)
    except AssertionError:
        raise AssertionError(f"shown: {await shown()}") from None
    figure = (await centre.admin("customer.get", contact=contact))["customer"]["attributes"].get("satisfaction", {})
    equal((figure.get("value"), figure.get("source")), (9, "survey"))
    entries = (await ann.call("customer.timeline", contact=contact))["entries"]
    equal({e["kind"] for e in entries} - {"contact"}, {"note", "case"})


@test
async def the_feed_tells_everything_once_from_any_cursor(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    contacts = [await served(centre, ann) for _ in range(5)]
    await recorded(centre, 5)
    await settled(centre)
    http = await centre.intake()
    seen, after = [], 0
    while True:
        status, answer = await http.call("GET", f"/v1/events?after={after}&most=7")
        equal(status, 200)
        seen += answer["events"]
        after = answer["next"]
        if not answer["more"]:
            break
    equal(len({e["id"] for e in seen}), len(seen), "each once")
    equal([e["id"] for e in seen], sorted(e["id"] for e in seen))
    for contact in contacts:
        equal([e["event"] for e in seen if e.get("contact") == contact],
              ["contact.created", "offer.created", "offer.accepted", "contact.connected", "contact.completed"])  # fmt: skip
    again = (await centre.admin("event.list", after=seen[3]["id"], most=500))["events"]
    equal(again, seen[4:], "the same over the protocol, from a cursor")
    for wrong in ("after=-1", "after=x", "most=0", "most=1001"):
        status, answer = await http.call("GET", f"/v1/events?{wrong}")
        equal((status, answer["error"]["type"]), (422, "invalid_params"), wrong)
    status, _ = await centre.client().call("GET", "/v1/events")
    equal(status, 401, "without a key")


if __name__ == "__main__":
    main()
