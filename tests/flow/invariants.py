"""Holds the journals of robots against the invariants of routing, knowing nothing of the router.

A journal is a list of records (one JSON object a line in a file). Every record has `t`, seconds of
the machine's one monotonic clock, and `ev`:

  customers  submit{key, lane}  accepted{key, contact, duplicate}  refused{key, type}  unknown{key}
             leave{contact}  left{contact, state}
  agents     online{agent, session, capacity}  gone{agent, session}  state{agent, state}
             offer{agent, offer, contact, cost, epoch, again, snapshot}  offer_end{agent, offer, contact, how}
             accept{agent, offer}  accept_ok{agent, offer}  accept_denied{agent, offer, type}
             connected{agent, offer, contact, again}  returned{agent, contact, how}
             parked{agent, contact}  resumed{agent, contact, cost}
             ended{agent, contact, state}  absent{agent, contact}
  faults     kill{what}  freeze{what}  thaw{what}
  ourselves  late{s}  whoever wrote the journal had stood still for so many seconds until then
  afterwards final{contact, state}  place{contact, places}  count{name, said, counted}

`again` marks what was shown before, `snapshot` what a snapshot shows: it may have been made before a
restart. `absent` says that an agent who came back no
longer holds the contact. `final` is what the router answers about a contact when all is quiet.
`lane` is given where contacts of one lane must be offered first come, first served.

Intervals seen by different robots are compared with SLACK_S: two sockets of one process are read
in any order. Between reading the one and the other the process may have stood still; such time, as
`late` tells it, does not count. What one socket says in order is compared exactly.
"""

import argparse
import bisect
import collections
import json
import sys

SLACK_S = 0.25
LATE_MOST_S = 60.0  # what is told of at once
GRACE_S = 115.0  # a vanished agent keeps his work for 120 s; less a margin for when the loss is noticed
TERMINAL = {"completed", "answered", "abandoned", "expired", "cancelled", "unreachable", "lost", "erased"}
OFFER_ENDS = {"accepted", "rejected", "timeout", "rescinded", "cancelled", "absent"}


class Verdict:
    def __init__(self):
        self.broken = []  # (invariant, sentence)
        self.counts = collections.Counter()

    def add(self, invariant, text):
        self.broken.append((invariant, text))

    def line(self):
        """One line of figures."""
        names = ("accepted", "refused", "unknown", "completed", "abandoned", "offers", "kills")
        named = " ".join(f"{n}={self.counts[n]}" for n in names)
        outcome = " ".join(f"{n}={self.counts[n]}" for n in ("lost", "duplicated", "recovered", "unexpected"))
        return f"{named} {outcome} broken={len(self.broken)}"


class Journal:
    """The records in order of time, and what several rules ask of them."""

    def __init__(self, records):
        self.records = sorted(records, key=lambda r: r["t"])
        self.of = collections.defaultdict(list)
        self.by_contact = collections.defaultdict(list)
        self.stood = sorted((r["t"] - r["s"], r["t"]) for r in records if r["ev"] == "late")
        for r in self.records:
            self.of[r["ev"]].append(r)
            if r.get("contact"):
                self.by_contact[r["contact"]].append(r)

    def apart(self, first, second):
        """Seconds from the one moment to the other, but for those in which whoever wrote them down stood still."""
        if not first < second < float("inf"):
            return second - first
        seconds, until = second - first, first
        for begin, end in self.stood[bisect.bisect_left(self.stood, (first - LATE_MOST_S,)) :]:
            if begin >= second:
                break
            begin, end = max(begin, until), min(end, second)
            if end > begin:
                seconds, until = seconds - (end - begin), end
        return seconds

    def later(self, second, first):
        """Is the second of two moments the later one, whatever the order in which they were read?"""
        return self.apart(first, second) > SLACK_S

    def offers(self):
        """Each offer once: its first showing, and the moment at which its agent knew its end."""
        ends = {}
        for r in self.of["offer_end"] + self.of["accept_ok"] + self.of["accept_denied"] + self.of["connected"]:
            key = (r["agent"], r["offer"])
            ends[key] = min(ends.get(key, r["t"]), r["t"])
        gone = collections.defaultdict(list)
        for r in self.of["gone"]:
            gone[r["agent"]].append(r["t"])
        seen = {}
        for r in self.of["offer"]:
            key = (r["agent"], r["offer"])
            if key in seen:
                continue
            end = ends.get(key, float("inf"))
            lost = min((t for t in gone[r["agent"]] if t >= r["t"]), default=float("inf"))
            seen[key] = dict(r, end=min(end, lost))
        return list(seen.values())


def accepted_stay(j, v):
    """I1: what was accepted is there until its end."""
    final = {r["contact"]: r["state"] for r in j.of["final"]}
    for r in j.of["accepted"]:
        if r["contact"] not in final:
            v.add("I1", f"contact {r['contact']} was accepted, and nobody asked after it at the end")
        elif final[r["contact"]] in (None, "lost"):
            v.add("I1", f"contact {r['contact']} (key {r['key']}) was accepted and is lost")
            v.counts["lost"] += 1


def one_open_offer(j, v):
    """I2a: at most one open offer a contact."""
    by_contact = collections.defaultdict(list)
    for o in j.offers():
        by_contact[o["contact"]].append(o)
    for contact, offers in by_contact.items():
        offers.sort(key=lambda o: o["t"])
        for first, second in zip(offers, offers[1:]):
            if j.later(first["end"], second["t"]):
                both_s = j.apart(second["t"], first["end"])
                v.add("I2a", f"contact {contact}: offers {first['offer']} and {second['offer']} were open at once for {both_s:.2f} s")
                v.counts["duplicated"] += 1


def connected_once(j, v):
    """I2b, I2c: after a connection nothing, until the contact was given back."""
    for contact, records in j.by_contact.items():
        holder = None  # the connection in force
        for r in records:
            if r["ev"] in ("returned", "ended"):
                holder = None
            elif r["ev"] == "connected" and not r.get("again"):
                gave_back = holder and _gave_back(j, records, holder, r["t"])
                if holder and holder["offer"] != r["offer"] and not gave_back and not _grace_over(j, holder, r["t"]):
                    v.add("I2b", f"contact {contact} was connected to {holder['agent']} and then to {r['agent']}")
                    v.counts["duplicated"] += 1
                holder = r
            elif r["ev"] == "offer" and not r.get("again") and holder and r["offer"] != holder["offer"]:
                gave_back = _gave_back(j, records, holder, r["t"])
                if j.later(r["t"], holder["t"]) and not gave_back and not _grace_over(j, holder, r["t"]):
                    v.add("I2c", f"contact {contact} was offered to {r['agent']} while {holder['agent']} held it")
                    v.counts["duplicated"] += 1


def _gave_back(j, records, holder, at):
    """Did the holder's own socket say a moment later that he had given it back?"""
    return any(
        r["ev"] in ("returned", "ended") and r["agent"] == holder["agent"] and holder["t"] <= r["t"] and not j.later(r["t"], at)
        for r in records
    )


def _grace_over(j, holder, at):
    """Was the holder's desktop away so long that his work went back?"""
    away = None
    for r in j.records:
        if r["t"] > at:
            break
        if r["ev"] == "gone" and r["agent"] == holder["agent"]:
            away = r["t"]
        elif r["ev"] == "online" and r["agent"] == holder["agent"]:
            if away is not None and away >= holder["t"] and r["t"] - away >= GRACE_S:
                return True
            away = None
    return away is not None and at - away >= GRACE_S


def connected_as_offered(j, v):
    """I2e: connected only to whom it was offered, under that offer."""
    offered = {(r["agent"], r["offer"], r["contact"]): r["t"] for r in reversed(j.of["offer"])}
    for r in j.of["connected"]:
        at = offered.get((r["agent"], r["offer"], r["contact"]))
        if at is None or at > r["t"]:
            v.add("I2e", f"contact {r['contact']} was connected to {r['agent']} without offer {r['offer']} to him")


def offer_ids_are_unique(j, v):
    """I2d: an id names one offer for ever, and an ended offer is not accepted any more."""
    meaning = {}
    for r in j.of["offer"]:
        what = (r["agent"], r["contact"])
        if meaning.setdefault(r["offer"], what) != what:
            v.add("I2d", f"offer id {r['offer']} was used twice")
    ended = {}
    for r in j.of["offer_end"]:
        if r["how"] not in OFFER_ENDS:
            v.add("I2d", f"offer {r['offer']} ended with the unknown word {r['how']}")
        if r["how"] not in ("accepted", "absent"):
            ended.setdefault(r["offer"], r)
    for r in j.of["accept_ok"] + j.of["connected"]:
        end = ended.get(r["offer"])
        if end and end["t"] < r["t"]:
            v.add("I2d", f"offer {r['offer']} ended ({end['how']}) and was accepted afterwards")


def one_terminal_state(j, v):
    """I3a: exactly one end. I3b: nothing after it. I3c: all end."""
    final = {r["contact"]: r["state"] for r in j.of["final"]}
    for contact, records in j.by_contact.items():
        ends = [r for r in records if r["ev"] == "ended" and not r.get("again")]
        states = {r["state"] for r in ends} | ({final[contact]} & TERMINAL if contact in final else set())
        if len(states) > 1:
            v.add("I3a", f"contact {contact} ended as {' and '.join(sorted(states))}")
            v.counts["duplicated"] += 1
        per_agent = collections.Counter((r["agent"], r.get("session")) for r in ends)
        if any(n > 1 for n in per_agent.values()) or len({r["agent"] for r in ends}) > 1:
            v.add("I3a", f"contact {contact} ended {len(ends)} times")
            v.counts["duplicated"] += 1
        if ends:
            for r in records:
                if r["ev"] in ("offer", "connected", "returned") and j.later(r["t"], ends[0]["t"]):
                    v.add("I3b", f"contact {contact}: {r['ev']} after its end")
    for r in j.of["final"]:
        if r["state"] is not None and r["state"] not in TERMINAL:
            v.add("I3c", f"contact {r['contact']} is still {r['state']} when all is quiet")


def within_capacity(j, v):
    """I4: offers and work of an agent never cost more than he has. Parked work costs nothing; an
    offer and the parking that makes room for it are told one after the other."""
    capacity = {r["agent"]: r.get("capacity", 100) for r in j.of["online"]}
    held, over = collections.defaultdict(dict), {}
    for r in j.records:
        agent, ev = r.get("agent"), r["ev"]
        if agent is None:
            continue
        if agent in over and j.later(r["t"], over[agent][0]):
            v.add("I4", over.pop(agent)[1])
        if ev in ("offer", "resumed"):
            held[agent][r["contact"]] = r.get("cost", 100)
        elif ev in ("returned", "ended", "absent", "parked") or (ev == "offer_end" and r["how"] != "accepted"):
            held[agent].pop(r["contact"], None)
        total, most = sum(held[agent].values()), capacity.get(agent, 100)
        if total <= most:
            over.pop(agent, None)
        elif agent not in over:
            over[agent] = (r["t"], f"agent {agent} holds {total} points of {most}: {sorted(held[agent])}")
    for _, text in over.values():
        v.add("I4", text)


def in_order(j, v):
    """I5: of one lane, none is passed over by a later one. Not told over a kill of the router: an
    offer may have been made to a desktop that never heard of it."""
    kills = [r["t"] for r in j.of["kill"] if r["what"] == "router"]
    accepted = {r["key"]: r for r in reversed(j.of["accepted"])}
    lanes = collections.defaultdict(dict)
    for r in j.of["submit"]:
        a = accepted.get(r["key"])
        if r.get("lane") and a:
            lanes[r["lane"]].setdefault(a["contact"], {"contact": a["contact"], "sent": r["t"], "in": a["t"]})
    first, out = {}, {}
    for r in j.records:
        if r["ev"] == "offer":
            first.setdefault(r["contact"], r["t"])
        if r["ev"] in ("leave", "left", "ended"):
            out.setdefault(r["contact"], r["t"])
    never = float("inf")
    for lane, contacts in lanes.items():
        by_sent = sorted(contacts.values(), key=lambda c: c["sent"])
        sents = [c["sent"] for c in by_sent]
        # earliest[i]: the first offer among the contacts sent as i-th or later
        earliest = [never]
        for c in reversed(by_sent):
            earliest.append(min(earliest[-1], first.get(c["contact"], never)))
        earliest.reverse()
        for c in by_sent:
            mine = min(first.get(c["contact"], never), out.get(c["contact"], never))
            if any(c["sent"] < kill < mine for kill in kills):
                continue
            if j.later(mine, earliest[bisect.bisect_right(sents, c["in"])]):
                v.add("I5", f"lane {lane}: a later contact was offered before {c['contact']}")


def epochs_go_up(j, v):
    """I6: the epoch in offer ids never goes back."""
    newest, at = -1, 0.0
    for r in j.of["offer"]:
        if r.get("again") or r.get("snapshot") or r.get("epoch") is None:
            continue  # one from before the restart that is still open
        if r["epoch"] < newest and j.later(r["t"], at):
            v.add("I6", f"offer {r['offer']} is of epoch {r['epoch']} after epoch {newest}")
        if r["epoch"] > newest:
            newest, at = r["epoch"], r["t"]


def one_contact_a_key(j, v):
    """I9: the same key gives the same contact."""
    seen = {}
    for r in j.of["accepted"]:
        if seen.setdefault(r["key"], r["contact"]) != r["contact"]:
            v.add("I9", f"key {r['key']} became {seen[r['key']]} and {r['contact']}")
            v.counts["duplicated"] += 1


def only_to_the_ready(j, v):
    """I10: no offer to one who is gone or not ready, as his own socket said it."""
    state, present = {}, {}
    for r in j.records:
        agent = r.get("agent")
        if r["ev"] == "online":
            present[agent] = True
        elif r["ev"] == "gone":
            present[agent] = False
        elif r["ev"] == "state":
            state[agent] = r["state"]
        elif r["ev"] == "offer" and not r.get("again"):
            if present.get(agent) is False:
                v.add("I10", f"offer {r['offer']} went to {agent}, who was gone")
            elif state.get(agent) in ("offline", "not_ready", "not_responding"):
                v.add("I10", f"offer {r['offer']} went to {agent}, who was {state[agent]}")


def state_agrees(j, v):
    """I11: each live contact in one place. I12: counters equal a recount."""
    for r in j.of["place"]:
        if len(r["places"]) != 1:
            v.add("I11", f"contact {r['contact']} is in {len(r['places'])} places: {', '.join(r['places'])}")
    for r in j.of["count"]:
        if r["said"] != r["counted"]:
            v.add("I12", f"{r['name']} says {r['said']}, a recount {r['counted']}")


def nothing_from_nowhere(j, v):
    """I13: no contact that nobody handed in."""
    known = {r["contact"] for r in j.of["accepted"]}
    answered = {r["key"] for r in j.of["accepted"] + j.of["refused"]}
    open_keys = {r["key"] for r in j.of["unknown"]} - answered
    strange = {c for c in j.by_contact if c not in known}
    if len(strange) > len(open_keys):
        v.add("I13", f"{len(strange)} contacts of unknown origin, {len(open_keys)} submissions without an answer")
        v.counts["unexpected"] += len(strange) - len(open_keys)


def effects_after_commit(j, v):
    """While the store stands still nothing new may leave: no acceptance, no offer, no connection."""
    since = None
    for r in j.records:
        if r["ev"] == "freeze":
            since = r["t"]
        elif r["ev"] == "thaw":
            since = None
        elif since is not None and j.later(r["t"], since):
            if r["ev"] in ("accepted", "offer", "connected") and not r.get("again") and not r.get("duplicate"):
                v.add("commit", f"{r['ev']} of {r['contact']} left {r['t'] - since:.2f} s after the store stood still")
                v.counts["unexpected"] += 1


RULES = (
    accepted_stay,
    one_open_offer,
    connected_once,
    connected_as_offered,
    offer_ids_are_unique,
    one_terminal_state,
    within_capacity,
    in_order,
    epochs_go_up,
    one_contact_a_key,
    only_to_the_ready,
    state_agrees,
    nothing_from_nowhere,
    effects_after_commit,
)


def judge(records):
    """Returns the Verdict on a journal."""
    j, v = Journal(records), Verdict()
    v.counts["accepted"] = len({r["contact"] for r in j.of["accepted"]})
    v.counts["refused"] = len(j.of["refused"])
    v.counts["unknown"] = len({r["key"] for r in j.of["unknown"]})
    v.counts["offers"] = len({r["offer"] for r in j.of["offer"]})
    v.counts["kills"] = len(j.of["kill"])
    for r in j.of["final"]:
        v.counts[r["state"] or "missing"] += r["state"] != "lost"
    v.counts["recovered"] = _recovered(j)
    for rule in RULES:
        rule(j, v)
    return v


def _recovered(j):
    """How many contacts lived through a kill and reached their end."""
    kills = [r["t"] for r in j.of["kill"]]
    ends = {r["contact"]: r["t"] for r in j.of["ended"] + j.of["left"]}
    done = {r["contact"] for r in j.of["final"] if r["state"] in TERMINAL - {"lost"}}
    born = {r["contact"]: r["t"] for r in j.of["accepted"]}
    return sum(any(born[c] < k < ends.get(c, float("inf")) for k in kills) for c in done if c in born)


def main():
    parser = argparse.ArgumentParser(description="judge journals of robots")
    parser.add_argument("journal", nargs="+", help="files with one JSON record a line")
    records = []
    for name in parser.parse_args().journal:
        with open(name, encoding="utf-8") as file:
            records += [json.loads(line) for line in file if line.strip()]
    verdict = judge(records)
    for invariant, text in verdict.broken:
        print(f"{invariant}: {text}")
    print(verdict.line())
    sys.exit(1 if verdict.broken else 0)


if __name__ == "__main__":
    main()
