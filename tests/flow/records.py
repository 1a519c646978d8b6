"""Contact records of a centre under test, read beside its daemon."""

import asyncio
import contextlib
import sqlite3

from runner import eventually


def rows(centre, sql, *values):
    """Rows of the history's database, read beside the daemon."""
    path = centre.state_dir / "history.db"
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as db:
        return db.execute(sql, values).fetchall()


async def recorded(centre, n, state="completed", timeout_s=30):
    """Waits until n contacts have a closed record in that state."""
    async def done():
        return rows(centre, "SELECT count(*) FROM contact WHERE closed = 1 AND state = ?", state)[0][0] == n

    end = asyncio.get_running_loop().time() + timeout_s
    while not await done():
        if asyncio.get_running_loop().time() > end:
            seen = rows(centre, "SELECT state, closed, count(*) FROM contact GROUP BY 1, 2")
            raise AssertionError(f"{n} {state} were waited for: {seen}\n{centre.log_tail()}")
        await asyncio.sleep(0.05)


async def settled(centre):
    """Waits until the records have caught up."""
    async def caught_up():
        return (await centre.admin("history.status"))["lag_ms"] == 0

    await eventually(caught_up, 60, "the records")
