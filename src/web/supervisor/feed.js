/*
 * feed.js - what a supervisor's page knows: queues and agents by deltas (queue.subscribe), what is asked for now and
 * then (the order of service, the outlook, alarms, calls for help). Ages are counted here, from the server's clock.
 */
import { every } from "../lib/ticker.js";
import { ms } from "../lib/time.js";

const WAITING_EVERY_MS = 2000;
const OUTLOOK_EVERY_MS = 4000;
const PROOF_EVERY_MS = 4000; /* on a quiet floor: an answer proves that nothing changed */
const WAITING_MOST = 200;

function merge(map, list, key, snapshot, now) {
  if (snapshot) for (const name of [...map.keys()]) if (!list.some((o) => o[key] === name)) map.delete(name);
  for (const news of list) {
    const old = snapshot ? {} : map.get(news[key]) || {};
    const whole = { ...old, ...news };
    for (const [name, value] of Object.entries(news)) if (value === null) delete whole[name];
    whole.heard = now;
    map.set(news[key], whole);
  }
}

export class Feed {
  constructor(link) {
    this.link = link;
    this.queues = new Map();
    this.agents = new Map();
    this.outlook = new Map();
    this.misses = new Map();
    this.target = 0;
    this.waiting = null; /* {at, list} */
    this.waitingOf = ""; /* a queue; "": all */
    this.alarms = [];
    this.ended = [];
    this.helps = [];
    this.heard = 0; /* when anything was heard last, our clock */
    this.listeners = new Set();
    this.wants = new Set();
    this.asked = {};
    this.parts = { queue: [], agent: [] };
    link.on("queue.updated", (p) => this.updated("queues", p, "name"));
    link.on("agents.updated", (p) => this.updated("agents", p, "id"));
    link.on("alarm.raised", (p) => {
      this.alarms = [...this.alarms.filter((a) => a.alarm !== p.alarm), p];
      this.changed();
    });
    link.on("alarm.cleared", (p) => {
      this.alarms = this.alarms.filter((a) => a.alarm !== p.alarm);
      this.ended = [p, ...this.ended].slice(0, 50);
      this.changed();
    });
    link.on("help.requested", (p) => {
      this.helps = [...this.helps.filter((h) => h.agent !== p.agent), p];
      this.changed();
    });
    link.on("help.ended", (p) => {
      this.helps = this.helps.filter((h) => h.agent !== p.agent);
      this.changed();
    });
    link.on("state", (state) => state === "live" && this.begin());
    every(() => this.ask());
  }

  onChange(fn) {
    this.listeners.add(fn);
  }

  changed() {
    if (this.pending) return;
    this.pending = true;
    requestAnimationFrame(() => {
      this.pending = false;
      for (const fn of this.listeners) fn();
    });
    /* A hidden page draws no frames; its lists are drawn when it is seen again. */
    if (document.hidden) this.pending = false;
  }

  async begin() {
    const { link } = this;
    const { methods } = await link.call("session.methods").catch(() => ({ methods: [] }));
    link.methods = new Set(methods);
    this.subscribe();
    this.refresh();
  }

  subscribe() {
    this.snapshots = { queues: new Set(), agents: new Set() };
    this.link.call("queue.subscribe", { agents: true }).catch(() => {});
  }

  refresh() {
    const { link } = this;
    if (link.has("alarm.list"))
      link.call("alarm.list").then(
        (a) => {
          this.alarms = a.open;
          this.ended = a.ended;
          this.changed();
        },
        () => {},
      );
    if (link.has("help.list"))
      link.call("help.list").then(
        (a) => {
          this.helps = a.helps;
          this.changed();
        },
        () => {},
      );
    this.asked = {};
    this.ask();
  }

  /* A snapshot of a large centre comes in pieces, each marked or following a marked one. */
  updated(what, p, key) {
    this.heard = Date.now();
    merge(this[what], p[what], key, p.snapshot, this.link.now());
    this.changed();
  }

  /* A view says what it shows, so that only that is asked for. */
  want(...names) {
    this.wants = new Set(names);
    this.asked = {};
    this.ask();
  }

  due(name, everyMs) {
    if (!this.wants.has(name) || Date.now() - (this.asked[name] || 0) < everyMs) return false;
    this.asked[name] = Date.now();
    return true;
  }

  ask() {
    const { link } = this;
    if (!link.live || document.hidden || !link.methods) return;
    if (this.due("waiting", WAITING_EVERY_MS)) {
      const queue = this.waitingOf;
      link.call("contact.list", { held: false, most: WAITING_MOST, ...(queue ? { queue } : {}) }).then(
        ({ waiting }) => {
          if (queue !== this.waitingOf) return;
          this.waiting = { at: link.now(), list: waiting };
          this.heard = Date.now();
          this.changed();
        },
        () => {},
      );
    }
    if (this.heard && Date.now() - Math.max(this.heard, this.asked.proof || 0) > PROOF_EVERY_MS) {
      this.asked.proof = Date.now();
      link.call("session.ping").then(
        () => (this.heard = Date.now()),
        () => {},
      );
    }
    if (this.due("outlook", OUTLOOK_EVERY_MS))
      link.call("queue.outlook").then(
        (o) => {
          this.outlook = new Map(o.queues.map((q) => [q.queue, q]));
          this.misses = new Map(o.misses.map((m) => [m.contact, { deadline: ms(m.deadline_at), expected: ms(m.expected_at) }]));
          this.target = o.target;
          this.changed();
        },
        () => {},
      );
  }

  /* How long ago anything was heard; what the page says of its own age. */
  age() {
    return this.heard ? Date.now() - this.heard : 0;
  }

  oldest(queue) {
    return queue.waiting > 0 ? (queue.oldest_wait_ms || 0) + Math.max(0, this.link.now() - queue.heard) : 0;
  }
}
