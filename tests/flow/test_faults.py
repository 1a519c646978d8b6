"""kill -9 at random moments under load, judged from the journals of robots."""

import os
import random

import faults
import harness
from runner import Skip, check, equal, main, test

KILLS = int(os.environ.get("USHER_FAULTS", "10"))
SEED = int(os.environ.get("USHER_SEED", "0")) or random.randrange(1, 1 << 30)
FAULTY = harness.BUILD / "tests" / "flow"  # its usherd offers before its commit


async def hold(start, what, kills):
    centre = await start(judged=False, **faults.settings())
    verdict = await faults.run(centre, kills, what, SEED)
    print(f"     {what}: seed={SEED} {verdict.line()}", flush=True)
    equal(verdict.broken[:8], [], f"{len(verdict.broken)} broken (seed {SEED})")
    check(verdict.counts["completed"] > 20, "too little was played to say anything")
    equal(verdict.counts["lost"], 0)
    return centre


@test(limit_s=400)
async def nothing_is_lost_when_usherd_is_killed(start):
    await hold(start, "router", KILLS)


@test(limit_s=300)
async def nothing_is_lost_when_redis_is_killed(start):
    centre = await hold(start, "store", KILLS)
    equal(sum(r["ev"] == "gone" for r in centre.journal), 0, "agents keep their sockets")


@test(limit_s=200)
async def nothing_leaves_while_the_store_stands_still(start):
    await hold(start, "freeze", 4)


@test(limit_s=200)
async def the_checker_catches_a_build_that_offers_before_its_commit(start):
    if not (FAULTY / "usherd").is_file():
        raise Skip(f"{FAULTY}/usherd is not built")
    centre = await start(judged=False, build=FAULTY, **faults.settings())
    # So few that agents are idle when the store stops: each who comes then is offered too early, and nobody
    # has had his offer within the slack that the checker leaves for what was on its way.
    verdict = await faults.run(centre, 4, "freeze", SEED, per_s=8)
    print(f"     planted: seed={SEED} {verdict.line()}", flush=True)
    check(any(name == "commit" for name, _ in verdict.broken), "the planted fault went unseen")


if __name__ == "__main__":
    main()
