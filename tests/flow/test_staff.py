"""Supervisors, administrators, auditors: what they see, what they change, what they may not."""

import asyncio

import frames
from ctl import run
from robot import refused
from runner import Skip, check, equal, eventually, main, test

BEFORE_LOGIN = {"session.login", "session.resume"}


@test(subset=True)
async def a_supervisor_moves_a_waiting_contact(start):
    centre = await start()
    contact, other = await centre.submit("task"), await centre.submit("task", queue="billing")
    s1 = await centre.supervisor("s1")
    await s1.call("contact.move", contact=contact, queue="billing", reason="test")
    equal((await centre.get(contact))["queue"], "billing")
    equal(await centre.waiting("billing"), [contact, other], "place and age are kept")
    await s1.call("contact.move", contact=contact, agent="a2")
    bob = await centre.agent("a2")
    await bob.take(contact)


@test
async def an_update_that_changes_nothing_is_refused(start):
    centre = await start()
    contact = await centre.submit("task")
    s1 = await centre.supervisor("s1")
    error = await refused(s1.call("contact.update", contact=contact, reason="why"))
    equal(error.type, "invalid_params")


@test(subset=True)
async def value_points_that_staff_give_bring_the_tier_that_they_are_worth(start):
    centre = await start()
    first, second = await centre.submit("task"), await centre.submit("task")
    s1 = await centre.supervisor("s1")
    await s1.call("contact.update", contact=second, points=90)
    found = await centre.get(second)
    equal((found["tier"], found["value"], found["points"]), ("gold", 8, 90))
    equal(await centre.waiting(), [second, first])
    # A tier that is given by name stands above points.
    await s1.call("contact.update", contact=second, tier="silver")
    await s1.call("contact.update", contact=second, points=0)
    equal((await centre.get(second))["tier"], "silver")


@test
async def who_is_moved_to_a_queue_waits_for_no_agent_by_name_any_more(start):
    centre = await start()
    contact = await centre.submit("task")
    s1 = await centre.supervisor("s1")
    await s1.call("contact.move", contact=contact, agent="a1")
    equal((await centre.get(contact))["target"], "a1")
    await s1.call("contact.move", contact=contact, queue="billing")
    check("target" not in await centre.get(contact))
    cem = await centre.agent("a3")
    await cem.take(contact)


@test(subset=True)
async def a_supervisor_prioritises_a_waiting_contact(start):
    centre = await start()
    contacts = [await centre.submit("task") for _ in range(3)]
    s1 = await centre.supervisor("s1")
    await s1.call("contact.prioritise", contact=contacts[2], sooner_ms=30000)
    equal(await centre.waiting(), [contacts[2], contacts[0], contacts[1]])
    await s1.call("contact.prioritise", contact=contacts[1], tier="gold")
    equal((await centre.waiting())[0], contacts[1])


@test(subset=True)
async def a_supervisor_withdraws_a_contact(start):
    centre = await start()
    contact = await centre.submit("task")
    s1 = await centre.supervisor("s1")
    await s1.call("contact.withdraw", contact=contact, reason="double")
    equal(await centre.state(contact), "cancelled")
    error = await refused(s1.call("contact.withdraw", contact=contact))
    check(error.type in ("no_contact", "wrong_state"), error.type)


@test
async def a_supervisor_forces_a_state(start):
    centre = await start()
    ann = await centre.agent("a1")
    s1 = await centre.supervisor("s1")
    await s1.call("agent.force_state", agent="a1", state="not_ready", reason="training")
    await ann.expect("agent.state_changed", lambda p: p["agent"]["state"] == "not_ready")
    await centre.submit("task")
    await ann.quiet("offer.created", 0.2)
    await s1.call("agent.force_state", agent="a1", state="ready")
    await ann.offered()


@test
async def a_supervisor_sets_one_who_missed_an_offer_ready_again(start):
    centre = await start(speed=10, channels={"task": {"offer_timeout": "5s"}})
    ann = await centre.agent("a1")
    await centre.submit("task")
    await ann.expect("offer.timeout")
    s1 = await centre.supervisor("s1")
    listed = (await s1.call("agent.list"))["agents"]
    equal({a["id"]: a["state"] for a in listed}["a1"], "not_responding")
    await s1.call("agent.force_state", agent="a1", state="ready")
    await ann.offered()


@test
async def new_skills_hold_at_once(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task", require={"billing": 2})
    await ann.quiet("offer.created", 0.2)
    s1 = await centre.supervisor("s1")
    await s1.call("agent.edit", agent="a1", skills={"billing": 2})
    await ann.expect("agent.skills_changed")
    await ann.offered(contact)


@test
async def a_supervisor_acts_on_his_own_teams_only(start):
    agents = [{"id": "a1", "team": "first", "skills": {}}, {"id": "b1", "team": "second", "skills": {}}]
    centre = await start(agents=agents, queues={"general": {"channels": ["task"], "teams": ["first"]}})
    contact = await centre.submit("task", queue="general")
    s1, s2 = await centre.supervisor("s1"), await centre.supervisor("s2")
    await refused(s2.call("agent.force_state", agent="a1", state="not_ready"), "not_permitted")
    await refused(s2.call("contact.withdraw", contact=contact), "not_permitted")
    await refused(s2.call("queue.close", queue="general"), "not_permitted")
    equal([a["id"] for a in (await s2.call("agent.list"))["agents"]], ["b1"])
    await s1.call("contact.withdraw", contact=contact)


@test(subset=True)
async def queues_are_told_as_a_snapshot_and_then_as_changes(start):
    centre = await start()
    heard = []
    s1 = await centre.supervisor("s1", on_event=lambda name, params: heard.append((name, params)))
    await s1.call("queue.subscribe", agents=True)
    await eventually(lambda: any(n == "queue.updated" for n, _ in heard), what="the snapshot")
    first = next(p for n, p in heard if n == "queue.updated")
    equal((first["snapshot"], {q["name"] for q in first["queues"]}), (True, {"general", "billing"}))
    heard.clear()
    for _ in range(40):
        await centre.submit("task")
    await asyncio.sleep(2.2)
    told = [p for n, p in heard if n == "queue.updated"]
    check(1 <= len(told) <= 7, f"{len(told)} updates in about two seconds")
    check(not any(p["snapshot"] for p in told))
    waiting = [q["waiting"] for p in told for q in p["queues"] if q["name"] == "general" and "waiting" in q]
    equal(waiting[-1], 40)


@test(subset=True)
async def each_decision_is_explained(start):
    centre = await start()
    ann = await centre.agent("a1")
    first = await centre.submit("task")
    second = await centre.submit("task")
    await ann.take(first)
    await ann.finish(first)
    found = (await centre.admin("explain.contact", contact=second))["contact"]
    check(found["decisions"], found)
    explained = (await ann.call("explain.contact", contact=first))["contact"]
    check(any("a1" in str(d) for d in explained["decisions"]), explained)


@test(subset=True)
async def a_reload_holds_for_waiting_contacts(start):
    centre = await start()
    contacts = [await centre.submit("chat", attributes={"word": w}) for w in ("plain", "urgent")]
    equal(await centre.waiting(), contacts)
    before = (await centre.admin("config.show"))["version"]
    centre.write_settings(rules=[{"when": 'word == "urgent"', "set": {"tier": "gold"}}])
    told = await centre.admin("config.reload")
    check(told["version"] > before, told)
    equal((await centre.get(contacts[1]))["tier"], "gold")
    equal(await centre.waiting(), [contacts[1], contacts[0]])
    ann = await centre.agent("a1")
    await ann.take(contacts[1])
    found = (await centre.admin("explain.contact", contact=contacts[1]))["contact"]
    equal(found["decisions"][-1]["version"], told["version"], "the decision names its settings")
    check(found["decisions"][-1]["rules"], "and the rule that fired:", found["decisions"][-1])


@test
async def a_bad_reload_changes_nothing_and_says_where(start):
    centre = await start()
    contact = await centre.submit("chat")
    before = (await centre.admin("config.show"))["version"]
    centre.write_settings(queues={"general": {"chanels": ["chat"]}})
    error = await refused(centre.admin("config.reload"), "config_invalid")
    check("chanels" in str(error) + str(error.data), error, error.data)
    equal((await centre.admin("config.show"))["version"], before)
    equal(await centre.waiting(), [contact])


@test
async def a_removed_queue_and_agent_drain_under_their_old_settings(start):
    centre = await start()
    ann = await centre.agent("a1")
    cem = await centre.agent("a3")
    held = await centre.submit("chat", agent="a1")
    await ann.take(held)
    busy = [await cem.take(await centre.submit("chat", queue="billing")) for _ in range(2)]
    waiting = await centre.submit("chat", queue="billing")
    queues = {n: q for n, q in centre.settings["queues"].items() if n != "billing"}
    centre.write_settings(queues=queues, agents=[a for a in centre.settings["agents"] if a["id"] != "a1"])
    await centre.admin("config.reload")
    status, answer = await centre.post("chat", queue="billing")
    check(status in (400, 404, 409, 422, 503), status, answer)
    await ann.finish(held)
    for contact in busy:
        await cem.finish(contact)
    await cem.take(waiting)
    await cem.finish(waiting)


def allowed_params(method):
    """Params that a schema would take, as far as a refusal for the role needs them."""
    params = frames.methods()[method]["properties"]["params"]
    if "$ref" in params:
        return {"channel": "chat"}
    known = {
        "contact": "c000000000001", "offer": "o000000000001", "queue": "general", "agent": "a1", "state": "ready",
        "channel": "chat", "available": True, "routable": True, "account": "x1", "role": "auditor", "id": "x1",
        "password": "correct horse battery", "text": "centre: x",
    }  # fmt: skip
    return {name: known[name] if name in known else some_value(params["properties"][name]) for name in params.get("required", [])}


def some_value(schema):
    """Of the right type; what is refused for the role is not looked at more closely."""
    if "enum" in schema:
        return schema["enum"][0]
    values = {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}
    return values.get(schema.get("type"), "x1")


@test(limit_s=180)
async def a_role_may_do_what_is_documented_and_nothing_else(start):
    if frames.jsonschema is None:
        raise Skip("python3-jsonschema is not installed")
    centre = await start(judged=False, limits={"messages_per_second": 0})
    for role in ("agent", "supervisor", "auditor", "link"):
        more = {"agent": "a1"} if role == "agent" else {}
        wire = await centre.wire(token=await centre.token(role, **more))
        await _matrix(wire, role)
    wire = await centre.wire(key=(await centre.admin("key.create", name="k"))["key"])
    await _matrix(wire, "intake")


async def _matrix(wire, role):
    for method, documented in sorted(frames.methods().items()):
        roles = documented["x-roles"]
        if method in BEFORE_LOGIN or method == "session.logout" or "any" in roles:
            continue
        try:
            await wire.call(method, **allowed_params(method))
            outcome = "done"
        except Exception as error:
            outcome = getattr(error, "type", None) or repr(error)
        if role in roles:
            check(outcome != "method_not_found", role, method, outcome)
        else:
            equal(outcome, "not_permitted", role, method)


@test
async def nothing_but_a_login_is_heard_before_login(start):
    centre = await start()
    methods = sorted(set(frames.methods()) - BEFORE_LOGIN)
    for at in range(0, len(methods), 30):  # who does not log in is sent away after five seconds
        wire = await centre.wire()
        for method in methods[at : at + 30]:
            await refused(wire.call(method, **allowed_params(method)), "not_logged_in")


@test
async def accounts_log_in_with_their_password_and_not_without(start):
    centre = await start()
    await centre.admin("account.add", account="sue", role="supervisor", password="correct horse battery")
    await refused(centre.admin("account.add", account="sue", role="auditor", password="correct horse battery"), "exists")
    await refused(centre.admin("account.add", account="tim", role="auditor", password="short"), "weak_password")
    wire = await centre.wire()
    unknown = await refused(wire.call("session.login", account="nobody", password="correct horse battery"), "login_failed")
    wrong = await refused(wire.call("session.login", account="sue", password="wrong horse battery"), "login_failed")
    equal(str(unknown), str(wrong), "the same answer for an unknown account")
    session = await wire.call("session.login", account="sue", password="correct horse battery")
    equal(session["role"], "supervisor")
    second = await centre.wire(token=session["token"])
    await second.call("queue.list")
    await centre.admin("account.disable", account="sue")
    await asyncio.wait_for(asyncio.shield(second.closed), 3)
    third = await centre.wire()
    await refused(third.call("session.login", token=session["token"]))


@test
async def a_one_time_code_works_once(start):
    centre = await start()
    code = (await centre.admin("code.create"))["code"]
    first = await centre.wire()
    session = await first.call("session.login", code=code)
    equal(session["role"], "administrator")
    second = await centre.wire()
    await refused(second.call("session.login", code=code), "login_failed")


@test
async def long_settings_are_shown_in_parts(start):
    centre = await start()
    said = "".join(f'# {n:05d} \u00e4\u20ac "quoted" \\ and a word or two more of what this centre wants\n' for n in range(20000))
    centre.config.write_text(said + centre.config.read_text())
    version = (await centre.admin("config.reload"))["version"]
    text, after, parts = "", {}, 0
    while after is not None:
        part = await centre.admin("config.show", **after)
        equal((part["version"], part["text"][-1:]), (version, "\n"))
        text, parts = text + part["text"], parts + 1
        after = {"after": part["next"]} if "next" in part else None
    equal((text, parts > 4), (centre.config.read_text(), True))
    for wrong in (11, 10**9):  # within a letter, and behind the end
        await refused(centre.admin("config.show", after=wrong), "invalid_params")
    out, _ = await run("config", "show", state=centre.state_dir)
    equal(out.partition("\n")[2], text)
    out, _ = await run("config", "diff", centre.config, state=centre.state_dir)
    check("Nothing would change" in out, out)


if __name__ == "__main__":
    main()
