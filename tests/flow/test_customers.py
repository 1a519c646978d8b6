"""Who the customer is, what he is worth, and what is shown of him."""

import asyncio
import json
import sqlite3

from ctl import run
from records import settled
from runner import check, equal, eventually, main, test
from robot import refused

POINTS = [
    {"name": "revenue", "weight": 0.01, "most": 60},
    {"name": "risk", "figure": "churn_risk", "weight": 10},
    {"name": "again", "figure": "repeat_contacts", "weight": 5, "most": 15},
    {"name": "complaint", "figure": "complaints", "weight": 20},
]
CUSTOMERS = {"points": POINTS, "wait": "500ms", "private": ["churn_risk"]}


def rows(*customers):
    return "\n".join(json.dumps(c) for c in customers)


async def imported(centre, *customers):
    answer = await centre.admin("customer.import", rows=rows(*customers), source="crm")
    equal(answer["bad"], 0, answer)
    return [await found(centre, *identity_of(c)) for c in customers]


def identity_of(customer):
    for kind in ("account", "email", "phone", "cookie"):
        if kind in customer:
            value = customer[kind]
            return kind, value if isinstance(value, str) else value[0]
    raise AssertionError(f"{customer} is known by nothing")


async def found(centre, kind, value):
    customers = (await centre.admin("customer.find", kind=kind, value=value))["customers"]
    return customers[0]["id"] if customers else None


async def card(centre, customer):
    return (await centre.admin("customer.get", customer=customer))["customer"]


async def brief(centre, contact):
    listed = await centre.admin("contact.list", most=200)
    return next(c for c in listed["waiting"] + listed["held"] if c["id"] == contact)


async def becomes(centre, contact, **wanted):
    async def true():
        seen = await brief(centre, contact)
        return all(seen.get(name) == value for name, value in wanted.items())

    await eventually(true, what=f"{contact} with {wanted}")


@test(subset=True)
async def a_known_customer_is_scored_and_shown_with_the_offer(start):
    centre = await start(customers=CUSTOMERS)
    (ann,) = await imported(
        centre,
        {"account": "A1", "name": "Ann Lee", "phone": "01632 960001", "email": "Ann@Example.com",
         "attributes": {"revenue": 4500, "churn_risk": 0.5, "city": "Leeds"}},
    )  # fmt: skip
    contact = await centre.submit("chat", customer={"email": "ann@example.com"})
    seen = await brief(centre, contact)
    equal((seen["tier"], seen["points"], seen["party"]), ("silver", 50, ann))
    a1 = await centre.agent("a1")
    offer = await a1.offered(contact)
    shown = offer["contact"]["customer"]
    equal((shown["id"], shown["name"], shown["tier"], shown["points"]), (ann, "Ann Lee", "silver", 50))
    equal({i["value"] for i in shown["identities"]}, {"A1", "+441632960001", "ann@example.com"})
    equal([t["term"] for t in shown["why"]], ["revenue"], "private terms are not an agent's")
    check("churn_risk" not in shown["attributes"] and shown["attributes"]["city"]["value"] == "Leeds", shown)
    check("customer.churn_risk" not in offer["contact"].get("attributes", {}), offer)
    whole = await card(centre, ann)
    equal(sum(t["points"] for t in whole["why"]), whole["points"], whole["why"])
    equal({t["term"]: t["points"] for t in whole["why"]}, {"revenue": 45, "risk": 5})


@test(subset=True)
async def an_unknown_customer_is_made_and_known_the_next_time(start):
    centre = await start(customers=CUSTOMERS)
    first = await centre.submit("chat", customer={"phone": "01632 960001", "name": "Bo"})
    party = (await brief(centre, first))["party"]

    async def kept():
        return await found(centre, "phone", "01632960001") == party

    await eventually(kept, what="the customer in the database")
    second = await centre.submit("email", customer={"phone": "+44 1632 960001"})
    equal((await brief(centre, second))["party"], party)
    shown = await card(centre, party)
    check(shown["provisional"], shown)
    await centre.restart()
    third = await centre.submit("chat", customer={"phone": "01632 960001"})
    equal((await brief(centre, third))["party"], party)


@test
async def a_customer_with_hundreds_of_contacts_is_asked_for_a_few_times_only(start):
    """After a change all of them are told; a merge takes all of them along, and an unmerge each back."""
    centre = await start(judged=False, customers=CUSTOMERS)
    ann, bea = await imported(centre, {"account": "A", "attributes": {"revenue": 100}}, {"account": "B", "attributes": {"revenue": 200}})
    his = {party: [await centre.submit("task", customer={"account": account}) for _ in range(100)]
           for party, account in ((ann, "A"), (bea, "B"))}  # fmt: skip

    async def become(points):
        """All contacts of each of these customers have so many points."""
        async def true():
            listed, after = {}, {}
            while after is not None:
                page = await centre.admin("contact.list", **after)
                listed |= {c["id"]: c for c in page["waiting"]}
                after = {"after": page["next"]} if "next" in page else None
            return all((listed[c]["points"], listed[c]["party"]) == (n, party) for party, n in points.items() for c in his[party])

        await eventually(true, 30, f"all with {points}", every_s=0.1)

    await become({ann: 1, bea: 2})
    asked = (await centre.admin("customer.status"))["asked"]
    changes = 20
    for n in range(1, changes + 1):
        await centre.admin("customer.set", customer=ann, source="crm", attributes={"revenue": 1000 + 100 * n})
    await become({ann: 30, bea: 2})
    asked = (await centre.admin("customer.status"))["asked"] - asked
    check(asked < changes * len(his[ann]) / 2, f"{changes} changes had {asked} look-ups")
    await centre.admin("customer.merge", customer=bea, **{"from": ann})
    await become({ann: 30, bea: 30})
    await centre.admin("customer.set", customer=bea, source="crm", attributes={"revenue": 4000})
    await become({ann: 40, bea: 40})
    await centre.admin("customer.unmerge", customer=ann)
    await become({ann: 30, bea: 40})


@test(subset=True)
async def who_calls_mails_and_chats_is_merged_and_unmerged_without_loss(start):
    """Must show: three identities, one customer, waiting contacts re-scored at once, and back."""
    centre = await start(customers={**CUSTOMERS, "merge_provisional": False})
    by_phone, by_mail, by_chat = await imported(
        centre,
        {"phone": "01632 960001", "name": "Ann", "attributes": {"revenue": 2000}},
        {"email": "ann@example.com", "name": "A. Lee", "attributes": {"revenue": 8000}},
        {"cookie": "visitor-17"},
    )
    call = await centre.submit("voice", customer={"phone": "01632 960001"})
    mail = await centre.submit("email", customer={"email": "ann@example.com"})
    chat = await centre.submit("chat", customer={"cookie": "visitor-17"})
    before = {c: {k: (await brief(centre, c))[k] for k in ("tier", "points", "party")} for c in (call, mail, chat)}
    equal([before[c]["points"] for c in (call, mail, chat)], [20, 60, 0])
    equal([before[c]["tier"] for c in (call, mail, chat)], ["bronze", "silver", "bronze"])
    await settled(centre)  # cards show contacts of the records
    cards = {k: await card(centre, k) for k in (by_phone, by_mail, by_chat)}
    await centre.admin("customer.merge", customer=by_mail, **{"from": by_phone})
    await centre.admin("customer.merge", customer=by_mail, **{"from": by_chat})
    for contact in (call, mail, chat):
        await becomes(centre, contact, points=60, tier="silver")
    one = await card(centre, by_phone)
    equal(one["id"], by_mail)
    equal(set(one["merged"]), {by_phone, by_chat})
    equal({i["kind"] for i in one["identities"]}, {"phone", "email", "cookie"})
    revenue = one["attributes"]["revenue"]
    equal(revenue["value"], 8000, revenue)
    # What the customer is served for is his wherever he came from.
    a1 = await centre.agent("a1")
    offer = await a1.offered(call)
    equal(offer["contact"]["customer"]["id"], by_mail)
    await a1.accept(offer["offer"])
    await a1.expect("contact.connected")
    await a1.wire.call("agent.set_state", state="not_ready", reason="break")
    await a1.finish(call)

    async def counted():
        return (await card(centre, by_mail))["repeat_contacts"] == 1

    await eventually(counted, what="the call among his contacts")
    await centre.admin("customer.unmerge", customer=by_phone)
    await centre.admin("customer.unmerge", customer=by_chat)
    await becomes(centre, chat, points=0, tier="bronze", party=by_chat)
    await becomes(centre, mail, points=60, tier="silver", party=by_mail)
    await settled(centre)
    after = {k: await card(centre, k) for k in (by_phone, by_mail, by_chat)}
    for k in (by_mail, by_chat):
        equal(after[k], cards[k], "as it was")
    equal(after[by_phone]["repeat_contacts"], 1, "the call is the phone's own")
    for name in ("identities", "attributes", "name", "merged"):
        equal(after[by_phone].get(name), cards[by_phone].get(name), name)


@test
async def a_merge_is_refused_in_words(start):
    centre = await start(customers=CUSTOMERS)
    one, other = await imported(centre, {"account": "A1"}, {"account": "A2", "email": "a2@example.com"})
    await refused(centre.admin("customer.merge", customer=one, **{"from": one}), "same_customer")
    await refused(centre.admin("customer.merge", customer=one, **{"from": "k000000000000"}), "invalid_params")
    await refused(centre.admin("customer.merge", customer=one, **{"from": "k00000000zzzz"}), "no_customer")
    await refused(centre.admin("customer.unmerge", customer=one), "not_merged")
    error = await refused(
        centre.admin("customer.add_identity", customer=one, kind="email", value="A2@example.com"), "identity_taken"
    )
    check("merge" in str(error), str(error))


@test
async def a_merged_tree_comes_apart_where_it_was_joined(start):
    centre = await start(customers=CUSTOMERS)
    a, b, c, d = await imported(centre, *({"account": f"A{i}"} for i in range(4)))
    await centre.admin("customer.merge", customer=b, **{"from": a})
    await centre.admin("customer.merge", customer=d, **{"from": c})
    await centre.admin("customer.merge", customer=d, **{"from": b})
    equal(set((await card(centre, a))["merged"]), {a, b, c})
    await centre.admin("customer.unmerge", customer=b)
    equal(((await card(centre, a))["id"], (await card(centre, c))["id"]), (b, d))
    await centre.admin("customer.unmerge", customer=a)
    equal((await card(centre, b))["merged"], [])


@test
async def value_is_inherited_by_a_stated_weight(start):
    centre = await start(customers=CUSTOMERS)
    ann, bo = await imported(
        centre,
        {"account": "A1", "household": "H1", "link_weight": 0.25},
        {"account": "A2", "household": "H1"},
    )
    home = await found(centre, "account", "H1")
    contacts = [await centre.submit("chat", customer={"id": a}) for a in ("A1", "A2")]
    await centre.admin("customer.set", customer=home, name="The Lees", attributes={"revenue": 6000})
    await becomes(centre, contacts[0], points=15)
    await becomes(centre, contacts[1], points=30)
    (term,) = (await card(centre, ann))["why"]
    equal((term["of"], term["of_name"], term["weight"], term["points"]), (home, "The Lees", 0.25, 15), term)
    await centre.admin("customer.unlink", customer=bo, other=home, kind="member_of")
    await becomes(centre, contacts[1], points=0)


@test
async def the_last_agent_is_preferred_and_repeats_raise_the_score(start):
    centre = await start(customers=CUSTOMERS)
    await imported(centre, {"account": "A1"})
    bob = await centre.agent("a2")
    contact = await centre.submit("chat", customer={"id": "A1"})
    await bob.take(contact)
    await bob.finish(contact)

    async def known():
        return (await card(centre, await found(centre, "account", "A1"))).get("last_agent") == "a2"

    await eventually(known, what="the last agent")
    ann = await centre.agent("a1")
    # Ann has never been busy, Bob served last: he would be second by idle time.
    contact = await centre.submit("chat", customer={"id": "A1"})
    offer = await bob.offered(contact)
    check("last" in offer["why"], offer["why"])
    equal(offer["contact"]["points"], 5, "one repeated contact")
    await ann.quiet("offer.created", 0.1)


@test
async def a_complaint_raises_the_score_until_it_is_settled(start):
    centre = await start(customers=CUSTOMERS)
    (party,) = await imported(centre, {"account": "A1"})
    ann = await centre.agent("a1")
    for code, complaints in (("complaint", 1), ("complaint_settled", None)):
        contact = await centre.submit("chat", customer={"id": "A1"})
        await ann.take(contact)
        await ann.finish(contact, disposition=code)

        async def noted(wanted=complaints):
            figure = (await card(centre, party))["attributes"].get("complaints", {})
            return figure.get("value") == wanted

        await eventually(noted, what=f"complaints {complaints}")


@test
async def lists_hold_until_they_run_out(start):
    centre = await start(customers={**CUSTOMERS, "block": {"refuse": True}})
    waits = await centre.submit("chat", customer={"email": "boss@big.example"})
    await centre.admin("customer.list_add", list="vip", kind="email", pattern="*@big.example", reason="key account")
    await becomes(centre, waits, tier="silver", points=40)
    await centre.admin("customer.list_add", list="block", kind="phone", pattern="01632 960666")
    await centre.admin(
        "customer.list_add", list="block", kind="email", pattern="old@foe.example", until="2020-01-01T00:00:00Z"
    )
    equal(len((await centre.admin("customer.lists"))["lists"]), 2, "the third has run out")
    status, answer = await centre.post("chat", customer={"phone": "+441632960666"})
    equal((status, answer["error"]["type"]), (403, "blocked"), answer)
    await centre.submit("chat", customer={"email": "old@foe.example"})
    await centre.restart()
    status, _ = await centre.post("chat", customer={"phone": "+441632960666"})
    equal(status, 403, "lists outlive a restart")
    await centre.admin("customer.list_remove", list="block", kind="phone", pattern="+44 1632 960666")
    await centre.submit("chat", customer={"phone": "+441632960666"})
    await refused(centre.admin("customer.list_remove", list="block", kind="phone", pattern="+441632960666"), "not_listed")


@test
async def an_import_takes_what_is_right_and_says_what_is_wrong(start):
    centre = await start(customers=CUSTOMERS)
    lines = [
        json.dumps({"account": "A1", "name": "Ann", "attributes": {"revenue": 100}}),
        "{not json",
        json.dumps({"name": "nobody"}),
        "",
        json.dumps({"account": "A2", "phone": "12"}),
        json.dumps({"account": "A3", "emial": "a@example.com"}),
        json.dumps({"account": "A4", "email": "shared@example.com"}),
        json.dumps({"account": "A5", "email": "shared@example.com"}),
        json.dumps({"account": "A6", "attributes": {"deep": {"er": 1}}}),
        json.dumps({"account": "A7", "kind": "robot"}),
    ]
    dry = await centre.admin("customer.import", rows="\n".join(lines), dry_run=True)
    check(await found(centre, "account", "A1") is None, "a dry run keeps nothing")
    done = await centre.admin("customer.import", rows="\n".join(lines), line=101)
    equal((done["created"], done["updated"], done["bad"]), (3, 0, 6), done)
    equal({k: dry[k] for k in ("created", "updated", "bad")}, {k: done[k] for k in ("created", "updated", "bad")})
    equal([p["line"] for p in done["problems"]], [102, 103, 105, 106, 108, 109, 110], done["problems"])
    again = await centre.admin("customer.import", rows=rows({"account": "A1", "attributes": {"revenue": 200}}))
    equal((again["created"], again["updated"]), (0, 1))
    equal((await card(centre, await found(centre, "account", "A1")))["attributes"]["revenue"]["value"], 200)
    check(await found(centre, "account", "A4") != await found(centre, "account", "A5"), "an address may be shared")


@test
async def the_conflict_rule_is_shown(start):
    centre = await start(customers={**CUSTOMERS, "sources": ["staff", "crm"]})
    (party,) = await imported(centre, {"account": "A1", "attributes": {"city": "Leeds"}})
    await centre.admin("customer.set", customer=party, source="web", attributes={"city": "York"})
    city = (await card(centre, party))["attributes"]["city"]
    equal((city["value"], city["source"]), ("Leeds", "crm"), city)
    equal([(o["value"], o["source"]) for o in city["over"]], [("York", "web")], city)
    await centre.admin("customer.set", customer=party, attributes={"city": "Hull"})
    equal((await card(centre, party))["attributes"]["city"]["value"], "Hull")
    await centre.admin("customer.set", customer=party, attributes={"city": None})
    equal((await card(centre, party))["attributes"]["city"]["value"], "Leeds")


@test
async def an_agent_sees_whom_he_serves_alone(start):
    centre = await start(customers=CUSTOMERS)
    mine, other = await imported(centre, {"account": "A1"}, {"account": "A2"})
    ann = await centre.agent("a1")
    contact = await centre.submit("chat", customer={"id": "A1"})
    await ann.take(contact)
    equal((await ann.wire.call("customer.get", contact=contact))["customer"]["id"], mine)
    equal((await ann.wire.call("customer.get", customer=mine))["customer"]["id"], mine)
    await refused(ann.wire.call("customer.get", customer=other), "no_customer")
    await refused(ann.wire.call("customer.find", name="A"), "not_permitted")
    await refused(ann.wire.call("customer.merge", customer=mine, **{"from": other}), "not_permitted")


@test
async def new_rules_of_value_hold_for_who_waits(start):
    centre = await start(customers=CUSTOMERS)
    await imported(centre, {"account": "A1", "attributes": {"revenue": 3000}})
    contact = await centre.submit("chat", customer={"id": "A1"})
    equal((await brief(centre, contact))["points"], 30)
    centre.write_settings(customers={**CUSTOMERS, "points": [{"name": "revenue", "weight": 0.03}]})
    await centre.admin("config.reload")
    await becomes(centre, contact, points=90, tier="gold")


@test
async def a_contact_that_waits_is_known_after_a_crash(start):
    centre = await start(customers=CUSTOMERS)
    (party,) = await imported(centre, {"account": "A1", "attributes": {"revenue": 4000}})
    contact = await centre.submit("chat", customer={"id": "A1"})
    await centre.kill()
    await centre.launch()
    seen = await brief(centre, contact)
    equal((seen["points"], seen["party"]), (40, party))
    await centre.admin("customer.set", customer=party, attributes={"revenue": 5000})
    await becomes(centre, contact, points=50)


@test
async def a_database_held_by_another_program_delays_nobody(start):
    centre = await start(customers=CUSTOMERS)
    (ann,) = await imported(centre, {"account": "A1", "attributes": {"revenue": 4000}})
    held = sqlite3.connect(centre.state_dir / "history.db", isolation_level=None)
    held.execute("BEGIN IMMEDIATE")
    bob = await centre.agent("a2")
    known = await centre.submit("chat", customer={"id": "A1"})
    new = await centre.submit("chat", customer={"phone": "01632 960007"})
    offer = await bob.offered(known)
    equal(offer["contact"]["customer"]["id"], ann, "reading goes on")
    await bob.take(new)
    await refused(centre.admin("customer.set", customer=ann, attributes={"x": 1}), "database_away")
    held.execute("ROLLBACK")
    held.close()

    async def kept():
        return await found(centre, "phone", "01632960007") is not None

    await eventually(kept, limit_s=20, what="what waited to be written")


@test
async def customers_come_in_by_a_table_and_are_changed_by_command(start):
    centre = await start(customers=CUSTOMERS)
    table = centre.dir / "in.csv"
    table.write_text(
        "account,name,email,phone,revenue,since,household\n"
        'A1,"Lee, Ann",ann@example.com;a.lee@example.com,01632 960001,4500,2019-04-01,H1\n'
        "A2,Bo,bad-address,,1,,\n"
        'A3,"Cem ""the"" K",cem@example.com,,12.5,,\n'
        "too,few\n"
        "A4,Dee,,,007,,H1\n"
    )

    async def ctl(*words, status=0):
        return await run(*words, state=centre.state_dir, status=status)

    out, err = await ctl("customer", "import", str(table), "--dry-run", status=1)
    check("Nothing was kept" in out, out, err)
    check(await found(centre, "account", "A1") is None)
    out, err = await ctl("customer", "import", str(table), "--source", "crm", "--json", status=1)
    figures = json.loads(out)
    equal((figures["created"], figures["updated"], figures["bad"]), (3, 0, 2), out)
    check(f"{table}:3: email" in err and f"{table}:5: there are fewer cells" in err, err)
    out, _ = await ctl("customer", "import", str(table), "--json", status=1)
    equal((json.loads(out)["created"], json.loads(out)["updated"]), (0, 3), "imported again, nothing is doubled")
    out, _ = await ctl("customer", "show", "a.lee@example.com")
    check("Lee, Ann" in out and "+45.00  revenue: 0.01 x (revenue 4500 - 0)" in out, out)
    out, _ = await ctl("customer", "find", "Cem")
    check('Cem "the" K' in out, out)
    equal((await card(centre, await found(centre, "account", "A4")))["attributes"]["revenue"]["value"], "007")
    await ctl("customer", "merge", "account:A1", "account:A4")
    a1 = await found(centre, "account", "A4")
    check(a1 == await found(centre, "account", "A1"))
    (a4,) = (await card(centre, a1))["merged"]
    await ctl("customer", "unmerge", a4)
    await ctl("customer", "set", a4, "city=Leeds", "press=true", "name=Dee Dee")
    shown = await card(centre, a4)
    equal((shown["name"], shown["attributes"]["press"]["value"]), ("Dee Dee", True))
    await ctl("customer", "list-add", "vip", "email", "*@example.com", "--for", "30d")
    check("*@example.com" in (await ctl("customer", "lists"))[0])
    contact = await centre.submit("chat", customer={"id": "A1"})
    out, _ = await ctl("explain", "contact", contact)
    check("value points 85" in out and "vip list" in out, out)
    _, err = await ctl("customer", "show", "account:nobody", status=1)
    check("nobody is known" in err, err)


@test
async def a_long_card_comes_in_parts(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task", customer={"email": "ann@example.com", "name": "Ann"})
    await ann.take(contact)
    party = await eventually(lambda: found(centre, "email", "ann@example.com"), what="the customer")
    values = {f"field{n:02d}": f"{n:02d} " + "\x01" * 1000 for n in range(40)}
    for source in ("crm", "web"):
        for at in range(0, 40, 10):
            some = dict(list(values.items())[at : at + 10])
            await centre.admin("customer.set", customer=party, source=source, attributes=some)
    for n in range(5):
        await ann.call("contact.note", contact=contact, text=f"{n} " + "\n" * 8000)
    for who, asked in ((ann, {"contact": contact}), (await centre.supervisor("s1"), {"customer": party})):
        seen, over, notes, parts, after = {}, 0, 0, 0, {}
        while after is not None:
            answer = await who.call("customer.get", **asked, **after)
            card = answer["customer"]
            equal((card["id"], card["kind"]), (party, "person"))
            seen.update({name: one["value"] for name, one in card.get("attributes", {}).items()})
            over += sum(len(one.get("over", [])) for one in card.get("attributes", {}).values())
            notes += len(card.get("notes", []))
            after, parts = {"after": answer["next"]} if "next" in answer else None, parts + 1
        equal(({n: v for n, v in seen.items() if n.startswith("field")}, over, notes, parts > 2), (values, 40, 5, True))
    await refused(centre.admin("customer.get", customer=party, after="x"), "invalid_params")
    shown, _ = await run("--json", "customer", "show", party, state=centre.state_dir)
    exported, _ = await run("customer", "export", party, state=centre.state_dir)
    for whole in (json.loads(shown), json.loads(exported.splitlines()[0])):
        equal({n: a["value"] for n, a in whole["attributes"].items() if n.startswith("field")}, values)
        equal(sum(len(a.get("over", [])) for a in whole["attributes"].values()), 40)
    equal([json.loads(line)["kind"] for line in exported.splitlines()[1:]].count("note"), 5)


if __name__ == "__main__":
    main()
