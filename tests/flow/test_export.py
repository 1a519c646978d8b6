"""All that is kept of a customer, handed out to him: what every part of the centre has of him, and nothing of others."""

import json
import os
import shutil

from chat_case import Chats
from ctl import run
from harness import free_port
from maildesk import mail_in, post
from mailbox import mail
from runner import check, equal, eventually, main, test
from test_callme import hours_from_now
from test_customers_away import drop, found
from test_email import attach, with_file
from usher_client import Refused
from records import settled
from robot import refused

CHANNELS = {"callback": {"cost": 100, "offer_timeout": "30s", "sla": "15m"}, "letter": {"cost": 25, "sla": "16h"}}
QUEUES = {"general": {"channels": ["voice", "chat", "task", "email", "callback", "letter"]}}
PNG = b"\x89PNG\r\n\x1a\n"
ELSE = "Nobody-of-his"  # in all that is somebody else's


def letters(centre):
    """A drop folder that usherd may write."""
    folder = centre.dir / "letters"
    for name in ("", "in", "done", "failed"):
        (folder / name).mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder / name, "nobody")
    return folder


async def exported(centre, party):
    """The export as usherctl prints it: the card, then the records by their kinds."""
    out, _ = await run("customer", "export", party, state=centre.state_dir)
    check(ELSE not in out, [line[:300] for line in out.splitlines() if ELSE in line])
    card, *records = [json.loads(line) for line in out.splitlines()]
    kinds = {}
    for record in records:
        kinds.setdefault(record["kind"], []).append(record)
    return card, kinds


async def fetched(centre, file):
    status, _, body = await centre.http.exchange("GET", file["path"], headers={"X-Usher-Token": file["token"]})
    equal(status, 200, file["name"])
    return body.encode(errors="surrogateescape")


async def ask_to_be_called(centre, phone, **more):
    body = {"phone": phone, "consent": True, "when": {"from": hours_from_now(20), "to": hours_from_now(30)}, **more}
    return await centre.client().call("POST", "/v1/callbacks", body)


@test(subset=True, limit_s=60)
async def all_that_is_kept_of_a_customer_is_in_his_export_and_nothing_of_others(start):
    here = await post(start, judged=False, launch=False, http=f"127.0.0.1:{free_port()}", channels=CHANNELS, queues=QUEUES,
                      callme={"country": "44", "allow": ["+44"]})  # fmt: skip
    centre = here.centre
    folder = letters(centre)
    centre.write_settings(plugins=[{"name": "task_dir", "folder": str(folder), "every": "100ms", "settle": "100ms"}])
    await centre.launch()
    chats = Chats(centre)
    centre.wires.append(chats)
    zoe = {"account": "ZOE-1", "name": "Zoe", "email": "zoe@own.example", "phone": "+441632960321"}
    await centre.admin("customer.import", rows=json.dumps(zoe))
    party = await found(centre, "account", "ZOE-1")
    await centre.admin("customer.list_add", list="vip", kind="customer", pattern=party, reason="a founder")
    ann = await centre.agent("a1")

    # Mails, hers and another's, with files both ways.
    await mail_in(centre, with_file(mail(f"{ELSE}\n", From="Bo <bo@else.example>", Subject=ELSE), ELSE.encode()), sender="bo@else.example")
    other = await ann.take()
    await ann.wire.call("email.reply", contact=other, text=f"Dear {ELSE}")
    await ann.wire.call("email.resolve", contact=other)
    kettle = mail("The kettle is broken.\n" + "It leaks.\n" * 600, From="Zoe <zoe@own.example>", Subject="Kettle", Message_ID="<zoe-1@own.example>")
    await mail_in(centre, with_file(kettle, b"%PDF-1.4 kettle"), sender="zoe@own.example")
    first = await ann.take()
    await attach(ann, first, "label.txt", b"Send it here\n")
    await ann.wire.call("email.reply", contact=first, text="Send it back, please.")
    await here.mails(2)
    await ann.wire.call("contact.note", contact=first, text="a leak at the bottom")
    case = (await ann.wire.call("case.open", contact=first, title="A broken kettle"))["case"]
    await ann.wire.call("case.set_state", contact=first, case=case, state="pending", reason="it is on its way")
    await ann.wire.call("email.resolve", contact=first)

    # A chat that ends, with a file and a rating.
    visitor = await chats.visitor(question="Did it arrive?", name="Zoe", email="zoe@own.example")
    talk = await ann.take()
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "talking")
    await visitor.upload("box.png", PNG + b"a box")
    await ann.expect("chat.message", lambda p: p["message"]["kind"] == "file")
    await ann.call("chat.message", contact=talk, id="1", text="It did.")
    await ann.call("chat.close", contact=talk)
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    await visitor.call("chat.rate", score=5, comment="Quick")
    # What waits: a letter, a task with more in it than an answer may hold, a chat, a call; and others'.
    await ann.wire.call("agent.set_state", state="not_ready", reason="break")
    drop(folder, "zoe.pdf", b"%PDF-1.4 zoe", {"title": "By hand", "customer": {"account": "ZOE-1"}, "attributes": {"pages": 3}})
    drop(folder, "else.pdf", b"%PDF-1.4 else", {"title": ELSE, "customer": {"account": "ELSE"}})
    long = "".join(f'{n}: it said "out of order" again\n' for n in range(2500))
    for n in (2, 3):
        await mail_in(centre, mail(long, From="Zoe <zoe@own.example>", Subject=f"Log {n}", Message_ID=f"<zoe-{n}@own.example>"), sender="zoe@own.example")
    log = [f'{n} "said" \\ ümläut {"x" * n}\n' * (5000 // (n + 22)) for n in range(30, 80)]
    task = await centre.submit("task", title="A long log", customer={"account": "ZOE-1"}, payload={"log": log})
    await centre.submit("task", title=ELSE, customer={"account": "ELSE"}, payload={"log": ELSE})
    waits = await chats.visitor(question="Are you there?", name="Zoe", email="zoe@own.example")
    await chats.visitor(question=ELSE, name=ELSE, email="bo@else.example")
    for phone, topic in ((zoe["phone"], "The kettle"), ("+441632960999", ELSE)):
        equal((await ask_to_be_called(centre, phone, name=topic, topic=topic))[0], 201)
    await eventually(lambda: {"zoe.pdf", "else.pdf"} <= {p.name for p in (folder / "done").iterdir()}, what="letters that are kept")
    await settled(centre)

    async def whole():
        card, kinds = await exported(centre, party)
        said = [line["text"] for line in kinds.get("said", []) if line["contact"] == talk and line["said"] != "event"]
        return (card, kinds) if said == ["Did it arrive?", "box.png", "It did.", "Quick"] else None

    card, kinds = await eventually(whole, limit_s=20, what="the whole chat in the record")
    equal([one["reason"] for one in card["listings"]], ["a founder"])
    equal(sorted(m["subject"] for m in kinds["mail"] if m["direction"] == "in"), ["Kettle", "Log 2", "Log 3"])
    equal([len(m["text"]) > 40000 and long.startswith(m["text"]) for m in kinds["mail"] if m["subject"].startswith("Log")], [True, True])
    mails = {m["direction"]: m for m in kinds["mail"] if not m["subject"].startswith("Log")}
    equal((mails["in"]["subject"], mails["in"]["from"]["address"], mails["in"]["message_id"]), ("Kettle", "zoe@own.example", "zoe-1@own.example"))
    check("It leaks." in mails["in"]["text"] and mails["in"]["contact"] == first, mails["in"])
    equal((mails["out"]["text"], mails["out"]["to"], mails["out"]["state"]), ("Send it back, please.", ["zoe@own.example"], "sent"))
    equal(mails["out"]["in_reply_to"], "zoe-1@own.example")
    files = {file["name"]: await fetched(centre, file) for file in kinds["file"]}
    equal({name: files[name] for name in ("scan.pdf", "label.txt", "box.png")},
          {"scan.pdf": b"%PDF-1.4 kettle", "label.txt": b"Send it here\n", "box.png": PNG + b"a box"})  # fmt: skip
    eml = [await fetched(centre, file) for file in kinds["file"] if file["name"] == "mail.eml"]
    check(any(b"Message-ID: <zoe-1@own.example>" in one for one in eml) and len(eml) == 3, "the mails as they came")
    chat = {one["contact"]: one for one in kinds["chat"]}
    equal((chat[talk]["rating"], chat[talk]["about"]["email"], len(chat)), (5, "zoe@own.example", 2))
    check("Are you there?" in [line.get("text") for line in kinds["said"] if line["contact"] != talk], "what is said in a chat that goes on")
    equal([(c["phone"], c["topic"], c["about"]["name"]) for c in kinds["callback"]], [(zoe["phone"], "The kettle", "The kettle")])
    equal([(k["plugin"], k["what"]["name"], k["what"]["cover"]["title"]) for k in kinds["kept"]], [("task_dir", "zoe.pdf", "By hand")])
    equal([note["text"] for note in kinds["note"]], ["a leak at the bottom"])
    equal([(c["case"], c["title"]) for c in kinds["case"]], [(case, "A broken kettle")])
    check("it is on its way" in [c.get("reason") for c in kinds["case_change"]], kinds["case_change"])
    equal([a["value"] for a in kinds["answer"]], [10])
    details = {d["contact"]: d for d in kinds["details"]}
    equal(details[task]["payload"]["log"], log, "what an answer cannot hold is in it whole")
    check({first, talk} <= {c["contact"] for c in kinds["contact"]}, kinds["contact"])
    check(waits is not None and "piece" not in kinds, list(kinds))


@test(limit_s=60)
async def while_redis_is_away_an_export_is_refused_and_later_it_goes_on(start):
    """What only Redis has of him is not left out silently: whoever asks is told to ask for that page again."""
    centre = await start(judged=False, redis="own")
    await centre.admin("customer.import", rows=json.dumps({"account": "ZOE-1", "name": "Zoe"}))
    party = await found(centre, "account", "ZOE-1")
    contact = await centre.submit("task", title="By hand", customer={"account": "ZOE-1"}, payload={"page": 7})

    async def detail(after=None):
        """The page of the export that has what only Redis knows, and the cursor that leads to it."""
        while True:
            page = await centre.admin("customer.export", customer=party, **({"after": after} if after else {}))
            if [r for r in page["records"] if r["kind"] == "details"]:
                return page["records"], after
            check("next" in page, "no page has it")
            after = page["next"]

    records, after = await detail()
    equal([r["payload"] for r in records if r["kind"] == "details"], [{"page": 7}])
    port = int(centre.settings["redis"].rpartition(":")[2])
    await centre.kill("store")
    await centre.redis.wait()
    error = await refused(detail(after), "store_away")
    check(error.data["retry_ms"] > 0, error.data)
    await centre.start_redis(port=port)

    async def again():
        try:
            return await detail(after)
        except Refused as refusal:
            equal(refusal.type, "store_away")
            return None

    equal((await eventually(again, limit_s=30, what="Redis is back"))[0], records)
    equal([c["id"] for c in (await centre.admin("contact.list"))["waiting"]], [contact])


if __name__ == "__main__":
    main()
