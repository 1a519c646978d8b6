"""Mail of a customer who is erased: nowhere in Redis, its log, the files or the database (RELIABILITY I15)."""

import test_customers_away as away
from mailbox import mail
from maildesk import mail_in, order_mail, post
from runner import check, equal, eventually, main, test
from test_email import attach, with_file

WHO = {"From": "Zzyzx Planted <zzyzx@planted.example>"}
SENDER = "zzyzx@planted.example"


@test(subset=True)
async def mails_of_an_erased_customer_go_with_their_files_answers_drafts_and_verdicts(start):
    here = await post(start, judged=False, queues={"general": {"affinity": "30s"}})
    centre = here.centre
    ann = await centre.agent("a1")
    # Somebody else's mail, whose file and thread must stay.
    await mail_in(centre, with_file(mail("The box is broken.\n", From="Bo <bo@else.example>", Subject="Box")), sender="bo@else.example")
    other = await ann.take()
    question = order_mail(1, **WHO, Subject="Zzyzx letter: where is my order?", Message_ID="<zzyzx-external-1@planted.example>",
                          text="Hello, my order is late. Where is my order to Zzyzxville?\n")  # fmt: skip
    await mail_in(centre, with_file(question, b"Zzyzxville plan " * 50), sender=SENDER)
    first = await ann.take()
    taken = await ann.wire.call("suggestion.take", contact=first, response="order-late")
    await attach(ann, first, "Zzyzx letter.txt", b"To Zzyzxville, with love\n")
    await ann.wire.call("email.reply", contact=first, text=taken["text"] + "\nZzyzxville\n")
    (answered,) = await here.mails(1)
    await ann.expect("email.delivery", lambda p: p["mail"]["state"] == "sent")
    await ann.wire.call("email.resolve", contact=first)
    # He writes again into the case; a draft is begun, and his mail is put to rest.
    again = mail("Thank you. Zzyzxville it is.\n", **WHO, In_Reply_To=str(answered["message-id"]), Message_ID="<zzyzx-external-2@planted.example>")
    # With a file that somebody else has sent, too: it is one file for both.
    await mail_in(centre, with_file(again), sender=SENDER)
    second = await ann.take()
    equal((await ann.wire.call("email.get", contact=second))["case"], first)
    await ann.wire.call("email.draft", contact=second, text="Dear Zzyzx Planted")
    await attach(ann, second, "never sent.txt", b"To Zzyzxville, or not\n")
    await ann.wire.call("agent.set_state", state="not_ready", reason="break")
    await ann.wire.call("email.resolve", contact=second)
    party = await eventually(lambda: away.found(centre, "email", SENDER), what="who he is")
    kept = set(await away.in_redis(centre))
    wanted = {"c", "mail:thread", "mail:id", "out", "verdict"}
    check({key.rpartition("}:")[2].rpartition(":")[0] for key in kept} >= wanted, kept)
    check(any("/blobs/" in path for paths in away.traces(centre).values() for path in paths), away.traces(centre))

    async def recorded():
        card = (await centre.admin("customer.export", customer=party))["customer"]
        return card["repeat_contacts"] >= 1

    await eventually(recorded, what="the record of his contacts")
    await centre.admin("customer.erase", customer=party)
    equal(await away.in_redis(centre), {})
    equal([m for m in (await centre.admin("email.outbox"))["mails"] if m["contact"] in (first, second)], [])

    async def gone():
        return not away.traces(centre)

    try:
        await eventually(gone, limit_s=20, what="nothing planted left")
    except AssertionError:
        raise AssertionError(f"left: {away.traces(centre)}") from None
    seen = (await ann.wire.call("email.thread", contact=other))["mails"]
    equal([m["from"]["address"] for m in seen], ["bo@else.example"])
    given = await ann.wire.call("email.file", contact=other, blob=seen[0]["attachments"][0]["blob"])
    status, _, body = await centre.http.exchange("GET", given["path"], headers={"X-Usher-Token": given["token"]})
    equal((status, body), (200, "%PDF-1.4 \0 x"), "others keep their files")
    # After all of it a start finds nothing to stumble over.
    await centre.restart()
    equal((await centre.admin("email.outbox"))["mails"], [])


if __name__ == "__main__":
    main()
