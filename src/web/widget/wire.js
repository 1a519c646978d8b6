/*
 * wire.js - the chat's connection (docs/chat.md): requests and answers, and a chat that comes back by its token.
 * What was said and not acknowledged is kept, and said again under its own id.
 */
import { comesLater } from "/web/lib/refusal.js";

const PROTOCOL = "usher.chat.v1";
const PING_MS = 20000;
const KEPT = "usher.chat";

export class Refused extends Error {
  constructor(error) {
    super(error.message);
    this.type = error.data?.type;
    this.data = error.data || {};
  }
}

const store = {
  get() {
    try {
      return JSON.parse(localStorage.getItem(KEPT)) || {};
    } catch {
      return {};
    }
  },
  set(value) {
    try {
      localStorage.setItem(KEPT, JSON.stringify(value));
    } catch {
      /* a reload begins anew then */
    }
  },
};

export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

export class Wire {
  /* on(name, params): events; status("online" | "offline"); entered(answer) after start and resume */
  constructor({ on, status, entered, lost }) {
    Object.assign(this, { on, status, entered, lost });
    this.waiting = new Map();
    this.next = 0;
    this.pause = 300;
    this.kept = store.get();
    this.kept.unsent ??= [];
    this.newest = 0;
    this.backs = [];
  }

  get known() {
    return !!this.kept.token;
  }

  connect() {
    if (this.socket && this.socket.readyState <= 1) return this.opening;
    this.drop();
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/chat`, PROTOCOL);
    this.socket = socket;
    this.opening = new Promise((resolve, reject) => {
      socket.onopen = async () => {
        resolve();
        if (this.known) await this.resume().catch(() => {});
      };
      socket.onmessage = (event) => this.take(JSON.parse(event.data));
      socket.onclose = () => {
        reject(new Refused({ message: "offline", data: { type: "offline" } }));
        if (this.socket !== socket) return;
        this.drop();
        if (this.known && !this.replaced) this.again();
      };
    });
    this.opening.catch(() => {});
    clearInterval(this.pinging);
    this.pinging = setInterval(() => this.call("chat.ping").catch(() => {}), PING_MS);
    return this.opening;
  }

  /* Ends the connection here and now: what is still heard of it later is nobody's. */
  drop() {
    const { socket } = this;
    this.socket = null;
    if (socket) socket.onmessage = null;
    socket?.close();
    clearInterval(this.pinging);
    for (const { fail } of this.waiting.values()) fail(new Refused({ message: "offline", data: { type: "offline" } }));
    this.waiting.clear();
  }

  again() {
    this.status("offline");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.connect(), this.pause * (0.5 + Math.random()));
    this.pause = Math.min(10000, this.pause * 2);
  }

  take(frame) {
    if (frame.method) {
      if (frame.method === "chat.message") this.newest = Math.max(this.newest, frame.params.seq);
      if (frame.method === "chat.replaced") this.replaced = true;
      this.on(frame.method, frame.params);
      return;
    }
    const request = this.waiting.get(frame.id);
    this.waiting.delete(frame.id);
    if (frame.error) request?.fail(new Refused(frame.error));
    else request?.done(frame.result);
  }

  call(method, params = {}) {
    return new Promise((done, fail) => {
      if (this.socket?.readyState !== 1) {
        fail(new Refused({ message: "offline", data: { type: "offline" } }));
        return;
      }
      const id = String(++this.next);
      this.waiting.set(id, { done, fail });
      this.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /* What adds something: asked for again under its id when the line broke behind it, so that it happens once. */
  async once(method, params) {
    const what = JSON.stringify([method, params]);
    if (this.act?.what !== what) this.act = { what, id: randomId() };
    const { id } = this.act;
    for (;;) {
      try {
        const answer = await this.call(method, { ...params, id });
        this.act = null;
        return answer;
      } catch (error) {
        if (error.type !== "offline" || !this.known) throw error;
      }
      await this.back();
    }
  }

  /* Resolves when this chat has a connection again. */
  back() {
    return new Promise((done) => this.backs.push(done));
  }

  save() {
    store.set(this.kept);
  }

  async start(params) {
    this.kept.client ??= randomId();
    this.save();
    await this.connect();
    return this.enter(await this.call("chat.start", { client_id: this.kept.client, ...params }));
  }

  async resume() {
    try {
      await this.enter(await this.call("chat.resume", { chat: this.kept.chat, token: this.kept.token, after: this.newest }));
    } catch (error) {
      if (error.type === "no_chat" || error.type === "token_wrong") {
        this.forget();
        this.lost();
      } else if (error instanceof Refused && error.type !== "offline") this.socket?.close();
    }
  }

  async enter(answer) {
    this.kept = { ...this.kept, chat: answer.chat, token: answer.token };
    this.save();
    this.pause = 300;
    for (const message of answer.messages) this.newest = Math.max(this.newest, message.seq);
    this.entered(answer);
    this.status("online");
    for (const done of this.backs.splice(0)) done();
    let page = answer;
    while (page.more) {
      page = await this.call("chat.history", { after: page.next });
      for (const message of page.messages) {
        this.newest = Math.max(this.newest, message.seq);
        this.on("chat.message", message);
      }
    }
    for (const { id, text } of this.kept.unsent) this.deliver(id, text);
  }

  /* Kept until it is acknowledged, over reloads and lost connections. */
  say(text) {
    const id = randomId();
    this.kept.unsent.push({ id, text });
    this.save();
    /* Who writes here again takes the chat back from his other tabs. */
    if (this.replaced) {
      this.replaced = false;
      this.connect();
    }
    this.deliver(id, text);
    return id;
  }

  async deliver(id, text) {
    try {
      await this.call("chat.say", { id, text });
    } catch (error) {
      if (error.type === "offline") return; /* said again after the resume */
      if (comesLater(error.type)) {
        setTimeout(() => this.deliver(id, text), error.data.retry_after_ms || 1000);
        return;
      }
      this.on("refused", { id, type: error.type, message: error.message });
    }
    this.kept.unsent = this.kept.unsent.filter((m) => m.id !== id);
    this.save();
  }

  forget() {
    this.kept = { unsent: [] };
    this.newest = 0;
    this.backs = [];
    this.replaced = false;
    this.save();
  }
}
