"""Plays a day whose customers ring a simulated switch: real calls into usherd by the Manager Interface.

The switch runs in this process (switch_world.py and beside); usherd connects to it as to any other, by
the settings that call_settings() makes. Robots log in and are ready; their telephones answer, the
callers hang up when their business is done, the robots wrap up. At the end every caller is accounted
for once, by usher's records and by the switch's own journal, and both must say the same.
"""

import asyncio
import pathlib
import sqlite3
import sys
import time

import play_model
import switch_compare
import switch_control
import switch_people
import switch_trace
from free_port import free_port
from play_floor import Play, agent_id, wrapup_of
from switch_ami import Ami
from switch_dialplan import BUILTIN, Plan
from switch_world import World

TOP = pathlib.Path(__file__).resolve().parents[1]
DIALPLAN = TOP / "conf" / "asterisk" / "extensions.conf"
SWITCH = "play"
FIRST_PHONE, FIRST_NUMBER = 3001, 8101
ANSWER_S = 2.0  # of play, until a robot's telephone is picked up
SETTLE_S = 60  # real seconds in which the records must be complete at the end
FILTERED = ("Newexten", "VarSet", "RTCPSent", "RTCPReceived")


def numbers_of(day):
    """{service: number dialled}"""
    return {s: str(FIRST_NUMBER + n) for n, s in enumerate(sorted({r["service"] for r in day.rows}))}


def phones_of(day):
    return {agent_id(s): str(FIRST_PHONE + n) for n, s in enumerate(day.shifts)}


def add_call_settings(more, day, secret, address=None):
    """What the day's settings need beside queues and agents: the switch, telephones, numbers."""
    phones = phones_of(day)
    for agent in more["agents"]:
        agent["device"] = f"PJSIP/{phones[agent['id']]}"
    address = address or f"127.0.0.1:{free_port()}"
    more["switches"] = {SWITCH: {"plugin": "asterisk", "address": [address], "username": "usher", "secret": secret}}
    more["rules"] = [
        {"name": f"play {service}", "when": f'dnis == "{number}"', "set": {"queue": f"bank-{service}"}}
        for service, number in numbers_of(day).items()
    ] + [
        {"name": f"play {points} points", "when": f'play.points == "{points}"', "set": {"points": points}}
        for points in sorted({r["points"] for r in day.rows} - {0})
    ]  # fmt: skip
    return more


def make_switch(day, speed, settings, seed=1, dialplan=DIALPLAN):
    """(world, server, control) of the switch that the settings name; it does not listen yet."""
    text = dialplan.read_text(encoding="utf-8") if dialplan.is_file() else BUILTIN
    if "${USHER_EXTRA}" not in text:  # the day's menu knows more of its callers than the shipped one
        text = text.replace("Reason: ${USHER_REASON}", "Reason: ${USHER_REASON}${USHER_EXTRA}")
    world = World(plan=Plan(text), speed=speed, seed=seed)
    ami = Ami(world, user=settings["username"], secret=settings["secret"], filtered=FILTERED)
    for number in phones_of(day).values():
        switch_people.Phone(world, number, mode="answer", answer_s=ANSWER_S)
    return world, ami, switch_control.Control(world, ami)


class CallPlay(Play):
    def __init__(self, day, options, settings):
        super().__init__(day, options)
        self.switch_settings = settings["switches"][SWITCH]
        self.world, self.ami, self.control = make_switch(day, options.speed, self.switch_settings, options.seed)
        self.differences = []
        self.hung_up = {}  # by contact: set when its conversation is over

    def heard(self, desk, there, event, params):
        contact = params.get("contact", {}).get("id")
        if event == "contact.connected":
            self.hung_up[contact] = asyncio.Event()
        super().heard(desk, there, event, params)
        if event.startswith("contact.") and event != "contact.connected" and contact in self.hung_up:
            if desk.contacts.get(contact, {}).get("state") != "connected":
                self.hung_up[contact].set()

    async def callers(self):
        """Lets the day's callers come; ends when the last one is gone."""
        host, _, port = self.switch_settings["address"][0].rpartition(":")
        await self.ami.listen(host, int(port))
        for _ in range(600):
            if any(s.booted for s in self.ami.sessions):
                break
            await asyncio.sleep(0.1)
        else:
            raise OSError("usherd did not connect to the switch; is its section in the settings?")
        await switch_trace.play(
            self.control, self.day, numbers_of(self.day), self.began, lambda row: row["handle_s"] - wrapup_of(row),
            lambda row: {"row": row, "play.points": self.day.rows[row]["points"]},
        )  # fmt: skip

    async def handle(self, desk, contact):
        """The caller decides how long it takes; after it the robot writes up."""
        number = self.rows.get(contact)
        if contact in self.hung_up:
            await self.hung_up[contact].wait()
        while contact in desk.contacts and desk.contacts[contact].get("state") == "connected":
            await asyncio.sleep(0.02)  # after a reset
        if number is not None:
            await asyncio.sleep(wrapup_of(self.day.rows[number]) / self.speed)
        while contact in desk.contacts:
            await self.try_(lambda: desk.complete(contact))
            await asyncio.sleep(0.1)

    def take(self, desk, offer):
        """The telephone accepts."""
        row = offer["contact"].get("attributes", {}).get("row")
        if row is not None:
            self.rows[offer["contact"]["id"]] = int(row)

    def counts(self):
        told = self.world.journal.summary()
        return {"came": told["callers"], "completed": told["ended"], "left": told["abandoned"],
                "answered": sum(a.answered is not None for a in self.world.journal.accounts.values())}  # fmt: skip

    async def live(self):
        """Waits until usher has written down what the switch already knows."""
        end = time.monotonic() + SETTLE_S
        while True:
            live = await super().live()
            self.differences = self.compare()
            if (live == 0 and not self.differences) or time.monotonic() > end:
                await self.ami.close()
                return live
            await asyncio.sleep(0.25)

    def compare(self):
        try:
            recorded = switch_compare.records(self.state)
        except sqlite3.Error as error:
            return [f"history.db cannot be read: {error}"]
        return switch_compare.compare(self.world.journal.all(), recorded)

    def figures(self, live):
        accounts = self.world.journal.all()
        waits = [(a["answered"] - a["waited"]) * self.speed for a in accounts if a["answered"]]
        counts = self.world.journal.summary()
        level, mean_s, left = play_model.figures(waits, counts["abandoned"])
        theirs = play_model.trace_figures(self.day)
        beside = [f" (trace: {x:.1f})" for x in theirs] if theirs else ["", "", ""]
        rows = len(self.day.rows)
        for line in self.differences[:20]:
            print(f"difference: {line}", file=sys.stderr)
        print(
            f"figures: rows={rows} completed={counts['ended']} abandoned={counts['abandoned']} "
            f"other={rows - counts['ended'] - counts['abandoned']} live={live} "
            f"service_level_20s={level:.1f}%{beside[0]} mean_wait={mean_s:.1f}s{beside[1]} "
            f"abandonment={left:.1f}%{beside[2]} missed_offers={self.missed} differences={len(self.differences)} "
            f'speed={self.speed:g} day="{self.day.name}"',
            flush=True,
        )
        for problem in self.world.plan.problems[:5]:
            print(f"the switch: {problem}", file=sys.stderr)
        return rows == counts["ended"] + counts["abandoned"] and live == 0 and not self.differences
