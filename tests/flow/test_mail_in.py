"""Mail comes in: by LMTP, taken apart, threaded, proposed for, and kept before it is answered."""

import asyncio
import base64
import contextlib
import json
import os
import re

import mailbox
from mailbox import MAIL, contact_of, deliver, mail
from resp import Resp
from robot import refused
from runner import Skip, check, equal, main, test


async def mail_of(centre, contact):
    """What was made of a mail, as the administrator sees its contact."""
    return (await centre.admin("contact.get", contact=contact, payload=True))["contact"]["payload"]["mail"]


@test(subset=True)
async def a_mail_becomes_a_contact_and_reaches_an_agent_with_what_it_says(start):
    centre = await start(mail=MAIL)
    ann = await centre.agent("a1")
    contact = await contact_of(centre, mail("Where is my order?\n\n-- \nAnn\n+44 1\n", Subject="=?utf-8?q?Order_=C3=BC?="))
    offer = await ann.offered(contact)
    equal((offer["contact"]["channel"], offer["contact"]["title"]), ("email", "Order ü"))
    found = await mail_of(centre, contact)
    equal(found["from"], {"name": "Ann Example", "address": "ann@cust.example"})
    equal(found["text"], "Where is my order?\n")
    check("+44 1" in found["rest"], found)
    equal((found["mailbox"], found["recipient"], found["to_us"]), ("support", "help@desk.example", True))
    equal(found["language"], "en")
    check("automatic" not in found and "thread" not in found, found)


@test(subset=True)
async def the_same_mail_twice_is_one_contact_and_two_mailboxes_are_two(start):
    centre = await start(mail=MAIL)
    content = mail()
    first = await contact_of(centre, content)
    equal(await contact_of(centre, content), first)
    said = await deliver(centre, content, to=["help@desk.example", "sales@desk.example", "support@desk.example"])
    equal([code for code, _ in said.values()], [250] * 3)
    ids = [text.split()[-1] for _, text in said.values()]
    equal((ids[0], ids[2]), (first, first))
    check(ids[1] != first, ids)
    equal(sorted(await centre.waiting()), sorted({first, ids[1]}))
    equal((await centre.get(ids[1]))["queue"], "billing")


@test
async def who_is_no_mailbox_is_refused_and_the_others_are_served(start):
    centre = await start(mail=MAIL)
    said = await deliver(centre, to=["nobody@desk.example", "HELP+tag@Desk.Example", "x@else.example"])
    equal([code for code, _ in said.values()], [550, 550, 250])
    equal(len(await centre.waiting()), 1)


async def left_here(centre, case, name="5f3a09b1c2d4e6f7"):
    """A mail of ours, as the outbox keeps it; returns its Message-ID."""
    async with await Resp.open(centre.redis_address()) as redis:
        await redis("SET", "usher:{flow}:out:" + name, "{}")
    return f"<{case}.{name}@desk.example>"


@test(subset=True)
async def an_answer_joins_the_live_contact_of_its_case_and_its_agent_hears_of_it(start):
    centre = await start(mail=MAIL)
    ann = await centre.agent("a1")
    contact = await contact_of(centre)
    await ann.take(contact)
    ours = await left_here(centre, contact)
    answer = mail("It came, thanks.\n", In_Reply_To=ours, Subject="Re: Order 4711")
    equal(await contact_of(centre, answer), contact)
    heard = await ann.expect("email.received")
    equal((heard["contact"]["id"], heard["mail"]["text"]), (contact, "It came, thanks.\n"))
    equal(await contact_of(centre, answer), contact)  # the same once more is no news
    await ann.quiet("email.received", 0.3)
    thread = await ann.call("email.thread", contact=contact)
    equal(([m["text"] for m in thread["mails"]], thread["more"]), (["Where is my order?\n", "It came, thanks.\n"], False))
    bob = await centre.agent("a2", ready=False)
    await refused(bob.call("email.thread", contact=contact))
    await ann.finish(contact)
    equal(await contact_of(centre, answer), contact)


@test(subset=True)
async def an_answer_after_the_end_reopens_the_case_for_its_last_agent(start):
    centre = await start(mail=MAIL, queues={"general": {"affinity": "60s"}})
    ann = await centre.agent("a1")
    first = await contact_of(centre)
    await ann.take(first)
    await ann.finish(first)
    await asyncio.sleep(0.1)
    bob = await centre.agent("a2")
    ours = await left_here(centre, first)
    again = await contact_of(centre, mail("Still broken.\n", References=f"<x@y.example> {ours}"))
    check(again != first, "a contact of its own")
    offer = await ann.offered(again)
    equal(offer["contact"]["id"], again)
    await bob.quiet("offer.created", 0.2)
    found = await mail_of(centre, again)
    (earlier,) = found["thread"].pop("earlier")
    equal((earlier["from"], earlier["text"]), ("ann@cust.example", "Where is my order?\n"))
    equal(found["thread"], {"case": first, "by": "references", "answers": ours.strip("<>")})


@test
async def a_customer_who_answers_his_own_mail_stays_in_his_case_and_nobody_else_gets_in(start):
    centre = await start(mail=MAIL)
    contact = await contact_of(centre, mail(Message_ID="<own@cust.example>"))
    more = mail("One more thing.\n", In_Reply_To="<own@cust.example>")
    equal(await contact_of(centre, more), contact)
    other = mail("Me too.\n", In_Reply_To="<own@cust.example>", From="eve@else.example")
    check(await contact_of(centre, other, sender="eve@else.example") != contact, "another sender")
    forged = mail("And I.\n", In_Reply_To=f"<{contact}.00112233445566ff@desk.example>")
    check(await contact_of(centre, forged) != contact, "a Message-ID that never left here")
    subject = mail("Re\n", Subject=f"Re: Order 4711 [#{contact}-000000]")
    check(await contact_of(centre, subject) != contact, "a token that was guessed")


@test
async def machines_are_told_and_an_absence_opens_no_case_again(start):
    centre = await start(mail=MAIL, rules=[{"when": "mail.automatic", "set": {"queue": "billing"}}])
    ann = await centre.agent("a1")
    contact = await contact_of(centre)
    await ann.take(contact)
    await ann.finish(contact)
    ours = await left_here(centre, contact)
    away = mail("I am away.\n", In_Reply_To=ours, Auto_Submitted="auto-replied")
    equal(await contact_of(centre, away), contact)
    news = await contact_of(centre, mail("Buy!\n", Precedence="bulk"))
    equal((await centre.get(news))["queue"], "billing")
    equal((await mail_of(centre, news))["automatic"], {"kind": "bulk", "why": "Precedence: bulk"})


@test
async def a_bounce_is_attached_to_what_bounced(start):
    centre = await start(mail=MAIL)
    ann = await centre.agent("a1")
    contact = await contact_of(centre)
    await ann.take(contact)
    ours = await left_here(centre, contact)
    report = (
        "From: MAILER-DAEMON@mx.example\r\nTo: help@desk.example\r\nMessage-ID: <b1@mx.example>\r\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nNo.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
        "Final-Recipient: rfc822; ann@cust.example\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {ours}\r\n--b--\r\n"
    ).encode()
    equal(await contact_of(centre, report, sender=""), contact)
    heard = await ann.expect("email.received")
    equal(heard["mail"]["bounce"]["of"], ours.strip("<>"))
    equal(heard["mail"]["automatic"]["kind"], "bounce")


LIBRARY = {
    "late.md": "---\ntitle: Your order is late\nlanguages: [en]\nkeywords: [where is my order]\n---\nSorry.\n",
    "lost.md": "---\ntitle: Lost card\nlanguages: [en]\nkeywords: [lost card]\n---\nLocked.\n",
    "rules.yaml": "- {any: [lawyer], queue: billing}\n- {any: [francais], skill: french}\n",
}


def write_library(folder):
    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    for name, text in LIBRARY.items():
        (folder / name).write_text(text)


@test(subset=True)
async def proposals_travel_with_the_contact_and_rules_choose_its_queue(start):
    boxes = {"support": {"addresses": ["help@desk.example"], "library": "responses"}}
    centre = await start(launch=False, mail={**MAIL, "mailboxes": boxes})
    write_library(centre.dir / "responses")
    await centre.launch()
    found = await mail_of(centre, await contact_of(centre, mail("Hello, where is my order? It is late.\n")))
    best = found["suggest"]["proposals"][0]
    equal((best["id"], best["title"]), ("late", "Your order is late"))
    check(0 < best["p"] <= 1 and "rule" in best["why"], best)
    angry = await contact_of(centre, mail("I shall call my lawyer, where is my order?\n"))
    equal((await centre.get(angry))["queue"], "billing")
    # A library with a mistake is not taken: the one before stays.
    (centre.dir / "responses" / "late.md").write_text("---\nnonsense: 1\n---\n")
    await refused(centre.admin("config.reload"), "config_invalid")
    found = await mail_of(centre, await contact_of(centre, mail("Where is my order?\n")))
    equal(found["suggest"]["proposals"][0]["id"], "late")


@test
async def card_data_reaches_neither_redis_nor_the_disk(start):
    centre = await start(mail=MAIL)
    number = "4111 1111 1111 1111"
    contact = await contact_of(centre, mail(f"My card is {number}.\n", Subject=f"Card {number.replace(' ', '-')}"))
    found = await mail_of(centre, contact)
    equal(found["redacted"], 2)
    check("original" not in found, found)
    await centre.stop_daemon()
    planted = [number.encode(), number.replace(" ", "").encode(), number.replace(" ", "-").encode()]
    for path in centre.state_dir.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            check(not any(p in data for p in planted), path)


@test(subset=True)
async def when_redis_is_away_mail_is_asked_for_again_and_comes_in_afterwards(start):
    centre = await start(mail=MAIL)
    content, seen = mail(), []
    await centre.kill("redis")
    for _ in range(400):
        said = await deliver(centre, content)
        seen += [code for code, _ in said.values()]
        if seen[-1] == 250:
            break
        await asyncio.sleep(0.02)
    check(set(seen) <= {250, 451}, seen)
    equal(seen[-1], 250)
    equal(len(await centre.waiting()), 1)


@test
async def a_unix_socket_serves_and_bad_bytes_harm_nobody(start):
    data = mailbox.shared("bad/own")
    centre = await start(mail={**MAIL, "lmtp": {"address": "unix:/tmp/usher-lmtp-%d.sock" % id(start)}}, judged=False)
    address = centre.ready["lmtp"].removeprefix("unix:")
    equal(oct(os.stat(address).st_mode & 0o777), "0o660")
    cases = [json.loads(line) for line in (data / "smtp.jsonl").read_text().splitlines()] if data else []
    for case in cases:
        if case["expect"] == "timeout":
            continue
        before = await settled(centre)
        await play(address, case)
        if case["expect"] in ("reject", "close") or case["id"].endswith("half-data-drop"):
            equal(await settled(centre), before, case["id"])
        elif case["expect"] == "one":
            check(await settled(centre) <= before + 1, case["id"])
    await contact_of(centre)


async def settled(centre):
    """How many wait, once that does not change any more."""
    seen = [-1]
    while len(seen) < 3 or len(set(seen[-3:])) > 1:
        seen.append(len(await centre.waiting()))
        await asyncio.sleep(0.1)
    return seen[-1]


async def play(address, case):
    """Sends the bytes of a case, LHLO for EHLO, and reads until the peer ends or falls silent."""
    reader, writer = await asyncio.open_unix_connection(address)
    try:
        for chunk, repeat, _ in case["chunks"]:
            block = base64.b64decode(chunk).replace(b"EHLO", b"LHLO").replace(b"in@localhost", b"help@desk.example")
            for _ in range(min(repeat, (60 << 20) // max(1, len(block)))):
                writer.write(block)
                await writer.drain()
        while await asyncio.wait_for(reader.read(65536), 2):
            pass
    except (asyncio.TimeoutError, OSError):
        pass
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@test
async def whatever_a_mail_looks_like_it_becomes_a_contact(start):
    data = mailbox.shared("bad")
    if data is None:
        raise Skip("the mails beside the project are not there")
    centre = await start(mail=MAIL, judged=False)
    raws = [path.read_bytes() for folder in ("mail", "mime", "bounce") for path in sorted((data / "third-party" / folder).glob("*"))]
    raws += [path.read_bytes() for path in sorted((data.parent / "mail").glob("*.eml"))]
    for line in (data / "own" / "mime.jsonl").read_text().splitlines():
        raws.append(b"".join(base64.b64decode(c) * r for c, r, _ in json.loads(line)["chunks"]))
    for raw in raws:
        said = await deliver(centre, re.sub(b"\r\n|\r|\n", b"\r\n", raw))
        equal([code for code, _ in said.values()], [250], raw[:80])


@test
async def files_are_fetched_by_agents_who_have_the_contact_and_never_shown_inline(start):
    centre = await start(mail=MAIL)
    ann, bob = await centre.agent("a1"), await centre.agent("a2", ready=False)
    raw = (
        "From: Ann <ann@cust.example>\r\nTo: help@desk.example\r\nMessage-ID: <f1@cust.example>\r\n"
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee file\r\n--b\r\n"
        "Content-Type: text/html; name=\"../x ü.html\"\r\n\r\n<script>1</script>\r\n--b--\r\n"
    ).encode()
    contact = await contact_of(centre, raw)
    await ann.take(contact)
    (file,) = (await mail_of(centre, contact))["attachments"]
    equal((file["name"], file["type"], file["bytes"]), ("x ü.html", "text/html", 18))
    given = await ann.call("email.file", contact=contact, blob=file["blob"])
    check((await fetch(centre, given["path"], None))[0] == 401, "without a token")
    status, fields, body = await fetch(centre, given["path"], given["token"])
    equal((status, body), (200, "<script>1</script>"))
    equal(fields["content-type"], "application/octet-stream")
    check(fields["content-disposition"].startswith("attachment;"), fields)
    check("sandbox" in fields["content-security-policy"], fields)
    await refused(bob.call("email.file", contact=contact, blob=file["blob"]))
    await refused(ann.call("email.file", contact=contact, blob="0" * 64), "no_file")


async def fetch(centre, path, token):
    """GET: status, fields, body."""
    return await centre.http.exchange("GET", path, headers={"X-Usher-Token": token} if token else {})


if __name__ == "__main__":
    main()
