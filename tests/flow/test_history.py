"""Contact records: what the history writes of the event stream, exactly once, whatever fails."""

import asyncio
import contextlib
import sqlite3

from records import recorded, rows, settled
from resp import Resp
from runner import check, equal, eventually, main, test


@test
async def a_contact_has_a_record_with_its_visits_and_legs(start):
    centre = await start(judged=False, channels={"task": {"wrapup": "5s"}})
    ann = await centre.agent("a1")
    contact = await centre.submit("task", title="Where is it?", attributes={"dnis": "4420"}, customer={"id": "k1"})
    offer = await ann.offered(contact)
    await ann.wire.call("offer.accept", offer=offer["offer"])
    await ann.expect("contact.connected")
    await ann.wire.call("contact.wrapup", contact=contact)
    await ann.wire.call("contact.complete", contact=contact, disposition="sale", amount=12.5, satisfaction=4)
    await recorded(centre, 1)
    found = rows(
        centre,
        "SELECT channel, queue, tier, agent, offers, rona, transfers, disposition, amount, satisfaction, "
        "talk_ms + wrapup_ms <= ended_ms - created_ms FROM contact",
    )
    equal(found, [("task", "general", "bronze", "a1", 1, 0, 0, "sale", 12.5, 4.0, 1)])
    equal(rows(centre, "SELECT kind, queue, left_how, agent, dnis FROM visit"), [("new", "general", "answered", "a1", "4420")])
    equal(rows(centre, "SELECT agent, team, outcome, ended_how, closed FROM leg"), [("a1", "first", "accepted", "completed", 1)])
    equal(rows(centre, "SELECT customer, title FROM contact_person"), [("k1", "Where is it?")])
    kinds = [kind for (kind,) in rows(centre, "SELECT kind FROM event WHERE contact IS NOT NULL ORDER BY n")]
    # What is known of the customer may come at any moment.
    kinds = [kind for kind in kinds if kind != "contact.updated"]
    equal(kinds, ["contact.created", "offer.created", "offer.accepted", "contact.connected", "contact.wrapup", "contact.completed"])


async def serve(centre, robot, n):
    """The robot takes and finishes n contacts."""
    for _ in range(n):
        contact = await robot.take()
        await robot.finish(contact)


def whole(centre, contacts):
    """Each contact has one closed record whose events are all there, once."""
    found = {number: closed for number, closed in rows(centre, "SELECT id, closed FROM contact")}
    equal(len(found), len(contacts), "records")
    check(all(found.values()), "all are closed")
    doubled = rows(
        centre, "SELECT contact, kind, count(*) FROM event WHERE kind IN ('contact.created', 'contact.connected', "
        "'contact.completed') GROUP BY 1, 2 HAVING count(*) != 1",
    )  # fmt: skip
    equal(doubled, [], "events that are not there once")
    equal(rows(centre, "SELECT count(*) FROM event WHERE kind = 'contact.completed'"), [(len(contacts),)])
    equal(rows(centre, "SELECT count(*) FROM visit WHERE left_how = 'answered' AND closed = 1"), [(len(contacts),)])
    equal(rows(centre, "SELECT count(*) FROM leg WHERE outcome = 'accepted' AND closed = 1"), [(len(contacts),)])


@test
async def nothing_is_lost_or_doubled_when_the_daemon_is_killed(start):
    centre = await start(judged=False)
    contacts = []
    for killed in range(4):
        ann = await centre.agent("a1")
        contacts += [await centre.submit("task") for _ in range(25)]
        await serve(centre, ann, 25)
        # Somewhere within what the history has to do: at once, and a little later.
        await asyncio.sleep(0.02 * killed)
        await centre.kill()
        await ann.stop()
        await centre.launch()
    await recorded(centre, len(contacts))
    whole(centre, contacts)
    check((await centre.admin("history.status"))["skipped"] == 0, "skipped entries")


@test
async def nothing_is_lost_when_redis_is_killed(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    contacts = [await centre.submit("task") for _ in range(20)]
    await serve(centre, ann, 10)
    await centre.kill("redis")
    await eventually(lambda: "Redis is back" in centre.log_tail(200), 20, "Redis is started again")
    await serve(centre, ann, 10)
    await recorded(centre, len(contacts))
    whole(centre, contacts)


async def metrics(centre):
    """Figures without labels by their name."""
    _, _, text = await centre.http.exchange("GET", "/metrics")
    pairs = (line.split() for line in text.splitlines() if not line.startswith("#") and "{" not in line)
    return {name: float(value) for name, value in pairs}


@test
async def routing_goes_on_while_the_database_is_locked(start):
    centre = await start(judged=False)
    ann = await centre.agent("a1")
    await serve(centre, ann, 0)
    path = centre.state_dir / "history.db"
    with contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        contacts = [await centre.submit("task") for _ in range(30)]
        await serve(centre, ann, 30)
        await eventually(lambda: "database: cannot write" in centre.log_tail(50), 20, "the log says so")
        status = await centre.admin("history.status")
        check(status["lag_ms"] > 0 and not status["writing"], status)
        shown = await metrics(centre)
        check(shown["usher_history_lag_seconds"] > 0 and shown["usher_database_away"] == 1, shown)
        equal(rows(centre, "SELECT count(*) FROM contact WHERE closed = 1"), [(0,)])
        other.execute("ROLLBACK")
    await recorded(centre, len(contacts))
    whole(centre, contacts)
    await settled(centre)
    check((await centre.admin("history.status"))["writing"], "it writes again")
    shown = await metrics(centre)
    equal((shown["usher_history_lag_seconds"], shown["usher_database_away"]), (0, 0))


@test
async def routing_goes_on_while_the_disk_is_full(start):
    centre = await start(judged=False, launch=False)
    when = centre.disk_fault("full", "history.db")
    await centre.launch()
    ann = await centre.agent("a1")
    contacts = [await centre.submit("task") for _ in range(10)]
    await serve(centre, ann, 10)
    await recorded(centre, 10)
    when.touch()
    contacts += [await centre.submit("task") for _ in range(30)]
    await serve(centre, ann, 30)
    await eventually(lambda: "database: cannot write" in centre.log_tail(50), 20, "the log says so")
    check((await centre.admin("history.status"))["lag_ms"] > 0, "the lag is shown")
    await centre.kill()
    await ann.stop()
    when.unlink()
    await centre.launch()
    await recorded(centre, len(contacts))
    whole(centre, contacts)


@test
async def routing_goes_on_while_the_disk_of_the_history_hangs(start):
    """No read, no write, no sync of it comes back."""
    centre = await start(judged=False, launch=False)
    when = centre.disk_fault("stall", "history.db")
    await centre.launch()
    ann = await centre.agent("a1")
    contacts = [await centre.submit("task") for _ in range(5)]
    await serve(centre, ann, 5)
    await recorded(centre, 5)
    when.touch()
    try:
        contacts += [await centre.submit("task", customer={"phone": "01632 960001"}) for _ in range(20)]
        await serve(centre, ann, 20)
        check((await centre.admin("history.status"))["lag_ms"] > 0, "the lag is shown")
        check((await metrics(centre))["usher_history_lag_seconds"] > 0, "and measured")
    finally:
        when.unlink()
    await recorded(centre, len(contacts))
    whole(centre, contacts)
    await settled(centre)


@test
async def a_redis_that_began_anew_is_numbered_apart(start):
    centre = await start(judged=False, redis="own")
    ann = await centre.agent("a1")
    first = [await centre.submit("task") for _ in range(3)]
    await serve(centre, ann, 3)
    await recorded(centre, 3)
    await ann.stop()
    await centre.stop_daemon()
    port = centre.settings["redis"].rpartition(":")[2]
    async with await Resp.open(f"127.0.0.1:{port}") as redis:
        await redis("FLUSHALL")
        await redis("FUNCTION", "FLUSH")
    await centre.launch()
    centre.key = centre.http.key = None
    ann = await centre.agent("a1")
    second = [await centre.submit("task") for _ in range(3)]
    equal(second, first, "the numbers come again")
    await serve(centre, ann, 3)
    await recorded(centre, 6)
    whole(centre, first + second)


if __name__ == "__main__":
    main()
