"""Runs tests whose names are sentences, and counts them.

    from runner import check, main, test

    @test
    async def a_late_accept_is_refused(start):
        centre = await start()
        ...

    if __name__ == "__main__":
        main()

A test is a function or a coroutine. What it asks for by name it is given: `start`, which starts a
centre of its own (harness.py) that is stopped and removed afterwards. A test fails by raising,
skips by raising Skip with the reason. Each runs in a process of its own, so that what one computes holds up
no other. What failed beside others is run once more by itself, and what holds
then is told as "held alone", with what it said at first: a machine that stood still is no fault of the
router, and a fault that shows now and then is not hidden. `--once` leaves that out. The last line printed
is "N passed, N failed, N skipped".
"""

import argparse
import asyncio
import importlib
import inspect
import multiprocessing
import multiprocessing.connection
import os
import pathlib
import signal
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
SECOND_RUNS = 8  # more failures than these are no bad luck
JOBS = min(16, 3 * (os.cpu_count() or 1))  # they wait for servers most of the time
GRACE_S = 120  # for a coroutine that is beyond its limit to end what it started
WORDS = ("ok", "FAIL", "skip")  # how a test ended; its process ends with the place


class Skip(Exception):
    """The test cannot run here; the text says why."""


class Test:
    def __init__(self, function, subset, alone, limit_s):
        self.function = function
        self.subset = subset  # also run in the sanitizer and cluster lanes
        self.alone = alone  # nothing beside it: it looks at times or at the whole machine
        self.limit_s = limit_s
        self.sentence = function.__name__.replace("_", " ")
        self.file = pathlib.Path(inspect.getfile(function)).name


TESTS = []


def test(function=None, *, subset=False, alone=False, limit_s=90):
    """Marks a test; see Test for what the marks mean."""

    def mark(found):
        TESTS.append(Test(found, subset, alone, limit_s))
        return found

    return mark(function) if function else mark


def check(truth, *what):
    """An assertion that survives -O and prints what it saw."""
    if not truth:
        raise AssertionError(" ".join(str(w) for w in what) or "does not hold")


def equal(seen, wanted, *what):
    if seen != wanted:
        raise AssertionError(f"{' '.join(str(w) for w in what)}: {seen!r}, not {wanted!r}".lstrip(": "))


async def eventually(true, limit_s=10.0, what="it", every_s=0.02):
    """Waits until true() holds, at most limit_s; true may be a coroutine function."""
    end = time.monotonic() + limit_s
    while True:
        seen = true()
        if inspect.isawaitable(seen):
            seen = await seen
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come true within {limit_s:g} s")
        await asyncio.sleep(every_s)


async def _run(found):
    """Runs one test and prints how it ended: "ok", "skip" or "FAIL"."""
    began = time.monotonic()
    word, text = "ok", ""
    cleaners = []
    try:
        wants = inspect.signature(found.function).parameters
        given = {}
        if "start" in wants:
            import harness  # only the flow tests have a daemon to start

            given["start"] = harness.starter(cleaners)
        result = found.function(**given)
        if inspect.isawaitable(result):
            await asyncio.wait_for(result, found.limit_s)
    except Skip as why:
        word, text = "skip", f": {why}"
    except asyncio.TimeoutError:
        word, text = "FAIL", f": not done within {found.limit_s} s\n{traceback.format_exc()}"
    except AssertionError as error:
        at = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
        word, text = "FAIL", f": {error}\n    " + " < ".join(f"{pathlib.Path(f.filename).name}:{f.lineno}" for f in reversed(at))
    except asyncio.CancelledError:
        word, text = "FAIL", ": told to end"
    except Exception as error:  # a test may fail in any way
        word, text = "FAIL", f": {error}\n{traceback.format_exc()}"
    for clean in reversed(cleaners):
        try:
            await clean(word == "FAIL")
        except Exception as error:  # what the daemon left behind is a failure of the test, too
            word = "FAIL"
            text += f"\n    afterwards: {error}"
    print(f"{word:<4} {found.sentence} ({time.monotonic() - began:.1f} s){text}", flush=True)
    return word


def _live(found):
    """What the process of a test does. TERM ends the test, and what it started with it."""

    async def until_ended():
        task = asyncio.ensure_future(_run(found))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await task

    signal.signal(signal.SIGINT, lambda *_: None)  # the runner's to hear; it sends TERM
    sys.exit(WORDS.index(asyncio.run(until_ended())))


class _Running:
    """A test in its process."""

    def __init__(self, found):
        self.found, self.process = found, multiprocessing.get_context("fork").Process(target=_live, args=(found,))
        limited = inspect.iscoroutinefunction(found.function)
        self.killed_at = time.monotonic() + found.limit_s + GRACE_S if limited else float("inf")
        sys.stdout.flush()
        self.process.start()

    def ended(self):
        """How, or None while it runs."""
        if self.process.is_alive():
            if time.monotonic() < self.killed_at:
                return None
            self.process.kill()
        self.process.join()
        if 0 <= self.process.exitcode < len(WORDS):
            return WORDS[self.process.exitcode]
        print(f"FAIL {self.found.sentence}: its process ended with {self.process.exitcode}", flush=True)
        return "FAIL"


def _run_all(tests, jobs, ended):
    """Runs them, `jobs` at a time; fills `ended`."""
    waiting, running = list(tests), []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_Running(waiting.pop(0)))
            multiprocessing.connection.wait([r.process.sentinel for r in running], 1)
            for one in list(running):
                if word := one.ended():
                    ended[one.found] = word
                    running.remove(one)
    finally:
        for one in running:
            one.process.terminate()
        for one in running:
            one.process.join(GRACE_S)


def run(tests, jobs=1, once=False):
    """Runs tests, `jobs` at a time, and what failed again by itself; returns {"ok": n, "FAIL": n, "skip": n}."""
    ended = {}
    # Those that may take long first, so that the last of them does not run by itself.
    _run_all(sorted((t for t in tests if not t.alone), key=lambda t: -t.limit_s), jobs, ended)
    _run_all([t for t in tests if t.alone], 1, ended)
    failed = [t for t in tests if ended[t] == "FAIL"]
    if not once and len(failed) <= SECOND_RUNS:
        _run_all(failed, 1, ended)
    for found in failed:
        print(f"{'FAILED' if ended[found] == 'FAIL' else 'held alone'}: {found.file}: {found.sentence}", flush=True)
    return {word: list(ended.values()).count(word) for word in WORDS}


def _told_to_end(*_):
    raise SystemExit(130)


def main(argv=None):
    """Runs the tests of this file, or with files named, of those; ends the process."""
    parser = argparse.ArgumentParser(description="flow tests")
    parser.add_argument("words", nargs="*", help="only tests whose file or sentence has one of these words")
    parser.add_argument("--subset", action="store_true", help="only the tests marked for other lanes")
    parser.add_argument("--only", metavar="FILE", help="only tests of files whose name begins so")
    parser.add_argument("--without", metavar="FILE", action="append", default=[], help="none of such files")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("USHER_FLOW_JOBS", JOBS)))
    parser.add_argument("--once", action="store_true", help="no second run of what failed")
    parser.add_argument("--list", action="store_true", help="print the sentences and end")
    options = parser.parse_args(argv)
    found = [
        t
        for t in TESTS
        if (not options.subset or t.subset)
        and t.file.startswith(options.only or "")
        and not t.file.startswith(tuple(options.without))
        and (not options.words or any(w in t.file or w in t.sentence for w in options.words))
    ]
    if options.list:
        for t in found:
            print(f"{t.file}: {t.sentence}")
        raise SystemExit(0)
    signal.signal(signal.SIGTERM, _told_to_end)
    counts = run(found, max(1, options.jobs), options.once)
    print(f"{counts['ok']} passed, {counts['FAIL']} failed, {counts['skip']} skipped", flush=True)
    raise SystemExit(1 if counts["FAIL"] or not found else 0)


def load(folder=HERE):
    """Imports every test_*.py of a folder."""
    sys.path.insert(0, str(folder))
    for file in sorted(pathlib.Path(folder).glob("test_*.py")):
        importlib.import_module(file.stem)


if __name__ == "__main__":
    # The tests import this module by its name, so their marks must land there and not in __main__.
    sys.path.insert(0, str(HERE))
    import runner

    runner.load()
    runner.main()
