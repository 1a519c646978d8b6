/*
 * model.js - what this desktop knows: the agent, his offers, the contacts in his hands. Events of the server move
 * it, everything on the page is drawn from it. All moments are Unix ms of the server's clock.
 */
import { ms } from "../lib/time.js";

/* What a contact's details may lose on the way must not be lost here. */
function merged(old, news) {
  const out = { ...old };
  for (const [name, value] of Object.entries(news || {})) if (value !== undefined && value !== null) out[name] = value;
  return out;
}

export class Model {
  constructor(link) {
    this.link = link;
    this.me = null;
    this.reasons = [];
    this.channels = [];
    this.queues = new Map();
    this.offers = new Map();
    this.items = new Map();
    this.details = new Map(); /* of offers that were accepted, until the contact is connected */
    this.selected = null;
    this.help = false;
    this.listeners = new Set();
    this.endings = new Set();
    const on = (name, fn) => link.on(name, (params) => (fn.call(this, params), this.changed()));
    on("session.ready", this.snapshot);
    on("session.reset", this.snapshot);
    on("agent.state_changed", (p) => (this.me = p.agent));
    on("agent.channel_changed", (p) => (this.me = p.agent));
    on("agent.skills_changed", (p) => (this.me = p.agent));
    on("offer.created", this.offered);
    for (const how of ["accepted", "rejected", "timeout", "rescinded", "cancelled"])
      on(`offer.${how}`, (p) => this.offerEnded(p, how));
    on("contact.connected", this.connected);
    on("contact.updated", this.updated);
    on("contact.wrapup", this.wrapup);
    on("contact.parked", (p) => this.update(p.contact, { state: "parked", since: ms(p.at) }));
    on("contact.resumed", (p) => this.update(p.contact, { state: "connected", since: ms(p.at) }));
    for (const how of ["completed", "transferred", "queued", "cancelled", "abandoned", "expired", "lost"])
      on(`contact.${how}`, (p) => this.ended(p, how));
    on("help.ended", () => (this.help = false));
    on("chat.message", (p) => p.message?.from === "customer" && this.mark(p.contact?.id));
    on("email.received", (p) => this.mark(p.contact?.id ?? p.contact));
    link.on("state", () => this.changed());
  }

  onChange(fn) {
    this.listeners.add(fn);
  }

  /* fn(kind, item or offer, params): something was taken away, with the reason. */
  onEnd(fn) {
    this.endings.add(fn);
  }

  changed() {
    if (this.pending) return;
    this.pending = true;
    queueMicrotask(() => {
      this.pending = false;
      for (const fn of this.listeners) fn();
    });
  }

  snapshot(p) {
    this.me = p.agent;
    this.reasons = p.reasons || [];
    this.channels = p.channels || [];
    const old = this.items;
    this.items = new Map();
    for (const contact of p.contacts || []) this.put(contact, old.get(contact.id));
    const offers = this.offers;
    this.offers = new Map();
    for (const offer of p.offers || []) {
      if (offers.has(offer.offer)) this.offers.set(offer.offer, offers.get(offer.offer));
      else this.offered({ ...offer, at: p.at });
    }
    if (!this.items.has(this.selected)) this.selected = this.items.keys().next().value ?? null;
    this.link.call("queue.list").then(
      ({ queues }) => {
        this.queues = new Map(queues.map((q) => [q.name, q]));
        this.changed();
      },
      () => {},
    );
  }

  put(contact, old = null) {
    const now = this.link.now();
    const item = old || { id: contact.id, unread: 0, extra: {} };
    item.contact = merged(old?.contact, contact);
    item.state = contact.state || item.state || "connected";
    item.since =
      (item.state === "wrapup" ? null : item.state === "parked" ? contact.parked_ms : contact.connected_ms) ||
      item.since ||
      now;
    if (contact.wrapup_end_ms) item.until = contact.wrapup_end_ms;
    this.items.set(contact.id, item);
    return item;
  }

  offered(p) {
    this.offers.set(p.offer, {
      offer: p.offer,
      contact: p.contact,
      why: p.why || "",
      at: ms(p.at),
      expires: ms(p.expires_at),
      total: Math.max(p.timeout_ms || 0, 1000),
    });
  }

  offerEnded(p, how) {
    const offer = this.offers.get(p.offer);
    this.offers.delete(p.offer);
    if (!offer) return;
    if (how === "accepted") this.details.set(offer.contact.id, offer.contact);
    else for (const fn of this.endings) fn(`offer.${how}`, offer, p);
  }

  connected(p) {
    const details = this.details.get(p.contact.id);
    this.details.delete(p.contact.id);
    const item = this.put({ ...details, ...p.contact, state: "connected" }, this.items.get(p.contact.id));
    item.since = ms(p.at);
    if (!this.selected || !this.items.has(this.selected)) this.selected = item.id;
    this.fetch(item);
  }

  updated(p) {
    const item = this.items.get(p.contact.id);
    if (item) item.contact = merged(item.contact, p.contact);
    for (const offer of this.offers.values())
      if (offer.contact.id === p.contact.id) offer.contact = merged(offer.contact, p.contact);
  }

  update(contact, more) {
    const item = this.items.get(contact.id);
    if (!item) return;
    item.contact = merged(item.contact, contact);
    Object.assign(item, more);
  }

  wrapup(p) {
    this.update(p.contact, {
      state: "wrapup",
      since: ms(p.at),
      until: p.until ? ms(p.until) : null,
      handled: p.handled_ms,
    });
  }

  ended(p, how) {
    const item = this.items.get(p.contact.id);
    if (!item) return;
    this.items.delete(item.id);
    if (this.selected === item.id) this.selected = this.items.keys().next().value ?? null;
    for (const fn of this.endings) fn(`contact.${how}`, item, p);
  }

  /* The whole of a contact, with its payload. */
  async fetch(item) {
    if (item.fetched || !this.link.live) return;
    item.fetched = true;
    try {
      const { contact } = await this.link.call("contact.get", { contact: item.id, payload: true });
      if (this.items.get(item.id) !== item) return;
      const { state: _state, ...rest } = contact;
      item.contact = merged(item.contact, rest);
    } catch {
      item.fetched = false;
    }
    this.changed();
  }

  select(id) {
    if (!this.items.has(id)) return;
    this.selected = id;
    this.items.get(id).unread = 0;
    this.fetch(this.items.get(id));
    this.changed();
  }

  /* Points of capacity in use, by what is held and offered: an event of the agent's own does not come for each. */
  get load() {
    const cost = (contact) => this.me?.channels?.[contact.channel]?.cost ?? 0;
    let points = 0;
    for (const item of this.items.values()) if (item.state !== "parked" && item.state !== "pending") points += cost(item.contact);
    for (const offer of this.offers.values()) points += cost(offer.contact);
    return points;
  }

  get busy() {
    return this.items.size > 0 || this.offers.size > 0;
  }

  get current() {
    return this.items.get(this.selected) ?? null;
  }

  /* Something came in that is not before the agent's eyes. */
  mark(id) {
    const item = this.items.get(id);
    if (!item) return;
    if (this.selected !== id || document.hidden) item.unread++;
    this.changed();
  }
}

/* The customer's card where the server shows one with the contact, and his id in either case. */
export function cardOf(contact) {
  return contact.customer && typeof contact.customer === "object" ? contact.customer : null;
}

export function customerId(contact) {
  return cardOf(contact)?.id ?? (typeof contact.customer === "string" ? contact.customer : "");
}

/* What to call a contact: its customer, its title, or its number. */
export function nameOf(contact) {
  const a = contact.attributes || {};
  const callback = contact.callback?.number;
  return cardOf(contact)?.name || a["customer.name"] || a.name || a["caller.name"] || a.caller_name || a.from || a.ani || callback || customerId(contact);
}

/* Does a switch carry it? Then it has measured something of it. */
export function carried(contact) {
  return contact.ivr_ms !== undefined || contact.ring_ms !== undefined || contact.legs?.length > 0;
}
