"""Faults at random moments under calls of a simulated switch: each caller is accounted for once, truly."""

import os
import random

import voice_faults
from runner import check, equal, main, test

FAULTS = max(1, int(os.environ.get("USHER_FAULTS", "10")) // 3)
SEED = int(os.environ.get("USHER_SEED", "0")) or random.randrange(1, 1 << 30)


async def hold(start, what, speaks="ami"):
    broken, counts = await voice_faults.run(start, FAULTS, what, SEED, speaks)
    print(f"     {what} {speaks}: seed={SEED} {voice_faults.line(counts)}", flush=True)
    equal(broken[:8], [], f"{len(broken)} broken (seed {SEED})")
    check(counts["ended"] > 10, "too little was played to say anything")


@test(limit_s=300)
async def a_cut_link_costs_no_caller(start):
    await hold(start, "cut")


@test(limit_s=300)
async def a_switch_that_cannot_be_reached_for_a_while_costs_no_caller(start):
    await hold(start, "away")


@test(limit_s=300)
async def calls_of_a_switch_that_died_are_lost_and_its_agents_free(start):
    await hold(start, "restart")


@test(limit_s=300)
async def callers_wait_on_while_usherd_is_killed(start):
    await hold(start, "router")


@test(limit_s=300)
async def callers_wait_on_while_redis_is_killed(start):
    await hold(start, "store")


@test(limit_s=300)
async def the_same_over_the_line_protocol(start):
    await hold(start, "all", "line")


if __name__ == "__main__":
    main()
