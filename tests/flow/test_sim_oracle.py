"""usher-sim against a second simulator (sim_naive.py) that shares no code with it: the same starts, by
the same agents, to the millisecond, for random scenarios.

    python3 tests/flow/test_sim_oracle.py                  the tests
    python3 tests/flow/test_sim_oracle.py seed 17 [keep]   one scenario; with keep its files stay
"""

import os
import pathlib
import sys

from runner import check, equal, main, test
from sim_naive import Naive
from sim_scenarios import BASE_MS, FEATURES, Maker, Play

COUNT = int(os.environ.get("USHER_ORACLE_COUNT", "40"))  # scenarios of each test


def differences(maker, law="dpv", keep=None):
    """Where the two simulators part; empty: nowhere."""
    play = Play(maker.scenario, maker.rows, "--law", law, keep=keep)
    naive = Naive(maker.scenario, maker.rows, law=law, base_ms=BASE_MS).run()
    check("error" not in play.errors, "usher-sim said", play.errors)
    equal(len(play.starts), len(naive), "rows")
    refused = play.report["all"]["refused"]
    if refused and "limits" in maker.features:
        return None  # admission by estimated wait, which the law's text leaves open
    equal(refused, 0, "refused")
    return [(a, b) for a, b in zip(play.starts, naive) if a != b]


def first_difference(maker, found):
    """The earliest one in time, since all later ones may follow from it."""
    arrived = {row["seq"]: row["t_ms"] for row in maker.rows}

    def moment(pair):
        return min(start if start is not None else 1 << 60 for _, start, _ in pair), arrived[pair[0][0]]

    ours, naive = min(found, key=moment)
    return f"usher-sim {ours}, the plain simulator {naive} (arrived at {arrived[ours[0]]})"


def compare(seeds, features=None, rows=120, law="dpv"):
    wrong, served, left_out = [], 0, 0
    for seed in seeds:
        maker = Maker(seed, features, rows)
        found = differences(maker, law)
        if found is None:
            left_out += 1
            continue
        served += len(maker.rows)
        if found:
            wrong.append(f"seed {seed} {sorted(maker.features)}: {len(found)} of {len(maker.rows)} rows differ; "
                         f"first: {first_difference(maker, found)}")
    print(f"    {len(seeds) - left_out} scenarios, {served} contacts")
    check(left_out <= len(seeds) // 5, f"{left_out} scenarios left out")
    check(not wrong, f"{len(wrong)} of {len(seeds)} scenarios differ\n    " + "\n    ".join(wrong[:12]))


@test(limit_s=600)
def starts_are_the_same_with_nothing_but_the_law():
    compare(range(1000, 1000 + COUNT), features=())


@test(limit_s=600)
def starts_are_the_same_with_each_feature_alone():
    for feature in FEATURES:
        print(f"    {feature}:", end="")
        compare(range(2000, 2000 + max(4, COUNT // 5)), features=(feature,))


@test(limit_s=900)
def starts_are_the_same_with_features_mixed():
    compare(range(3000, 3000 + 2 * COUNT))


@test(limit_s=900)
def starts_are_the_same_in_longer_runs():
    compare(range(4000, 4000 + max(4, COUNT // 8)), rows=700)


@test(limit_s=600)
def starts_are_the_same_under_the_laws_that_ours_is_compared_with():
    for law in ("fcfs", "fixed_priority", "queue_weights", "apq", "edf"):
        compare(range(5000, 5000 + max(4, COUNT // 5)), features=("skills", "chats", "patience"), law=law)


def one_seed(seed, keep):
    maker = Maker(seed)
    folder = pathlib.Path(f"oracle-{seed}").resolve() if keep else None
    print("features:", sorted(maker.features), "grid:", maker.grid)
    found = differences(maker, keep=folder)
    for ours, naive in found:
        print("usher-sim", ours, "plain", naive)
    print(first_difference(maker, found) if found else "no difference")


if __name__ == "__main__":
    if len(sys.argv) > 2 and sys.argv[1] == "seed":
        one_seed(int(sys.argv[2]), len(sys.argv) > 3)
    else:
        main()
