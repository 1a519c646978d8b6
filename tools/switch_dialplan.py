"""The dialplan of the simulated switch: reads extensions.conf as Asterisk does and runs it.

What is not Asterisk's own is left out: an application that the interpreter does not know ends the
call as an application that is not loaded would, and is remembered in `Plan.problems`.

Facts used: comments begin with ";", `same =>` repeats the extension, `n` counts priorities, a label
stands in brackets, patterns begin with "_" (X 0-9, Z 1-9, N 2-9, [..] sets, "." one or more, "!" none
or more), `h` runs after a hang-up, `i` and `t` after a wrong or missing choice, `T` after the
absolute time-out. Expressions are $[...], variables and functions ${...}, both nest.
"""

import re
import urllib.parse

STEPS_MAX = 2000  # of one channel without a pause: a dialplan that goes round for ever ends here

BUILTIN = """
; What plugins/asterisk/README.md asks of a dialplan, for when no file is given.
[from-trunk]
exten => _X.,1,Answer()
 same => n,Set(USHER_DNIS=${EXTEN})
 same => n,Set(USHER_T0=${EPOCH})
 same => n,Goto(usher-wait,s,1)

[usher-wait]
exten => s,1,UserEvent(UsherWait,Dnis: ${USHER_DNIS},Ani: ${CALLERID(num)},Reason: ${USHER_REASON}${USHER_EXTRA})
 same => n(music),MusicOnHold(default)
exten => h,1,UserEvent(UsherGone)
exten => announce,1,Playback(queue-thereare)
 same => n,Goto(s,music)
exten => divert,1,Queue(fallback)
 same => n,Hangup()

[usher-agent]
exten => _X.,1,Set(USHER_DIAL=${IF($["${USHER_DEVICE}" = ""]?${USHER_TECH}/${EXTEN}${USHER_AT}:${USHER_DEVICE})})
 same => n,Set(USHER_DEVICE=)
 same => n,Dial(${USHER_DIAL},${IF($["${USHER_RING}" = ""]?20:${USHER_RING})},tT)
 same => n,UserEvent(UsherDialEnd,Agent: ${EXTEN},Status: ${DIALSTATUS})
 same => n,GotoIf($["${DIALSTATUS}" = "ANSWER"]?done)
 same => n,Set(USHER_REASON=${DIALSTATUS})
 same => n,Goto(usher-wait,s,1)
 same => n(done),Hangup()

[usher-hold]
exten => s,1,MusicOnHold(default)
exten => leg,1,Wait(3600)

[usher-conference]
exten => _X.,1,ConfBridge(${EXTEN})

[usher-out]
include => internal
"""


# Where telephones' own calls, callers' ends of Local channels and telephones behind them are; added to
# every dialplan that has none of that name.
LABORATORY = """
[internal]
exten => _[89]X.,1,Goto(${USHER_ENTRY},${EXTEN},1)
exten => _X.,1,Dial(PJSIP/${EXTEN},30)
 same => n,Hangup()

[callers]
exten => patient,1,Wait(86400)

[phones]
exten => _X.,1,Phone(${EXTEN})
"""


class Jump(Exception):
    """The channel goes on elsewhere: Redirect, Goto, a transfer."""

    def __init__(self, context, exten, priority=1):
        super().__init__(f"{context},{exten},{priority}")
        self.context, self.exten, self.priority = context, exten, priority


class HungUp(Exception):
    """The channel ends."""


# ---- the file


def split_args(text, mark=","):
    """Arguments at commas that stand in no quotes, brackets or braces."""
    parts, depth, quoted, now = [], 0, False, ""
    for i, c in enumerate(text):
        if c == "\\" and i + 1 < len(text) and text[i + 1] == mark:
            continue
        if c == '"':
            quoted = not quoted
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth = max(0, depth - 1)
        if c == mark and depth == 0 and not quoted and (i == 0 or text[i - 1] != "\\"):
            parts.append(now)
            now = ""
        else:
            now += c
    return [*parts, now]


class Extension:
    def __init__(self, pattern):
        self.pattern, self.steps, self.labels = pattern, {}, {}
        self.match = _matcher(pattern)


def _matcher(pattern):
    if not pattern.startswith("_"):
        return lambda exten: exten == pattern
    sets = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]", ".": ".+", "!": ".*", "x": "[0-9]", "z": "[1-9]", "n": "[2-9]"}
    out, i = "", 1
    while i < len(pattern):
        if pattern[i] == "[":
            end = pattern.index("]", i)
            out += pattern[i : end + 1]
            i = end
        elif pattern[i] != "-":
            out += sets.get(pattern[i]) or re.escape(pattern[i])
        i += 1
    compiled = re.compile(out)
    return lambda exten: compiled.fullmatch(exten) is not None


class Plan:
    """contexts: {name: [Extension]}, in the order of the file; exact extensions go before patterns."""

    def __init__(self, text):
        self.contexts, self.includes, self.globals, self.problems = {}, {}, {}, []
        self._read(text)
        # Callers come in by the dialplan's own door.
        self.globals.setdefault("USHER_ENTRY", "usher-in" if "usher-in" in self.contexts else "from-trunk")
        own = set(self.contexts)
        self._read(LABORATORY, but=own)

    def _read(self, text, but=()):
        context, exten, priority = None, None, 0
        for number, raw in enumerate(text.splitlines(), 1):
            line = re.sub(r"(?<!\\);.*", "", raw).strip().replace("\\;", ";")
            if not line or line.startswith("#"):
                continue
            if line.startswith("["):
                context = line[1 : line.index("]")]
                if context not in but:
                    self.contexts.setdefault(context, [])
                continue
            if context in but:
                continue
            key, arrow, rest = line.partition("=>")
            if not arrow:
                key, arrow, rest = line.partition("=")
            key, rest = key.strip(), rest.strip()
            if context == "globals":
                self.globals[key] = rest
            elif context == "general" or context is None:
                continue
            elif key == "include":
                self.includes.setdefault(context, []).append(rest)
            elif key in ("exten", "same"):
                if key == "exten":
                    pattern, _, rest = (x.strip() for x in rest.partition(","))
                    exten = next((e for e in self.contexts[context] if e.pattern == pattern), None)
                    if exten is None:
                        exten = Extension(pattern)
                        self.contexts[context].append(exten)
                if exten is None:
                    raise ValueError(f"line {number}: same => without an extension before it")
                priority = self._step(exten, rest, priority, number)
            else:
                raise ValueError(f"line {number}: {key} is not known in a dialplan")

    def _step(self, exten, rest, before, number):
        where, _, app = (x.strip() for x in rest.partition(","))
        found = re.fullmatch(r"(\d+|n|hint)(?:\(([\w-]+)\))?", where)
        if not found:
            raise ValueError(f"line {number}: {where} is no priority")
        if found[1] == "hint":
            return before
        priority = before + 1 if found[1] == "n" else int(found[1])
        if found[2]:
            exten.labels[found[2]] = priority
        called = re.fullmatch(r"(\w+)(?:\((.*)\))?", app, re.S)
        if not called:
            raise ValueError(f"line {number}: {app} is no application")
        exten.steps[priority] = (called[1], called[2] or "")
        return priority

    def find(self, context, exten, seen=()):
        """The extension that takes a number; None: there is none."""
        here = self.contexts.get(context, [])
        exact = [e for e in here if not e.pattern.startswith("_") and e.pattern == exten]
        fitting = exact or sorted((e for e in here if e.pattern.startswith("_") and e.match(exten)), key=_breadth)
        if fitting:
            return fitting[0]
        for other in self.includes.get(context, []):
            if other not in seen:
                found = self.find(other, exten, (*seen, context))
                if found:
                    return found
        return None

    def place(self, context, exten, priority):
        """(extension, priority) of a place; priority may be a label. (None, 0): there is none."""
        found = self.find(context, exten)
        if found is None:
            return None, 0
        if isinstance(priority, str) and not priority.isdigit():
            return found, found.labels.get(priority, 0)
        return found, int(priority)


def _breadth(extension):
    """Patterns that fit less are tried first."""
    return sum({"[": 2, "X": 3, "Z": 2, "N": 2, ".": 100, "!": 101}.get(c, 1) for c in extension.pattern), extension.pattern


# ---- variables and expressions


def expand(ch, text):
    """Text with every ${...} and $[...] replaced, inner ones first."""
    out, i = "", 0
    while i < len(text):
        if text[i] == "$" and text[i + 1 : i + 2] in ("{", "["):
            close = {"{": "}", "[": "]"}[text[i + 1]]
            depth, j = 1, i + 2
            while j < len(text) and depth:
                depth += {text[i + 1]: 1, close: -1}.get(text[j], 0)
                j += 1
            inner = text[i + 2 : j - 1]
            out += _variable(ch, inner) if close == "}" else evaluate(expand(ch, inner))
            i = j
        else:
            out += text[i]
            i += 1
    return out


def _variable(ch, text):
    function = re.fullmatch(r"(\w+)\((.*)\)((?::-?\d+){0,2})", text, re.S)
    if function:
        value = _function(ch, function[1].upper(), function[2])
        return _part(value, function[3])
    name, *part = expand(ch, text).split(":", 1)
    return _part(ch.get(name), ":" + part[0] if part else "")


def _part(value, marks):
    """${NAME:offset:length}"""
    if not marks:
        return value
    begin, _, length = marks[1:].partition(":")
    value = value[int(begin or 0) :]
    return value[: int(length)] if length else value


def _function(ch, name, raw):
    if name == "IF":
        condition, _, choices = raw.partition("?")
        if raw.startswith("$["):  # the expression may hold a question mark of its own
            end = _closing(raw)
            condition, choices = raw[:end], raw[end:].lstrip("?")
        yes, _, no = _halves(choices)
        return expand(ch, yes if truth(expand(ch, condition)) else no).strip('"')
    args = [expand(ch, a) for a in split_args(raw)]
    first = args[0] if args else ""
    if name == "CALLERID":
        return {"num": ch.num, "name": ch.cname, "all": f'"{ch.cname}" <{ch.num}>'}.get(first.lower(), "")
    if name == "CHANNEL":
        known = {"linkedid": ch.linkedid, "name": ch.name, "uniqueid": ch.uid, "state": ch.state_name()}
        return known.get(first.lower(), "")
    if name in ("GLOBAL", "VARIABLE"):
        return ch.get(first)
    if name == "URIENCODE":
        return urllib.parse.quote(first, safe="")
    if name == "LEN":
        return str(len(first))
    if name == "CUT":
        pieces = ch.get(first).split(args[1] or "-")
        number = int(args[2].rstrip("-"))
        return pieces[number - 1] if 0 < number <= len(pieces) else ""
    if name == "FILTER":
        allowed = re.sub(r"([\\\]^])", r"\\\1", first)
        return "".join(re.findall(f"[{allowed}]", args[1])) if first else args[1]
    if name == "REGEX":
        pattern, text = re.match(r'\s*"(.*)"\s+(.*)', raw, re.S).groups()
        return "1" if re.search(pattern, expand(ch, text)) else "0"
    if name == "MATH":
        return evaluate(first)
    if name == "ISNULL":
        return "0" if first else "1"
    if name == "EXISTS":
        return "1" if first else "0"
    if name == "DIALPLAN_EXISTS":
        where = [*args, "s", "1"][:3]
        found, priority = ch.world.plan.place(*where)
        return "1" if found and priority in found.steps else "0"
    if name == "DEVICE_STATE":
        return ch.world.device_state(first)
    if name in ("TOUPPER", "TOLOWER"):
        return first.upper() if name == "TOUPPER" else first.lower()
    if name == "TIMEOUT":
        return ""
    ch.world.plan.problems.append(f"function {name} is not known")
    return ""


def _closing(text):
    depth = 0
    for i, c in enumerate(text):
        depth += {"[": 1, "]": -1}.get(c, 0)
        if c == "]" and depth == 0:
            return i + 1
    return len(text)


def _halves(text):
    """yes:no at the first colon that is in no brackets or quotes."""
    depth, quoted = 0, False
    for i, c in enumerate(text):
        if c == '"':
            quoted = not quoted
        depth += 1 if c in "{[(" else -1 if c in "}])" else 0
        if c == ":" and depth == 0 and not quoted:
            return text[:i], ":", text[i + 1 :]
    return text, "", ""


def truth(text):
    text = text.strip().strip('"')
    return text not in ("", "0")


TOKEN = re.compile(r'\s*("(?:[^"]*)"|&|\||!=|>=|<=|=~|[=<>+*/%()!:?-]|[^\s"&|!=<>+*/%()]+)')
LEVELS = (("|",), ("&",), ("=", "!=", "<", ">", "<=", ">=", "=~"), ("+", "-"), ("*", "/", "%"))


def evaluate(text):
    """An expression after its variables were put in."""
    tokens = TOKEN.findall(text)
    place = 0

    def peek():
        return tokens[place] if place < len(tokens) else None

    def level(n):
        nonlocal place
        if n == len(LEVELS):
            return unit()
        left = level(n + 1)
        while peek() in LEVELS[n]:
            mark = tokens[place]
            place += 1
            left = _apply(mark, left, level(n + 1))
        return left

    def unit():
        nonlocal place
        token = peek()
        if token is None or token in (")", *sum(LEVELS, ())) and token != "-":
            return ""
        place += 1
        if token == "(":
            value = level(0)
            place += peek() == ")"
            return value
        if token == "!":
            return "0" if truth(unit()) else "1"
        if token == "-":
            return _apply("-", "0", unit())
        return token.strip('"') if token.startswith('"') else token

    value = level(0)
    return value


def _apply(mark, a, b):
    try:
        x, y, numbers = float(a or 0), float(b or 0), bool(a or b)
    except ValueError:
        x, y, numbers = a, b, False
    if mark == "|":
        return a if truth(a) else b
    if mark == "&":
        return a if truth(a) and truth(b) else "0"
    if mark in ("=", "!="):
        same = x == y if numbers and a and b else a == b
        return "1" if same == (mark == "=") else "0"
    if mark == "=~":
        return "1" if re.search(b, a) else "0"
    if mark in ("<", ">", "<=", ">="):
        if isinstance(x, str) or isinstance(y, str):
            x, y = a, b
        return "1" if {"<": x < y, ">": x > y, "<=": x <= y, ">=": x >= y}[mark] else "0"
    if isinstance(x, str) or isinstance(y, str) or (mark in "/%" and y == 0):
        return "0"
    value = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else 0, "%": x % y if y else 0}[mark]
    return str(int(value)) if value == int(value) else f"{value:.6f}".rstrip("0")
