"""What is made of 102 odd mails against what another parser makes of them; each difference is explained here."""

import json
import subprocess

import mailbox
from harness import BUILD
from runner import Skip, check, equal, main, test

# Parts that are one file for us and a tree of parts for the other: mails within mails, and what reports hold.
WHOLE = ("message/",)

# Where parts differ otherwise, and why.
PARTS = {
    "d016.eml": "no boundary is ever met: the text is what stands there",
    "d020.eml": "no boundary is named: the same",
    "d032.eml": "no boundary is ever met",
    "d035.eml": "no boundary is ever met",
    "d038.eml": "no boundary is ever met",
    "d053.eml": "no boundary is ever met",
    "d057.eml": "there is no head: all of it is text",
    "d081.eml": "no boundary is ever met",
    "d039.eml": "no closing boundary: the last line end belongs to the part for us",
    "d042.eml": "a part without a body is none for us",
    "d046.eml": "base64 that ends within a byte: the bits beyond are not made a byte",
    "d049.eml": "a line end before a boundary that is not its own",
    "d052.eml": "a boundary that is the beginning of another ends its part",
    "d058.eml": "the other takes a blank as part of the type's name",
    "d094.eml": "blanks before the colon of a field: the head goes on for us",
}
HEADS = {
    "d025.eml": "raw bytes within an encoded word",
    "d080.eml": "raw bytes within an encoded word",
    "d036.eml": "two blanks in a row, as they were sent",
    "d078.eml": "two @ in a Message-ID: all between the brackets is the name",
    "d094.eml": "blanks before the colon of a field: it is a field all the same",
}
NAMES = {
    "d014.eml": "a leading dot would hide a file",
    "d025.eml": "raw bytes in a file's name are read, not replaced",
    "d080.eml": "raw bytes in a file's name are read, not replaced",
}


def same_text(ours, other):
    """The other replaces raw bytes by U+FFFD where we read them."""
    a, b = ours or "", " ".join((other or "").split())
    return a == b or (len(a) == len(b) and all(x == y or y == "\ufffd" for x, y in zip(a, b)))


def is_within(types):
    return any(t.startswith(WHOLE) for t in types)


@test
def mails_are_taken_apart_as_another_parser_does_or_it_is_explained():
    folder = mailbox.shared("mail")
    if folder is None:
        raise Skip("the mails beside the project are not there")
    reference = [json.loads(line) for line in (folder / "reference.jsonl").read_text().splitlines()]
    dump = BUILD / "tests" / "flow" / "mail_dump"
    done = subprocess.run(
        [str(dump), *(str(folder / r["file"]) for r in reference)], capture_output=True, text=True, check=True
    )
    made = [json.loads(line) for line in done.stdout.splitlines()]
    equal(len(made), len(reference))
    strange, explained, empty = [], set(), []
    for ours, other in zip(made, reference):
        file = other["file"]
        ids = (other["message-id"] or "").strip().strip("<>")
        if not same_text(ours["subject"], other["subject"]) or (ids and ours["message-id"] != ids):
            (explained.add(file) if file in HEADS else strange.append((file, "head", ours["subject"], ours["message-id"])))
        a, b = ours["leaf_parts"], other["leaf_parts"]
        if not is_within(p["type"] for p in a):
            if [(p["type"], p["sha256"]) for p in a] != [(p["type"], p["sha256"]) for p in b]:
                (explained.add(file) if file in PARTS else strange.append((file, "parts", [p["type"] for p in a])))
            elif [p["filename"] or None for p in a] != [p["filename"] or None for p in b]:
                (explained.add(file) if file in NAMES else strange.append((file, "names", [p["filename"] for p in a])))
        said = [p for p in b if p["type"] == "text/plain" and p["bytes"] and not p["filename"] and not p["disposition"]]
        if said and not ours["text"].strip() and not is_within(p["type"] for p in a):
            empty.append(file)
    check(not strange, *strange)
    check(not empty, "no text was found in", empty)
    unused = (set(PARTS) | set(HEADS) | set(NAMES)) - explained
    check(not unused, "explained, and not different", unused)


if __name__ == "__main__":
    main()
