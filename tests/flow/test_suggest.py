"""usherctl suggest: learns from files, answers files, explains; without daemon and configuration."""

import csv
import json
import os
import pathlib
import subprocess
import tempfile

from runner import Skip, check, equal, main, test

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("USHER_BUILD", TOP / "build"))
DATA = pathlib.Path(os.environ.get("USHER_SUGGEST_DATA", TOP.parent / "shared" / "data" / "suggest"))
COLUMNS = ["id", "split", "lang", "label", "text"]
WHAT = {
    "card": ["my card", "the bank card", "a new card", "a plastic card"],
    "pin": ["my pin", "the secret number", "a pin code", "the pin"],
    "fee": ["a fee", "this charge", "the monthly fee", "an extra charge"],
    "app": ["the app", "your app", "the mobile app", "this application"],
    "loan": ["a loan", "the credit", "my loan", "a house loan"],
    "rate": ["the rate", "the exchange rate", "a better rate", "todays rate"],
}
HOW = ["where is {}", "I have a question about {}", "please explain {} to me", "{} does not work", "help with {}", "{}?"]
STRANGE = ["do you sell bicycles", "what a fine day", "greetings from the sea", "is it raining", "my dog is ill"]


def mails(lang="en", labels=WHAT):
    """Rows of made-up mails; each fourth is of the split val."""
    found = []
    for label in labels:
        for k, what in enumerate(WHAT[label]):
            for j, how in enumerate(HOW):
                split = "val" if (k + j) % 4 == 3 else "train"
                found.append([f"{lang}-{label}-{k}{j}", split, lang, label, how.format(what)])
    return found


class Files:
    """A folder of CSV files and the calls of usherctl on them."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def write(self, name, rows, columns=COLUMNS):
        with open(self.path / name, "w", newline="", encoding="utf-8") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(columns)
            out.writerows(rows)
        return self.path / name

    def call(self, *words, status=0, given=None):
        done = subprocess.run(
            [BUILD / "usherctl", "suggest", *map(str, words)],
            capture_output=True, text=True, check=False, input=given, timeout=120,
        )  # fmt: skip
        equal(done.returncode, status, "status; said", done.stderr.strip(), done.stdout.strip())
        return done

    def eval(self, train, test, *options):
        """The summary, and the answers by id."""
        out = self.path / "out.jsonl"
        done = self.call("eval", "--json", "--train", train, "--test", test, "--out", out, *options)
        lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
        answers = {line["id"]: line["suggestions"] for line in lines}
        equal(len(answers), len(lines), "each id once")
        return json.loads(done.stdout), answers


def right(rows, answers):
    """Share of rows whose first proposal is one of their labels."""
    hits = [bool(answers[r[0]]) and answers[r[0]][0]["label"] in r[3].split("|") for r in rows]
    return sum(hits) / len(hits)


# ---- eval ----


@test
def every_row_is_answered_with_at_most_five_proposals_in_order():
    with Files() as files:
        rows = mails()
        path = files.write("mails.csv", rows)
        summary, answers = files.eval(path, path)
        equal(set(answers), {r[0] for r in rows})
        equal(summary["models"][0]["labels"], 6)
        for shown in answers.values():
            equal(len(shown), 5)
            ps = [s["p"] for s in shown]
            equal(ps, sorted(ps, reverse=True))
            check(all(0 <= p <= 1 for p in ps) and sum(ps) <= 1.0001, ps)
            check(all(s["label"] in WHAT for s in shown), shown)


@test
def what_was_not_learnt_from_is_answered_rightly():
    with Files() as files:
        path = files.write("mails.csv", mails())
        summary, answers = files.eval(path, path, "--where", "split=train")
        val = [r for r in mails() if r[1] == "val"]
        equal(summary["models"][0]["mails"], len(mails()) - len(val))
        check(right(val, answers) > 0.9, right(val, answers))


@test
def the_same_files_give_the_same_answers():
    with Files() as files:
        path = files.write("mails.csv", mails())
        equal(files.eval(path, path)[1], files.eval(path, path)[1])


@test
def the_label_none_is_learnt_but_never_listed():
    with Files() as files:
        strange = [[f"s{i}", "train", "en", "__oos__", text] for i, text in enumerate(STRANGE)]
        without = files.write("without.csv", mails())
        with_none = files.write("with.csv", mails() + strange)
        test_file = files.write("test.csv", strange + mails()[:3])
        before, after = files.eval(without, test_file)[1], files.eval(with_none, test_file)[1]
        for i in range(len(STRANGE)):
            check(all(s["label"] != "__oos__" for s in after[f"s{i}"]), after)
            check(after[f"s{i}"][0]["p"] < before[f"s{i}"][0]["p"], "p of", STRANGE[i])
            check(after[f"s{i}"][0]["p"] < 0.5, after[f"s{i}"])
        check(right(mails()[:3], after) == 1, after)


@test
def each_language_has_a_model_of_its_own():
    with Files() as files:
        german = [
            [f"de{i}{j}", "train", "de", label, how.format(what)]
            for i, (label, what) in enumerate([("karte", "meine Karte"), ("gebühr", "eine Gebühr")])
            for j, how in enumerate(["wo ist {}", "was ist {}", "{} fehlt", "Frage zu {}"])
        ]
        path = files.write("mails.csv", mails() + german)
        test_file = files.write("test.csv", [
            ["a", "", "de", "karte", "Karte verloren"],
            ["b", "", "en", "card", "where is my card"],
            ["c", "", "pt", "card", "where is my card"],  # not learnt: the largest model answers
        ])  # fmt: skip
        summary, answers = files.eval(path, test_file)
        equal([m["lang"] for m in summary["models"]], ["en", "de"])
        equal({s["label"] for s in answers["a"]}, {"karte", "gebühr"})
        equal([answers[i][0]["label"] for i in "abc"], ["karte", "card", "card"])


@test
def each_of_several_labels_counts():
    with Files() as files:
        rows = [[f"{i}", "train", "en", "card|pin" if i % 2 else "fee", HOW[i % 6].format("x" if i % 2 else "y")]
                for i in range(40)]  # fmt: skip
        path = files.write("mails.csv", rows)
        answers = files.eval(path, path)[1]
        equal({s["label"] for s in answers["1"][:2]}, {"card", "pin"})
        check(answers["1"][1]["p"] > 0.25, answers["1"])


@test
def one_pass_learns_each_mail_after_answering_it():
    with Files() as files:
        path = files.write("mails.csv", mails())
        summary, answers = files.eval(path, path, "--online", "--where", "split=train")
        model = summary["models"][0]
        check(0 < model["running_top1"] < 1, model)  # the first of each label cannot be known
        check(right([r for r in mails() if r[1] == "val"], answers) > 0.85, "after one pass")


@test
def titles_alone_make_proposals():
    with Files() as files:
        titles = files.write("titles.csv", [[label, what[0]] for label, what in WHAT.items()], ["label", "description"])
        nothing, test_file = files.write("nothing.csv", []), files.write("test.csv", mails())
        answers = files.eval(nothing, test_file, "--titles", titles)[1]
        check(right(mails(), answers) > 0.7, right(mails(), answers))


@test
def nothing_learnt_proposes_nothing():
    with Files() as files:
        answers = files.eval(files.write("none.csv", []), files.write("test.csv", mails()[:4]))[1]
        equal(list(answers.values()), [[], [], [], []])


@test
def a_threshold_needs_its_number_of_right_answers():
    with Files() as files:
        rows = mails()
        train = files.write("train.csv", rows)

        def gate(copies, wrong=0):
            calib = [[f"x{i}", "", "en", rows[i % len(rows)][3], rows[i % len(rows)][4]] for i in range(copies)]
            for row in calib[:wrong]:
                row[3] = "something else"
            return files.eval(train, train, "--aim", "98", "--calib", files.write("calib.csv", calib))[0]["gate"]

        equal(gate(188)["open"], False)
        opened = gate(189)
        equal((opened["open"], opened["answered"], opened["cross_fitted"]), (True, 189, 0))
        check(opened["bound"] >= 0.98 and 0 < opened["test"]["coverage"] <= 1, opened)
        equal(opened["test"]["wrong"], 0)
        equal(gate(189, wrong=1)["open"], False)


@test
def mails_that_were_learnt_from_are_calibrated_on_without_them():
    with Files() as files:
        # Labels by chance: who has learnt a mail knows its label, nobody else can.
        rows = [[f"{i}", "", "en", f"label{i * 7 % 3}", f"word{i} thing{i}"] for i in range(300)]
        path = files.write("mails.csv", rows)
        gate = files.eval(path, path, "--aim", "90", "--calib", path)[0]["gate"]
        equal((gate["cross_fitted"], gate["calibrated_on"], gate["open"]), (300, 300, False))


@test
def the_text_form_tells_threshold_precision_and_coverage():
    with Files() as files:
        path = files.write("mails.csv", mails() * 1)
        said = files.call("eval", "--train", path, "--test", path, "--out", files.path / "o", "--aim", "50", "--calib", path)
        check("realised precision 0." in said.stdout or "realised precision 1." in said.stdout, said.stdout)
        check("coverage" in said.stdout and "threshold" in said.stdout, said.stdout)


# ---- wrong input ----


@test
def wrong_files_are_told_with_their_line():
    cases = [
        ("", "is empty"),
        ("id,split,lang,text\n1,a,en,b\n", "needs the columns"),
        ("id,split,lang,label,text\n1,train,en,a\n", "line 2: 4 cells"),
        ('id,split,lang,label,text\n1,train,en,a,"open\nand on', "line 2: a quoted cell"),
        ('id,split,lang,label,text\n1,train,en,a,"b"c\n', "line 2: text behind"),
        ("id,split,lang,label,text\n1,train,en,,b\n", "line 2: the label"),
        ("id,split,lang,label,text\n1,train,en,%s,b\n" % ("x" * 200), "line 2: the label"),
        ('id,split,lang,label,text\n1,train,en,a,"two\nlines"\n2,train,en,a\n', "line 4: 4 cells"),
    ]
    with Files() as files:
        good = files.write("good.csv", mails()[:6])
        for text, said in cases:
            path = files.path / "bad.csv"
            path.write_text(text, encoding="utf-8")
            done = files.call("eval", "--train", path, "--test", good, "--out", files.path / "o", status=1)
            check(said in done.stderr, done.stderr, "for", repr(text))
        path.write_bytes(b"id,label,text\n1,a,b\0c\n")
        check("NUL" in files.call("eval", "--train", path, "--test", good, "--out", files.path / "o", status=1).stderr)


@test
def quoted_cells_may_hold_anything():
    with Files() as files:
        rows = [["1", "", "en", "a", 'he said "no", twice\r\nand left'], ["2", "", "en", "b", ""], ['3"', "", "en", "a", "x"]]
        path = files.write("mails.csv", rows)
        equal(set(files.eval(path, path)[1]), {"1", "2", '3"'})


@test
def wrong_use_is_told():
    with Files() as files:
        path = files.write("mails.csv", mails()[:6])
        base = ["eval", "--train", path, "--test", path, "--out", files.path / "o"]
        for words, status, said in [
            (["eval"], 2, "needs --train"),
            ([*base, "--aim", "98"], 2, "go together"),
            ([*base, "--calib", path], 2, "go together"),
            ([*base, "--aim", "0.98", "--calib", path], 2, "per cent"),
            ([*base, "--aim", "100", "--calib", path], 2, "per cent"),
            ([*base, "--where", "split"], 1, "COLUMN=VALUE"),
            ([*base, "--where", "colour=red"], 1, 'no column "colour"'),
            (["eval", "--train", files.path / "absent", "--test", path, "--out", files.path / "o"], 1, "No such file"),
            (["eval", "--train", path, "--test", path, "--out", "/nowhere/o"], 1, "No such file"),
        ]:
            check(said in files.call(*words, status=status).stderr, words)


# ---- model files ----


@test
def a_model_is_trained_tried_and_explained():
    with Files() as files:
        path, model = files.write("mails.csv", mails()), files.path / "box.model"
        files.call("train", "--train", path, "--model", model)
        said = json.loads(files.call("try", "--json", "--model", model, "--text", "hello, where is my PIN code?").stdout)
        equal(said["proposals"][0]["label"], "pin")
        check(said["proposals"][0]["why"].split(", ")[0] in ("pin", "pin code", "code"), said)
        equal(said, json.loads(files.call("try", "--json", "--model", model, given="hello, where is my PIN code?").stdout))
        long = json.loads(files.call("explain", "--json", "--model", model, "--text", "hello, where is my PIN code?").stdout)
        check(len(long["proposals"][0]["words"]) > 3, long)
        check("pin" in files.call("explain", "--model", model, "--text", "my pin").stdout)
        subject = json.loads(files.call("try", "--json", "--model", model, "--subject", "loan", "--text", "hello").stdout)
        equal(subject["proposals"][0]["label"], "loan")


@test
def a_model_is_for_one_language():
    with Files() as files:
        path, model = files.write("mails.csv", mails() + mails("de")), files.path / "box.model"
        check("--lang" in files.call("train", "--train", path, "--model", model, status=1).stderr)
        files.call("train", "--train", path, "--model", model, "--lang", "de")
        said = json.loads(files.call("try", "--json", "--model", model, "--text", "my pin").stdout)
        equal(said["proposals"][0]["label"], "pin")


@test
def a_torn_model_is_not_loaded():
    with Files() as files:
        path, model = files.write("mails.csv", mails()), files.path / "box.model"
        files.call("train", "--train", path, "--model", model)
        whole = model.read_bytes()
        for n in (0, 10, 100, len(whole) // 2, len(whole) - 1):
            model.write_bytes(whole[:n])
            check(files.call("try", "--model", model, "--text", "x", status=1).stderr, "cut at", n)
        model.write_bytes(whole[:5000] + bytes([whole[5000] ^ 4]) + whole[5001:])
        check("damaged" in files.call("try", "--model", model, "--text", "x", status=1).stderr)
        equal([p.name for p in files.path.iterdir() if p.name.endswith(".new")], [])


# ---- libraries ----

RESPONSE = """---
title: Lost card
keywords: [lost card]
rules:
  - {name: theft, all: [card, stolen], boost: 4}
  - {all: [police], never_automatic: true}
---
We have locked your card.
"""


@test
def a_library_is_checked_and_tried_without_anything_learnt():
    with Files() as files:
        folder = files.path / "responses"
        folder.mkdir()
        (folder / "card.md").write_text(RESPONSE, encoding="utf-8")
        (folder / "fee.txt").write_text("---\ntitle: Fee\nkeywords: [fee]\n---\nIt is 5.\n", encoding="utf-8")
        (folder / "rules.yaml").write_text("- {all: [lawyer], queue: legal}\n- {all: [lawyer], skill: law}\n")
        listed = json.loads(files.call("check", folder, "--json").stdout)
        equal([r["id"] for r in listed["responses"]], ["card", "fee"])
        equal(listed["rules"], 6)
        check("Lost card" in files.call("check", folder).stdout)

        def tried(text, *options):
            return json.loads(files.call("try", "--json", "--library", folder, "--lang", "en", "--text", text, *options).stdout)

        said = tried("my card was stolen; I called the police and a lawyer")
        equal([p["label"] for p in said["proposals"]], ["card"])
        equal(said["proposals"][0]["why"], 'rule "theft"')
        equal((said["queue"], said["skills"], said["proposals"][0]["never_automatic"]), ("legal", ["law"], True))
        equal(tried("good morning")["proposals"], [])

        path, model = files.write("mails.csv", [r for r in mails() if r[3] in ("fee", "pin")]), files.path / "m"
        files.call("train", "--train", path, "--model", model, "--library", folder)
        said = tried("this card was stolen and never came back", "--model", model)
        equal(said["proposals"][0]["label"], "card")  # seeded by its text, lifted by its rule
        check(all(p["label"] != "pin" for p in said["proposals"]), said)  # learnt, but no response now


@test
def mistakes_of_a_library_are_told_with_their_line():
    with Files() as files:
        folder = files.path / "responses"
        folder.mkdir()
        (folder / "card.md").write_text(RESPONSE.replace("boost", "bost"), encoding="utf-8")
        said = files.call("check", folder, status=1).stderr
        check("card.md:5: there is no key \"bost\" here; did you mean \"boost\"?" in said, said)
        check("No such file" in files.call("check", folder / "absent", status=1).stderr)
        files.call("check", status=2)


# ---- the real thing ----


@test(limit_s=120)
def banking_questions_are_answered_as_well_as_they_must_be():
    if not (DATA / "banking77.csv").is_file():
        raise Skip(f"no data sets in {DATA}; set USHER_SUGGEST_DATA")
    with open(DATA / "banking77.csv", newline="", encoding="utf-8") as f:
        rows = [[r[c] for c in COLUMNS] for r in csv.DictReader(f)]
    val = [r for r in rows if r[1] == "val"]
    with Files() as files:
        _, answers = files.eval(DATA / "banking77.csv", files.write("val.csv", val), "--where", "split=train")
        check(right(val, answers) >= 0.90, right(val, answers))


if __name__ == "__main__":
    main()
