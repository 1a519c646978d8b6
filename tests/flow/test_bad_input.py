"""Bad input at the real daemon, and the deadlines that every slow peer meets."""

import asyncio
import io
import json
import os
import pathlib
import resource
import socket
import ssl
import subprocess
import tempfile
import time

import bad_input
import harness
from runner import Skip, check, equal, main, test


@test(limit_s=300)
async def bad_input_of_every_kind_has_its_stated_outcome(start):
    centre = await start()
    await centre.intake()
    centre.judged = False  # contacts come from outside the journal
    before = bad_input.descriptors(centre.process.pid)
    out = io.StringIO()
    counts = await asyncio.to_thread(bad_input.run, centre.ready["http"], centre.key, 20, out)
    if counts is None:
        raise Skip(out.getvalue().strip())
    check(counts[0] > 200 and counts[1] == 0, counts, "\n" + out.getvalue())
    await asyncio.sleep(4)  # connections that are being ended
    after = bad_input.descriptors(centre.process.pid)
    check(after <= before + 2, f"descriptors: {before} before, {after} after")
    equal((await centre.http.call("GET", "/healthz"))[0], 200)


def _dial(address, tls):
    host, _, port = address.rpartition("://")[2].rpartition(":")
    plain = socket.create_connection((host.strip("[]"), int(port)), timeout=5)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return plain
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(plain)


def _lives(address, tls, first, drip, every_s, most_s):
    """Sends `first`, then `drip` again and again; seconds until the server hung up, and what it said."""
    began, heard = time.monotonic(), b""
    with _dial(address, tls) as wire:
        wire.settimeout(every_s)
        try:
            wire.sendall(first)
            while time.monotonic() - began < most_s:
                try:
                    piece = wire.recv(65536)
                    if not piece:
                        break
                    heard += piece
                except TimeoutError:
                    wire.sendall(drip)
        except OSError:
            pass
        return time.monotonic() - began, heard


HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /v1/contacts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
UPGRADE = (
    b"GET /desk HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)

# Who is slow, where, what it sends at once and then again and again, and within which seconds it is ended.
SLOW = [
    ("no byte at all", "http", True, b"", b"", 9, 13),
    ("a head of single bytes", "http", True, HEAD, b"X", 9, 13),
    ("a body of single bytes", "http", True, POST, b" ", 4, 8),
    ("no TLS hello", "http", False, b"", b"", 4, 8),
    ("half a TLS hello", "http", False, b"\x16\x03\x01\x02\x00\x01\x00", b"", 4, 8),
    ("TLS hello of single bytes", "desk", False, b"\x16\x03\x01\x02\x00", b"\x01", 4, 8),
    ("a desktop that does not log in", "desk", True, b"", b"", 4, 8),
    ("a line of single bytes", "desk", True, b'{"jsonrpc"', b" ", 4, 8),
    ("a WebSocket that does not log in", "http", True, UPGRADE, b"", 4, 8),
    ("a frame of single bytes", "http", True, UPGRADE + b"\x81\xfe\x40\x00\0\0\0\0", b"x", 4, 8),
]


@test(limit_s=60)
async def every_slow_peer_meets_an_absolute_deadline(start):
    centre = await start()

    async def one(name, where, tls, first, drip, least_s, most_s):
        lived_s, _ = await asyncio.to_thread(_lives, centre.ready[where], tls, first, drip, 0.5, 20)
        check(least_s <= lived_s <= most_s + harness.LATE_S, f"{name}: ended after {lived_s:.1f} s")

    await asyncio.gather(*(one(*case) for case in SLOW))


@test
async def a_slow_body_is_told_why(start):
    centre = await start()
    _, heard = await asyncio.to_thread(_lives, centre.ready["http"], True, POST, b" ", 0.5, 20)
    head, _, body = heard.partition(b"\r\n\r\n")
    check(head.startswith(b"HTTP/1.1 408 "), head)
    equal(json.loads(body)["error"]["type"], "timeout")


@test
async def pipelined_requests_are_answered_in_order(start):
    centre = await start()
    paths = ["/healthz", "/readyz", "/nothing", "/healthz", "/metrics", "/healthz"]
    asked = b"".join(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for path in paths)
    asked = asked[:-2] + b"Connection: close\r\n\r\n"
    _, heard = await asyncio.to_thread(_lives, centre.ready["http"], True, asked, b"", 1, 10)
    statuses = [int(piece[:3]) for piece in heard.split(b"HTTP/1.1 ")[1:]]
    equal(statuses, [200, 200, 404, 200, 200, 200])
    check(b"usher_uptime_seconds" in heard)


def _asks(address, head, body):
    """Sends a head, and the body when it is asked for; the heads of the answers, in order."""
    heads = []
    with _dial(address, True) as wire:
        wire.settimeout(20 * harness.SLOW)
        wire.sendall(head)
        with wire.makefile("rb") as answers:
            while not heads or heads[-1].startswith(b"HTTP/1.1 100 "):
                if heads:
                    wire.sendall(body)
                heads.append(b"")
                while not heads[-1].endswith(b"\r\n\r\n"):
                    line = answers.readline()
                    check(line, "the server hung up; it said", heads)
                    heads[-1] += line
    return heads


@test
async def an_invitation_to_send_the_body_comes_only_when_it_is_wanted(start):
    centre = await start()
    head = POST.replace(b"Content-Length: 100000", b"Expect: 100-continue\r\nContent-Length: 2")
    heads = await asyncio.to_thread(_asks, centre.ready["http"], head, b"{}")
    check(len(heads) == 2 and heads[1].startswith(b"HTTP/1.1 401 "), heads)
    equal(heads[0], b"HTTP/1.1 100 Continue\r\n\r\n")
    head = head.replace(b"application/json", b"text/plain")
    heads = await asyncio.to_thread(_asks, centre.ready["http"], head, b"")
    check(len(heads) == 1 and heads[0].startswith(b"HTTP/1.1 415 "), heads)


def _cpu_s(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@test
async def without_descriptors_accepting_pauses_and_does_not_spin(start):
    program = harness.BUILD / "tests" / "flow" / "http_echo"
    if not program.is_file():
        raise Skip(f"{program} is not built")
    with tempfile.TemporaryDirectory(prefix="usher-echo-") as folder:
        echo = subprocess.Popen(
            [program, folder], stdout=subprocess.PIPE, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))
        )
        try:
            ready = json.loads(echo.stdout.readline())
            address = ("127.0.0.1", ready["http"])
            wires = [socket.create_connection(address, timeout=5) for _ in range(80)]
            before_s = _cpu_s(echo.pid)
            await asyncio.sleep(2)
            spent_s = _cpu_s(echo.pid) - before_s
            check(spent_s < 0.3, f"{spent_s:.2f} s of CPU in 2 s")
            # Those that were accepted are served meanwhile, and with room the rest is.
            for wire in (wires[0], wires[-1]):
                wire.sendall(HEAD + b"\r\n")
            check((await asyncio.to_thread(wires[0].recv, 100)).startswith(b"HTTP/1.1 200 "))
            for wire in wires[:-1]:
                wire.close()
            check((await asyncio.to_thread(wires[-1].recv, 100)).startswith(b"HTTP/1.1 200 "))
            wires[-1].close()
        finally:
            echo.terminate()
            equal(echo.wait(20), 0)


if __name__ == "__main__":
    main()
