"""tools/desktop and tools/robots: the terminal desktop of an agent, and robots for load."""

import asyncio

import harness
from runner import check, equal, main, test


class Terminal:
    """A program of tools/ with its input and output."""

    def __init__(self, centre, name, *arguments):
        self.command = [str(harness.TOP / "tools" / name), *arguments]
        self.centre, self.text = centre, ""

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, "--state", str(self.centre.state_dir), "--desk", self.centre.ready["desk"],
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_):
        if self.process.returncode is None:
            self.process.terminate()
            await asyncio.wait_for(self.process.wait(), 15)

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")

    async def shows(self, text, limit_s=60):
        """Reads on until a line has the text; returns the line."""
        while True:
            try:
                line = (await asyncio.wait_for(self.process.stdout.readline(), limit_s)).decode()
            except asyncio.TimeoutError:
                line = ""
            if not line:
                raise AssertionError(f"it does not show {text!r}; it said:\n{self.text}")
            self.text += line
            if text in line:
                return line


@test
async def an_agent_can_work_in_a_terminal(start):
    centre = await start(channels={"task": {"wrapup": "60s"}})
    centre.judged = False  # this desktop writes no journal
    token = await centre.token("agent", agent="a1")
    async with Terminal(centre, "desktop", "--token", token) as desk:
        await desk.shows("logged in as a1: not_ready")
        desk.type("accept")
        await desk.shows("there is no offer")
        desk.type("ready")
        await desk.shows("you are ready")
        contact = await centre.submit("task", title="Where is my order?")
        check("Where is my order?" in await desk.shows("OFFER"))
        desk.type("accept")
        await desk.shows("contact connected")
        desk.type("why")
        desk.type("show")
        await desk.shows("title: Where is my order?")
        desk.type("wrapup")
        await desk.shows("contact wrapup")
        desk.type("done solved 12.5")
        await desk.shows("contact completed")
        equal(await centre.state(contact), "completed")
        second = await centre.submit("task")
        await desk.shows("OFFER")
        desk.type("reject not mine")
        await desk.shows("offer rejected")
        equal(await centre.state(second), "queued")
        desk.type("quit")
        equal(await asyncio.wait_for(desk.process.wait(), 10), 0)


@test
async def a_wrong_token_is_said_plainly(start):
    centre = await start()
    async with Terminal(centre, "desktop", "--token", "ut_wrong") as desk:
        check("Traceback" not in await desk.shows("desktop: "))
        equal(await asyncio.wait_for(desk.process.wait(), 10), 1)


@test
async def robots_serve_what_is_offered(start):
    centre = await start()
    centre.judged = False
    times = ("--answer", "0.01", "--talk", "0.05", "--wrapup", "0.02", "--reject", "0.1", "--seed", "1")
    async with Terminal(centre, "robots", "--agents", "a1,a2,a3", *times) as robots:
        await robots.shows("3 robots are ready")
        contacts = [await centre.submit("task") for _ in range(20)]
        for contact in contacts:
            await centre.becomes(contact, "completed", timeout_s=40)
        robots.process.terminate()
        await robots.shows("contact.completed 20")
        equal(await asyncio.wait_for(robots.process.wait(), 10), 0)


if __name__ == "__main__":
    main()
