#!/usr/bin/env python3
"""The post of a browser test: an SMTP sink for what leaves, and LMTP for what comes in, from the flow tests' helpers.

Started by post.mjs, one JSON object a line. First it says {"port": N, "library": {file: text}}; then takes
{"id", "lmtp", "to", "from", "fields", "text", "file"?: {"name", "text"}} and answers {"id", "said": {recipient: [code, text]}}; each mail that the
sink took is told as {"mail": {"from", "to", "subject", "text", "headers"}}. It ends with its input.
"""

import asyncio
import email
import email.policy
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "flow"))

import mailbox  # noqa: E402
from maildesk import LIBRARY, parse  # noqa: E402
from smtp_sink import Sink  # noqa: E402


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def tell(sink):
    told = 0
    while True:
        for taken in sink.taken[told:]:
            message = parse(taken)
            headers = {name.lower(): str(value) for name, value in message.items()}
            say({"mail": {"from": taken["from"], "to": taken["to"], "subject": str(message["subject"]),
                          "text": message.get_content(), "headers": headers}})  # fmt: skip
            told += 1
        await asyncio.sleep(0.05)


async def run():
    sink = await Sink.start(["ok"])
    say({"port": sink.port, "library": LIBRARY})
    telling = asyncio.create_task(tell(sink))
    while line := await asyncio.to_thread(sys.stdin.readline):
        wish = json.loads(line)
        content = mailbox.mail(wish["text"], **wish["fields"])
        if "file" in wish:
            message = email.message_from_bytes(content, policy=email.policy.SMTP)
            message.add_attachment(wish["file"]["text"].encode(), maintype="text", subtype="html", filename=wish["file"]["name"])
            content = message.as_bytes()
        said = await asyncio.to_thread(mailbox._deliver, wish["lmtp"], content, wish["to"], wish["from"])
        say({"id": wish["id"], "said": said})
    telling.cancel()
    await sink.stop()


asyncio.run(run())
