"""A mail server's side of LMTP, and mails, for flow tests."""

import asyncio
import contextlib
import email.message
import email.utils
import pathlib
import smtplib

MAIL = {
    "host": "desk.example",
    "lmtp": "127.0.0.1:0",
    "mailboxes": {
        "support": {"addresses": ["help@desk.example", "support@desk.example"], "display": "Support"},
        "sales": {"addresses": ["sales@desk.example"], "queue": "billing"},
    },
}


def mail(text="Where is my order?\n", **more):
    """A plain mail as bytes with CRLF; underscores in names of fields become dashes."""
    fields = {
        "From": "Ann Example <ann@cust.example>",
        "To": "help@desk.example",
        "Subject": "Order 4711",
        "Date": "Sun, 22 Nov 2026 10:00:00 +0000",
        "Message-ID": email.utils.make_msgid(domain="cust.example"),
    }
    fields.update({name.replace("_", "-"): value for name, value in more.items()})
    message = email.message.EmailMessage()
    for name, value in fields.items():
        if value is not None:
            message[name] = value
    message.set_content(text)
    return message.as_bytes(policy=message.policy.clone(linesep="\r\n"))


def _dial(address):
    if address.startswith("unix:"):
        return smtplib.LMTP(address.removeprefix("unix:"), local_hostname="mx.example")
    host, _, port = address.rpartition(":")
    return smtplib.LMTP(host, int(port), local_hostname="mx.example", timeout=30)


def _deliver(address, content, recipients, sender):
    """{recipient: (code, text)} of one mail on a connection of its own."""
    with contextlib.closing(_dial(address)) as server:
        server.ehlo_or_helo_if_needed()
        code, text = server.mail(sender)
        if code != 250:
            return dict.fromkeys(recipients, (code, text.decode()))
        said, taken = {}, []
        for recipient in recipients:
            code, text = server.rcpt(recipient)
            if code == 250:
                taken.append(recipient)
            else:
                said[recipient] = (code, text.decode())
        if taken:
            server.putcmd("data")
            code, text = server.getreply()
            if code != 354:
                return {**said, **dict.fromkeys(taken, (code, text.decode()))}
            server.send(smtplib._fix_eols(content.decode("latin-1")).encode("latin-1").replace(b"\r\n.", b"\r\n.."))
            server.send(b"" if content.endswith(b"\r\n") else b"\r\n")
            server.send(b".\r\n")
            for recipient in taken:
                code, text = server.getreply()
                said[recipient] = (code, text.decode())
        with contextlib.suppress(smtplib.SMTPException, OSError):
            server.quit()
        return said


async def deliver(centre, content=None, to=("help@desk.example",), sender="ann@cust.example"):
    """Hands a mail over by LMTP; what was said of each recipient."""
    content = mail() if content is None else content
    keys = {recipient: f"mail#{len(centre.journal)}/{recipient}" for recipient in to}
    for key in keys.values():
        centre.note("submit", key=key)
    said = await asyncio.to_thread(_deliver, centre.ready["lmtp"], content, list(to), sender)
    known = {r["contact"] for r in centre.journal if r["ev"] == "accepted"}
    for recipient, (code, text) in said.items():
        if code == 250:
            contact = text.split()[-1]
            centre.note("accepted", key=keys[recipient], contact=contact, duplicate=contact in known)
            known.add(contact)
        else:
            centre.note("refused", key=keys[recipient], type=str(code))
    return said


async def contact_of(centre, *args, **more):
    """The contact of a mail that must be taken for its one recipient."""
    said = await deliver(centre, *args, **more)
    ((code, text),) = said.values()
    if code != 250:
        raise AssertionError(f"not taken: {code} {text}")
    return text.split()[-1]


def shared(name):
    """A folder of the data beside the project; None when it is not there."""
    folder = pathlib.Path(__file__).resolve().parents[3] / "shared" / "data" / name
    return folder if folder.is_dir() else None
