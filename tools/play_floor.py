"""Plays a day with customers who come by POST /v1/contacts and leave by DELETE, and robot agents."""

import asyncio
import contextlib
import pathlib
import re
import sys
import time

import play_model
from usher_client import Connection, Desktop, Gone, Refused
from usher_http import Http, HttpBroken

QUEUE, TEAM = "bank", "bank"
WRAPUP_SHARE, WRAPUP_MOST_S = 0.1, 20.0  # of the handling that is wrap-up
TERMINAL = {"completed", "answered", "abandoned", "expired", "cancelled", "unreachable", "lost", "erased"}


def agent_id(shift):
    return f"{TEAM}-{shift['agent']}"


def wrapup_of(row):
    """Seconds of a row's handling that are wrap-up."""
    return min(WRAPUP_SHARE * row["handle_s"], WRAPUP_MOST_S)


def settings(day, beside):
    """What the day needs beside the settings in the file `beside`: its queue, its agents."""
    said = beside.read_text(encoding="utf-8") if beside else ""
    services = sorted({s for shift in day.shifts for s in shift["services"]} | {r["service"] for r in day.rows})
    queue = {"channels": ["voice"], "teams": [TEAM], "wrapup": {"voice": "30s"}}
    more = {
        "queues": {f"{QUEUE}-{s}": {**queue, "require": {s: 1}} for s in services},
        "agents": [
            {"id": agent_id(s), "name": f"Robot {s['agent']}", "team": TEAM, "skills": {x: 5 for x in s["services"]}}
            for s in day.shifts
        ],
    }
    # Where the other file lists all skills or teams, ours must be among them, once.
    listed = re.search(r"\bskills\"?:\s*\[([^]]*)\]", said)
    if listed:
        known = {name.strip(" \"'\n") for name in listed[1].split(",")}
        more["skills"] = [s for s in services if s not in known]
    if re.search(r"\bteams\"?:\s*(\{|$)", said, re.MULTILINE):
        more["teams"] = {TEAM: {}}
    return more


class Play:
    def __init__(self, day, options):
        self.clock = play_model.Clock(day)
        self.day, self.speed, self.state = day, options.speed, pathlib.Path(options.state)
        self.desk_address, self.http_url = options.desk, options.http
        found = sorted(self.state.glob("**/*cert*.pem")) + sorted(self.state.glob("**/*.crt"))
        self.ca = str(found[0]) if found else None
        self.insecure = self.ca is None  # loopback without a readable certificate
        self.rows = {}  # of contacts, by contact id
        self.connected_at, self.submitted_at = {}, {}  # by number of the row
        self.missed = self.refused = self.retried = 0
        self.states = {}  # final, by number of the row
        self.tasks = set()

    def spawn(self, coroutine):
        task = asyncio.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def until(self, at_s):
        """Sleeps until a moment of the day."""
        await asyncio.sleep(max(0.0, self.began + self.clock.played(at_s) / self.speed - time.monotonic()))

    def time_of_day(self):
        at_s = int(self.clock.at((time.monotonic() - self.began) * self.speed))
        return f"{at_s // 3600:02d}:{at_s // 60 % 60:02d}"

    # ---- the whole

    async def run(self):
        self.admin = await Connection.open(f"unix:{self.state}/usherd.sock")
        self.http = Http(self.http_url, ca=self.ca, insecure=self.insecure)
        self.http.key = (await self.admin.call("key.create", name="play", rate=0))["key"]
        self.began = time.monotonic() + 1.0
        robots = [self.spawn(self.robot(shift)) for shift in self.day.shifts]
        told = self.spawn(self.progress())
        await self.callers()
        for robot in robots:
            await robot
        told.cancel()
        live = await self.live()
        await self.http.close()
        return live

    async def callers(self):
        """Lets the day's customers come; ends when the last one is at his end."""
        customers = []
        for number, row in enumerate(self.day.rows):
            await self.until(row["at_s"])
            customers.append(self.spawn(self.customer(number, row)))
        await asyncio.gather(*customers)

    async def live(self):
        """How many contacts are not at their end, as the daemon counts them."""
        await self.reconnect_admin()
        return (await self.admin.call("server.status"))["counts"]["live"]

    async def reconnect_admin(self):
        if self.admin.closed.done():
            self.admin = await Connection.open(f"unix:{self.state}/usherd.sock")

    async def progress(self):
        while True:
            await asyncio.sleep(10)
            told = self.counts()
            print(
                f"{self.time_of_day()}  came {told['came']}  answered {told['answered']}  "
                f"completed {told['completed']}  left {told['left']}",
                file=sys.stderr, flush=True,
            )  # fmt: skip

    def counts(self):
        ended = list(self.states.values())
        return {"came": len(self.submitted_at), "answered": len(self.connected_at), "completed": ended.count("completed"),
                "left": ended.count("abandoned")}  # fmt: skip

    # ---- customers

    async def customer(self, number, row):
        """One row of the day, from coming in to its end."""
        contact = await self.submit(number, row)
        if contact is None:
            return
        patience_s = row["patience_s"] / self.speed
        while time.monotonic() < self.submitted_at[number] + patience_s:
            await asyncio.sleep(min(1.0, max(0.001, self.submitted_at[number] + patience_s - time.monotonic())))
            if number in self.connected_at:
                break
        if number not in self.connected_at:
            await self.ask("DELETE", f"/v1/contacts/{contact}")
        self.states[number] = await self.end_of(contact)

    async def submit(self, number, row):
        body = {
            "channel": "voice", "queue": f"{QUEUE}-{row['service']}", "source": "play",
            "external_id": f"{self.began:.3f}-{number}", "attributes": {"row": number},
        }  # fmt: skip
        customer = {"points": row["points"]}
        if row["customer"]:
            customer["id"] = row["customer"]
        body["customer"] = customer
        self.submitted_at[number] = time.monotonic()
        status, answer = await self.ask("POST", "/v1/contacts", body)
        if status not in (200, 201):
            self.refused += 1
            print(f"row {number} was refused: {status} {answer}", file=sys.stderr)
            return None
        return answer["id"]

    async def ask(self, method, path, body=None):
        """Asks until there is a definite answer: a lost one and "try later" are asked again."""
        while True:
            try:
                status, answer = await self.http.call(method, path, body)
                kind = (answer.get("error") or {}).get("type") if isinstance(answer, dict) else None
                if kind not in ("store_away", "busy", "rate_limited"):
                    return status, answer
            except HttpBroken:
                pass
            self.retried += 1
            await asyncio.sleep(0.25)

    async def end_of(self, contact):
        wait_s = 0.05
        while True:
            status, answer = await self.ask("GET", f"/v1/contacts/{contact}")
            if status == 404:
                return "missing"
            if answer["state"] in TERMINAL:
                return answer["state"]
            await asyncio.sleep(wait_s)
            wait_s = min(1.0, wait_s * 1.5)

    # ---- agents

    async def robot(self, shift):
        name = agent_id(shift)
        await self.until(shift["blocks"][0][0])
        await self.reconnect_admin()
        token = (await self.admin.call("token.create", role="agent", agent=name))["tokens"][0]["token"]
        desk = Desktop(self.desk_address, token, ca=self.ca, insecure=self.insecure)
        there = {"now": False}
        desk.on_event = lambda event, params: self.heard(desk, there, event, params)
        desk.on_online = lambda: self.back(desk)
        await desk.start()
        for begin_s, end_s in shift["blocks"]:
            await self.until(begin_s)
            there["now"] = True
            await self.try_(lambda: desk.ready())
            await self.until(end_s)
            there["now"] = False
            await self.try_(lambda: desk.not_ready(after_current=True))
        while desk.contacts or desk.offers:
            await asyncio.sleep(0.05)
        await desk.stop(logout=True)

    async def try_(self, call):
        """An agent's request, made again while the connection or the store is away."""
        for _ in range(240):
            try:
                return await call()
            except Refused as refused:
                if refused.type not in ("store_away", "busy", "rate_limited"):
                    return None  # late or already so: what is true comes as an event
            except (Gone, OSError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(0.25)
        return None

    def heard(self, desk, there, event, params):
        if event == "offer.created":
            self.take(desk, params)
        elif event == "contact.connected":
            self.spawn(self.handle(desk, params["contact"]["id"]))
        elif event == "offer.timeout":
            self.missed += 1
        elif event in ("session.ready", "session.reset"):
            for offer in params.get("offers", []):
                self.take(desk, offer)
            for contact in params.get("contacts", []):
                self.spawn(self.handle(desk, contact["id"]))
        if desk.agent.get("state") in ("not_responding", "not_ready") and there["now"]:
            if event in ("agent.state_changed", "session.ready", "session.reset"):
                self.spawn(self.try_(lambda: desk.ready()))

    def back(self, desk):
        """After a resume: answers that were lost on the way are given again."""
        if desk.resumed:
            for offer in list(desk.offers.values()):
                self.take(desk, offer)

    def take(self, desk, offer):
        number = offer["contact"].get("attributes", {}).get("row")
        if number is not None:
            self.rows[offer["contact"]["id"]] = int(number)
        self.spawn(self.try_(lambda: desk.accept(offer["offer"])))

    async def handle(self, desk, contact):
        number = self.rows.get(contact)
        if number is None:
            return
        first = number not in self.connected_at
        if first:
            self.connected_at[number] = time.monotonic()
        handle_s = self.day.rows[number]["handle_s"]
        wrapup_s = wrapup_of(self.day.rows[number])
        await asyncio.sleep((handle_s - wrapup_s) / self.speed)
        if contact in desk.contacts:
            await self.try_(lambda: desk.call("contact.wrapup", contact=contact))
        await asyncio.sleep(wrapup_s / self.speed)
        while contact in desk.contacts:
            await self.try_(lambda: desk.complete(contact))
            await asyncio.sleep(0.1)

    # ---- figures

    def figures(self, live):
        waits = [
            (self.connected_at[n] - self.submitted_at[n]) * self.speed
            for n, state in self.states.items()
            if state == "completed" and n in self.connected_at
        ]
        ended = list(self.states.values())
        completed, abandoned = ended.count("completed"), ended.count("abandoned")
        level, mean_s, left = play_model.figures(waits, abandoned)
        theirs = play_model.trace_figures(self.day)
        beside = [f" (trace: {x:.1f})" for x in theirs] if theirs else ["", "", ""]
        rows = len(self.day.rows)
        print(
            f"figures: rows={rows} completed={completed} abandoned={abandoned} "
            f"other={rows - completed - abandoned} live={live} "
            f"service_level_20s={level:.1f}%{beside[0]} mean_wait={mean_s:.1f}s{beside[1]} "
            f"abandonment={left:.1f}%{beside[2]} missed_offers={self.missed} retried={self.retried} "
            f'speed={self.speed:g} day="{self.day.name}"',
            flush=True,
        )
        return rows == completed + abandoned and live == 0
