"""Random scenarios and traces for usher-sim, seeded, small enough for the plain simulator.

Times lie on a coarse grid in half of them, so that many things fall on one instant: there the order
of events and of ties is what is tested.
"""

import csv
import json
import os
import pathlib
import random
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("USHER_BUILD", HERE.parent.parent / "build"))
SIM = pathlib.Path(os.environ.get("USHER_SIM", BUILD / "usher-sim"))
BASE_MS = 978307200000  # usher-sim's t_ms 0: Monday 2001-01-01 00:00 UTC
HEADER = ["seq", "t_ms", "class", "handle_ms", "patience_ms"]

# What a scenario may have beside queues, skills, tiers and targets.
FEATURES = (
    "skills", "chats", "steps", "reserve", "patience", "calendar", "email", "parking", "teams", "rules",
    "accept", "wrapup", "limits", "overflow", "laws", "channels_of_agents",
)


def s(seconds):
    return f"{round(seconds * 1000)}ms"


class Maker:
    """One scenario with its trace."""

    def __init__(self, seed, features=None, rows=120):
        self.random = random.Random(seed)
        self.seed = seed
        pick = self.random
        self.features = set(features if features is not None else pick.sample(FEATURES, pick.randint(0, 7)))
        self.grid = pick.choice([1, 500, 1000, 5000]) if pick.random() < 0.6 else 1
        self.rows_wanted = rows
        self.scenario = {"centre": "random"}
        self.skills = ["english", "french", "billing", "sales"][: pick.randint(1, 4)]
        self.make_law()
        self.make_channels()
        self.make_tiers()
        self.make_queues()
        self.make_agents()
        self.make_classes()
        self.rows = self.make_rows()

    def has(self, feature):
        return feature in self.features

    def on_grid(self, ms):
        return round(ms / self.grid) * self.grid

    def make_law(self):
        pick, to = self.random, self.scenario
        to["promise"] = pick.choice(["balanced", "keep_most", "fair"])
        law = {}
        if pick.random() < 0.4:
            law["half_life"] = pick.choice(["15s", "30s", "60s", "240s"])
        if pick.random() < 0.4:
            law["ageing"] = pick.choice(["1ms", "10s", "150s", "600s"])
        if pick.random() < 0.3:
            law["late_weight"] = pick.choice([0.1, 0.25, 0.5, 1])
        if pick.random() < 0.3:
            law["second_promise"] = pick.choice([1, 1.5, 2, 3])
        if law:
            to["law"] = law

    def make_channels(self):
        pick = self.random
        channels = {"voice": {"cost": 100, "sla": pick.choice(["10s", "20s", "0s", "45s"])}}
        if self.has("chats") or self.has("parking"):
            channels["chat"] = {"cost": pick.choice([50, 34, 20]), "sla": "30s"}
        if self.has("email") or self.has("reserve") or self.has("parking") or self.has("calendar"):
            channels["email"] = {"cost": pick.choice([100, 50, 25]), "sla": pick.choice(["300s", "900s", "4h"])}
            if self.has("reserve"):
                channels["email"]["deferrable"] = True
            else:
                channels["email"]["deferrable"] = False
            channels["email"]["interruptible"] = self.has("parking")
            if self.has("calendar"):
                channels["email"]["calendar"] = "office"
        for channel in channels.values():
            channel["offer_timeout"] = "20s"
            channel["wrapup"] = pick.choice(["0s", "5s", "12s"]) if self.has("wrapup") else "0s"
        self.scenario["channels"] = channels
        if self.has("calendar"):
            self.scenario["timezone"] = pick.choice(["UTC", "Europe/Berlin", "America/New_York"])
            self.scenario["calendars"] = {
                "office": {
                    "hours": {
                        "mon-thu": pick.choice([["09:00-17:00"], ["08:30-12:00", "13:00-17:30"]]),
                        "fri": ["09:00-15:00"],
                    },
                    "holidays": ["2001-01-02"] if pick.random() < 0.5 else [],
                }
            }

    def make_tiers(self):
        pick = self.random
        values = pick.choice([[1], [1, 3], [1, 3, 8], [1, 2, 4], [2, 1, 16], [1, 1000000000]])
        tiers = [{"name": f"t{i}", "value": v} for i, v in enumerate(values)]
        if pick.random() < 0.5:
            pick.choice(tiers)["never_demoted"] = True
        self.scenario["tiers"] = tiers

    def make_queues(self):
        pick = self.random
        self.scenario["skills"] = list(self.skills)
        queues = {}
        for number in range(pick.randint(1, 3)):
            queues[f"q{number}"] = self.make_queue(number)
        if self.has("overflow"):
            queues["last"] = {"scarce_last": True, "strategy": "longest_idle", "reserve": 0, "affinity": "0s"}
        self.scenario["queues"] = queues
        self.scenario["default_queue"] = "q0"
        if self.has("teams"):
            self.scenario["teams"] = {"first": {}, "second": {}}

    def make_queue(self, number):
        pick = self.random
        queue = {
            "scarce_last": pick.random() < 0.7,
            "strategy": pick.choice(["longest_idle"] * 3 + ["ranked", "most_skilled", "least_skilled", "round_robin",
                                                             "fewest_contacts"]),
            "affinity": "0s",
            "reserve": pick.choice([0, 1, 2, "auto"]) if self.has("reserve") else 0,
        }
        if self.has("skills") and pick.random() < 0.7:
            chosen = pick.sample(self.skills, pick.randint(1, min(2, len(self.skills))))
            queue["require"] = {skill: pick.randint(1, 6) for skill in chosen}
        if pick.random() < 0.4:
            queue["sla"] = {
                "voice": {"default": pick.choice(["15s", "40s"]), self.scenario["tiers"][-1]["name"]: "10s"}
            }
        if self.has("steps") and "require" in queue:
            queue["steps"] = self.make_steps(queue["require"])
        if self.has("teams") and pick.random() < 0.7:
            queue["teams"] = ["first"]
            queue.setdefault("steps", []).append({"after": s(self.on_grid(60000) / 1000), "add": ["team:second"]})
            queue["steps"].sort(key=lambda step: float(step["after"][:-2]))
        if self.has("limits"):
            queue["limits"] = {"wait": {"voice": s(self.on_grid(pick.choice([45000, 90000, 150000])) / 1000)}}
        if self.has("overflow"):
            queue["overflow"] = {"after": s(self.on_grid(pick.choice([30000, 70000])) / 1000), "to": "last"}
        if self.has("laws"):
            queue["law"] = pick.choice([
                {"late_weight": 1, "second_promise": 1},
                {"ageing": "20s"},
                {self.scenario["tiers"][0]["name"]: {"late_weight": 0.3, "second_promise": 1.5}},
            ])
        return queue

    def make_steps(self, require):
        pick = self.random
        steps, at = [], 0
        for _ in range(pick.randint(1, 3)):
            at += pick.choice([5000, 15000, 30000])
            skill = pick.choice(list(require))
            steps.append({"after": s(self.on_grid(at) / 1000)})
            if pick.random() < 0.5:
                steps[-1]["lower"] = {skill: pick.randint(1, 3)}
            else:
                steps[-1]["drop"] = [skill]
        return steps

    def make_agents(self):
        pick = self.random
        groups = []
        for number in range(pick.randint(1, 4)):
            group = {"count": pick.randint(1, 3), "id": f"g{number}-%d", "rank": pick.randint(1, 3)}
            if self.has("skills") or self.has("rules"):
                chosen = pick.sample(self.skills, pick.randint(0, len(self.skills)))
                group["skills"] = {skill: pick.randint(1, 10) for skill in chosen}
            if self.has("teams"):
                group["team"] = pick.choice(["first", "second"])
            if self.has("chats") and pick.random() < 0.3:
                group["capacity"] = pick.choice([100, 150, 200])
            if self.has("channels_of_agents") and pick.random() < 0.4:
                names = list(self.scenario["channels"])
                group["channels"] = pick.sample(names, pick.randint(1, len(names)))
            groups.append(group)
        if self.has("skills"):
            # Somebody can do everything, so that most contacts are served.
            groups.append({"count": 1, "id": "all-%d", "skills": {skill: 10 for skill in self.skills}, "rank": 2})
            if self.has("teams"):
                groups[-1]["team"] = "first"
        self.scenario["sim"] = {"agents": groups}
        self.scenario["sim"]["accept"] = pick.choice(["700ms", "5s"]) if self.has("accept") else "0ms"
        self.scenario["sim"]["wrapup"] = self.has("wrapup")

    def make_classes(self):
        pick = self.random
        classes = {}
        for number in range(pick.randint(1, 6)):
            spec = {"channel": pick.choice(list(self.scenario["channels"]))}
            if pick.random() < 0.85:
                spec["queue"] = pick.choice([q for q in self.scenario["queues"] if q != "last"])
            if pick.random() < 0.85:
                spec["tier"] = pick.choice(self.scenario["tiers"])["name"]
            if self.has("rules"):
                spec["attributes"] = {"menu": pick.choice(["a", "b", "c"])}
            classes[str(number)] = spec
        self.scenario["sim"]["classes"] = classes
        if self.has("rules"):
            self.scenario["rules"] = [
                {"when": 'menu == "a"', "set": {"queue": pick.choice(list(self.scenario["queues"]))}},
                {"when": 'menu == "b"', "set": {"require": {pick.choice(self.skills): pick.randint(1, 5)}}},
                {"when": 'channel == "voice"', "set": {"tier": pick.choice(self.scenario["tiers"])["name"]}},
                {"when": 'menu == "b"', "set": {"queue": "q0", "tier": self.scenario["tiers"][0]["name"]}},
            ]

    def make_rows(self):
        pick = self.random
        agents = sum(group["count"] for group in self.scenario["sim"]["agents"])
        load = pick.uniform(0.6, 1.6)
        mean_handle = pick.choice([20000, 60000, 120000])
        gap = mean_handle / agents / load
        rows, at = [], 0
        if self.has("calendar"):
            at = pick.choice([0, 4, 5]) * 86400000 + pick.choice([8, 14, 16]) * 3600000
            gap = max(gap, pick.choice([30000, 400000]))
        for number in range(self.rows_wanted):
            at += pick.expovariate(1 / gap)
            handle = self.on_grid(pick.expovariate(1 / mean_handle))
            patience = None
            if self.has("patience") and pick.random() < 0.8:
                patience = self.on_grid(pick.expovariate(1 / 40000))
            kind = pick.choice(list(self.scenario["sim"]["classes"]))
            rows.append({"t_ms": self.on_grid(at), "class": int(kind), "handle_ms": handle, "patience_ms": patience})
        numbers = list(range(1, len(rows) + 1))
        if pick.random() < 0.5:
            pick.shuffle(numbers)  # seq says the order within an instant only
        for row, number in zip(rows, numbers):
            row["seq"] = number
        rows.sort(key=lambda r: (r["t_ms"], r["seq"]))
        return rows


def write_trace(path, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            writer.writerow(["" if row[name] is None else row[name] for name in HEADER])


class Play:
    """Runs usher-sim on a scenario and rows; starts is [(seq, start_ms or None, agent)]."""

    def __init__(self, scenario, rows, *options, keep=None):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(keep or folder)
            folder.mkdir(exist_ok=True)
            (folder / "scenario.yaml").write_text(json.dumps(scenario, indent=1) + "\n")
            write_trace(folder / "trace.csv", rows)
            command = [SIM, "--config", folder / "scenario.yaml", "--trace", folder / "trace.csv", "--out",
                       folder / "starts.csv", "--report", folder / "report.json", "--quiet", *options]
            done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=folder)
            if done.returncode != 0:
                raise AssertionError(f"usher-sim ended with {done.returncode}: {done.stderr.strip()}")
            self.errors = done.stderr
            self.starts = read_starts(folder / "starts.csv")
            self.report = json.loads((folder / "report.json").read_text())
            explained = folder / "explain.jsonl"
            self.explained = explained.read_text().splitlines() if explained.exists() else []


def read_starts(path):
    with open(path, newline="") as file:
        lines = list(csv.reader(file))
    if lines[0] != ["seq", "start_ms", "agent"]:
        raise AssertionError(f"{path} begins with {lines[0]}")
    return [(int(seq), int(start) if start else None, agent) for seq, start, agent in lines[1:]]
