"""Decides again what a decision record says was decided, with its outcome left out.

A record names the winner apart from its rivals, and the chosen agent first. Here all contestants are put
into one heap, everything that was computed is removed (score, slack, phase, lead), each is computed again
from the terms of its class, and the best is found by the law's text (ROUTING 2, 7, 9).

    problems = check_record(record)      # [] when the record holds
"""

import math

OUTCOMES = ("log2_score", "slack_ms", "slack2_ms", "phase", "behind_s")
NEAR = 1e-9


def inputs(contestant):
    """What was known before the decision."""
    return {name: value for name, value in contestant.items() if name not in OUTCOMES}


def slacks(contestant, at_ms, open_ms):
    """Slack to the first and to the second promise, in open time."""
    terms = contestant["class"]
    slack = open_ms(terms["calendar"], at_ms, contestant["deadline_ms"])
    return slack, slack + round((terms["second"] - 1) * terms["sla_ms"])


def log2_score(contestant, record, open_ms):
    terms, h = contestant["class"], record["half_life_ms"]
    slack, slack2 = slacks(contestant, record["at_ms"], open_ms)
    if slack >= 0:
        return math.log2(terms["value"]) - slack / h
    late = terms["value"] * terms["late_weight"]
    if slack2 >= 0:
        return math.log2(late) - slack2 / h
    return math.log2(late * (1 - slack2 / terms["ageing_ms"]))


def clock_time(calendar, from_ms, to_ms):
    """Open time where there is no calendar."""
    if calendar != "-":
        raise ValueError(f"calendar {calendar}: give a function that knows it")
    return to_ms - from_ms


def wins(a, b, record, open_ms):
    """Contestant a goes before b: score, then age, then id."""
    sa, sb = log2_score(a, record, open_ms), log2_score(b, record, open_ms)
    if abs(sa - sb) > NEAR * (1 + abs(sa)):
        return sa > sb
    return (a["t0_ms"], a["contact"]) < (b["t0_ms"], b["contact"])


def decide_contact(record, open_ms):
    """The contact that the record's contestants give, outcomes unseen."""
    heap = sorted((inputs(c) for c in [record["winner"], *record["rivals"]]), key=lambda c: c["contact"])
    best = heap[0]
    for one in heap[1:]:
        if wins(one, best, record, open_ms):
            best = one
    return best["contact"]


def agent_key(agent):
    return (
        not agent["affinity"],
        agent["parks"],
        agent["scarcity"],
        agent["strategy"],
        not agent["part_filled"],
        agent["idle_since_ms"],
        agent["order"],
    )


def decide_agent(record):
    heap = sorted(record["agents"], key=lambda a: a["agent"])
    return min(heap, key=agent_key)["agent"]


def check_numbers(contestant, record, open_ms):
    """The computed fields are what the inputs give."""
    slack, slack2 = slacks(contestant, record["at_ms"], open_ms)
    phase = "in_time" if slack >= 0 else "second_promise" if slack2 >= 0 else "ageing"
    again = {"slack_ms": slack, "slack2_ms": slack2, "phase": phase}
    wrong = [f"{contestant['contact']}: {name} is {contestant[name]}, again {value}"
             for name, value in again.items() if contestant[name] != value]
    score = log2_score(contestant, record, open_ms)
    if record["law"] == "dpv" and abs(score - contestant["log2_score"]) > NEAR * (1 + abs(score)):
        wrong.append(f"{contestant['contact']}: score {contestant['log2_score']}, again {score}")
    return wrong


def check_lead(record):
    """By how many seconds the winner went before each rival."""
    wrong = []
    for rival in record["rivals"]:
        lead = (record["winner"]["log2_score"] - rival["log2_score"]) * record["half_life_ms"] / 1000
        if abs(lead - rival["behind_s"]) > 1e-6 * (1 + abs(lead)):
            wrong.append(f"{rival['contact']}: {rival['behind_s']} s behind, again {lead}")
    return wrong


def check_record(record, open_ms=clock_time):
    problems = []
    for contestant in [record["winner"], *record["rivals"]]:
        problems += check_numbers(contestant, record, open_ms)
    if record["law"] == "dpv":
        problems += check_lead(record)
        best = decide_contact(record, open_ms)
        if best != record["winner"]["contact"]:
            problems.append(f"the winner is {record['winner']['contact']}, again {best}")
    if record["agents"]:
        agent = decide_agent(record)
        if agent != record["agent"]:
            problems.append(f"the agent is {record['agent']}, again {agent}")
    return problems


def swap_winner(record):
    """The record with the winner and the first rival exchanged, numbers and all; None: it has no rival."""
    if not record["rivals"]:
        return None
    rival = dict(record["rivals"][0])
    rival.pop("behind_s", None)
    winner = {**record["winner"]}
    swapped = {**record, "winner": rival, "rivals": [winner, *record["rivals"][1:]]}
    for one in swapped["rivals"]:
        one["behind_s"] = (rival["log2_score"] - one["log2_score"]) * record["half_life_ms"] / 1000
    return swapped


def swap_agent(record):
    """The record with another agent chosen; None: there was no other."""
    if len(record["agents"]) < 2:
        return None
    return {**record, "agent": record["agents"][1]["agent"]}
