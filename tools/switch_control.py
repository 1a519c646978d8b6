"""What a test, a demo or a person can make the simulated switch do: one JSON object a line.

A request is {"id": 1, "do": "NAME", ...}; the answer {"id": 1, "ok": true, ...} or {"id": 1, "ok":
false, "error": "..."}. After {"do": "watch"} every line of the journal comes as {"journal": {...}}.
`tools/switch --commands` lists the names.
"""

import asyncio
import inspect
import json

import switch_people
from switch_people import MODES, Caller, Phone

LINE_MAX = 1 << 20


class Wrong(ValueError):
    """A request that cannot be done, in a sentence."""


class Control:
    def __init__(self, world, ami=None, line=None):
        self.world, self.ami, self.line = world, ami, line
        self.callers = {}  # by the id of their call

    async def do(self, request):
        request = dict(request)
        name = str(request.pop("do", ""))
        run = getattr(self, "do_" + name.replace(".", "_"), None)
        if run is None:
            raise Wrong(f"there is no {name!r}; there are {', '.join(commands())}")
        try:
            answer = run(**request)
            if inspect.isawaitable(answer):
                answer = await answer
        except TypeError as error:
            raise Wrong(f"{name}: {error}") from None
        if answer is False:
            raise Wrong(f"{name} is not possible now")
        return answer if isinstance(answer, dict) else {}

    # ---- callers

    def do_arrive(self, **more):
        """A caller comes: number, name, dialled, patience_s, talk_s, row, attributes, variables, tech."""
        if not self.world.up:
            raise Wrong("the switch is down")
        caller = Caller(self.world, **more)
        self.callers[caller.ch.uid] = caller
        return {"call": caller.ch.uid, "channel": caller.ch.name}

    def _caller(self, call):
        if call not in self.callers:
            raise Wrong(f"no caller has the call {call}")
        return self.callers[call]

    def do_leave(self, call):
        """The caller of a call hangs up."""
        return self._caller(call).leaves()

    def do_press(self, call, digits):
        """He presses keys."""
        self._caller(call).press(digits)

    # ---- telephones

    def do_phone(self, number, count=1, **more):
        """Makes telephones from a number on, or changes them: mode, answer_s, talk_s, one_call, name."""
        if more.get("mode", MODES[0]) not in MODES:
            raise Wrong(f"mode is one of {', '.join(MODES)}")
        for n in range(count):
            which = str(int(number) + n) if count > 1 else str(number)
            phone = self.world.phones.get(which) or Phone(self.world, which)
            for name, value in more.items():
                if name not in ("mode", "answer_s", "talk_s", "one_call", "name"):
                    raise Wrong(f"a telephone has no {name}")
                setattr(phone, name, value)
        return {"phone": phone.told()}

    def _phone(self, number):
        phone = self.world.phones.get(str(number)) or self.world.outside(str(number))
        if phone is None:
            raise Wrong(f"there is no telephone {number}")
        return phone

    def do_phone_answer(self, number):
        return self._phone(number).answer()

    def do_phone_reject(self, number):
        return self._phone(number).reject()

    def do_phone_hang_up(self, number):
        return self._phone(number).hang_up()

    def do_phone_hold(self, number):
        return self._phone(number).hold(True)

    def do_phone_retrieve(self, number):
        return self._phone(number).hold(False)

    def do_phone_dial(self, number, to, context="internal"):
        return {"call": self._phone(number).dial(to, context)}

    def do_phone_blind(self, number, to, context="internal"):
        """A blind transfer of the call that he holds."""
        return self._phone(number).blind(to, context)

    def do_phone_attended(self, number, to, context="internal"):
        """Asks a colleague; phone.complete or hanging up hands over, phone.cancel goes back."""
        return self._phone(number).attended(to, context)

    def do_phone_complete(self, number):
        return self._phone(number).complete()

    def do_phone_cancel(self, number):
        return self._phone(number).cancel()

    def do_phone_merge(self, number):
        """Joins his two calls."""
        return self._phone(number).merge()

    def do_phone_press(self, number, digits):
        return self._phone(number).press(digits)

    def do_phone_state(self, number):
        return {"phone": self._phone(number).told()}

    def do_outside(self, answer_s=4.0, talk_s=None, mode="answer"):
        """What numbers beyond the trunk do."""
        switch_people.outside_numbers(self.world, answer_s, talk_s, mode)

    # ---- the link and the process

    def _server(self):
        return self.ami or self.line

    def do_fault(self, **changes):
        """drop, duplicate, reorder (shares), delay_ms, silent, deaf, cut_after (bytes), names, seed."""
        for server in (self.ami, self.line):
            if server:
                try:
                    server.faults.set(**changes)
                except ValueError as error:
                    raise Wrong(str(error)) from None
                for session in server.sessions:
                    if server.faults.deaf:
                        session.transport.pause_reading()
                    elif not session.transport.is_closing():
                        session.transport.resume_reading()

    def do_cut(self):
        """Every link breaks; the switch itself goes on."""
        return {"links": sum(server.cut() for server in (self.ami, self.line) if server)}

    async def do_away(self, seconds):
        """No link can be made for so long (real seconds); calls go on."""
        servers = [s for s in (self.ami, self.line) if s]
        for server in servers:
            await server.deafen()
            server.cut()
        await asyncio.sleep(seconds)
        for server in servers:
            await server.listen(server.host, server.port)

    async def do_restart(self, down_s=0.5, ready_s=0.05):
        """The process dies with all calls and comes again."""
        await self._server().restart(down_s, ready_s)

    async def do_flood(self, seconds):
        """Events that nobody asked for, as fast as the link takes them."""
        return {"sent": await self._server().flood(seconds)}

    def do_chatty(self, on=True, double_dial_end=False):
        """Newexten for each step of the dialplan; app_queue's second DialEnd."""
        self.world.chatty, self.world.double_dial_end = on, double_dial_end

    def do_filter(self, names=()):
        """Names of events that the user's filter in manager.conf keeps back."""
        self.ami.filtered = set(names)

    # ---- looking

    def do_account(self, call=None):
        """What became of one caller, or of all."""
        if call is None:
            return {"accounts": self.world.journal.all()}
        account = self.world.journal.accounts.get(call)
        if account is None:
            raise Wrong(f"the journal has no call {call}")
        return {"account": account.told()}

    def do_summary(self):
        return {"summary": self.world.journal.summary()}

    def do_status(self):
        told = {
            "up": self.world.up, "channels": len(self.world.channels), "bridges": len(self.world.bridges),
            "links": sum(len(s.sessions) for s in (self.ami, self.line) if s),
            "problems": self.world.plan.problems[-20:], "events": sum(self.world.counts.values()),
        }  # fmt: skip
        if self.ami:
            told["actions"] = self.ami.actions
        return told

    def do_actions(self, name=None):
        """Actions of clients, the last 10,000: how often each; or all of one name."""
        seen = self.ami.seen if self.ami else []
        if name:
            return {"actions": [_plain(words) for n, words in seen if n.lower() == name.lower()]}
        counts = {}
        for n, _ in seen:
            counts[n] = counts.get(n, 0) + 1
        return {"counts": counts}

    def do_channels(self):
        return {"channels": [
            {"name": c.name, "uid": c.uid, "linkedid": c.linkedid, "state": c.state_name(), "context": c.context,
             "exten": c.exten, "app": c.app, "bridge": c.bridge.id if c.bridge else None}
            for c in self.world.channels.values()
        ]}  # fmt: skip


def _plain(words):
    return {k: v for k, v in words.items() if isinstance(v, (str, list))}


def commands():
    """{name: what it does} of all requests."""
    found = {}
    for name, run in inspect.getmembers(Control, inspect.isfunction):
        if name.startswith("do_"):
            shown = name[3:].replace("phone_", "phone.", 1)
            found[shown] = (run.__doc__ or "").strip().split("\n")[0]
    return found


async def serve(control, where):
    """A control socket: unix:PATH or HOST:PORT. Returns (server, address)."""

    async def client(reader, writer):
        def watched(line):
            writer.write(json.dumps({"journal": line}).encode() + b"\n")

        journal = control.world.journal
        try:
            while line := await reader.readline():
                await _answer(control, writer, line, journal, watched)
        except (ValueError, ConnectionError, asyncio.CancelledError):
            pass  # the last: the program ends
        finally:
            if watched in journal.listeners:
                journal.listeners.remove(watched)
            writer.close()

    if where.startswith("unix:"):
        server = await asyncio.start_unix_server(client, where[5:], limit=LINE_MAX)
        return server, where
    host, _, port = where.rpartition(":")
    server = await asyncio.start_server(client, host, int(port), limit=LINE_MAX)
    return server, "{}:{}".format(*server.sockets[0].getsockname()[:2])


async def _answer(control, writer, line, journal, watched):
    answer, request = {}, {}
    try:
        request = json.loads(line)
        answer["id"] = request.pop("id", None)
        if request.get("do") == "watch":
            if watched not in journal.listeners:
                journal.listeners.append(watched)
        else:
            answer.update(await control.do(request))
        answer["ok"] = True
    except (Wrong, ValueError, AttributeError) as error:
        answer.update(ok=False, error=str(error))
    writer.write(json.dumps(answer).encode() + b"\n")
    await writer.drain()
