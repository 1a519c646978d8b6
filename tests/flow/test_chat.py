"""Chats over the real WebSocket: a customer and an agent, and everything that may come between."""

import asyncio
import hashlib
import hmac
import os
import shutil
import time

import harness
from chat_case import Chats, begin
from maildesk import post
from resp import Resp
from robot import refused
from runner import check, equal, eventually, main, test
from usher_client import Refused


async def connected(centre, chats, agent="a1", **about):
    """A customer who talks with an agent: (visitor, agent's robot, contact)."""
    ann = await centre.agent(agent)
    visitor = await chats.visitor(**about)
    contact = await ann.take()
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "talking")
    return visitor, ann, contact


async def says(ann, contact, text, message_id):
    return (await ann.call("chat.message", contact=contact, id=message_id, text=text))["seq"]


@test(subset=True)
async def a_customer_and_an_agent_talk(start):
    centre, chats = await begin(start, channels={"chat": {"wrapup": "5s"}})
    visitor, ann, contact = await connected(centre, chats, name="Mary", question="Where is my order?")
    told = await ann.expect("chat.message", lambda p: p["message"].get("code") == "joined")
    equal(told["contact"]["id"], contact)
    page = await ann.call("chat.transcript", contact=contact)
    equal([m["text"] for m in page["messages"] if m["kind"] == "text"], ["Where is my order?"])
    await says(ann, contact, "Good morning!", "1")
    heard = await visitor.wait_for("chat.message", lambda m: m["from"] == "agent")
    equal((heard["text"], heard["name"]), ("Good morning!", "Ann"))
    seq = await visitor.say("Hello, number 17.")
    await ann.expect("chat.message", lambda p: p["message"]["seq"] == seq)
    await visitor.call("chat.read", seq=heard["seq"])
    await ann.expect("chat.read", lambda p: p["message_seq"] == heard["seq"])
    await ann.call("chat.read", contact=contact, seq=seq)
    await visitor.wait_for("chat.read", lambda p: p["seq"] == seq)
    await visitor.call("chat.typing")
    await ann.expect("chat.typing", lambda p: p["on"])
    await ann.call("chat.typing", contact=contact)
    await visitor.wait_for("chat.typing", lambda p: p["on"])
    await ann.call("chat.close", contact=contact)
    over = await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    equal((over["reason"], over["may_rate"]), ("agent", True))
    await visitor.call("chat.rate", score=5, comment="Thank you")
    await ann.finish(contact)
    await refused(visitor.call("chat.say", id="late", text="one more"), "chat_over")


@test(subset=True)
async def a_waiting_customer_hears_his_place_and_who_comes(start):
    centre, chats = await begin(start)
    first, second = await chats.visitor(name="A"), await chats.visitor(name="B")
    place = await second.wait_for("chat.state", lambda s: s.get("position") == 1)
    equal(place["stage"], "waiting")
    ann = await centre.agent("a1")
    await ann.take()
    state = await first.wait_for("chat.state", lambda s: s["stage"] == "talking")
    equal(state["agent"], {"name": "Ann"})
    await second.wait_for("chat.state", lambda s: s.get("position") == 0)


@test(subset=True)
async def the_same_message_twice_is_one(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats)
    seq = await visitor.say("once", "x1")
    equal(await visitor.say("once", "x1"), seq)
    equal(await says(ann, contact, "mine", "x1"), seq + 1, "ids of one side are none of the other's")
    equal(await says(ann, contact, "mine", "x1"), seq + 1)
    await eventually(lambda: visitor.texts() == ["once", "mine"], what="both messages")
    page = await ann.call("chat.transcript", contact=contact)
    equal([m["text"] for m in page["messages"] if m["kind"] == "text"], ["once", "mine"])


@test(subset=True)
async def a_lost_connection_loses_and_doubles_nothing(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats)
    sent, heard = [], []
    for i in range(12):
        text = f"word {i}"
        sent.append(text)
        saying = asyncio.create_task(visitor.say(text))
        if i % 3 == 0:
            await asyncio.sleep(0.005)
            visitor.crash()
        heard.append(f"answer {i}")
        await says(ann, contact, heard[-1], f"a{i}")
        await saying
    await eventually(lambda: visitor.texts("customer") == sent, what="all that was said, once")
    await eventually(lambda: visitor.texts("agent") == heard, what="all that was answered, once")
    equal(await centre.state(contact), "connected")


@test(subset=True)
async def a_resumed_chat_keeps_its_place(start):
    centre, chats = await begin(start)
    visitor = await chats.visitor(name="A")
    later = await chats.visitor(name="B")
    visitor.crash()
    await eventually(lambda: len([e for e in visitor.events if e[0] == "chat.state"]) >= 1, what="state")
    await eventually(lambda: visitor._ready.is_set(), what="resumed")
    await later.wait_for("chat.state", lambda s: s.get("position") == 1)
    again = await chats.visitor(start=False)
    again.client_id = visitor.client_id
    answer = await again.start(name="A")
    equal(answer["chat"], visitor.chat, "the same client_id finds the same chat")
    equal(len(await centre.waiting()), 2)
    await refused(again.call("chat.resume", chat=later.chat, token=visitor.token), "token_wrong")


@test
async def a_kill_of_the_router_loses_and_doubles_no_message(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats)
    sent = []

    async def talk():
        for i in range(30):
            text = f"line {i}"
            sent.append(text)
            await visitor.say(text)

    talking = asyncio.create_task(talk())
    for _ in range(3):
        await asyncio.sleep(0.4)
        await centre.kill()
        await centre.launch()
    await asyncio.wait_for(talking, 60)
    await eventually(lambda: ann.online and contact in ann.contacts, limit_s=20, what="the agent is back")
    after, found = 0, []
    while True:
        page = await ann.call("chat.transcript", contact=contact, after=after)
        found += [m["text"] for m in page["messages"] if m["from"] == "customer"]
        after = page["next"]
        if not page["more"]:
            break
    equal(found, sent)
    await eventually(lambda: visitor.texts("customer") == sent, what="the customer sees each once")
    equal(await centre.state(contact), "connected")


@test
async def what_is_said_before_the_chats_are_read_back_is_to_be_said_again(start):
    centre, chats = await begin(start, redis="own")
    visitor, ann, contact = await connected(centre, chats)
    async with await Resp.open(centre.redis_address()) as redis:
        await centre.kill()
        [key] = [k.decode() if isinstance(k, bytes) else k for k in await redis("KEYS", "*:chats")]
        await redis("RENAME", key, key + ":aside")
        await redis("SET", key, "no list of chats")
        await centre.launch()
        await eventually(lambda: ann.online and contact in ann.contacts, limit_s=20, what="the agent is back")
        await refused(says(ann, contact, "I am back.", "m1"), "store_away")
        await refused(ann.call("chat.transcript", contact=contact), "store_away")
        await redis("DEL", key)
        await redis("RENAME", key + ":aside", key)
        await redis("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    async def said():
        try:
            return await says(ann, contact, "I am back.", "m1")
        except Refused as error:
            equal(error.type, "store_away")
            return None

    await eventually(said, limit_s=20, what="it can be said")
    await eventually(lambda: visitor.texts("agent") == ["I am back."], limit_s=20, what="the customer reads it once")


@test
async def redis_killed_in_the_middle_loses_and_doubles_no_message(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats)
    sent = []

    async def talk():
        for i in range(30):
            sent.append(f"line {'x' * i}.")  # numbers one after the other may be a card's
            await visitor.say(sent[-1])

    talking = asyncio.create_task(talk())
    for _ in range(2):
        await asyncio.sleep(0.5)
        await centre.kill("redis")
        await asyncio.sleep(1)
    await asyncio.wait_for(talking, 60)
    await eventually(lambda: visitor.texts("customer") == sent, limit_s=20, what="each once")
    page = await ann.call("chat.transcript", contact=contact)
    equal([m["text"] for m in page["messages"] if m["from"] == "customer"], sent)


@test
async def a_message_that_comes_again_has_its_digits_once(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats)

    async def kept():
        page = await ann.call("chat.transcript", contact=contact)
        return [m["text"] for m in page["messages"] if m["from"] == "customer"]

    # A card number in four pieces, of which two come again, since their answers were lost.
    for key, text in (("k1", "5500 0000"), ("k2", "0000"), ("k1", "5500 0000"), ("k2", "0000"), ("k3", "0004")):
        await visitor.say(text, message_id=key)

    async def masked():
        texts = await kept()
        return len(texts) == 3 and all("0" not in text for text in texts)

    await eventually(masked, what="no piece of it is kept")
    # And no card number is made of one that comes again and again: 4111 three times and 0004 would be one.
    for _ in range(3):
        await visitor.say("order 4111", message_id="o1")
    await visitor.say("line 0004", message_id="o2")
    equal((await kept())[3:], ["order 4111", "line 0004"])


# ---- silence


@test
async def an_agent_who_is_silent_is_warned_and_loses_the_chat_at_its_place(start):
    centre, chats = await begin(start, chat={"agent_warn": "1s", "agent_limit": "1s"})
    visitor, ann, contact = await connected(centre, chats, question="Anybody there?")
    warned = await ann.expect("chat.warning")
    equal(warned["contact"]["id"], contact)
    await ann.expect("contact.queued", lambda p: p["contact"]["id"] == contact)
    await visitor.wait_for("chat.message", lambda m: m.get("code") == "requeued")
    await eventually(lambda: ann.agent["state"] == "not_ready", what="not ready")
    equal(ann.agent["reason"], "silent")
    before = await centre.get(contact)
    bob = await centre.agent("a2")
    equal(await bob.take(contact), contact)
    after = await centre.get(contact)
    equal(after["t0_ms"], before["t0_ms"], "as old as it was")
    page = await bob.call("chat.transcript", contact=contact)
    check("Anybody there?" in [m.get("text") for m in page["messages"]], "the transcript comes along")


@test
async def an_agent_whom_nobody_warns_loses_the_chat_after_the_limit_alone(start):
    centre, chats = await begin(start, chat={"agent_warn": "0s", "agent_limit": "1s"})
    ann = await centre.agent("a1")
    await chats.visitor(question="Anybody there?")
    contact = await ann.take()
    await ann.expect("contact.queued", lambda p: p["contact"]["id"] == contact)
    equal([name for name, _ in ann.heard if name == "chat.warning"], [])


@test
async def a_customer_who_is_silent_is_asked_and_then_the_chat_ends(start):
    centre, chats = await begin(start, chat={"customer_ask": "1s", "customer_limit": "1s"})
    visitor, ann, contact = await connected(centre, chats)
    await says(ann, contact, "How can I help?", "1")
    await visitor.wait_for("chat.state", lambda s: s.get("asked"))
    await ann.expect("chat.asked")
    await visitor.call("chat.here")
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "talking" and not s.get("asked"))
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    equal(visitor.state["reason"], "silent")
    await ann.expect("contact.completed", lambda p: p["contact"]["id"] == contact)


@test
async def a_customer_who_writes_when_he_is_asked_is_asked_no_more(start):
    centre, chats = await begin(start, chat={"customer_ask": "1s", "customer_limit": "5m"})
    visitor, ann, contact = await connected(centre, chats)
    await says(ann, contact, "How can I help?", "1")
    await visitor.wait_for("chat.state", lambda s: s.get("asked"))
    await visitor.say("I am looking for the number")
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "talking" and not s.get("asked"))


@test
async def a_customer_whose_page_is_gone_is_waited_for_a_while(start):
    centre, chats = await begin(start, chat={"away": "1500ms"})
    visitor = await chats.visitor(reconnect=False)
    contact = visitor.contact
    visitor.crash()
    await asyncio.sleep(0.3)
    equal(await centre.state(contact), "queued")
    await centre.becomes(contact, "abandoned")


# ---- staff


@test(subset=True)
async def a_transfer_takes_transcript_and_private_note_along(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats, question="My bill is wrong")
    await ann.call("chat.note", contact=contact, id="n1", text="Angry; be careful")
    await says(ann, contact, "I ask a colleague.", "m1")
    cem = await centre.agent("a3", ready=False)
    await ann.call("contact.transfer", contact=contact, agent="a3")
    await ann.expect("contact.transferred")
    await cem.ready()
    equal(await cem.take(contact), contact)
    page = await cem.call("chat.transcript", contact=contact)
    kinds = [(m["kind"], m.get("text", m.get("code"))) for m in page["messages"]]
    check(("note", "Angry; be careful") in kinds, kinds)
    check(("event", "transferred") in kinds, kinds)
    await refused(ann.call("chat.message", contact=contact, id="x", text="still me"), "not_yours")
    await eventually(lambda: ("chat.state" in [n for n, _ in visitor.events]), what="state")
    seen = await visitor.call("chat.history")
    check("Angry; be careful" not in str(seen) and "Angry" not in str(visitor.events), "notes are not the customer's")


@test(subset=True)
async def a_supervisor_reads_along_and_whispers(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats)
    heard = []
    boss = await centre.supervisor("s1", on_event=lambda name, params: heard.append((name, params)))
    await boss.call("chat.watch", contact=contact)
    await visitor.say("I want a refund")
    await eventually(
        lambda: any(n == "chat.message" and p["message"].get("text") == "I want a refund" for n, p in heard), what="read along"
    )
    await boss.call("chat.whisper", contact=contact, id="w1", text="Offer ten percent")
    whisper = await ann.expect("chat.message", lambda p: p["message"]["kind"] == "whisper")
    equal((whisper["message"]["text"], whisper["message"]["from"]), ("Offer ten percent", "supervisor"))
    await refused(boss.call("chat.message", contact=contact, id="m", text="hello"), "not_permitted")
    await visitor.say("Well?")
    check("ten percent" not in str(visitor.events), "a whisper is for the agent alone")
    await refused(ann.call("chat.whisper", contact=contact, id="w2", text="me too"), "not_permitted")


# ---- what is kept, what is refused


@test(subset=True)
async def card_data_is_gone_before_it_is_written(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats, question="My card 4111 1111 1111 1111 was charged twice")
    await visitor.say("and 5500 0000", "c1")
    await visitor.say("0000 0004 too", "c2")
    await eventually(lambda: "0000 0004" not in str(visitor.messages), what="the joined number is masked")
    page = await ann.call("chat.transcript", contact=contact)
    text = "\n".join(m.get("text", "") for m in page["messages"])
    check("ending 1111" in text, text)
    check("5500 0000" not in text, text)
    title = (await centre.get(contact)).get("title", "")
    check("4111" not in title, title)
    await centre.stop_daemon()
    planted = [b"4111 1111 1111 1111", b"4111111111111111"]
    for path in centre.state_dir.glob("**/*"):
        if path.is_file():
            data = path.read_bytes()
            check(not any(p in data for p in planted), f"a card number rests in {path.name}")


@test(subset=True)
async def limits_of_messages_hold(start):
    centre, chats = await begin(start)
    visitor = await chats.visitor()
    await refused(visitor.call("chat.say", id="long", text="x" * 8193), "invalid_params")
    await refused(visitor.call("chat.say", id="none", text=" \n\t "), "invalid_params")
    await refused(visitor.call("chat.say", id="no/id", text="hello"), "invalid_params")
    for i in range(10):
        await visitor.call("chat.say", id=f"b{i}", text="quick")
    error = await refused(visitor.call("chat.say", id="b10", text="quick"), "rate_limited")
    check(error.data["retry_after_ms"] > 0, error.data)
    await chats.visitor()
    await chats.visitor()
    fourth = await chats.visitor(start=False)
    await refused(fourth.start(), "too_many_chats")
    await visitor.call("chat.leave")
    await fourth.start()
    centre.judged = False  # the fourth is not in the journal


@test(subset=True)
async def before_a_start_nothing_but_hello_is_answered(start):
    centre, chats = await begin(start, chat={"require": ["name"], "topics": ["Orders"]})
    visitor = await chats.visitor(start=False)
    hello = await visitor.call("chat.hello")
    equal((hello["open"], hello["topics"], hello["require"]), (True, ["Orders"], ["name"]))
    for method, params in (("chat.say", {"id": "1", "text": "x"}), ("chat.leave", {}), ("chat.history", {}), ("chat.here", {})):
        await refused(visitor.call(method, **params), "not_started")
    await refused(visitor.start(), "invalid_params")
    await refused(visitor.start(name="A", email="no address"), "invalid_params")
    visitor.client_id = "short"
    await refused(visitor.start(name="A"), "invalid_params")


@test(subset=True)
async def a_closed_queue_names_other_ways(start):
    centre, chats = await begin(start, queues={"general": {"alternatives": ["email"]}})
    await centre.admin("queue.close", queue="general")
    visitor = await chats.visitor(start=False)
    hello = await visitor.call("chat.hello")
    equal((hello["open"], hello["alternatives"]), (False, ["email"]))
    error = await refused(visitor.start(name="A"), "queue_closed")
    equal(error.data["alternatives"], ["email"])


@test(subset=True)
async def an_identity_that_the_site_signs_is_believed_and_no_other(start):
    centre = await start(launch=False)
    secret = centre.dir / "chat.key"
    secret.write_bytes(b"k" * 32)
    secret.chmod(0o600)
    if os.geteuid() == 0:
        shutil.chown(secret, "nobody")  # the daemon's account
    centre.write_settings(chat={"identity_key_file": str(secret)})
    await centre.launch()
    chats = Chats(centre)
    centre.wires.append(chats)

    def signed(key=b"k" * 32, **who):
        lines = "\n".join(str(who.get(name, "")) for name in ("user", "name", "email", "phone", "expires"))
        return {**who, "hash": hmac.new(key, lines.encode(), hashlib.sha256).hexdigest()}

    mary = {"user": "c-17", "name": "Mary Major", "email": "mary@cust.example", "expires": int(time.time()) + 600}
    visitor = await chats.visitor(start=False)
    for wrong in (
        signed(key=b"x" * 32, **mary), {**signed(**mary), "user": "c-18"}, {**signed(**mary), "email": "eve@evil.example"},
        signed(**{**mary, "expires": int(time.time()) - 60}), {**mary, "hash": "0" * 64}, {"user": "c-17"},
    ):  # fmt: skip
        await refused(visitor.start(identity=wrong, question="x"), "identity_wrong")
    await chats.start(visitor, identity=signed(**mary), name="Somebody Else", question="Hello")
    ann = await centre.agent("a1")
    contact = await ann.take()
    known = (await centre.admin("contact.get", contact=contact))["contact"]
    equal((known["customer_id"], known["attributes"]["customer.name"], known["attributes"]["customer.verified"]), ("c-17", "Mary Major", True))
    check(known["chat"]["verified"], "the agent sees that the site vouches for him")
    other = await chats.visitor(name="Mary Major", email="mary@cust.example", question="Me too")
    plain = (await centre.admin("contact.get", contact=other.contact))["contact"]
    equal((plain["chat"]["verified"], plain["attributes"]["customer.verified"]), (False, False), "what is only said is not believed")


MESSAGE = {"name": "Mary Major", "email": "mary@cust.example", "topic": "Late parcel", "language": "en"}


@test(subset=True)
async def a_message_left_instead_of_a_chat_is_a_mail_of_the_mailbox(start):
    here = await post(start)
    chats = Chats(here.centre)
    here.centre.wires.append(chats)
    visitor = await chats.visitor(start=False)
    equal((await visitor.call("chat.hello"))["ways"], ["email"])
    await refused(visitor.call("chat.write", client_id=visitor.client_id, text="x"), "invalid_params")
    await refused(visitor.call("chat.write", client_id=visitor.client_id, text=" ", email="a@b.example"), "invalid_params")
    await refused(visitor.call("chat.write", client_id=visitor.client_id, text="x", email="a@b.example\r\nBcc: c@d.example"), "invalid_params")
    await here.centre.admin("queue.close", queue="general")
    await refused(visitor.call("chat.write", client_id=visitor.client_id, text="x", email="a@b.example"), "not_taken")
    await here.centre.admin("queue.open", queue="general")
    text = "Hello,\nmy order is late. Where is my order?\nMy card is 4111 1111 1111 1111."
    page = {"url": "https://shop.example/cart", "title": "Your cart"}
    contact = await chats.write(visitor, text=text, page=page, fields={"cart": 40}, **MESSAGE)
    again = await visitor.call("chat.write", client_id=visitor.client_id, text=text, **MESSAGE)
    equal(again["contact"], contact, "the same client_id is the same message")
    ann = await here.centre.agent("a1")
    equal(await ann.take(), contact)
    mail = await ann.call("email.get", contact=contact)
    equal(mail["mail"]["from"], {"name": "Mary Major", "address": "mary@cust.example"})
    equal(mail["mail"]["subject"], "Late parcel")
    check("my order is late" in mail["mail"]["text"] and "4111 1111" not in mail["mail"]["text"], mail["mail"]["text"])
    check(mail["mail"]["suggest"]["proposals"], "the matcher proposes responses")
    known = (await here.centre.admin("contact.get", contact=contact))["contact"]["attributes"]
    equal((known["page.url"], known["site.cart"], known["mail.kind"], known["customer.name"]), ("https://shop.example/cart", 40, "form", "Mary Major"))
    await ann.call("email.reply", contact=contact, text="It arrives today.", resolve=True)
    message = (await here.mails(1))[0]
    equal((str(message["to"]), str(message["subject"]).startswith("Re: Late parcel")), ("mary@cust.example", True))
    equal(len(here.sink.taken), 1, "a stranger's address gets nothing by itself")


@test(subset=True)
async def a_message_is_a_contact_where_there_is_no_mailbox(start):
    centre, chats = await begin(start, chat={"written_per_address": 2})
    visitor = await chats.visitor(start=False)
    contact = await chats.write(visitor, text="Please call back.", **MESSAGE)
    waits = (await centre.admin("contact.get", contact=contact, payload=True))["contact"]
    equal((waits["channel"], waits["title"], waits["payload"]["text"]), ("email", "Late parcel", "Please call back."))
    again = await visitor.call("chat.write", client_id=visitor.client_id, text="Please call back.", **MESSAGE)
    equal(again["contact"], contact)
    other = await chats.visitor(start=False)
    await refused(other.call("chat.write", client_id=other.client_id, text="Once more", **MESSAGE), "rate_limited")


@test(subset=True)
async def a_chat_that_becomes_a_mail_keeps_age_words_and_case(start):
    here = await post(start, http=f"127.0.0.1:{harness.free_port()}", desk=f"127.0.0.1:{harness.free_port()}")
    chats = Chats(here.centre)
    here.centre.wires.append(chats)
    visitor, ann, contact = await connected(here.centre, chats, name="Mary", question="Where is my parcel?")
    before = (await here.centre.admin("contact.get", contact=contact))["contact"]
    await refused(ann.call("email.get", contact=contact), "no_mail")
    await ann.call("chat.convert", contact=contact, to="email", email="mary@cust.example")
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    equal(await ann.take(), contact, "it stays the same contact")
    after = (await here.centre.admin("contact.get", contact=contact))["contact"]
    equal((after["channel"], after["t0_ms"], after["created_ms"]), ("email", before["t0_ms"], before["created_ms"]))
    said = await ann.call("chat.transcript", contact=contact)
    check(any(m.get("text") == "Where is my parcel?" for m in said["messages"]), said)
    await here.centre.kill()
    await here.centre.launch()
    await eventually(lambda: ann.online, what="she is back")
    mail = await ann.call("email.get", contact=contact)
    equal(mail["mail"]["from"], {"name": "Mary", "address": "mary@cust.example"})
    await refused(ann.call("email.split", contact=contact, title="Another"), "no_mail")
    await ann.call("email.reply", contact=contact, text="It is on its way.", resolve=True)
    message = (await here.mails(1))[0]
    equal((str(message["to"]), message["in-reply-to"]), ("mary@cust.example", None))
    check("Where is my parcel?" in str(message["subject"]), message["subject"])


BIG = {"name": "scan.png", "size": 40 << 20, "part": 0, "data": "iVBORw0K"}  # two of them are more than there is room for


async def taken(visitor):
    """A file is begun, as soon as there is room for it."""
    async def begun():
        try:
            return await visitor.call("chat.upload", id="f1", **BIG)
        except Refused as error:
            check(error.type in ("busy", "rate_limited"), error.type)

    equal((await eventually(begun, what="room for the file"))["received"], 6)


@test
async def a_file_whose_connection_is_gone_gives_its_room_back(start):
    centre, chats = await begin(start, chat={"upload_size": 52428800})
    first, second = await chats.visitor(reconnect=False), await chats.visitor()
    await taken(first)
    await refused(second.call("chat.upload", id="f1", **BIG), "busy")
    first.crash()
    await taken(second)


@test
async def a_file_that_stands_still_gives_its_room_back(start):
    centre, chats = await begin(start, chat={"upload_size": 52428800}, speed=60)
    first, second = await chats.visitor(), await chats.visitor()
    await taken(first)
    await taken(second)
    await refused(first.call("chat.upload", id="f1", **{**BIG, "part": 1}), "part_wrong")
    equal(await centre.waiting(), [first.contact, second.contact])


@test(subset=True)
async def files_are_checked_kept_and_given_out(start):
    centre, chats = await begin(start)
    visitor, ann, contact = await connected(centre, chats)
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 900
    answer = await visitor.upload("photo.png", png)
    message = (await ann.expect("chat.message", lambda p: p["message"]["kind"] == "file"))["message"]
    equal((message["file"]["name"], message["file"]["size"]), ("photo.png", len(png)))
    check("blob" not in message["file"], "where it lies is nobody's to know")
    link = await ann.call("chat.file", contact=contact, seq=answer["seq"])
    status, head, body = await centre.client().exchange("GET", link["path"], headers={"X-Usher-Token": link["token"]})
    check((status, body.encode(errors="surrogateescape")) == (200, png), status, "other bytes than were sent")
    check(head["content-disposition"].startswith("attachment"), head)
    check("sandbox" in head["content-security-policy"], head)
    status, _ = await centre.client().call("GET", link["path"])
    equal(status, 401)
    await refused(visitor.upload("photo.exe", b"MZ"), "file_type")
    await refused(visitor.upload("page.png", b"<script>alert(1)</script>"), "file_type")
    await refused(visitor.upload("../../etc/.png", png), "invalid_params")
    await refused(visitor.call("chat.upload", id="u9", name="a.png", size=6000000, part=0, data="AAAA"), "file_too_large")
    await refused(visitor.call("chat.upload", id="u9", name="a.png", size=10, part=3, data="AAAA"), "part_wrong")


@test(subset=True)
async def an_agent_is_proposed_stored_responses_while_the_customer_writes(start):
    boxes = {"support": {"addresses": ["help@desk.example"], "library": "responses"}}
    centre, chats = await begin(start, launch=False, mail={"mailboxes": boxes})
    folder = centre.dir / "responses"
    folder.mkdir()
    folder.chmod(0o755)
    for name, title, words, body in (
        ("refund", "Refunds", "refund money back", "Your refund arrives within five days."),
        ("parcel", "Parcels", "parcel delivery tracking", "Parcels can be followed on our page."),
    ):
        (folder / f"{name}.txt").write_text(f"---\ntitle: {title}\nkeywords: [{', '.join(words.split())}]\n---\n{body}\n")
    await centre.launch()
    visitor, ann, contact = await connected(centre, chats)
    await visitor.say("I want my money back, a refund please")
    told = await ann.expect("chat.suggested")
    equal(told["proposals"][0]["id"], "refund")
    check("five days" in told["proposals"][0]["text"], told)
    equal((await ann.call("chat.suggest", contact=contact))["proposals"][0]["id"], "refund")
    found = (await ann.call("chat.canned", query="tracking"))["responses"]
    equal([r["id"] for r in found], ["parcel"])


@test(subset=True)
async def the_transcript_goes_out_by_mail_once(start):
    here = await post(start)
    chats = Chats(here.centre)
    here.centre.wires.append(chats)
    ann = await here.centre.agent("a1")
    visitor = await chats.visitor(name="Mary", question="Where is my parcel?")
    contact = await ann.take()
    await refused(visitor.call("chat.transcript", email="mary@cust.example"), "wrong_state")
    await says(ann, contact, "It left this morning.", "1")
    await visitor.wait_for("chat.message", lambda m: m["from"] == "agent")
    await ann.call("chat.note", contact=contact, id="n", text="between us")
    await refused(visitor.call("chat.transcript", email="mary@cust.example\r\nBcc: x@evil.example"), "invalid_params")
    equal((await visitor.call("chat.transcript", email="mary@cust.example"))["when"], "end")
    await ann.call("chat.close", contact=contact)
    message = (await here.mails(1))[0]
    equal((str(message["to"]), message.envelope[1]), ("mary@cust.example", ["mary@cust.example"]))
    text = message.get_content()
    check("Where is my parcel?" in text and "It left this morning." in text, text)
    check("between us" not in text, "notes are not the customer's")
    check(message["auto-submitted"], "it is automatic mail")
    # Once more at the customer's wish; asked for again, since the answer was lost, it is that one.
    for _ in range(2):
        equal((await visitor.call("chat.transcript", id="t-1", email="mary@cust.example"))["when"], "now")
    await here.mails(2)
    await here.centre.kill()
    await here.centre.launch()
    await asyncio.sleep(1)
    equal(len(here.sink.taken), 2, "and goes out once")


if __name__ == "__main__":
    main()
