"""A real Postfix of the test's own: its own configuration, queue and log, free ports, ended by itself.

What hands mail to usher in it are the lines of conf/mail/postfix.cf, as an administrator would take them.
"""

import asyncio
import contextlib
import os
import pathlib
import pwd
import shutil
import socket

from harness import free_port
from runner import Skip

DAEMONS = pathlib.Path("/usr/lib/postfix/sbin")
SNIPPET = pathlib.Path(__file__).resolve().parents[2] / "conf" / "mail" / "postfix.cf"


def need_postfix():
    """The programs, or a Skip with the reason."""
    if shutil.which("postfix") is None or not DAEMONS.is_dir():
        raise Skip("postfix is missing: apt-get install postfix (it would take another mail server's place)")
    if os.geteuid() != 0:
        raise Skip("postfix is started by root only")


MASTER = """
{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def snippet(desk, lmtp):
    """The shipped lines, for this domain and place of usher's."""
    lines = [line for line in SNIPPET.read_text().splitlines() if line and not line.startswith("#")]
    text = "\n".join(lines).replace("desk.example", desk).replace("inet:127.0.0.1:2424", f"inet:{lmtp}")
    if lmtp not in text or desk not in text:
        raise AssertionError(f"{SNIPPET} does not name domain and address as it did")
    return text


class Mta:
    """Takes mail by SMTP: for the `desk` domain by LMTP to usher, for customers into Maildirs."""

    def __init__(self, folder, desk, customers):
        self.dir, self.desk, self.customers = pathlib.Path(folder) / "mta", desk, customers
        self.conf, self.port = self.dir / "conf", free_port()

    async def start(self, lmtp):
        for part in ("conf", "queue", "data", "mail"):
            (self.dir / part).mkdir(parents=True, exist_ok=True)
        for part in (self.dir.parent, self.dir):
            part.chmod(0o755)
        owner = pwd.getpwnam("postfix")
        os.chown(self.dir / "data", owner.pw_uid, owner.pw_gid)
        os.chown(self.dir / "mail", owner.pw_uid, owner.pw_gid)
        domains = sorted({a.rpartition("@")[2] for a in self.customers})
        (self.conf / "transport").write_text("".join(f"{domain} virtual:\n" for domain in domains))
        boxes = {**self.customers, f"@{self.desk}": "by-lmtp"}
        (self.conf / "boxes").write_text("".join(f"{address} {name}/\n" for address, name in boxes.items()))
        (self.conf / "main.cf").write_text(f"""compatibility_level = 3.6
queue_directory = {self.dir}/queue
data_directory = {self.dir}/data
daemon_directory = {DAEMONS}
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.test
mydomain = test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
relay_domains = {" ".join(domains)}
transport_maps = texthash:{self.conf}/transport
virtual_mailbox_maps = texthash:{self.conf}/boxes
virtual_mailbox_base = {self.dir}/mail
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner.pw_uid}
virtual_gid_maps = static:{owner.pw_gid}
maillog_file = {self.dir}/log
maillog_file_prefixes = {self.dir}
import_environment = MAIL_CONFIG
{snippet(self.desk, lmtp)}
""")
        (self.conf / "master.cf").write_text(MASTER.format(port=f"127.0.0.1:{self.port}"))
        await self._postfix("start")
        for _ in range(400):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            await asyncio.sleep(0.05)
        raise AssertionError("postfix does not listen: " + self.log())

    async def _postfix(self, word):
        process = await asyncio.create_subprocess_exec(
            "postfix", "-c", str(self.conf), word, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        out, _ = await asyncio.wait_for(process.communicate(), 60)
        if word == "start" and process.returncode != 0:
            raise AssertionError(f"postfix {word}: {out.decode()}\n{self.log()}")

    async def stop(self):
        await self._postfix("stop")

    def log(self):
        log = self.dir / "log"
        return log.read_text(errors="replace")[-3000:] if log.exists() else ""

    def received(self, name):
        """Mails in a customer's mailbox, as bytes, the oldest first."""
        found = sorted((self.dir / "mail" / name / "new").glob("*"), key=lambda p: p.stat().st_mtime_ns)
        return [p.read_bytes() for p in found]


async def swaks(port, to, sender, *more):
    """Sends by swaks, as a mail program would."""
    if shutil.which("swaks") is None:
        raise Skip("swaks is missing")
    process = await asyncio.create_subprocess_exec(
        "swaks", "--server", f"127.0.0.1:{port}", "--to", to, "--from", sender, "--helo", "cust.test", *more,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    if process.returncode != 0:
        raise AssertionError(f"swaks: {out.decode(errors='replace')}")
