#!/usr/bin/env python3
"""The telephones of a browser test: the simulated switch of the flow tests, told what to do.

One JSON object a line. First it says {"address": HOST:PORT, "secret": text}; then takes {"id", "do", "args"} (a command
of tools/switch_control.py without its do_) and answers {"id", "done": what it said}. It ends with its input.
"""

import asyncio
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "flow"))

from switch_support import Switch  # noqa: E402


def say(what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


async def run():
    async with Switch(secret="a-secret-of-the-switch") as switch:
        say({"address": switch.address, "secret": switch.secret})
        while line := await asyncio.to_thread(sys.stdin.readline):
            wish = json.loads(line)
            say({"id": wish["id"], "done": getattr(switch.control, f"do_{wish['do']}")(**wish["args"])})


asyncio.run(run())
