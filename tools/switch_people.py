"""Who is at the ends of the simulated switch's lines: telephones with agents at them, and callers.

A telephone's mode says what it does when it rings: answer (after answer_s), manual (a test decides),
ring (nobody comes), busy, reject (turned down by hand after answer_s), congestion, away (not
registered), dead (rings, and never says anything again: a telephone that lost its power).
Durations are seconds of play.
"""

import asyncio
import functools

from switch_apps import run, switch_number
from switch_dialplan import HungUp, Jump
from switch_world import Bridge, snapshot

MODES = ("answer", "manual", "ring", "busy", "reject", "congestion", "away", "dead")
OPTIMISE_S = 0.05  # real seconds until a Local pair between two bridges is taken out


def front(leg):
    """The half of a Local pair that others dial and talk to; a plain channel itself."""
    return leg.half if leg.half and leg.half.dial or leg.half and leg.half.entry else leg


class Phone:
    def __init__(self, world, number, name="", mode="answer", answer_s=3.0, talk_s=None, one_call=True):
        self.world, self.number, self.name = world, number, name or f"Phone {number}"
        self.mode, self.answer_s, self.talk_s, self.one_call = mode, answer_s, talk_s, one_call
        self.legs = []  # of calls that ring or talk here
        self.consulting = None
        self.rung = self.answers = 0
        world.phones[number] = self

    def registered(self):
        return self.mode != "away"

    def told(self):
        return {
            "number": self.number, "mode": self.mode, "answer_s": self.answer_s, "talk_s": self.talk_s,
            "legs": [front(leg).name for leg in self.legs], "rung": self.rung, "answers": self.answers,
        }  # fmt: skip

    def forget(self):
        self.legs, self.consulting = [], None

    def boot(self):
        """The switch is there again; a telephone registers by itself."""

    # ---- ringing

    def ring(self, leg):
        self.rung += 1
        if leg.phone is None:
            leg.phone = self
        used = any(front(x).state == 6 for x in self.legs)
        self.legs.append(leg)
        if self.mode == "busy" or (used and self.one_call):
            self._refuse(leg, "BUSY", 17)
        elif self.mode == "congestion":
            self._refuse(leg, "CONGESTION", 34)
        elif self.mode == "answer":
            self.world.after(self.answer_s, self._answer, leg)
        elif self.mode == "reject":
            self.world.after(self.answer_s, self._refuse, leg, "BUSY", 21)

    def _refuse(self, leg, status, cause):
        outer = front(leg)
        if outer.gone or outer.state == 6:
            return
        if outer.dial:
            outer.dial.refused(outer, status, cause)
        elif outer.entry:
            outer.entry.refused(status, cause)

    def _answer(self, leg):
        if leg.gone or leg not in self.legs or self.mode == "dead" or front(leg).state == 6:
            return False
        self.answers += 1
        if leg.task:  # behind a Local pair: its dialplan half answers
            self.world.answer(leg)
        else:
            self.world.set_state(leg, 6)
            if leg.dial:
                leg.dial.answered(leg)
            elif leg.entry:
                leg.entry.answered()
        return True

    def freed(self, leg):
        self.legs = [x for x in self.legs if x is not leg]

    def talks(self, leg):
        if self.talk_s is not None:
            self.world.after(self.talk_s, self._talked, leg)

    def _talked(self, leg):
        if not leg.gone and leg.bridge and self.mode != "dead":
            self.hang_up(leg)

    # ---- what the person at it does; True: it could be done

    def _leg(self, state):
        return next((x for x in reversed(self.legs) if (front(x).state == 6) == (state == 6)), None)

    def answer(self):
        leg = self._leg(5)
        return bool(leg) and self._answer(leg)

    def reject(self):
        leg = self._leg(5)
        if leg:
            self._refuse(leg, "BUSY", 21)
        return bool(leg)

    def hang_up(self, leg=None):
        """Puts the receiver down: ends the call, or hands it over when he is asking a colleague."""
        leg = leg or self._leg(6) or self._leg(5)
        if leg is None or self.mode == "dead":
            return False
        if self.consulting and self.consulting.leg is front(leg):
            return self.consulting.finish()
        others = self._others(leg)
        if len(others) == 1:
            self.world.journal.blame(others[0], "agent")
        self.world.hang_up(leg)
        return True

    def _others(self, leg):
        bridge = front(leg).bridge
        return [c for c in bridge.members if c is not front(leg)] if bridge else []

    def hold(self, on=True):
        leg = self._leg(6)
        if leg is None or front(leg).bridge is None:
            return False
        self.world.hold(front(leg), on)
        return True

    def dial(self, number, context="internal"):
        """A call of his own."""
        ch = self.world.make(f"PJSIP/{self.number}", state=4, context=context, exten=number, num=self.number, cname=self.name)
        ch.phone = self
        self.legs.append(ch)
        ch.task = self.world.spawn(run(ch, context, number))
        return ch.uid

    def blind(self, number, context="internal"):
        leg = self._leg(6)
        return bool(leg) and blind_transfer(self.world, front(leg), number, context)

    def attended(self, number, context="internal"):
        leg = self._leg(6)
        if leg is None or front(leg).bridge is None or self.consulting:
            return False
        self.consulting = Consultation(self.world, front(leg), number, context, self)
        self.consulting.begin()
        return True

    def complete(self):
        return bool(self.consulting) and self.consulting.finish()

    def cancel(self):
        return bool(self.consulting) and self.consulting.back()

    def merge(self):
        """Joins his two calls (REFER with Replaces): the younger one's Linkedid goes."""
        legs = [front(x) for x in self.legs if front(x).state == 6 and front(x).bridge]
        return len(legs) == 2 and merge(self.world, *sorted(legs, key=lambda c: c.born))

    def press(self, digits):
        leg = self._leg(6)
        if leg is None:
            return False
        press(self.world, front(leg), digits)
        return True


def press(world, ch, digits):
    """Keys: told, and given to whoever in the dialplan waits for them."""
    for digit in digits:
        for name in ("DTMFBegin", "DTMFEnd"):
            world.tell(name, "dtmf", ch, Digit=digit, Direction="Received")
        ch.poke(("digit", digit))


class Caller:
    """Comes, waits as long as his patience, talks talk_s, leaves. attributes: what an IVR knew of him."""

    def __init__(self, world, *, number="", name="", dialled="8004", patience_s=None, talk_s=None, row=None,
                 attributes=None, variables=None, tech="pjsip", context=None):  # fmt: skip
        self.world, self.patience_s, self.talk_s = world, patience_s, talk_s
        self.timer = None
        context = context or world.plan.globals["USHER_ENTRY"]
        self.waiting = self.talked = False
        if tech == "local":
            outer, ch = world.pair(dialled, context, num=number, cname=name)
            outer.task = world.spawn(run(outer, "callers", "patient"))
        else:
            ch = world.make("PJSIP/trunk", state=4, context=context, exten=dialled, num=number, cname=name)
        self.ch = ch
        ch.caller = self
        if attributes:
            ch.vars["USHER_EXTRA"] = "".join(f",{k}: {v}" for k, v in attributes.items())
        for key, value in (variables or {}).items():
            ch.vars[key] = str(value)
        world.journal.begin(ch, world.now(), row=row)
        ch.task = world.spawn(run(ch, context, dialled))

    def _set(self, play_s, call):
        if self.timer:
            self.timer.cancel()
        self.timer = self.world.after(play_s, call) if play_s is not None else None

    def waits(self, ch):
        """Patience runs from the first waiting, and anew after a conversation."""
        if self.talked or not self.waiting:
            self._set(self.patience_s, self.loses_patience)
        self.waiting, self.talked = True, False

    def talks(self, ch):
        """He talks as long as his business takes, with whomever."""
        if self.talked:
            return
        self.talked = True
        account = self.world.journal.of(ch)
        done = account.talk_s * self.world.speed if account else 0.0
        self._set(None if self.talk_s is None else max(0.0, self.talk_s - done), self.leaves)

    def loses_patience(self):
        account = self.world.journal.of(self.ch)
        if account is None or account.together is None:
            self.leaves()

    def leaves(self):
        if self.ch.gone:
            return False
        self.world.journal.blame(self.ch, "caller")
        # Through a Local pair he hangs up the end that is his.
        self.world.hang_up(self.ch.half if self.ch.half else self.ch)
        return True

    def press(self, digits):
        press(self.world, self.ch, digits)


class Entry:
    """A call that a client has the switch dial (Originate)."""

    def __init__(self, world, words, respond):
        """words: the action's headers, lower case; respond(success, reason, channel) is told once."""
        self.world, self.words, self.respond, self.leg, self.said = world, words, respond, None, False
        self.timer = None

    def begin(self):
        world, words = self.world, self.words
        target, uid = words["channel"], words.get("channelid")
        tech, _, rest = target.partition("/")
        num, cname = _caller_id(words.get("callerid", ""))
        if uid and uid in world.channels:
            return self._failed(0)
        if tech.lower() == "local":
            number, _, context = rest.partition("/")[0].partition("@")
            found, _prio = world.plan.place(context, number, 1)
            self.leg, other = world.pair(
                number, context, uid=uid, uid2=words.get("otherchannelid"), num=num, cname=cname
            )
            if found is None:
                world.hang_up(self.leg, 0)
                return self._failed(0)
            self._dialled(rest)
            other.task = world.spawn(run(other, context, number))
        else:
            number, line = switch_number(rest)
            phone = world.phones.get(number) or world.outside(number)
            if phone is None or not phone.registered():
                return self._failed(0)
            base = f"{tech}/{line}"
            self.leg = world.make(base, uid=uid, context="internal", exten=number, num=num, cname=cname)
            self.leg.phone = phone
            self._dialled(rest)
            world.set_state(self.leg, 5)
            world.tell("DialState", "call", dest=self.leg, DialStatus="RINGING")
            phone.ring(self.leg)
        timeout_s = float(words.get("timeout", 30000)) / 1000
        self.timer = asyncio.get_running_loop().call_later(timeout_s, self._timed_out)
        return None

    def _dialled(self, string):
        leg, world = self.leg, self.world
        leg.entry, leg.app, leg.data = self, "AppDial2", "(Outgoing Line)"
        for name, value in self.words.get("variables", []):
            leg.set(name, value)
        t = world.tell("DialBegin", "call", dest=leg, DialString=string)
        world.journal.begin(leg, t, placed=True)
        world.journal.attempt(leg, leg, t)

    def _stop(self):
        if self.timer:
            self.timer.cancel()

    def answered(self):
        if self.said:
            return
        self._stop()
        self.said = True
        leg, world = self.leg, self.world
        # The answer to the client may come before the event that says so.
        self.respond(True, 4, leg)
        t = world.tell("DialEnd", "call", dest=leg, DialStatus="ANSWER")
        world.journal.attempt_over(leg, leg, "ANSWER", t)
        words = self.words
        if words.get("application"):
            leg.task = world.spawn(self._application(words["application"], words.get("data", "")))
        else:
            leg.task = world.spawn(run(leg, words.get("context", "default"), words.get("exten", "s"), words.get("priority", "1")))

    async def _application(self, name, data):
        from switch_apps import _application

        try:
            await _application(self.leg, name, data)
        except (HungUp, Jump):
            pass
        self.leg.dying = True
        if not self.leg.gone:
            self.world.bury(self.leg)

    def refused(self, status, cause):
        leg, world = self.leg, self.world
        t = world.tell("DialEnd", "call", dest=leg, DialStatus=status)
        world.journal.attempt_over(leg, leg, status, t)
        leg.cause = cause
        self._failed({"BUSY": 5, "CONGESTION": 8}.get(status, 0), hang=True)

    def _timed_out(self):
        t = self.world.now()
        self.world.journal.attempt_over(self.leg, self.leg, "NOANSWER", t)
        self.leg.cause = 19
        if self.leg.half:
            self.leg.half.cause = 19
        self._failed(3, hang=True)

    def leg_gone(self):
        self._failed(0)

    def _failed(self, reason, hang=False):
        if self.said:
            return
        self._stop()
        self.said = True
        if hang:
            self.world.hang_up(self.leg, self.leg.cause)
        self.respond(False, reason, None)


def _caller_id(text):
    name, mark, number = text.partition("<")
    return (number.rstrip("> "), name.strip(' "')) if mark else (text.strip(), "")


# ---- transfers


def blind_transfer(world, leg, number, context="internal"):
    """The caller goes on elsewhere; first an Unhold too many, and he leaves before it is told."""
    bridge = leg.bridge
    other = next((c for c in bridge.members if c is not leg), None) if bridge else None
    if other is None or world.plan.find(context, number) is None:
        return False
    world.hold(leg, False)
    bridge.kept = True
    bridge.leave(other)
    t = world.tell(
        "BlindTransfer", "call", bridge=None,
        pairs=[("Result", "Success"), *snapshot(leg, "Transferer"), *bridge.head(), *snapshot(other, "Transferee"),
               ("IsExternal", "Yes"), ("Context", context), ("Extension", number)],
    )  # fmt: skip
    world.journal.transferred([other], leg, "blind", number, t)
    bridge.leave(leg)
    bridge.dissolve()
    if other.task:
        other.interrupt(Jump(context, number))
    else:  # it was dialled, so it had no place in the dialplan until now
        other.dial, other.dying = None, False
        other.task = world.spawn(run(other, context, number))
    world.bury(leg, request=None) if not leg.task else leg.interrupt(HungUp())
    return True


class Consultation:
    """An attended transfer as the switch's own feature makes it: through a Local pair, then merged."""

    def __init__(self, world, leg, number, context, phone):
        self.world, self.leg, self.number, self.context, self.phone = world, leg, number, context, phone
        self.first = leg.bridge
        self.second = self.one = self.two = None
        self.met = False

    def begin(self):
        world, leg = self.world, self.leg
        self.first.kept = True
        world.hold(leg, True)
        self.one, self.two = world.pair(self.number, self.context, linked=leg.linkedid, num=leg.num, cname=leg.cname)
        self.one.entry = self
        self.second = Bridge(world)
        self.second.kept = True
        self.second.enter(self.one)
        self.first.leave(leg)
        self.second.enter(leg)
        self.two.task = world.spawn(run(self.two, self.context, self.number))
        world.tell("DialBegin", "call", dest=self.one, DialString=f"{self.number}@{self.context}")

    # the far half of the pair tells these

    def answered(self):
        self.met = True
        self.world.tell("DialEnd", "call", dest=self.one, DialStatus="ANSWER")

    def ringing(self, leg):
        self.world.tell("DialState", "call", dest=self.one, DialStatus="RINGING")

    def refused(self, status, cause):
        self.back()

    def leg_gone(self):
        """The colleague is gone, or never came: back to the caller."""
        self.back()

    def back(self):
        if self.phone.consulting is not self:
            return False
        self.phone.consulting = None
        if self.leg.gone or not self.first.open:
            return False
        self.one.entry = None
        if self.leg.bridge is self.second:
            self.second.leave(self.leg)
        self.first.enter(self.leg)
        self.first.kept = False
        self.world.hold(self.leg, False)
        self._end_second()
        return True

    def _end_second(self):
        if self.one and not self.one.gone:
            self.world.hang_up(self.one)
        if self.second.open:
            self.second.dissolve()

    def finish(self):
        """He hangs up: who waited and who was asked are put together."""
        world, leg, caller = self.world, self.leg, [c for c in self.first.members]
        if self.phone.consulting is not self:
            return False
        self.phone.consulting = None
        self.one.entry = None
        world.tell("HangupRequest", "call", leg, Cause=16)
        if not caller:
            self.first.dissolve()
            self._end_second()
            world.bury(leg, request=None)
            return True
        if leg.bridge is self.second:
            self.second.leave(leg)
        world.tell("BridgeMerge", "call", pairs=[*self.first.head("ToBridge"), *self.second.head("FromBridge")])
        self.second.leave(self.one)
        world.music(caller[0], False)
        self.first.enter(self.one)
        t = world.tell(
            "AttendedTransfer", "call",
            pairs=[("Result", "Success"), *snapshot(leg, "OrigTransferer"), *self.first.head("OrigBridge"),
                   *snapshot(leg, "SecondTransferer"), *self.second.head("SecondBridge"),
                   *snapshot(caller[0], "Transferee"), *snapshot(self.one, "TransferTarget"), ("IsExternal", "No"),
                   ("DestType", "Bridge"), ("DestBridgeUniqueid", self.first.id)],
        )  # fmt: skip
        world.journal.transferred(caller, leg, "attended", self.number, t)
        self.second.dissolve()
        self.first.kept = False
        leg.held = False
        world.bury(leg, request=None)
        asyncio.get_running_loop().call_later(OPTIMISE_S, self._optimise)
        return True

    def _optimise(self):
        """The Local pair between the two bridges is taken out; the colleague comes in himself."""
        world, one, two = self.world, self.one, self.two
        third = two.bridge
        if one.gone or two.gone or third is None or one.bridge is not self.first:
            return
        colleague = next((c for c in third.members if c is not two), None)
        if colleague is None:
            return
        both = [*snapshot(one, "LocalOne"), *snapshot(two, "LocalTwo"), *snapshot(colleague, "Source")]
        world.tell("LocalOptimizationBegin", "call", pairs=[*both, ("DestUniqueId", self.first.id), ("Id", 0)])
        third.kept = self.first.kept = True
        third.leave(colleague)
        self.first.leave(one)
        self.first.enter(colleague)
        self.first.kept = False
        colleague.dial = None
        world.tell("LocalOptimizationEnd", "call", pairs=both[:-14] + [("Id", 0)])
        two.interrupt(HungUp())
        world.tell("HangupRequest", "call", two, Cause=16)
        one.half = None
        world.bury(one, request=None)


def merge(world, older, younger):
    """Two calls of one telephone joined: its channels go, and one Linkedid with them."""
    first, second = older.bridge, younger.bridge
    callers = [c for c in first.members if c is not older]
    others = [c for c in second.members if c is not younger]
    if not callers or not others:
        return False
    other = others[0]
    first.kept = second.kept = True
    world.tell("BridgeMerge", "call", pairs=[*first.head("ToBridge"), *second.head("FromBridge")])
    second.leave(younger)
    second.leave(other)
    world.music(callers[0], False)
    first.leave(older)
    first.enter(other)
    t = world.tell(
        "AttendedTransfer", "call",
        pairs=[("Result", "Success"), *snapshot(older, "OrigTransferer"), *first.head("OrigBridge"),
               *snapshot(younger, "SecondTransferer"), *second.head("SecondBridge"),
               *snapshot(callers[0], "Transferee"), *snapshot(other, "TransferTarget"), ("IsExternal", "Yes"),
               ("DestType", "Bridge"), ("DestBridgeUniqueid", first.id)],
    )  # fmt: skip
    world.journal.transferred(callers, older, "attended", other.device(), t)
    first.kept = False
    second.dissolve()
    for leg in (older, younger):
        leg.interrupt(HungUp()) if leg.task else world.bury(leg, request=None)
    other.dial = None
    return True


def join(world, one, two):
    """The Bridge action: both leave where they are and talk to each other."""
    for ch in (one, two):
        here = ch.bridge
        if here:
            here.kept = True
            here.leave(ch)
            here.kept = False
            if len(here.members) < 2 and not any(c in (one, two) for c in here.members):
                here.dissolve()
        else:
            surrogate(world, ch, "Surrogate")
        world.music(ch, False)
    bridge = Bridge(world)
    bridge.enter(one)
    bridge.enter(two)
    for ch in (one, two):
        if ch.task:
            ch.interrupt(Joined(bridge))
        ch.dial = None


class Joined(Jump):
    """Stays in a bridge that somebody else made, then ends."""

    def __init__(self, bridge):
        super().__init__("", "", 0)
        self.bridge = bridge


def surrogate(world, ch, kind):
    """What a masquerade shows: a channel of another kind appears and goes; the real one keeps its id."""
    fresh = world.make(kind, name=f"{kind}/{ch.name}", linked=ch.linkedid, state=ch.state, context=ch.context, exten=ch.exten,
                       num=ch.num, cname=ch.cname)  # fmt: skip
    world.names.pop(fresh.name)
    fresh.name += "<ZOMBIE>"
    world.bury(fresh, request=None)


def pull(world, ch, context, exten, priority):
    """A channel that was dialled goes on in the dialplan: out of its bridge, or from where it rings."""
    bridge, dial = ch.bridge, ch.dial
    if bridge is None:
        surrogate(world, ch, "AsyncGoto")
    ch.dial = None
    ch.held = False
    ch.dying = False
    if bridge:
        bridge.leave(ch)
    elif dial:
        dial.leg_gone(ch)
    ch.task = world.spawn(run(ch, context, exten, priority))
    if bridge:
        bridge.settle()


def outside_numbers(world, answer_s=4.0, talk_s=None, mode="answer"):
    """Telephones beyond the trunk: any number of seven digits or more; each made when first rung."""

    @functools.lru_cache(maxsize=None)
    def of(number):
        return Phone(world, number, f"Outside {number}", mode, answer_s, talk_s, one_call=True)

    def find(number):
        digits = number.lstrip("+")
        return of(number) if digits.isdigit() and len(digits) >= 7 else None

    world.outside = find
