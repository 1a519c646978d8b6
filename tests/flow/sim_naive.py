"""A second simulator, for checking usher-sim: slow, plain, and written from the routing law's text
alone (ROUTING 2, 7, 9 and CONTRACTS 4), without a look at the C code.

Nothing is indexed, cached or kept sorted: each decision scores every waiting contact and asks every
agent. Scores are compared exactly: where two doubles are closer than their rounding, the comparison
is made again with 60 digits.

    starts = Naive(scenario, rows).run()      # [(seq, start_ms or None, agent or "")]

scenario: the settings as a dict, in the names of the settings file. rows: dicts with seq, t_ms, class,
handle_ms, patience_ms (None: infinite).
"""

import datetime
import decimal
import fractions
import functools
import math
import zoneinfo
from collections import deque

FOREVER = 1 << 60
PRESETS = {
    "balanced": {"late_weight": 0.5, "second_promise": 2.0},
    "keep_most": {"late_weight": 0.25, "second_promise": 2.0},
    "fair": {"late_weight": 1.0, "second_promise": 1.0},
}
DECIMALS = decimal.Context(prec=60)
LN2 = DECIMALS.ln(decimal.Decimal(2))
UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60000, "h": 3600000, "d": 86400000}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def duration_ms(text):
    """ "20s" -> 20000; fractions of a millisecond are kept as an exact number."""
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz")
    value = fractions.Fraction(number) * fractions.Fraction(str(UNITS[text[len(number) :]]))
    return int(value) if value.denominator == 1 else value


def decimal_of(x):
    x = fractions.Fraction(x)
    return DECIMALS.divide(decimal.Decimal(x.numerator), decimal.Decimal(x.denominator))


@functools.lru_cache(maxsize=4096)
def exact_log2(x):
    return DECIMALS.divide(DECIMALS.ln(decimal_of(x)), LN2)


class Calendar:
    """Open time as one rising function of the clock: how many open ms lie before a moment."""

    def __init__(self, settings, zone, first_ms):
        self.zone = zoneinfo.ZoneInfo(zone)
        holidays = {str(day) for day in settings.get("holidays", [])}
        hours = {}
        for days, intervals in settings["hours"].items():
            names = days.split("-")
            first, last = DAYS.index(names[0]), DAYS.index(names[-1])
            for day in range(first, last + 1):
                hours[day] = [tuple(i.split("-")) for i in intervals]
        self.open = []  # (from_ms, to_ms), sorted
        day = datetime.datetime.fromtimestamp(first_ms / 1000, self.zone).date() - datetime.timedelta(days=20)
        for _ in range(140):
            if day.isoformat() not in holidays:
                for opens, closes in sorted(hours.get(day.weekday(), [])):
                    self.open.append((self.moment(day, opens, 0), self.moment(day, closes, 1)))
            day += datetime.timedelta(days=1)

    def moment(self, day, clock, fold):
        hour, minute = (int(part) for part in clock.split(":"))
        if hour == 24:
            day, hour = day + datetime.timedelta(days=1), 0
        local = datetime.datetime(day.year, day.month, day.day, hour, minute, tzinfo=self.zone, fold=fold)
        return int(local.timestamp() * 1000)

    def before(self, at_ms):
        return sum(min(at_ms, b) - a for a, b in self.open if a < at_ms)

    def reach(self, from_ms, amount_ms):
        """The first moment by which amount_ms of open time have passed since from_ms."""
        wanted = self.before(from_ms) + amount_ms
        low, high = self.open[0][0], self.open[-1][1]
        if self.before(high) < wanted:
            return FOREVER
        while low < high:
            middle = (low + high) // 2
            if self.before(middle) >= wanted:
                high = middle
            else:
                low = middle + 1
        return low


class Always:
    """Open time without a calendar: the clock itself."""

    @staticmethod
    def before(at_ms):
        return at_ms

    @staticmethod
    def reach(from_ms, amount_ms):
        return from_ms + amount_ms


class Agent:
    def __init__(self, order, settings):
        self.order = order
        self.id = settings["id"]
        self.skills = settings.get("skills", {})
        self.rank = settings.get("rank", 0)
        self.team = settings.get("team")
        self.channels = settings.get("channels", [])
        self.capacity = settings.get("capacity", 100)
        self.held = []  # contacts offered, connected, in wrap-up
        self.parked = []
        self.idle_since = 0
        self.count = 0


class Contact:
    def __init__(self, row):
        self.seq = row["seq"]
        self.t0 = row["t_ms"]
        self.kind = row["class"]
        self.left_ms = row["handle_ms"]  # handling still to do
        self.gives_up = FOREVER if row["patience_ms"] is None else row["t_ms"] + row["patience_ms"]
        self.state = "new"
        self.start = None
        self.agent = None
        self.ends = FOREVER  # connected: end of handling; wrap-up: its end
        self.answered_at = FOREVER
        self.parked_at = None
        self.parked_by = None
        self.connected_at = None
        self.served = 0  # open time connected that its deadlines do not have yet
        self.steps_taken = 0
        self.added_teams = set()


class Naive:
    def __init__(self, scenario, rows, law="dpv", base_ms=0):
        self.settings = scenario
        self.law = law
        self.base = base_ms
        self.rows = sorted(rows, key=lambda r: (r["t_ms"], r["seq"]))
        self.accept_ms = duration_ms(scenario["sim"].get("accept", "0ms"))
        self.wrapup = scenario["sim"].get("wrapup", False)
        self.zone = scenario.get("timezone", "UTC")
        first = self.rows[0]["t_ms"] + base_ms if self.rows else 0
        self.calendars = {n: Calendar(c, self.zone, first) for n, c in scenario.get("calendars", {}).items()}
        self.tiers = {t["name"]: t for t in scenario["tiers"]}
        self.tier_names = [t["name"] for t in scenario["tiers"]]
        self.top = self.top_tiers()
        self.half_life = duration_ms(scenario.get("law", {}).get("half_life", "60s"))
        self.agents = self.make_agents()
        self.waiting, self.live, self.done = [], [], []
        self.arrivals = deque(maxlen=1000)  # sets of skills
        self.last_round = {}
        self.offers_made = 0

    # ---- settings ----

    def top_tiers(self):
        flagged = {t["name"] for t in self.settings["tiers"] if t.get("never_demoted")}
        if flagged or len(self.settings["tiers"]) == 1:
            return flagged
        return {self.settings["tiers"][-1]["name"]}

    def make_agents(self):
        agents = []
        for group in self.settings["sim"]["agents"]:
            for number in range(1, group.get("count", 1) + 1):
                agents.append(Agent(len(agents), {**group, "id": group["id"].replace("%d", str(number))}))
        return agents

    def law_of(self, queue, tier):
        """late_weight, second_promise, ageing for a queue and a tier: the most special setting stands."""
        numbers = {"ageing": "150s", **PRESETS[self.settings.get("promise", "balanced")]}
        general = self.settings.get("law", {})
        special = self.settings["queues"][queue].get("law", {})
        numbers.update({k: v for k, v in general.items() if k in numbers})
        numbers.update({k: v for k, v in special.items() if k in numbers})
        if tier in self.top:
            numbers.update({"late_weight": 1, "second_promise": 1})
        for laws in (general, special):
            numbers.update({k: v for k, v in laws.get(tier, {}).items() if k in numbers})
        return numbers

    def sla_of(self, queue, channel, tier):
        sla = self.settings["queues"][queue].get("sla", {}).get(channel)
        if isinstance(sla, dict):
            sla = sla.get(tier, sla.get("default"))
        return duration_ms(sla if sla is not None else self.settings["channels"][channel]["sla"])

    # ---- a contact's terms ----

    def classify(self, c):
        spec = self.settings["sim"]["classes"][str(c.kind)]
        attributes = spec.get("attributes", {})
        c.channel = spec["channel"]
        c.queue, c.tier, c.own = spec.get("queue"), spec.get("tier"), {}
        for rule in self.settings.get("rules", []):
            name, wanted = [part.strip() for part in rule["when"].split("==")]
            known = {"channel": c.channel, **attributes}
            if known.get(name) != wanted.strip('"'):
                continue
            c.queue = c.queue or rule["set"].get("queue")
            c.tier = c.tier or rule["set"].get("tier")
            for skill, level in rule["set"].get("require", {}).items():
                c.own[skill] = max(level, c.own.get(skill, 0))
        c.queue = c.queue or self.settings["default_queue"]
        c.tier = c.tier or self.tier_names[0]
        queue = self.settings["queues"][c.queue]
        channel = self.settings["channels"][c.channel]
        c.cost = channel.get("cost", 100)
        c.deferrable = channel.get("deferrable", False)
        c.interruptible = channel.get("interruptible", False)
        c.calendar = self.calendars.get(channel.get("calendar"), Always)
        c.T = self.sla_of(c.queue, c.channel, c.tier)
        c.V = fractions.Fraction(str(self.tiers[c.tier]["value"]))
        numbers = self.law_of(c.queue, c.tier)
        c.e = fractions.Fraction(str(numbers["late_weight"]))
        c.m = fractions.Fraction(str(numbers["second_promise"]))
        c.A = fractions.Fraction(duration_ms(numbers["ageing"]))
        begin = c.calendar.before(c.t0 + self.base)
        c.due = begin + c.T  # d and d2 on the scale of open time
        c.due2 = c.due + (c.m - 1) * c.T
        c.need = self.requirement(c)
        self.arrivals.append({skill for skill in c.need})

    def requirement(self, c):
        need = dict(self.settings["queues"][c.queue].get("require", {}))
        for skill, level in c.own.items():
            need[skill] = max(level, need.get(skill, 0))
        for step in self.steps(c)[: c.steps_taken]:
            for skill, level in step.get("lower", {}).items():
                if skill in need:
                    need[skill] = min(level, need[skill])
            for skill in step.get("drop", []):
                need.pop(skill, None)
        return need

    def steps(self, c):
        return self.settings["queues"][c.queue].get("steps", [])

    # ---- the law ----

    def slack(self, c, now, second=False):
        return (c.due2 if second else c.due) - c.calendar.before(now + self.base)

    def score(self, c, now, exact=False):
        """log2 of the score, as a double or with 60 digits."""
        log2 = exact_log2 if exact else (lambda x: math.log2(x) if x < 1e300 else float(exact_log2(x)))
        number = decimal_of if exact else float
        s = self.slack(c, now)
        if s >= 0:
            return DECIMALS.subtract(log2(c.V), number(fractions.Fraction(s, self.half_life))) if exact else (
                log2(c.V) - s / self.half_life)
        s2 = self.slack(c, now, second=True)
        if s2 >= 0:
            late = fractions.Fraction(s2) / self.half_life
            return DECIMALS.subtract(log2(c.V * c.e), number(late)) if exact else log2(c.V * c.e) - float(late)
        return log2(c.V * c.e * (1 + -s2 / c.A))

    def comparator(self, c, now):
        """The laws that ours is compared with, as an exact key: the largest is served first."""
        wait = now - c.t0
        weight = fractions.Fraction(str(self.settings["queues"][c.queue].get("weight", 1)))
        if self.law == "fcfs":
            return (wait,)
        if self.law == "fixed_priority":
            return (c.V, wait)
        if self.law == "queue_weights":
            return (weight, wait)
        if self.law == "apq":
            return (c.V * wait / max(c.T, 1),)
        if self.law == "edf":
            return (-self.slack(c, now),)
        raise ValueError(self.law)

    def goes_before(self, a, b, now):
        if self.law != "dpv":
            ka, kb = self.comparator(a, now), self.comparator(b, now)
            return ka > kb if ka != kb else (a.t0, a.seq) < (b.t0, b.seq)
        sa, sb = self.score(a, now), self.score(b, now)
        if abs(sa - sb) < 1e-6 * (1 + abs(sa)):
            sa, sb = self.score(a, now, exact=True), self.score(b, now, exact=True)
            if abs(sa - sb) < decimal.Decimal("1e-40"):
                return (a.t0, a.seq) < (b.t0, b.seq)
        return sa > sb

    def best(self, contacts, now):
        found = None
        for c in contacts:
            if found is None or self.goes_before(c, found, now):
                found = c
        return found

    # ---- who may serve ----

    def can_serve(self, agent, c, need=None, teams=None):
        need = c.need if need is None else need
        teams = self.teams(c) if teams is None else teams
        if teams is not None and agent.team not in teams:
            return False
        if agent.channels and c.channel not in agent.channels:
            return False
        return all(agent.skills.get(skill, 0) >= level for skill, level in need.items())

    def teams(self, c):
        named = self.settings["queues"][c.queue].get("teams")
        return None if not named else set(named) | c.added_teams

    def lives(self, agent):
        names = agent.channels or list(self.settings["channels"])
        return any(not self.settings["channels"][name].get("deferrable", False) for name in names)

    def room(self, agent):
        return agent.capacity - sum(c.cost for c in agent.held)

    def parkable(self, agent):
        return [c for c in agent.held if c.interruptible and c.state == "connected"]

    def needs_parking(self, agent, c):
        return c.cost > self.room(agent)

    def fits(self, agent, c):
        if not self.needs_parking(agent, c):
            return True
        if c.interruptible:
            return False
        return c.cost <= self.room(agent) + sum(p.cost for p in self.parkable(agent))

    def let_go(self, c, agent, now):
        """The reserve: may this deferrable contact go out to this agent?"""
        if not c.deferrable or not self.lives(agent):
            return True
        able = [a for a in self.agents if self.can_serve(a, c)]
        reserve = self.settings["queues"][c.queue].get("reserve", "auto")
        reserve = len(able) // 20 if reserve == "auto" else reserve
        if reserve == 0:
            return True
        idle = [a for a in able if not a.held and not a.parked and self.lives(a)]
        return len(idle) > reserve or now >= self.release(c)

    def release(self, c):
        """The first moment at which V 2^(-s/H) >= 1/2 or s <= 0."""
        head_start = max(decimal.Decimal(0), DECIMALS.multiply(exact_log2(2 * c.V), decimal_of(self.half_life)))
        head_start = int(head_start.to_integral_value(rounding=decimal.ROUND_FLOOR))
        amount = c.due - head_start - c.calendar.before(c.t0 + self.base)
        return c.t0 if amount <= 0 else c.calendar.reach(c.t0 + self.base, amount) - self.base

    def eligible(self, agent, c, now):
        return self.can_serve(agent, c) and self.fits(agent, c) and self.let_go(c, agent, now)

    # ---- which agent ----

    def scarcity(self, agent):
        total = fractions.Fraction(0)
        for skill in agent.skills:
            share = fractions.Fraction(sum(skill in a for a in self.arrivals), max(1, len(self.arrivals)))
            total += (share + 1) / sum(skill in a.skills for a in self.agents)
        return total

    def strategy_key(self, agent, c, strategy):
        if strategy == "longest_idle":
            return agent.idle_since
        if strategy == "ranked":
            return agent.rank
        if strategy == "fewest_contacts":
            return agent.count
        if strategy in ("most_skilled", "least_skilled"):
            level = sum(agent.skills.get(skill, 0) for skill in c.need)
            return -level if strategy == "most_skilled" else level
        if strategy == "round_robin":
            return (agent.order - self.last_round.get(c.queue, -1) - 1) % len(self.agents)
        raise ValueError(strategy)

    def choose(self, c, now):
        queue = self.settings["queues"][c.queue]
        strategy = queue.get("strategy", "longest_idle")
        able = [a for a in self.agents if self.eligible(a, c, now)]

        def key(agent):
            scarce = queue.get("scarce_last", True) and strategy != "ranked"
            return (
                self.needs_parking(agent, c),
                self.scarcity(agent) if scarce else 0,
                self.strategy_key(agent, c, strategy),
                not agent.held,
                agent.idle_since,
                agent.order,
            )

        return min(able, key=key) if able else None

    # ---- what happens ----

    def assign(self, agent, c, now):
        if self.needs_parking(agent, c):
            for work in sorted(self.parkable(agent), key=lambda p: p.begun, reverse=True):
                if not self.needs_parking(agent, c):
                    break
                work.left_ms = work.ends - now
                work.ends = FOREVER
                work.state, work.parked_at, work.parked_by = "parked", now, c
                work.served += work.calendar.before(now + self.base) - work.calendar.before(work.connected_at + self.base)
                agent.held.remove(work)
                agent.parked.append(work)
        self.waiting.remove(c)
        c.agent, c.state, c.answered_at = agent, "offered", now + self.accept_ms
        agent.held.append(c)
        self.offers_made += 1
        c.begun = self.offers_made
        self.last_round[c.queue] = agent.order

    def settle(self, now):
        """With accept 0 offers are answered before anything else happens."""
        while self.accept_ms == 0:
            open_offers = [c for c in self.live if c.state == "offered"]
            if not open_offers:
                return
            self.answer(min(open_offers, key=lambda c: (c.agent.order, c.seq)), now)

    def answer(self, c, now):
        c.state, c.answered_at, c.connected_at = "connected", FOREVER, now
        c.agent.count += 1
        if c.start is None:
            c.start = now
            c.served_by = c.agent
        c.ends = now + c.left_ms
        if c.interruptible:
            self.fill(c.agent, now)  # it can be put aside from now on

    def end(self, c, now):
        """Handling, or wrap-up, is over."""
        wrapup = duration_ms(self.settings["channels"][c.channel].get("wrapup", "0s")) if self.wrapup else 0
        if c.state == "connected" and wrapup > 0:
            c.state, c.ends = "wrapup", now + wrapup
            return
        self.leave_agent(c)
        c.state, c.ends = "completed", FOREVER
        self.live.remove(c)
        c.agent.idle_since = now
        self.resume(c.agent, c, now)
        self.fill(c.agent, now)

    def leave_agent(self, c):
        c.agent.held.remove(c)

    def resume(self, agent, after, now):
        for work in sorted(agent.parked, key=lambda p: p.begun):
            if work.parked_by is after or work.parked_by not in agent.held:
                if work.cost <= self.room(agent):
                    agent.parked.remove(work)
                    agent.held.append(work)
                    work.state, work.parked_at, work.connected_at = "connected", None, now
                    work.ends = now + work.left_ms

    def fill(self, agent, now):
        """A freed agent: heads of all that he may take, best score; then what room permits."""
        while True:
            c = self.best([w for w in self.waiting if self.eligible(agent, w, now)], now)
            if c is None:
                return
            self.assign(agent, c, now)

    def match_all(self, now):
        while True:
            c = self.best([w for w in self.waiting if self.choose(w, now)], now)
            if c is None:
                return
            self.assign(self.choose(c, now), c, now)

    def hang_up(self, c, now):
        self.live.remove(c)
        if c.state == "waiting":
            self.waiting.remove(c)
            c.state = "abandoned"
            return
        c.state = "abandoned"
        self.leave_agent(c)
        self.resume(c.agent, c, now)
        self.fill(c.agent, now)

    # ---- time ----

    def step_due(self, c):
        if c.steps_taken >= len(self.steps(c)):
            return FOREVER
        return self.open_after(c, self.steps(c)[c.steps_taken]["after"])

    def open_after(self, c, text):
        """When so much open time has passed since t0."""
        return max(c.t0, c.calendar.reach(c.t0 + self.base, duration_ms(text)) - self.base)

    def take_step(self, c):
        step = self.steps(c)[c.steps_taken]
        c.added_teams |= {name.partition(":")[2] for name in step.get("add", [])}
        c.steps_taken += 1
        c.need = self.requirement(c)

    def relax(self, c, now):
        """Steps that are due, and those skipped because nobody could serve the present requirement."""
        while c.steps_taken < len(self.steps(c)):
            ahead = Contact.__new__(Contact)
            ahead.__dict__.update(c.__dict__, added_teams=set(c.added_teams))
            self.take_step(ahead)
            nobody = not any(self.can_serve(a, c) for a in self.agents)
            somebody = any(self.can_serve(a, ahead) for a in self.agents)
            if self.step_due(c) > now and not (nobody and somebody):
                return
            self.take_step(c)

    def expires(self, c):
        limit = self.settings["queues"][c.queue].get("limits", {}).get("wait", {}).get(c.channel)
        return FOREVER if limit is None else self.open_after(c, limit)

    def overflows(self, c):
        over = self.settings["queues"][c.queue].get("overflow")
        return FOREVER if over is None else self.open_after(c, over["after"])

    def tick(self, now):
        for c in list(self.waiting):
            if self.expires(c) <= now:
                self.waiting.remove(c)
                self.live.remove(c)
                c.state = "expired"
                continue
            if self.overflows(c) <= now:
                c.queue = self.settings["queues"][c.queue]["overflow"]["to"]
                c.need = self.requirement(c)
            self.relax(c, now)
        for agent in self.agents:
            for work in list(agent.parked):
                if work.parked_at + 1800000 <= now:
                    agent.parked.remove(work)
                    work.state, work.agent = "waiting", None
                    work.due, work.due2 = work.due + work.served, work.due2 + work.served  # served is not waited
                    work.served = 0
                    self.waiting.append(work)
        self.match_all(now)

    def next_moment(self, now):
        moments = [FOREVER]
        for c in self.live:
            moments += [c.ends, c.answered_at]
            if c.start is None and c.state in ("waiting", "offered"):
                moments.append(c.gives_up)
            if c.state == "waiting":
                moments += [self.step_due(c), self.expires(c), self.overflows(c)]
                if c.deferrable:
                    moments.append(self.release(c))
            if c.state == "parked":
                moments.append(c.parked_at + 1800000)
        return min(m for m in moments if m > now or m == FOREVER)

    def instant(self, now, arriving):
        # Who may have what is a matter of the clock, now; matching because of the clock alone comes last.
        for c in self.waiting:
            self.relax(c, now)
        for row in arriving:
            c = Contact(row)
            self.done.append(c)
            self.live.append(c)
            self.classify(c)
            c.state = "waiting"
            self.waiting.append(c)
            self.relax(c, now)
            agent = self.choose(c, now)
            if agent is not None:
                self.assign(agent, c, now)
            self.settle(now)
        while True:
            busy = self.ends_and_answers(now)
            for c in sorted(self.live, key=lambda c: c.seq):
                if c.start is None and c.state in ("waiting", "offered") and c.gives_up <= now:
                    self.hang_up(c, now)
                    self.settle(now)
            self.tick(now)
            self.settle(now)
            if not busy and not self.due(now):
                return

    def due(self, now):
        return [c for c in self.live if c.state in ("connected", "wrapup") and c.ends <= now]

    def ends_and_answers(self, now):
        busy = False
        while True:
            over = self.due(now)
            answers = [c for c in self.live if c.state == "offered" and c.answered_at <= now]
            if over:
                self.end(min(over, key=lambda c: (c.agent.order, c.seq)), now)
            elif answers:
                self.answer(min(answers, key=lambda c: (c.agent.order, c.seq)), now)
            else:
                return busy
            self.settle(now)
            busy = True

    def run(self):
        at, now = 0, -1
        while True:
            moment = self.next_moment(now)
            if at < len(self.rows):
                moment = min(moment, self.rows[at]["t_ms"])
            if moment == FOREVER:
                break
            now, begin = moment, at
            while at < len(self.rows) and self.rows[at]["t_ms"] == now:
                at += 1
            self.instant(now, self.rows[begin:at])
        self.done.sort(key=lambda c: c.seq)
        return [(c.seq, c.start, "" if c.start is None else c.served_by.id) for c in self.done]
