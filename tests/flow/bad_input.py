"""Plays bad input of every kind at a server and holds it to the stated outcome.

    bad_input.py https://127.0.0.1:8443 [--key ID.SECRET]   a running usherd
    bad_input.py --echo build/tests/flow/http_echo          base/ alone, started here

The cases lie beside the project in shared/data/bad (or where USHER_BAD_INPUT says) and are not part
of it; without them nothing is played. The key must be allowed to submit and read; without one,
what needs it is left out. The last line is "N passed, N failed".
"""

import argparse
import base64
import collections
import concurrent.futures
import json
import os
import pathlib
import select
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.parse

TOP = pathlib.Path(__file__).resolve().parents[2]
DATA = pathlib.Path(os.environ.get("USHER_BAD_INPUT", TOP.parent / "shared" / "data" / "bad"))

CLOSE_S = 16  # longer than the longest deadline that a case can meet (a head: 10 s)
REFUSAL_S = 12  # for a refusal; nearly all come at once
QUIET_S = 0.6  # nothing more is expected after that
MOST_BYTES = 64 << 20  # of one case, sent
AT_ONCE = 8  # connections; below the cap of one address

# Placeholders of the cases, and what they are here.
PLACES = [(b" /api/contacts ", b" /v1/contacts "), (b"GET /ws ", b"GET /desk ")]

# JSON that is valid and still beyond what is taken (RELIABILITY 6): a value that is neither object
# nor list, a member twice, NUL in a text.
BEYOND = {
    "y_structure_lonely_false", "y_structure_lonely_int", "y_structure_lonely_negative_real", "y_structure_lonely_null",
    "y_structure_lonely_string", "y_structure_lonely_true", "y_structure_string_empty", "y_object_duplicated_key",
    "y_object_duplicated_key_and_value", "y_string_null_escape", "y_object_escaped_null_in_key",
}  # fmt: skip


class Failed(Exception):
    """The outcome is not the stated one; the text says what was seen."""


def check(truth, text):
    if not truth:
        raise Failed(text)


class Server:
    def __init__(self, address, key=None):
        parts = urllib.parse.urlsplit(address)
        self.host, self.port, self.tls = parts.hostname, parts.port, parts.scheme == "https"
        self.key = key

    def dial(self, tls=None):
        plain = socket.create_connection((self.host, self.port), timeout=10)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if not (self.tls if tls is None else tls):
            return plain
        # The certificate is self-made; what is tested lies behind it.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname="localhost")

    def ask(self, method, path, body=None, headers=()):
        """One request on a connection of its own; (status, decoded answer or text)."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {self.host}:{self.port}", "Connection: close", *headers]
        if self.key:
            lines.append(f"Authorization: Bearer {self.key}")
        if body is not None:
            lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        with self.dial() as wire:
            wire.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))
            data = b""
            while piece := wire.recv(65536):
                data += piece
        head, _, text = data.partition(b"\r\n\r\n")
        try:
            answer = json.loads(text)
        except ValueError:
            answer = text.decode(errors="replace")
        return int(head.split(b" ")[1]), answer


def blocks_of(chunks):
    """(bytes, seconds to wait afterwards), at most MOST_BYTES in all."""
    sent = 0
    for data, repeat, delay_ms in chunks:
        batch = max(1, min(repeat, 65536 // max(1, len(data)))) if delay_ms == 0 else 1
        for i in range(0, repeat, batch):
            if sent > MOST_BYTES:
                return
            block = data * min(batch, repeat - i)
            sent += len(block)
            yield block, min(delay_ms / 1000, CLOSE_S)


class Talk:
    """Bytes sent as a case says, and what came back, on one connection. One thread alone uses it: a
    TLS socket is not to be read and written at once."""

    def __init__(self, wire, chunks, reads=True):
        self.wire, self.reads = wire, reads
        self.blocks, self.block, self.pause_until = blocks_of(chunks), b"", 0.0
        self.heard, self.ended, self.sent_all = b"", False, False
        self.quiet_since = time.monotonic()
        wire.setblocking(False)

    def _hear(self):
        try:
            piece = self.wire.recv(65536)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return
        except OSError:
            piece = b""
        if not piece:
            self.ended = True
        elif len(self.heard) < 4 << 20:
            self.heard += piece
        self.quiet_since = time.monotonic()

    def _say(self):
        """True: there is room for more."""
        while not self.block:
            if time.monotonic() < self.pause_until:
                return False
            self.block, pause_s = next(self.blocks, (None, 0))
            if self.block is None:
                self.block, self.sent_all = b"", True
                return False
            self.pause_until = time.monotonic() + pause_s
        try:
            n = self.wire.send(self.block)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
            return False
        except OSError:
            # It hung up on us; what it had said before may still be there.
            self.sent_all = True
            self.blocks, self.block = iter(()), b""
            if not self.reads:
                self.ended = True
            return False
        self.block = self.block[n:]
        return True

    def step(self):
        if self.reads:
            self._hear()
        if not self.ended and not (not self.sent_all and self._say()):
            select.select([self.wire] if self.reads else [], [], [], 0.02)

    def wait_end(self, limit_s):
        end = time.monotonic() + limit_s
        while not self.ended and time.monotonic() < end:
            self.step()
        return self.ended

    def wait_quiet(self, limit_s=REFUSAL_S):
        """Until it is closed, or all is sent, something came and then nothing more."""
        end = time.monotonic() + limit_s
        while not self.ended and time.monotonic() < end:
            self.step()
            if self.heard and self.sent_all and time.monotonic() - self.quiet_since > QUIET_S:
                return

    def wait_refused(self, limit_s):
        """The same for one that never reads: the closing is seen by sending on."""
        end = time.monotonic() + limit_s
        while not self.ended and time.monotonic() < end:
            if self.sent_all:
                self.blocks, self.sent_all = iter([(b" ", 0.1)]), False
            self.step()

    def close(self):
        try:
            self.wire.close()
        except OSError:
            pass

    def statuses(self):
        """Of the HTTP answers heard, in order; interim ones left out. What is no answer counts as 999."""
        found, rest = [], self.heard
        while rest:
            head, end, rest = rest.partition(b"\r\n\r\n")
            if not end or not head.startswith(b"HTTP/1.1 "):
                return found + [999]
            status = int(head[9:12])
            if status != 100:
                found.append(status)
            if status == 101:
                return found
            for line in head.split(b"\r\n")[1:]:
                if line.lower().startswith(b"content-length:"):
                    rest = rest[int(line[15:]) :]
        return found


# ---- byte streams


def chunks_of(case):
    chunks = []
    for text, repeat, delay_ms in case["chunks"]:
        data = base64.b64decode(text)
        for old, new in PLACES:
            data = data.replace(old, new)
        chunks.append((data, repeat, delay_ms))
    return chunks


def with_type(case):
    """The same case as JSON: else the missing type is refused before the body is looked at."""
    chunks = [[base64.b64decode(text), *rest] for text, *rest in case["chunks"]]
    chunks[0][0] = chunks[0][0].replace(b"Host: localhost\r\n", b"Host: localhost\r\nContent-Type: application/json\r\n", 1)
    chunks = [[base64.b64encode(data).decode(), *rest] for data, *rest in chunks]
    return {**case, "id": case["id"] + "+json", "chunks": chunks}


def judge_http(case, talk):
    expect = case["expect"]
    if expect in ("close", "timeout"):
        check(talk.wait_end(CLOSE_S), f"still open after {CLOSE_S} s")
        return
    talk.wait_quiet()
    statuses = talk.statuses()
    if expect == "reject":
        check(statuses or talk.ended, "neither refused nor closed")
        check(all(status >= 400 for status in statuses), f"answered {statuses[:5]}")
    elif expect == "one":
        check(len(statuses) <= 1, f"answered {statuses[:5]}")
    elif expect == "accept":
        check(statuses and statuses[0] < 400, f"answered {statuses[:5]}")
    check(b"access-control-allow-origin" not in talk.heard.lower(), "another origin is let in")


def play_http(server, case):
    never_reads = "never reads" in case["why"]
    talk = Talk(server.dial(), chunks_of(case), reads=not never_reads)
    try:
        if never_reads:
            talk.wait_refused(CLOSE_S)
        judge_http(case, talk)
    finally:
        talk.close()


def play_ws(server, case):
    talk = Talk(server.dial(), chunks_of(case))
    try:
        talk.wait_quiet(3)
        upgraded = talk.statuses()[:1] == [101]
        if case["expect"] == "close" or (case["expect"] == "reject" and upgraded):
            check(talk.wait_end(CLOSE_S), f"still open after {CLOSE_S} s")
        if case["id"].startswith("ws/hs-"):
            check(not upgraded, "upgraded")
        elif case["expect"] != "either":
            check(upgraded, f"not upgraded: {talk.heard[:80]!r}")
    finally:
        talk.close()


def on_chat(case):
    """The same case at the customers' door."""
    chunks = [[base64.b64decode(text), *rest] for text, *rest in case["chunks"]]
    chunks = [[base64.b64encode(data.replace(b"GET /ws ", b"GET /chat ")).decode(), *rest] for data, *rest in chunks]
    return {**case, "id": case["id"] + "+chat", "chunks": chunks}


def play_tls(server, case):
    talk = Talk(server.dial(tls=False), chunks_of(case))
    try:
        check(talk.wait_end(CLOSE_S), f"still open after {CLOSE_S} s")
    finally:
        talk.close()


# ---- values


def submit(server, body):
    status, answer = server.ask("POST", "/v1/contacts", body)
    check(status < 500, f"status {status}: {answer}")
    return status, answer


def contact(**members):
    return json.dumps({"channel": "task", **members}).encode()


def number_case(server, case):
    """Refused, or kept as the very number."""
    raw = case["value"]
    status, answer = submit(server, b'{"channel":"task","customer":{"points":' + raw.encode() + b"}}")
    if status >= 400:
        return
    _, kept = server.ask("GET", "/v1/contacts/" + answer["id"])
    check(kept["points"] == float(raw), f"{raw} became {kept['points']!r}")


def body_case(server, case):
    body = base64.b64decode(case["b64"]) if "b64" in case else case["value"].encode()
    status, answer = submit(server, body)
    check(status in (400, 413, 422), f"status {status}: {answer}")


def id_case(server, case):
    """Refused, or kept as the very id."""
    status, answer = submit(server, contact(customer={"id": case["value"]}))
    if status < 400:
        _, kept = server.ask("GET", "/v1/contacts/" + answer["id"])
        check(kept["customer_id"] == case["value"], f"became {kept['customer_id']!r}")
    # Where a path is built of it, too, nothing else may be reached.
    for path in ("/v1/contacts/", "/v1/queues/"):
        status, answer = server.ask("GET", path + urllib.parse.quote(case["value"], safe=""))
        check(status in (400, 404, 414), f"{path}: status {status}: {answer}")


VALUES = {"customer_value": number_case, "body": body_case, "customer_id": id_case}


def play_value(server, case):
    if case["field"] == "body" and case["id"].startswith("value/json"):
        body_case(server, case)
    else:
        VALUES[case["field"]](server, case)


def play_json(server, case):
    """What may be JSON and what not, told apart by the error's type."""
    _, answer = submit(server, case["body"])
    # Whatever it is, it is no contact: it is either not JSON, or refused for its members.
    taken = answer["error"]["type"] != "parse_error"
    if case["name"][:2] != "i_":
        should = case["name"][:2] == "y_" and case["name"] not in BEYOND
        check(taken == should, f"{'taken' if taken else 'refused'}: {answer}")


def play_text(server, case):
    """Kept as it is or refused, as a title and in an attribute."""
    text = case["text"]
    status, answer = submit(server, contact(title=text))
    check(status in (201, 422), f"status {status}: {answer}")
    if status == 201:
        _, kept = server.ask("GET", "/v1/contacts/" + answer["id"])
        check(kept["title"] == text, f"became {kept['title']!r}")
        server.ask("DELETE", "/v1/contacts/" + answer["id"])


# ---- the whole


def lines_of(name):
    with open(DATA / "own" / name, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def json_cases():
    for file in sorted((DATA / "third-party" / "json").glob("*.json")):
        name = file.stem.removeprefix("test_parsing__")
        yield {"id": "json/" + name, "name": name, "body": file.read_bytes()}


def text_cases(every):
    """Lines made to break programs; every n-th, since each becomes a contact."""
    for name in ("strings/naughty.txt", "strings/crlf.txt", "xss/fuzzdb.txt"):
        file = DATA / "third-party" / name
        if not file.is_file():
            continue
        lines = [line for line in file.read_text(encoding="utf-8", errors="replace").split("\n") if line]
        for i in range(0, len(lines), every):
            yield {"id": f"{name}:{i + 1}", "text": lines[i]}


def plan(server, every):
    """(case, player) of all that this server can be asked."""
    http = lines_of("http.jsonl")
    posts = [case for case in http if base64.b64decode(case["chunks"][0][0]).startswith(b"POST ")]
    todo = [(case, play_http) for case in http + [with_type(case) for case in posts if "csrf" not in case["id"]]]
    todo += [(case, play_ws) for case in lines_of("ws.jsonl")]
    todo += [(on_chat(case), play_ws) for case in lines_of("ws.jsonl")]
    if server.tls:
        todo += [(case, play_tls) for case in lines_of("tls.jsonl")]
    if server.key:
        values = [case for case in lines_of("value.jsonl") if case["field"] in VALUES]
        # Bodies of mail are another intake's.
        values = [case for case in values if not case["id"].startswith("value/mail")]
        todo += [(case, play_value) for case in values]
        todo += [(case, play_json) for case in json_cases()]
        todo += [(case, play_text) for case in text_cases(every)]
    return todo


def play(server, case, player):
    """None, or what is wrong: the outcome, or that the server serves no more."""
    try:
        player(server, case)
        status, _ = server.ask("GET", "/healthz")
        check(status == 200, f"afterwards /healthz answers {status}")
    except Failed as why:
        return str(why)
    except (OSError, ValueError, LookupError, TypeError) as error:
        return f"{type(error).__name__}: {error}"
    return None


def run(address, key=None, every=20, out=sys.stdout):
    """Plays everything at a server; (passed, failed). None when the cases are not there."""
    if not (DATA / "own").is_dir():
        print(f"skip: bad input is not there ({DATA})", file=out)
        return None
    server = Server(address, key)
    counts, kinds = [0, 0], collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = {pool.submit(play, server, case, player): case for case, player in plan(server, every)}
        for done in concurrent.futures.as_completed(waiting):
            case, wrong = waiting[done], done.result()
            counts[wrong is not None] += 1
            kinds[case["id"].split("/")[0]] += 1
            if wrong is not None:
                print(f"FAIL {case['id']}: {wrong} ({case.get('why', '')})", file=out, flush=True)
    print("played: " + ", ".join(f"{kind} {n}" for kind, n in sorted(kinds.items())), file=out)
    if not key:
        print("skip: values and JSON need --key", file=out)
    return tuple(counts)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def run_echo(program):
    """Starts the server of base/ alone, plain and with TLS; its end must be clean."""
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="usher-echo-") as folder:
        echo = subprocess.Popen([program, folder], stdout=subprocess.PIPE, text=True)
        try:
            ready = json.loads(echo.stdout.readline())
            before = descriptors(echo.pid)
            for scheme in ("http", "https"):
                counts = run(f"{scheme}://127.0.0.1:{ready[scheme]}")
                if counts is None:
                    return None
                passed, failed = passed + counts[0], failed + counts[1]
            time.sleep(4)  # connections that are being ended
            after = descriptors(echo.pid)
            if after > before:
                print(f"FAIL descriptors: {before} before, {after} after")
                failed += 1
        finally:
            echo.terminate()
            if echo.wait(20) != 0:
                print(f"FAIL the server ended with status {echo.returncode}")
                failed += 1
    return passed, failed


def main():
    parser = argparse.ArgumentParser(description="bad input against a server")
    parser.add_argument("address", nargs="?", default=os.environ.get("USHER_HTTP"))
    parser.add_argument("--key", default=os.environ.get("USHER_KEY"), help="API key that may submit and read")
    parser.add_argument("--every", type=int, default=20, help="play every n-th of the long lists of texts")
    parser.add_argument("--echo", metavar="PROGRAM", help="start this http_echo and play at it")
    options = parser.parse_args()
    if not options.address and not options.echo:
        parser.error("name an address, or --echo PROGRAM")
    counts = run_echo(options.echo) if options.echo else run(options.address, options.key, options.every)
    passed, failed = counts or (0, 0)
    print(f"{passed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
