"""What the tests of chats share: customers whose every frame is held against schemas/."""

import asyncio

import frames
import harness
from chat_client import Visitor
from usher_client import Refused


def validate(way, frame, method):
    """As frames.validate, for the customers' protocol."""
    if frames.jsonschema is None or way != "<":
        return
    if "method" in frame:
        frames.hold(frame["params"], "chat_events.schema.json", "$defs", frame["method"])
    elif "error" in frame:
        frames.hold(frame, "frames.schema.json", "$defs", "failure")
    else:
        frames.hold(frame, "frames.schema.json", "$defs", "reply")
        if method:
            frames.hold(frame["result"], "chat_methods.schema.json", "$defs", method, "properties", "result")


class Chats:
    """The customers of one test; closed with the centre, which then tells what was wrong."""

    def __init__(self, centre):
        self.centre, self.visitors = centre, []

    async def visitor(self, start=True, reconnect=True, **about):
        visitor = Visitor(self.centre.ready["http"], ca=self.centre.ca(), on_frame=validate, reconnect=reconnect)
        self.visitors.append(visitor)
        await visitor.connect()
        if start:
            await self.start(visitor, **about)
        return visitor

    async def start(self, visitor, **about):
        """chat.start, with what the invariants want to know of it."""
        self.centre.note("submit", key=visitor.client_id)
        while True:
            try:
                answer = await visitor.start(**about)
                break
            except Refused as error:  # as it says: in a moment, with the same id
                if error.type != "store_away":
                    raise
                await asyncio.sleep(0.1)
        self.centre.note("accepted", key=visitor.client_id, contact=answer["contact"], duplicate=False)
        return answer

    async def write(self, visitor, **about):
        """chat.write: a message instead of a chat."""
        self.centre.note("submit", key=visitor.client_id)
        answer = await visitor.call("chat.write", client_id=visitor.client_id, **about)
        self.centre.note("accepted", key=visitor.client_id, contact=answer["contact"], duplicate=False)
        return answer["contact"]

    async def close(self):
        for visitor in self.visitors:
            await visitor.stop()
            if visitor.doubled:
                raise AssertionError(f"shown twice as different messages: {visitor.doubled}")


async def begin(start, **changes):
    """A centre on ports that it keeps over restarts, and its customers."""
    changes.setdefault("http", f"127.0.0.1:{harness.free_port()}")
    changes.setdefault("desk", f"127.0.0.1:{harness.free_port()}")
    centre = await start(**changes)
    chats = Chats(centre)
    centre.wires.append(chats)  # closed with the rest
    return centre, chats
