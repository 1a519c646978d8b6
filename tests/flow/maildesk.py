"""A mail desk for flow tests: settings with a library and a relay, agents who answer."""

import asyncio
import email
import email.policy

from mailbox import MAIL, deliver, mail
from smtp_sink import Sink

LIBRARY = {
    "orders/order-late.md": """---
title: Late order
keywords: [late, where is my order, order]
languages: [en]
placeholders: [customer.name, case.id]
automatic: true
aim: 98
---
Dear {{customer.name|customer}},

your order is on its way and arrives within two days.
Your case is {{case.id}}.
""",
    "cards/card-lost.md": """---
title: Lost card
keywords: [lost card, stolen card, card]
languages: [en]
never_automatic: true
---
Dear customer,

we have locked your card.
""",
    "received.md": """---
title: We have your mail
languages: [en]
placeholders: [case.token]
---
Thank you, we have your mail. {{case.token}}
""",
    "received-closed.md": """---
title: We are closed
languages: [en]
---
Thank you. We read your mail tomorrow.
""",
}


class Post:
    """A centre with mail: what leaves is caught by a sink."""

    def __init__(self, centre, sink):
        self.centre, self.sink = centre, sink

    async def mails(self, n, limit_s=15.0, where=lambda m: True):
        """Waits until n mails that match were taken by the relay; returns them parsed."""
        end = asyncio.get_running_loop().time() + limit_s
        while True:
            found = [parse(m) for m in self.sink.taken]
            found = [m for m in found if where(m)]
            if len(found) >= n:
                return found
            if asyncio.get_running_loop().time() > end:
                raise AssertionError(f"{len(found)} of {n} mails left: {[str(m['subject']) for m in found]}")
            await asyncio.sleep(0.03)


def parse(taken):
    message = email.message_from_bytes(taken["data"], policy=email.policy.default)
    message.envelope = (taken["from"], taken["to"])
    return message


async def post(start, script=("ok",), out=None, library=None, host="desk.example", launch=True, **more):
    """A centre whose mailbox `support` has a library, and a relay that is the sink."""
    sink = await Sink.start(script)
    centre = await start(launch=False, **more)
    folder = centre.dir / "responses"
    for name, text in {**LIBRARY, **(library or {})}.items():
        if text is None:
            continue
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for path in (folder, *folder.glob("**/*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    settings = {**MAIL, "host": host, "mailboxes": {
        "support": {"addresses": [f"help@{host}"], "display": "Support", "library": str(folder), "language": "en"},
    }}  # fmt: skip
    settings["out"] = {
        "relay": {"address": f"127.0.0.1:{sink.port}", "timeout": "3s"}, "undo": "0s", "quote": False,
        "rebuild": "0s", **(out or {}),
    }  # fmt: skip
    centre.write_settings(mail=settings)
    if launch:
        await centre.launch()
    here = Post(centre, sink)
    here.folder = folder
    return here


def order_mail(n=1, **more):
    fields = {"From": f"Ann {n} <ann{n}@cust.example>", "Subject": "Where is my order?", **more}
    text = fields.pop("text", "Hello, my order is late. Where is my order?\n")
    return mail(text, **fields)


async def mail_in(centre, content=None, sender="ann1@cust.example", to=("help@desk.example",)):
    """Delivers by LMTP; every recipient must be taken."""
    said = await deliver(centre, content or order_mail(), to=to, sender=sender)
    for recipient, (code, text) in said.items():
        if code != 250:
            raise AssertionError(f"{recipient}: {code} {text}")


async def answer(robot, contact, text=None, response="order-late", **more):
    """Takes a proposal, maybe changes it, sends it."""
    taken = await robot.wire.call("suggestion.take", contact=contact, response=response)
    sent = await robot.wire.call("email.reply", contact=contact, text=text or taken["text"], **more)
    return taken, sent["mail"]
