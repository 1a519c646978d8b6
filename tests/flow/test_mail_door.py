"""Mail that leaves: base/mail against a server that behaves, and against one that does not (F18)."""

import asyncio
import importlib.util
import itertools
import json
import pathlib
import tempfile

import harness
from runner import Skip, check, equal, main, test
from smtp_sink import Mta, Sink, self_signed

DOOR = harness.BUILD / "tests" / "flow" / "mail_door"
TEXT = "From: us@shop.test\nTo: you@home.test\nSubject: Hello\nMessage-ID: <c1.x@shop.test>\n\nA line\n.\n.dot\nLast"
EACH = 20  # times each fault


class Door:
    """The program, and the answers to what it was given."""

    def __init__(self, threads=4):
        self.threads, self.answers, self.tag = threads, {}, 0

    async def __aenter__(self):
        if not DOOR.is_file():
            raise AssertionError("tests/flow/mail_door is not built")
        self.process = await asyncio.create_subprocess_exec(
            str(DOOR), str(self.threads), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        return self

    async def __aexit__(self, *_):
        self.process.stdin.close()
        try:
            code = await asyncio.wait_for(self.process.wait(), 20 * harness.SLOW)
        except asyncio.TimeoutError:
            self.process.kill()
            raise AssertionError("it did not end") from None
        equal(code, 0, "exit status")

    async def send(self, relay=None, **mail):
        return await self.answer(await self.hand(relay, **mail))

    async def hand(self, relay=None, **mail):
        self.tag += 1
        mail = {"tag": self.tag, "from": "us@shop.test", "to": ["you@home.test"], "text": TEXT, **mail}
        if relay:
            mail["relay"] = {"host": "127.0.0.1", "timeout_ms": 3000, **relay}
        self.process.stdin.write(json.dumps(mail).encode() + b"\n")
        await self.process.stdin.drain()
        return self.tag

    async def answer(self, tag):
        while tag not in self.answers:
            line = await asyncio.wait_for(self.process.stdout.readline(), 30 * harness.SLOW)
            check(line, "mail_door ended")
            found = json.loads(line)
            self.answers[found["tag"]] = found
        return self.answers.pop(tag)


def need_aiosmtpd():
    if importlib.util.find_spec("aiosmtpd") is None:
        raise Skip("python3-aiosmtpd is missing")


@test
async def a_mail_arrives_as_it_was_with_crlf_and_doubled_dots():
    need_aiosmtpd()
    mta = Mta().start()
    try:
        async with Door() as door:
            answer = await door.send({"port": mta.port})
            equal((answer["fate"], answer["code"]), ("sent", 250))
            bounce = await door.send(**{"from": ""})
            equal(bounce["fate"], "sent")
        data = mta.taken[0]["data"]
        header, _, body = data.partition(b"\r\n\r\n")
        equal(body, b"A line\r\n.\r\n.dot\r\nLast\r\n")
        equal(header.split(b"\r\n")[:4], [line.encode() for line in TEXT.split("\n")[:4]])
        equal(data.replace(b"\r\n", b"").count(b"\n") + data.replace(b"\r\n", b"").count(b"\r"), 0, "bare line ends")
        equal([mta.taken[0]["from"], mta.taken[0]["to"]], ["us@shop.test", ["you@home.test"]])
        equal(mta.taken[1]["from"], "<>")
    finally:
        mta.stop()


@test
async def with_starttls_the_certificate_must_be_trusted_and_for_the_name():
    need_aiosmtpd()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cert, key = self_signed(folder, "localhost")
        other, other_key = self_signed(folder, "elsewhere.test")
        (folder / "password").write_text("open sesame\n")
        (folder / "password").chmod(0o600)
        good = Mta(cert, key, ("shop", "open sesame")).start()
        wrong = Mta(other, other_key).start()
        plain = Mta().start()
        relay = {"host": "localhost", "port": good.port, "starttls": True, "ca_file": str(cert)}
        account = {"user": "shop", "password_file": str(folder / "password")}
        try:
            async with Door() as door:
                for _ in range(8):  # TLS 1.3 would hang in five of eight
                    equal((await door.send({**relay, **account}))["fate"], "sent")
                equal({(m["tls"], m["user"]) for m in good.taken}, {("TLSv1.2", "shop")})
                # Not known to the system; for another name; a server without STARTTLS; a wrong password.
                for bad in (
                    {**relay, **account, "ca_file": None},
                    {**relay, "port": wrong.port, "ca_file": str(other)},
                    {**relay, "port": plain.port},
                ):
                    answer = await door.send(bad)
                    equal((answer["fate"], answer["code"]), ("later", 0), bad)
                (folder / "password").write_text("guess\n")
                equal((await door.send({**relay, **account}))["fate"] in ("later", "refused"), True)
                answer = await door.send({**relay, "user": "shop", "password_file": "/nonexistent"})
                check("fault" in answer, answer)
                (folder / "password").chmod(0o640)
                answer = await door.send({**relay, **account})
                check("chmod 600" in answer["fault"], answer)
            equal((len(good.taken), len(wrong.taken), len(plain.taken)), (8, 0, 1 if plain.taken else 0))
            equal(plain.taken, [])
        finally:
            for server in (good, wrong, plain):
                server.stop()


FATES = {
    "ok": ("sent", 250),
    "refuse_mail": ("refused", 550),
    "refuse_rcpt": ("refused", 550),
    "greylist": ("later", 451),
    "refuse_data": ("refused", 554),
    "later_data": ("later", 451),
    "drop_connect": ("later", 0),
    "busy": ("later", 0),
    "garbage": ("later", 0),
    "endless": ("later", 0),
    "drop_mid": ("unsure", 0),
    "drop_data": ("unsure", 0),
}


@test(limit_s=180)
async def the_truth_about_each_mail_comes_back_whatever_the_server_does():
    for chunking, (act, (fate, code)) in itertools.product((False, True), FATES.items()):
        sink = await Sink.start([act], chunking=chunking)
        async with Door() as door:
            relay = {"port": sink.port}
            for _ in range(EACH):
                answer = await door.send(relay)
                seen = (answer["fate"], answer["code"])
                check(seen == (fate, code) or (act == "busy" and seen == ("later", 421)), act, answer)
                check(answer["words"].isprintable() and answer["words"], act, answer)
                relay = None
        equal(len(sink.taken), EACH if act == "ok" else 0, act)
        await sink.stop()


@test
async def of_two_recipients_each_has_his_own_fate():
    sink = await Sink.start(["refuse_some"])
    async with Door() as door:
        answer = await door.send({"port": sink.port}, to=["one@home.test", "two@home.test"])
        equal((answer["fate"], answer["each"]), ("refused", ["sent", "refused"]))
        check("nobody of that name" in answer["words"], answer)
    equal([m["to"] for m in sink.taken], [["one@home.test"]])
    await sink.stop()


@test(limit_s=120)
async def a_server_that_hangs_holds_up_neither_the_loop_nor_the_others():
    for act, fate in (("hang_connect", "later"), ("hang_data", "unsure")):
        sink = await Sink.start([act] * 3 + ["ok"])
        async with Door(threads=4) as door:
            relay = {"port": sink.port, "timeout_ms": 2000}
            hung = []
            for _ in range(3):
                hung.append(await door.hand(relay))
                relay = None
            while len(sink.seen) < 3:
                await asyncio.sleep(0.02)
            first = await door.send()
            equal(first["fate"], "sent", "while three hang")
            answers = [await door.answer(h) for h in hung]
            equal({a["fate"] for a in answers}, {fate}, act)
            check(max(a["beats"] for a in answers) > 20, "the loop stood still", answers)
        await sink.stop()


@test
async def a_server_that_talks_without_end_does_not_hold_a_thread():
    """Each of its words comes before the time-out; all of them together have a bound, too."""
    async with Door(threads=3) as door:
        sinks, handed = [], {}
        for act, fate in (("drip", "later"), ("chatter", "later"), ("chatter_data", "unsure")):
            sink = await Sink.start([act])
            sinks.append(sink)
            handed[await door.hand({"port": sink.port, "timeout_ms": 1000})] = (act, fate)
        for tag, (act, fate) in handed.items():
            equal((await door.answer(tag))["fate"], fate, act)
        fine = await Sink.start(["ok"])
        equal((await door.send({"port": fine.port}))["fate"], "sent", "after them")
    for sink in (*sinks, fine):
        await sink.stop()


@test
async def nobody_listening_is_a_reason_to_try_again():
    async with Door() as door:
        answer = await door.send({"port": harness.free_port()})
        equal((answer["fate"], answer["code"]), ("later", 0))
        check("refused" in answer["words"].lower(), answer)
        answer = await door.send({"host": "no-such-host.invalid", "port": 25})
        equal((answer["fate"], answer["code"]), ("later", 0))


BAD = {
    "second recipient on the wire": {"to": ["you@home.test>\r\nRCPT TO:<evil@x.test"]},
    "a sender with a line end": {"from": "us@shop.test>\nX: y"},
    "a leading hyphen": {"to": ["-oQ/tmp@home.test"]},
    "two at signs": {"to": ["a@b@home.test"]},
    "a name beside it": {"to": ["You <you@home.test>"]},
    "nobody": {"to": []},
    "too many": {"to": [f"u{i}@home.test" for i in range(51)]},
    "no header": {"text": "Hello there, this is no header\n\nx"},
    "a broken header": {"text": "From: a@b.test\nMessage-ID: <x@y>\nX y z\n\nx"},
    "no From": {"text": "Message-ID: <x@y>\n\nx"},
    "no Message-ID": {"text": "From: a@b.test\n\nx"},
    "hidden recipients": {"text": "From: a@b.test\nMessage-ID: <x@y>\nBcc: c@d.test\n\nx"},
    "a line beyond 998": {"text": TEXT + "\n" + "x" * 999},
    "nothing": {"text": ""},
    "no end of the header": {"text": "From: a@b.test\nMessage-ID: <x@y>\n"},
}


@test
async def what_is_not_fit_to_be_sent_never_reaches_the_library():
    sink = await Sink.start()
    async with Door() as door:
        equal((await door.send({"port": sink.port}))["fate"], "sent")
        for what, mail in BAD.items():
            check("fault" in await door.send(**mail), what)
    equal((sink.sessions, len(sink.taken)), (1, 1))
    check(not [line for line in sink.raw if b"evil" in line], "smuggled")
    await sink.stop()


@test
async def a_message_cannot_end_early():
    """LF . LF in a body must not become an end of data for whoever comes next."""
    sink = await Sink.start()
    async with Door() as door:
        await door.send({"port": sink.port}, text=TEXT + "\n.\nMAIL FROM:<evil@x.test>\r.\rRCPT TO:<a@b.test>\r\n.\r\n")
    equal(len(sink.taken), 1)
    data = sink.taken[0]["data"]
    check(b"\r\n..\r\nMAIL FROM:<evil@x.test>\r\n..\r\nRCPT" in data, data)
    await sink.stop()


if __name__ == "__main__":
    main()
