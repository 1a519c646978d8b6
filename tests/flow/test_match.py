"""Who gets what: skills, steps, affinity, tiers, named agents, overflow."""

import time

from harness import LATE_S
from runner import check, equal, main, test


@test(subset=True)
async def only_an_agent_with_the_skill_is_offered_the_contact(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task", require={"billing": 1})
    await ann.quiet("offer.created", 0.3)
    cem = await centre.agent("a3")
    await cem.take(contact)
    await cem.finish(contact)


@test
async def a_level_too_low_does_not_serve(start):
    centre = await start()
    cem = await centre.agent("a3")
    await centre.submit("task", require={"billing": 6})
    await cem.quiet("offer.created", 0.3)
    lower = await centre.submit("task", require={"billing": 5})
    await cem.offered(lower)


@test(subset=True)
async def a_step_widens_who_may_serve_and_keeps_the_place(start):
    steps = {"channels": ["task"], "require": {"billing": 3}, "steps": [{"after": "20s", "drop": ["billing"]}]}
    centre = await start(speed=10, queues={"billing": steps})
    ann, began = await centre.agent("a1"), time.monotonic()
    cem = await centre.agent("a3")  # who could serve, but is busy: so the step is not skipped
    busy = await centre.submit("task", agent="a3")
    await cem.take(busy)
    contact = await centre.submit("task", queue="billing")
    other = await centre.submit("task", agent="a1")
    await ann.take(other)
    await ann.finish(other)
    await ann.offered(contact)
    took_s = (time.monotonic() - began) * 10
    check(19 <= took_s <= 20 + 10 * LATE_S, f"offered after {took_s:.1f} s of the play, not after 20")


@test
async def a_step_is_skipped_when_nobody_present_could_serve(start):
    steps = {"channels": ["task"], "require": {"billing": 3}, "steps": [{"after": "60s", "drop": ["billing"]}]}
    centre = await start(queues={"billing": steps})
    ann = await centre.agent("a1")
    contact = await centre.submit("task", queue="billing")
    await ann.offered(contact, timeout_s=3)


@test(subset=True)
async def the_last_agent_is_waited_for_a_short_while(start):
    centre = await start(queues={"general": {"channels": ["task", "chat"], "affinity": "10s"}})
    ann, bob = await centre.agent("a1"), await centre.agent("a2")
    busy = await centre.submit("task", agent="a2")
    await bob.take(busy)
    contact = await centre.submit("task", last_agent="a2")
    await ann.quiet("offer.created", 0.5)
    await bob.finish(busy)
    await bob.take(contact)


@test
async def affinity_ends_after_its_time(start):
    centre = await start(speed=10, queues={"general": {"channels": ["task"], "affinity": "10s"}})
    ann, bob = await centre.agent("a1"), await centre.agent("a2")
    busy = await centre.submit("task", agent="a2")
    await bob.take(busy)
    began = time.monotonic()
    contact = await centre.submit("task", last_agent="a2")
    await ann.offered(contact)
    took_s = (time.monotonic() - began) * 10
    check(9.5 <= took_s <= 10 + 10 * LATE_S, f"waited {took_s:.1f} s of the play for the last agent, not 10")


@test
async def affinity_to_one_who_is_not_there_is_not_waited_for(start):
    centre = await start(queues={"general": {"channels": ["task"], "affinity": "10s"}})
    ann = await centre.agent("a1")
    contact = await centre.submit("task", last_agent="a2")
    await ann.offered(contact, timeout_s=2)


@test(subset=True)
async def a_contact_for_a_named_agent_waits_for_him(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task", agent="a2")
    await ann.quiet("offer.created", 0.3)
    bob = await centre.agent("a2")
    await bob.take(contact)


@test(subset=True)
async def value_goes_before_arrival(start):
    centre = await start()
    first = await centre.submit("chat")
    gold = await centre.submit("chat", customer={"id": "vip", "points": 90})
    equal((await centre.get(gold))["tier"], "gold")
    equal(await centre.waiting(), [gold, first])
    ann = await centre.agent("a1")
    equal(await ann.take(), gold)
    equal(await ann.take(), first)


@test
async def a_ringing_call_goes_before_an_ordinary_email(start):
    centre = await start(queues={"general": {"channels": ["voice", "email"], "reserve": 0}})
    mail = await centre.submit("email")
    call = await centre.submit("voice")
    equal(await centre.waiting(), [call, mail])
    urgent = await centre.submit("email", tier="gold", sla_ms=30000)
    equal(await centre.waiting(), [urgent, call, mail])


@test
async def rules_choose_queue_skills_and_tier(start):
    rules = [
        {"when": 'ivr.menu == "bill" or "invoice" in subject', "set": {"queue": "billing", "require": {"billing": 3}}},
        {"when": 'channel == "chat" and customer.points >= 50', "set": {"tier": "gold"}},
    ]
    centre = await start(rules=rules)
    contact = await centre.submit("chat", attributes={"ivr.menu": "bill"}, customer={"id": "c", "points": 60})
    found = await centre.get(contact)
    equal((found["queue"], found["tier"]), ("billing", "gold"))
    other = await centre.submit("chat", attributes={"subject": "about an invoice"})
    equal((await centre.get(other))["queue"], "billing")
    plain = await centre.submit("chat")
    equal((await centre.get(plain))["queue"], "general")
    given = await centre.submit("chat", queue="general", tier="silver", attributes={"ivr.menu": "bill"})
    found = await centre.get(given)
    equal((found["queue"], found["tier"]), ("general", "silver"), "fields of the intake stand above rules")


@test
async def longest_idle_is_chosen(start):
    centre = await start(queues={"general": {"channels": ["task"], "strategy": "longest_idle"}})
    ann = await centre.agent("a1")
    bob = await centre.agent("a2")
    first = await centre.submit("task")
    await ann.take(first)
    second = await centre.submit("task")
    await bob.take(second)
    await bob.finish(second)
    await ann.finish(first)
    third = await centre.submit("task")
    await bob.offered(third)


@test
async def the_lowest_rank_is_chosen_where_the_queue_is_ranked(start):
    agents = [
        {"id": "a1", "skills": {}, "rank": 3},
        {"id": "a2", "skills": {}, "rank": 1},
        {"id": "a3", "skills": {}, "rank": 2},
    ]
    centre = await start(agents=agents, queues={"general": {"channels": ["task"], "strategy": "ranked"}})
    robots = {name: await centre.agent(name) for name in ("a1", "a2", "a3")}
    for name in ("a2", "a3", "a1"):
        await robots[name].take(await centre.submit("task"))


@test
async def the_agent_with_the_least_scarce_skills_is_chosen(start):
    centre = await start()
    cem, bob = await centre.agent("a3"), await centre.agent("a2")
    contact = await centre.submit("task")
    await bob.offered(contact)
    await cem.quiet("offer.created", 0.1)


@test
async def a_team_joins_by_a_step(start):
    queue = {"channels": ["task"], "teams": ["first"], "steps": [{"after": "30s", "add": ["team:second"]}]}
    agents = [{"id": "a1", "team": "first", "skills": {}}, {"id": "b1", "team": "second", "skills": {}}]
    centre = await start(speed=10, agents=agents, queues={"general": queue})
    ann, eve = await centre.agent("a1"), await centre.agent("b1")
    await ann.take(await centre.submit("task"))
    began = time.monotonic()
    contact = await centre.submit("task")
    await eve.offered(contact)
    took_s = (time.monotonic() - began) * 10
    check(29 <= took_s <= 30 + 10 * LATE_S, f"the other team joined after {took_s:.1f} s of the play, not after 30")


@test
async def overflow_moves_a_contact_on_and_keeps_its_age(start):
    queue = {"channels": ["task"], "require": {"billing": 1}, "overflow": {"after": "20s", "to": "general"}}
    centre = await start(speed=10, queues={"billing": queue})
    contact = await centre.submit("task", queue="billing")
    later = await centre.submit("task")
    equal((await centre.get(contact))["queue"], "billing")
    await _queue_becomes(centre, contact, "general")
    equal(await centre.waiting("general"), [contact, later])


async def _queue_becomes(centre, contact, queue):
    end = time.monotonic() + 6
    while (await centre.get(contact))["queue"] != queue:
        check(time.monotonic() < end, f"{contact} did not come to {queue}")


@test
async def a_wait_over_the_limit_expires(start):
    queue = {"channels": ["task"], "limits": {"wait": {"task": "20s"}}}
    centre = await start(speed=10, queues={"general": queue})
    contact = await centre.submit("task")
    await centre.becomes(contact, "expired")


@test
async def deferrable_work_leaves_the_reserve_free(start):
    centre = await start(queues={"general": {"channels": ["voice", "email"], "reserve": 1}})
    ann = await centre.agent("a1")
    mail = await centre.submit("email")
    await ann.quiet("offer.created", 0.4)
    bob = await centre.agent("a2")
    offered = [r for r in (ann, bob) if await _gets(r, mail)]
    equal(len(offered), 1, "with two idle one may take the e-mail")


async def _gets(robot, contact):
    try:
        await robot.offered(contact, timeout_s=1)
    except AssertionError:
        return False
    return True


if __name__ == "__main__":
    main()
