"""Answers without an agent: opened by verdicts, closed by an error, stopped by guards; loops; kills.

The sequences of data/bad/own/autoreply.jsonl are played here: seq-same-msgid where the gate has opened, seq-crash by
answer_faults.py; its single mails are in tests/unit/test_mime.c.
"""

import asyncio
import datetime
import email.message

import answer_faults
from mailbox import contact_of, mail
from maildesk import LIBRARY, answer, mail_in, order_mail, parse, post
from resp import Resp
from runner import check, equal, eventually, main, test

PROVEN = 189  # faultless verdicts that prove 98 %
WIDE = {"email": {"cost": 1}}  # an agent holds many mails at once


def automatic(message):
    return message["auto-submitted"] is not None


async def prove(here, robot, n, first=0):
    """n mails answered by an agent with what was proposed first, unchanged."""
    gate = asyncio.Semaphore(6)

    async def one(i):
        async with gate:
            await mail_in(here.centre, order_mail(i), sender=f"ann{i}@cust.example", to=(here.address,))

    delivered = asyncio.gather(*(one(first + i) for i in range(n)))
    for _ in range(n):
        contact = await robot.take(timeout_s=30)
        await answer(robot, contact, resolve=True)
    await delivered
    await eventually(lambda: has_verdicts(here.centre, first + n), limit_s=60, what="the verdicts")


async def has_verdicts(centre, n):
    return (await centre.admin("suggest.report"))["verdicts"] >= n


async def gate_of(centre):
    found = (await centre.admin("suggest.report", response="order-late"))["responses"]
    return found[0]["gate"]


async def proven(start, n=PROVEN, host="desk.example", answers=None, **more):
    out = {"answers": {"audit": 0, "points": 80, "hourly": 10000, **(answers or {})}}
    here = await post(start, out=out, channels=WIDE, host=host, **more)
    here.address = f"help@{host}"
    ann = await here.centre.agent("a1")
    await prove(here, ann, n)
    return here, ann


def with_file(n):
    message = email.message.EmailMessage()
    message["From"], message["To"], message["Subject"] = f"Ann <ann{n}@cust.example>", "help@desk.example", "Where is my order?"
    message["Message-ID"] = f"<file{n}@cust.example>"
    message.set_content("Hello, my order is late. Where is my order?\n")
    message.add_attachment(b"%PDF-1.4 x", maintype="application", subtype="pdf", filename="scan.pdf")
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


@test(limit_s=300)
async def a_mail_is_answered_by_itself_only_once_verdicts_prove_it_and_never_past_a_guard(start):
    here, ann = await proven(start, PROVEN - 1)
    centre = here.centre
    gate = await gate_of(centre)
    equal((gate["open"], gate["right"], gate["n"], gate["needed"]), (False, 188, 188, 189) if gate["n"] else (False, 0, 0, 189))
    check(not any(automatic(m) for m in await here.mails(PROVEN - 1, 60)), "nothing goes out by itself yet")
    # 188 faultless ones leave it closed: an agent gets the next, which is the 189th.
    await mail_in(centre, order_mail(500), sender="ann500@cust.example")
    await answer(ann, await ann.take(), resolve=True)
    await eventually(lambda: has_verdicts(centre, PROVEN), what="the verdict")
    gate = await gate_of(centre)
    equal((gate["open"], gate["right"], gate["n"]), (True, 189, 189))
    # 189 open it.
    await mail_in(centre, order_mail(501, Message_ID="<q501@cust.example>"), sender="ann501@cust.example")
    (message,) = await here.mails(1, where=automatic)
    equal((message.envelope, str(message["auto-submitted"])), (("", ["ann501@cust.example"]), "auto-replied"))
    equal((str(message["in-reply-to"]), str(message["to"])), ("<q501@cust.example>", "ann501@cust.example"))
    check("Dear Ann 501," in message.get_content() and ">" not in message.get_content(), message.get_content())
    contact = str(message["message-id"]).strip("<").split(".")[0]
    await centre.becomes(contact, "answered")
    # The same mail again and again, as after a lost 250: still one contact, still one answer.
    for _ in range(2):
        equal(await contact_of(centre, order_mail(501, Message_ID="<q501@cust.example>"), sender="ann501@cust.example"), contact)
    equal(await centre.state(contact), "answered")
    equal(len([m for m in await here.mails(1) if automatic(m)]), 1)
    # The customer's answer to it goes to a person.
    await mail_in(centre, order_mail(501, In_Reply_To=str(message["message-id"])), sender="ann501@cust.example")
    again = await ann.take()
    seen = await ann.wire.call("email.get", contact=again)
    equal((seen["case"], [m["kind"] for m in seen["mails"]]), (contact, ["automatic"]))
    await answer(ann, again, resolve=True)
    guards = {
        "machine": order_mail(601, Auto_Submitted="auto-replied"),
        "bulk": order_mail(602, Precedence="bulk"),
        "list": order_mail(603, List_Id="<l.cust.example>"),
        "a reply": order_mail(604, In_Reply_To="<unknown@else.example>"),
        "an attachment": with_file(605),
        "two questions": order_mail(606, text="My order is late. Where is my order? When does my order come?\n"),
        "a blind copy": order_mail(607, To="somebody@else.example"),
        "the same sender again": order_mail(501),
        "nothing that fits": order_mail(608, Subject="Weather", text="Will it rain in Rome tomorrow?\n"),
    }
    for what, content in guards.items():
        sender = "ann501@cust.example" if what == "the same sender again" else "ann600@cust.example"
        await mail_in(centre, content, sender=sender)
        contact = await ann.take(timeout_s=15)
        equal(len([1 for m in await here.mails(1) if automatic(m)]), 1, what)
        await ann.wire.call("email.reply", contact=contact, text=f"By hand: {what}", resolve=True)
    await mail_in(centre, order_mail(609), sender="")
    await ann.wire.call("email.reply", contact=await ann.take(), text="By hand: no return path", resolve=True)
    await guards_of_settings(here, ann)
    # It is still open to the others.
    await mail_in(centre, order_mail(502), sender="ann502@cust.example")
    equal(len(await here.mails(2, where=automatic)), 2)
    # One error closes it again.
    await mail_in(centre, order_mail(610, text="My order is late. Where is my order? Is it lost?\n"), sender="ann610@cust.example")
    contact = await ann.take()
    await ann.wire.call("suggestion.none", contact=contact)
    await ann.wire.call("email.reply", contact=contact, text="It is lost.", resolve=True)
    gate = await gate_of(centre)
    equal(gate["open"], False, gate)
    await mail_in(centre, order_mail(503), sender="ann503@cust.example")
    contact = await ann.take()
    await ann.wire.call("email.reply", contact=contact, text="By hand.", resolve=True)
    equal(len([1 for m in await here.mails(1) if automatic(m)]), 2)


async def guards_of_settings(here, ann):
    """What a mail, its sender and the settings say together; each guard is told to the agent in words."""
    centre, settings = here.centre, here.centre.settings["mail"]
    before = len([m for m in await here.mails(1) if automatic(m)])

    async def guarded(n, words, **more):
        await mail_in(centre, order_mail(n, **more), sender=f"ann{n}@cust.example")
        contact = await ann.take(timeout_s=15)
        equal((await ann.wire.call("email.get", contact=contact)).get("gate"), words)
        equal(len([m for m in await here.mails(1) if automatic(m)]), before, words)
        await ann.wire.call("email.reply", contact=contact, text=f"By hand: {words}", resolve=True)

    settings["believed"] = ["mx.desk.example"]
    rich = {"when": 'mail.from == "rich@cust.example"', "set": {"points": 90}}
    centre.write_settings(mail=settings, rules=[rich])
    await centre.admin("config.reload")
    await guarded(701, "the customer is of high value", From="Rich <rich@cust.example>")
    forged = "mx.desk.example; spf=softfail; dmarc=fail header.from=cust.example"
    await guarded(702, "the sender is not proven", Authentication_Results=forged)
    # Somebody else's word for it is no proof where proof is asked for; our border's is.
    settings["out"]["answers"]["proven"] = True
    centre.write_settings(mail=settings, rules=[])
    await centre.admin("config.reload")
    await guarded(703, "the sender is not proven", Authentication_Results="mx.cust.example; dmarc=pass")
    settings["out"]["answers"].update(proven=False, daily=before)
    centre.write_settings(mail=settings)
    await centre.admin("config.reload")
    await guarded(704, "the response has reached its daily number")
    del settings["out"]["answers"]["daily"]
    centre.write_settings(mail=settings)
    await centre.admin("config.reload")
    # A text that cannot be filled without an agent; the one before is restored.
    old = LIBRARY["orders/order-late.md"].replace("title:", "category: orders\ntitle:")
    named = old.replace("[customer.name,", "[agent.name, customer.name,").replace("your order", "I am {{agent.name}}, your order")
    await centre.admin("response.put", response="order-late", source=named)
    await guarded(705, "a placeholder of the response cannot be filled")
    await centre.admin("response.put", response="order-late", source=old)
    # Another language than the response's: what stands first is not even held back.
    german = "Guten Tag, meine Bestellung ist noch nicht da. Wo ist meine Bestellung?\n"
    await guarded(706, None, Subject="Wo ist meine Bestellung?", text=german)


@test(limit_s=300)
async def automatic_mails_are_capped_and_never_repeated_after_a_kill(start):
    here, ann = await proven(start, answers={"hourly": 3, "hold": "4s"})
    centre = here.centre
    check((await gate_of(centre))["open"])
    # Nobody knows whether it left: an agent gets the mail, and it is not sent again.
    here.sink.script = ["drop_data", "ok"]
    await mail_in(centre, order_mail(700), sender="ann700@cust.example")
    contact = await ann.take(timeout_s=15)
    seen = await ann.wire.call("email.get", contact=contact)
    check("nobody knows" in seen["gate"] and seen["mails"][0]["state"] == "unsure", seen)
    await ann.wire.call("email.reply", contact=contact, text="By hand.", resolve=True)
    await here.mails(PROVEN + 1)
    # Killed while the relay holds it: the same.
    here.sink.script = ["hang_data", "ok"]
    begun = len(here.sink.begun)
    await mail_in(centre, order_mail(701), sender="ann701@cust.example")
    await eventually(lambda: len(here.sink.begun) > begun, what="the automatic answer")
    await centre.kill("router")
    await centre.launch()
    ann = await centre.agent("a1", ready=False)
    await ann.ready()
    contact = await ann.take(timeout_s=20)
    seen = await ann.wire.call("email.get", contact=contact)
    equal([m["state"] for m in seen["mails"]], ["unsure"])
    await ann.wire.call("email.reply", contact=contact, text="By hand.", resolve=True)
    await here.mails(PROVEN + 2)
    # The breaker: two counted already.
    await mail_in(centre, order_mail(702), sender="ann702@cust.example")
    await here.mails(1, where=automatic)
    await mail_in(centre, order_mail(703), sender="ann703@cust.example")
    contact = await ann.take(timeout_s=15)
    seen = await ann.wire.call("email.get", contact=contact)
    equal(seen["gate"], "too many automatic mails lately")
    equal(len([1 for m in await here.mails(1) if automatic(m)]), 1)
    await ann.wire.call("email.reply", contact=contact, text="By hand.", resolve=True)
    await more_than_can_be_counted(here)


async def more_than_can_be_counted(here):
    """As many as the table holds open the breaker, whatever the hour says; of more the newest are kept."""
    centre, settings = here.centre, here.centre.settings["mail"]
    counted, day_ms = 65536, 86400000
    async with await Resp.open(centre.redis_address()) as redis:
        (key,) = await redis.keys("*:autos")
        _, newest_ms = await redis("ZRANGE", key, -1, -1, "WITHSCORES")
        for first in range(0, counted, 4096):
            pairs = [(int(newest_ms) - 2 * day_ms + n, f"o{n:012x} order-late {n:032x}") for n in range(first, first + 4096)]
            await redis("ZADD", key, *(word for pair in pairs for word in pair))
    settings["out"]["answers"].update(period="30d", hourly=10000)
    centre.write_settings(mail=settings)
    await centre.restart()
    ann = await centre.agent("a1", ready=False)
    await ann.ready()

    async def by_hand(n):
        await mail_in(centre, order_mail(n), sender=f"ann{n}@cust.example")
        contact = await ann.take(timeout_s=15)
        gate = (await ann.wire.call("email.get", contact=contact)).get("gate")
        await ann.wire.call("email.reply", contact=contact, text="By hand.", resolve=True)
        return gate

    # Until the table is read, everything is answered by hand without a word.
    n = 710
    while (told := await by_hand(n)) is None:
        n += 1
    equal(told, "too many automatic mails lately")
    check("no more can be counted" in (centre.dir / "log").read_text(), "it was not told")
    # Without those of two days ago there are the three within the hour.
    settings["out"]["answers"].update(period="1d", hourly=3)
    centre.write_settings(mail=settings)
    await centre.admin("config.reload")
    equal(await by_hand(705), "too many automatic mails lately")
    settings["out"]["answers"]["hourly"] = 10000
    centre.write_settings(mail=settings)
    await centre.admin("config.reload")
    await mail_in(centre, order_mail(706), sender="ann706@cust.example")
    await here.mails(2, where=automatic)


@test(limit_s=180)
async def killed_around_the_moment_an_answer_leaves_it_is_never_sent_twice_and_no_mail_is_lost(start):
    here = await answer_faults.opened(start)
    here.centre.judged = False  # a mail whose 250 was lost is handed in again
    counts = await answer_faults.everything(here, 3)
    check(counts["answers"] > 0, counts)


@test(limit_s=120)
async def the_first_mail_of_a_thread_is_confirmed_once(start):
    out = {"acknowledge": {"open": "received", "closed": "received-closed", "days": {}}}
    here = await post(start, out=out)
    centre = here.centre
    ann = await centre.agent("a1")
    await mail_in(centre, order_mail(1, Message_ID="<a1@cust.example>"))
    (message,) = await here.mails(1)
    equal((str(message["auto-submitted"]), message.envelope[0]), ("auto-replied", ""))
    check("[#c" in message.get_content(), message.get_content())
    contact = await ann.take()
    await mail_in(centre, order_mail(1, In_Reply_To=str(message["message-id"]), text="One more thing.\n"))
    await ann.expect("email.received")
    await mail_in(centre, order_mail(2, Auto_Submitted="auto-generated"), sender="robot@cust.example")
    await ann.take()
    await mail_in(centre, order_mail(1, text="A new thread of the same sender.\n"))
    await ann.take()
    equal(len(here.sink.taken), 1)
    check(contact in str(message["message-id"]), message["message-id"])


@test
async def the_acknowledgement_of_a_day_goes_by_the_centres_time_zone(start):
    # Where it is another day than in UTC, and is still for an hour.
    zone, hours = ("Etc/GMT+12", -12) if datetime.datetime.now(datetime.timezone.utc).hour < 11 else ("Etc/GMT-14", 14)
    day = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=hours)).date().isoformat()
    here = await post(start, out={"acknowledge": {"open": "received", "days": {day: "received-closed"}}}, timezone=zone)
    await mail_in(here.centre)
    (message,) = await here.mails(1)
    check("We read your mail tomorrow." in message.get_content(), message.get_content())


@test(limit_s=120)
async def confirmations_follow_the_calendar_and_special_days(start):
    import datetime

    closed = {"hours": {}}
    out = {"acknowledge": {"open": "received", "closed": "received-closed", "calendar": "office"}}
    here = await post(start, out=out, calendars={"office": closed})
    await mail_in(here.centre, order_mail(1))
    (message,) = await here.mails(1)
    check("tomorrow" in message.get_content(), message.get_content())
    today = datetime.datetime.now(datetime.timezone.utc).date()
    days = {str(today + datetime.timedelta(d)): "received" for d in (-1, 0, 1)}
    settings = here.centre.settings["mail"]
    settings["out"]["acknowledge"]["days"] = days
    here.centre.write_settings(mail=settings)
    await here.centre.admin("config.reload")
    await mail_in(here.centre, order_mail(2), sender="ann2@cust.example")
    message = (await here.mails(2))[1]
    check("[#c" in message.get_content(), message.get_content())


@test(limit_s=120)
async def two_ushers_that_confirm_each_others_mails_say_one_thing_each_at_most(start):
    heads = {"acknowledge": {"open": "received"}}
    library = {"orders/order-late.md": None}
    left = await post(start, out=heads, host="left.example", library=library)
    right = await post(start, out=heads, host="right.example", library=library)
    await facing(left, right, mail_of=lambda sender: mail("Hello\n", From=sender, To="help@left.example", Subject="Hello"))


@test(limit_s=200)
async def two_ushers_whose_gates_are_open_answer_each_other_once_at_most(start):
    """Each one's answer reads as the question that the other one answers by itself."""
    asks = LIBRARY["orders/order-late.md"].replace("aim: 98", "aim: 50")
    asks = asks[: asks.index("Dear")] + "Hello, my order is late. Where is my order?\n"
    heres = []
    for host in ("left.example", "right.example"):
        here = await post(start, out={"answers": {"audit": 0}}, host=host, library={"orders/order-late.md": asks})
        await answer_faults.open_gate(here, await here.centre.agent("a1"), f"help@{host}")
        heres.append(here)
    await facing(*heres, mail_of=lambda sender: order_mail(1, From=sender, To="help@left.example"))


async def facing(left, right, mail_of):
    """What leaves one usher arrives at the other; a mail of right's begins it."""

    def sent():
        return [sum(automatic(parse(m)) for m in here.sink.taken) for here in (left, right)]

    async def play(sender, strip, wanted):
        passing = [asyncio.ensure_future(pass_on(here, other, strip)) for here, other in ((left, right), (right, left))]
        await mail_in(left.centre, mail_of(f"Help <{sender}>"), sender=sender, to=("help@left.example",))
        await eventually(lambda: sent() == wanted, limit_s=30, what="the automatic mails")
        await quiet(left, right)
        equal(sent(), wanted)
        for task in passing:
            task.cancel()

    # The marks of automatic mail and the null return path: what left says is not answered.
    await play("help+one@right.example", False, [1, 0])
    # A relay that takes them off, and the threads: each has spoken to the other's address once, and that is all.
    await play("help@right.example", True, [2, 1])


async def quiet(*heres):
    """Waits until nothing is to be sent and nothing has moved for a while."""
    same, last = 0, None
    while same < 8:
        counts = []
        for here in heres:
            outbox = await here.centre.admin("email.outbox")
            counts += [len(here.sink.taken), outbox["queued"], len(outbox["mails"])]
        same = same + 1 if counts == last else 0
        last = counts
        await asyncio.sleep(0.2)


async def pass_on(here, other, strip):
    """What leaves here arrives there, maybe without Auto-Submitted and with a return path."""
    seen = len(here.sink.taken)
    while True:
        while seen < len(here.sink.taken):
            taken = here.sink.taken[seen]
            seen += 1
            data, sender = taken["data"], taken["from"]
            if strip:
                lines = data.split(b"\r\n")
                data = b"\r\n".join(line for line in lines if not line.lower().startswith((b"auto-", b"x-auto", b"in-reply", b"references")))
                sender = f"help@{here.centre.settings['mail']['host']}"
            to = f"help@{other.centre.settings['mail']['host']}"
            await mail_in(other.centre, data, sender=sender, to=(to,))
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    main()
