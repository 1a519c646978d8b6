"""usher-sim against queueing theory (ROUTING 5): generated, seeded traces with exponential times.

Each mean is estimated from several independent batches. Where the law only orders (no abandonment), the
estimate is a ratio: mean under the law / mean under first come on the very same trace, times Erlang C.
What both have in common, the luck of the trace, falls out. The tolerance is four standard errors of
that estimate, which must itself stay within 2 % of the mean, and never less than 0.3 %.
"""

import heapq
import math
import random
import statistics

from runner import check, equal, main, test
from sim_scenarios import Play

SERVICE_MS = 1_000_000  # mean handling time: so long that whole milliseconds do not show
BATCHES = 6
ROWS = 60_000


# ---- theory ----


def erlang_b(n, load):
    b = 1.0
    for k in range(1, n + 1):
        b = load * b / (k + load * b)
    return b


def erlang_c(n, load):
    """Probability that an arrival waits in M/M/n."""
    b = erlang_b(n, load)
    return b / (1 - load / n * (1 - b))


def mean_wait(n, rate, service_rate):
    return erlang_c(n, rate / service_rate) / (n * service_rate - rate)


def erlang_a(n, rate, service_rate, patience_rate):
    """M/M/n+M: (share that abandons, mean wait of all) from the balance of its states."""
    weights, weight, k = [1.0], 1.0, 0
    while k < n or weight > 1e-16 * max(weights):
        k += 1
        weight *= rate / (min(k, n) * service_rate + max(0, k - n) * patience_rate)
        weights.append(weight)
    total = sum(weights)
    queue = sum((k - n) * w for k, w in enumerate(weights) if k > n) / total
    return patience_rate * queue / rate, queue / rate


def cobham(n, rates, service_rate):
    """Mean wait of each class under fixed priority without interruption, the first class first."""
    work = erlang_c(n, sum(rates) / service_rate) / (n * service_rate)
    waits, sigma = [], 0.0
    for rate in rates:
        before = sigma
        sigma += rate / (n * service_rate)
        waits.append(work / ((1 - before) * (1 - sigma)))
    return waits


def kleinrock(n, rates, slopes, service_rate):
    """Mean wait of each class under accumulating priority."""
    work = erlang_c(n, sum(rates) / service_rate) / (n * service_rate)
    share = [rate / (n * service_rate) for rate in rates]
    waits = [0.0] * len(rates)
    for p in sorted(range(len(rates)), key=lambda i: slopes[i]):
        less = sum(share[i] * waits[i] * (1 - slopes[i] / slopes[p]) for i in range(len(rates)) if slopes[i] < slopes[p])
        more = sum(share[i] * (1 - slopes[p] / slopes[i]) for i in range(len(rates)) if slopes[i] > slopes[p])
        waits[p] = (work / (1 - sum(share)) - less) / (1 - more)
    return waits


# ---- traces and plays ----


def make_rows(seed, n, rho, shares, patience_ms=None, rows=ROWS):
    """Poisson arrivals of several classes to n agents at load rho."""
    pick = random.Random(seed)
    gap = SERVICE_MS / n / rho
    at, made = 0.0, []
    classes = list(range(len(shares)))
    for seq in range(1, rows + 1):
        at += pick.expovariate(1 / gap)
        made.append({
            "seq": seq,
            "t_ms": round(at),
            "class": pick.choices(classes, shares)[0] if len(classes) > 1 else 0,
            "handle_ms": round(pick.expovariate(1 / SERVICE_MS)),
            "patience_ms": None if patience_ms is None else round(pick.expovariate(1 / patience_ms)),
        })
    return made


def scenario(n, tiers, law=None, sla="0s", slas=None, promise="fair"):
    """One queue, n equal agents, a class for each tier."""
    made = {
        "centre": "theory",
        "promise": promise,
        "channels": {"voice": {"cost": 100, "sla": sla, "offer_timeout": "15s", "wrapup": "0s"}},
        "tiers": [{"name": f"t{i}", "value": value} for i, value in enumerate(tiers)],
        "queues": {"all": {"channels": ["voice"], "reserve": 0, "limits": {"length": 1000000}}},
        "default_queue": "all",
        "sim": {
            "accept": "0ms",
            "classes": {str(i): {"queue": "all", "channel": "voice", "tier": f"t{i}"} for i in range(len(tiers))},
            "agents": [{"count": n, "id": "a-%d"}],
        },
    }
    if law:
        made["law"] = law
    if slas:
        made["queues"]["all"]["sla"] = {"voice": {"default": sla, **{f"t{i}": t for i, t in enumerate(slas)}}}
    return made


def waits_by_class(rows, starts):
    waits = {}
    begun = {seq: start for seq, start, _ in starts}
    for row in rows:
        start = begun[row["seq"]]
        if start is not None:
            waits.setdefault(row["class"], []).append(start - row["t_ms"])
    return {kind: statistics.fmean(list_) for kind, list_ in sorted(waits.items())}


def first_come_starts(rows, n):
    """Starts of first come, first served with n agents: each takes the one that is free first."""
    free = [0] * n
    starts = []
    for row in rows:
        start = max(row["t_ms"], heapq.heappop(free))
        heapq.heappush(free, start + row["handle_ms"])
        starts.append((row["seq"], start))
    return starts


def starts_in_order(rows, n, key):
    """Starts when a freed agent takes the waiting contact with the smallest key, in file order of rows."""
    ends, waiting, starts, at = [], [], {}, 0

    def begin(row, now):
        starts[row["seq"]] = now
        heapq.heappush(ends, now + row["handle_ms"])

    while at < len(rows) or waiting:
        # At one instant arrivals come first, then ends.
        if at < len(rows) and (not ends or rows[at]["t_ms"] <= ends[0]):
            row = rows[at]
            at += 1
            if len(ends) < n:
                begin(row, row["t_ms"])
            else:
                heapq.heappush(waiting, (key(row), row["seq"], row))
        else:
            now = heapq.heappop(ends)
            if waiting:
                begin(heapq.heappop(waiting)[2], now)
    return sorted(starts.items())


def share_of_bound(make, seed, rho, bound_ms):
    """How far apart the means of two classes are, as a share of the bound; above 1 only by luck."""
    shares = []
    for batch in range(BATCHES):
        rows = make_rows(seed + batch, 4, rho, [0.5, 0.5])
        means = waits_by_class(rows, Play(make, rows).starts)
        shares.append((means[1] - means[0]) / bound_ms)
    share = statistics.fmean(shares)
    error = statistics.stdev(shares) / math.sqrt(BATCHES)
    print(f"    at load {rho}: {share:.3f} of the bound (standard error {error:.3f})")
    check(share <= 1 + 3 * error, f"at load {rho}: {share:.3f} of the bound, which is more than luck")
    return share


def first_come_mean(rows, n):
    return statistics.fmean(start - row["t_ms"] for row, (_, start) in zip(rows, first_come_starts(rows, n)))


def agree(name, estimates, theory, most_error=0.02):
    """The mean of the batches is the theory's, within four standard errors of it."""
    mean = statistics.fmean(estimates)
    error = statistics.stdev(estimates) / math.sqrt(len(estimates))
    allowed = max(4 * error, 0.003 * theory)
    print(f"    {name}: {mean / 1000:.3f} s, theory {theory / 1000:.3f} s, "
          f"{100 * (mean / theory - 1):+.2f} % (standard error {100 * error / theory:.2f} %)")
    check(error <= most_error * theory, f"{name}: the standard error {error / theory:.3f} is too large to say anything")
    check(abs(mean - theory) <= allowed, f"{name}: {mean:.1f} is not {theory:.1f} within {allowed:.1f}")


def against_theory(make, n, rho, shares, theory, seed):
    """Means of each class over all batches as a ratio to first come, times Erlang C."""
    erlang = mean_wait(n, rho * n / SERVICE_MS, 1 / SERVICE_MS)
    estimates = [[] for _ in shares]
    for batch in range(BATCHES):
        rows = make_rows(seed * 1000 + batch, n, rho, shares)
        means = waits_by_class(rows, Play(make, rows).starts)
        base = first_come_mean(rows, n)
        for kind in range(len(shares)):
            estimates[kind].append(means[kind] / base * erlang)
    for kind in range(len(shares)):
        agree(f"class {kind}", estimates[kind], theory[kind])
    return estimates


# ---- tests ----


@test(limit_s=600)
def equal_targets_and_values_are_first_come_first_served_to_the_millisecond():
    # With a second promise that holds as long as nobody is late; in the monotone form always.
    for promise, sla in (("balanced", "60d"), ("keep_most", "60d"), ("fair", "1h"), ("fair", "0s")):
        for n, seed in ((1, 1), (7, 2)):
            rows = make_rows(seed, n, 0.9, [0.5, 0.5], rows=20_000)
            played = Play(scenario(n, [3, 3], sla=sla, promise=promise), rows)
            equal([(seq, start) for seq, start, _ in played.starts], first_come_starts(rows, n), promise, sla)


@test(limit_s=600)
def waits_are_those_of_erlang_c():
    n, rho = 8, 0.6
    theory = mean_wait(n, rho * n / SERVICE_MS, 1 / SERVICE_MS)
    estimates = []
    for batch in range(2 * BATCHES):
        rows = make_rows(100 + batch, n, rho, [1.0])
        estimates.append(waits_by_class(rows, Play(scenario(n, [1]), rows).starts)[0])
    agree(f"M/M/{n} at {rho}", estimates, theory)


@test(limit_s=600)
def waits_and_abandonment_are_those_of_erlang_a():
    n, rho, patience = 10, 1.1, 2 * SERVICE_MS
    theory_lost, theory_wait = erlang_a(n, rho * n / SERVICE_MS, 1 / SERVICE_MS, 1 / patience)
    lost, waits = [], []
    for batch in range(BATCHES):
        rows = make_rows(200 + batch, n, rho, [1.0], patience_ms=patience)
        starts = {seq: start for seq, start, _ in Play(scenario(n, [1]), rows).starts}
        lost.append(statistics.fmean(starts[row["seq"]] is None for row in rows) * 1000)
        # Who gave up waited his patience.
        waits.append(statistics.fmean(
            row["patience_ms"] if starts[row["seq"]] is None else starts[row["seq"]] - row["t_ms"] for row in rows))
    agree("share that abandons, in thousandths of a thousand", lost, theory_lost * 1000)
    agree("wait of all", waits, theory_wait)


@test(limit_s=600)
def a_value_ratio_of_a_million_is_fixed_priority_to_the_millisecond():
    # Ageing so slow that no contact of this trace ever makes up for the ratio.
    for n, rho, seed in ((1, 0.9, 31), (5, 0.95, 32), (5, 1.3, 33)):
        rows = make_rows(seed, n, rho, [0.2, 0.3, 0.5], rows=20_000)
        play = Play(scenario(n, [1e12, 1e6, 1], law={"ageing": "1h"}), rows)
        wanted = starts_in_order(rows, n, lambda row: (row["class"], row["t_ms"]))
        equal([(seq, start) for seq, start, _ in play.starts], wanted, n, rho)


@test(limit_s=600)
def waits_under_fixed_priority_are_cobhams():
    n, rho, shares = 5, 0.7, [0.2, 0.3, 0.5]
    rates = [share * rho * n / SERVICE_MS for share in shares]
    make = scenario(n, [1e12, 1e6, 1], law={"ageing": "1h"})
    against_theory(make, n, rho, shares, cobham(n, rates, 1 / SERVICE_MS), 3)


@test(limit_s=600)
def no_target_and_no_ageing_time_is_accumulating_priority_and_waits_are_kleinrocks():
    n, rho, shares, slopes = 5, 0.85, [0.3, 0.3, 0.4], [8, 3, 1]
    rates = [share * rho * n / SERVICE_MS for share in shares]
    make = scenario(n, slopes, law={"ageing": "1us"})
    against_theory(make, n, rho, shares, kleinrock(n, rates, slopes, 1 / SERVICE_MS), 4)


@test(limit_s=600)
def no_target_and_no_ageing_time_starts_as_the_accumulating_comparator_does():
    rows = make_rows(5, 4, 0.9, [0.5, 0.5], rows=20_000)
    make = scenario(4, [4, 1], law={"ageing": "1us"})
    law = Play(make, rows).starts
    other = Play(make, rows, "--law", "apq").starts
    same = statistics.fmean(a == b for a, b in zip(law, other))
    check(same > 0.99, f"only {100 * same:.2f} % of the starts are the same")


@test(limit_s=600)
def equal_values_are_earliest_deadline_first_to_the_millisecond():
    targets = [600, 4000]
    make = scenario(4, [1, 1], slas=[f"{t}s" for t in targets])
    for seed, rho in ((61, 0.9), (62, 1.05)):
        rows = make_rows(seed, 4, rho, [0.5, 0.5], rows=20_000)
        wanted = starts_in_order(rows, 4, lambda row: (row["t_ms"] + 1000 * targets[row["class"]], row["t_ms"]))
        for law in ("dpv", "edf"):
            equal([(seq, start) for seq, start, _ in Play(make, rows, "--law", law).starts], wanted, law, rho)


@test(limit_s=600)
def waits_of_two_targets_are_at_most_as_far_apart_as_the_targets():
    """W_j - W_i <= T_j - T_i, and nearly as much in heavy traffic."""
    targets = [200, 2200]
    make = scenario(4, [1, 1], slas=[f"{t}s" for t in targets])
    for rho, least in ((0.7, 0.1), (0.98, 0.85)):
        share = share_of_bound(make, 700, rho, (targets[1] - targets[0]) * 1000)
        check(least < share, f"at load {rho} only {share:.3f} of the bound")


@test(limit_s=600)
def a_doubled_value_is_a_head_start_of_one_half_life():
    """W_j - W_i -> (T_j - T_i) + H log2(V_i / V_j) in the monotone form before breach."""
    half_life = 300
    make = scenario(4, [4, 1], sla="60d", law={"half_life": f"{half_life}s"})
    rows = make_rows(90, 4, 0.95, [0.5, 0.5], rows=20_000)
    head_start = [2 * half_life * 1000, 0]
    wanted = starts_in_order(rows, 4, lambda row: (row["t_ms"] - head_start[row["class"]], row["t_ms"]))
    equal([(seq, start) for seq, start, _ in Play(make, rows).starts], wanted)
    share = share_of_bound(make, 900, 0.95, head_start[0])
    check(0.6 < share, f"only {share:.3f} of the head start")


@test(limit_s=600)
def no_law_moves_the_sum_of_waits():
    n, rho, shares = 5, 0.9, [0.2, 0.3, 0.5]
    make = scenario(n, [8, 3, 1], sla="20m", slas=["10m", "20m", "60m"], promise="balanced")
    laws = ["dpv", "fcfs", "strict_tier", "fixed_priority", "queue_weights", "apq", "edf"]
    ratios = {law: [] for law in laws}
    for batch in range(BATCHES):
        rows = make_rows(800 + batch, n, rho, shares)
        report = Play(make, rows, "--compare", ",".join(laws)).report
        base = first_come_mean(rows, n)
        for law in laws:
            ratios[law].append(report["laws"][law]["all"]["wait_ms"]["mean"] / base * 1000)
    for law in laws:
        agree(f"{law} / first come, in thousandths", ratios[law], 1000)


if __name__ == "__main__":
    main()
