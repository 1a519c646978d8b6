"""An agent robot: a Desktop that writes a journal, validates frames and can be waited upon."""

import asyncio
import os
import pathlib
import sys
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tools"))

import frames  # noqa: E402
from usher_client import Desktop, Gone, Refused  # noqa: E402

SLOW = float(os.environ.get("USHER_FLOW_SLOW", "1"))  # as harness.py has it
ENDS = {"contact.completed", "contact.cancelled", "contact.abandoned", "contact.expired", "contact.lost"}
RETURNS = {"contact.transferred", "contact.queued"}
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def epoch_of(offer):
    """The owner's epoch at the head of an id."""
    number = 0
    for letter in offer[1:]:
        number = number * 32 + ALPHABET.index(letter)
    return number >> 36  # 24 bits before 36 of a counter


class Robot(Desktop):
    """costs: points by channel. Everything heard is kept in `heard` until expect() takes it."""

    def __init__(self, name, address, token, journal, costs, validate=True, **more):
        super().__init__(address, token, **more)
        self.name, self.journal, self.costs = name, journal, costs
        self.heard, self._more = [], asyncio.Event()
        self.on_event, self.on_online, self.on_offline = self._heard, self._online, self._offline
        self.on_frame = frames.validate if validate else None
        self._shown, self._held, self.act = {}, set(), None  # offers shown, with their contacts; contacts held

    # ---- the journal

    def note(self, ev, **fields):
        self.journal.append({"t": time.monotonic(), "ev": ev, "agent": self.name, **fields})

    def _offline(self):
        self.note("gone", session=self.session)

    def _online(self):
        """After a login or resume; a snapshot, if there was one, is compared in _snapshot_seen."""

    def _heard(self, name, params):
        if name in ("session.ready", "session.reset"):
            self._snapshot_seen(params)
        elif name == "agent.state_changed":
            self.note("state", state=params["agent"]["state"])
        elif name.startswith("offer."):
            self._offer(name, params)
        elif name.startswith("contact."):
            self._contact(name, params)
        self.heard.append((name, params))
        self._more.set()
        if self.act:
            self.act(name, params)

    def _snapshot_seen(self, params):
        agent = params.get("agent", {})
        self.note("online", session=params["session"], capacity=agent.get("capacity", 100))
        if "state" in agent:
            self.note("state", state=agent["state"])
        for offer in set(self._shown) - set(self.offers):
            self.note("offer_end", offer=offer, contact=self._shown[offer], how="absent")
        for contact in self._held - set(self.contacts):
            self.note("absent", contact=contact)
        for offer in params.get("offers", []):
            self._note_offer(offer, offer["offer"] in self._shown, snapshot=True)
        self._shown = {o: p["contact"]["id"] for o, p in self.offers.items()}
        self._held = set(self.contacts)

    def _note_offer(self, offer, again, snapshot=False):
        contact = offer["contact"]
        self.note(
            "offer", offer=offer["offer"], contact=contact["id"], cost=self.costs.get(contact.get("channel"), 100),
            epoch=epoch_of(offer["offer"]), again=again, snapshot=snapshot,
        )  # fmt: skip

    def _offer(self, name, params):
        offer, contact = params["offer"], params["contact"]["id"]
        if name == "offer.created":
            self._note_offer(params, offer in self._shown)
            self._shown[offer] = contact
            return
        self._shown.pop(offer, None)
        self.note("offer_end", offer=offer, contact=contact, how=name.removeprefix("offer."))

    def _contact(self, name, params):
        contact = params["contact"]["id"]
        if name == "contact.connected":
            self._held.add(contact)
            self.note("connected", contact=contact, offer=params.get("offer"))
        elif name in ENDS:
            self._held.discard(contact)
            state = params["contact"].get("state", name.removeprefix("contact."))
            self.note("ended", contact=contact, state=state, session=self.session)
        elif name in RETURNS:
            self._held.discard(contact)
            self.note("returned", contact=contact, how=name.removeprefix("contact."))
        elif name in ("contact.parked", "contact.resumed"):
            # The event says what has changed; the channel is known since the offer.
            cost = self.costs.get(self.contacts[contact].get("channel"), 100)
            self.note(name.removeprefix("contact."), contact=contact, cost=cost)

    async def accept(self, offer):
        self.note("accept", offer=offer)
        try:
            answer = await super().accept(offer)
        except Refused as refused:
            self.note("accept_denied", offer=offer, type=refused.type)
            raise
        except Gone:
            self.note("accept_unknown", offer=offer)
            raise
        self.note("accept_ok", offer=offer)
        return answer

    # ---- waiting

    async def expect(self, name, where=None, timeout_s=8.0):
        """Takes the first event of that name not taken yet; waits for it if need be."""
        end = time.monotonic() + timeout_s * SLOW
        while True:
            for i, (seen, params) in enumerate(self.heard):
                if seen == name and (where is None or where(params)):
                    del self.heard[i]
                    return params
            self._more.clear()
            try:
                await asyncio.wait_for(self._more.wait(), max(0.001, end - time.monotonic()))
            except asyncio.TimeoutError:
                others = ", ".join(n for n, _ in self.heard[-12:])
                failure = f"; {self.wire.failure}" if self.wire and self.wire.failure else ""
                raise AssertionError(f"{self.name}: no {name} within {timeout_s:g} s (heard: {others}){failure}") from None

    async def quiet(self, name, for_s):
        """Nothing of that name comes for so long."""
        await asyncio.sleep(for_s)
        found = [p for n, p in self.heard if n == name]
        if found:
            raise AssertionError(f"{self.name}: {name} came, and should not: {found[0]}")

    async def offered(self, contact=None, timeout_s=8.0):
        """The next offer (of that contact)."""
        return await self.expect("offer.created", contact and (lambda p: p["contact"]["id"] == contact), timeout_s)

    async def take(self, contact=None, timeout_s=8.0):
        """Accepts the next offer (of that contact) and waits for the connection; returns the contact's id."""
        offer = await self.offered(contact, timeout_s)
        await self.accept(offer["offer"])
        connected = await self.expect("contact.connected", lambda p: p["contact"]["id"] == offer["contact"]["id"])
        return connected["contact"]["id"]

    async def finish(self, contact, **outcome):
        await self.complete(contact, **outcome)
        return await self.expect("contact.completed", lambda p: p["contact"]["id"] == contact)


async def refused(awaitable, kind=None):
    """The Refused that an action must end with."""
    try:
        result = await awaitable
    except Refused as error:
        if kind and error.type != kind:
            raise AssertionError(f"refused as {error.type} ({error}), not as {kind}") from None
        if not str(error):
            raise AssertionError("refused without a sentence") from None
        return error
    raise AssertionError(f"not refused: {result}")
