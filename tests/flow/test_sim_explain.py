"""Each decision of a run follows from its record, and a record that was tampered with does not hold."""

import json

from explain_check import check_record, swap_agent, swap_winner
from runner import check, equal, main, test
from sim_naive import Calendar
from sim_scenarios import BASE_MS, Maker, Play

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
SEEDS = range(6000, 6024)


def arrival_number(contact_id):
    """The how-manieth arrival a contact is: ids count up within their epoch's 36 bits."""
    value = 0
    for digit in contact_id[1:].upper():
        value = value * 32 + CROCKFORD.index(digit)
    return value & ((1 << 36) - 1)


def open_time(maker):
    """Open time between two moments, by the calendars of the plain simulator."""
    scenario = maker.scenario
    calendars = {name: Calendar(settings, scenario.get("timezone", "UTC"), BASE_MS + maker.rows[0]["t_ms"])
                 for name, settings in scenario.get("calendars", {}).items()}

    def between(name, from_ms, to_ms):
        if name == "-":
            return to_ms - from_ms
        return calendars[name].before(to_ms) - calendars[name].before(from_ms)

    return between


def records_of(maker):
    play = Play(maker.scenario, maker.rows, "--explain", "explain.jsonl")
    return play, [json.loads(line) for line in play.explained]


@test(limit_s=300)
def every_decision_follows_from_its_record():
    decisions = with_rivals = with_agents = 0
    for seed in SEEDS:
        maker = Maker(seed)
        play, records = records_of(maker)
        open_ms = open_time(maker)
        for record in records:
            problems = check_record(record, open_ms)
            check(not problems, f"seed {seed} at {record['at_ms']}: {problems}")
            with_rivals += bool(record["rivals"])
            with_agents += len(record["agents"]) > 1
        decisions += len(records)
        check(len(records) >= sum(start is not None for _, start, _ in play.starts), "a start without a record")
    print(f"    {decisions} decisions, {with_rivals} with rival contacts, {with_agents} with rival agents")
    check(with_rivals > 300 and with_agents > 300, "too few to say anything")


@test(limit_s=300)
def records_name_who_served_whom():
    for seed in SEEDS:
        maker = Maker(seed)
        play, records = records_of(maker)
        agents = {}  # the last decision of a contact stands
        for record in records:
            row = maker.rows[arrival_number(record["winner"]["contact"]) - 1]
            agents.setdefault(row["seq"], []).append(record["agent"])
            equal(record["winner"]["t0_ms"], row["t_ms"] + BASE_MS, "t0 of", row["seq"])
        for seq, start, agent in play.starts:
            if start is not None:
                check(agent in agents.get(seq, []), f"seed {seed}: {agent} served {seq}, records say {agents.get(seq)}")


@test(limit_s=300)
def records_name_the_rules_that_fired():
    maker = Maker(6001, features=("skills",))
    queue = maker.scenario["default_queue"]
    maker.scenario["rules"] = [{"name": "all of them", "when": "time.hour >= 0", "set": {"queue": queue}}]
    _, records = records_of(maker)
    check(records, "decisions were made")
    check(all(record["rules"] == ["all of them"] for record in records), records[0]["rules"])


@test(limit_s=300)
def a_record_whose_winner_was_swapped_is_caught():
    contacts = agents = 0
    for seed in SEEDS:
        maker = Maker(seed)
        _, records = records_of(maker)
        open_ms = open_time(maker)
        for record in records:
            for swapped in (swap_winner(record), swap_agent(record)):
                if swapped is not None:
                    check(check_record(swapped, open_ms), f"seed {seed} at {record['at_ms']}: nothing was noticed")
            contacts += bool(record["rivals"])
            agents += len(record["agents"]) > 1
    print(f"    {contacts} swapped contacts, {agents} swapped agents")
    check(contacts > 300 and agents > 300, "too few to say anything")


@test(limit_s=300)
def a_record_whose_numbers_were_changed_is_caught():
    maker = Maker(6001, features=("skills", "patience"))
    _, records = records_of(maker)
    for record in records[:50]:
        for name in ("log2_score", "slack_ms", "slack2_ms"):
            changed = {**record, "winner": {**record["winner"], name: record["winner"][name] + 1}}
            check(check_record(changed), f"{name} was changed and nothing was noticed")


if __name__ == "__main__":
    main()
