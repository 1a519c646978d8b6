"""Mail fetched from a real Dovecot: by UID, moved or flagged after the commit, found again after faults."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import imaplib
import json
import os
import pathlib
import shutil
import signal
import tempfile
import time

from harness import free_port
from mailbox import mail
from runner import Skip, check, equal, main, test

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2
mail_location = maildir:{dir}/mail/%n
default_internal_user = nobody
default_login_user = nobody
default_internal_group = nogroup
mail_max_userip_connections = 20
first_valid_uid = 1
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {dir}/oauth2
}}
passdb {{
  driver = static
  args = password=secret
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={dir}/mail/%n
}}
"""


# Tokens are checked by their signature alone: no server has to be asked.
OAUTH2 = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={dir}/keys/
username_attribute = email
"""
KEY = b"a key that only the test knows"


def token(user, lives_s):
    """An access token as an identity server would hand it out (JWT, HS256)."""

    def part(value):
        raw = value if isinstance(value, bytes) else json.dumps(value).encode()
        return base64.urlsafe_b64encode(raw).rstrip(b"=")

    now = int(time.time())
    text = part({"alg": "HS256", "typ": "JWT"}) + b"." + part({"sub": user, "email": user, "iat": now - 60, "exp": now + lives_s})
    return (text + b"." + part(hmac.new(KEY, text, hashlib.sha256).digest())).decode()


class Dovecot:
    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="usher-imap-"))
        self.port, self.process = free_port(), None

    async def start(self):
        binary = shutil.which("dovecot") or "/usr/sbin/dovecot"
        if not pathlib.Path(binary).exists() or os.geteuid() != 0:
            raise Skip("dovecot-imapd is not installed, or this is not root")
        self.dir.chmod(0o755)
        (self.dir / "mail").mkdir(exist_ok=True)
        (self.dir / "mail").chmod(0o777)
        (self.dir / "conf").write_text(CONFIG.format(dir=self.dir, port=self.port))
        (self.dir / "oauth2").write_text(OAUTH2.format(dir=self.dir))
        key = self.dir / "keys" / "default" / "HS256" / "default"
        key.parent.mkdir(parents=True, exist_ok=True)
        key.write_bytes(base64.b64encode(KEY))
        self.process = await asyncio.create_subprocess_exec(
            binary, "-F", "-c", str(self.dir / "conf"), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        for _ in range(200):
            with contextlib.suppress(OSError, imaplib.IMAP4.error):
                self.login("help").logout()
                return self
            await asyncio.sleep(0.05)
        log = self.dir / "log"
        raise AssertionError(log.read_text()[-800:] if log.exists() else "dovecot does not answer")

    def login(self, user):
        box = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        box.login(user, "secret")
        return box

    def put(self, user, *contents, seen=False, flags=None, folder="INBOX"):
        box = self.login(user)
        for content in contents:
            box.append(folder, flags or ("\\Seen" if seen else ""), None, content)
        box.logout()

    def flags(self, user, folder="INBOX"):
        """{subject: flags} of a folder."""
        box, found = self.login(user), {}
        state, count = box.select(folder)
        if state == "OK" and count != [b"0"]:
            _, data = box.fetch("1:*", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])")
            for part in data:
                if isinstance(part, tuple):
                    found[part[1].decode().split(": ", 1)[1].strip()] = part[0].decode()
        box.logout()
        return found

    async def stop(self):
        if self.process and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.process.wait(), 10)
            if self.process.returncode is None:
                self.process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)


@contextlib.asynccontextmanager
async def dovecot():
    server = Dovecot()
    try:
        yield await server.start()
    finally:
        await server.stop()


def settings(server, centre, **more):
    secret = centre.dir / "password"
    secret.write_text("secret\n")
    secret.chmod(0o600)
    shutil.chown(secret, "nobody")
    common = {"insecure": True, "password_file": "password", "every": "200ms", "back_off": "1s"}
    boxes = {}
    for name in ("help", "sales"):
        url = f"imap://127.0.0.1:{server.port}/INBOX"
        boxes[name] = {
            "addresses": [f"{name}@desk.example"],
            "imap": {"url": url, "user": name, **common, **more.get(name, {})},
        }
    return {"host": "desk.example", "mailboxes": boxes}


async def until(what, timeout_s=20):
    for _ in range(int(timeout_s / 0.1)):
        if await asyncio.to_thread(what):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it did not happen")


@test(limit_s=120)
async def mails_of_several_folders_are_taken_once_and_flagged_or_moved_afterwards(start):
    async with dovecot() as server:
        server.put("help", mail(Subject="old and read"), seen=True)
        server.put("help", mail(Subject="one"), mail("x" * 200000, Subject="two"))
        box = server.login("sales")
        box.create("Done")
        box.logout()
        server.put("sales", mail(Subject="three", To="sales@desk.example"))
        centre = await start(launch=False, judged=False)
        centre.write_settings(mail=settings(server, centre, sales={"after": "move", "folder": "Done"}))
        await centre.launch()

        await waiting(centre, ["one", "three", "two"])
        await until(lambda: "\\Seen" in server.flags("help").get("two", ""))
        await until(lambda: "three" in server.flags("sales", "Done"))
        equal(server.flags("sales"), {})
        # What others flag makes no difference, and a restart begins behind what was taken.
        server.put("help", mail(Subject="four"), seen=True)
        await waiting(centre, ["four", "one", "three", "two"])
        await centre.restart()
        server.put("help", mail(Subject="five"))
        await waiting(centre, ["five", "four", "one", "three", "two"])


@test(limit_s=120)
async def a_server_that_goes_away_or_refuses_is_asked_again_and_nothing_is_lost(start):
    async with dovecot() as server:
        server.put("help", mail(Subject="one"))
        centre = await start(launch=False, judged=False)
        centre.write_settings(mail=settings(server, centre))
        (centre.dir / "password").write_text("wrong\n")
        await centre.launch()
        await until(lambda: "imap: mailbox=help again" in (centre.dir / "log").read_text())
        equal(await titles(centre), [])
        (centre.dir / "password").write_text("secret\n")
        await waiting(centre, ["one"])
        server.process.terminate()
        await server.process.wait()
        await asyncio.sleep(0.5)
        await server.start()
        server.put("help", mail(Subject="two"))
        await waiting(centre, ["one", "two"])
        await centre.kill("redis")
        server.put("help", mail(Subject="three"))
        await waiting(centre, ["one", "three", "two"])


@test(limit_s=120)
async def a_folder_whose_mails_are_numbered_anew_is_read_from_its_beginning_and_nothing_comes_twice(start):
    async with dovecot() as server:
        box = server.login("help")
        box.create("Work")
        one = mail(Subject="one")
        server.put("help", one, mail(Subject="two"), mail(Subject="three"), folder="Work")
        centre = await start(launch=False, judged=False)
        centre.write_settings(mail=settings(server, centre, help={"url": f"imap://127.0.0.1:{server.port}/Work"}))
        await centre.launch()
        await waiting(centre, ["one", "three", "two"])
        await until(lambda: "\\Seen" in server.flags("help", "Work").get("three", ""))
        # The folder is made anew, as a move to another server does: UIDs begin at 1, below what was taken.
        await centre.stop_daemon()
        box.delete("Work")
        box.create("Work")
        box.logout()
        server.put("help", one, mail(Subject="four"), folder="Work")
        await centre.launch()
        await waiting(centre, ["four", "one", "three", "two"])
        check("numbered anew mailbox=help" in (centre.dir / "log").read_text(), "it was not told")
        # From here on by number again, also after a restart.
        await centre.restart()
        server.put("help", mail(Subject="five"), folder="Work")
        await waiting(centre, ["five", "four", "one", "three", "two"])


@test(limit_s=120)
async def a_mail_that_was_taken_is_deleted_there_and_nothing_else_is(start):
    async with dovecot() as server:
        server.put("help", mail(Subject="somebody's"), flags="(\\Seen \\Deleted)")
        server.put("help", mail(Subject="read"), seen=True)
        server.put("help", mail(Subject="one"), mail(Subject="two"))
        centre = await start(launch=False, judged=False)
        centre.write_settings(mail=settings(server, centre, help={"after": "delete"}))
        await centre.launch()
        await waiting(centre, ["one", "two"])
        await until(lambda: sorted(server.flags("help")) == ["read", "somebody's"])
        server.put("help", mail(Subject="three"))
        await waiting(centre, ["one", "three", "two"])
        await until(lambda: sorted(server.flags("help")) == ["read", "somebody's"])


@test(limit_s=120)
async def a_reload_reaches_a_folder_whose_server_is_the_same(start):
    async with dovecot() as server:
        server.put("help", mail(Subject="one"))
        centre = await start(launch=False, judged=False)
        wanted = settings(server, centre)
        wanted["lmtp"] = {"size": 100000}
        centre.write_settings(mail=wanted)
        await centre.launch()
        await waiting(centre, ["one"])
        wanted["lmtp"]["size"] = 1000000
        centre.write_settings(mail=wanted)
        await centre.admin("config.reload")
        server.put("help", mail("x" * 200000, Subject="two"))
        await waiting(centre, ["one", "two"])


@test(limit_s=120)
async def a_token_from_a_file_logs_in_and_a_fresh_one_is_read_when_it_has_run_out(start):
    async with dovecot() as server:
        server.put("help", mail(Subject="one"))
        centre = await start(launch=False, judged=False)
        file = centre.dir / "token"

        def keep(text):
            file.write_text(text + "\n")
            file.chmod(0o600)
            shutil.chown(file, "nobody")

        keep(token("help", -10))
        more = settings(server, centre, help={"token_file": "token"})
        del more["mailboxes"]["help"]["imap"]["password_file"], more["mailboxes"]["sales"]
        centre.write_settings(mail=more)
        await centre.launch()
        await until(lambda: "imap: mailbox=help again" in (centre.dir / "log").read_text())
        equal(await titles(centre), [])
        keep(token("help", 600))
        await waiting(centre, ["one"])
        keep(token("sales", 600))  # somebody else's does not open this mailbox
        server.put("help", mail(Subject="two"))
        seen = (centre.dir / "log").read_text().count("imap: mailbox=help again")
        await centre.restart()
        await until(lambda: (centre.dir / "log").read_text().count("imap: mailbox=help again") > seen)
        equal(await titles(centre), ["one"])
        keep(token("help", 600))
        await waiting(centre, ["one", "two"])
        check("Bearer" not in (centre.dir / "log").read_text() and token("help", 600)[:40] not in (centre.dir / "log").read_text())


async def titles(centre):
    return sorted(c["title"] for c in (await centre.admin("contact.list"))["waiting"])


async def waiting(centre, wanted, timeout_s=30):
    """Waits until these contacts wait, and a moment longer that no other comes."""
    for _ in range(int(timeout_s / 0.1)):
        with contextlib.suppress(Exception):
            if await titles(centre) == wanted:
                break
        await asyncio.sleep(0.1)
    await asyncio.sleep(0.5)
    equal(await titles(centre), wanted)


if __name__ == "__main__":
    main()
