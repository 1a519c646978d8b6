"""The switch's own account of every caller, kept beside the events and never made from them.

One record a caller (and one a call that a client had dialled): who he was, when he waited, each
attempt to serve him with its result, when he could talk and with whom, for how long he talked and was
held, how he ended and by whom. `outcome` is abandoned, ended, failed (a placed call that nobody
took), or lost (the switch died under him). Whoever is not over has none: each is counted once.
"""

import json


class Account:
    """A call as the switch saw it; moments are the switch's clock, durations real seconds."""

    def __init__(self, ch, t, row, placed):
        self.call, self.row, self.placed = ch.uid, row, placed
        self.number, self.name, self.dialled = ch.num, ch.cname, ch.exten
        self.came, self.waited, self.answered, self.left, self.over = t, None, None, None, None
        self.waits, self.attempts, self.agents, self.transfers = 0, [], [], []
        self.talk_s = self.hold_s = 0.0
        self.outcome = self.by = None
        self.together, self.on_hold, self.put_through = None, {}, False

    def told(self):
        return {
            "call": self.call, "row": self.row, "placed": self.placed, "number": self.number, "dialled": self.dialled,
            "came": self.came, "waited": self.waited, "waits": self.waits, "attempts": self.attempts,
            "answered": self.answered, "left": self.left, "agents": self.agents, "transfers": self.transfers,
            "talk_s": round(self.talk_s, 6), "hold_s": round(self.hold_s, 6), "over": self.over,
            "outcome": self.outcome, "by": self.by,
        }  # fmt: skip


class Journal:
    def __init__(self, world):
        self.world, self.accounts, self.file, self.listeners = world, {}, None, []
        self.observers = []  # told the same at the same moments; see switch_line.py

    def write_to(self, path):
        self.file = open(path, "a", encoding="utf-8")

    def _note(self, what, t, account, **more):
        line = {"t": round(t, 6), "what": what, "call": account.call, **more}
        if self.file:
            self.file.write(json.dumps(line) + "\n")
            self.file.flush()
        for listener in self.listeners:
            listener(line)

    def all(self):
        return [a.told() for a in self.accounts.values()]

    def of(self, ch):
        return self.accounts.get(ch.uid)

    # ---- what happens to a call

    def begin(self, ch, t, row=None, placed=False):
        account = self.accounts[ch.uid] = Account(ch, t, row, placed)
        self._note("came", t, account, row=row, number=ch.num, dialled=ch.exten)
        for observer in self.observers:
            observer.begin(account, ch, t)
        return account

    def waiting(self, ch, t):
        account = self.of(ch) or self.begin(ch, t)
        account.waits += 1
        account.waited = account.waited or t
        account.put_through = False
        self._note("waiting", t, account)
        for observer in self.observers:
            observer.waiting(account, ch, t)

    def attempt(self, ch, leg, t):
        """A telephone rings for a channel."""
        account, device = self.of(ch), leg.device()
        for observer in self.observers:
            observer.attempt(ch, leg, t)
        if account:
            account.attempts.append({"device": device, "t": t, "status": None, "ring_s": None})
            self._note("ringing", t, account, device=device)

    def attempt_over(self, ch, leg, status, t, device=None):
        """leg None: the device could not even be rung."""
        account = self.of(ch)
        device = leg.device() if leg else device
        for observer in self.observers:
            observer.attempt_over(ch, leg, device, status, t)
        if not account:
            return
        for one in account.attempts:
            if one["device"] == device and one["status"] is None:
                one["status"], one["ring_s"] = status, round(t - one["t"], 6)
                self._note("attempt_over", t, account, device=device, status=status)
                return
        account.attempts.append({"device": device, "t": t, "status": status, "ring_s": 0.0})
        self._note("attempt_over", t, account, device=device, status=status)

    def membership(self, members, t, left=None):
        """Somebody entered or left a bridge: who of the callers is together with somebody now?"""
        inside = [ch for ch in members if ch is not left]
        for ch in members:
            account = self.of(ch)
            if account is None:
                continue
            together = ch is not left and len(inside) >= 2
            if together and account.together is None:
                account.together = t
                first = account.answered is None
                account.answered = account.answered or t
                account.put_through = True
                if first:
                    self._note("answered", t, account)
            elif not together and account.together is not None:
                account.talk_s += t - account.together
                account.together = None
            if together:
                account.agents += [c.device() for c in inside if c is not ch and c.device() not in account.agents]
        for observer in self.observers:
            observer.membership(members, left, t)

    def hold(self, leg, on, t):
        """He is held until that telephone takes him back, hands him over or is gone, also while it asks a colleague."""
        for observer in self.observers:
            observer.hold(leg, on, t)
        if not on:
            self._hold_over(leg, t)
            return
        for ch in leg.bridge.members if leg.bridge else []:
            account = self.of(ch)
            if account and ch is not leg:
                account.on_hold.setdefault(leg.uid, t)
                self._note("held", t, account, device=leg.device())

    def _hold_over(self, leg, t):
        for account in self.accounts.values() if leg.was_held else ():
            if leg.uid in account.on_hold:
                account.hold_s += t - account.on_hold.pop(leg.uid)
                self._note("retrieved", t, account, device=leg.device())

    def transferred(self, members, leg, kind, to, t):
        self._hold_over(leg, t)
        for ch in members:
            account, by = self.of(ch), leg.device()
            if account:
                account.transfers.append({"t": t, "by": by, "kind": kind, "to": to})
                self._note("transferred", t, account, by=by, kind=kind, to=to)
                for observer in self.observers:
                    observer.transferred(account, leg, kind, to, t)

    def blame(self, ch, who):
        """Who hangs up: told before it takes effect."""
        account = self.of(ch)
        if account and account.by is None:
            account.by = who

    def leaving(self, ch, t):
        """He puts his receiver down; the switch has still to clear up after him."""
        account = self.of(ch)
        if account and account.left is None:
            account.left = t

    def channel_gone(self, ch, t):
        self._hold_over(ch, t)
        account = self.of(ch)
        if account is not None and account.over is None:
            self._over(account, t)
            for observer in self.observers:
                observer.channel_gone(ch, account, t)
        else:
            for observer in self.observers:
                observer.channel_gone(ch, None, t)

    def _over(self, account, t):
        if account.together is not None:
            account.talk_s += t - account.together
            account.together = None
        account.over = t
        account.left = account.left or t
        account.hold_s += sum(t - since for since in account.on_hold.values())
        account.on_hold.clear()
        if account.put_through:
            account.outcome = "ended"
        else:
            account.outcome = "failed" if account.placed else "abandoned"
        self._note("over", t, account, outcome=account.outcome, by=account.by, talk_s=round(account.talk_s, 6))

    def switch_died(self, t):
        for account in self.accounts.values():
            if account.over is None:
                account.over, account.outcome, account.by = t, "lost", "switch"
                account.left = account.left or t
                if account.together is not None:
                    account.talk_s += t - account.together
                    account.together = None
                self._note("over", t, account, outcome="lost", by="switch")

    # ---- the count

    def summary(self):
        counts = {"callers": 0, "waiting": 0, "talking": 0, "abandoned": 0, "ended": 0, "lost": 0, "failed": 0}
        for account in self.accounts.values():
            counts["callers"] += 1
            if account.outcome:
                counts[account.outcome] += 1
            else:
                counts["talking" if account.together is not None else "waiting"] += 1
        return counts
