"""The wall clock of the machine is set while the daemon runs: nothing may notice (RELIABILITY F11)."""

import mmap
import struct
import time

import harness
from runner import Skip, check, equal, main, test

PRELOAD = harness.BUILD / "tests" / "flow" / "libclockshift.so"


class Shift:
    """The wall clock of a centre's daemon (and of its Redis), moved by set()."""

    def __init__(self, centre):
        if not PRELOAD.is_file():
            raise Skip(f"{PRELOAD.name} is not built")
        if "asan" in harness.BUILD.name:
            raise Skip("a preloaded clock and the sanitizer do not go together")
        self.path = centre.dir / "clock"
        self.path.write_bytes(struct.pack("<q", 0))
        file = open(self.path, "r+b")
        self.page = mmap.mmap(file.fileno(), 8)
        file.close()

    def environment(self):
        return {"LD_PRELOAD": str(PRELOAD), "CLOCKSHIFT_FILE": str(self.path)}

    def set(self, seconds):
        self.page[:] = struct.pack("<q", int(seconds * 1000))


async def shifted_centre(start, **changes):
    shifts = []

    def environment(centre):
        if not shifts:
            shifts.append(Shift(centre))
        return shifts[0].environment()

    return await start(environment=environment, **changes), shifts[0]


@test(limit_s=120)
async def setting_the_clock_by_an_hour_ends_no_offer_early_or_late(start):
    centre, clock = await shifted_centre(start, channels={"task": {"offer_timeout": "3s"}})
    ann = await centre.agent("a1")
    for hours in (1, -1):
        contact = await centre.submit("task")
        await ann.offered(contact)
        began = time.monotonic()
        clock.set(hours * 3600)
        await ann.expect("offer.timeout")
        took_s = time.monotonic() - began
        check(2.5 <= took_s <= 3 + harness.LATE_S, f"clock moved by {hours} h: the offer of 3 s stood for {took_s:.2f} s")
        await ann.ready()
        await ann.take(contact)
        await ann.finish(contact)


@test(limit_s=120)
async def setting_the_clock_by_a_day_ends_no_offer_early_or_late(start):
    """Tokens live by the wall clock, so that the desktop may be gone; the offer stands its time."""
    centre, clock = await shifted_centre(start, channels={"task": {"offer_timeout": "3s"}})
    for hours in (-24, 24):
        ann = await centre.agent("a1", reconnect=False)
        contact = await centre.submit("task")
        await ann.offered(contact)
        began = time.monotonic()
        clock.set(hours * 3600)
        await centre.becomes(contact, "queued")
        took_s = time.monotonic() - began
        check(2.5 <= took_s <= 3 + harness.LATE_S, f"clock moved by {hours} h: the offer of 3 s stood for {took_s:.2f} s")
        await ann.stop()
        again = await centre.agent("a1")
        await again.take(contact)
        await again.finish(contact)
        await again.stop()
        clock.set(0)


@test(limit_s=120)
async def setting_the_clock_changes_neither_order_nor_age(start):
    centre, clock = await shifted_centre(start)
    first = await centre.submit("task")
    gold = await centre.submit("task", tier="gold")
    clock.set(-3600)
    second = await centre.submit("task")
    clock.set(3600)
    third = await centre.submit("task")
    equal(await centre.waiting(), [gold, first, second, third])
    await centre.kill("router")
    await centre.launch()
    equal(await centre.waiting(), [gold, first, second, third], "also after a restart")
    ann = await centre.agent("a1")
    for contact in (gold, first, second, third):
        equal(await ann.take(), contact)
        await ann.finish(contact)


if __name__ == "__main__":
    main()
