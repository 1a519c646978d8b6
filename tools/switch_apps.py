"""Runs channels through the dialplan: the applications, and Dial with all that follows from it."""

import re
import urllib.parse

from switch_dialplan import STEPS_MAX, HungUp, Jump, expand, split_args, truth
from switch_world import Bridge, snapshot

DIGIT_S = 0.1  # between two digits of a caller who presses several
PLAYBACK_S = 2.0  # how long an announcement takes, in seconds of play
FOR_EVER_S = 1e7
CHOICE_S = 5.0  # WaitExten and Read without a time of their own
STATUS_CAUSE = {"NOANSWER": 19, "BUSY": 17, "CHANUNAVAIL": 3, "CONGESTION": 34}


async def run(ch, context, exten, priority=1):
    """The life of a channel in the dialplan, to its hang-up."""
    world = ch.world
    place, bridge = (context, exten, priority), None  # or a bridge that a client put it into
    try:
        while True:
            try:
                if bridge is not None:
                    await _joined(ch, bridge)
                    break
                place = await _walk(ch, *place)
                if place is None:
                    break
            except Jump as jump:
                place, bridge = (jump.context, jump.exten, jump.priority), getattr(jump, "bridge", None)
                world.music(ch, False)
    except HungUp:
        pass
    ch.dying = True
    await _after_hang_up(ch)
    if not ch.gone:
        world.bury(ch, request="SoftHangupRequest" if ch.half else None)


async def _joined(ch, bridge):
    """In a bridge that a client made, until it is over."""
    try:
        while ch.bridge is bridge:
            if await ch.pause() == "over":
                return
    except Jump:
        if ch.bridge is bridge:
            bridge.leave(ch)
            bridge.settle()
        raise


async def _after_hang_up(ch):
    """The h extension: everything that waits is skipped."""
    world, steps = ch.world, 0
    world.music(ch, False)
    found, priority = world.plan.place(ch.context, "h", 1)
    while found and priority in found.steps and steps < STEPS_MAX and not ch.gone:
        ch.exten, ch.priority = "h", priority
        name, args = found.steps[priority]
        steps += 1
        try:
            where = await _application(ch, name, args)
        except (HungUp, Jump):
            return
        if where is not None:
            found, priority = world.plan.place(*where)
        else:
            priority += 1


async def _walk(ch, context, exten, priority):
    """From a place until somewhere else; None: the dialplan ends, and so does the call."""
    world, steps = ch.world, 0
    while True:
        found, number = world.plan.place(context, exten, priority)
        if found is None or number not in found.steps:
            return _nowhere(ch, context, exten)
        ch.context, ch.exten, ch.priority = context, exten, number
        name, args = found.steps[number]
        if ch.pending:
            ch._raise()
        steps += 1
        if steps > STEPS_MAX:
            world.plan.problems.append(f"{context},{exten} goes round for ever")
            return None
        where = await _application(ch, name, args)
        if where is not None:
            context, exten, priority = where
        else:
            priority = number + 1


def _nowhere(ch, context, exten):
    """A wrong number goes to `i`; else the call ends."""
    found, number = ch.world.plan.place(context, "i", 1)
    if found and number in found.steps and (ch.context, ch.exten) != (context, "i"):
        ch.set("INVALID_EXTEN", exten)
        return context, "i", 1
    return None


async def _application(ch, name, raw):
    """Runs one step; returns where to go on, None: the next one."""
    world = ch.world
    run_app = APPS.get(name.lower())
    args = expand(ch, raw)
    ch.app, ch.data = name, args
    if world.chatty:
        world.tell("Newexten", "dialplan", ch, Extension=ch.exten, Application=name, AppData=args)
    if run_app is None:
        world.plan.problems.append(f"no application {name} for extension ({ch.context}, {ch.exten}, {ch.priority})")
        return _end(ch)
    return await run_app(ch, args)


def _end(ch):
    raise HungUp()


def _goto(ch, text):
    """context,exten,priority with the left ones left out."""
    words = [w.strip() for w in split_args(text)]
    context, exten, priority = ["", "", *words][-3:] if len(words) < 3 else words[:3]
    if len(words) == 2:
        context, (exten, priority) = "", words
    elif len(words) == 1:
        context, exten, priority = "", "", words[0]
    return context or ch.context, exten or ch.exten, priority


# ---- simple applications


async def app_nothing(ch, args):
    return None


async def app_answer(ch, args):
    if not ch.dying:
        ch.world.answer(ch)


async def app_set(ch, args):
    name, _, value = args.partition("=")
    name, value = name.strip(), value.strip()
    function = re.fullmatch(r"(\w+)\((.*)\)", name)
    if not function:
        ch.set(name, value)
    elif function[1] == "CALLERID":
        if function[2].startswith("num"):
            ch.num = value
        elif function[2].startswith("name"):
            ch.cname = value
        ch.world.tell("NewCallerid", "call", ch, **{"CID-CallingPres": "0 (Presentation Allowed, Not Screened)"})
    elif function[1] == "TIMEOUT" and function[2] == "absolute":
        _absolute(ch, value)
    elif function[1] in ("GLOBAL",):
        ch.world.globals[function[2]] = value
    elif function[1] not in ("CHANNEL", "TIMEOUT", "CDR", "JITTERBUFFER", "DB"):
        ch.world.plan.problems.append(f"function {function[1]} cannot be set")


def _absolute(ch, seconds):
    """TIMEOUT(absolute): goes to `T`, or ends."""
    if ch.absolute:
        ch.absolute.cancel()
        ch.absolute = None

    def over():
        found, number = ch.world.plan.place(ch.context, "T", 1)
        ch.interrupt(Jump(ch.context, "T", 1) if found and number in found.steps else HungUp())

    if float(seconds or 0) > 0:
        ch.absolute = ch.world.after(float(seconds), over)


async def app_mset(ch, args):
    for one in split_args(args):
        await app_set(ch, one)


async def app_user_event(ch, args):
    name, *pairs = split_args(args)
    headers = [(k.strip(), v.strip()) for k, mark, v in (p.partition(":") for p in pairs) if mark]
    t = ch.world.tell("UserEvent", "user", ch, pairs=[("UserEvent", name.strip()), *headers])
    if name.strip().lower() == "usherwait":
        ch.world.journal.waiting(ch, t)
        if ch.caller:
            ch.caller.waits(ch)
    elif name.strip().lower() == "usherdialend":
        said = {k.lower(): v for k, v in headers}
        if said.get("status") in ("CHANUNAVAIL", "CONGESTION") and ch.get("__RUNG") != "1":
            ch.world.journal.attempt_over(ch, None, said["status"], t, said.get("agent", ""))


async def app_music(ch, args):
    if ch.dying:
        return
    seconds = args.partition(",")[2].strip()
    ch.world.music(ch, True)
    try:
        # A time of the dialplan's is real: what it waits for, usher's signs of life, is so, too.
        await _quiet(ch, float(seconds) if seconds else FOR_EVER_S)
    finally:
        ch.world.music(ch, False)


async def app_wait(ch, args):
    if ch.dying:
        return
    await _quiet(ch, float(args or 0) / ch.world.speed)


async def _quiet(ch, real_s):
    """A pause in which pressed digits are kept."""
    import time

    end = time.monotonic() + real_s
    while (left := end - time.monotonic()) > 0:
        what = await ch.pause(left)
        if isinstance(what, tuple) and what[0] == "digit":
            ch.digits += what[1]


async def app_playback(ch, args):
    if not ch.dying:
        await _quiet(ch, PLAYBACK_S / ch.world.speed)


async def app_goto(ch, args):
    return _goto(ch, args)


async def app_goto_if(ch, args):
    condition, _, places = args.partition("?")
    yes, _, no = places.partition(":")
    chosen = yes if truth(condition) else no
    return _goto(ch, chosen) if chosen.strip() else None


async def app_exec_if(ch, args):
    condition, _, apps = args.partition("?")
    yes, _, no = apps.partition(":")
    chosen = yes if truth(condition) else no
    called = re.fullmatch(r"\s*(\w+)\((.*)\)\s*", chosen, re.S)
    return await _application(ch, called[1], called[2]) if called else None


async def app_goto_if_time(ch, args):
    """The simulator is always in opening hours."""
    places = args.rpartition("?")[2]
    chosen = places.partition(":")[0]
    return _goto(ch, chosen) if chosen.strip() else None


async def app_gosub(ch, args):
    called = re.fullmatch(r"(.*?)(?:\((.*)\))?", args.strip(), re.S)
    ch.vars.setdefault("__return", []).append((ch.context, ch.exten, ch.priority + 1))
    for n, value in enumerate(split_args(called[2] or ""), 1):
        ch.set(f"ARG{n}", value)
    return _goto(ch, called[1])


async def app_gosub_if(ch, args):
    condition, _, places = args.partition("?")
    yes, _, no = places.partition(":")
    chosen = yes if truth(condition) else no
    return await app_gosub(ch, chosen) if chosen.strip() else None


async def app_return(ch, args):
    back = ch.vars.get("__return")
    ch.set("GOSUB_RETVAL", args)
    return back.pop() if back else _end(ch)


async def app_hangup(ch, args):
    return _end(ch)


async def app_wait_exten(ch, args):
    """Waits for a choice; with the option m there is music meanwhile."""
    seconds, _, options = args.partition(",")
    if ch.dying:
        return None
    world = ch.world
    if "m" in options:
        world.music(ch, True)
    try:
        digits = await _digits(ch, 1, float(seconds) if seconds else CHOICE_S)
    finally:
        world.music(ch, False)
    if digits:
        return ch.context, digits, 1
    found, number = world.plan.place(ch.context, "t", 1)
    return (ch.context, "t", 1) if found and number in found.steps else None


async def _digits(ch, most, play_s):
    got = ch.digits[:most]
    ch.digits = ch.digits[len(got) :]
    while len(got) < most:
        what = await ch.pause(play_s / ch.world.speed)
        if what is None:
            break
        if isinstance(what, tuple) and what[0] == "digit":
            if what[1] == "#":
                break
            got += what[1]
    return got


async def app_read(ch, args):
    words = [*split_args(args), "", "", "", "", ""]
    if not ch.dying:
        ch.set(words[0], await _digits(ch, int(words[2] or 255), float(words[5] or CHOICE_S)))


async def app_background(ch, args):
    """An announcement that a choice interrupts."""
    if ch.dying:
        return None
    got = await _digits(ch, 1, PLAYBACK_S)
    return (ch.context, got, 1) if got else None


async def app_queue(ch, args):
    """The switch's own queue as a fallback: he waits in it, and nobody here serves it."""
    if ch.dying:
        return
    name = args.partition(",")[0]
    world = ch.world
    count = 1 + sum(c.app == "Queue" and c is not ch and c.data.partition(",")[0] == name for c in world.channels.values())
    world.tell("QueueCallerJoin", "agent", ch, Queue=name, Position=count, Count=count)
    world.music(ch, True)
    words = [*split_args(args), "", "", "", "", ""]
    try:
        await ch.pause(float(words[4]) / world.speed if words[4] else None)
        ch.set("QUEUESTATUS", "TIMEOUT")
    except HungUp:
        world.music(ch, False)
        world.tell(
            "QueueCallerAbandon", "agent", ch, Queue=name, Position=count, OriginalPosition=count,
            HoldTime=int(world.now() - ch.born),
        )  # fmt: skip
        raise
    finally:
        world.music(ch, False)
        world.tell("QueueCallerLeave", "agent", ch, Queue=name, Position=count, Count=max(0, count - 1))


async def app_spy(ch, args):
    """ChanSpy: listens (q), whispers (w) or barges (B) into a conversation until it ends."""
    if ch.dying:
        return
    prefix = args.partition(",")[0]
    world = ch.world
    world.answer(ch)
    while not ch.dying:
        target = next((c for n, c in world.names.items() if n.startswith(prefix) and c.bridge and c is not ch), None)
        if target is None:
            return
        pairs = [*snapshot(ch, "Spyer"), *snapshot(target, "Spyee")]
        world.tell("ChanSpyStart", "call", pairs=pairs)
        try:
            while target.bridge and not target.gone:
                await ch.pause(0.05)
        finally:
            world.tell("ChanSpyStop", "call", pairs=pairs)


async def app_conference(ch, args):
    """ConfBridge: any number of channels in one bridge, until each leaves by himself."""
    if ch.dying:
        return
    world, name = ch.world, args.partition(",")[0]
    world.answer(ch)
    bridge = world.conferences.get(name)
    if bridge is None or not bridge.open:
        bridge = world.conferences[name] = Bridge(world)
        bridge.kept, bridge.conference = True, name
        world.tell("ConfbridgeStart", "call", bridge=bridge, Conference=name)
    bridge.enter(ch)
    world.tell("ConfbridgeJoin", "call", ch, bridge=bridge, Conference=name)
    try:
        while True:
            if await ch.pause() == "over":
                break
    finally:
        if ch.bridge is bridge:
            bridge.leave(ch)
            world.tell("ConfbridgeLeave", "call", ch, bridge=bridge, Conference=name)
        bridge.settle()
        if not bridge.open and world.conferences.pop(name, None):
            world.tell("ConfbridgeEnd", "call", bridge=bridge, Conference=name)


async def app_phone(ch, args):
    """Not Asterisk's: a telephone behind a Local channel, as the laboratory's dialplan had them."""
    phone = ch.world.phones.get(args) or ch.world.outside(args)
    if phone is None:
        return _end(ch)
    ch.dial_half = ch.half
    ch.world.set_state(ch.half, 5)
    if ch.half.dial:
        ch.half.dial.ringing(ch.half)
    phone.ring(ch)
    while True:
        await ch.pause()


# ---- Dial


def switch_number(rest):
    """(number, line) of what stands behind the technology: 1001, trunk/4420, 4420@trunk."""
    line, mark, number = rest.partition("/")
    if mark:
        return number, line
    number, mark, line = rest.partition("@")
    return number, line if mark else number


class Dial:
    """One Dial of a channel: legs that ring, the one that answers, the bridge, its end."""

    def __init__(self, ch, options):
        self.ch, self.world, self.options = ch, ch.world, options
        self.legs, self.over, self.taken, self.status = [], set(), None, ""

    def begin(self, target):
        """A leg to one target; False: it cannot be reached, and no event says so."""
        tech, _, rest = target.partition("/")
        world, ch = self.world, self.ch
        if tech.lower() == "local":
            number, _, context = rest.partition("/")[0].partition("@")
            leg, other = world.pair(number, context or "default", linked=ch.linkedid, num=ch.num, cname=ch.cname)
            leg.app, leg.data, leg.other_num = "AppDial", "(Outgoing Line)", ch.num
            self._add(leg, rest)
            other.task = world.spawn(run(other, context or "default", number))
            return True
        number, line = switch_number(rest)
        phone = world.phones.get(number) or world.outside(number)
        if phone is None or not phone.registered():
            return False
        base = f"{tech}/{line}"
        leg = world.make(base, linked=ch.linkedid, context="internal", exten=ch.exten, num=number, cname=phone.name)
        leg.app, leg.data, leg.other_num, leg.other_name = "AppDial", "(Outgoing Line)", ch.num, ch.cname
        leg.phone = phone
        world.set_state(leg, 5)
        self._add(leg, rest)
        self.ringing(leg)
        phone.ring(leg)
        return True

    def _add(self, leg, string):
        leg.dial = self
        self.legs.append(leg)
        t = self.world.tell("DialBegin", "call", self.ch, dest=leg, DialString=string)
        self.ch.vars["__RUNG"] = "1"
        self.world.journal.attempt(self.ch, leg, t)

    def ringing(self, leg):
        self.world.tell("DialState", "call", self.ch, dest=leg, DialStatus="RINGING")

    # What a leg does; called by the telephone or by the other half of a pair.

    def answered(self, leg):
        if self.taken is None and leg not in self.over:
            self.ch.poke(("answered", leg))

    def refused(self, leg, status, cause):
        leg.cause = cause
        self.ch.poke(("refused", leg, status))

    def leg_gone(self, leg):
        if leg not in self.over and leg is not self.taken:
            self.ch.poke(("refused", leg, "CHANUNAVAIL" if leg.cause in (3, 20) else "CONGESTION"))

    # The dialling channel's side.

    def end(self, leg, status):
        """The end of a leg's ringing, once."""
        if leg in self.over:
            return
        self.over.add(leg)
        t = self.world.tell("DialEnd", "call", self.ch, dest=leg, DialStatus=status)
        self.world.journal.attempt_over(self.ch, leg, status, t)
        if status == "NOANSWER" and self.world.double_dial_end:
            self.world.tell("DialEnd", "call", self.ch, dest=leg, DialStatus="CANCEL")

    def give_up(self, status, but=None):
        for leg in self.legs:
            if leg is not but:
                self.end(leg, status)
                self.world.hang_up(leg, 26 if but else 0, "HangupRequest")

    async def wait(self, ring_s):
        """Until somebody answers; returns the status."""
        import time

        end, status = time.monotonic() + ring_s, "NOANSWER"
        open_legs = set(self.legs)
        while open_legs:
            what = await self.ch.pause(max(0.0, end - time.monotonic()))
            if what is None:
                return "NOANSWER"
            if not isinstance(what, tuple):
                continue
            if what[0] == "answered":
                self.taken = what[1]
                return "ANSWER"
            if what[0] == "refused":
                _, leg, status = what
                self.end(leg, status)
                self.world.hang_up(leg, leg.cause, "HangupRequest")
                open_legs.discard(leg)
        return status

    async def talk(self):
        """Both in a bridge until one is gone, or the caller is sent elsewhere."""
        ch, leg, world = self.ch, self.taken, self.world
        bridge = Bridge(world)
        if leg.gone:
            bridge.open = False
            world.bridges.pop(bridge.id, None)
            world.tell("BridgeDestroy", "call", bridge=bridge)
            return
        bridge.enter(leg)
        bridge.enter(ch)
        ch.other_num, ch.other_name = leg.num, leg.cname
        if leg.phone:
            leg.phone.talks(leg)
        if ch.phone:
            ch.phone.talks(ch)
        if ch.caller:
            ch.caller.talks(ch)
        try:
            while ch.bridge is not None:
                if await ch.pause() == "over":
                    break
        except (HungUp, Jump) as why:
            here = ch.bridge
            if here and here is not getattr(why, "bridge", None):
                here.leave(ch)
                here.settle()
            raise


async def app_dial(ch, args):
    targets, ring, options = [*split_args(args), "", "", ""][:3]
    if ch.dying:
        return None
    world = ch.world
    dial = Dial(ch, options)
    ch.vars["__RUNG"] = "0"
    ch.set("DIALSTATUS", "")
    begun = [dial.begin(t.strip()) for t in targets.split("&") if t.strip()]
    if not any(begun):
        ch.cause = 3  # stays on the channel, and is what its own Hangup will say
        ch.set("DIALSTATUS", "CHANUNAVAIL")
        return None
    try:
        status = await dial.wait(float(ring) if ring.strip() else 86400)
    except (HungUp, Jump):
        dial.give_up("CANCEL")
        raise
    ch.set("DIALSTATUS", status)
    if status != "ANSWER":
        ch.cause = STATUS_CAUSE.get(status, 0)
        dial.give_up(status)
        return None
    dial.end(dial.taken, "ANSWER")
    dial.give_up("CANCEL", but=dial.taken)
    world.answer(ch)
    await dial.talk()
    return None if "g" in re.sub(r"\(.*?\)", "", options) else _end(ch)


APPS = {
    "answer": app_answer, "background": app_background, "chanspy": app_spy, "confbridge": app_conference,
    "dial": app_dial, "execif": app_exec_if, "gosub": app_gosub, "gosubif": app_gosub_if, "goto": app_goto,
    "gotoif": app_goto_if, "gotoiftime": app_goto_if_time, "hangup": app_hangup, "log": app_nothing, "mset": app_mset,
    "musiconhold": app_music, "noop": app_nothing, "phone": app_phone, "playback": app_playback,
    "progress": app_nothing, "queue": app_queue, "read": app_read, "return": app_return, "ringing": app_nothing,
    "saydigits": app_playback, "saynumber": app_playback, "set": app_set, "setmusiconhold": app_nothing,
    "startmusiconhold": app_nothing, "stopmusiconhold": app_nothing, "userevent": app_user_event,
    "verbose": app_nothing, "wait": app_wait, "waitexten": app_wait_exten,
}  # fmt: skip


def uri_decode(text):
    return urllib.parse.unquote(text, errors="replace")
