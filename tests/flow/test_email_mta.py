"""The whole way of a mail through a real mail server: customer's program, Postfix, usher, Postfix, customer's mailbox."""

import contextlib
import email
import email.policy

from maildesk import post
from real_mta import Mta, need_postfix, swaks
from runner import check, equal, eventually, main, test


def parsed(raw):
    return email.message_from_bytes(raw, policy=email.policy.default)


@test(limit_s=180)
async def a_mail_by_a_real_server_is_answered_into_the_customers_mailbox_and_his_answer_comes_back(start):
    need_postfix()
    here = await post(start, launch=False, queues={"general": {"affinity": "60s"}})
    centre = here.centre
    mta = Mta(centre.dir, "desk.example", {"ann@cust.test": "ann", "bo@cust.test": "bo"})
    settings = centre.settings["mail"]
    settings["out"]["relay"]["address"] = f"127.0.0.1:{mta.port}"
    centre.write_settings(mail=settings)
    await centre.launch()
    host, _, port = centre.ready["lmtp"].rpartition(":")
    await mta.start(f"[{host}]:{port}")
    try:
        await there_and_back(centre, mta)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{mta.log()}") from None
    finally:
        with contextlib.suppress(Exception):
            await mta.stop()
    centre.judged = False  # swaks hands in what the journal does not know


async def there_and_back(centre, mta):
    ann = await centre.agent("a1")
    await centre.agent("a2", ready=False)
    await swaks(mta.port, "help@desk.example", "ann@cust.test", "--header", "Subject: Where is my order?",
                "--header", "Message-Id: <first@cust.test>", "--header", "From: Ann Customer <ann@cust.test>",
                "--body", "Hello, my order is late. Where is my order?\n.\n.dots stay\n")  # fmt: skip
    contact = await ann.take(timeout_s=30)
    seen = await ann.wire.call("email.get", contact=contact)
    check(".dots stay" in seen["mail"]["text"], seen["mail"]["text"])
    equal(seen["mail"]["suggest"]["proposals"][0]["id"], "order-late")
    taken = await ann.wire.call("suggestion.take", contact=contact, response="order-late")
    check("Dear Ann Customer," in taken["text"], taken)
    await ann.wire.call("suggestion.edit", contact=contact, text=taken["text"].replace("two days", "a day") + "\n.\nÜber ÿ.\n")
    await ann.wire.call("email.reply", contact=contact, resolve=True)
    await eventually(lambda: mta.received("ann"), limit_s=30, what="the answer in the customer's mailbox")
    answer = parsed(mta.received("ann")[0])
    equal((str(answer["in-reply-to"]), str(answer["references"])), ("<first@cust.test>", "<first@cust.test>"))
    equal(str(answer["return-path"]), "<help@desk.example>")
    body = answer.get_content()
    check("within a day" in body and "\n.\nÜber ÿ." in body, body)
    # The customer answers from his mail program; another agent is free, too.
    bob = await centre.agent("a2")
    await swaks(mta.port, "help@desk.example", "ann@cust.test", "--header", f"Subject: {answer['subject']}",
                "--header", f"In-Reply-To: {answer['message-id']}", "--header", "Message-Id: <second@cust.test>",
                "--body", "Thank you. Which day?\n")  # fmt: skip
    again = await ann.take(timeout_s=30)
    equal((await ann.wire.call("email.get", contact=again))["case"], contact)
    check(again not in bob.contacts, "it went to somebody else")
    # Nobody of that name: the real server's report finds the mail that came back.
    sent = (await ann.wire.call("email.reply", contact=again, text="On Friday.", to=["nobody@cust.test"]))["mail"]
    told = await ann.expect("email.delivery", lambda p: p["mail"]["state"] in ("failed", "bounced"), timeout_s=30)
    equal(told["mail"]["id"], sent["id"])
    check("nobody@cust.test" in told["mail"]["words"] or "unknown" in told["mail"]["words"].lower(), told)


if __name__ == "__main__":
    main()
