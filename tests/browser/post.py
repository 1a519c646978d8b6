#!/usr/bin/env python3
"""The post of a browser test: an SMTP sink for what leaves, and LMTP for what comes in, from the flow tests' helpers.

Started by post.mjs, one JSON object a line. First it says {"port": N, "library": {file: text}}; then takes
{"id", "lmtp", "to", "from", "fields", "text", "person"?: name, "html"?: text, "files"?: [{"name", "text"}]} and answers {"id", "said": {recipient: [code, text]}}; each mail that the
sink took is told as {"mail": {"from", "to", "subject", "text", "headers", "files": {name: size}}}. It ends with its input.
"""

import asyncio
import base64
import email
import email.policy
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "flow"))

import mailbox  # noqa: E402
from maildesk import LIBRARY, parse  # noqa: E402
from smtp_sink import Sink  # noqa: E402


PERSON = "PERSON-OF-THE-MAIL"


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
                          "text": message.get_body(("plain",)).get_content(), "headers": headers,
                          "files": {part.get_filename(): len(part.get_content()) for part in message.iter_attachments()}}})  # fmt: skip
            told += 1
        await asyncio.sleep(0.05)


async def run():
    sink = await Sink.start(["ok"])
    say({"port": sink.port, "library": LIBRARY})
    telling = asyncio.create_task(tell(sink))
    while line := await asyncio.to_thread(sys.stdin.readline):
        wish = json.loads(line)
        if "person" in wish:
            wish["fields"]["From"] = f"{PERSON} <{wish['from']}>"
        content = mailbox.mail(wish["text"], **wish["fields"])
        if "html" in wish or "files" in wish:
            message = email.message_from_bytes(content, policy=email.policy.SMTP)
            if "html" in wish:
                message.add_alternative(wish["html"], subtype="html")
            for file in wish.get("files", ()):
                message.add_attachment(file["text"].encode(), maintype="text", subtype="html", filename=file["name"])
            content = message.as_bytes()
        word = base64.b64encode(wish.get("person", "").encode())  # whatever it holds, it is one encoded word
        content = content.replace(PERSON.encode(), b"=?utf-8?b?" + word + b"?=")
        said = await asyncio.to_thread(mailbox._deliver, wish["lmtp"], content, wish["to"], wish["from"])
        say({"id": wish["id"], "said": said})
    telling.cancel()
    await sink.stop()


asyncio.run(run())
