#!/usr/bin/python3
"""How well the e-mail matcher answers: one JSON line a figure, by usherctl suggest eval.

    bench_suggest_quality.py [NAME...]

The data sets lie beside the project in shared/data/suggest (or where USHER_SUGGEST_DATA says) and
are no part of it; without them nothing is measured. Rows of the split "train" are learnt, rows of
"val" are answered; sets without "val" are cross-validated in ten parts. Thresholds are chosen on
the training rows, each answered by a learner that had not seen it. The reference is the floor that
the design demands of unseen data, ratio is value / reference (of errors and times the inverse), so
that below 1 is a miss. NAME is a part of the figures' names.
"""

import argparse
import csv
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile

BUILD = pathlib.Path(os.environ.get("USHER_BUILD", pathlib.Path(__file__).resolve().parents[2] / "build"))
DATA = pathlib.Path(os.environ.get("USHER_SUGGEST_DATA", BUILD.parent.parent / "shared" / "data" / "suggest"))
NONE = "__oos__"
COLUMNS = ["id", "split", "lang", "label", "text"]
PARTS = 10


def rows(name, split=None, lang=None):
    with open(DATA / f"{name}.csv", newline="", encoding="utf-8") as f:
        found = [
            r for r in csv.DictReader(f) if (not split or r["split"] == split) and (not lang or r["lang"] == lang)
        ]
    return found


def write(path, table):
    with open(path, "w", newline="", encoding="utf-8") as f:
        out = csv.DictWriter(f, COLUMNS, extrasaction="ignore", lineterminator="\n")
        out.writeheader()
        out.writerows(table)


class Measured:
    """Answers of one run, scored."""

    def __init__(self):
        self.ranks, self.first, self.summary = [], [], None

    def add(self, table, lines):
        proposals = {line["id"]: line["suggestions"] for line in lines}
        for row in table:
            right = set(row["label"].split("|"))
            shown = proposals[row["id"]]
            rank = next((k for k, s in enumerate(shown, 1) if s["label"] in right), 0)
            inside = NONE not in right
            if inside:
                self.ranks.append(rank)
            self.first.append((shown[0]["p"] if shown else 0.0, rank == 1, inside))

    def top(self, k):
        return 100 * sum(0 < r <= k for r in self.ranks) / len(self.ranks)

    def ece(self, bins=15):
        sums = [[0.0, 0] for _ in range(bins)]
        for p, ok, _ in self.first:
            b = sums[min(bins - 1, int(p * bins))]
            b[0] += p
            b[1] += ok
        return sum(abs(p - ok) for p, ok in sums) / len(self.first)

    def auroc(self):
        inside = [p for p, _, i in self.first if i]
        outside = [p for p, _, i in self.first if not i]
        wins = sum((a > b) + (a == b) / 2 for a in inside for b in outside)
        return wins / (len(inside) * len(outside))


def run(train, test, *options, calib=None, titles=None):
    """One call of usherctl suggest eval on tables of rows."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder / "train.csv", train)
        write(folder / "test.csv", test)
        command = [BUILD / "usherctl", "suggest", "eval", "--json", "--train", folder / "train.csv"]
        command += ["--test", folder / "test.csv", "--out", folder / "out.jsonl", *options]
        if calib:
            write(folder / "calib.csv", calib)
            command += ["--calib", folder / "calib.csv"]
        if titles:
            command += ["--titles", titles]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"usherctl suggest eval: {done.stderr.strip()}")
        with open(folder / "out.jsonl", encoding="utf-8") as f:
            lines = [json.loads(line) for line in f]
    return json.loads(done.stdout), lines


def measure(train, test, *options, **more):
    measured = Measured()
    measured.summary, lines = run(train, test, *options, **more)
    measured.add(test, lines)
    return measured


def crossed(table):
    """Each of ten parts answered by what the other nine taught."""
    table = table[:]
    random.Random(3).shuffle(table)
    measured = Measured()
    for part in range(PARTS):
        test = table[part::PARTS]
        train = [row for i, row in enumerate(table) if i % PARTS != part]
        measured.add(test, run(train, test)[1])
    return measured


def figure(name, value, unit, reference, least=True, **more):
    ratio = None if reference is None or not value else value / reference if least else reference / value
    print(
        json.dumps({
            "figure": f"suggest.{name}",
            "value": round(value, 4),
            "unit": unit,
            "reference": reference,
            "ratio": None if ratio is None else round(ratio, 4),
            "goal": ">= 1",
            **more,
        }),
        flush=True,
    )  # fmt: skip


def tops(name, measured, *floors):
    for k, floor in zip((1, 3, 5), floors):
        if floor:
            figure(f"{name}.top{k}", measured.top(k), "%", floor)


# ---- the figures ----


def banking77():
    m = measure(rows("banking77", "train"), rows("banking77", "val"))
    tops("banking77", m, 91.0, 97.0, 98.5)
    figure("banking77.ece", m.ece(), "", 0.03, least=False)
    figure("banking77.train", m.summary["models"][0]["cpu_s"], "s CPU", 5, least=False)


def clinc150():
    train = rows("clinc150", "train")
    m = measure(train, rows("clinc150", "val"), "--aim", "98", calib=train)
    tops("clinc150", m, 93.0)
    figure("clinc150.auroc", m.auroc(), "", 0.94)
    gated("clinc150.aim98", m, 96.5, 60)


def gated(name, m, precision, coverage):
    test = m.summary["gate"]["test"]
    figure(f"{name}.precision", 100 * (test["precision"] or 0), "%", precision)
    figure(f"{name}.coverage", 100 * test["coverage"], "%", coverage)


def hwu64():
    tops("hwu64", measure(rows("hwu64", "train"), rows("hwu64", "val")), 87.5)


def omq_de():
    # As in a mailbox: each response has a title, and that is learnt too.
    table, titles = rows("omq_de"), DATA / "omq_de_categories.csv"
    tops("omq_de", measure(rows("omq_de", "train"), rows("omq_de", "val"), titles=titles), 73, 84, 89)
    alone = measure([], table, titles=titles)
    figure("omq_de.titles_only.top5", alone.top(5), "%", 75)


def languages():
    tops("schuster_th", measure(rows("schuster_th", "train"), rows("schuster_th", "val")), 95)
    tops("xsid_ja", crossed(rows("xsid_multi", lang="ja")), 84)
    tops("xsid_zh", crossed(rows("xsid_multi", lang="zh")), 82)


def few():
    for name, floor in (("banking77", 75), ("clinc150", 80), ("hwu64", 69)):
        m = measure(rows(f"fewshot/{name}_10"), [r for r in rows(name, "val") if r["label"] != NONE])
        tops(f"{name}.ten_a_label", m, floor)


def online():
    for name, floor in (("banking77", 90), ("clinc150", 92)):
        m = measure(rows(name, "train"), rows(name, "val"), "--online")
        tops(f"{name}.one_online_pass", m, floor)


def rejections():
    """50 known intents, and mails of 27 unknown ones of the same bank, learnt as rejections."""
    known = set((DATA / "banking77_inscope50.txt").read_text(encoding="utf-8").split())

    def mark(table):
        return [dict(r, label=r["label"] if r["label"] in known else NONE) for r in table]

    train = mark(rows("banking77", "train"))
    m = measure(train, mark(rows("banking77", "val")), "--aim", "98", calib=train)
    figure("banking50.rejected.auroc", m.auroc(), "", None)
    gated("banking50.rejected.aim98", m, 97.0, 45)


GROUPS = [banking77, clinc150, hwu64, omq_de, languages, few, online, rejections]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="of figures' groups: " + " ".join(g.__name__ for g in GROUPS))
    options = parser.parse_args()
    if not (DATA / "banking77.csv").is_file():
        print(f"suggest: no data sets in {DATA}: set USHER_SUGGEST_DATA", file=sys.stderr)
        return
    for group in GROUPS:
        if not options.names or group.__name__ in options.names:
            group()


if __name__ == "__main__":
    main()
