"""The checker of the fault runs is held itself: journals with planted faults."""

import invariants
from runner import check, equal, main, test


class Book:
    """Writes a journal; a tick of the clock lies between two records."""

    def __init__(self):
        self.t, self.records = 0.0, []

    def add(self, ev, **fields):
        self.t += fields.pop("after", 1.0)
        self.records.append({"t": self.t, "ev": ev, **fields})
        return self


def good():
    """A life without fault: three contacts, two agents, one kill between them."""
    b = Book()
    for agent in ("a1", "a2"):
        b.add("online", agent=agent, session="s", capacity=100).add("state", agent=agent, state="ready")
    for n in ("1", "2", "3"):
        b.add("submit", key="k" + n, lane="x").add("accepted", key="k" + n, contact="c" + n)
    serve(b, "a1", "c1", "o1", 1)
    b.add("kill", what="router").add("gone", agent="a1", session="s").add("online", agent="a1", session="s")
    serve(b, "a2", "c2", "o2", 2)
    serve(b, "a1", "c3", "o3", 2)
    for n in ("1", "2", "3"):
        b.add("final", contact="c" + n, state="completed")
    return b


def serve(b, agent, contact, offer, epoch):
    b.add("offer", agent=agent, contact=contact, offer=offer, cost=100, epoch=epoch)
    b.add("accept", agent=agent, offer=offer).add("accept_ok", agent=agent, offer=offer)
    b.add("connected", agent=agent, contact=contact, offer=offer)
    return b.add("ended", agent=agent, contact=contact, state="completed")


def without(b, ev, **fields):
    b.records = [r for r in b.records if r["ev"] != ev or any(r.get(k) != w for k, w in fields.items())]
    return b


def insert(b, after, **record):
    """Puts a record half a tick behind the first one that has the fields of `after`."""
    at = next(r["t"] for r in b.records if all(r.get(k) == w for k, w in after.items()))
    b.records.append({"t": at + 0.5, **record})
    return b


def broken(b):
    return {invariant for invariant, _ in invariants.judge(b.records).broken}


@test
def a_faultless_journal_breaks_nothing():
    verdict = invariants.judge(good().records)
    equal(verdict.broken, [])
    equal(verdict.counts["recovered"], 2)
    equal(verdict.counts["completed"], 3)


@test
def a_lost_contact_breaks_i1():
    b = without(good(), "final", contact="c3").add("final", contact="c3", state=None)
    equal(broken(b), {"I1"})
    equal(invariants.judge(b.records).counts["lost"], 1)
    equal(broken(without(good(), "final", contact="c3")), {"I1"})


@test
def two_open_offers_break_i2a():
    b = insert(good(), {"ev": "offer", "offer": "o1"}, ev="offer", agent="a2", contact="c1", offer="o9", cost=100)
    check("I2a" in broken(b))


@test
def an_offer_of_a_vanished_agent_is_not_open():
    b = Book().add("submit", key="k").add("accepted", key="k", contact="c")
    b.add("offer", agent="a1", contact="c", offer="o1", cost=100).add("gone", agent="a1", session="s")
    serve(b, "a2", "c", "o2", 1).add("final", contact="c", state="completed")
    equal(broken(b), set())


@test
def two_connections_break_i2b():
    b = insert(good(), {"ev": "connected", "contact": "c1"}, ev="connected", agent="a2", contact="c1", offer="o9")
    check({"I2b", "I2e"} <= broken(b))


@test
def a_transfer_between_two_connections_is_fine():
    b = Book().add("submit", key="k").add("accepted", key="k", contact="c")
    b.add("offer", agent="a1", contact="c", offer="o1", cost=100)
    b.add("connected", agent="a1", contact="c", offer="o1").add("returned", agent="a1", contact="c", how="transferred")
    serve(b, "a2", "c", "o2", 1).add("final", contact="c", state="completed")
    equal(broken(b), set())


@test
def an_offer_after_the_connection_breaks_i2c():
    b = insert(good(), {"ev": "connected", "contact": "c1"}, ev="offer", agent="a2", contact="c1", offer="o9", cost=100)
    check("I2c" in broken(b))


@test
def a_loss_longer_than_the_grace_gives_the_work_back():
    for away_s, wanted in ((300.0, set()), (10.0, {"I2b", "I2c"})):
        b = Book().add("submit", key="k").add("accepted", key="k", contact="c")
        b.add("offer", agent="a1", contact="c", offer="o1", cost=100)
        b.add("connected", agent="a1", contact="c", offer="o1").add("gone", agent="a1", session="s")
        b.t += away_s
        serve(b, "a2", "c", "o2", 1).add("final", contact="c", state="completed")
        equal(broken(b), wanted, away_s)


@test
def what_was_read_late_because_the_journals_writer_stood_still_is_not_late():
    """The first agent's socket is read 0.4 s behind the second one's; of these the process stood still for 0.3 s."""

    def book(*late):
        b = Book().add("submit", key="k").add("accepted", key="k", contact="c")
        b.add("offer", agent="a1", contact="c", offer="o1", cost=100)
        b.add("offer", agent="a2", contact="c", offer="o2", cost=100)
        b.add("offer_end", after=0.4, agent="a1", contact="c", offer="o1", how="cancelled")
        b.records += [{"t": b.t - before_s, "ev": "late", "s": s} for before_s, s in late]
        return b.add("final", contact="c", state="abandoned")

    equal(broken(book()), {"I2a"})
    equal(broken(book((0.05, 0.3))), set())
    equal(broken(book((0.2, 0.1), (0.05, 0.1))), set(), "in two pieces")
    for elsewhere in ((0.4, 0.3), (-0.3, 0.3), (0.35, 0.3)):
        equal(broken(book(elsewhere)), {"I2a"}, "it stood still at another time", elsewhere)


@test
def who_gave_a_contact_back_may_be_read_a_moment_behind_the_next_ones_offer():
    for after_s, wanted in ((0.2, set()), (0.6, {"I2c"})):
        b = Book().add("submit", key="k").add("accepted", key="k", contact="c")
        b.add("offer", agent="a1", contact="c", offer="o1", cost=100)
        b.add("connected", agent="a1", contact="c", offer="o1")
        b.add("offer", agent="a2", contact="c", offer="o2", cost=100)
        b.add("returned", after=after_s, agent="a1", contact="c", how="transferred")
        b.add("connected", agent="a2", contact="c", offer="o2").add("ended", agent="a2", contact="c", state="completed")
        equal(broken(b.add("final", contact="c", state="completed")), wanted, after_s)


@test
def a_connection_without_its_offer_breaks_i2e():
    equal(broken(without(good(), "offer", offer="o3")) - {"I5"}, {"I2e"})


@test
def an_offer_id_used_twice_breaks_i2d():
    b = Book()
    for n in ("1", "2"):
        b.add("submit", key=n).add("accepted", key=n, contact="c" + n)
        serve(b, "a1", "c" + n, "o1", 1).add("final", contact="c" + n, state="completed")
    equal(broken(b), {"I2d"})


@test
def an_acceptance_after_the_timeout_breaks_i2d():
    b = insert(good(), {"ev": "offer", "offer": "o1"}, ev="offer_end", agent="a1", contact="c1", offer="o1", how="timeout")
    check("I2d" in broken(b))


@test
def two_ends_break_i3a():
    b = good().add("final", contact="c1", state="abandoned")
    b = without(b, "final", contact="c1", state="completed")
    equal(broken(b), {"I3a"})
    b = insert(good(), {"ev": "ended", "contact": "c1"}, ev="ended", agent="a2", contact="c1", state="completed")
    equal(broken(b), {"I3a"})


@test
def anything_after_the_end_breaks_i3b():
    b = insert(good(), {"ev": "ended", "contact": "c1"}, ev="offer", agent="a2", contact="c1", offer="o9", cost=100)
    check("I3b" in broken(b))


@test
def a_contact_still_waiting_at_the_end_breaks_i3c():
    b = Book().add("submit", key="k").add("accepted", key="k", contact="c").add("final", contact="c", state="queued")
    equal(broken(b), {"I3c"})


@test
def too_much_work_breaks_i4():
    b = good().add("submit", key="k4").add("accepted", key="k4", contact="c4")
    b.add("final", contact="c4", state="completed")
    b = insert(b, {"ev": "connected", "contact": "c3"}, ev="offer", agent="a1", contact="c4", offer="o9", cost=1)
    equal(broken(b) - {"I5"}, {"I4"})


@test
def parked_work_makes_room_for_an_offer():
    for parked, wanted in ((True, set()), (False, {"I4"})):
        b = Book()
        for n in ("1", "2"):
            b.add("submit", key=n).add("accepted", key=n, contact="c" + n).add("final", contact="c" + n, state="completed")
        b.add("online", agent="a1", session="s", capacity=100)
        b.add("offer", agent="a1", contact="c1", offer="o1", cost=25).add("connected", agent="a1", contact="c1", offer="o1")
        b.add("offer", agent="a1", contact="c2", offer="o2", cost=100)
        if parked:
            b.add("parked", agent="a1", contact="c1", after=0.01)
        b.add("ended", agent="a1", contact="c2", state="completed").add("resumed", agent="a1", contact="c1", cost=25)
        b.add("ended", agent="a1", contact="c1", state="completed")
        equal(broken(b), wanted)


@test
def work_that_was_resumed_costs_what_it_did():
    """A mail of 25 points that goes on leaves room for 75, and not for more."""
    for cost, wanted in ((75, set()), (76, {"I4"})):
        b = Book()
        for n in ("1", "2"):
            b.add("submit", key=n).add("accepted", key=n, contact="c" + n).add("final", contact="c" + n, state="completed")
        b.add("online", agent="a1", session="s", capacity=100)
        b.add("offer", agent="a1", contact="c1", offer="o1", cost=25).add("connected", agent="a1", contact="c1", offer="o1")
        b.add("parked", agent="a1", contact="c1", cost=25).add("resumed", agent="a1", contact="c1", cost=25)
        b.add("offer", agent="a1", contact="c2", offer="o2", cost=cost).add("connected", agent="a1", contact="c2", offer="o2")
        for n in ("2", "1"):
            b.add("ended", agent="a1", contact="c" + n, state="completed")
        equal(broken(b), wanted)


@test
def being_passed_over_breaks_i5():
    for kill, wanted in ((False, {"I5"}), (True, set())):
        b = Book()
        for n in ("1", "2"):
            b.add("submit", key=n, lane="x").add("accepted", key=n, contact="c" + n)
        if kill:
            b.add("kill", what="router")
        serve(b, "a1", "c2", "o2", 1)
        serve(b, "a1", "c1", "o1", 1)
        for n in ("1", "2"):
            b.add("final", contact="c" + n, state="completed")
        equal(broken(b), wanted)


@test
def an_epoch_that_goes_back_breaks_i6():
    b = good()
    for r in b.records:
        if r.get("offer") == "o3" and r["ev"] == "offer":
            r["epoch"] = 1
    equal(broken(b), {"I6"})


@test
def a_key_with_two_contacts_breaks_i9():
    b = good().add("accepted", key="k1", contact="c8").add("final", contact="c8", state="completed")
    equal(broken(b) - {"I5"}, {"I9"})


@test
def an_offer_to_one_who_is_not_ready_or_gone_breaks_i10():
    for record in ({"ev": "state", "agent": "a1", "state": "not_ready"}, {"ev": "gone", "agent": "a1", "session": "s"}):
        b = good()
        at = next(r["t"] for r in b.records if r.get("offer") == "o3")
        b.records.append({"t": at - 0.5, **record})
        equal(broken(b), {"I10"}, record)


@test
def a_contact_in_two_places_breaks_i11():
    equal(broken(good().add("place", contact="c1", places=["queue", "agent a1"])), {"I11"})
    equal(broken(good().add("place", contact="c1", places=[])), {"I11"})


@test
def a_counter_that_is_off_breaks_i12():
    equal(broken(good().add("count", name="waiting", said=3, counted=2)), {"I12"})


@test
def a_contact_from_nowhere_breaks_i13():
    stranger = {"agent": "a2", "contact": "c7", "offer": "o7", "cost": 100}
    b = good().add("offer", **stranger).add("offer_end", how="timeout", **stranger)
    equal(broken(b), {"I13"})
    b.add("submit", key="k7").add("unknown", key="k7")
    equal(broken(b), set())


@test
def an_effect_while_the_store_stands_still_is_seen():
    for wait_s, wanted in ((0.1, set()), (0.4, {"commit"})):
        b = good().add("freeze", what="store")
        b.add("offer", agent="a2", contact="c3", offer="o3", cost=100, after=wait_s)
        seen = broken(b.add("thaw", what="store"))
        equal(seen & {"commit"}, wanted, wait_s)


if __name__ == "__main__":
    main()
