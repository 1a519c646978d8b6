"""The simulated switch itself: channels, bridges, and the events they raise, as Asterisk 18 and newer.

Knows no socket: whoever wants the events adds a listener(event). An Event is (name, privilege class,
headers as pairs, moment). Order, fields and oddities are those seen on a real switch; the journal
(switch_journal.py) is told of callers beside it and never looks at the events.
"""

import asyncio
import collections
import random
import time

from switch_dialplan import BUILTIN, HungUp, Jump, Plan
from switch_journal import Journal

STATES = {0: "Down", 4: "Ring", 5: "Ringing", 6: "Up", 7: "Busy"}
CAUSES = {
    0: "Unknown", 3: "No route to destination", 16: "Normal Clearing", 17: "User busy", 18: "No user responding",
    19: "No answer from the user", 20: "Subscriber absent", 21: "Call Rejected", 26: "Answered elsewhere",
    34: "Circuit/channel congestion", 127: "Interworking, unspecified",
}  # fmt: skip
DEVICE_STATES = {"idle": "NOT_INUSE", "ringing": "RINGING", "used": "INUSE", "held": "ONHOLD", "away": "UNAVAILABLE"}

Event = collections.namedtuple("Event", "name kind headers t")


class Channel:
    """One leg of telephony. Only those with a `task` run in the dialplan."""

    def __init__(self, world, name, uid, linkedid, state=0, context="", exten="", num="", cname=""):
        self.world, self.name, self.uid, self.linkedid, self.state = world, name, uid, linkedid, state
        self.context, self.exten, self.priority, self.app, self.data = context, exten, 1, "", ""
        self.num, self.cname, self.other_num, self.other_name, self.account = num, cname, "", "", ""
        self.vars, self.digits, self.cause = {}, "", 0
        self.born = world.now()
        self.half = None  # the other end of a Local pair
        self.bridge = self.phone = self.dial = self.task = self.entry = self.caller = None
        self.gone = self.dying = self.music = self.held = self.was_held = False
        self.waiter = self.pending = self.absolute = None
        self.poked = collections.deque()

    def state_name(self):
        return STATES[self.state]

    def get(self, name):
        """A variable, those of the channel's own making among them."""
        own = {
            "EXTEN": self.exten, "CONTEXT": self.context, "PRIORITY": str(self.priority), "CHANNEL": self.name,
            "UNIQUEID": self.uid, "EPOCH": str(int(self.world.now())), "HANGUPCAUSE": str(self.cause),
        }  # fmt: skip
        if name in own:
            return own[name]
        return self.vars.get(name, self.world.plan.globals.get(name, self.world.globals.get(name, "")))

    def set(self, name, value):
        inherited = name.lstrip("_")
        self.vars[inherited] = value
        if len(inherited) < len(name):
            self.vars.setdefault("__inherit", set()).add(inherited)
        self.world.tell("VarSet", "dialplan", self, Variable=inherited, Value=value)

    def device(self):
        return self.name.rpartition("-")[0]

    # ---- waiting, and being disturbed in it

    async def pause(self, real_s=None):
        """Waits; returns what poke() brought, None when the time is over. Raises Jump or HungUp."""
        if self.pending:
            self._raise()
        if self.poked:
            return self.poked.popleft()
        loop = asyncio.get_running_loop()
        self.waiter = loop.create_future()
        timer = loop.call_later(real_s, self._over, self.waiter) if real_s is not None else None
        try:
            await self.waiter
        finally:
            self.waiter = None
            if timer:
                timer.cancel()
        if self.pending:
            self._raise()
        return self.poked.popleft() if self.poked else None

    def _raise(self):
        pending, self.pending = self.pending, None
        raise pending

    @staticmethod
    def _over(waiter):
        if not waiter.done():
            waiter.set_result(None)

    def poke(self, what):
        self.poked.append(what)
        if self.waiter:
            self._over(self.waiter)

    def interrupt(self, error):
        """Redirect or hang up a channel that runs in the dialplan."""
        if self.dying or isinstance(self.pending, HungUp):
            return
        self.pending = error
        if self.waiter:
            self._over(self.waiter)


class Bridge:
    def __init__(self, world):
        self.world, self.members, self.open = world, [], True
        self.kept = False  # with one in it, because somebody is about to come
        self.id = str(world.uuid())
        world.bridges[self.id] = self
        world.tell("BridgeCreate", "call", bridge=self)

    def head(self, prefix="Bridge"):
        return [
            (f"{prefix}Uniqueid", self.id), (f"{prefix}Type", "basic"), (f"{prefix}Technology", "simple_bridge"),
            (f"{prefix}Creator", "<unknown>"), (f"{prefix}Name", "<unknown>"),
            (f"{prefix}NumChannels", len(self.members)), (f"{prefix}VideoSourceMode", "none"),
        ]  # fmt: skip

    def enter(self, ch):
        self.members.append(ch)
        ch.bridge = self
        # The older conversation gives its name to the younger one, without an event that says so.
        oldest = min((c.linkedid for c in self.members), key=_age)
        for member in self.members:
            self.world.relink(member, oldest)
        t = self.world.tell("BridgeEnter", "call", ch, bridge=self)
        self.world.journal.membership(self.members, t)

    def leave(self, ch):
        if ch.bridge is not self:
            return
        self.members.remove(ch)
        ch.bridge = None
        t = self.world.tell("BridgeLeave", "call", ch, bridge=self)
        self.world.journal.membership([*self.members, ch], t, left=ch)

    def settle(self):
        """Somebody left: one alone stays only where somebody else is about to come."""
        if self.open and len(self.members) < 2 and not (self.kept and self.members):
            self.dissolve()

    def dissolve(self):
        """Ends with one or none left in it."""
        if not self.open:
            return
        self.open = False
        last = list(self.members)
        for ch in last:
            self.leave(ch)
        self.world.bridges.pop(self.id, None)
        self.world.tell("BridgeDestroy", "call", bridge=self)
        for ch in last:
            if ch.task:
                ch.poke("over")
            else:
                self.world.bury(ch, request="SoftHangupRequest")


def _age(uid):
    moment, _, serial = uid.rpartition(".")
    try:
        return (float(moment.rpartition("-")[2] or 0), int(serial))
    except ValueError:
        return (float("inf"), 0)  # an id that a client gave: no clock in it


class World:
    """speed: durations of people are divided by it; the switch's own clock is the real one."""

    def __init__(self, *, plan=None, speed=1.0, seed=1, system="", tech="PJSIP", at="", agent_context="usher-agent"):
        self.plan = plan or Plan(BUILTIN)
        self.speed, self.rng, self.system = speed, random.Random(seed), system
        self.agent_context = agent_context
        self.globals = {"USHER_TECH": tech, "USHER_AT": at}
        self.listeners, self.phones, self.channels, self.bridges = [], {}, {}, {}
        self.names = {}
        self.journal = Journal(self)
        self.serials = collections.Counter()
        self.last_t, self.processed, self.chatty = 0.0, 0, False
        self.double_dial_end = False  # app_queue's habit: a second DialEnd CANCEL after NOANSWER
        self.counts = collections.Counter()
        self.tasks, self.conferences = set(), {}
        self.outside = lambda number: None  # a telephone beyond the trunk
        self.up, self.fresh, self.last_second = True, True, 0
        self.started = time.time()

    # ---- time and names

    def now(self):
        """The switch's clock, which never stands still and never goes back."""
        self.last_t = max(time.time(), self.last_t + 0.000001)
        return self.last_t

    def after(self, play_s, call, *args):
        return asyncio.get_running_loop().call_later(max(0.0, play_s) / self.speed, call, *args)

    def uuid(self):
        bits = f"{self.rng.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-8{bits[17:20]}-{bits[20:]}"

    def new_uid(self):
        """Serials begin at 0 with the process; the clock before them keeps ids apart for ever."""
        second = int(self.now())
        if self.fresh and second > self.last_second:
            self.serials["uid"] = 0
        self.fresh, self.last_second = False, second
        self.serials["uid"] += 1
        head = f"{self.system}-" if self.system else ""
        return f"{head}{second}.{self.serials['uid'] - 1}"

    def new_name(self, base, half=None):
        kind = "local" if half else "plain"
        if half != 2:
            self.serials[kind] += 1
        name = f"{base}-{self.serials[kind] - 1:08x}"
        return f"{name};{half}" if half else name

    def find(self, name):
        return self.names.get(name) or self.channels.get(name)

    # ---- channels

    def make(self, base, *, uid=None, linked=None, half=None, name=None, **more):
        uid = uid or self.new_uid()
        ch = Channel(self, name or self.new_name(base, half), uid, linked or uid, **more)
        self.channels[uid] = self.names[ch.name] = ch
        self.processed += 1
        self.tell("Newchannel", "call", ch)
        return ch

    def pair(self, exten, context, *, uid=None, uid2=None, linked=None, num="", cname=""):
        """A Local channel: two halves, of which the second runs in the dialplan."""
        base = f"Local/{exten}@{context}"
        one = self.make(base, uid=uid, linked=linked, half=1, context=context, exten=exten, num=num, cname=cname)
        two = self.make(
            base, uid=uid2, linked=one.linkedid, half=2, state=4, context=context, exten=exten, num=num, cname=cname
        )
        one.half, two.half = two, one
        self.tell(
            "LocalBridge", "call",
            pairs=[*snapshot(one, "LocalOne"), *snapshot(two, "LocalTwo"), ("Context", context), ("Exten", exten),
                   ("LocalOptimization", "No")],
        )  # fmt: skip
        return one, two

    def relink(self, ch, linkedid):
        if ch.linkedid != linkedid:
            ch.linkedid = linkedid
        if ch.half and ch.half.linkedid != linkedid:
            ch.half.linkedid = linkedid

    def set_state(self, ch, state):
        if ch.state == state or ch.gone:
            return
        ch.state = state
        self.tell("Newstate", "call", ch)
        self.device_changed(ch)

    def answer(self, ch):
        """Answer of a channel in the dialplan; through a Local pair the other half comes up, too."""
        self.set_state(ch, 6)
        if ch.half and ch.half.state != 6:
            self.set_state(ch.half, 6)
            if ch.half.dial:
                ch.half.dial.answered(ch.half)
            elif ch.half.entry:
                ch.half.entry.answered()

    def device_changed(self, ch):
        state = self.device_state(ch.device())
        self.tell("DeviceStateChange", "call", Device=ch.device(), State=state)

    def device_state(self, device):
        phone = self.phones.get(device.rpartition("/")[2])
        if phone and not phone.registered():
            return DEVICE_STATES["away"]
        used = [c for c in self.channels.values() if c.device() == device and not c.gone]
        if any(c.held for c in used):
            return DEVICE_STATES["held"]
        if any(c.state == 5 for c in used):
            return DEVICE_STATES["ringing"]
        return DEVICE_STATES["used" if used else "idle"]

    def music(self, ch, on):
        if ch.music == on or ch.gone:
            return
        ch.music = on
        more = {"Class": "default"} if on else {}
        self.tell("MusicOnHoldStart" if on else "MusicOnHoldStop", "call", ch, **more)

    def hold(self, leg, on):
        """A telephone puts its partner on hold; an Unhold too many happens and is told."""
        if leg.gone:
            return
        leg.held = on
        leg.was_held = leg.was_held or on
        t = self.tell("Hold" if on else "Unhold", "call", leg, **({"MusicClass": "default"} if on else {}))
        for other in leg.bridge.members if leg.bridge else []:
            if other is not leg:
                self.music(other, on)
        self.journal.hold(leg, on, t)
        self.device_changed(leg)

    # ---- the end of a channel

    def hang_up(self, ch, cause=16, request="HangupRequest"):
        """From outside: the caller's or agent's own receiver, or the Hangup action."""
        if ch is None or ch.gone:
            return
        t = self.tell(request, "call", ch, Cause=cause)
        if request == "HangupRequest":
            self.journal.leaving(ch, t)
        ch.cause = ch.cause or (0 if ch.half else cause)
        if ch.task:
            ch.interrupt(HungUp())
        else:
            self.bury(ch, request=None)

    def bury(self, ch, request="SoftHangupRequest"):
        """The last of a channel; a Local pair ends together."""
        if ch.gone:
            return
        ch.gone = True
        if request:
            self.tell(request, "call", ch, Cause=16)
        if ch.absolute:
            ch.absolute.cancel()
        bridge = ch.bridge
        if bridge:
            bridge.leave(ch)
        self.channels.pop(ch.uid, None)
        self.names.pop(ch.name, None)
        if ch.music:
            ch.gone = False
            self.music(ch, False)
            ch.gone = True
        t = self.tell("Hangup", "call", ch, **{"Cause": ch.cause, "Cause-txt": CAUSES.get(ch.cause, "Unknown")})
        self.journal.channel_gone(ch, t)
        self.device_changed(ch)
        if bridge:
            bridge.settle()
        if ch.dial:
            ch.dial.leg_gone(ch)
        if ch.entry:
            ch.entry.leg_gone()
        if ch.phone:
            ch.phone.freed(ch)
        if ch.half and not ch.half.gone:
            self.hang_up(ch.half, 0, "HangupRequest")

    def crash(self):
        """The process dies: nothing is told, everything is gone. Ids go on from the clock."""
        self.up = False
        t = self.now()
        self.journal.switch_died(t)
        for ch in list(self.channels.values()):
            ch.gone = True
            if ch.task:
                ch.task.cancel()
        for phone in self.phones.values():
            phone.forget()
        self.channels, self.names, self.bridges, self.conferences = {}, {}, {}, {}
        self.serials = collections.Counter(uid=self.serials["uid"])
        self.processed = 0

    def boot(self):
        self.up = True
        self.started, self.fresh = time.time(), True
        for phone in self.phones.values():
            phone.boot()

    def spawn(self, coroutine):
        task = asyncio.get_running_loop().create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task):
        self.tasks.discard(task)
        if not task.cancelled() and task.exception():
            self.plan.problems.append(f"{type(task.exception()).__name__}: {task.exception()}")
            self.counts["failed_tasks"] += 1
            asyncio.get_running_loop().call_exception_handler(
                {"message": "a channel's task failed", "exception": task.exception()}
            )

    # ---- telling

    def tell(self, name, kind, ch=None, *, bridge=None, dest=None, pairs=(), **more):
        """Raises an event; returns its moment. Headers stand where a real switch has them."""
        t = self.now()
        if not self.up:
            return t
        headers = []
        if bridge:
            headers += bridge.head()
        if ch is not None:
            headers += snapshot(ch)
        if dest is not None:
            headers += snapshot(dest, "Dest")
        headers += pairs
        headers += [(key.replace("_", "-") if key.startswith("Cause") else key, value) for key, value in more.items()]
        event = Event(name, kind, headers, t)
        self.counts[name] += 1
        for listener in self.listeners:
            listener(event)
        return t


def snapshot(ch, prefix=""):
    """The fields that nearly all events have of a channel."""
    return [
        (prefix + "Channel", ch.name), (prefix + "ChannelState", ch.state),
        (prefix + "ChannelStateDesc", STATES[ch.state]), (prefix + "CallerIDNum", ch.num or "<unknown>"),
        (prefix + "CallerIDName", ch.cname or "<unknown>"), (prefix + "ConnectedLineNum", ch.other_num or "<unknown>"),
        (prefix + "ConnectedLineName", ch.other_name or "<unknown>"), (prefix + "Language", "en"),
        (prefix + "AccountCode", ch.account), (prefix + "Context", ch.context), (prefix + "Exten", ch.exten),
        (prefix + "Priority", ch.priority), (prefix + "Uniqueid", ch.uid), (prefix + "Linkedid", ch.linkedid),
    ]  # fmt: skip


__all__ = ["CAUSES", "STATES", "Bridge", "Channel", "Event", "HungUp", "Jump", "World", "snapshot"]
