"""A day of contacts: read from a real call centre's trace, or generated. Standard library only.

A day is a list of rows {at_s, service, points, customer, patience_s, handle_s, trace_wait_s,
trace_served}, sorted by at_s, and a list of shifts {agent, blocks: [(from_s, to_s)], services}.
What a trace cannot know is drawn with a stated seed:

  patience of a served caller   the Kaplan-Meier estimate over all callers of the file, given that
                                he waited as long as he did; past the last abandonment exponential
  handling of an abandoned one  the handling of a served caller of the same service
"""

import bisect
import collections
import csv
import gzip
import math
import random

SEED = 1999
BREAK_S = 600  # an agent without a call for longer is away
MARGIN_S = 60  # he comes so long before his first call and goes so long after his last
DAY_S = 86400


class Patience:
    """Kaplan-Meier estimate of how long callers are willing to wait."""

    def __init__(self, waits):
        """waits: (seconds, left) pairs; left False means served, so patience was longer."""
        waits = sorted((max(float(s), 0.5), left) for s, left in waits)
        self.n, self.left = len(waits), sum(left for _, left in waits)
        self.mean_tail_s = sum(s for s, _ in waits) / max(1, self.left)
        self.times, self.alive = [], []
        survival, at_risk, i = 1.0, len(waits), 0
        while i < len(waits):
            j = i
            while j < len(waits) and waits[j][0] == waits[i][0]:
                j += 1
            gone = sum(left for _, left in waits[i:j])
            if gone:
                survival *= 1 - gone / at_risk
                self.times.append(waits[i][0])
                self.alive.append(survival)
            at_risk -= j - i
            i = j

    def survival(self, s):
        i = bisect.bisect_right(self.times, s)
        return 1.0 if i == 0 else self.alive[i - 1]

    def draw(self, rng, beyond_s=0.0):
        """A patience longer than beyond_s."""
        target = rng.random() * self.survival(beyond_s)
        # alive falls; the first time at which it is at or below the target
        i = bisect.bisect_left([-a for a in self.alive], -target)
        if i < len(self.times) and self.times[i] > beyond_s:
            return self.times[i]
        last = max(beyond_s, self.times[-1] if self.times else 0.0)
        return last + rng.expovariate(1 / self.mean_tail_s)

    def words(self):
        return (
            f"patience of served callers: Kaplan-Meier over {self.n} callers ({self.left} left), "
            f"given the wait they had; tail exponential, mean {self.mean_tail_s:.0f} s"
        )


class Day:
    def __init__(self, name, rows, shifts, notes):
        self.name, self.rows, self.shifts, self.notes = name, rows, shifts, notes


def _open(path):
    return gzip.open(path, "rt", newline="") if str(path).endswith(".gz") else open(path, newline="", encoding="utf-8")


POINTS = {"2": 90, "1": 50}  # value points of the trace's priority customers; all others have none
SERVICES = {  # the trace's words, and the skills that stand for them
    "PS": "regular", "PE": "english", "IN": "internet", "NE": "stock", "NW": "prospect", "TT": "callback",
}  # fmt: skip


def from_trace(path, day, seed=SEED):
    """Day `day` (from 1) of a file of the Anonymous Bank; 0: all its days, one behind the other."""
    with _open(path) as file:
        month = list(csv.DictReader(file))
    rng = random.Random(seed * 100 + day)
    patience = Patience((float(r["queue_s"]), r["outcome"] == "abandoned") for r in month)
    handled, served_by = collections.defaultdict(list), collections.defaultdict(set)
    for r in month:
        if r["outcome"] == "served":
            handled[r["service"]].append(float(r["handle_s"]))
            served_by[r["agent"]].add(SERVICES.get(r["service"], "regular"))
    everyone = sorted(s for of in handled.values() for s in of)
    rows, work = [], collections.defaultdict(list)
    for r in month:
        at_s = float(r["arrival_s"]) - max(0, day - 1) * DAY_S
        if day and not 0 <= at_s < DAY_S:
            continue
        wait_s, served = float(r["queue_s"]), r["outcome"] == "served"
        if served:
            work[r["agent"]].append((at_s + wait_s, at_s + wait_s + float(r["handle_s"])))
        rows.append({
            "at_s": at_s,
            "service": SERVICES.get(r["service"], "regular"),
            "points": POINTS.get(r["priority"], 0),
            "customer": r["customer"],
            "patience_s": patience.draw(rng, wait_s) if served else max(wait_s, 0.5),
            "handle_s": float(r["handle_s"]) if served else rng.choice(handled[r["service"]] or everyone),
            "trace_wait_s": wait_s,
            "trace_served": served,
        })
    if not rows:
        raise SystemExit(f"play: {path} has no contacts on day {day}; choose another with --day")
    rows.sort(key=lambda r: r["at_s"])
    shifts = [
        {"agent": a, "blocks": _blocks(calls), "services": sorted(served_by[a])} for a, calls in sorted(work.items()) if a
    ]
    notes = [
        patience.words(),
        "handling of abandoned callers: that of a random served caller of the same service",
        f"agents: those of the trace, there from {MARGIN_S} s before a call until {MARGIN_S} s after it; "
        f"{BREAK_S // 60} minutes without a call are a break; their skills are the services of their month",
        f"seed {seed}",
    ]
    which = f"day {day}" if day else "all days"
    return Day(f"{which} of {str(path).rsplit('/', 1)[-1]}", rows, shifts, notes)


def seated(day, seats):
    """The same day with so many agents: each sits in for those of the day whose shifts do not overlap, and
    can do what any of them could."""
    blocks = [(begin, end, shift) for shift in day.shifts for begin, end in shift["blocks"]]
    taken = [{"agent": f"s{n + 1:02d}", "blocks": [], "services": set()} for n in range(seats)]
    for begin, end, shift in sorted(blocks, key=lambda b: b[:2]):
        free = [s for s in taken if not s["blocks"] or s["blocks"][-1][1] <= begin]
        if not free:
            raise SystemExit(f"play: {seats} agents are too few for {day.name}")
        seat = free[0]
        seat["blocks"].append((begin, end))
        seat["services"] |= set(shift["services"])
    for seat in taken:
        seat["services"] = sorted(seat["services"])
    notes = [*day.notes, f"{seats} agents sit in for the {len(day.shifts)} of the trace"]
    return Day(day.name, day.rows, [s for s in taken if s["blocks"]], notes)


def part(day, from_s, callers, after_s=600):
    """Of the same day so many callers from a moment on, and their agents for a while longer."""
    rows = [row for row in day.rows if row["at_s"] >= from_s][:callers]
    end_s = rows[-1]["at_s"] + after_s
    shifts = []
    for shift in day.shifts:
        blocks = [(max(from_s - MARGIN_S, begin), min(end, end_s)) for begin, end in shift["blocks"] if from_s < end and begin < end_s]
        if blocks:
            shifts.append({**shift, "blocks": blocks})
    at = f"{int(from_s) // 3600:02d}:{int(from_s) // 60 % 60:02d}"
    return Day(f"{len(rows)} callers from {at} of {day.name}", rows, shifts, day.notes)


def _blocks(calls):
    """When an agent was there: his calls, joined over gaps up to BREAK_S."""
    blocks = []
    for begin, end in sorted(calls):
        if blocks and begin - blocks[-1][1] <= BREAK_S:
            blocks[-1][1] = max(blocks[-1][1], end)
        else:
            blocks.append([begin, end])
    wide = [[max(0.0, b - MARGIN_S), e + MARGIN_S] for b, e in blocks]
    joined = wide[:1]
    for b, e in wide[1:]:
        if b <= joined[-1][1]:
            joined[-1][1] = e
        else:
            joined.append([b, e])
    return [tuple(block) for block in joined]


# A generated weekday: calls an hour from 07:00, and how many agents are there.
GENERATED = (
    (7, 40, 3), (8, 90, 6), (9, 125, 8), (10, 140, 10), (11, 140, 10), (12, 125, 9), (13, 120, 9), (14, 120, 9),
    (15, 110, 8), (16, 95, 7), (17, 80, 6), (18, 65, 5), (19, 55, 4), (20, 50, 4), (21, 45, 3), (22, 35, 3),
    (23, 20, 2),
)  # fmt: skip
GENERATED_PATIENCE_S = 420.0
GENERATED_HANDLE_S = 186.0
GENERATED_HANDLE_SIGMA = 1.0  # of the lognormal's logarithm


def generated(seed=SEED):
    """A weekday made up: Poisson arrivals by hour, lognormal handling, exponential patience."""
    rng = random.Random(seed)
    mu = math.log(GENERATED_HANDLE_S) - GENERATED_HANDLE_SIGMA**2 / 2
    rows, most = [], max(n for _, _, n in GENERATED)
    for hour, calls, _ in GENERATED:
        at_s = hour * 3600 + rng.expovariate(calls / 3600)
        while at_s < (hour + 1) * 3600:
            rows.append({
                "at_s": at_s,
                "service": rng.choices(("regular", "prospect", "stock", "internet"), (75, 15, 8, 2))[0],
                "points": rng.choices((0, 50, 90), (55, 15, 30))[0],
                "customer": f"g{rng.randrange(4000):05d}",
                "patience_s": max(0.5, rng.expovariate(1 / GENERATED_PATIENCE_S)),
                "handle_s": rng.lognormvariate(mu, GENERATED_HANDLE_SIGMA),
                "trace_wait_s": None,
                "trace_served": None,
            })
            at_s += rng.expovariate(calls / 3600)
    shifts = []
    for n in range(most):
        hours = [hour for hour, _, there in GENERATED if there > n]
        services = ["prospect", "regular"] + (["internet", "stock"] if n % 2 == 0 else [])
        shifts.append({
            "agent": f"a{n + 1:02d}", "blocks": [(hours[0] * 3600.0, (hours[-1] + 1) * 3600.0)], "services": services,
        })  # fmt: skip
    notes = [
        "generated: Poisson arrivals with hourly rates, "
        f"handling lognormal (mean {GENERATED_HANDLE_S:.0f} s, sigma {GENERATED_HANDLE_SIGMA:g}), "
        f"patience exponential (mean {GENERATED_PATIENCE_S:.0f} s)",
        f"seed {seed}",
    ]
    return Day("a generated weekday", rows, shifts, notes)


class Clock:
    """The day's time without its dead hours: stretches with nobody there and nobody waiting."""

    LONGEST_WAIT_S = 3600  # who waits longer does not keep the clock from being put forward

    def __init__(self, day):
        busy = [block for shift in day.shifts for block in shift["blocks"]]
        busy += [(r["at_s"], r["at_s"] + min(r["patience_s"], self.LONGEST_WAIT_S)) for r in day.rows]
        self.stretches = []  # [from, to, time played before it]
        for begin, end in sorted(busy):
            if self.stretches and begin <= self.stretches[-1][1] + BREAK_S:
                self.stretches[-1][1] = max(self.stretches[-1][1], end)
            else:
                self.stretches.append([begin, end, 0.0])
        played = 0.0
        for stretch in self.stretches:
            stretch[2] = played
            played += stretch[1] - stretch[0]
        self.length_s = played

    def played(self, at_s):
        """Seconds of play until a moment of the day."""
        before = [s for s in self.stretches if s[0] <= at_s]
        begin, end, played = before[-1] if before else self.stretches[0]
        return played + max(0.0, min(at_s, end) - begin)

    def at(self, played_s):
        """The moment of the day after so much play."""
        begin, _, played = [s for s in self.stretches if s[2] <= max(0.0, played_s)][-1]
        return begin + max(0.0, played_s - played)


def figures(waits, abandoned, within_s=20.0):
    """Of served waits in seconds and the number who left: (service level %, mean wait s, abandonment %)."""
    offered = len(waits) + abandoned
    if not offered:
        return 0.0, 0.0, 0.0
    return (
        100 * sum(w <= within_s for w in waits) / offered,
        sum(waits) / max(1, len(waits)),
        100 * abandoned / offered,
    )


def trace_figures(day):
    """What the trace's own centre did; None for a generated day."""
    if day.rows[0]["trace_served"] is None:
        return None
    return figures([r["trace_wait_s"] for r in day.rows if r["trace_served"]], sum(not r["trace_served"] for r in day.rows))
