"""The command usherctl: what it prints, how it ends, with a daemon and without one."""

import asyncio
import json
import os
import pathlib
import re

from ctl import run
from harness import BUILD, TOP
from robot import refused
from runner import Skip, check, equal, main, test


def commands(help_text):
    """Nouns and verbs of `usherctl --help`."""
    head = help_text.split("Options of every command")[0]
    return [line.strip().split("  ")[0] for line in head.splitlines() if line.startswith("  ")]


@test
async def each_command_has_help_and_is_documented():
    text = (await run("--help"))[0]
    guide = (TOP / "docs" / "usherctl.md").read_text()
    page = (TOP / "docs" / "man" / "usherctl.1.scd").read_text()
    found = commands(text)
    check(len(found) > 30, found)
    for line in found:
        words = [w for w in line.split() if (w.islower() or "-" in w) and "|" not in w]
        name = " ".join(words)
        check(f"`{name}" in guide, f"docs/usherctl.md does not know {name}")
        check(re.search(rf"\*{re.escape(name)}\*", page), f"the manual page does not know {name}")
        help_text = (await run(*words, "--help"))[0]
        for option in re.findall(r"^  --([a-z-]+)", help_text, re.M):
            check(f"--{option}" in guide, f"docs/usherctl.md does not know --{option} of {name}")
            check(f"--{option}" in page, f"the manual page does not know --{option} of {name}")
    check((await run("--version"))[0].startswith("usherctl "))


@test
async def wrong_usage_ends_with_status_2_and_says_what_is_wrong():
    for words, hint in (
        ([], "name a command"),
        (["queu", "list"], "no command"),
        (["queue", "lst"], "did you mean"),
        (["queue"], "name a command"),
        (["queue", "show"], "QUEUE"),
        (["queue", "list", "more"], "too many"),
        (["queue", "list", "--nope"], "not an option"),
        (["queue", "show", "a", "--most", "x"], "whole number"),
        (["contact", "move", "c00040000000a"], "--queue or --agent"),
        (["contact", "prioritise", "c00040000000a", "--sooner", "soon"], "duration"),
        (["contact", "prioritise", "c00040000000a", "--sooner", "5"], "duration"),
        (["queue", "list", "--watch", "0"], "--watch takes seconds"),
        (["--nope"], "see usherctl --help"),
        (["agent", "edit", "a1", "--skills", "x"], "english:5"),
        (["account", "disable", "x", "--watch"], "watch"),
        (["completion", "tcsh"], "bash, zsh and fish"),
    ):
        err = (await run(*words, status=2))[1]
        check(hint in err, f"{words}: {err}")


@test(subset=True)
async def queues_contacts_and_agents_are_listed_and_changed(start):
    centre = await start()
    ctl = {"state": centre.state_dir}
    first, second = await centre.submit("task"), await centre.submit("task")
    out = (await run("queue", "list", **ctl))[0]
    check(re.search(r"^general +open +2 ", out, re.M), out)
    queues = json.loads((await run("queue", "list", "--json", **ctl))[0])
    equal([q["name"] for q in queues], ["general", "billing"])
    out = (await run("queue", "show", "general", **ctl))[0]
    check(out.index(first) < out.index(second), out)
    await run("contact", "prioritise", second, "--sooner", "30s", **ctl)
    out = (await run("contact", "list", **ctl))[0]
    check(out.index(second) < out.index(first), out)
    await run("contact", "move", first, "--queue", "billing", "--reason", "test", **ctl)
    equal((await centre.get(first))["queue"], "billing")
    await run("contact", "cancel", first, "--reason", "double", **ctl)
    equal(await centre.state(first), "cancelled")
    check("no_contact" in (await run("contact", "show", "c00040000000a", "--json", status=1, **ctl))[0])
    ann = await centre.agent("a1", ready=False)
    await run("agent", "set-state", "a1", "ready", **ctl)
    await ann.offered()
    out = (await run("agent", "list", **ctl))[0]
    check(re.search(r"^a1 +Ann +first +ready ", out, re.M), out)
    out = (await run("explain", "contact", second, **ctl))[0]
    check("1. To a1, when ready" in out and "slack" in out, out)
    await run("agent", "edit", "a1", "--capacity", "50", "--skills", "english:5,billing:2", **ctl)
    agent = json.loads((await run("agent", "list", "--json", **ctl))[0])[0]
    equal((agent["capacity"], agent["skills"]), (50, {"english": 5, "billing": 2}))
    await run("queue", "close", "general", **ctl)
    check("closed" in (await run("queue", "list", **ctl))[0])
    await run("queue", "open", "general", **ctl)
    check((await run("queue", "show", "nope", status=1, **ctl))[1].startswith("usherctl: "))


@test
async def a_waiting_contact_is_explained_with_who_goes_before_it(start):
    centre = await start()
    await centre.submit("task", customer={"points": 90})
    contact = await centre.submit("task")
    out = (await run("explain", "contact", contact, state=centre.state_dir))[0]
    check("1 would be served before it" in out and "ahead by" in out, out)
    check("was not offered to anybody yet" in out, out)
    check("0 logged in could serve it" in out, "nobody is")
    await centre.agent("a1", ready=False)
    out = (await run("explain", "contact", contact, state=centre.state_dir))[0]
    check("1 logged in could serve it" in out and "a1: not ready" in out, out)
    await run("contact", "cancel", contact, state=centre.state_dir)
    check("yet" not in (await run("explain", "contact", contact, state=centre.state_dir))[0])


@test
async def moments_and_durations_of_a_contact_are_told_in_words_for_people(start):
    centre = await start()
    opens = "2099-12-31T23:00:00.000Z"
    contact = await centre.submit("task", not_before=opens)
    out = (await run("contact", "show", contact, state=centre.state_dir))[0]
    check(re.search(rf"^eligible +{opens}$", out, re.M) and re.search(r"^sla +1:00$", out, re.M), out)
    check("_ms" not in out, out)
    out = (await run("explain", "contact", contact, state=centre.state_dir))[0]
    check(f"is not offered before {opens}" in out, out)


@test
async def the_promise_level_is_shown(start):
    centre = await start()
    found = json.loads((await run("status", "--json", state=centre.state_dir))[0])
    equal(found["promise"], centre.ready["promise"])
    out = (await run("status", state=centre.state_dir))[0]
    check(f"\nlevel {found['promise']}: {found['store']}\n" in out, out)


@test
async def a_team_that_the_settings_do_not_have_is_refused(start):
    centre = await start()
    out = (await run("agent", "list", "--team", "frist", status=1, state=centre.state_dir))[1]
    check("names no team" in out, out)


@test
async def a_key_for_what_the_settings_do_not_have_is_refused(start):
    centre = await start()
    for option, name in (("--queues", "biling"), ("--channels", "chat,fax")):
        out = (await run("key", "create", option, name, status=1, state=centre.state_dir))[1]
        check("settings do not have" in out, out)
    await run("key", "create", "--queues", "billing", "--channels", "chat", state=centre.state_dir)


@test
async def top_and_watch_show_it_again_and_again(start):
    centre = await start()
    await centre.submit("task")
    out = (await run("top", state=centre.state_dir))[0]
    check(re.search(r"^general +open +1 ", out, re.M), out)
    child = await asyncio.create_subprocess_exec(
        str(BUILD / "usherctl"), "--state", str(centre.state_dir), "top", "--json", "--watch", "0.2",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        seen = [json.loads(await asyncio.wait_for(child.stdout.readline(), 10)) for _ in range(2)]
        equal(seen[0]["queues"]["general"]["waiting"], 1)
        await centre.submit("task")
        for _ in range(40):
            seen.append(json.loads(await asyncio.wait_for(child.stdout.readline(), 10)))
            if seen[-1]["queues"]["general"]["waiting"] == 2:
                break
        equal(seen[-1]["queues"]["general"]["waiting"], 2)
    finally:
        child.terminate()
        await child.wait()


@test
async def settings_are_checked_shown_compared_and_reloaded(start):
    centre = await start()
    ctl = {"state": centre.state_dir}
    await run("config", "check", centre.config)
    bad = centre.dir / "bad.yaml"
    bad.write_text("centre: x\nquues: {}\n")
    check("bad.yaml:2:1: error:" in (await run("config", "check", bad, status=1))[1])
    check(not json.loads((await run("config", "check", "--json", bad, status=1))[0])["ok"])
    centre.write_settings(
        plugins=[{"name": "vip", "prefx": "7"}, {"name": "nosuch"}],
        switches={"pbx": {"plugin": "line", "address": ["127.0.0.1:9"], "secret_file": "/nonexistent", "sped": 3}},
    )
    err = (await run("config", "check", centre.config, status=1))[1]
    for words in ('plugin vip has no setting "prefx"; did you mean "prefix"?', "there is no plugin nosuch",
                  'plugin line has no setting "sped"'):  # fmt: skip
        check(words in err, err)
    check("/nonexistent" not in err, "a check needs no secret")
    del centre.settings["plugins"], centre.settings["switches"]
    centre.write_settings()
    check("Nothing would change" in (await run("config", "diff", centre.config, **ctl))[0])
    other = centre.dir / "other.yaml"
    other.write_text(centre.config.read_text().replace('"30s"', '"31s"'))
    check("31" in (await run("config", "diff", other, **ctl))[0])
    check(str(centre.config) in (await run("config", "show", **ctl))[0])
    check("version 2" in (await run("config", "reload", **ctl))[0])
    centre.write_settings(http="127.0.0.1:9")
    for _ in range(2):
        err = (await run("config", "reload", **ctl))[1]
        equal(err.count("is read when usherd starts"), 1, err)
    centre.write_settings(http="127.0.0.1:0")
    equal((await run("config", "reload", **ctl))[1], "", "it is as at the start again")
    centre.config.write_text("quues: {}\n")
    check("quues" in (await run("config", "reload", status=1, **ctl))[1])
    check("| `centre` |" in (await run("config", "document"))[0])
    shipped = (TOP / "conf" / "usher.yaml").read_text()
    equal((await run("config", "document", "--yaml"))[0], shipped, "conf/usher.yaml")


@test
async def libraries_of_responses_are_checked_with_the_settings_by_file_and_line(start):
    centre = await start(launch=False)
    ctl = {"state": centre.state_dir}
    folder = centre.dir / "responses"
    (folder / "cards").mkdir(parents=True)
    good, bad = folder / "received.md", folder / "cards" / "lost.md"
    good.write_text("---\ntitle: We have your mail\n---\nThank you.\n")
    bad.write_text("---\ntitle: Lost card\nautomatic: perhaps\n---\nWe have locked it.\n")
    mail = {
        "host": "desk.example", "mailboxes": {"support": {"addresses": ["help@desk.example"], "library": "responses"}},
        "out": {"acknowledge": {"open": "received", "closed": "recieved"}},
    }  # fmt: skip
    centre.write_settings(mail=mail)
    said = (await run("config", "check", centre.config, status=1))[1]
    check(f"{bad}:3:1: error:" in said, said)
    (problem,) = json.loads((await run("config", "check", "--json", centre.config, status=1))[0])["problems"]
    equal((problem["file"], problem["line"], problem["severity"]), (str(bad), 3, "error"))
    # A start with it serves contacts; a reload that brings it is refused, and what was in use stays.
    await centre.launch()
    await refused(centre.admin("response.list"), "no_mailbox")
    bad.write_text("---\ntitle: Lost card\nautomatic: true\n---\nWe have locked it.\n")
    said = (await run("config", "check", centre.config))
    check("can be used" in said[0] and "warning:" in said[1] and '"recieved"' in said[1], said)
    await run("config", "reload", **ctl)
    equal([r["id"] for r in (await centre.admin("response.list"))["responses"]], ["lost", "received"])
    bad.write_text("---\ntitle: Lost card\nautomatic: perhaps\n---\nWe have locked it.\n")
    said = (await run("config", "reload", status=1, **ctl))[1]
    check(f"{bad}:3" in said, said)
    equal([r["id"] for r in (await centre.admin("response.list"))["responses"]], ["lost", "received"])
    (folder / "cards" / "lost.md").unlink()
    mail["mailboxes"]["support"]["library"] = "nowhere"
    centre.write_settings(mail=mail)
    check("nowhere" in (await run("config", "check", centre.config, status=1))[1])


@test
async def who_may_come_in_is_the_same_with_a_daemon_and_without(start):
    centre = await start()
    ctl = {"state": centre.state_dir}

    async def all_of_it():
        await run("account", "add", "sue", "--role", "supervisor", text="correct horse battery\n", **ctl)
        await run("account", "add", "sue", "--role", "supervisor", text="correct horse battery\n", status=1, **ctl)
        await run("account", "add", "tim", "--role", "auditor", text="short\n", status=1, **ctl)
        check("sue" in (await run("account", "list", **ctl))[0])
        await run("account", "passwd", "sue", text="battery horse correct\n", **ctl)
        await run("account", "disable", "sue", **ctl)
        check(json.loads((await run("account", "list", "--json", **ctl))[0])[0]["disabled"])
        await run("account", "enable", "sue", **ctl)
        many = await run("token", "create", "--role", "agent", "--agent", "a%d", "--count", 3, "--plain", **ctl)
        equal(len(set(many[0].split())), 3)
        listed = json.loads((await run("token", "list", "--role", "agent", "--json", **ctl))[0])
        equal(sorted(t["agent"] for t in listed), ["a1", "a2", "a3"])
        await run("token", "revoke", "--agent", "a1", **ctl)
        await run("token", "revoke", "nope", status=1, **ctl)
        await run("token", "create", "--role", "agent", "--account", "x", status=1, **ctl)
        key = (await run("key", "create", "--name", "shop", "--queues", "billing", "--plain", **ctl))[0].strip()
        check(key.partition(".")[0] in (await run("key", "list", **ctl))[0])
        await run("key", "revoke", key.partition(".")[0], **ctl)
        check("#code=uc_" in (await run("init", "--url", "https://centre.example/", **ctl))[0])

    await all_of_it()
    await centre.stop_daemon()
    check("no usherd runs" in (await run("queue", "list", status=1, **ctl))[1])
    for name in ("accounts", "tokens", "keys"):
        (centre.state_dir / name).unlink()
    await all_of_it()
    # What was made without it, the daemon takes.
    token = (await run("token", "create", "--role", "supervisor", "--account", "s1", "--plain", **ctl))[0].strip()
    await centre.launch()
    wire = await centre.wire(token=token)
    await wire.call("queue.list")
    session = await (await centre.wire()).call("session.login", account="sue", password="battery horse correct")
    equal(session["role"], "supervisor")


@test
async def a_code_is_exchanged_over_http_once(start):
    centre = await start()
    code = (await centre.admin("code.create", account="eve"))["code"]
    status, answer = await centre.http.call("POST", "/v1/session", {"code": code})
    equal((status, answer["role"], answer["account"]), (200, "administrator", "eve"))
    wire = await centre.wire(token=answer["token"])
    await wire.call("account.list")
    status, answer = await centre.http.call("POST", "/v1/session", {"code": code})
    equal((status, answer["error"]["type"]), (401, "login_failed"))
    equal((await centre.http.call("POST", "/v1/session", {"token": code}))[0], 422)


@test
async def completion_is_a_script_that_its_shell_reads():
    for shell in ("bash", "zsh", "fish"):
        script = (await run("completion", shell))[0]
        check("prioritise" in script and "queue list" in script)
        if shell == "bash":
            child = await asyncio.create_subprocess_exec(
                "bash", "-c", script + '\nCOMP_WORDS=(usherctl contact pri) COMP_CWORD=2; _usherctl; echo "${COMPREPLY[0]}"',
                stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            equal((await child.communicate())[0].decode().strip(), "prioritise")


@test
async def colours_are_for_terminals_that_want_them(start):
    centre = await start()
    check("\033" not in (await run("queue", "list", state=centre.state_dir))[0], "not a terminal")
    check(pathlib.Path(centre.state_dir, "usherd.sock").stat().st_mode & 0o777 == 0o600)


if __name__ == "__main__":
    main()
