"""What was kept for as long as the settings say goes wherever it is kept: scans, mails, answers, files."""

import test_customers_away as away
from maildesk import mail_in, order_mail, post
from mailbox import mail
from records import settled
from runner import check, equal, eventually, main, test
from test_clock import Shift
from test_customers_away import drop, kept_in
from test_email import attach, with_file
from test_export import CHANNELS, QUEUES, letters

HOUR_S = 3600
WHO = {"From": "Zzyzx Planted <zzyzx@planted.example>"}
LOGO = b"%PDF-1.4 what everybody of that firm sends"


def blobs(centre):
    return {path.read_bytes() for path in (centre.state_dir / "blobs").glob("??/*") if len(path.parent.name) == 2}


@test(limit_s=90)
async def what_is_kept_for_long_enough_goes_from_wherever_it_is_kept(start):
    clocks = []

    def environment(centre):
        if not clocks:
            clocks.append(Shift(centre))
        return clocks[0].environment()

    here = await post(start, judged=False, launch=False, environment=environment, channels=CHANNELS, queues=QUEUES,
                      out={"review": {"orders": 1, "other": 1}}, history={"keep": {"email": "2h"}}, customers={"keep": {"letter": "2h"}})  # fmt: skip
    centre = here.centre
    folder = letters(centre)
    centre.write_settings(plugins=[{"name": "task_dir", "folder": str(folder), "every": "100ms", "settle": "100ms"}])
    await centre.launch()
    ann, s1 = await centre.agent("a1"), await centre.supervisor("s1")

    async def letter(name):
        drop(folder, f"{name}.pdf", f"%PDF-1.4 {name}".encode(), {"title": name})
        contact = await ann.take()
        await eventually(lambda: f"{name}.pdf" in kept_in(folder), what=f"the scan of {name}")
        return contact

    async def answered(n, text, file, approve):
        """A mail with two files, answered with a file; the answer waits for approval."""
        await mail_in(centre, with_file(with_file(order_mail(n, text=text, **WHO), LOGO), text.encode()), sender="zzyzx@planted.example")
        contact = await ann.take()
        taken = await ann.wire.call("suggestion.take", contact=contact, response="order-late")
        await attach(ann, contact, f"{n}.txt", file)
        sent = (await ann.wire.call("email.reply", contact=contact, text=taken["text"]))["mail"]
        if approve:
            await s1.call("review.approve", mail=sent["id"])
            await ann.expect("email.delivery", lambda p: p["mail"]["state"] == "sent")
        await ann.wire.call("email.resolve", contact=contact)
        return contact

    await ann.finish(await letter("old"))
    gone = await answered(1, "Where is my order to Zzyzxville?\n", b"Zzyzxville, with love", True)
    held = await answered(2, "And the late order of my brother?\n", b"not sent yet", False)
    await settled(centre)
    check({"c", "mail:thread", "out", "verdict"} <= {k.rpartition("}:")[2].rpartition(":")[0] for k in await away.in_redis(centre)}, "planted")
    await ann.stop()
    await s1.close()
    await centre.stop_daemon()
    clocks[0].set(3 * HOUR_S)
    await centre.launch()
    # What is young stays: the same file in another's mail, another scan.
    ann, s1 = await centre.agent("a1"), await centre.supervisor("s1")
    await ann.finish(await letter("new"))
    await mail_in(centre, with_file(mail("Hello.\n", From="Bo <bo@else.example>", Subject="Hello"), LOGO), sender="bo@else.example")
    young = await ann.take()
    # He has written into the old case again: it goes on without its beginning.
    (sent,) = await here.mails(1)
    reply = {**WHO, "Subject": f"Re: {sent['subject']}"}
    await mail_in(centre, mail("Is it on its way?\n", **reply), sender="zzyzx@planted.example")
    again = await ann.take()
    equal((await ann.wire.call("email.get", contact=again))["case"], gone)
    await settled(centre)
    await centre.admin("config.reload")  # it is looked at once

    async def only_young():
        return kept_in(folder) == {"new.pdf", "new.json"}

    await eventually(only_young, limit_s=20, what="the old scan is gone")

    async def mails_gone():
        found = (await away.in_redis(centre)).items()
        return not [key for key, words in found if "Zzyzxville" in words and again not in key]

    try:
        await eventually(mails_gone, limit_s=20, what="mails out of Redis")
    except AssertionError:
        raise AssertionError(await away.in_redis(centre)) from None
    left = blobs(centre)
    check(LOGO in left, "a file that another's mail names, too")
    check(b"not sent yet" in left, "the file of an answer that has still to leave")
    check(not [data for data in left if b"Zzyzxville" in data], "files of the old mail")
    outbox = {m["contact"]: m["state"] for m in (await centre.admin("email.outbox"))["mails"]}
    equal((outbox.get(held), outbox.get(gone)), ("held", None))
    (waiting,) = (await s1.call("review.list"))["mails"]
    await s1.call("review.approve", mail=waiting["id"])
    last = (await here.mails(2))[-1]
    equal([part.get_payload(decode=True) for part in last.iter_attachments()], [b"not sent yet"])
    await mail_in(centre, mail("Still waiting.\n", **reply), sender="zzyzx@planted.example")
    heard = await ann.expect("email.received")
    equal(heard["contact"]["id"], again)
    seen = (await ann.wire.call("email.thread", contact=again))["mails"]
    equal([m["text"].strip() for m in seen], ["Is it on its way?", "Still waiting."])
    seen = (await ann.wire.call("email.thread", contact=young))["mails"]
    equal(len(seen[0]["attachments"]), 1)


if __name__ == "__main__":
    main()
