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
skips by raising Skip with the reason. What failed beside others is run once more by itself, and what holds
then is told as "held alone", with what it said at first: a machine that stood still is no fault of the
router, and a fault that shows now and then is not hidden. `--once` leaves that out. The last line printed
is "N passed, N failed, N skipped".
"""

import argparse
import asyncio
import importlib
import inspect
import os
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
SECOND_RUNS = 8  # more failures than these are no bad luck


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


async def run(tests, jobs=1, once=False):
    """Runs tests, `jobs` at a time, and what failed again by itself; returns {"ok": n, "FAIL": n, "skip": n}."""
    ended = {}
    gate = asyncio.Semaphore(jobs)

    async def one(found):
        async with gate:
            ended[found] = await _run(found)

    # Those that may take long first, so that the last of them does not run by itself.
    side_by_side = sorted((t for t in tests if not t.alone), key=lambda t: -t.limit_s)
    await asyncio.gather(*(one(t) for t in side_by_side))
    for found in tests:
        if found.alone:
            ended[found] = await _run(found)
    failed = [t for t in tests if ended[t] == "FAIL"]
    if not once and len(failed) <= SECOND_RUNS:
        for found in failed:
            ended[found] = await _run(found)
    for found in failed:
        print(f"{'FAILED' if ended[found] == 'FAIL' else 'held alone'}: {found.file}: {found.sentence}", flush=True)
    return {word: list(ended.values()).count(word) for word in ("ok", "FAIL", "skip")}


def main(argv=None):
    """Runs the tests of this file, or with files named, of those; ends the process."""
    parser = argparse.ArgumentParser(description="flow tests")
    parser.add_argument("words", nargs="*", help="only tests whose file or sentence has one of these words")
    parser.add_argument("--subset", action="store_true", help="only the tests marked for other lanes")
    parser.add_argument("--only", metavar="FILE", help="only tests of files whose name begins so")
    parser.add_argument("--without", metavar="FILE", action="append", default=[], help="none of such files")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("USHER_FLOW_JOBS", "4")))
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
    counts = asyncio.run(run(found, max(1, options.jobs), options.once))
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
