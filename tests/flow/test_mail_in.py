"""Mail comes in: by LMTP, taken apart, threaded, proposed for, and kept before it is answered."""

import asyncio
import base64
import re

import mailbox
from mailbox import MAIL, contact_of, deliver, mail
from runner import check, equal, main, test


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


if __name__ == "__main__":
    main()
