/*
 * rpc.js - the desktop protocol over WebSocket (docs/protocol.md): login, heartbeat, resume or snapshot after a
 * lost connection, back-off with jitter.
 *
 *   const link = new Link({path: "/desk", login: () => ({token}), client: "desktop"});
 *   link.on("offer.created", (params) => ...);     any event of the server; "*" for all
 *   link.on("state", (state) => ...);              connecting, live, away, refused, replaced, ended
 *   link.start();
 *   await link.call("offer.accept", {offer});      throws Refused or Gone
 *
 *   connecting --session.*--> live --lost--> away --back-off--> connecting
 *   connecting --login refused--> refused        live --taken over elsewhere--> replaced
 */
import { every } from "./ticker.js";

const BACKOFF_FIRST_MS = 200;
const BACKOFF_MOST_MS = 10000;
const LOGIN_WAIT_MS = 8000;

/* The server said no: type is for programs, message for people. */
export class Refused extends Error {
  constructor(error) {
    super(error.message || "refused");
    this.code = error.code;
    this.data = error.data || {};
    this.type = this.data.type || "";
  }
}

/* The connection ended first: whether the request took effect is not known. */
export class Gone extends Error {
  constructor(message = "The connection was lost; try again when it is back.") {
    super(message);
    this.type = "gone";
  }
}

export class Link {
  /* login(): params of session.login, or null to end; resume(): params beside session and seq */
  constructor({ path = "/desk", protocol = "usher.v1", login, client = "usher pages", names = {} }) {
    this.protocol = protocol;
    this.url = `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}${path}`;
    this.login = login;
    this.client = client;
    this.names = { login: "session.login", resume: "session.resume", ping: "session.ping", ...names };
    this.listeners = new Map();
    this.waiting = new Map();
    this.state = "new";
    this.next = 0;
    this.seq = 0;
    this.session = null;
    this.token = null;
    this.tries = 0;
    this.heartbeatMs = 10000;
    this.heardAt = 0;
    this.offset = 0; /* server's clock - ours, ms */
    this.offsetKnown = false;
    this.retryAt = 0;
    this.methods = null; /* names the server has, when it tells them */
    this.onTick = () => this.tick();
  }

  on(name, fn) {
    if (!this.listeners.has(name)) this.listeners.set(name, new Set());
    this.listeners.get(name).add(fn);
    return () => this.listeners.get(name).delete(fn);
  }

  emit(name, value) {
    for (const fn of [...(this.listeners.get(name) || [])]) fn(value, name);
    if (name.includes(".")) for (const fn of [...(this.listeners.get("*") || [])]) fn(value, name);
  }

  move(state, detail) {
    this.state = state;
    this.emit("state", state);
    if (detail) this.emit("trouble", detail);
  }

  get live() {
    return this.state === "live";
  }

  /* The server's time now, Unix ms. */
  now() {
    return Date.now() + this.offset;
  }

  start() {
    if (!this.endTick) {
      this.endTick = every(this.onTick);
      addEventListener("online", () => this.hurry());
      document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
      addEventListener("pageshow", (event) => event.persisted && this.lost());
    }
    this.connect();
    return this;
  }

  /* Ends it for good, or until start(). */
  end(state = "ended") {
    this.endTick?.();
    this.endTick = null;
    this.drop();
    this.move(state);
  }

  hurry() {
    if (this.state === "away") this.connect();
  }

  drop() {
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
      socket.close();
    }
    for (const request of this.waiting.values()) request.reject(new Gone());
    this.waiting.clear();
  }

  connect() {
    this.drop();
    this.move("connecting");
    this.heardAt = Date.now();
    let socket;
    try {
      socket = new WebSocket(this.url, this.protocol);
    } catch {
      this.lost();
      return;
    }
    this.socket = socket;
    socket.onopen = () => this.enter();
    socket.onmessage = (event) => this.receive(event.data);
    socket.onclose = () => this.lost();
    socket.onerror = () => {};
  }

  async enter() {
    const socket = this.socket;
    try {
      const result = await this.introduce();
      if (socket !== this.socket) return;
      this.session = result.session;
      this.token = result.token || this.token;
      this.heartbeatMs = result.heartbeat_ms || this.heartbeatMs;
      if (!result.resumed) this.seq = 0;
      this.tries = 0;
      this.emit("welcome", result);
      this.move("live");
      /* What came behind the reply in the same turn is told after it. */
      for (const event of this.early) this.event(event);
      this.early = null;
    } catch (error) {
      if (socket !== this.socket) return;
      this.early = null;
      if (error instanceof Refused && error.code === -32000) {
        this.end("refused");
        this.emit("refused", error);
      } else {
        this.lost();
      }
    }
  }

  async introduce() {
    this.early = [];
    if (this.session && this.token) {
      try {
        return await this.request(this.names.resume, {
          session: this.session,
          token: this.token,
          seq: this.seq,
          client: this.client,
        });
      } catch (error) {
        if (!(error instanceof Refused) || error.type === "store_away" || error.type === "busy") throw error;
        this.session = null;
      }
    }
    const params = await this.login();
    if (!params) throw new Refused({ code: -32000, message: "Log in first.", data: { type: "not_logged_in" } });
    this.token = params.token || null;
    return this.request(this.names.login, { ...params, client: this.client });
  }

  lost() {
    if (this.state === "ended" || this.state === "replaced" || this.state === "refused") return;
    this.drop();
    const wait = Math.min(BACKOFF_MOST_MS, BACKOFF_FIRST_MS * 2 ** this.tries) * (0.5 + Math.random());
    this.tries = Math.min(this.tries + 1, 10);
    this.retryAt = Date.now() + wait;
    this.move("away");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.hurry(), wait);
  }

  tick() {
    const silent = Date.now() - this.heardAt;
    if (this.state === "away" && Date.now() > this.retryAt + 1000) this.hurry();
    if (this.state === "connecting" && silent > LOGIN_WAIT_MS) this.lost();
    if (this.state !== "live") return;
    if (silent > 2 * this.heartbeatMs) {
      this.lost();
      return;
    }
    if (Date.now() - (this.pingedAt || 0) >= this.heartbeatMs * 0.45) {
      this.pingedAt = Date.now();
      this.request(this.names.ping, { seq: this.seq }).then((result) => this.learnClock(result.at), () => {});
    }
  }

  /* The server's clock by the quickest answer seen. */
  learnClock(at) {
    const server = Date.parse(at);
    const took = Date.now() - this.pingedAt;
    if (!Number.isFinite(server)) return;
    if (!this.offsetKnown || took <= (this.tookLeast ?? Infinity) + 20) {
      this.offset = server + took / 2 - Date.now();
      this.tookLeast = Math.min(took, this.tookLeast ?? Infinity);
      this.offsetKnown = true;
    }
  }

  receive(data) {
    let message;
    this.heardAt = Date.now();
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (message.id !== undefined) {
      const request = this.waiting.get(message.id);
      this.waiting.delete(message.id);
      if (!request) return;
      if (message.error) request.reject(new Refused(message.error));
      else request.resolve(message.result);
    } else if (typeof message.method === "string") {
      if (this.early) this.early.push(message);
      else this.event(message);
    }
  }

  event({ method, params = {} }) {
    if (params.seq) this.seq = params.seq;
    if (!this.offsetKnown && params.at) {
      const server = Date.parse(params.at);
      if (Number.isFinite(server)) this.offset = server - Date.now();
    }
    if (method === "session.ready" || method === "session.reset") {
      this.session = params.session || this.session;
      if (Array.isArray(params.methods)) this.methods = new Set(params.methods);
    }
    if (method === "session.replaced") this.end("replaced");
    this.emit(method, params);
  }

  request(method, params = {}) {
    return new Promise((resolve, reject) => {
      if (!this.socket || this.socket.readyState !== WebSocket.OPEN) {
        reject(new Gone());
        return;
      }
      const id = String(++this.next);
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  /* A request of the logged-in page. */
  call(method, params) {
    if (this.state !== "live") return Promise.reject(new Gone());
    return this.request(method, params);
  }

  /* Does the server have this method? Unknown lists count as yes. */
  has(method) {
    return !this.methods || this.methods.has(method);
  }
}
