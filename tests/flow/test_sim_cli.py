"""usher-sim as it is used: files, options, figures, and what it says when something is wrong."""

import gzip
import json
import pathlib
import subprocess
import tempfile

from runner import check, equal, main, test
from sim_scenarios import BASE_MS, SIM, Play, read_starts

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "sim"
TRACE = "seq,t_ms,class,handle_ms,patience_ms\n"


def run(*arguments, text=None, folder=None):
    return subprocess.run([str(SIM), *map(str, arguments)], capture_output=True, text=True, input=text, timeout=60,
                          cwd=folder)


def scenario(**changes):
    made = {
        "centre": "cli",
        "channels": {"voice": {"cost": 100, "sla": "20s", "offer_timeout": "15s", "wrapup": "30s"},
                     "email": {"cost": 50, "sla": "4h", "interruptible": True}},
        "tiers": [{"name": "bronze", "value": 1}, {"name": "gold", "value": 8}],
        "queues": {"q": {"reserve": 0}},
        "default_queue": "q",
        "sim": {"classes": {"0": {"channel": "voice", "tier": "bronze"}, "1": {"channel": "voice", "tier": "gold"},
                            "2": {"channel": "email", "tier": "bronze"}},
                "agents": [{"id": "ann"}]},
    }
    for path, value in changes.items():
        place = made
        *names, last = path.split("__")
        for name in names:
            place = place[name]
        place[last] = value
    return made


def rows(*lines):
    names = ("seq", "t_ms", "class", "handle_ms", "patience_ms")
    return [dict(zip(names, line)) for line in lines]


def refused(trace, words, made=None, line=None):
    """The trace is refused with these words; line: "file:LINE:COLUMN"."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "scenario.yaml").write_text(json.dumps(made or scenario()) + "\n")
        if isinstance(trace, bytes):
            (folder / "trace.csv").write_bytes(trace)
        else:
            (folder / "trace.csv").write_text(trace)
        done = run("--config", "scenario.yaml", "--trace", "trace.csv", "--out", "starts.csv", folder=folder)
        equal(done.returncode, 1, done.stdout)
        check(words in done.stderr, f"{done.stderr!r} does not say {words!r}")
        if line is not None:
            check(done.stderr.startswith(f"trace.csv:{line}: error: "), done.stderr)
        check(not (folder / "starts.csv").exists(), "starts were written")


@test
def the_order_within_one_instant_is_the_stated_one():
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "starts.csv"
        done = run("--config", DATA / "instant.yaml", "--trace", DATA / "instant.csv", "--out", out)
        equal(done.returncode, 0, done.stderr)
        equal(out.read_text(), (DATA / "instant.starts.csv").read_text())


@test
def a_trace_may_be_gzip_or_standard_input_and_starts_may_go_to_standard_output():
    text = (DATA / "instant.csv").read_text()
    wanted = (DATA / "instant.starts.csv").read_text()
    with tempfile.TemporaryDirectory() as folder:
        packed = pathlib.Path(folder) / "trace.csv.gz"
        packed.write_bytes(gzip.compress(text.encode()))
        for trace, given in ((packed, None), ("-", text), ("-", text.replace("\n", "\r\n"))):
            done = run("--config", DATA / "instant.yaml", "--trace", trace, "--out", "-", text=given)
            equal(done.returncode, 0, done.stderr)
            equal(done.stdout, wanted)


@test
def a_broken_trace_is_refused_with_line_and_column():
    for trace, words, line in (
        ("", "has no rows", None),
        (TRACE, "has no rows", None),
        ("seq,t,class\n1,2,3\n", 'the first line must be "seq,t_ms,class,handle_ms,patience_ms"', "1:1"),
        (TRACE + "1,0,0,x,\n", "handle_ms must be a whole number", "2:7"),
        (TRACE + "1,0,0,-5,\n", "handle_ms must be a whole number", "2:7"),
        (TRACE + "1,0,0,5.5,\n", "handle_ms must be a whole number", "2:7"),
        (TRACE + "1,,0,5,\n", "t_ms must be a whole number", "2:3"),
        (TRACE + "1,0,0,5,soon\n", "or empty for infinite patience", "2:9"),
        (TRACE + "1,0,0,5\n", "one too few", "2:8"),
        (TRACE + "1,0,0,5,6,7\n", "one too many", "2:10"),
        (TRACE + "1,9,0,5,\n2,8,0,5,\n", "belongs before line 2; sort the file", "3:1"),
        (TRACE + "2,9,0,5,\n1,9,0,5,\n", "belongs before line 2", "3:1"),
        (TRACE + "1,9,0,5,\n1,10,0,5,\n", "seq 1 stands in line 2 already", "3:1"),
        (TRACE + "1,9,0,5,\n\n2,10,0,5,\n", "an empty line", "3:1"),
        (TRACE + "1,9,7,5,\n", "add it to sim.classes", "2:1"),
        (TRACE + "1,9,99999999999,5,\n", "class must be below", "2:1"),
        (TRACE + "1,99999999999999999999,0,5,\n", "t_ms must be a whole number from 0 to", "2:3"),
        (TRACE + "1" * 300 + "\n", "at most 256 bytes", "2:257"),
    ):
        refused(trace, words, line=line)


@test
def a_trace_that_was_cut_off_is_refused():
    text = TRACE + "".join(f"{i},{i},0,{i * 7919 % 10007},\n" for i in range(1, 4000))
    packed = gzip.compress(text.encode())
    for left in (len(packed) - 200, len(packed) - 4, len(packed) // 2):
        refused(packed[:left], "cannot be read to its end")


@test
def a_scenario_that_cannot_be_played_is_refused():
    one = TRACE + "1,0,0,5,\n"
    without = scenario()
    del without["sim"]
    without["agents"] = [{"id": "ann"}]
    refused(one, "there is no sim: section", without)
    refused(one, "must be shorter than the offer_timeout of channel voice", scenario(sim__accept="15s"))
    refused(one, "no queue", scenario(sim__classes={"0": {"channel": "voice", "queue": "nowhere"}}))


@test
def wrong_usage_ends_with_2_and_says_what_to_do():
    for arguments, words in (
        ((), "--config and --trace are needed"),
        (("--config", "a", "--trace", "b", "more"), '"more" is not an option'),
        (("--nonsense",), "--help shows the options"),
        (("--config", "a", "--trace", "b", "--law", "best"), 'no law is called "best"; there are dpv, fcfs'),
        (("--config", "a", "--trace", "b", "--compare", "fcfs,,dpv"), 'no law is called ""'),
        (("--config", "a", "--trace", "b", "--compare", "fcfs,fcfs"), "names fcfs twice"),
    ):
        done = run(*arguments)
        equal(done.returncode, 2, arguments)
        check(words in done.stderr, f"{done.stderr!r} does not say {words!r}")


@test
def help_version_and_an_example_that_plays():
    check("usage: usher-sim --config" in run("--help").stdout, "help")
    check(run("--version").stdout.startswith("usher-sim "), "version")
    with tempfile.TemporaryDirectory() as folder:
        example = run("--print-scenario").stdout
        (pathlib.Path(folder) / "s.yaml").write_text(example)
        trace = TRACE + "".join(line[len("#   "):] + "\n" for line in example.splitlines() if line.startswith("#   ")
                                and line[4].isdigit())
        (pathlib.Path(folder) / "t.csv").write_text(trace)
        done = run("--config", "s.yaml", "--trace", "t.csv", "--out", "o.csv", folder=folder)
        equal((done.returncode, done.stderr), (0, ""))
        equal(read_starts(pathlib.Path(folder) / "o.csv"), [(1, 0, "a-1"), (2, 1500, "a-2")])


@test
def starts_are_acceptances_and_empty_when_never_served():
    trace = rows((1, 0, 0, 10000, None), (2, 0, 0, 5000, 12000), (3, 0, 0, 5000, 2000))
    equal(Play(scenario(sim__accept="3s"), trace).starts, [(1, 3000, "ann"), (2, None, ""), (3, None, "")])
    # An offer that the customer leaves frees the agent for the next.
    trace = rows((1, 0, 0, 1000, 2999), (2, 0, 0, 5000, None))
    equal(Play(scenario(sim__accept="3s"), trace).starts, [(1, None, ""), (2, 5999, "ann")])
    # Patience that ends with the answer does not count.
    equal(Play(scenario(sim__accept="3s"), rows((1, 0, 0, 1000, 3000))).starts, [(1, 3000, "ann")])


@test
def wrap_up_keeps_an_agent_when_asked_for():
    trace = rows((1, 0, 0, 1000, None), (2, 0, 0, 1000, None))
    equal(Play(scenario(), trace).starts[1], (2, 1000, "ann"))
    equal(Play(scenario(sim__wrapup=True), trace).starts[1], (2, 31000, "ann"))


@test
def an_interrupted_email_is_finished_after_the_call():
    # 60 s of e-mail: 10 s, a call of 30 s, then the other 50 s; the second e-mail begins when there is room.
    trace = rows((1, 0, 2, 60000, None), (2, 10000, 0, 30000, None), (3, 20000, 2, 1000, None),
                 (4, 89999, 0, 1000, None), (5, 90001, 0, 1000, None))
    equal(Play(scenario(), trace).starts,
          [(1, 0, "ann"), (2, 10000, "ann"), (3, 40000, "ann"), (4, 89999, "ann"), (5, 90999, "ann")])
    equal(Play(scenario(channels__email__cost=100), trace[:3]).starts[2], (3, 90000, "ann"), "with room for one only")


@test
def figures_are_what_the_starts_give():
    trace = rows((1, 0, 0, 10000, None), (2, 0, 1, 10000, None), (3, 0, 0, 10000, None), (4, 0, 0, 20000, None),
                 (5, 1000, 0, 1000, 500))
    report = Play(scenario(), trace).report
    figures = report["all"]
    equal([figures[name] for name in ("offered", "served", "abandoned", "in_time")], [5, 4, 1, 3])
    equal(figures["service_level"], 0.6)
    equal(round(figures["value_weighted"], 9), round((1 + 8 + 1) / (4 + 8), 9))
    waits = figures["wait_ms"]  # 0, 10, 20, 30 s
    equal([waits[name] for name in ("mean", "p50", "p90", "max")], [15000, 10000, 30000, 30000])
    equal(figures["occupancy"], 1.0)
    equal(report["tiers"]["gold"]["served"], 1)
    equal(report["classes"]["1"]["wait_ms"]["mean"], 10000.0)
    equal(report["channels"]["voice"]["offered"], 5)
    check("answered within T / offered" in report["formula"], report["formula"])


@test
def refused_and_expired_contacts_are_shown():
    def play(made, trace, *options):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            report = Play(made, trace, keep=folder).report
            done = run("--config", "scenario.yaml", "--trace", "trace.csv", "--out", "o.csv", *options, folder=folder)
            header, *lines = [line.split() for line in done.stdout.replace(" %", "_%").replace("value SL", "value_SL")
                              .replace(" s ", "_s ").splitlines()]
            return report, [dict(zip(header, line)) for line in lines], done.stderr

    # One is served, 500 wait, two gold ones are too many; nobody named a limit.
    long = rows(*[(i, 0, 0, 1000, None) for i in range(1, 502)], (502, 0, 1, 1000, None), (503, 0, 1, 1000, None))
    report, table, errors = play(scenario(), long, "--compare", "fcfs")
    equal([(line["law"], line["refused"], line["expired"]) for line in table], [("dpv", "2", "0"), ("fcfs", "2", "0")])
    equal({tier: (f["offered"], f["refused"]) for tier, f in report["tiers"].items()}, {"bronze": (501, 0), "gold": (2, 2)})
    equal(len(errors.splitlines()), 1, errors)
    check(errors.startswith("trace.csv:503: warning: ") and "queue q" in errors and "limits: {length: N}" in errors, errors)
    # A limit that the scenario names needs no warning.
    short = scenario(queues={"q": {"reserve": 0, "limits": {"length": 1, "wait": {"voice": "20s"}}}})
    report, table, errors = play(short, rows((1, 0, 0, 60000, None), (2, 0, 1, 1000, None), (3, 0, 1, 1000, None)))
    equal([(line["refused"], line["expired"]) for line in table], [("1", "1")])
    equal([report["tiers"]["gold"][name] for name in ("offered", "refused", "expired")], [2, 1, 1])
    equal(errors, "")


@test
def laws_are_compared_on_the_same_trace():
    trace = rows(*[(i, 0, i % 2, 10000, None) for i in range(1, 9)])
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        laws = ["fcfs", "strict_tier", "fixed_priority", "queue_weights", "apq", "edf", "dpv"]
        play = Play(scenario(), trace, "--compare", ",".join(laws), keep=folder)
        equal(sorted(play.report["laws"]), sorted(laws))
        equal([seq for seq, _, _ in sorted(read_starts(folder / "starts.fcfs.csv"), key=lambda s: s[1])],
              [1, 2, 3, 4, 5, 6, 7, 8])
        for law in ("strict_tier", "fixed_priority"):
            equal([seq for seq, _, _ in sorted(read_starts(folder / f"starts.{law}.csv"), key=lambda s: s[1])],
                  [1, 3, 5, 7, 2, 4, 6, 8], law)
        equal(read_starts(folder / "starts.dpv.csv"), play.starts)
        means = {law: play.report["laws"][law]["all"]["wait_ms"]["mean"] for law in laws}
        equal(set(means.values()), {35000.0}, "a law moves waiting, it removes none")
        table = run("--config", "scenario.yaml", "--trace", "trace.csv", "--out", "o.csv", "--compare", "all",
                    folder=folder).stdout.splitlines()
        equal([line.split()[0] for line in table], ["law", "dpv", *laws])


@test
def equal_runs_give_equal_files():
    trace = rows(*[(i, i * 700, i % 3, i * 7919 % 9000, 4000 + i * 31 % 9000) for i in range(1, 300)])
    first, second = (Play(scenario(), trace, "--explain", "explain.jsonl") for _ in range(2))
    equal(first.starts, second.starts)
    equal(first.explained, second.explained)


@test
def calendars_read_the_virtual_clock():
    office = {"office": {"hours": {"mon-fri": ["09:00-17:00"]}}}

    def due(first_ms, **sim):
        made = scenario(channels__email__calendar="office", channels__email__sla="1h")
        made["calendars"] = office
        made["sim"].update(sim)
        play = Play(made, rows((1, first_ms, 2, 1000, None)), "--explain", "explain.jsonl")
        return json.loads(play.explained[0])["winner"]["deadline_ms"]

    hour, day = 3_600_000, 86_400_000
    # Friday 16:30 + 1 h of business time is Monday 09:30; t_ms 0 is Monday 2001-01-01.
    equal(due(4 * day + 33 * hour // 2), BASE_MS + 7 * day + 19 * hour // 2)
    friday = 1795192200000  # 2026-11-20T16:30:00Z
    monday = 1795426200000  # 2026-11-23T09:30:00Z
    equal(due(friday), monday, "a t_ms that is Unix time")
    equal(due(0, start="2026-11-20T16:30:00Z"), monday, "a scenario that says when")


@test
def a_contact_that_nobody_can_serve_does_not_keep_the_clock_running():
    made = scenario(skills=["latin"], queues={"q": {"require": {"latin": 1}, "reserve": 0, "steps": []}})
    made["channels"]["voice"]["calendar"] = "office"
    made["calendars"] = {"office": {"hours": {"mon-fri": ["09:00-17:00"]}}}
    play = Play(made, rows((1, 0, 0, 1000, None)))
    equal((play.starts, play.report["all"]["waiting"]), ([(1, None, "")], 1))


if __name__ == "__main__":
    main()
