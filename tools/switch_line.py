"""The line protocol's side of the simulated switch, written from plugins/line/README.md.

Watches the world where the journal does: callers, telephones that ring for them, bridges, ends. Leg
ids are the channels' own.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import socket
import time

import switch_people
from switch_ami import Faults
from switch_dialplan import Jump

LINE_MAX = 8192
LOGIN_S = 10.0
REASONS = {
    "NOANSWER": "no_answer", "BUSY": "busy", "CHANUNAVAIL": "unavailable", "CONGESTION": "congestion",
    "CANCEL": "cancelled", "ABORT": "cancelled",
}  # fmt: skip
STATES = {"NOT_INUSE": "free", "RINGING": "ringing", "INUSE": "in_use", "ONHOLD": "in_use", "UNAVAILABLE": "away"}


def proof(secret, side, first, second):
    return hmac.new(secret.encode(), f"usher-line-1 {side} {first} {second}".encode(), hashlib.sha256).hexdigest()


class Line:
    """Serves any number of links; tells each everything once it is up."""

    def __init__(self, world, *, secret="", name="simulated", tls=None):
        self.world, self.secret, self.name, self.tls = world, secret, name, tls
        self.faults, self.sessions, self.server = Faults(), set(), None
        self.legs = {}  # uid of a leg: [call, device, state, consult, offer]
        self.offers = {}  # by call: of the connect on its way
        self.seen, self.actions = [], 0
        world.journal.observers.append(self)
        world.listeners.append(self.on_event)

    async def listen(self, host="127.0.0.1", port=0):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: Session(self), host, port, family=socket.AF_INET, ssl=self.tls)
        self.host, self.port = self.server.sockets[0].getsockname()[:2]
        return f"{self.host}:{self.port}"

    async def deafen(self):
        if self.server:
            self.server.close()
            self.server = None

    async def close(self):
        await self.deafen()
        self.cut()

    def cut(self):
        for session in list(self.sessions):
            session.transport.abort()
        return len(self.sessions)

    async def restart(self, down_s=0.5, ready_s=0.05):
        await self.deafen()
        self.world.crash()
        self.legs, self.offers = {}, {}
        self.cut()
        await asyncio.sleep(down_s)
        self.world.boot()
        await self.listen(self.host, self.port)

    async def flood(self, seconds):
        end, sent = time.monotonic() + seconds, 0
        while time.monotonic() < end:
            for session in self.sessions:
                if session.up and session.transport.get_write_buffer_size() < 1 << 22:
                    for _ in range(200):
                        session.tell({"is": "device", "device": "flood", "state": "free"})
                    sent += 200
            await asyncio.sleep(0)
        return sent

    def instance(self):
        return f"{self.world.started:.6f}"

    # ---- what happens, as the journal is told it

    def tell(self, is_, t, **more):
        message = {"is": is_, "at": round(t, 6), **{k: v for k, v in more.items() if v not in (None, "")}}
        for session in list(self.sessions):
            if session.up:
                session.event(message)

    def report(self, event, t, call, leg=None, **more):
        self.tell("report", t, event=event, call=call, leg=leg, **more)

    def begin(self, account, ch, t):
        if account.placed:
            self.report("placed", t, account.call, dialled=account.dialled)

    def waiting(self, account, ch, t):
        if account.waits == 1:
            self.tell(
                "new-call", t, call=account.call, number=account.number, name=account.name, dialled=account.dialled,
                begun=round(account.came, 6), attributes=attributes(ch),
            )  # fmt: skip
        else:
            self.report("waiting", t, account.call, why=ch.get("USHER_REASON").lower() or "back")

    def _call_of(self, ch):
        """The call that a dialling channel serves; for a Local half the one that it belongs to."""
        if ch.uid in self.world.journal.accounts:
            return ch.uid
        return next((a.call for a in self.world.journal.accounts.values() if a.over is None and a.call in self.world.channels
                     and self.world.channels[a.call].linkedid == ch.linkedid), None)  # fmt: skip

    def attempt(self, ch, leg, t):
        call = self._call_of(ch)
        if call is None:
            return
        consult = call != ch.uid
        self.legs[leg.uid] = [call, leg.device(), "ringing", consult, self.offers.get(call) if not consult else None]
        self.report("ringing", t, call, leg.uid, device=leg.device(), consult=consult or None, offer=self.legs[leg.uid][4])

    def attempt_over(self, ch, leg, device, status, t):
        if status == "ANSWER":
            return
        if leg is None:  # it never rang
            call = self._call_of(ch)
            if call:
                self.report("released", t, call, device=device, offer=self.offers.get(call), reason=REASONS.get(status, "other"))
            return
        self._released(leg.uid, REASONS.get(status, "other"), t)

    def _released(self, uid, reason, t):
        known = self.legs.pop(uid, None)
        if known:
            call, device, _, consult, offer = known
            self.report("released", t, call, uid, device=device, consult=consult or None, offer=offer, reason=reason)

    def membership(self, members, left, t):
        """A leg that is in a bridge with somebody talks."""
        inside = [c for c in members if c is not left]
        for ch in inside:
            known = self.legs.get(ch.uid)
            if known and known[2] == "ringing" and len(inside) >= 2:
                known[2] = "talking"
                self.report("answered", t, known[0], ch.uid, device=known[1], consult=known[3] or None, offer=known[4])
        for call in [c for c in inside if c.uid in self.world.journal.accounts]:
            for ch in inside:  # somebody whom no attempt of his brought: a call handed over
                if ch is not call and ch.uid not in self.legs and not ch.half and ch.uid not in self.world.journal.accounts:
                    self.legs[ch.uid] = [call.uid, ch.device(), "talking", False, None]
                    self.report("ringing", t, call.uid, ch.uid, device=ch.device())
                    self.report("answered", t, call.uid, ch.uid, device=ch.device())
                elif ch.uid in self.legs:
                    self.legs[ch.uid][3] = False

    def hold(self, leg, on, t):
        known = self.legs.get(leg.uid)
        if known:
            self.report("held" if on else "retrieved", t, known[0], leg.uid, device=known[1], offer=known[4])

    def transferred(self, account, leg, kind, to, t):
        known = self.legs.get(leg.uid)
        if known:
            asked = next((u for u, k in self.legs.items() if k[0] == account.call and k[3]), None)
            self.report("transferred", t, account.call, leg.uid, device=known[1], by=kind, target=to,
                        to_leg=asked if kind == "attended" else None)  # fmt: skip

    def channel_gone(self, ch, account, t):
        self._released(ch.uid, "hung_up" if self.legs.get(ch.uid, [0, 0, ""])[2] == "talking" else "cancelled", t)
        if account:
            for uid in [u for u, k in self.legs.items() if k[0] == account.call and k[2] == "ringing"]:
                self._released(uid, "cancelled", t)
            self.offers.pop(account.call, None)
            self.tell("release", t if account.put_through else account.left, call=account.call, outcome=account.outcome, talk_ms=int(account.talk_s * 1000 + 0.5),
                      hold_ms=int(account.hold_s * 1000 + 0.5))  # fmt: skip

    def on_event(self, event):
        if event.name == "DeviceStateChange":
            said = dict(event.headers)
            self.tell("device", event.t, device=said["Device"], state=STATES.get(said["State"], "free"))


def attributes(ch):
    """Of what an IVR left in USHER_EXTRA: ",Key: value,..."."""
    pairs = [p.partition(": ") for p in ch.get("USHER_EXTRA").split(",") if p]
    return {k: v for k, _, v in pairs} or None


class Session(asyncio.Protocol):
    def __init__(self, line):
        self.line, self.world, self.faults = line, line.world, line.faults
        self.up = False
        self.buffer, self.nonce, self.seq, self.held_back = b"", secrets.token_hex(16), 0, None

    def connection_made(self, transport):
        self.transport = transport
        self.line.sessions.add(self)
        if self.faults.deaf:
            transport.pause_reading()
        self.write({"is": "hello", "line": 1, "switch": self.line.name, "instance": self.line.instance(), "nonce": self.nonce})
        self.timer = asyncio.get_running_loop().call_later(LOGIN_S, self._too_late)

    def connection_lost(self, error):
        self.line.sessions.discard(self)
        self.timer.cancel()
        self.up = False

    def _too_late(self):
        if not self.up:
            self.transport.abort()

    def write(self, message):
        if self.faults.silent or self.transport.is_closing():
            return
        data = message if isinstance(message, bytes) else json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if self.faults.cut_after is not None:
            part = data[: self.faults.cut_after]
            self.faults.cut_after -= len(part)
            self.transport.write(part)
            if self.faults.cut_after == 0:
                self.faults.cut_after = None
                self.transport.close()
            return
        self.transport.write(data)

    def tell(self, message):
        """With the next number of this side."""
        self.seq += 1
        self.write({"is": message["is"], "seq": self.seq, **message})

    def event(self, message):
        """An event with what goes wrong; what is dropped leaves a gap in the numbers."""
        f = self.faults
        if f.names is not None and message["is"] not in f.names:
            return self.tell(message)
        if f.drop and f.rng.random() < f.drop:
            self.seq += 1
            return None
        if f.duplicate and f.rng.random() < f.duplicate:
            self.tell(message)
            self.seq -= 1
        if f.delay_ms:
            self.seq += 1
            late = {"is": message["is"], "seq": self.seq, **message}
            asyncio.get_running_loop().call_later(f.rng.random() * f.delay_ms / 1000, self.write, late)
            return None
        return self.tell(message)

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\n")) >= 0:
            line, self.buffer = self.buffer[:end], self.buffer[end + 1 :]
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError) as error:
                self.world.plan.problems.append(f"usher said {line[:100]!r}: {error}")
        if len(self.buffer) > LINE_MAX:
            self.transport.abort()

    def _take(self, order):
        self.line.actions += 1
        self.line.seen.append((order["is"], order))
        del self.line.seen[:-10000]
        if order["is"] == "login":
            self._login(order)
        elif self.up:
            self._order(order)

    def _login(self, order):
        secret = self.line.secret
        if secret and order.get("proof") != proof(secret, "usher", self.nonce, order.get("nonce", "")):
            self.write({"is": "refused", "why": "the proof is wrong"})
            self.transport.close()
            return
        welcome = {"is": "welcome"}
        if secret:
            welcome["proof"] = proof(secret, "switch", order["nonce"], self.nonce)
        self.write(welcome)
        self.up = True
        self.tell({"is": "up", "at": self.world.now(), "instance": self.line.instance()})
        for number in self.world.phones:
            device = f"PJSIP/{number}"
            self.tell({"is": "device", "device": device, "state": STATES[self.world.device_state(device)]})

    def _failed(self, order, reason, why):
        self.tell({"is": "failed", "action": order.get("action", "-"), "reason": reason, "why": why})

    def _order(self, order):
        name = order["is"].replace("-", "_")
        if name in ("ping", "snapshot"):
            return getattr(self, "do_" + name)(order)
        call = self.world.channels.get(order.get("call", ""))
        if call is None and name not in ("originate", "dial"):
            return self._failed(order, "gone", "no such call")
        leg = self.world.channels.get(order.get("leg", "")) if "leg" in order else None
        if "leg" in order and leg is None:
            return self._failed(order, "gone", "no such leg")
        run = getattr(self, "do_" + name, None)
        if run is None or run(order, call, leg) is False:
            self._failed(order, "other", "this switch cannot do it now")
        return None

    def do_ping(self, order):
        self.tell({"is": "pong", "action": order["action"]})

    def do_snapshot(self, order):
        """One uninterrupted moment."""
        calls = [a for a in self.world.journal.accounts.values() if a.over is None and a.call in self.world.channels and (a.waits or a.placed)]
        self.tell({"is": "snapshot-begin", "at": self.world.now(), "instance": self.line.instance()})
        for account in calls:
            legs = [{"leg": u, "device": k[1], "state": k[2], **({"consult": True} if k[3] else {}), **({"offer": k[4]} if k[4] else {})}
                    for u, k in self.line.legs.items() if k[0] == account.call]  # fmt: skip
            talks = account.together is not None
            state = "talking" if talks else "ringing" if legs else "waiting"
            message = {
                "is": "call", "call": account.call, "state": state, "number": account.number, "name": account.name,
                "dialled": account.dialled, "age_ms": int((self.world.now() - account.came) * 1000), "legs": legs,
            }  # fmt: skip
            self.tell({k: v for k, v in message.items() if v not in ("", [])})
        self.tell({"is": "snapshot-end", "calls": len(calls)})

    def do_connect(self, order, call, leg):
        device = order["device"]
        call.set("USHER_RING", str(order["ring_ms"] / 1000) if "ring_ms" in order else "")
        if "/" in device:
            call.set("USHER_DEVICE", device)
        self.line.offers[call.uid] = order.get("offer")
        call.interrupt(Jump(self.world.agent_context, device.rpartition("/")[2]))

    def do_treatment(self, order, call, leg):
        where = "s" if order["treatment"] == "wait" else "announce"
        found, _ = self.world.plan.place("usher-wait", where, 1)
        if where == "s" and call.context == "usher-wait" and call.app == "MusicOnHold":
            return None
        if found is None:
            return False
        call.interrupt(Jump("usher-wait", where))
        return None

    def do_divert(self, order, call, leg):
        call.interrupt(Jump("usher-wait", "divert"))

    def do_tell(self, order, call, leg):
        for name, key in (("USHER_POSITION", "position"), ("USHER_WAIT_SECONDS", "wait_ms"), ("USHER_CALLBACK", "callback")):
            call.set(name, str(order.get(key, "")))
        call.set("USHER_TOLD", "1")

    def do_hang_up(self, order, call, leg):
        self.world.journal.blame(leg or call, "client")
        self.world.hang_up(leg or call, 16, "SoftHangupRequest")

    def _dialled(self, order, words):
        """A call of usher's: the id that it gave is the call's."""
        def answered(success, reason, leg):
            if not success:
                self._failed(order, {3: "no_answer", 5: "busy", 8: "congestion"}.get(reason, "unavailable"), str(reason))

        words = {"channelid": order["call"], "callerid": order.get("caller_number", ""), "variables": [], **words}
        if "ring_ms" in order:
            words["timeout"] = str(order["ring_ms"])
        switch_people.Entry(self.world, words, answered).begin()

    def do_originate(self, order, call, leg):
        device = order["device"]
        self._dialled(order, {"channel": device if "/" in device else f"PJSIP/{device}", "context": "usher-out", "exten": order["number"]})

    def do_dial(self, order, call, leg):
        self._dialled(order, {"channel": f"PJSIP/{order['number']}", "context": "usher-wait", "exten": "s"})

    def do_answer(self, order, call, leg):
        return bool(leg.phone) and leg.phone.answer()

    def do_hold(self, order, call, leg):
        return bool(leg.phone) and leg.phone.hold(True)

    def do_retrieve(self, order, call, leg):
        return bool(leg.phone) and leg.phone.hold(False)

    def do_mute(self, order, call, leg):
        leg.vars["__mute"] = "in:on"

    def do_unmute(self, order, call, leg):
        leg.vars["__mute"] = "in:off"

    def do_transfer(self, order, call, leg):
        return switch_people.blind_transfer(self.world, leg, order["number"])

    def do_consult(self, order, call, leg):
        return bool(leg.phone) and leg.phone.attended(order["number"])

    def do_consult_end(self, order, call, leg):
        return bool(leg.phone) and leg.phone.cancel()

    def do_consult_finish(self, order, call, leg):
        return bool(leg.phone) and leg.phone.complete()
