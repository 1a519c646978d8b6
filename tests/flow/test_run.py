"""tools/run: one command starts a centre, says where it is, and leaves nothing behind."""

import asyncio
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import harness
from harness import TOP, alive, children, settings_with
from runner import Skip, check, equal, main, test


class Run:
    def __init__(self, *more):
        if not (TOP / "conf" / "demo.yaml").is_file() or harness.BUILD != TOP / "build":
            raise Skip("only for the build in build/")
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="usher-run-"))
        self.dir.chmod(0o755)  # the daemon's own account must pass
        self.state, self.more = self.dir / "state", more
        self.state.mkdir()
        self.settle({"http": "127.0.0.1:0", "desk": "127.0.0.1:0"})

    def settle(self, changes):
        (self.state / "usher.yaml").write_text(json.dumps(settings_with(changes)))

    async def start(self):
        self.process = await asyncio.create_subprocess_exec(
            str(TOP / "tools" / "run"), "--no-install", "--state", str(self.state), *self.more,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, limit=1 << 20,
        )  # fmt: skip
        return self.process

    async def line(self, limit_s=120):
        return (await asyncio.wait_for(self.process.stdout.readline(), limit_s)).decode()

    def family(self):
        """The processes under it, and theirs."""
        found, fresh = set(), {self.process.pid}
        while fresh:
            fresh = {pid for parent in fresh for pid in children(parent)} - found
            found |= fresh
        return found

    async def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        await asyncio.wait_for(self.process.wait(), 30)

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


@test(limit_s=300)
async def run_says_where_it_is_and_ends_with_term():
    run = Run()
    try:
        await run.start()
        ready = json.loads(await run.line())
        equal(ready["ready"], True)
        check(all(ready[name] for name in ("http", "desk", "ctl", "redis")), ready)
        text = ""
        while "Ctrl-C" not in text:
            text += await run.line(20)
        check("#code=" in text, "no link for the first login:", text)
        family = run.family()
        check(family, "nothing is running")
        second = Run()
        second.state = run.state
        await second.start()
        _, err = await asyncio.wait_for(second.process.communicate(), 120)
        equal(second.process.returncode, 1, "a second start")
        check("running" in err.decode(), err.decode())
        second.remove()
        await run.end()
        equal(run.process.returncode, 0)
        left = [pid for pid in family if alive(pid)]
        equal(left, [], "processes left behind")
        equal(sorted(p.name for p in run.dir.iterdir()), ["state"], "files left behind")
    finally:
        with contextlib.suppress(Exception):
            await run.end()
        run.remove()


@test(limit_s=300)
async def run_ends_with_ctrl_c_and_starts_again_with_what_it_had():
    run = Run()
    try:
        for _ in range(2):
            await run.start()
            json.loads(await run.line())
            family = run.family()
            # A terminal sends Ctrl-C to the whole foreground group.
            for pid in [run.process.pid, *family]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGINT)
            await asyncio.wait_for(run.process.wait(), 30)
            equal([pid for pid in family if alive(pid)], [], "processes left behind")
    finally:
        with contextlib.suppress(Exception):
            await run.end()
        run.remove()


@test(limit_s=300)
async def two_runs_at_once_do_not_meet_at_the_ports_of_the_settings():
    """Both look, both find the ports free or taken, and each has one of its own in the end."""
    runs = [Run() for _ in range(2)]
    try:
        for run in runs:
            run.settle({})
            await run.start()
        ready = [json.loads(await run.line()) for run in runs]
        for name in ("http", "desk"):
            check(ready[0][name] != ready[1][name], ready)
        for run in runs:
            await run.end()
            equal(run.process.returncode, 0)
    finally:
        for run in runs:
            with contextlib.suppress(Exception):
                await run.end()
            run.remove()


async def play_over_a_killed_redis(*more):
    """A whole demo; its Redis is killed in the midst. Returns the last line's figures."""
    run = Run("--demo", *more)
    try:
        await run.start()
        ready = json.loads(await run.line())
        await asyncio.sleep(12)
        for pid, name in children(ready["pid"]).items():
            check(name.startswith("redis"), name)
            os.kill(pid, signal.SIGKILL)
        out, err = await asyncio.wait_for(run.process.communicate(), 400)
        lines = out.decode().strip().splitlines()
        check(lines and lines[-1].startswith("figures: "), lines[-3:], err.decode()[-2000:])
        figures = dict(word.split("=", 1) for word in lines[-1].split() if "=" in word)
        rows, done, left = (int(figures[n]) for n in ("rows", "completed", "abandoned"))
        check(rows > 1000, rows)
        equal((done + left, figures["live"], figures["other"]), (rows, "0", "0"), lines[-1], err.decode()[-3000:])
        equal(run.process.returncode, 0, lines[-1], err.decode()[-3000:])
        return figures
    finally:
        with contextlib.suppress(Exception):
            await run.end()
        run.remove()


@test(limit_s=600)
async def a_demo_plays_a_generated_day_over_a_killed_redis_and_nothing_is_left_live():
    await play_over_a_killed_redis("--speed", "450", "--generated", "--api")


@test(limit_s=600)
async def a_demo_rings_a_switch_for_a_day_and_usher_records_what_the_switch_saw():
    figures = await play_over_a_killed_redis("--speed", "450", "--generated")
    equal(figures["differences"], "0")


@test
def every_tool_tells_its_use():
    for name in ("run", "test", "bench", "play", "desktop", "robots", "switch"):
        done = subprocess.run([TOP / "tools" / name, "--help"], capture_output=True, text=True, check=False)
        equal(done.returncode, 0, name)
        check(f"tools/{name}" in done.stdout or f"usage: {name}" in done.stdout, name, done.stdout)


if __name__ == "__main__":
    main()
