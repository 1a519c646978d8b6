"""The audit: each privileged act has exactly one record, and the chain of hashes holds."""

import json

from ctl import run
from robot import refused
from runner import check, equal, main, test


async def records(centre, *more):
    out, _ = await run("audit", "show", "--json", "--most", "1000", *more, state=centre.state_dir)
    return json.loads(out)


@test
async def each_act_of_a_supervisor_has_one_record(start):
    centre = await start(judged=False)
    await centre.agent("a1", ready=False)
    contacts = [await centre.submit("task", queue="billing") for _ in range(4)]
    s1 = await centre.supervisor("s1")
    s2 = await centre.supervisor("s2")
    done = []

    async def act(method, about, **params):
        await s1.call(method, **params)
        done.append((method, about))

    await act("contact.move", contacts[0], contact=contacts[0], queue="general", reason="for the record")
    await act("contact.prioritise", contacts[1], contact=contacts[1], tier="gold")
    await act("contact.withdraw", contacts[2], contact=contacts[2], reason="double")
    await act("agent.force_state", "a1", agent="a1", state="not_ready", reason="training")
    await act("agent.edit", "a1", agent="a1", skills={"billing": 2})
    await act("queue.close", "billing", queue="billing")
    await act("queue.open", "billing", queue="billing")
    await refused(s2.call("agent.force_state", agent="a1", state="not_ready"))
    await refused(centre.wire(token="not a token"))
    found = await records(centre)
    equal([(r["what"], r["object"]) for r in found if r.get("who") == "s1" and r["outcome"] == "begun"], done)
    denied = [(r["what"], r["object"]) for r in found if r.get("who") == "s2" and r["outcome"] == "refused"]
    equal(denied, [("agent.force_state", "a1")])
    check(any(r["what"] == "session.login" and r["outcome"] != "done" for r in found), "the failed login")
    check(any(r["what"] == "key.create" for r in found), "the API key")
    out, _ = await run("audit", "verify", "--json", state=centre.state_dir)
    verdict = json.loads(out)
    equal((verdict["ok"], verdict["records"]), (True, len(found)))


@test
async def it_goes_on_over_a_kill_and_notices_a_change(start):
    centre = await start(judged=False)
    await centre.supervisor("s1")
    await centre.kill()
    file = centre.state_dir / "audit" / "000001.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole[:-20])  # as if the crash had cut the last line
    await centre.launch()
    await centre.supervisor("s1")
    await run("audit", "verify", state=centre.state_dir)
    head = json.loads((await run("audit", "verify", "--json", state=centre.state_dir))[0])["head"]
    await centre.restart()
    await run("audit", "verify", "--anchor", head, state=centre.state_dir)
    equal(oct(file.stat().st_mode & 0o777), "0o600")
    await centre.stop_daemon()
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b'"s1"', b'"s9"', 1))
    _, err = await run("audit", "verify", state=centre.state_dir, status=1)
    check("000001.jsonl:" in err, err)


@test
async def without_a_record_there_is_no_act(start):
    centre = await start(judged=False)
    contact = await centre.submit("task", queue="billing")
    await centre.kill()
    file = centre.state_dir / "audit" / "000001.jsonl"
    whole = file.read_bytes()
    when = centre.disk_fault("full", "audit")
    await centre.launch()
    s1 = await centre.supervisor("s1")
    when.touch()
    error = await refused(s1.call("contact.withdraw", contact=contact), "storage")
    check("audit" in str(error), error)
    equal(await centre.state(contact), "queued")
    when.unlink()
    await s1.call("contact.withdraw", contact=contact)
    equal(await centre.state(contact), "cancelled")
    check(file.read_bytes().startswith(whole), "nothing was lost of it")


@test
async def card_data_of_a_contact_is_kept_nowhere(start):
    centre = await start(judged=False)
    number = "4012 8888 8888 1881"
    contact = await centre.submit(
        "task", title=f"my card {number}", attributes={"note": f"cvv 739, {number}", "n": 4012888888881881},
        payload={"text": [f"<b>{number}</b>"], "deep": {"er": "4012<i>8888</i>88881881"}},
    )  # fmt: skip
    ann = await centre.agent("a1")
    offer = await ann.offered(contact)
    check("[card number ending 1881]" in json.dumps(offer), offer)
    await centre.stop_daemon()
    for path in centre.state_dir.rglob("*"):
        if path.is_file():
            text = path.read_bytes()
            for secret in (b"4012 8888", b"4012888888881881", b"8888</i>", b"cvv 739"):
                check(secret not in text, f"{secret} is in {path}")


if __name__ == "__main__":
    main()
