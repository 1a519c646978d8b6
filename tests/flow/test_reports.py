"""Interval figures: equal to a recount from what robots and customers saw, to the unit."""

import csv
import io
import json

from bank import a_day, report
from ctl import run
from records import recorded, rows, settled
from robot import refused
from runner import check, equal, eventually, main, test

DAY = 18


@test(limit_s=420)
async def a_day_of_the_bank_equals_a_recount(start):
    await a_day(start, DAY)


@test
async def promises_of_resolution_are_counted_apart(start):
    """C3, J7: completed in the promised time, or not; whoever leaves in time is neither."""
    billing = {"channels": ["task"], "require": {"billing": 1}, "resolve": {"task": "1h"}}
    general = {"channels": ["task"], "resolve": {"task": {"default": "1s", "gold": "1h"}}}
    centre = await start(queues={"billing": billing, "general": general})
    cem = await centre.agent("a3")
    met = await centre.submit("task", queue="billing")
    await cem.take(met)
    await cem.finish(met)
    late = await centre.submit("task", queue="general")
    await cem.take(late)
    never = await centre.submit("task", queue="general")
    in_time = await centre.submit("task", queue="general", tier="gold")
    await centre.leave(in_time)

    async def passed():
        return (await report(centre, "queue")).get("general", {}).get("resolve_missed") == 2

    await eventually(passed, 20, "two promises that passed")
    await cem.wire.call("agent.set_state", state="not_ready", reason="break")
    await cem.finish(late)
    await settled(centre)
    queues = await report(centre, "queue")
    names = ("resolve_met", "resolve_missed", "sl_resolve", "first_met", "first_missed")
    equal([queues["billing"][n] for n in names], [1, 0, 1.0, 1, 0])
    equal([queues["general"][n] for n in names], [0, 2, 0.0, 1, 0])
    his = (await report(centre, "agent"))["a3"]
    equal([his[n] for n in names], [1, 1, 0.5, 2, 0])
    equal(await centre.state(never), "queued")


@test(subset=True)
async def live_values_equal_the_recount(start):
    """RELIABILITY I12: what is shown live, the reports, and a count of the rows themselves."""
    centre = await start()
    ann = await centre.agent("a1")
    for n in range(3):
        contact = await centre.submit("task")
        offer = await ann.offered(contact)
        if n == 0:
            await ann.call("offer.reject", offer=offer["offer"], reason="busy")
            await centre.becomes(contact, "queued")
            await centre.leave(contact)
            continue
        await ann.accept(offer["offer"])
        await ann.expect("contact.connected")
        await ann.finish(contact, amount=10 * n, currency="EUR", satisfaction=4 * n)
    held = await centre.submit("task")
    await ann.take(held)
    waits = [await centre.submit("task") for _ in range(4)]
    await centre.leave(waits[0])
    await centre.becomes(waits[0], "abandoned")
    await settled(centre)

    live = next(q for q in (await centre.admin("queue.list"))["queues"] if q["name"] == "general")
    equal((live["waiting"], live["connected"]), (3, 1))
    equal(rows(centre, "SELECT count(*) FROM visit WHERE closed = 0 AND queue = 'general'"), [(live["waiting"],)])
    equal(rows(centre, "SELECT agent FROM leg WHERE closed = 0"), [("a1",)])
    today = next(q for q in (await centre.admin("queue.outlook"))["queues"] if q["queue"] == "general")["today"]
    row = (await report(centre, "queue"))["general"]
    equal((row["offered"], row["answered"], row["abandoned"], row["in_time"]), (8, 3, 2, 3))
    names = {"arrived": "offered", "answered": "answered", "abandoned": "abandoned", "in_time": "in_time"}
    equal({name: today[name] for name in names}, {name: row[column] for name, column in names.items()})
    mine, his = await ann.call("agent.figures"), (await report(centre, "agent"))["a1"]
    equal((mine["offered"], mine["accepted"], mine["rejected"], mine["completed"], mine["amount"]), (4, 3, 1, 2, 30))
    equal((his["offers"], his["accepted"], his["rejected"], his["handled"]), (4, 3, 1, 2))
    equal((his["amounts"], his["satisfaction"]), ({"EUR": 30}, 6))
    # Nothing is counted that the rows do not hold, and a restart of the daemon changes no row.
    counted = rows(centre, "SELECT count(*), sum(outcome = 'accepted'), sum(outcome = 'rejected') FROM leg")
    equal(counted, [(his["offers"], his["accepted"], his["rejected"])])


@test
async def every_way_gives_the_same_figures(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    for amount in (10, 2.5):
        contact = await centre.submit("task", attributes={"dnis": '=cmd|"/c calc"!A1'})
        await ann.take(contact)
        await ann.finish(contact, disposition="sale", amount=amount, currency="EUR", satisfaction=4)
    contact = await centre.submit("task", queue="billing")
    await centre.leave(contact)
    await settled(centre)
    rows = await report(centre, "queue")
    equal({q: (r["offered"], r["answered"], r["abandoned"], r["short_abandoned"]) for q, r in rows.items()},
          {"general": (2, 2, 0, 0), "billing": (1, 0, 1, 1)})  # fmt: skip
    equal((rows["general"]["amounts"], rows["general"]["satisfaction"]), ({"EUR": 12.5}, 4.0))
    equal((rows["general"]["sl_negative"], rows["billing"]["sl_ignore"]), (1.0, None))
    team = (await report(centre, "team"))["first"]
    equal((team["handled"], team["accepted"]), (2, 2))
    check(0 < team["occupancy"] <= 1, team)

    out, _ = await run("report", "--by", "dnis", "--interval", "all", "--csv", state=centre.state_dir)
    cells = list(csv.DictReader(io.StringIO(out)))
    equal({c["dnis"]: c["offered"] for c in cells}, {"": "1", "'=cmd|\"/c calc\"!A1": "2"})
    out, _ = await run("report", "--json", "--interval", "all", state=centre.state_dir)
    equal({r["queue"]: r["offered"] for r in json.loads(out)["rows"]}, {"general": 2, "billing": 1})
    table, _ = await run("report", "--by", "agent", state=centre.state_dir)
    check("a1" in table and "OCCUPANCY" in table, table)
    # 0s: nobody's leaving is short, unless it is asked for otherwise.
    centre.write_settings(calls={"short_abandon": "0s"})
    await centre.admin("config.reload")
    equal((await report(centre, "queue"))["billing"]["short_abandoned"], 0)
    equal((await report(centre, "queue", short_ms=600000))["billing"]["short_abandoned"], 1)

    http = await centre.intake()
    status, answer = await http.call("GET", "/v1/reports?by=queue&interval=all")
    equal((status, {r["queue"]: r["offered"] for r in answer["rows"]}), (200, {"general": 2, "billing": 1}))
    for wrong in ("by=nobody", "interval=week", "from=yesterday", "format=xls", "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
                  "from=2100-01-01T00:00:00Z"):  # fmt: skip
        status, answer = await http.call("GET", f"/v1/reports?{wrong}")
        equal((status, answer["error"]["type"]), (422, "invalid_params"), wrong)
    status, _ = await centre.client().call("GET", "/v1/reports")
    equal(status, 401, "without a key")
    error = await refused(centre.admin("report.get", **{"from": "2100-01-01T00:00:00Z"}), "invalid_params")
    check("before now" in str(error), str(error))


@test
async def supervisors_get_the_figures_of_their_teams(start):
    agents = [{"id": "a1", "team": "first", "skills": {}}, {"id": "b1", "team": "second", "skills": {"billing": 3}}]
    queues = {"general": {"channels": ["task"], "teams": ["first"]}, "billing": {"channels": ["task"], "teams": ["second"]}}
    centre = await start(judged=False, agents=agents, queues=queues)
    for agent, queue in (("a1", "general"), ("b1", "billing")):
        robot = await centre.agent(agent)
        contact = await centre.submit("task", queue=queue)
        await robot.take(contact)
        await robot.finish(contact)
    await settled(centre)
    s2 = await centre.supervisor("s2")
    for by, seen in (("queue", ["billing"]), ("agent", ["b1"]), ("team", ["second"])):
        equal([row[by] for row in (await s2.call("report.get", by=by, interval="all"))["rows"]], seen)
    equal([row["offered"] for row in (await s2.call("report.get", by="all", interval="all"))["rows"]], [1])


@test
async def wait_estimates_are_held_against_what_came(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    for _ in range(3):
        contacts = [await centre.submit("task") for _ in range(4)]
        for _ in contacts:
            await ann.finish(await ann.take())
    await settled(centre)

    async def measured():
        found = (await centre.admin("report.accuracy"))["queues"]
        return found if found and found[0]["measured"] >= 8 else None

    row = (await eventually(measured, 10, "the measures"))[0]
    equal(row["queue"], "general")
    check(row["predicted"] >= 1 and row["real_ms"] > 0 and 0 <= row["coverage"] <= 1, row)
    check(row["error_of_mean_ms"] is not None and row["error_of_share_ms"] is not None, row)
    equal((await centre.admin("report.accuracy", to="1999-01-01T00:00:00Z"))["queues"], [])


if __name__ == "__main__":
    main()
