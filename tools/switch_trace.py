"""Callers of a day: when each comes, how long he waits, how long he talks, what he dialled."""

import asyncio
import time

import play_model

BUSY_DAY = 18


def the_day(options):
    if options.trace and not options.generated:
        return play_model.from_trace(options.trace, options.day, options.seed)
    return play_model.generated(options.seed)


def numbers(text):
    """{service: number dialled}, and the number of all others under ""."""
    found = {}
    for part in text.split(","):
        service, _, number = part.rpartition("=")
        found[service.strip()] = number.strip()
    return found


def customer_number(customer):
    """A telephone number for an opaque customer, always the same one."""
    digits = "".join(c for c in customer if c.isdigit())
    return f"+44207{int(digits):07d}" if digits else ""


async def run(control, options, done):
    """Plays the whole day; sets done when the last caller is gone."""
    day = the_day(options)
    await play(control, day, numbers(options.dialled), time.monotonic() + 0.5)
    done.set()


async def play(control, day, dialled, began, talk_of=None, attributes_of=None):
    """Lets the callers come; returns when the last one is gone.

    began            monotonic moment of the day's first second of play
    talk_of(row)     seconds of his business; the whole handling if it is not given
    attributes_of(n) what the IVR knows of the caller of row n
    """
    talk_of = talk_of or (lambda row: row["handle_s"])
    attributes_of = attributes_of or (lambda n: {"row": n})
    world, clock = control.world, play_model.Clock(day)
    for number, row in enumerate(day.rows):
        await asyncio.sleep(max(0.0, began + clock.played(row["at_s"]) / world.speed - time.monotonic()))
        while not world.up:  # while it is away nobody gets through; he dials again
            await asyncio.sleep(0.05)
        control.do_arrive(
            number=customer_number(row["customer"]), dialled=dialled.get(row["service"], dialled.get("", "8004")),
            patience_s=row["patience_s"], talk_s=talk_of(row), row=number, attributes=attributes_of(number),
        )  # fmt: skip
    while any(a.over is None for a in world.journal.accounts.values()):
        await asyncio.sleep(0.05)
