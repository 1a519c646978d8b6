"""Desktops that misbehave on the wire: silent, frozen, never reading, flooding (RELIABILITY F9, I18)."""

import asyncio
import json
import pathlib
import socket
import ssl
import time

from runner import check, equal, eventually, main, test


def rss_kb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    return 0


def descriptors(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir()))


async def raw(centre, token=None):
    """A connection by hand: (reader, writer, say)."""
    context = ssl.create_default_context(cafile=centre.ca())
    host, _, port = centre.ready["desk"].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context, limit=1 << 20)

    def say(method, **params):
        frame = {"jsonrpc": "2.0", "id": "1", "method": method, "params": params}
        writer.write(json.dumps(frame).encode() + b"\n")

    if token:
        say("session.login", token=token)
        await asyncio.wait_for(reader.readline(), 5)
    return reader, writer, say


def deaf(centre, token):
    """A connection that logs in, asks much and reads nothing more. While its answers lie unread it is
    not heard either, so that silence ends it."""
    host, _, port = centre.ready["desk"].rpartition(":")
    context = ssl.create_default_context(cafile=centre.ca())
    plain = socket.create_connection((host, int(port)))
    plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
    wire = context.wrap_socket(plain, server_hostname=host)
    ask = {"jsonrpc": "2.0", "id": "1", "method": "session.login", "params": {"token": token}}
    wire.sendall(json.dumps(ask).encode() + b"\n")
    check(b"accepted" in wire.recv(4096))
    ask = {"jsonrpc": "2.0", "id": "2", "method": "contact.list", "params": {"most": 200}}
    wire.sendall((json.dumps(ask).encode() + b"\n") * 60)
    return wire


@test(limit_s=120)
async def one_who_never_reads_costs_little_and_is_disconnected(start):
    centre = await start(heartbeat="2s")
    for _ in range(300):
        await centre.submit("email", title="x" * 900)
    ann = await centre.agent("a1")
    before = rss_kb(centre.process.pid)
    wire = deaf(centre, await centre.token("supervisor"))
    most_kb = 0
    for _ in range(100):
        most_kb = max(most_kb, rss_kb(centre.process.pid) - before)
        status = await centre.admin("server.status")
        if status["away"] == 1:
            break
        await asyncio.sleep(0.1)
    else:
        check(False, f"it is connected after five heartbeats without reading: {status}")
    check(most_kb < 16 * 1024, f"the daemon grew by {most_kb} KiB")
    await ann.offered(timeout_s=2)
    wire.close()


@test
async def a_frozen_desktop_loses_its_offer_after_the_timeout_only(start):
    centre = await start(heartbeat="1s", channels={"task": {"offer_timeout": "4s"}})
    token = await centre.token("agent", agent="a1")
    _, writer, say = await raw(centre, token)
    say("agent.set_state", state="ready")
    contact = await centre.submit("task")
    await centre.becomes(contact, "offered")
    began = time.monotonic()
    await centre.becomes(contact, "queued", timeout_s=30)
    check(3.5 <= time.monotonic() - began + 0.2 <= 29, f"back after {time.monotonic() - began:.1f} s")
    listed = {a["id"]: a for a in (await centre.admin("agent.list"))["agents"]}
    equal(listed["a1"]["state"] == "not_responding", False, "lapsing unseen is no missed offer")
    writer.close()


@test
async def a_connection_that_does_not_log_in_is_closed(start):
    centre = await start()
    reader, writer, _ = await raw(centre)
    began = time.monotonic()
    equal(await asyncio.wait_for(reader.read(), 40), b"")
    check(4 <= time.monotonic() - began <= 40, f"closed after {time.monotonic() - began:.1f} s")
    writer.close()


@test
async def a_line_beyond_the_limit_closes_the_connection(start):
    centre = await start()
    reader, writer, _ = await raw(centre, await centre.token("agent", agent="a1"))
    writer.write(b"x" * 300000)
    began = time.monotonic()
    while await asyncio.wait_for(reader.read(65536), 5):
        check(time.monotonic() - began < 5)
    writer.close()


@test
async def what_is_not_json_is_answered_and_the_connection_goes_on(start):
    centre = await start()
    reader, writer, say = await raw(centre, await centre.token("agent", agent="a1"))
    for text, code in (
        (b"{", -32700), (b"[]", -32600), (b'{"jsonrpc":"2.0","id":1,"method":"session.ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":"1","method":"no.such"}', -32601),
        (b'{"jsonrpc":"2.0","id":"1","method":"session.ping","params":{"x":1}}', -32602),
        (b'{"jsonrpc":"2.0","id":"1","method":"session.ping","params":[]}', -32600),
        (b'{"a":1,"a":2}', -32700), (b"\xff\xfe", -32700), (b"[" * 100, -32700),
    ):  # fmt: skip
        writer.write(text + b"\n")
        while True:
            answer = json.loads(await asyncio.wait_for(reader.readline(), 5))
            if "method" not in answer:
                break
        equal(answer["error"]["code"], code, text[:40])
    say("session.ping")
    check("result" in json.loads(await asyncio.wait_for(reader.readline(), 5)))
    writer.close()


async def page(centre, whole=True):
    """A browser's connection; whole: it asked for something and has it, and is kept open."""
    context = ssl.create_default_context(cafile=centre.ca())
    host, port = centre.ready["http"].removeprefix("https://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    ask = f"GET /v1/callbacks HTTP/1.1\r\nHost: {host}:{port}\r\n"
    writer.write((ask + ("\r\n" if whole else "")).encode())
    if whole:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        check(head.startswith(b"HTTP/1.1 200"), head)
        length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
        await reader.readexactly(length)
    return reader, writer


@test
async def an_idle_connection_gives_way_to_one_of_the_same_address(start):
    centre = await start(limits={"connections_per_address": 3})
    kept = [await page(centre) for _ in range(8)]
    for reader, _ in kept[:5]:
        equal(await asyncio.wait_for(reader.read(), 5), b"", "the longest idle was closed in order")
    busy = [await page(centre, whole=False) for _ in range(3)]  # in the middle of a request: not idle
    for reader, _ in kept[5:]:
        equal(await asyncio.wait_for(reader.read(), 5), b"")
    try:
        await page(centre)
        check(False, "one more beside three that are busy")
    except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
        pass
    for _, writer in kept + busy:
        writer.close()


@test(limit_s=180)
async def a_storm_of_desktops_leaves_nothing_behind(start):
    agents = [{"id": f"r{n}", "skills": {}} for n in range(1, 201)]
    centre = await start(agents=agents, limits={"connections_per_address": 0})
    tokens = (await centre.admin("token.create", role="agent", agent="r%d", count=200))["tokens"]
    before_files, before_kb = descriptors(centre.process.pid), 0
    for _ in range(3):
        robots = [centre.robot(t["agent"], t["token"], validate=False, reconnect=False) for t in tokens]
        await asyncio.gather(*(r.start(timeout_s=60) for r in robots))
        before_kb = before_kb or rss_kb(centre.process.pid)
        for robot in robots:
            robot.crash()
        await asyncio.gather(*(r.wire.closed for r in robots))
    await eventually(lambda: descriptors(centre.process.pid) <= before_files + 3, what="descriptors as before")
    grown = rss_kb(centre.process.pid) - before_kb
    check(grown < 24 * 1024, f"the daemon grew by {grown} KiB")


if __name__ == "__main__":
    main()
