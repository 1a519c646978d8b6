"""Runs usherctl for tests."""

import asyncio
import os

from harness import BUILD
from runner import Skip, equal


async def run(*words, text=None, status=0, state=None, **environment):
    """Runs usherctl and holds it to its exit status; returns (standard output, standard error)."""
    if not (BUILD / "usherctl").is_file():
        raise Skip(f"{BUILD.name}/usherctl is not built")
    where = ["--state", str(state)] if state else []
    child = await asyncio.create_subprocess_exec(
        str(BUILD / "usherctl"), *where, *map(str, words), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env={**os.environ, **environment},
    )  # fmt: skip
    out, err = await asyncio.wait_for(child.communicate((text or "").encode()), 60)
    equal(child.returncode, status, f"usherctl {' '.join(map(str, words))}: {err.decode()}")
    return out.decode(), err.decode()
