"""Checks of the source itself: who includes whom, sizes, form, words, documents, hardening."""

import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests" / "flow"))

from runner import Skip, check, equal, main, test  # noqa: E402

BUILD = pathlib.Path(os.environ.get("USHER_BUILD", TOP / "build"))
LINES_MAX = 700  # of one file

# Which folders of src/ a folder may include besides itself.
MAY_KNOW = {
    "base": set(),
    "model": {"base"},
    "suggest": {"base", "model"},
    "route": {"base", "model", "suggest"},
    "intake": {"base", "model", "suggest", "route"},
    "desk": {"base", "model", "suggest", "route"},
    "history": {"base", "model", "suggest", "route"},
    "control": {"base", "model", "suggest", "route"},
    "web": {"base"},
    # Programs beside the daemon: they stand at the right end, as main.c does.
    "sim": {"base", "model", "suggest", "route", "control"},
    "usherctl": {"base", "model", "suggest", "intake", "desk", "control"},
}
DOORS = {"router.h", "events.h", "store.h", "submission.h", "directory.h"}  # of route/, for those to the right of it
RIGHT_OF_ROUTE = {"intake", "desk", "history", "control"}


def files(*patterns):
    """Files that git knows or would add, by their path from the top; those deleted meanwhile left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *patterns],
        cwd=TOP, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [pathlib.Path(name) for name in sorted(set(listed.split("\0"))) if name and (TOP / name).is_file()]


def text_of(path):
    return (TOP / path).read_text(encoding="utf-8", errors="replace")


def includes(path):
    for number, line in enumerate(text_of(path).splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+(["<])([^">]+)', line)
        if found:
            yield number, found[1], found[2]


def none(wrong, what):
    check(not wrong, f"{what}:\n    " + "\n    ".join(wrong[:20]))


@test
def includes_point_left():
    wrong = []
    for path in files("src/*.c", "src/*.h"):
        if len(path.parts) < 3:
            continue  # main.c wires, so it may know all
        folder = path.parts[1]
        check(folder in MAY_KNOW, f"{path}: folder {folder} is not in the order of includes")
        for number, mark, name in includes(path):
            other = name.split("/")[0] if "/" in name else folder
            if mark == '"' and other in MAY_KNOW and other != folder and other not in MAY_KNOW[folder]:
                wrong.append(f"{path}:{number}: {folder} may not know {name}")
    none(wrong, "includes against the order")


@test
def others_enter_routing_by_its_doors():
    wrong = [
        f"{path}:{number}: {name}"
        for folder in RIGHT_OF_ROUTE
        for path in files(f"src/{folder}/*.c", f"src/{folder}/*.h")
        for number, mark, name in includes(path)
        if name.startswith("route/") and name[len("route/") :] not in DOORS
    ]
    none(wrong, "not by router.h or events.h")


@test
def what_decides_knows_no_event_loop_and_no_sockets():
    outside = re.compile(r"^(event2/|sys/socket\.h|netinet/|arpa/|hiredis/|openssl/)")
    wrong = [
        f"{path}:{number}: {name}"
        for path in files("src/model/*.[ch]", "src/route/*.[ch]", "src/suggest/*.[ch]")
        if not path.name.startswith("store_redis")
        for number, mark, name in includes(path)
        if mark == "<" and outside.match(name)
    ]
    none(wrong, "I/O in folders that only decide")


@test
def plugins_see_the_plugin_interface_only():
    system = re.compile(r"^((curl|openssl|sys)/)?[a-z0-9_]+\.h$")
    wrong = [
        f"{path}:{number}: {name}"
        for path in files("plugins/*.c", "plugins/*.h")
        if not path.name.startswith("test_")
        for number, mark, name in includes(path)
        if not (name.startswith("usher/") and mark == "<")
        and not (mark == "<" and system.match(name))
        and not (mark == '"' and (TOP / path.parent / name).is_file())
    ]
    none(wrong, "plugins include what is not theirs")


@test
def the_plugin_interface_includes_nothing_of_ours():
    wrong = [
        f"{path}:{number}: {name}"
        for path in files("include/*.h")
        for number, mark, name in includes(path)
        if mark == '"' or name.startswith(tuple(f + "/" for f in MAY_KNOW))
    ]
    none(wrong, "include/usher/ is not self-contained")


@test
def no_file_is_longer_than_700_lines():
    long = []
    for path in files("*.c", "*.h", "*.py", "*.js", "*.mjs", "*.css", "*.lua", "tools/*"):
        lines = text_of(path).count("\n")
        if lines > LINES_MAX:
            long.append(f"{path}: {lines} lines")
    none(long, "split these files")


@test
def c_files_are_in_the_common_form():
    formatter = shutil.which("clang-format")
    if not formatter:
        raise Skip("clang-format is not installed")
    sources = files("*.c", "*.h")
    done = subprocess.run(
        [formatter, "--dry-run", "-Werror", "--ferror-limit=1", *map(str, sources)],
        cwd=TOP, capture_output=True, text=True, check=False,
    )  # fmt: skip
    wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line})
    none(wrong, "run clang-format -i on")


@test
def nothing_names_a_place_of_one_machine():
    home = re.compile(r"(?<![\w.])/(?:" + "|".join(("root", "home", "work", "Users")) + r")/")
    host = re.compile(r"\b(?:deb|registry|packages|files|proxy)\.[a-z]+\.(?:org|com|io)\b")
    wrong = []
    for path in files():
        if path.name == "LICENSE" or path.suffix in {".gz", ".png", ".ico", ".woff2"}:
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if home.search(line) or host.search(line):
                wrong.append(f"{path}:{number}: {line.strip()[:100]}")
    none(wrong, "these are true on one machine only")


@test
def nothing_is_left_open():
    marks = re.compile(r"\b(?:" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b|not yet implem" + "ented")
    wrong = [
        f"{path}:{number}: {line.strip()[:100]}"
        for path in files("src", "plugins", "include", "tools", "conf", "tests", "docs", "schemas", "*.md")
        if path.suffix not in {".gz", ".png"}
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if marks.search(line)
    ]
    none(wrong, "left open")


@test
def every_header_guards_itself():
    wrong = []
    for path in files("src/*.h", "include/*.h"):
        text = text_of(path)
        if not re.search(r"#ifndef (USHER_\w+)\n#define \1\n", text):
            wrong.append(str(path))
    none(wrong, "headers without their guard")


@test
def schemas_are_valid():
    try:
        import jsonschema
    except ImportError:
        raise Skip("python3-jsonschema is not installed") from None
    found = files("schemas/*.json")
    check(found, "schemas/ is empty")
    for path in found:
        try:
            schema = json.loads(text_of(path))
        except ValueError as error:
            raise AssertionError(f"{path}: {error}") from error
        if path.name.endswith(".schema.json"):
            equal(schema.get("$schema"), "https://json-schema.org/draft/2020-12/schema", path)
            jsonschema.Draft202012Validator.check_schema(schema)


@test
def the_protocol_document_is_made_from_the_schemas():
    done = subprocess.run([TOP / "tools" / "protocol-doc", "--check"], capture_output=True, text=True)
    equal(done.returncode, 0, done.stderr)


@test
def the_chat_widget_is_light():
    """What a site's page loads: the script tag, the frame, one language; packed as the daemon packs it."""
    parts = ["chat.js", "widget.html", "widget/widget.css", "widget/main.js", "widget/wire.js", "widget/words.js", "lib/dom.js", "lib/refusal.js"]
    parts.append(max(files("src/web/widget/lang/*.js"), key=lambda p: (TOP / p).stat().st_size).relative_to("src/web"))
    packed = sum(len(gzip.compress((TOP / "src/web" / part).read_bytes())) for part in parts)
    check(packed <= 30 * 1024, f"{packed} bytes packed")


def words_used(*pages):
    """What is said by t("...") in these modules."""
    found = set()
    for page in pages:
        found.update(re.findall(r'\bt\(\s*"((?:[^"\\]|\\.)*)"', text_of(f"src/web/{page}")))
    return found


def catalogue(path):
    return set(re.findall(r'^\s*"((?:[^"\\]|\\.)*)":', text_of(f"src/web/{path}"), re.M))


@test
def customers_pages_speak_their_languages_whole():
    widget, callme = words_used("widget/main.js", "widget/words.js"), words_used("callme/main.js")
    check(len(widget) > 60 and len(callme) > 20, "words were found")
    wrong = []
    for name in sorted(pathlib.Path(p).name for p in files("src/web/widget/lang/*.js")):
        own, more = catalogue(f"widget/lang/{name}"), catalogue(f"callme/lang/{name}")
        wrong += [f"widget/lang/{name}: lacks {w!r}" for w in sorted(widget - own)]
        wrong += [f"callme/lang/{name}: lacks {w!r}" for w in sorted(callme - own - more)]
        wrong += [f"lang/{name}: {w!r} is said nowhere" for w in sorted((own | more) - widget - callme)]
    none(wrong, "words of the customers' pages")


@test
def python_compiles():
    for path in files("*.py", "tools/*"):
        text = text_of(path)
        if path.suffix == ".py" or text.startswith("#!/usr/bin/env python3") or text.startswith("#!/usr/bin/python3"):
            compile(text, str(path), "exec")


@test
def shell_scripts_parse():
    for path in files("tools/*", ".ci/*"):
        if re.match(r"#!.*\b(?:ba)?sh\b", text_of(path).split("\n", 1)[0]):
            done = subprocess.run(["bash", "-n", str(TOP / path)], capture_output=True, text=True, check=False)
            equal((done.returncode, done.stderr), (0, ""), path)


def commands(path):
    """Words at the beginning of lines in the fenced blocks of a page that are not another language."""
    inside = None
    for line in text_of(path).splitlines():
        fence = re.match(r"\s*```(\w*)", line)
        if fence:
            inside = None if inside is not None else fence[1]
        elif inside in ("", "sh", "console", "shell", "bash"):
            found = re.match(r"\s*(?:\$ |# )?(?:sudo )?((?:tools|build|\.ci)/[\w./-]+)", line)
            if found:
                yield found[1]


@test
def commands_of_the_documents_exist():
    pages = [p for p in files("*.md") if p.name == "README.md" or p.parts[0] == "docs"]
    check(any(str(p) == "README.md" for p in pages), "there is no README.md")
    wrong = []
    for path in pages:
        for name in commands(path):
            if name.startswith("build/") and not BUILD.is_dir():
                continue
            real = BUILD / name[len("build/") :] if name.startswith("build/") else TOP / name
            if not real.exists():
                wrong.append(f"{path}: {name}")
    none(wrong, "documents name commands that are not there")


@test
def links_of_the_documents_lead_somewhere():
    wrong = []
    for path in files("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text_of(path)):
            if not re.match(r"[a-z]+:", target) and not (TOP / path.parent / target).exists():
                wrong.append(f"{path}: {target}")
    none(wrong, "broken links")


def binaries():
    found = [BUILD / n for n in ("usherd", "usherctl", "usher-sim")] + sorted((BUILD / "plugins").glob("**/*.so"))
    found = [p for p in found if p.is_file()]
    if not found:
        raise Skip(f"nothing is built in {BUILD.name}/")
    return found


def readelf(flags, path):
    return subprocess.run(["readelf", flags, str(path)], capture_output=True, text=True, check=True).stdout


@test
def binaries_are_hardened():
    if not shutil.which("readelf"):
        raise Skip("readelf (binutils) is not installed")
    wrong = []
    for path in binaries():
        segments, dynamic, symbols = readelf("-lhW", path), readelf("-dW", path), readelf("-sW", path)
        stack = re.search(r"GNU_STACK.*", segments)
        whole = path.stat().st_size > 60000  # a small plugin may have nothing that needs either
        for holds, what in (
            (re.search(r"Type:\s+DYN", segments), "is not position independent"),
            ("GNU_RELRO" in segments, "has no RELRO segment"),
            (re.search(r"BIND_NOW|FLAGS.*\bNOW\b", dynamic), "binds lazily"),
            (stack and "RWE" not in stack[0], "has an executable stack"),
            ("__stack_chk_fail" in symbols or not whole, "has no stack protector"),
            (re.search(r"__\w+_chk\b", symbols.replace("__stack_chk", "")) or not whole, "is not fortified"),
            (not re.search(r"\((?:RPATH|RUNPATH)\)", dynamic), "has a run path"),
        ):
            if not holds:
                wrong.append(f"{path.name} {what}")
    none(wrong, "not hardened")


@test
def public_names_are_defined_once():
    """Parts that never meet in a program meet in the tests and the fuzz targets."""
    if not shutil.which("nm"):
        raise Skip("nm (binutils) is not installed")
    folders = ["src/**/*.a.p", "usherd.p", "plugins/**/*.so.p"]
    objects = [o for folder in folders for place in BUILD.glob(folder) for o in place.glob("**/*.o")]
    if not objects:
        raise Skip(f"nothing is built in {BUILD.name}/")
    listed = subprocess.run(["nm", "-g", "--defined-only", "-A", *objects], capture_output=True, text=True, check=True)
    homes = {}
    for line in listed.stdout.splitlines():
        where, kind, name = line.split()
        if kind in "TDBR" and not name.startswith("usher_plugin"):
            homes.setdefault(name, set()).add(pathlib.Path(where.split(":")[0]).name.rpartition(".._")[2])
    none([f"{name}: {', '.join(sorted(h))}" for name, h in sorted(homes.items()) if len(h) > 1], "defined twice")


@test
def programs_tell_their_version_and_their_use():
    for path in binaries():
        if path.suffix == ".so":
            continue
        for option in ("--version", "--help"):
            done = subprocess.run([str(path), option], capture_output=True, text=True, check=False, timeout=20)
            equal(done.returncode, 0, path.name, option)
            check(done.stdout.strip(), path.name, option, "prints nothing")


INSTALLED = """
{bindir}/usherd
{bindir}/usherctl
{bindir}/usher-sim
{prefix}/lib/systemd/system/usherd.service
{prefix}/lib/sysusers.d/usher.conf
{libdir}/usher/asterisk.so
{libdir}/usher/http_directory.so
{libdir}/usher/line.so
{libdir}/usher/task_dir.so
{libdir}/usher/vip.so
{datadir}/usher/plugins/http_directory.conf
{datadir}/usher/plugins/task_dir.conf
{datadir}/usher/plugins/vip.conf
{datadir}/bash-completion/completions/usherctl.bash
{datadir}/zsh/site-functions/_usherctl
{datadir}/fish/vendor_completions.d/usherctl.fish
"""
PAGES = ("usherd.8", "usherctl.1", "usher-sim.1")


@test
def what_is_built_can_be_installed():
    if not (BUILD / "build.ninja").is_file() or not shutil.which("meson"):
        raise Skip(f"{BUILD.name}/ is not a build, or meson is not installed")
    options = json.loads(
        subprocess.run(["meson", "introspect", "--buildoptions", str(BUILD)], capture_output=True, text=True, check=True).stdout
    )
    prefix = next(o["value"] for o in options if o["name"] == "prefix")
    places = {o["name"]: os.path.join(prefix, str(o["value"])) for o in options if o["name"].endswith("dir")}
    places["prefix"] = prefix
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["meson", "install", "-C", str(BUILD), "--no-rebuild", "--quiet", "--destdir", folder],
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        equal(done.returncode, 0, done.stdout + done.stderr)
        found = {str(p)[len(folder) :] for p in pathlib.Path(folder).rglob("*") if not p.is_dir()}
        wanted = set(INSTALLED.format(**places).split())
        if shutil.which("scdoc"):
            wanted |= {f"{places['mandir']}/man{name[-1]}/{name}" for name in PAGES}
        none([f"missing: {p}" for p in sorted(wanted - found)] + [f"more: {p}" for p in sorted(found - wanted)], "installed")
        unit = pathlib.Path(f"{folder}{prefix}/lib/systemd/system/usherd.service").read_text()
        check(f"ExecStart={places['bindir']}/usherd --config " in unit, unit)


if __name__ == "__main__":
    main()
