"""The floor as supervisors watch it: the order of service, what is foreseen, figures, alarms, help, messages."""

import asyncio
import json
import random

import harness
from ctl import run
from resp import Resp
from robot import refused
from runner import check, equal, eventually, main, test


class Watcher:
    """A supervisor who remembers what he was told."""

    def __init__(self):
        self.heard = []

    @classmethod
    async def at(cls, centre, account):
        watcher = cls()
        watcher.wire = await centre.supervisor(account, on_event=lambda n, p: watcher.heard.append((n, p)))
        watcher.call = watcher.wire.call
        await watcher.call("queue.subscribe", agents=True)
        return watcher

    async def expect(self, name):
        return await eventually(lambda: next((p for n, p in self.heard if n == name), None), what=name)

    async def quiet(self, name, seconds):
        await asyncio.sleep(seconds)
        equal([p for n, p in self.heard if n == name], [])


@test(subset=True)
async def the_waiting_list_is_in_the_order_of_service_and_whole(start):
    centre = await start()
    dice = random.Random(7)
    made = []
    for number in range(60):
        late = dice.random() < 0.5
        made.append(
            await centre.submit(
                dice.choice(["voice", "chat", "task", "email"]), queue=dice.choice(["general", "billing"]),
                tier=dice.choice(["bronze", "silver", "gold"]), sla_ms=1 if late else dice.randrange(1000, 10**7),
            )
        )  # fmt: skip
    s1 = await centre.supervisor("s1")
    for queue in (None, "general", "billing"):
        listed = (await s1.call("contact.list", most=200, **({"queue": queue} if queue else {})))["waiting"]
        if queue is None:
            equal(sorted(c["id"] for c in listed), sorted(made))
        order = [(-c["log2_score"], c["t0_ms"], c["id"]) for c in listed]
        equal(order, sorted(order))
        equal([c["place"] for c in listed], list(range(len(listed))))
        check(any(c["slack_ms"] < 0 for c in listed) and any(c["slack_ms"] > 0 for c in listed))
    first = (await s1.call("contact.list", most=5))["waiting"]
    whole = (await s1.call("contact.list", most=200))["waiting"]
    equal([c["id"] for c in first], [c["id"] for c in whole[:5]])


@test
async def figures_of_the_day_are_counted_by_queue_and_agent(start):
    centre = await start()
    ann = await centre.agent("a1")
    for _ in range(3):
        contact = await centre.submit("task")
        await ann.take(contact)
        await ann.call("contact.complete", contact=contact)
    s1 = await centre.supervisor("s1")

    async def general():
        outlook = await s1.call("queue.outlook")
        return next(q for q in outlook["queues"] if q["queue"] == "general")

    async def counted():
        return (await general())["today"]["answered"] == 3

    await eventually(counted)
    today = (await general())["today"]
    equal([today["arrived"], today["in_time"], today["service_level"]], [3, 3, 1.0])
    trend = await s1.call("trend.get", minutes=30, step=5, by="queue")
    curve = next(c for c in trend["curves"] if c["queue"] == "general")
    equal([sum(curve["arrived"]), sum(curve["answered"]), len(curve["arrived"])], [3, 3, trend["points"]])
    mine = await ann.call("agent.figures")
    equal([mine["accepted"], mine["completed"], mine["by_channel"]], [3, 3, {"task": 3}])
    check(mine["state_ms"]["ready"] > 0)
    equal((await s1.call("agent.figures", agent="a1"))["completed"], 3)
    error = await refused(s1.call("trend.get", minutes=1440, step=1))
    equal((error.type, error.data["field"]), ("invalid_params", "step"))
    error = await refused(ann.call("agent.figures", agent="a2"))
    equal(error.type, "not_permitted")


@test
async def figures_and_curves_go_on_over_a_kill(start):
    centre = await start(http=f"127.0.0.1:{harness.free_port()}", desk=f"127.0.0.1:{harness.free_port()}")
    ann = await centre.agent("a1")
    for _ in range(3):
        contact = await centre.submit("task")
        await ann.take(contact)
        await ann.call("contact.complete", contact=contact, amount=5)
    late = await centre.submit("task", sla_ms=1)
    await ann.take(late)
    await ann.call("contact.complete", contact=late)
    await centre.leave(await centre.submit("chat", queue="billing"))
    s1 = await centre.supervisor("s1")

    async def figures():
        outlook = {q["queue"]: q["today"] for q in (await s1.call("queue.outlook"))["queues"]}
        curves = (await s1.call("trend.get", minutes=60, step=5, by="queue"))["curves"]
        mine = await s1.call("agent.figures", agent="a1")
        return {
            "today": {q: [outlook[q][k] for k in ("arrived", "answered", "in_time", "abandoned")] for q in ("general", "billing")},
            "curves": {c["queue"]: [sum(c[k]) for k in ("arrived", "answered", "abandoned")] for c in curves},
            "agent": {k: mine[k] for k in ("offered", "accepted", "completed", "amount", "by_channel")},
        }  # fmt: skip

    before = await figures()
    equal(before["today"]["general"][:2], [4, 4])
    await centre.kill()
    await centre.launch()
    s1 = await centre.supervisor("s1")

    async def same():
        now = await figures()
        return now if now == before else None

    await eventually(same, limit_s=20, what="the same figures as before the kill")
    contact = await centre.submit("task")
    await ann.take(contact)
    await ann.call("contact.complete", contact=contact)
    equal((await figures())["today"]["general"][:2], [5, 5], "and they go on")


@test
async def what_will_miss_its_deadline_is_foreseen(start):
    centre = await start()
    ann = await centre.agent("a1")
    for _ in range(3):  # served lately: three in ten minutes
        contact = await centre.submit("task")
        await ann.take(contact)
        await ann.call("contact.complete", contact=contact)
    await ann.call("agent.set_state", state="not_ready")
    soon = [await centre.submit("task", sla_ms=60000) for _ in range(4)]
    far = await centre.submit("task", sla_ms=10**9)
    s1 = await centre.supervisor("s1")

    async def foreseen():
        outlook = await s1.call("queue.outlook")
        general = next(q for q in outlook["queues"] if q["queue"] == "general")
        return general["will_miss"] == 4 and outlook

    outlook = await eventually(foreseen)
    equal({m["contact"] for m in outlook["misses"]}, set(soon))
    check(far not in {m["contact"] for m in outlook["misses"]})
    check(all(m["expected_at"] > m["deadline_at"] for m in outlook["misses"]))


@test
async def an_alarm_is_raised_once_and_ends(start):
    centre = await start(alarms={"waiting": 10, "late": 0, "forecast": 0, "hold": "0s"})
    s1 = await Watcher.at(centre, "s1")
    made = [await centre.submit("task") for _ in range(10)]
    raised = await s1.expect("alarm.raised")
    equal(raised["kind"], "waiting")
    equal([raised["queue"], raised["limit"]], ["general", 10.0])
    equal([a["alarm"] for a in (await s1.call("alarm.list"))["open"]], [raised["alarm"]])
    # One less is not a fifth better: the alarm stands.
    await s1.call("contact.withdraw", contact=made.pop())
    await s1.quiet("alarm.cleared", 4)
    await s1.call("contact.withdraw", contact=made.pop())
    cleared = await s1.expect("alarm.cleared")
    equal(cleared["alarm"], raised["alarm"])
    listed = await s1.call("alarm.list")
    equal([listed["open"], [a["alarm"] for a in listed["ended"]]], [[], [raised["alarm"]]])


@test(subset=True)
async def alarms_are_events_and_outlive_a_restart(start):
    centre = await start(alarms={"waiting": 2, "late": 0, "forecast": 0, "service_level": 0, "hold": "0s"})
    s1 = await Watcher.at(centre, "s1")
    made = [await centre.submit("task") for _ in range(2)]
    raised = await s1.expect("alarm.raised")

    async def told():
        events = (await centre.admin("event.list"))["events"]
        return [e for e in events if e["event"].startswith("alarm.")]

    await eventually(told, what="the alarm among the events")
    await centre.kill()
    await centre.launch()
    s1 = await Watcher.at(centre, "s1")
    equal([(a["alarm"], a["raised_at"]) for a in (await s1.call("alarm.list"))["open"]], [(raised["alarm"], raised["raised_at"])])
    for contact in made:
        await s1.call("contact.withdraw", contact=contact)
    cleared = await s1.expect("alarm.cleared")
    equal(cleared["alarm"], raised["alarm"])

    async def both():
        return len(await told()) == 2

    await eventually(both, what="its end among the events")
    first, last = await told()
    equal([(e["event"], e["alarm"], e["queue"], e["reason"]) for e in (first, last)],
          [(f"alarm.{what}", raised["alarm"], "general", "waiting") for what in ("raised", "cleared")])  # fmt: skip
    equal((first["value"], first["limit"]), (2, 2))
    await centre.restart()
    s1 = await Watcher.at(centre, "s1")
    equal((await s1.call("alarm.list"))["open"], [])


@test
async def steps_that_redis_lost_are_counted_and_alarmed(start):
    centre = await start(judged=False, redis="own", alarms={"waiting": 0, "late": 0, "forecast": 0, "hold": "0s"})
    s1 = await Watcher.at(centre, "s1")
    for _ in range(3):
        await centre.submit("task")
    port = centre.settings["redis"].rpartition(":")[2]
    async with await Resp.open(f"127.0.0.1:{port}") as redis:
        for stream in await redis("KEYS", "*:events"):
            await redis("DEL", stream)  # as if a copy from before the first step came back
        await redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    raised = await s1.expect("alarm.raised")
    equal([raised["kind"], raised["limit"], raised.get("queue")], ["store_lost", 1.0, None])
    check(raised["value"] >= 3, raised)
    counts = (await centre.admin("server.status"))["counts"]
    equal([counts["steps_lost"], counts["steps_replayed"]], [raised["value"], 0])
    text = (await centre.http.exchange("GET", "/metrics"))[2]
    check(f"\nusher_store_lost_total {counts['steps_lost']}\n" in text, "usher_store_lost_total")
    check("\nusher_store_replayed_total 0\n" in text, "usher_store_replayed_total")
    equal([a["alarm"] for a in (await s1.call("alarm.list"))["open"]], [raised["alarm"]])


@test
async def an_agent_calls_for_help_and_is_answered(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("task")
    await ann.take(contact)
    s1, s2 = await Watcher.at(centre, "s1"), await Watcher.at(centre, "s2")
    await ann.call("help.request", contact=contact, text="He is shouting")
    asked = await s1.expect("help.requested")
    equal([asked["agent"], asked["contact"], asked["text"]], ["a1", contact, "He is shouting"])
    await s2.quiet("help.requested", 0.2)  # another team's
    equal((await s2.call("help.list"))["helps"], [])
    equal([h["agent"] for h in (await s1.call("help.list"))["helps"]], ["a1"])
    await s1.call("help.end", agent="a1")
    equal((await ann.expect("help.ended"))["by"], "s1")
    equal((await s1.call("help.list"))["helps"], [])
    error = await refused(s2.call("help.end", agent="a1"))
    equal(error.type, "not_permitted")


@test
async def a_message_reaches_the_agents_of_ones_own_teams(start):
    centre = await start()
    ann, bob = await centre.agent("a1"), await centre.agent("a2")
    s1, s2 = await centre.supervisor("s1"), await centre.supervisor("s2")
    equal((await s1.call("message.send", text="All to the phones"))["reached"], 2)
    equal((await ann.expect("message.received"))["text"], "All to the phones")
    equal((await bob.expect("message.received"))["from"], "s1")
    equal((await s2.call("message.send", text="Not for them"))["reached"], 0)
    equal((await s1.call("message.send", text="You", agent="a2"))["reached"], 1)


@test
async def colleagues_are_those_who_are_there(start):
    centre = await start()
    ann = await centre.agent("a1")
    equal((await ann.call("agent.colleagues"))["agents"], [])
    await centre.agent("a2")
    listed = (await ann.call("agent.colleagues"))["agents"]
    equal(listed, [{"id": "a2", "name": "Bob", "state": "ready", "busy": False}])


@test
async def a_page_learns_what_there_is(start):
    centre = await start()
    ann = await centre.agent("a1")
    methods = (await ann.call("session.methods"))["methods"]
    check("offer.accept" in methods and "agent.force_state" not in methods)


@test
async def what_is_asked_for_again_under_its_id_happens_once(start):
    centre = await start()
    heard = []
    ann = await centre.wire(lambda n, p: heard.append(p["text"]) if n == "message.received" else None,
                            token=await centre.token("agent", agent="a1"))  # fmt: skip
    waits = await centre.submit("task", queue="billing", sla_ms=10**7)
    due = (await centre.admin("contact.get", contact=waits))["contact"]["deadline_ms"]
    lost, back = await centre.supervisor("s1"), await centre.supervisor("s1")
    for wire in (lost, back):  # over the second line, since the first one broke before its answer came
        equal((await wire.call("message.send", id="m-1", text="Lunch at noon", agent="a1"))["reached"], 1)
        await wire.call("contact.prioritise", id="p-1", contact=waits, sooner_ms=60000)
    equal((await centre.admin("contact.get", contact=waits))["contact"]["deadline_ms"], due - 60000)
    # Without an id, under another one, and of somebody else's it is another act.
    await back.call("message.send", text="Lunch at noon", agent="a1")
    await back.call("message.send", id="m-2", text="Back at one", agent="a1")
    await (await centre.supervisor("boss", role="administrator")).call("message.send", id="m-2", text="Not at all", agent="a1")
    await ann.call("session.ping")
    equal(heard, ["Lunch at noon", "Lunch at noon", "Back at one", "Not at all"])


@test
async def a_supervisor_of_few_queues_has_full_pages_of_all_that_is_his(start):
    queues = {"billing": {"teams": ["first"]}, "general": {"teams": ["second"]}}
    centre = await start(queues=queues, agents=[{"id": "a3", "name": "Cem", "team": "first", "skills": {"english": 5, "billing": 5}, "capacity": 500}])
    cem = await centre.agent("a3")
    held = [await centre.submit("task", queue="billing") for _ in range(5)]
    for contact in held:
        await cem.take(contact)
    await cem.not_ready()
    # What is due first is not his.
    for n in range(12):
        await centre.submit("task", queue="general", tier="gold", sla_ms=1000)
    his = [await centre.submit("task", queue="billing", sla_ms=10**6 + n, title="x" * 998) for n in range(23)]
    s1 = await centre.supervisor("s1")
    equal([c["id"] for c in (await s1.call("contact.list", most=7))["waiting"]], his[:7])
    listed, holds, after, pages = [], [], {}, 0
    while after is not None:
        page = await s1.call("contact.list", most=3, **after)
        check(len(page["waiting"]) <= 3 and len(page["held"]) <= 3, page)
        equal([c["place"] for c in page["waiting"]], list(range(len(listed), len(listed) + len(page["waiting"]))))
        listed += [c["id"] for c in page["waiting"]]
        holds += [c["id"] for c in page["held"]]
        after, pages = {"after": page["next"]} if "next" in page else None, pages + 1
    equal((listed, sorted(holds), pages), (his, sorted(held), 8))
    # A page goes on behind its last contact wherever that waits now; the list moves while it is read.
    first = await s1.call("contact.list", most=5, held=False)
    await centre.leave(his[1])
    second = await s1.call("contact.list", most=5, held=False, after=first["next"])
    equal([c["id"] for c in second["waiting"]], his[5:10])
    for wrong in ("x", "1/c000000000001", "-1/,-", "0/,nobody/", "0/,a3/x"):
        await refused(s1.call("contact.list", after=wrong), "invalid_params")
    out, _ = await run("--json", "contact", "list", "--queue", "billing", "--most", "22", state=centre.state_dir)
    equal([c["id"] for c in json.loads(out)["waiting"]], [his[0], *his[2:]])


@test
async def a_list_of_long_titles_fits_its_answers(start):
    centre = await start(judged=False)
    title = "\\" * 998
    made = {await centre.submit("task", title=title, sla_ms=10**6) for _ in range(150)}
    first = await centre.admin("contact.list", most=200)
    check(len(first["waiting"]) < 150 and "next" in first, len(first["waiting"]))
    second = await centre.admin("contact.list", most=200, after=first["next"])
    equal({c["id"] for c in first["waiting"] + second["waiting"]}, made)
    check(len((await centre.admin("queue.show", queue="general", most=200))["waiting"]) < 150, "as many as fit")


if __name__ == "__main__":
    main()
