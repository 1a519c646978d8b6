"""What usher recorded of calls, held against what the switch knows of them.

The records are those of history.db in the state directory; the accounts are the switch's journal.
Each call must be in both, once, with the same end.
"""

import pathlib
import sqlite3

# How a call ended at the switch: the states of a contact that say the same. Whoever talked and whose
# agent was then taken away by a failure may be recorded either way; never as abandoned.
SAME = {"ended": {"completed"}, "abandoned": {"abandoned"}, "lost": {"lost"}, "failed": {"unreachable", "cancelled"}}
# Both are the switch's own times; a record has milliseconds, and a sum of them for each leg.
SLACK_S = 0.004


def records(state_dir, source=None):
    """{external id: [record]} of all finished contacts that came by a switch."""
    path = pathlib.Path(state_dir) / "history.db"
    found = {}
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10) as database:
        database.row_factory = sqlite3.Row
        rows = database.execute(
            "SELECT c.*, p.external_id, p.dnis FROM contact c JOIN contact_person p ON p.contact = c.id "
            "WHERE p.external_id IS NOT NULL"
        )
        for row in rows:
            if source is None or row["source"] == source:
                found.setdefault(row["external_id"], []).append(dict(row))
    return found


def _times(row, account):
    """What a record has otherwise than the switch's journal."""
    held_s = account["hold_s"]
    pairs = []
    if row["state"] == "completed":
        pairs += [("talked", row["talk_ms"], account["talk_s"] - held_s), ("was held", row["hold_ms"], held_s)]
    if account["waited"] and not account["placed"] and row["state"] in ("completed", "abandoned"):
        pairs.append(("waited", row["wait_ms"], (account["answered"] or account["left"]) - account["waited"]))
    if row["ring_ms"] is not None:
        pairs.append(("heard it ring", row["ring_ms"], sum(a["ring_s"] or 0 for a in account["attempts"])))
    return [
        f"{what} {ms / 1000:.3f} s by the record, {seconds:.3f} s by the switch"
        for what, ms, seconds in pairs
        if abs(ms / 1000 - seconds) > SLACK_S
    ]


def compare(accounts, recorded, *, allowed=None, times=True):
    """Sentences about every call that is not the same in both.

    allowed   {outcome at the switch: states} beside those of SAME, for what a fault may make of it
    times     whether waits, ringing, talk and holds are compared, too
    """
    wrong, known = [], set()
    for account in accounts:
        call = account["call"]
        known.add(call)
        rows = recorded.get(call, [])
        if not account["waits"] and not rows:
            continue  # he never reached the waiting line
        if len(rows) != 1:
            wrong.append(f"{call}: {len(rows)} records of a caller who {account['outcome'] or 'is still there'}")
            continue
        [row] = rows
        fine = SAME.get(account["outcome"], set()) | (allowed or {}).get(account["outcome"], set())
        if row["state"] not in fine:
            wrong.append(f"{call}: recorded as {row['state']} ({row['reason']}), but he {account['outcome'] or 'is still there'}")
        elif times:
            wrong += [f"{call}: {said}" for said in _times(row, account)]
    wrong += [f"{call}: a record of a call that the switch never had" for call in recorded if call not in known]
    return wrong
