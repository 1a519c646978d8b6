"""Customers forgotten, customers who answer, and what a folder brings in."""

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3

from chat_case import begin
from ctl import run
from harness import BUILD
from records import recorded, settled
from resp import Resp
from robot import refused
from runner import check, equal, eventually, main, test

PLANTED = ["Zzyzx Planted", "zzyzx@planted.example", "+441632960777", "ZZYZX-ACCOUNT", "zzyzx-cookie", "Zzyzx letter",
           "zzyzx-external-1", "zzyzx-external-2", "Zzyzxville"]  # fmt: skip


async def found(centre, kind, value):
    customers = (await centre.admin("customer.find", kind=kind, value=value))["customers"]
    return customers[0]["id"] if customers else None


def traces(centre):
    """Files of the centre in which something planted stands, by what it is."""
    seen = {}
    for folder in (centre.state_dir, centre.dir):
        for path in folder.rglob("*"):
            if path.is_file() and path.name not in ("usher.yaml",):
                data = path.read_bytes()
                for word in PLANTED:
                    if word.encode() in data:
                        seen.setdefault(word, set()).add(str(path.relative_to(centre.dir)))
    return seen


@test(subset=True)
async def an_erased_customer_leaves_no_byte(start):
    """RELIABILITY I15: nowhere in the database, Redis, its log or ours, after the rewrite."""
    centre = await start()
    await centre.admin(
        "customer.import",
        rows=json.dumps({"account": "ZZYZX-ACCOUNT", "name": "Zzyzx Planted", "email": "zzyzx@planted.example",
                         "phone": "+441632960777", "cookie": "zzyzx-cookie", "attributes": {"city": "Zzyzxville"}}),
    )  # fmt: skip
    party = await found(centre, "account", "ZZYZX-ACCOUNT")
    await centre.admin("customer.list_add", list="vip", kind="email", pattern="zzyzx@planted.example")
    ann = await centre.agent("a1")
    ended = await centre.submit(
        "task", external_id="zzyzx-external-1", title="Zzyzx letter", customer={"email": "zzyzx@planted.example"}
    )
    await ann.take(ended)
    error = await refused(centre.admin("customer.erase", customer=party), "being_served")
    check("agent" in str(error), str(error))
    await ann.wire.call("agent.set_state", state="not_ready", reason="break")
    await ann.finish(ended)
    waits = await centre.submit("task", external_id="zzyzx-external-2", customer={"phone": "+441632960777", "name": "Zzyzx Planted"})
    other = await centre.submit("task", external_id="kept-1", customer={"phone": "01632 960001"})
    check(len(traces(centre)) >= 7, traces(centre))

    async def recorded():
        card = (await centre.admin("customer.export", customer=party))["customer"]
        return card["repeat_contacts"] >= 1

    await eventually(recorded, what="the record of the contact that ended")
    answer = await centre.admin("customer.erase", customer=party)
    check(answer["erased"]["identities"] == 4 and answer["erased"]["listings"] == 1, answer)
    await refused(centre.admin("customer.get", customer=party), "no_customer")
    equal(await centre.state(waits), None)
    equal(await centre.state(other), "queued", "others stay")

    async def gone():
        return not traces(centre)

    try:
        await eventually(gone, limit_s=20, what="nothing planted left")
    except AssertionError:
        raise AssertionError(f"left: {traces(centre)}") from None
    # The next one of that number is somebody new.
    again = await centre.submit("task", external_id="again-1", customer={"account": "NEW-1"})
    check((await centre.admin("contact.list"))["waiting"][-1].get("party") != party, again)
    centre.judged = False  # an erased contact has no end that robots saw


@test
async def what_a_customer_sends_while_he_is_erased_brings_nothing_of_him_back(start):
    """What is known of him is not handed on with contacts that come before the rows are gone, or late from a thread."""
    centre = await start(judged=False)
    for n in range(2):
        who = {"account": f"ZZYZX-{n}", "name": "Zzyzx Planted", "email": f"zzyzx{n}@planted.example"}
        await centre.admin("customer.import", rows=json.dumps({**who, "attributes": {"city": "Zzyzxville"}}))
        party = await found(centre, "account", f"ZZYZX-{n}")
        erasing = asyncio.create_task(erased_once_allowed(centre, party))
        for k in range(30):
            await centre.submit("task", external_id=f"more-{n}-{k}", customer={"email": f"zzyzx{n}@planted.example"})
        await erasing
        listed = await centre.admin("contact.list", most=200)
        equal([c["id"] for c in listed["waiting"] if c.get("party") == party], [])
        seen = [await centre.admin("contact.get", contact=c["id"]) for c in listed["waiting"]]
        check("Zzyzx Planted" not in json.dumps(seen) and "Zzyzxville" not in json.dumps(seen), seen)


@test(subset=True)
async def who_sends_while_his_rows_go_is_somebody_new(start):
    """The last step of an erasure waits for another program's lock: until it is done he can still be read, and is not."""
    centre = await start(judged=False)
    who = {"account": "ZZYZX-ACCOUNT", "name": "Zzyzx Planted", "email": "zzyzx@planted.example"}
    await centre.admin("customer.import", rows=json.dumps({**who, "attributes": {"city": "Zzyzxville"}}))
    party = await found(centre, "account", "ZZYZX-ACCOUNT")
    before = await centre.submit("task", external_id="before", customer={"email": who["email"]})
    await settled(centre)

    async def stopped():
        return (await centre.admin("customer.status"))["database"]["waiting"] == 0

    async def rows_wait():
        return not await stopped() and await centre.state(before) is None

    await eventually(stopped, what="nothing to be written")
    with contextlib.closing(sqlite3.connect(centre.state_dir / "history.db", isolation_level=None, timeout=10)) as other:
        other.execute("BEGIN IMMEDIATE")
        erasing = asyncio.create_task(erased_once_allowed(centre, party))
        await eventually(rows_wait, what="his contact is gone, his rows wait")
        equal(await found(centre, "account", "ZZYZX-ACCOUNT"), party, "and are there")
        more = await centre.submit("task", external_id="more", customer={"email": who["email"]})
        seen = await centre.admin("contact.get", contact=more)
        check(not erasing.done(), "it is not over yet")
        other.execute("ROLLBACK")
    await erasing
    await settled(centre)
    seen = [seen, await centre.admin("contact.get", contact=more)]
    check(not [word for word in (party, "Zzyzx Planted", "Zzyzxville", "ZZYZX-ACCOUNT") if word in json.dumps(seen)], seen)
    equal(await found(centre, "account", "ZZYZX-ACCOUNT"), None)

    async def new():
        return await found(centre, "email", who["email"])

    check(await eventually(new, what="a customer of that address") != party, "somebody new")


async def in_redis(centre):
    """What is planted and stands in a key or a value of Redis, by key."""
    read = {"string": ("GET",), "hash": ("HGETALL",), "list": ("LRANGE", 0, -1), "set": ("SMEMBERS",),
            "zset": ("ZRANGE", 0, -1), "stream": ("XRANGE", "-", "+")}  # fmt: skip
    seen = {}
    async with await Resp.open(centre.redis_address()) as redis:
        for key in await redis.keys():
            kind = await redis("TYPE", key)
            if kind == "none":  # it went meanwhile
                continue
            command, *rest = read[kind]
            said = f"{key} {await redis(command, key, *rest)}"
            if words := [word for word in PLANTED if word in said]:
                seen[key] = words
    return seen


@test(subset=True)
async def chats_and_calls_of_an_erased_customer_go_with_him(start):
    """RELIABILITY I15: what others keep of him too: chats, their files, call-me requests."""
    queues = {"general": {"channels": ["voice", "chat", "task", "email", "callback"]}}
    callme = {"country": "44", "allow": ["+44"]}
    callback = {"callback": {"cost": 100, "offer_timeout": "30s", "sla": "15m"}}
    centre, chats = await begin(start, judged=False, queues=queues, callme=callme, channels=callback)
    await centre.admin("customer.import", rows=json.dumps({"account": "ZZYZX-ACCOUNT", "email": "zzyzx@planted.example"}))
    party = await found(centre, "account", "ZZYZX-ACCOUNT")
    ann = await centre.agent("a1")
    who = {"name": "Zzyzx Planted", "email": "Zzyzx@planted.example"}
    visitor = await chats.visitor(question="Zzyzx letter", **who)
    contact = await ann.take()
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "talking")
    await visitor.upload("zzyzx-external-1.png", b"\x89PNG\r\n\x1a\n" + b"Zzyzxville" * 100)
    await ann.expect("chat.message", lambda p: p["message"]["kind"] == "file")
    await ann.call("chat.message", contact=contact, id="1", text="Dear Zzyzx Planted")
    await ann.wire.call("agent.set_state", state="not_ready", reason="break")
    await ann.call("chat.close", contact=contact)
    await visitor.wait_for("chat.state", lambda s: s["stage"] == "over")
    await visitor.call("chat.rate", score=5, comment="Zzyzxville")
    again = await chats.visitor(question="zzyzx-external-2", **who)  # waits
    status, _ = await centre.client().call(
        "POST", "/v1/callbacks", {"phone": "+441632960777", "consent": True, **who, "topic": "Zzyzx letter"})  # fmt: skip
    equal(status, 201)
    other = await chats.visitor(name="Somebody", question="Where is my order?")
    kept = set(await in_redis(centre))
    check({key.rpartition(":")[0].rpartition("}:")[2] or key for key in kept} >= {"chat", "c"}, kept)
    check(any(key.endswith("callbacks") for key in kept), kept)
    check(any("/blobs/" in path for paths in traces(centre).values() for path in paths), traces(centre))
    await centre.admin("customer.erase", customer=party)
    equal(await in_redis(centre), {})

    async def gone():
        return not traces(centre)

    try:
        await eventually(gone, limit_s=20, what="nothing planted left")
    except AssertionError:
        raise AssertionError(f"left: {traces(centre)}") from None
    await refused(again.call("chat.say", id="more", text="hello"), "not_started")
    await other.say("And still here")
    check(any("Where is my order?" in str(m) for m in other.messages.values()), "others stay")


@test
async def a_signed_link_takes_one_answer_for_its_contact(start):
    centre = await start()
    ann = await centre.agent("a1")
    contact = await centre.submit("chat", customer={"email": "ann@example.com"})
    await ann.take(contact)
    await ann.finish(contact)
    link = await centre.admin("survey.link", contact=contact)
    answer = {"contact": contact, "token": link["token"], "satisfaction": 9}

    async def post(**more):
        return await centre.http.call("POST", link["post"], {**answer, **more})

    async def kept():
        return (await post())[0] == 200

    await eventually(kept, what="the record of the contact")
    equal(await post(satisfaction=1), (200, {"accepted": True, "again": True}))
    equal((await post(satisfaction=11))[0], 422)
    equal((await post(satisfaction="good"))[0], 422)
    equal((await post(token=link["token"][:-2] + "xx"))[0], 401)
    other = await centre.submit("chat")
    equal((await post(contact=other))[0], 401, "a link is good for its contact alone")
    status, _ = await centre.http.call("POST", link["post"], {"satisfaction": 3})
    equal(status, 401)

    async def told():
        """Who is made of a contact may be known after it is over."""
        party = await found(centre, "email", "ann@example.com")
        card = (await centre.admin("customer.get", customer=party))["customer"] if party else {"attributes": {}}
        return card["attributes"].get("satisfaction")

    figure = await eventually(told, what="his satisfaction")
    equal((figure["value"], figure["source"]), (9, "survey"))


@test
async def a_link_is_signed_by_who_may_see_its_contact_living_ended_and_long_gone(start):
    centre = await start(judged=False, queues={"billing": {"teams": ["first"]}, "general": {"teams": ["second"]}})
    cem = await centre.agent("a3", ready=False)
    contact = await centre.submit("task", queue="billing")
    s1, s2 = await centre.supervisor("s1"), await centre.supervisor("s2")
    link = await centre.wire(token=await centre.token("link"))
    other = (await centre.admin("key.create", queues=["general"]))["key"]
    intake = await centre.wire(key=other)

    async def asked():
        for who in (s1, link):
            equal((await who.call("survey.link", contact=contact))["contact"], contact)
        for who in (s2, intake):
            await refused(who.call("survey.link", contact=contact), "not_permitted")

    await asked()
    await cem.ready()
    await cem.take(contact)
    await cem.finish(contact)
    await asked()
    await recorded(centre, 1)
    async with await Resp.open(centre.redis_address()) as store:  # as when `keep_finished` is over
        for key in await store.keys(f"*c:{contact}*"):
            await store("DEL", key)
    equal(await centre.get(contact), None)
    await asked()
    await refused(s1.call("survey.link", contact="c000999999999"), "no_contact")
    shown, _ = await run("audit", "show", "--what", "survey.link", "--who", "s1", state=centre.state_dir)
    equal(shown.count(contact), 3)


def drop(folder, name, data, cover=None):
    if cover is not None:
        (folder / "in" / f"{name.rpartition('.')[0]}.json").write_text(cover if isinstance(cover, str) else json.dumps(cover))
    part = folder / "in" / (name + ".part")
    part.write_bytes(data)
    os.rename(part, folder / "in" / name)


@test(subset=True)
async def a_drop_folder_brings_letters_in(start):
    channels = {"letter": {"cost": 25, "sla": "16h"}, "fax": {"cost": 25, "sla": "4h"}}
    centre = await start(launch=False, channels=channels, queues={"post": {"channels": ["letter", "fax"]}},
                         rules=[{"when": 'channel == "letter" or channel == "fax"', "set": {"queue": "post"}}])  # fmt: skip
    folder = centre.dir / "letters"
    for name in ("", "in", "done", "failed"):
        (folder / name).mkdir(exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(folder / name, "nobody")
    centre.write_settings(
        plugins=[{"name": "task_dir", "folder": str(folder), "every": "100ms", "settle": "100ms"}]
    )
    if not (BUILD / "plugins" / "task_dir.so").exists():
        raise AssertionError("task_dir.so is not built")
    await centre.launch()
    drop(folder, "scan-1.pdf", b"%PDF-1.4 one")
    drop(folder, "scan-2.tif", b"II*\0 two", {"channel": "fax", "title": "Cancel", "customer": {"phone": "01632 960001"}})
    drop(folder, "bad-1.pdf", b"x", "{no json")
    drop(folder, "bad-2.pdf", b"x", {"channel": "telegram"})
    drop(folder, "bad-3.pdf", b"x", {"misspelt": 1})
    (folder / "in" / ".hidden").write_bytes(b"x")
    os.symlink("/etc/passwd", folder / "in" / "link.pdf")
    os.symlink(folder / "in" / "scan-2.json", folder / "in" / "bad-4.json")
    drop(folder, "bad-4.pdf", b"x")
    os.mkfifo(folder / "in" / "bad-5.json")
    drop(folder, "bad-5.pdf", b"x")
    drop(folder, os.fsdecode(b"L\xfcders.pdf"), b"x")

    async def settled():
        return {p.name for p in (folder / "in").iterdir()} == {".hidden", "link.pdf"}

    await eventually(settled, limit_s=20, what="an empty folder")
    equal(kept_in(folder), {"scan-1.pdf", "scan-2.tif", "scan-2.json"})
    for name, word in (("bad-1", "no JSON"), ("bad-2", "channel"), ("bad-3", "misspelt"), ("bad-4", "plain"),
                       ("bad-5", "plain"), (os.fsdecode(b"L\xfcders"), "UTF-8")):  # fmt: skip
        check(word in (folder / "failed" / f"{name}.pdf.error").read_text(), name)
    waiting = (await centre.admin("contact.list"))["waiting"]
    equal(sorted((c["channel"], c["title"]) for c in waiting), [("fax", "Cancel"), ("letter", "scan-1.pdf")])
    check(all(c["source"] == "task_dir" for c in waiting), waiting)
    fax = next(c for c in waiting if c["channel"] == "fax")
    check("party" in fax, "the customer is found by the cover")
    whole = await centre.admin("contact.get", contact=fax["id"], payload=True)
    equal(whole["contact"]["payload"]["scan"]["name"], "scan-2.tif")
    # Handed in, killed before it was moved: the same file is the same contact.
    await centre.kill()
    shutil.copy2(folder / "done" / "scan-1.pdf", folder / "in" / "scan-1.pdf")
    await centre.launch()

    async def once_more():
        return not (folder / "in" / "scan-1.pdf").exists()

    await eventually(once_more, limit_s=20)
    equal(len((await centre.admin("contact.list"))["waiting"]), 2)
    # An erased customer's scan goes with him, and its cover; the letter of nobody stays.
    await erased_once_allowed(centre, whole["contact"]["party"])
    equal(kept_in(folder), {"scan-1.pdf"})
    equal(len(list((folder / "done" / ".contacts").iterdir())), 1)


async def erased_once_allowed(centre, party):
    async def erased():
        try:
            return await centre.admin("customer.erase", customer=party)
        except Exception as error:
            if getattr(error, "type", "") != "history_behind":
                raise
            return None

    return await eventually(erased, limit_s=20, what="records that are complete")


def kept_in(folder):
    return {p.name for p in (folder / "done").iterdir() if not p.name.startswith(".")}


if __name__ == "__main__":
    main()
