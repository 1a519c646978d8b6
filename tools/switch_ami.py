"""The Manager Interface of the simulated switch, and all that can go wrong with it.

Written from the wire facts of Asterisk 18 and newer: framing, login plain and by MD5, FullyBooted,
privilege classes, lists with events in between, the texts of errors, `line too long`.
"""

import asyncio
import hashlib
import random
import socket
import time

import switch_people
from switch_dialplan import Jump
from switch_world import snapshot

GREETING = "Asterisk Call Manager/{version}\r\n"
LINE_MAX, LINES_MAX = 1024, 128  # what the real one takes of a client
LOGIN_S = 30.0
REFUSED_S = 1.0  # a refused client is closed after this
# Of the classes that an action needs, one must be among the user's; none: everybody may.
CLASSES = {
    "redirect": "call", "originate": "originate", "hangup": "system call", "setvar": "call",
    "getvar": "call reporting", "status": "system call reporting", "coreshowchannels": "system reporting",
    "corestatus": "system reporting", "coresettings": "system reporting", "userevent": "user", "atxfer": "call",
    "blindtransfer": "call", "bridge": "call", "cancelatxfer": "call", "muteaudio": "system", "playdtmf": "call",
    "command": "command", "devicestatelist": "call reporting", "extensionstate": "call reporting",
    "queueadd": "agent", "queueremove": "agent", "queuepause": "agent", "localoptimizeaway": "system call",
    "pjsipshowendpoints": "system", "pjsipnotify": "system", "sendtext": "call",
}  # fmt: skip


def quoted(value):
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def message(pairs):
    return b"".join(k.encode() + b": " + quoted(v) + b"\r\n" for k, v in pairs) + b"\r\n"


class Faults:
    """What the switch does wrong with its events: shares of 1, and real milliseconds."""

    def __init__(self):
        self.drop = self.duplicate = self.reorder = 0.0
        self.delay_ms = 0
        self.silent = self.deaf = False
        self.cut_after = None  # bytes until the link is cut, wherever that is
        self.names = None  # only these events; None: all
        self.rng = random.Random(1)

    def set(self, **changes):
        if "seed" in changes:
            self.rng = random.Random(changes.pop("seed"))
        for name, value in changes.items():
            if not hasattr(self, name) or name in ("rng", "set"):
                raise ValueError(f"there is no fault {name}")
            setattr(self, name, value)


class Ami:
    """One manager.conf user on one address; any number of sessions."""

    def __init__(self, world, *, user="usher", secret="", read=None, write=None, version="9.0.0", filtered=(), tls=None):
        self.world, self.user, self.secret, self.version = world, user, secret, version
        self.read = set((read or "system call user agent").split())
        self.write = set((write or "system call user reporting originate").split())
        self.tls = tls  # an SSLContext: it speaks TLS
        self.filtered = set(filtered)  # names of events that its filter keeps back
        self.faults, self.sessions, self.server = Faults(), set(), None
        self.timestamps, self.login_delay_s, self.ready_delay_s = True, 0.0, 0.0
        self.write_timeout_s = 5.0
        self.booted_at = time.monotonic()
        self.seen = []  # (action, headers) of all clients, for tests that count
        self.actions = 0
        self.heard = None  # called with (action, headers) the moment it is read
        world.listeners.append(self.on_event)

    async def listen(self, host="127.0.0.1", port=0):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Session(self), host, port, family=socket.AF_INET, ssl=self.tls)
        self.host, self.port = self.server.sockets[0].getsockname()[:2]
        return f"{self.host}:{self.port}"

    async def deafen(self):
        """Takes no connections, as while the process is away."""
        if self.server:
            self.server.close()
            self.server = None

    async def close(self):
        await self.deafen()
        self.cut()

    def cut(self):
        """All links, without a word."""
        for session in list(self.sessions):
            session.transport.abort()
        return len(self.sessions)

    async def restart(self, down_s=0.5, ready_s=0.05):
        """The process dies and comes again on the same port; a login succeeds before it is ready."""
        await self.deafen()
        self.world.crash()
        self.cut()
        await asyncio.sleep(down_s)
        self.world.boot()
        self.ready_delay_s, self.booted_at = ready_s, time.monotonic()
        asyncio.get_running_loop().call_later(ready_s, self._ready)
        for _ in range(200):
            try:
                await self.listen(self.host, self.port)
                return
            except OSError:
                await asyncio.sleep(0.05)
        raise OSError(f"port {self.port} is taken")

    def ready(self):
        return time.monotonic() - self.booted_at >= self.ready_delay_s

    def _ready(self):
        """Told to those who logged in too early; headers in another order than after a login."""
        self.booted_at = min(self.booted_at, time.monotonic() - self.ready_delay_s)
        for session in self.sessions:
            if session.logged_in and not session.booted:
                session.booted = True
                up = int(time.monotonic() - self.booted_at)
                session.write(message([("Event", "FullyBooted"), ("Privilege", "system,all"), ("Status", "Fully Booted"),
                                       ("Uptime", up), ("LastReload", up)]))  # fmt: skip

    def on_event(self, event):
        if event.name in self.filtered or (self.read and "all" not in self.read and event.kind not in self.read):
            return
        data = None
        for session in list(self.sessions):
            if session.events:
                data = data or self.bytes_of(event)
                session.event(event, data)

    def bytes_of(self, event):
        head = [("Event", event.name), ("Privilege", f"{event.kind},all")]
        if self.timestamps:
            head.append(("Timestamp", f"{event.t:.6f}"))
        return message([*head, *event.headers])

    async def flood(self, seconds, size=400):
        """Says more than anybody can use, as fast as it goes."""
        end = time.monotonic() + seconds
        sent = 0
        junk = message([("Event", "RTCPSent"), ("Privilege", "reporting,all"), ("SSRC", "0x" + "0" * size)])
        while time.monotonic() < end:
            for session in self.sessions:
                if session.logged_in and session.transport.get_write_buffer_size() < 1 << 22:
                    session.write(junk * 200)
                    sent += 200
            await asyncio.sleep(0)
        return sent


class Session(asyncio.Protocol):
    def __init__(self, ami):
        self.ami, self.world, self.faults = ami, ami.world, ami.faults
        self.logged_in = self.booted = self.events = False
        self.buffer, self.pairs, self.too_long = b"", [], False
        self.challenge, self.transport = None, None
        self.late = asyncio.Event()
        self.queue = []  # events that are delayed, with their time
        self.held_back = None  # an event that its successor overtakes
        self.stuck_since = None

    # ---- the connection

    def connection_made(self, transport):
        self.transport = transport
        self.ami.sessions.add(self)
        if self.faults.deaf:
            transport.pause_reading()
        self.write(GREETING.format(version=self.ami.version).encode())
        self.login_timer = asyncio.get_running_loop().call_later(LOGIN_S, self._too_late)

    def connection_lost(self, error):
        self.ami.sessions.discard(self)
        self.login_timer.cancel()
        self.events = False

    def _too_late(self):
        if not self.logged_in:
            self.transport.abort()

    def pause_writing(self):
        self.stuck_since = time.monotonic()

    def resume_writing(self):
        self.stuck_since = None

    def write(self, data):
        """Bytes to the client; here the link is cut, or the switch is silent."""
        if self.faults.silent or self.transport.is_closing():
            return
        if self.faults.cut_after is not None:
            part = data[: self.faults.cut_after]
            self.faults.cut_after -= len(part)
            self.transport.write(part)
            if self.faults.cut_after == 0:
                self.faults.cut_after = None
                self.transport.close()
            return
        self.transport.write(data)
        # Who does not read is closed, with his old events still on the way.
        if self.stuck_since and time.monotonic() - self.stuck_since > self.ami.write_timeout_s:
            self.transport.close()

    # ---- events

    def event(self, event, data):
        f = self.faults
        if f.names is not None and event.name not in f.names:
            return self.write(data)
        if f.drop and f.rng.random() < f.drop:
            return None
        copies = 2 if f.duplicate and f.rng.random() < f.duplicate else 1
        for _ in range(copies):
            if f.delay_ms:
                asyncio.get_running_loop().call_later(f.rng.random() * f.delay_ms / 1000, self.write, data)
            elif f.reorder and self.held_back is None and f.rng.random() < f.reorder:
                self.held_back = data
                asyncio.get_running_loop().call_later(0.05, self._let_go)
            else:
                self.write(data)
                self._let_go()
        return None

    def _let_go(self):
        if self.held_back is not None:
            data, self.held_back = self.held_back, None
            self.write(data)

    # ---- what the client says

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\n")) >= 0:
            line, self.buffer = self.buffer[:end], self.buffer[end + 1 :]
            self._line(line[:-1] if line.endswith(b"\r") else line)
        if len(self.buffer) > LINE_MAX:
            self.buffer, self.too_long = b"", True

    def _line(self, line):
        if len(line) >= LINE_MAX:
            self.too_long = True
        elif line:
            key, mark, value = line.partition(b":")
            if mark:
                self.pairs.append((key.decode("latin-1").strip(), value.lstrip(b" ").decode("utf-8", "surrogateescape")))
            return
        if line:
            return
        pairs, self.pairs = self.pairs, []
        if self.too_long:
            self.too_long = False
            self.error({}, "Failed to parse message: line too long")
        elif len(pairs) > LINES_MAX:
            self.error({}, "Too many lines in message or allocation failure")
        elif pairs:
            self._action(pairs)

    def _action(self, pairs):
        words = {}
        for key, value in pairs:
            words.setdefault(key.lower(), value)
        words["variables_named"] = words.get("variables", "")
        words["variables"] = [
            tuple(v.partition("=")[::2]) for k, line in pairs if k.lower() == "variable" for v in line.split(",") if v
        ]
        name = words.get("action", "")
        self.ami.actions += 1
        if self.ami.heard:
            self.ami.heard(name, words)
        self.ami.seen.append((name, words))
        del self.ami.seen[:-10000]
        run = getattr(self, "do_" + name.lower(), None) if name.isalnum() else None
        if not self.logged_in and name.lower() not in ("login", "challenge", "logoff"):
            self.error(words, "Permission denied")
        elif run is None:
            self.error(words, f"Invalid/unknown command: {name}. Use Action: ListCommands to show available commands.")
        elif not self._may(name.lower()):
            self.error(words, "Permission denied")
        else:
            run(words)

    def _may(self, name):
        needed = CLASSES.get(name, "").split()
        return not needed or "all" in self.ami.write or any(c in self.ami.write for c in needed)

    def respond(self, words, response, text=None, more=()):
        pairs = [("Response", response)]
        if words.get("actionid"):
            pairs.append(("ActionID", words["actionid"]))
        pairs += more
        if text is not None:
            pairs.append(("Message", text))
        self.write(message(pairs))

    def good(self, words, text=None, more=()):
        self.respond(words, "Success", text, more)

    def error(self, words, text):
        self.respond(words, "Error", text)

    # ---- session

    def do_challenge(self, words):
        if words.get("authtype", "").upper() != "MD5":
            return self.error(words, "Must specify AuthType")
        self.challenge = str(random.SystemRandom().randrange(10**8, 10**9))
        return self.good(words, more=[("Challenge", self.challenge)])

    def do_login(self, words):
        if self.ami.login_delay_s:
            asyncio.get_running_loop().call_later(self.ami.login_delay_s, self._login, words)
        else:
            self._login(words)

    def _login(self, words):
        if words.get("authtype", "").upper() == "MD5":
            known = hashlib.md5(f"{self.challenge}{self.ami.secret}".encode()).hexdigest()
            fine = self.challenge is not None and words.get("key") == known
        else:
            fine = words.get("secret", "") == self.ami.secret
        if not fine or words.get("username") != self.ami.user:
            self.error(words, "Authentication failed")
            asyncio.get_running_loop().call_later(REFUSED_S, self.transport.close)
            return
        self.logged_in = True
        self.login_timer.cancel()
        self.events = words.get("events", "on").lower() != "off"
        self.good(words, "Authentication accepted")
        if self.ami.ready():
            self.booted = True
            up = int(time.monotonic() - self.ami.booted_at)
            self.write(message([("Event", "FullyBooted"), ("Privilege", "system,all"), ("Uptime", up), ("LastReload", up),
                                ("Status", "Fully Booted")]))  # fmt: skip

    def do_logoff(self, words):
        self.respond(words, "Goodbye", "Thanks for all the fish.")
        self.transport.close()

    def do_ping(self, words):
        self.good(words, more=[("Ping", "Pong"), ("Timestamp", f"{time.time():.6f}")])

    def do_events(self, words):
        self.events = words.get("eventmask", "on").lower() != "off"
        self.good(words, more=[("Events", "On" if self.events else "Off")])

    def do_listcommands(self, words):
        names = sorted(n[3:] for n in dir(self) if n.startswith("do_"))
        self.good(words, more=[(n, "(Priv: )") for n in names])

    # ---- asking

    def do_coresettings(self, words):
        self.good(words, more=[("AMIversion", self.ami.version), ("AsteriskVersion", "simulated"),
                               ("SystemName", self.world.system), ("CoreMaxCalls", 0)])  # fmt: skip

    def do_corestatus(self, words):
        began = time.localtime(self.world.started)
        day, at = time.strftime("%Y-%m-%d", began), time.strftime("%H:%M:%S", began)
        self.good(words, more=[
            ("CoreStartupDate", day), ("CoreStartupTime", at), ("CoreReloadDate", day), ("CoreReloadTime", at),
            ("CoreCurrentCalls", len(self.world.channels)), ("CoreProcessedCalls", self.world.processed),
        ])  # fmt: skip

    def listed(self, words, text, items, complete, more=()):
        """A list: items may have events of other origin between them."""
        self.respond(words, "Success", text, [("EventList", "start")])
        own = [("ActionID", words["actionid"])] if words.get("actionid") else []
        for name, pairs in items:
            self.write(message([("Event", name), *own, *pairs]))
        self.write(message([("Event", complete), *own, ("EventList", "Complete"), ("ListItems", len(items)), *more]))

    def do_coreshowchannels(self, words):
        now, items = self.world.now(), []
        for ch in reversed(list(self.world.channels.values())):
            age = int(now - ch.born)
            items.append(("CoreShowChannel", [
                *snapshot(ch), ("Application", ch.app), ("ApplicationData", ch.data),
                ("Duration", f"{age // 3600:02d}:{age // 60 % 60:02d}:{age % 60:02d}"),
                ("BridgeId", ch.bridge.id if ch.bridge else ""),
            ]))  # fmt: skip
        self.listed(words, "Channels will follow", items, "CoreShowChannelsComplete")

    def do_status(self, words):
        asked = [v for v in (words["variables_named"] or words.get("variable", "")).split(",") if v]
        only, items = words.get("channel"), []
        for ch in list(self.world.channels.values()):
            if only and ch.name != only:
                continue
            values = [("Variable", f"{v}={ch.get(v) or '(null)'}") for v in asked]
            items.append(("Status", [
                ("Privilege", "Call"), *snapshot(ch), ("BridgeID", ch.bridge.id if ch.bridge else ""),
                ("Application", ch.app), ("Data", ch.data), ("Seconds", int(self.world.now() - ch.born)), *values,
            ]))  # fmt: skip
        if only and not items:
            return self.error(words, "No such channel")
        return self.listed(words, "Channel status will follow", items, "StatusComplete", [("Items", len(items))])

    def do_bridgelist(self, words):
        items = [("BridgeListItem", b.head()) for b in self.world.bridges.values()]
        self.listed(words, "Bridge listing will follow", items, "BridgeListComplete")

    def do_bridgeinfo(self, words):
        bridge = self.world.bridges.get(words.get("bridgeuniqueid", ""))
        if bridge is None:
            return self.error(words, "Specified BridgeUniqueid not found")
        items = [("BridgeInfoChannel", snapshot(ch)) for ch in bridge.members]
        return self.listed(words, "Bridge channel listing will follow", items, "BridgeInfoComplete", bridge.head())

    def do_queuestatus(self, words):
        self.listed(words, "Queue status will follow", [], "QueueStatusComplete")

    def do_devicestatelist(self, words):
        devices = sorted({f"PJSIP/{n}" for n in self.world.phones} | {c.device() for c in self.world.channels.values()})
        items = [("DeviceStateChange", [("Device", d), ("State", self.world.device_state(d))]) for d in devices]
        self.listed(words, "Device State Changes will follow", items, "DeviceStateListComplete")

    def do_getvar(self, words):
        name = words.get("variable", "")
        ch = self._channel(words, missing_is_fine=True)
        if ch is False:
            return None
        if not name:
            return self.error(words, "No variable specified")
        value = ch.get(name) if ch else self.world.globals.get(name, "")
        return self.good(words, more=[("Variable", name), ("Value", value)])

    def do_setvar(self, words):
        name = words.get("variable", "")
        ch = self._channel(words, missing_is_fine=True)
        if ch is False:
            return None
        if not name:
            return self.error(words, "No variable specified")
        if ch:
            ch.set(name, words.get("value", ""))
        else:
            self.world.globals[name] = words.get("value", "")
        return self.good(words, "Variable Set")

    def _channel(self, words, key="channel", missing_is_fine=False, text="No such channel"):
        """The channel that is named; None: none is; False: there is no such one, which was said."""
        name = words.get(key, "")
        if not name:
            return None if missing_is_fine else self._refuse(words, "Channel not specified")
        return self.world.find(name) or self._refuse(words, text.format(name=name))

    def _refuse(self, words, text):
        self.error(words, text)
        return False

    # ---- doing

    def do_redirect(self, words):
        missing = "Channel does not exist: {name}"
        ch = self._channel(words, text=missing)
        if not ch:
            return None
        if not words.get("context"):
            return self.error(words, "Context not specified")
        if not words.get("exten"):
            return self.error(words, "Exten not specified")
        if not words.get("priority"):
            return self.error(words, "Priority not specified")
        extra = None
        if words.get("extrachannel"):
            extra = self._channel(words, "extrachannel", text="ExtraChannel does not exist: {name}")
            if not extra:
                return None
        self.good(words, "Dual Redirect successful" if extra else "Redirect successful")
        if extra and ch.bridge and ch.bridge is extra.bridge:
            ch.bridge.kept = True  # neither ends because the other goes
        self._send(ch, words["context"], words["exten"], words["priority"])
        if extra:
            where = [words.get("extra" + k) or words[k] for k in ("context", "exten", "priority")]
            self._send(extra, *where)
        return None

    def _send(self, ch, context, exten, priority):
        if ch.task:
            ch.interrupt(Jump(context, exten, priority))
        else:
            switch_people.pull(self.world, ch, context, exten, priority)

    def do_hangup(self, words):
        ch = self._channel(words)
        if not ch:
            return
        cause = words.get("cause", "")
        self.good(words, "Channel Hungup")
        asking = ch.phone.consulting if ch.phone else None
        if asking and asking.leg is ch:
            asking.finish()  # who asks a colleague and is hung up hands over, whoever does it
            return
        self.world.journal.blame(ch, "client")
        self.world.hang_up(ch, int(cause) if cause.isdigit() else 16, "SoftHangupRequest")

    def do_originate(self, words):
        target = words.get("channel", "")
        if not target:
            return self.error(words, "Channel not specified")
        if not words.get("application") and not words.get("exten"):
            return self.error(words, "Originate with 'Exten' requires 'Context' and 'Priority'")
        if "/" not in target:
            return self.error(words, "Invalid channel")
        later = words.get("async", "").lower() in ("true", "1", "yes", "on")

        def answered(success, reason, leg):
            if not later:
                text = "Originate successfully queued" if success else "Originate failed"
                (self.good if success else self.error)(words, text)
            self.world.tell("OriginateResponse", "call", pairs=[
                *([("ActionID", words["actionid"])] if words.get("actionid") else []),
                ("Response", "Success" if success else "Failure"), ("Channel", leg.name if leg else target),
                ("Context", words.get("context", "")), ("Exten", words.get("exten", "")), ("Reason", reason),
                ("Uniqueid", leg.uid if leg else "<null>"), ("CallerIDNum", leg.num if leg else "<unknown>"),
                ("CallerIDName", leg.cname if leg else "<unknown>"),
            ])  # fmt: skip

        if later:
            self.good(words, "Originate successfully queued")
        return switch_people.Entry(self.world, words, answered).begin()

    def do_atxfer(self, words):
        ch = self._channel(words, text="Channel specified does not exist")
        if ch:
            phone = ch.phone
            if phone is None or not phone.attended(words.get("exten", ""), words.get("context") or "internal"):
                self.error(words, "Atxfer failed")
            else:
                self.good(words, "Atxfer successfully queued")

    def do_cancelatxfer(self, words):
        ch = self._channel(words, text="Channel specified does not exist")
        if ch:
            done = bool(ch.phone) and ch.phone.cancel()
            self.good(words, "Atxfer successfully canceled") if done else self.error(words, "Atxfer not in progress")

    def do_blindtransfer(self, words):
        ch = self._channel(words, text="Channel specified does not exist")
        if ch:
            done = switch_people.blind_transfer(self.world, ch, words.get("exten", ""), words.get("context") or "internal")
            self.good(words, "Transfer succeeded") if done else self.error(words, "Transfer failed")

    def do_bridge(self, words):
        one = self._channel(words, "channel1", text="Channel1 does not exists")
        two = one and self._channel(words, "channel2", text="Channel2 does not exists")
        if two:
            switch_people.join(self.world, one, two)
            self.good(words, "Channels have been bridged")

    def do_muteaudio(self, words):
        ch = self._channel(words)
        if ch:
            ch.vars["__mute"] = f"{words.get('direction', 'all')}:{words.get('state', 'on')}"
            self.good(words)

    def do_playdtmf(self, words):
        ch = self._channel(words)
        if ch:
            switch_people.press(self.world, ch, words.get("digit", ""))
            self.good(words, "DTMF successfully queued")

    def do_pjsipnotify(self, words):
        """Event=talk has a telephone pick up by itself."""
        phone = self.world.phones.get(words.get("endpoint", ""))
        if phone is None:
            return self.error(words, f"Unable to retrieve endpoint {words.get('endpoint', '')}")
        if ("Event", "talk") in words["variables"]:
            phone.answer()
        return self.good(words, "NOTIFY sent")

    def do_userevent(self, words):
        self.good(words, "Event Sent")
        self.world.tell("UserEvent", "user", pairs=[
            ("UserEvent", words.get("userevent", "")),
            *((k, v) for k, v in words.items() if k not in ("action", "userevent", "variables", "variables_named")),
        ])  # fmt: skip
