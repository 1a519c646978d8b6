"""Mail answered by agents: proposals taken, edited, sent, threaded; drafts, undo, review, forward, split, park."""

import asyncio
import base64
import datetime
import email
import email.policy
import json
import time

from ctl import run
from mailbox import mail
from maildesk import answer, mail_in, order_mail, parse, post
from resp import Resp
from robot import Refused, refused
from runner import check, equal, eventually, main, test


@test(subset=True)
async def an_answer_goes_out_threaded_and_the_customers_answer_comes_back_to_its_agent(start):
    here = await post(start, queues={"general": {"affinity": "30s"}})
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre, order_mail(1, Message_ID="<m1@cust.example>"))
    contact = await ann.take()
    seen = await ann.wire.call("email.get", contact=contact)
    proposals = seen["mail"]["suggest"]["proposals"]
    equal(proposals[0]["id"], "order-late")
    check(0 < proposals[0]["p"] <= 1 and proposals[0]["why"], proposals)
    check(seen["clocks"]["first_response"]["running"], seen["clocks"])
    taken = await ann.wire.call("suggestion.take", contact=contact, response="order-late")
    check("Dear Ann 1," in taken["text"] and contact in taken["text"], taken)
    text = taken["text"].replace("two days", "a day")
    await ann.wire.call("suggestion.edit", contact=contact, text=text)
    sent = await ann.wire.call("email.reply", contact=contact)
    equal(sent["mail"]["state"], "queued")
    delivered = await ann.expect("email.delivery", lambda p: p["mail"]["state"] == "sent")
    equal(delivered["mail"]["code"], 250)
    message = (await here.mails(1))[0]
    equal(str(message["to"]), "ann1@cust.example")
    equal(message.envelope, ("help@desk.example", ["ann1@cust.example"]))
    equal((str(message["in-reply-to"]), str(message["references"])), ("<m1@cust.example>", "<m1@cust.example>"))
    equal(str(message["from"]), "Support <help@desk.example>")
    check(str(message["subject"]).startswith("Re: Where is my order? [#c"), message["subject"])
    check(message["auto-submitted"] is None, "an agent's answer is not automatic")
    check("within a day" in message.get_content(), message.get_content())
    check(str(message["message-id"]).startswith(f"<{contact}."), message["message-id"])
    seen = await ann.wire.call("email.get", contact=contact)
    equal((seen["verdict"], [m["state"] for m in seen["mails"]]), ("edited", ["sent"]))
    check(not seen["clocks"]["first_response"]["running"], seen["clocks"])
    check("draft" not in seen, "the draft is gone")
    await ann.wire.call("email.resolve", contact=contact)
    # Another agent is free, too; the answer goes to Ann.
    bob = await centre.agent("a2")
    # (The random digits of its Message-ID look like a card's number; they must come back as they are.)
    await mail_in(centre, order_mail(1, Subject="Re: Where is my order?", In_Reply_To=str(message["message-id"]),
                                     Message_ID="<179598.4086726962392381694@cust.example>",
                                     References=f"<m1@cust.example> {message['message-id']}", text="Thanks, when?\n"))  # fmt: skip
    offer = await ann.offered()
    again = offer["contact"]["id"]
    # The offer carries the thread, who he is, and the proposals.
    thread = offer["contact"]["email"]["thread"]
    equal([(m.get("from"), m.get("by")) for m in thread], [("ann1@cust.example", None), (None, "a1"), ("ann1@cust.example", None)])
    check("my order is late" in thread[0]["text"] and "within a day" in thread[1]["text"], thread)
    check(offer["contact"]["customer"]["id"], offer)
    best = offer["contact"]["email"]["proposals"][0]
    check(best["id"] == "order-late" and 0 < best["p"] <= 1 and best["why"], offer)
    await ann.accept(offer["offer"])
    seen = await ann.wire.call("email.get", contact=again)
    equal((seen["case"], [m["state"] for m in seen["mails"]]), (contact, ["sent"]))
    # One that comes beside it belongs to the thread, too.
    await mail_in(centre, order_mail(1, In_Reply_To=str(message["message-id"]), text="And is it blue?\n"))
    await ann.expect("email.received")
    shown = await ann.wire.call("contact.get", contact=again)
    equal([m["text"].strip() for m in shown["contact"]["email"]["thread"] if "from" in m][2:], ["And is it blue?"])
    equal(bob.contacts, {} if isinstance(bob.contacts, dict) else type(bob.contacts)())
    await ann.wire.call("email.reply", contact=again, text="Tomorrow.", resolve=True)
    second = (await here.mails(2))[1]
    equal(str(second["in-reply-to"]), "<179598.4086726962392381694@cust.example>")
    equal(str(second["references"]).split(), ["<m1@cust.example>", str(message["message-id"]), str(second["in-reply-to"])])
    await centre.becomes(again, "completed")


@test
async def each_mailbox_has_its_own_place_where_mail_comes_back_to(start):
    here = await post(start, out={"envelope": "bounces@desk.example"}, launch=False)
    boxes = here.centre.settings["mail"]["mailboxes"]
    boxes["sales"] = {"addresses": ["sales@desk.example"], "envelope": "sales-bounces@desk.example"}
    here.centre.write_settings()
    await here.centre.launch()
    ann = await here.centre.agent("a1")
    for n, to in enumerate(("help@desk.example", "sales@desk.example")):
        await mail_in(here.centre, order_mail(n, To=to), sender=f"ann{n}@cust.example", to=(to,))
        await ann.wire.call("email.reply", contact=await ann.take(), text="Soon.", resolve=True)
    sent = {m["from"].addresses[0].addr_spec: m.envelope[0] for m in await here.mails(2)}
    equal(sent, {"help@desk.example": "bounces@desk.example", "sales@desk.example": "sales-bounces@desk.example"})


@test(subset=True)
async def a_mail_can_be_taken_back_until_it_leaves(start):
    here = await post(start, out={"undo": "1h"})
    ann = await here.centre.agent("a1")
    await mail_in(here.centre)
    contact = await ann.take()
    _, sent = await answer(ann, contact, text="Wrong words.")
    await ann.wire.call("email.undo", mail=sent["id"])
    seen = await ann.wire.call("email.get", contact=contact)
    equal((seen["draft"]["text"], [m["state"] for m in seen["mails"]]), ("Wrong words.", ["cancelled"]))
    check("verdict" not in seen, "nothing was sent, nothing was said")
    await refused(ann.wire.call("email.undo", mail=sent["id"]), "too_late")
    equal(here.sink.taken, [])


@test(subset=True)
async def drafts_survive_a_kill_of_everything_and_card_numbers_do_not(start):
    here = await post(start)
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre)
    contact = await ann.take()
    await ann.wire.call("suggestion.take", contact=contact, response="order-late")
    await ann.wire.call("email.draft", contact=contact, text="Card 4111 1111 1111 1111, dear Ann", subject="About it")
    await centre.kill("redis")
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    await eventually(lambda: contact in ann.contacts, what="her work")
    seen = await eventually(lambda: get_draft(ann, contact), what="the draft")
    check("4111 1111" not in seen["draft"]["text"] and "dear Ann" in seen["draft"]["text"], seen)
    equal((seen["draft"]["subject"], seen["taken"]["response"]), ("About it", "order-late"))
    await ann.wire.call("email.reply", contact=contact, text="Pay with 5500005555555559 or so.")
    message = (await here.mails(1))[0]
    check("5500005555555559" not in message.get_content(), message.get_content())
    equal(str(message["subject"]), "About it")


async def once_read(robot, method, **params):
    """Asks until the notes from before the start are read."""

    async def ask():
        try:
            return await robot.wire.call(method, **params)
        except Refused as error:
            equal(error.type, "busy")

    return await eventually(ask, what="the notes")


@test(subset=True)
async def drafts_of_before_a_kill_are_there_however_many_there_are_and_what_comes_meanwhile(start):
    here = await post(start)
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre, order_mail(1, Message_ID="<m1@cust.example>"))
    contact = await ann.take()
    await answer(ann, contact)
    message = (await here.mails(1))[0]
    await ann.expect("email.delivery", lambda p: p["mail"]["state"] == "sent")
    await ann.wire.call("email.draft", contact=contact, text="Still to be said")
    before = (await ann.wire.call("email.get", contact=contact))["clocks"]
    check(not before["next_response"]["running"], before)
    # More than may be asked for at once, and his own are read last.
    async with await Resp.open(centre.redis_address()) as redis:
        (works,) = await redis.keys("*:works")
        prefix = works.removesuffix("works")
        now_ms = int(time.time() * 1000)
        for base in range(0, 9000, 1000):
            names = [f"c0000{n:08d}" for n in range(base + 1, base + 1001)]
            sent = {"state": "sent", "kind": "reply", "created_ms": now_ms, "sent_ms": now_ms}
            for index, kind, one in (("works", "work", {}), ("outbox", "out", sent)):
                await redis("ZADD", prefix + index, *(word for name in names for word in (1, name)))
                await redis("MSET", *(word for name in names for word in (
                    f"{prefix}{kind}:{name}", json.dumps({"contact": name, "id": name, **one}))))  # fmt: skip
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    await eventually(lambda: contact in ann.contacts, what="her work")
    await mail_in(centre, order_mail(1, Subject="Re: Where is my order?", Message_ID="<m2@cust.example>",
                                     In_Reply_To=str(message["message-id"]), text="And now?\n"))  # fmt: skip
    await once_read(ann, "email.draft", contact=contact, text="Still to be said, and more")
    seen = await ann.wire.call("email.get", contact=contact)
    check(seen["clocks"]["next_response"]["running"], seen["clocks"])
    await ann.wire.call("email.reply", contact=contact)
    check("and more" in (await here.mails(2))[1].get_content(), "what was sent")
    async with await Resp.open(centre.redis_address()) as redis:

        async def tidy():
            return await redis("ZCARD", works) == 1

        await eventually(tidy, what="notes without a contact are gone")


async def attach(robot, contact, name, data, part=30000):
    """Adds a file to the answer as a desktop does, part by part."""
    for n, at in enumerate(range(0, len(data), part)):
        more = {"name": name, "size": len(data)} if n == 0 else {}
        await robot.wire.call("email.attach", contact=contact, id=f"up-{len(data)}", part=n,
                              data=base64.b64encode(data[at : at + part]).decode(), **more)  # fmt: skip


def files(message):
    return {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}


@test(subset=True)
async def files_go_with_an_answer_survive_a_kill_and_come_back_when_it_is_taken_back(start):
    here = await post(start, out={"undo": "1h"})
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre)
    contact = await ann.take()
    scan = bytes(range(256)) * 300
    await attach(ann, contact, "C:\\scans\\Bill ü.pdf", scan)
    await attach(ann, contact, "note.txt", b"Pay with 4111 1111 1111 1111, please.\r\n")
    await attach(ann, contact, "wrong.bin", b"not this one")
    kept = (await ann.wire.call("email.get", contact=contact))["files"]
    equal([(f["name"], f["type"]) for f in kept], [("Bill ü.pdf", "application/pdf"), ("note.txt", "text/plain"), ("wrong.bin", "application/octet-stream")])
    await ann.wire.call("email.detach", contact=contact, blob=kept[2]["blob"])
    await refused(ann.wire.call("email.detach", contact=contact, blob=kept[2]["blob"]), "no_file")
    await refused(ann.wire.call("email.attach", contact=contact, id="x", part=1, data="AAAA"), "part_wrong")
    await refused(ann.wire.call("email.attach", contact=contact, id="x", part=0, name="..", size=3, data="AAAA"), "invalid_params")
    await refused(ann.wire.call("email.attach", contact=contact, id="x", part=0, name="a.b", size=2, data="AAAA"), "invalid_params")
    await refused(ann.wire.call("email.attach", contact=contact, id="x", part=0, name="a.b", size=18874368, data="AAAA"), "file_too_large")
    bob = await centre.agent("a2", ready=False)
    await refused(bob.wire.call("email.attach", contact=contact, id="x", part=0, name="a.b", size=3, data="AAAA"))
    await centre.kill("redis")
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    await eventually(lambda: contact in ann.contacts, what="her work")
    sent = (await once_read(ann, "email.reply", contact=contact, text="Here it is."))["mail"]
    equal([f["name"] for f in sent["attachments"]], ["Bill ü.pdf", "note.txt"])
    blob = sent["attachments"][0]["blob"]
    supervisor = await centre.supervisor()
    for given in (await ann.wire.call("email.attachment", mail=sent["id"], blob=blob), await supervisor.call("email.attachment", mail=sent["id"], blob=blob)):
        status, fields, _ = await centre.http.exchange("GET", given["path"], headers={"X-Usher-Token": given["token"]})
        equal((status, fields["content-type"]), (200, "application/octet-stream"))
    await refused(ann.wire.call("email.attachment", mail=sent["id"], blob="0" * 64), "no_file")
    check("files" not in await ann.wire.call("email.get", contact=contact), "they are gone with the mail")
    await ann.wire.call("email.undo", mail=sent["id"])
    equal([f["name"] for f in (await ann.wire.call("email.get", contact=contact))["files"]], ["Bill ü.pdf", "note.txt"])
    here.centre.settings["mail"]["out"]["undo"] = "0s"
    centre.write_settings()
    await centre.admin("config.reload")
    await ann.wire.call("email.reply", contact=contact)
    (message,) = await here.mails(1)
    equal(message.get_body().get_content().strip(), "Here it is.")
    found = files(message)
    equal(found["Bill ü.pdf"], scan)
    check(b"4111" not in found["note.txt"] and b"please" in found["note.txt"], found)


async def get_draft(robot, contact):
    seen = await robot.wire.call("email.get", contact=contact)
    return seen if "draft" in seen else None


@test
async def what_cannot_be_sent_is_refused_in_words(start):
    here = await post(start)
    ann = await here.centre.agent("a1")
    await mail_in(here.centre)
    contact = await ann.take()
    call = ann.wire.call
    await refused(call("email.reply", contact=contact, text="x", to=["no address"]), "invalid_params")
    await refused(call("email.reply", contact=contact, text="x", to=["a@b.test\r\nRCPT TO:<c@d.test>"]), "invalid_params")
    await refused(call("email.reply", contact=contact, text="x", to=[]), "invalid_params")
    await refused(call("email.reply", contact=contact, text=" \n"), "invalid_params")
    await refused(call("email.reply", contact=contact), "invalid_params")
    await refused(call("suggestion.take", contact=contact, response="card-lost-x"), "no_response")
    await refused(call("suggestion.edit", contact=contact, text="x"), "not_taken")
    await refused(call("suggestion.reject", contact=contact, response="nonsense"), "not_proposed")
    await refused(call("email.park", contact=contact), "invalid_params")
    await refused(call("email.undo", mail="0123456789abcdef"), "no_mail")
    # A subject with line ends is one line, not two headers.
    await call("email.reply", contact=contact, text="Hello", subject="a\r\nBcc: evil@x.test")
    message = (await here.mails(1))[0]
    check(message["bcc"] is None and "Bcc: evil" in str(message["subject"]), message.items())
    bob = await here.centre.agent("a2")
    await refused(bob.wire.call("email.reply", contact=contact, text="mine"))


@test(subset=True)
async def a_relay_that_refuses_greylists_or_hangs_up_is_told_in_its_words(start):
    here = await post(start, script=["greylist", "drop_connect", "drop_data", "ok"])
    ann = await here.centre.agent("a1")
    supervisor = await here.centre.supervisor()
    await mail_in(here.centre)
    contact = await ann.take()
    _, sent = await answer(ann, contact)
    later = await ann.expect("email.delivery", lambda p: p["mail"].get("tries") == 1)
    equal((later["mail"]["state"], later["mail"]["code"]), ("queued", 451))
    check("greylisted" in later["mail"]["words"], later)
    seen = (await supervisor.call("email.outbox", state="queued"))["mails"]
    equal([m["id"] for m in seen], [sent["id"]])
    here.sink.script = ["refuse_rcpt"]
    await mail_in(here.centre, order_mail(2), sender="ann2@cust.example")
    second = await ann.take()
    _, failed = await answer(ann, second)
    told = await ann.expect("email.delivery", lambda p: p["mail"]["state"] == "failed")
    equal((told["mail"]["id"], told["mail"]["code"]), (failed["id"], 550))
    check("nobody of that name" in told["mail"]["words"], told)
    # The same by the command, for whoever looks after the mail.
    out, _ = await run("mail", "outbox", "--state", "failed", state=here.centre.state_dir)
    check(failed["id"] in out and "nobody of that name" in out, out)
    here.sink.script = ["ok"]
    await run("mail", "retry", failed["id"], state=here.centre.state_dir)
    await ann.expect("email.delivery", lambda p: p["mail"]["id"] == failed["id"] and p["mail"]["state"] == "sent")
    equal(len({m["message_id"] for m in here.sink.taken}), len(here.sink.taken))


@test
async def a_relay_that_is_taken_out_gets_no_mail_and_one_of_no_use_is_not_taken(start):
    here = await post(start)
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre)
    contact = await ann.take()
    out = centre.settings["mail"]["out"]
    relay = out.pop("relay")
    centre.write_settings()
    await centre.admin("config.reload")
    _, sent = await answer(ann, contact)
    await asyncio.sleep(1)
    equal(here.sink.taken, [], "there is no relay any more")
    password = centre.dir / "password"
    password.write_text("secret\n")
    password.chmod(0o644)
    out["relay"] = {**relay, "user": "shop", "password_file": str(password)}
    centre.write_settings()
    err = (await run("config", "reload", status=1, state=centre.state_dir))[1]
    check("the relay cannot be used" in err and "chmod 600" in err, err)
    out["relay"] = relay
    centre.write_settings()
    await centre.admin("config.reload")
    await ann.expect("email.delivery", lambda p: p["mail"]["id"] == sent["id"] and p["mail"]["state"] == "sent", timeout_s=20)
    equal(len(here.sink.taken), 1)


@test(limit_s=120)
async def after_a_kill_an_agents_mail_is_sent_again_as_the_same_message(start):
    here = await post(start, script=["hang_data"])
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre)
    contact = await ann.take()
    _, sent = await answer(ann, contact)
    await eventually(lambda: here.sink.begun, what="the message")
    first = parse({"data": here.sink.begun[0], "from": "", "to": []})
    await centre.kill("router")
    here.sink.script = ["ok"]
    await centre.launch()
    message = (await here.mails(1))[0]
    equal(str(message["message-id"]), str(first["message-id"]))
    equal(here.sink.taken[0]["data"], here.sink.begun[0])
    await eventually(lambda: is_sent(centre, sent["id"]), what="sent")
    await asyncio.sleep(0.3)
    equal(len(here.sink.taken), 1)


async def is_sent(centre, mail_id):
    return any(m["id"] == mail_id for m in (await centre.admin("email.outbox", state="sent"))["mails"])


@test
async def a_share_of_the_answers_waits_for_a_supervisor(start):
    here = await post(start, out={"review": {"orders": 1, "other": 0}})
    centre = here.centre
    ann = await centre.agent("a1")
    supervisor = await centre.supervisor()
    await mail_in(centre)
    contact = await ann.take()
    _, sent = await answer(ann, contact)
    equal((sent["state"], sent["category"]), ("held", "orders"))
    waiting = (await supervisor.call("review.list"))["mails"]
    equal([m["id"] for m in waiting], [sent["id"]])
    check("on its way" in waiting[0]["text"], waiting)
    await supervisor.call("review.reject", mail=sent["id"], reason="Say when.")
    told = await ann.expect("review.rejected")
    equal((told["mail"]["id"], told["reason"]), (sent["id"], "Say when."))
    seen = await ann.wire.call("email.get", contact=contact)
    check("on its way" in seen["draft"]["text"] and "verdict" not in seen, seen)
    await refused(supervisor.call("review.approve", mail=sent["id"]), "wrong_state")
    equal(here.sink.taken, [])
    again = (await ann.wire.call("email.reply", contact=contact))["mail"]
    equal(again["state"], "held")
    await supervisor.call("review.approve", mail=again["id"])
    await ann.expect("email.delivery", lambda p: p["mail"]["state"] == "sent" and p["mail"]["id"] == again["id"])
    # What belongs to no category that is named is not held.
    await mail_in(centre, mail("I lost my card.\n", From="Bo <bo@cust.example>", Subject="card"), sender="bo@cust.example")
    second = await ann.take()
    _, free = await answer(ann, second, response="card-lost")
    equal(free["state"], "queued")


def with_file(raw, content=b"%PDF-1.4 \0 x"):
    """The same mail with a file behind its text."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    message.add_attachment(content, maintype="application", subtype="pdf", filename="scan.pdf")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


@test(subset=True)
async def a_mail_that_is_asked_for_again_under_its_id_leaves_once_over_a_restart_too(start):
    here = await post(start)
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre, with_file(order_mail(1)))
    contact = await ann.take()
    await ann.not_ready()  # what is split off is Bob's
    await ann.call("email.draft", contact=contact, text="Dear Ann, ")
    onward = {"id": "p-1", "contact": contact, "to": ["stock@else.test"], "text": "Can you look?"}
    first = (await ann.call("email.forward", **onward))["mail"]["id"]
    equal((await ann.call("email.forward", **onward))["mail"]["id"], first)
    equal((await ann.call("email.get", contact=contact))["draft"]["text"], "Dear Ann, ")
    await ann.expect("email.delivery", lambda p: p["mail"]["state"] == "sent")
    apart = {"id": "p-1", "contact": contact, "title": "Price of a box"}
    other = (await ann.call("email.split", **apart))["contact"]
    centre.note("submit", key="split")
    centre.note("accepted", key="split", contact=other, duplicate=False)
    for _ in range(2):
        await attach(ann, contact, "note.txt", b"As promised.")
    equal(len((await ann.call("email.get", contact=contact))["files"]), 1)
    # usherd goes before anybody was answered; what left long since is not at hand any more.
    await ann.stop()
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    await eventually(lambda: contact in ann.contacts, what="her work")
    again = (await ann.call("email.forward", **onward))["mail"]
    equal((again["id"], again["state"]), (first, "sent"))
    equal((await ann.call("email.split", **apart))["contact"], other)
    await attach(ann, contact, "note.txt", b"As promised.")
    answer_ = {"id": "p-1", "contact": contact, "text": "Here it is.", "resolve": True}
    sent = (await ann.call("email.reply", **answer_))["mail"]
    equal([f["name"] for f in sent["attachments"]], ["note.txt"])
    equal((await ann.call("email.reply", **answer_))["mail"]["id"], sent["id"])
    await centre.becomes(contact, "completed")
    equal([str(m["to"]) for m in await here.mails(2)], ["stock@else.test", "ann1@cust.example"])
    # Another id, another mail; nobody else's.
    bob = await centre.agent("a2")
    await bob.take(other)
    await bob.call("email.forward", **{**onward, "contact": other})
    await here.mails(3)


@test
async def a_mail_is_forwarded_split_and_parked_until_the_customer_answers(start):
    here = await post(start, queues={"general": {"affinity": "30s"}})
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre, with_file(order_mail(1, Message_ID="<m9@cust.example>", text="Where is it? And what does a box cost?\n")))
    contact = await ann.take()
    await ann.wire.call("email.forward", contact=contact, to=["stock@else.test"], text="Can you look?")
    forwarded = (await here.mails(1))[0]
    equal((str(forwarded["to"]), str(forwarded["subject"])), ("stock@else.test", "Fwd: Where is my order?"))
    body = forwarded.get_body().get_content()
    check("Can you look?" in body and "> Where is it?" in body, body)
    equal(files(forwarded), {"scan.pdf": b"%PDF-1.4 \0 x"})
    await ann.wire.call("email.forward", contact=contact, to=["boss@else.test"], text="Without the file.", files=False)
    equal(files((await here.mails(2))[1]), {})
    other = (await ann.wire.call("email.split", contact=contact, title="Price of a box", text="What does a box cost?"))["contact"]
    check(other != contact, other)
    centre.note("submit", key="split")
    centre.note("accepted", key="split", contact=other, duplicate=False)
    offer = await ann.offered(other)
    equal((offer["contact"]["title"], offer["contact"]["email"]["case"]), ("Price of a box", contact))
    await ann.accept(offer["offer"])
    await ann.expect("contact.connected", lambda p: p["contact"]["id"] == other)
    seen = await ann.wire.call("email.get", contact=other)
    equal((seen["mail"]["text"], "suggest" in seen["mail"]), ("What does a box cost?", False))
    await ann.wire.call("email.reply", contact=other, text="Two pounds.", resolve=True)
    await here.mails(3)
    asked = (await ann.wire.call("email.reply", contact=contact, text="Which order is it?"))["mail"]
    message = (await here.mails(4))[3]
    await ann.wire.call("email.park", contact=contact, answer=True)
    await centre.becomes(contact, "parked")
    await mail_in(centre, order_mail(1, In_Reply_To=str(message["message-id"]), text="It is 4711.\n"))
    reply = await ann.take()
    await centre.becomes(contact, "completed")
    seen = await ann.wire.call("email.get", contact=reply)
    equal(seen["case"], contact)
    check(asked["id"] in [m["id"] for m in seen["mails"]], seen["mails"])


@test
async def an_answer_brings_a_mail_back_that_was_put_aside_also_when_its_agent_has_no_hand_free(start):
    office = {"hours": {"mon-sun": ["00:00-24:00"]}}
    here = await post(start, channels={"email": {"cost": 50, "calendar": "office"}}, calendars={"office": office})
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre, order_mail(1))
    contact = await ann.take()
    await ann.wire.call("email.reply", contact=contact, text="Which order is it?")
    message = (await here.mails(1))[0]
    await ann.wire.call("email.park", contact=contact, answer=True)
    await centre.becomes(contact, "parked")
    clocks = (await ann.wire.call("email.get", contact=contact))["clocks"]
    equal((clocks["first_response"]["running"], clocks["next_response"]["running"]), (False, False))
    # Two others fill her hands; then the customer answers.
    for n in (2, 3):
        await mail_in(centre, order_mail(n), sender=f"ann{n}@cust.example")
        await ann.take()
    bob = await centre.agent("a2", ready=False)
    await mail_in(centre, order_mail(1, In_Reply_To=str(message["message-id"]), text="It is 4711.\n"))
    await eventually(lambda: contact not in ann.contacts, what="it left her hands")
    await bob.ready()
    equal(await bob.take(), contact)
    seen = await bob.wire.call("email.get", contact=contact)
    equal((seen["clocks"]["first_response"]["running"], seen["clocks"]["next_response"]["running"]), (False, True))
    check(seen["clocks"]["next_response"]["open_ms"] <= seen["clocks"]["resolution"]["open_ms"], seen["clocks"])


@test
async def a_mail_that_comes_back_is_served_by_the_deadline_of_the_next_response(start):
    here = await post(start, channels={"email": {"cost": 50, "sla": "4h"}})
    centre, four_hours = here.centre, 4 * 3600 * 1000
    ann = await centre.agent("a1")

    async def deadline(contact):
        listed = await centre.admin("contact.list", most=200)
        return next(c["deadline_ms"] for c in listed["waiting"] + listed["held"] if c["id"] == contact)

    await mail_in(centre, order_mail(1))
    contact = await ann.take()
    await ann.wire.call("email.reply", contact=contact, text="Which order is it?")
    message = (await here.mails(1))[0]
    # Answered: nothing is due before it comes back.
    until = int(time.time() + 3600)
    at = datetime.datetime.fromtimestamp(until, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    await ann.wire.call("email.park", contact=contact, until=at, answer=True)

    async def moved():
        return await deadline(contact) == until * 1000 + four_hours

    await eventually(moved, what="the deadline of the next response")
    # Not answered: the clock of the question runs on.
    await mail_in(centre, order_mail(2), sender="ann2@cust.example")
    second = await ann.take()
    before = await deadline(second)
    await ann.wire.call("email.park", contact=second, answer=True)
    await centre.becomes(second, "parked")
    equal(await deadline(second), before)
    # Her hands are full, and one waits; then the customer answers.
    for n in (3, 4):
        await mail_in(centre, order_mail(n), sender=f"ann{n}@cust.example")
        await ann.take()
    await mail_in(centre, order_mail(5), sender="ann5@cust.example")
    await mail_in(centre, order_mail(1, In_Reply_To=str(message["message-id"]), text="It is 4711.\n"))
    await centre.becomes(contact, "queued")
    waiting = (await centre.admin("contact.list"))["waiting"]
    equal([c["id"] == contact for c in waiting], [False, True], "he asked later than the other one")
    check(waiting[0]["deadline_ms"] <= waiting[1]["deadline_ms"] < until * 1000 + four_hours, waiting)
    bob = await centre.agent("a2")
    equal([await bob.take(), await bob.take()], [c["id"] for c in waiting])
    told = (await centre.admin("explain.contact", contact=contact))["contact"]["decisions"][-1]
    check(str(waiting[1]["deadline_ms"]) in json.dumps(told), told)


CARDS = ["4111111111111111", "4111 1111 1111 1111", "4111-1111-1111-1111", "5500005555555559", "340000000000009", "6011000990139424"]


@test
async def card_data_in_what_agents_write_comes_to_rest_nowhere_and_leaves_with_no_mail(start):
    """RELIABILITY I16, for all that goes out: answers, drafts, subjects, files, notes, the customer's own words below."""
    here = await post(start, out={"quote": True, "review": {"other": 0}}, judged=False)
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre, order_mail(1, text=f"Where is it? I paid with {CARDS[3]}.\n"))
    contact = await ann.take()
    call = ann.wire.call
    await call("email.draft", contact=contact, text=f"Your card {CARDS[1]}, code 123?", subject=f"Card {CARDS[2]}", to=["ann1@cust.example"])
    await call("suggestion.take", contact=contact, response="order-late")
    await call("suggestion.edit", contact=contact, text=f"We charged {CARDS[4]}.\n")
    await attach(ann, contact, f"{CARDS[0]}.txt", f"Card: {CARDS[5]}\n".encode())
    equal((await call("email.get", contact=contact))["draft"]["to"], ["ann1@cust.example"], "the rest of the draft stays")
    await call("email.reply", contact=contact, subject=f"About {CARDS[0]}")
    await call("email.forward", contact=contact, to=["stock@else.test"], text=f"He paid with {CARDS[1]}")
    await call("email.split", contact=contact, title=f"Refund to {CARDS[0]}", text=f"Please refund {CARDS[2]}")
    other = await ann.take()
    await call("email.transfer", contact=other, queue="general", note=f"Ask for {CARDS[5]}")
    again = await ann.take()
    equal(again, other)
    handed = (await call("email.get", contact=again))["handed"]
    equal((handed["by"], handed["note"]), ("a1", "Ask for [card number ending 9424]"))
    await refused(call("email.transfer", contact=again, note="x"), "invalid_params")
    await refused(call("email.transfer", contact=again, queue="nowhere", note="x"), "no_queue")
    await call("email.resolve", contact=again, note=f"It was {CARDS[4]}")
    await call("email.resolve", contact=contact, note=f"It was {CARDS[3]}")
    for message in await here.mails(2):
        said = message.as_string() + "".join(str(data) for data in files(message).values()) + message.get_body().get_content()
        check(not any(card in said for card in CARDS), said)
        check("card number ending" in said, said)
    await centre.stop_daemon()
    left = [
        (str(path.relative_to(centre.dir)), card)
        for path in centre.dir.rglob("*") if path.is_file()
        for card in CARDS if card.encode() in path.read_bytes()
    ]  # fmt: skip
    equal(left, [])


@test
async def clocks_run_in_open_hours_alone(start):
    here = await post(start, channels={"email": {"calendar": "office"}}, calendars={"office": {"hours": {}}})
    centre = here.centre
    await mail_in(centre, order_mail(1))
    ann = await centre.agent("a1")
    contact = await ann.take()
    await asyncio.sleep(0.05)
    clocks = (await ann.wire.call("email.get", contact=contact))["clocks"]
    equal({name: clock["open_ms"] for name, clock in clocks.items()}, {"first_response": 0, "next_response": 0, "resolution": 0})


if __name__ == "__main__":
    main()
