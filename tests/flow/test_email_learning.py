"""Verdicts that teach, models with versions, the library edited by supervisors, usherctl's report."""

import asyncio

import harness
from mailbox import mail
from maildesk import answer, mail_in, order_mail, post
from robot import refused
from runner import check, equal, eventually, main, test

PARCEL = "The parcel with my shoes never came to our flat.\n"
MORE = {"orders/parcel-lost.md": "---\ntitle: Lost in the post\nlanguages: [en]\n---\nWe send another one.\n"}


def parcel(n):
    return mail(PARCEL, From=f"Bo {n} <bo{n}@cust.example>", Subject="Shoes")


async def p_of(centre, robot, response, n):
    """Delivers the parcel's mail, looks at the proposals, and ends the contact without a word about them."""
    await mail_in(centre, parcel(n), sender=f"bo{n}@cust.example")
    contact = await robot.take()
    seen = await robot.wire.call("email.get", contact=contact)
    await robot.wire.call("email.resolve", contact=contact)
    return {p["id"]: p["p"] for p in seen["mail"].get("suggest", {}).get("proposals", [])}.get(response, 0)


async def usherctl(centre, *words):
    process = await asyncio.create_subprocess_exec(
        str(harness.BUILD / "usherctl"), "--state", str(centre.state_dir), *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, error = await asyncio.wait_for(process.communicate(), 30 * harness.SLOW)
    return process.returncode, out.decode(), error.decode()


@test(limit_s=180)
async def verdicts_move_the_proposals_and_survive_a_kill_a_rebuild_and_a_roll_back(start):
    here = await post(start, library=MORE)
    centre = here.centre
    ann = await centre.agent("a1")
    before = await p_of(centre, ann, "parcel-lost", 0)
    for n in range(1, 9):
        await mail_in(centre, parcel(n), sender=f"bo{n}@cust.example")
        contact = await ann.take()
        chosen = await ann.wire.call("suggestion.choose", contact=contact, response="parcel-lost")
        equal(chosen["title"], "Lost in the post")
        await ann.wire.call("email.reply", contact=contact, resolve=True)
        await mail_in(centre, order_mail(n), sender=f"ann{n}@cust.example")
        await answer(ann, await ann.take(), resolve=True)
    await eventually(lambda: counted(centre, 16), what="the verdicts")
    after = await p_of(centre, ann, "parcel-lost", 20)
    check(after > max(before + 0.1, 0.5), before, after)
    await centre.kill("redis")
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    await ann.ready()
    await eventually(lambda: counted(centre, 16), what="the verdicts of before")
    again = await p_of(centre, ann, "parcel-lost", 21)
    check(abs(again - after) < 0.15, after, again)
    code, out, error = await usherctl(centre, "suggest", "rebuild", "--language", "en")
    equal((code, "version 1, built from 16 verdicts" in out), (0, True), out + error)
    rebuilt = await p_of(centre, ann, "parcel-lost", 22)
    check(rebuilt > 0.5, rebuilt)
    code, out, error = await usherctl(centre, "suggest", "rollback", "--language", "en")
    check(code != 0 and "no version before" in error, out, error)
    built = await centre.admin("suggest.rebuild", language="en")
    equal(built["version"], 2)
    code, out, error = await usherctl(centre, "suggest", "rollback", "--language", "en")
    equal((code, "version 1 is in use" in out), (0, True), out + error)
    report = await centre.admin("suggest.report")
    equal([(x["language"], x["version"]) for x in report["languages"]], [("en", 1)])
    await centre.restart()
    ann = await centre.agent("a1", ready=False)
    await ann.ready()
    kept = await p_of(centre, ann, "parcel-lost", 23)
    check(kept > 0.5, kept)


async def counted(centre, n):
    return (await centre.admin("suggest.report"))["verdicts"] == n


@test(limit_s=120)
async def verdicts_are_logged_with_what_was_shown_and_reported(start):
    here = await post(start, library=MORE)
    centre = here.centre
    ann = await centre.agent("a1")
    supervisor = await centre.supervisor()

    async def next_mail(n):
        await mail_in(centre, order_mail(n), sender=f"ann{n}@cust.example")
        return await ann.take()

    first = await next_mail(1)
    await answer(ann, first, resolve=True)  # as proposed: right
    second = await next_mail(2)
    await answer(ann, second, text="Something else altogether, in words of my own.", resolve=True)  # hardly kept: wrong
    third = await next_mail(3)
    await ann.wire.call("suggestion.reject", contact=third, response="order-late")  # wrong
    await ann.wire.call("email.reply", contact=third, text="No.", resolve=True)
    fourth = await next_mail(4)
    await ann.wire.call("suggestion.none", contact=fourth)  # wrong
    await ann.wire.call("email.reply", contact=fourth, text="None.", resolve=True)
    fifth = await next_mail(5)
    await ann.wire.call("email.reply", contact=fifth, text="My own words.", resolve=True)  # says nothing
    await eventually(lambda: counted(centre, 5), what="the verdicts")
    report = await supervisor.call("suggest.report")
    equal({k: report[k] for k in ("verdicts", "proposed", "judged", "right")}, {"verdicts": 5, "proposed": 5, "judged": 4, "right": 1})
    equal(sum(row["n"] for row in report["calibration"]["table"]), 4)
    of = {r["response"]: r for r in report["responses"]}
    equal((of["order-late"]["verdicts"], of["order-late"]["right"]), (4, 1))
    equal((of["order-late"]["gate"]["on"], of["order-late"]["gate"]["open"], of["order-late"]["gate"]["needed"]), (True, False, 189))
    equal(of["card-lost"]["gate"]["on"], False)
    # A supervisor looks again: what was called right was not.
    await supervisor.call("suggestion.judge", contact=first, right=False)
    # The first that was looked at was wrong: no more automatic answers by that response, whatever else is proven.
    equal((await gate(centre))["switched_off"], "its automatic answers were wrong too often")
    code, out, error = await usherctl(centre, "suggest", "switch", "order-late", "on")
    equal(code, 0, error)
    report = await supervisor.call("suggest.report", response="order-late")
    equal(report["responses"][0]["right"], 0)
    await refused(supervisor.call("suggestion.judge", contact="c000000000009", right=True), "no_verdict")
    await supervisor.call("suggest.switch", response="order-late", on=False)
    code, out, error = await usherctl(centre, "suggest", "report")
    equal(code, 0, error)
    for word in ("5 verdicts", "order-late", "switched off", "ECE", "needs 189"):
        check(word in out, word, out)
    await centre.restart()
    await eventually(lambda: is_off(centre), what="switched off after a restart")
    code, out, error = await usherctl(centre, "suggest", "switch", "order-late", "on")
    equal(code, 0, error)
    check((await gate(centre))["on"])


async def gate(centre):
    return (await centre.admin("suggest.report", response="order-late"))["responses"][0]["gate"]


async def is_off(centre):
    return "switched_off" in await gate(centre)


@test(limit_s=120)
async def the_models_of_all_mailboxes_are_rebuilt_and_no_reload_puts_it_off(start):
    here = await post(start, launch=False)
    centre, settings = here.centre, here.centre.settings["mail"]
    settings["mailboxes"]["sales"] = {**settings["mailboxes"]["support"], "addresses": ["sales@desk.example"]}
    centre.write_settings(mail=settings)
    await centre.launch()
    ann = await centre.agent("a1")
    for n in range(4):
        await mail_in(centre, order_mail(n), sender=f"ann{n}@cust.example", to=("help@desk.example" if n % 2 else "sales@desk.example",))
        await answer(ann, await ann.take(), resolve=True)

    async def reports():
        return [await centre.admin("suggest.report", mailbox=box) for box in ("support", "sales")]

    async def judged():
        return [report["verdicts"] for report in await reports()] == [2, 2]

    await eventually(judged, what="the verdicts")
    settings["out"]["rebuild"] = "2s"
    centre.write_settings(mail=settings)

    async def built():
        await centre.admin("config.reload")
        return sum(any(language["version"] for language in report["languages"]) for report in await reports())

    await eventually(built, limit_s=30, what="the first model")
    # What a run begins it ends, though the next is far away then.
    settings["out"]["rebuild"] = "1d"
    centre.write_settings(mail=settings)

    async def both():
        return await built() == 2

    await eventually(both, limit_s=30, what="the second model")


@test(limit_s=120)
async def supervisors_edit_the_library_with_versions(start):
    here = await post(start)
    centre = here.centre
    ann = await centre.agent("a1")
    supervisor = await centre.supervisor()
    listed = await ann.wire.call("response.list")
    equal([r["id"] for r in listed["responses"]], ["card-lost", "order-late", "received", "received-closed"])
    found = await ann.wire.call("response.search", text="stolen card", language="en")
    equal(found["responses"][0]["id"], "card-lost")
    equal([r["id"] for r in (await ann.wire.call("response.list", category="orders"))["responses"]], ["order-late"])
    response = await ann.wire.call("response.get", response="order-late")
    equal((response["version"], response["category"], response["gate"]["aim"]), (0, "orders", 0.98))
    await refused(ann.wire.call("response.put", response="order-late", source="x"))
    new = "---\ntitle: Late order\ncategory: orders\nlanguages: [en]\nkeywords: [late, order]\n---\nNew words.\n"
    await refused(supervisor.call("response.put", response="order-late", source="---\ntitel: x\n---\nx"), "bad_response")
    equal((await supervisor.call("response.put", response="order-late", source=new, version=0, comment="shorter"))["version"], 1)
    await refused(supervisor.call("response.put", response="order-late", source=new, version=0), "stale_version")
    await mail_in(centre)
    contact = await ann.take()
    taken = await ann.wire.call("suggestion.take", contact=contact, response="order-late")
    equal(taken["text"], "New words.\n")
    newer = new.replace("New words", "Newer words")
    equal((await supervisor.call("response.put", response="order-late", source=newer, version=1))["version"], 2)
    response = await supervisor.call("response.get", response="order-late")
    equal([(v["version"], v["comment"]) for v in response["versions"]], [(1, "shorter"), (2, "")])
    check("New words." in response["versions"][0]["source"], response["versions"])
    # One that is new, and kept over a kill.
    await supervisor.call("response.put", response="box-price", source="---\ntitle: Price of a box\n---\nTwo pounds.\n")
    await centre.kill("redis")
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    response = await eventually(lambda: has_version(ann, 2), what="the edits")
    equal(response["text"], "Newer words.\n")
    ids = [r["id"] for r in (await ann.wire.call("response.list"))["responses"]]
    equal(ids, ["box-price", "card-lost", "order-late", "received", "received-closed"])
    await centre.admin("config.reload")
    equal((await ann.wire.call("response.get", response="order-late"))["text"], "Newer words.\n")


async def has_version(robot, n):
    response = await robot.wire.call("response.get", response="order-late")
    return response if response["version"] == n else None


if __name__ == "__main__":
    main()
