/*
 * centre.mjs - a centre for one browser test: the real daemon with its own Redis, free ports, a directory of its
 * own; contacts over HTTP; a terminal's road (the daemon's socket) for what an administrator does.
 */
import { spawn, execFileSync } from "node:child_process";
import fs from "node:fs";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";

export const TOP = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), "../..");
export const BUILD = process.env.USHER_BUILD || path.join(TOP, "build");
const READY_MS = 60000;

export const SETTINGS = {
  centre: "browser",
  timezone: "UTC",
  http: "127.0.0.1:0",
  desk: "127.0.0.1:0",
  channels: {
    voice: { cost: 100, offer_timeout: "30s", wrapup: "30s", sla: "20s" },
    chat: { cost: 34, offer_timeout: "60s", wrapup: "10s", sla: "30s" },
    callback: { cost: 100, offer_timeout: "60s", wrapup: "30s", sla: "15m" },
    email: { cost: 25, offer_timeout: "120s", wrapup: "60s", sla: "4h", interruptible: true, deferrable: true },
    letter: { cost: 25, sla: "16h", interruptible: true, deferrable: true },
  },
  tiers: [
    { name: "bronze", value: 1 },
    { name: "silver", value: 3, from_points: 40 },
    { name: "gold", value: 8, from_points: 80, never_demoted: true },
  ],
  skills: ["english", "french", "billing"],
  queues: {
    general: { dispositions: { codes: ["solved", "sale", "follow_up"] } },
    billing: { require: { billing: 1 }, dispositions: { required: true, codes: ["solved", "sale", "follow_up"] } },
    mail: { channels: ["email", "letter"] },
  },
  default_queue: "general",
  teams: { first: { supervisors: ["s1"] }, second: { supervisors: ["s2"] } },
  agents: [
    { id: "a1", name: "Ann Archer", team: "first", skills: { english: 5, billing: 5 }, capacity: 100 },
    { id: "a2", name: "Bob Baker", team: "first", skills: { english: 5 }, capacity: 100 },
    { id: "a3", name: "Cem Candan", team: "second", skills: { english: 5, french: 7 }, capacity: 100 },
  ],
};

/* A port that stays the centre's over a restart: below those that the system gives out by itself, beside those of the
   flow tests (tools/free_port.py), each once in this process. */
let nextPort = 25000 + ((process.pid * 61) % 7000);
async function freePort() {
  for (;;) {
    const port = nextPort++;
    const server = net.createServer();
    const free = await new Promise((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
    });
    if (free) return port;
  }
}

export class Centre {
  /* changes: top-level members of the settings, merged where both are mappings */
  static async start(changes = {}) {
    const c = new Centre();
    c.dir = fs.mkdtempSync(path.join(os.tmpdir(), "usher-browser-"));
    fs.chmodSync(c.dir, 0o755);
    c.state = path.join(c.dir, "state");
    fs.mkdirSync(c.state);
    const settings = structuredClone(SETTINGS);
    for (const [name, value] of Object.entries(changes)) {
      const both = value && typeof value === "object" && !Array.isArray(value) && settings[name];
      settings[name] = both && typeof both === "object" ? { ...both, ...value } : value;
    }
    if (settings.http === SETTINGS.http) settings.http = `127.0.0.1:${await freePort()}`;
    fs.writeFileSync(path.join(c.dir, "usher.yaml"), JSON.stringify(settings, null, 1));
    await c.launch();
    c.key = (await c.admin("key.create", { name: "tests" })).key;
    return c;
  }

  async launch() {
    const log = fs.openSync(path.join(this.dir, "log"), "a");
    const root = process.getuid() === 0 ? ["--user", "nobody"] : [];
    const config = path.join(this.dir, "usher.yaml");
    this.process = spawn(path.join(BUILD, "usherd"), ["--config", config, "--state", this.state, ...root], {
      stdio: ["ignore", "pipe", log],
    });
    fs.closeSync(log);
    this.ended = new Promise((resolve) => this.process.once("exit", (code) => resolve(code)));
    this.ready = await new Promise((resolve, reject) => {
      let text = "";
      const timer = setTimeout(() => reject(new Error(`usherd is not ready\n${this.log()}`)), READY_MS);
      this.process.stdout.on("data", (data) => {
        text += data;
        const line = text.split("\n").find((l) => l.startsWith("{"));
        if (!line || !text.includes("\n")) return;
        clearTimeout(timer);
        resolve(JSON.parse(line));
      });
      this.ended.then((code) => reject(new Error(`usherd ended with status ${code}\n${this.log()}`)));
    });
    this.url = this.ready.http;
  }

  log() {
    return fs.readFileSync(path.join(this.dir, "log"), "utf8").split("\n").slice(-15).join("\n");
  }

  async kill() {
    this.process.kill("SIGKILL");
    await this.ended;
    this.socket?.destroy();
    this.socket = null;
  }

  async stop() {
    this.socket?.destroy();
    this.process.kill("SIGTERM");
    const timer = setTimeout(() => this.process.kill("SIGKILL"), 15000);
    const code = await this.ended;
    clearTimeout(timer);
    if (code !== 0) throw new Error(`usherd ended with status ${code}\n${this.log()}\nkept: ${this.dir}`);
    fs.rmSync(this.dir, { recursive: true, force: true });
  }

  /* ---- the administrator's road ---- */

  async connect() {
    if (this.socket && !this.socket.destroyed) return;
    this.socket = net.connect(path.join(this.state, "usherd.sock"));
    this.waiting = new Map();
    this.next = 0;
    let text = "";
    this.socket.on("data", (data) => {
      text += data;
      let at;
      while ((at = text.indexOf("\n")) >= 0) {
        const message = JSON.parse(text.slice(0, at));
        text = text.slice(at + 1);
        const request = this.waiting.get(message.id);
        this.waiting.delete(message.id);
        if (request && message.error) request.reject(new Error(`${message.error.data?.type}: ${message.error.message}`));
        else if (request) request.resolve(message.result);
      }
    });
    this.socket.on("error", () => {});
    await new Promise((resolve) => this.socket.once("connect", resolve));
  }

  async admin(method, params = {}) {
    await this.connect();
    const id = String(++this.next);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    });
  }

  async token(role, who) {
    const params = role === "agent" ? { role, agent: who } : { role, account: who };
    return (await this.admin("token.create", params)).tokens[0].token;
  }

  async code(role, who) {
    const params = role === "agent" ? { role, agent: who } : { role, account: who };
    return (await this.admin("code.create", params)).code;
  }

  /* ---- HTTP ---- */

  request(method, where, body, headers = {}) {
    return new Promise((resolve, reject) => {
      const text = body === undefined ? null : JSON.stringify(body);
      const request = https.request(
        this.url + where,
        {
          method,
          rejectUnauthorized: false,
          headers: {
            Authorization: `Bearer ${this.key}`,
            ...(text ? { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) } : {}),
            ...headers,
          },
        },
        (response) => {
          const parts = [];
          response.on("data", (part) => parts.push(part));
          response.on("end", () => {
            const raw = Buffer.concat(parts);
            let json = null;
            try {
              json = JSON.parse(raw);
            } catch {
              /* not JSON: text is there */
            }
            resolve({ status: response.statusCode, headers: response.headers, raw, json });
          });
        },
      );
      request.on("error", reject);
      request.end(text ?? undefined);
    });
  }

  /* A contact over the API; returns its id. */
  async submit(channel, more = {}) {
    const answer = await this.request("POST", "/v1/contacts", { channel, ...more });
    if (answer.status >= 300) throw new Error(`contact refused: ${answer.raw}`);
    return answer.json.contact ?? answer.json.id;
  }
}

/* An agent by the desk's TLS road: takes what is offered, holds it for a while, completes it. */
export class Robot {
  static async start(centre, agent, { handleMs = 200, disposition = "solved", ready = true } = {}) {
    const r = new Robot();
    Object.assign(r, { handleMs, disposition, next: 0, done: 0, held: new Set() });
    const token = await centre.token("agent", agent);
    const [host, port] = centre.ready.desk.split(":");
    r.socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false });
    r.socket.on("error", () => {});
    let text = "";
    r.socket.on("data", (data) => {
      text += data;
      let at;
      while ((at = text.indexOf("\n")) >= 0) {
        r.event(JSON.parse(text.slice(0, at)));
        text = text.slice(at + 1);
      }
    });
    await new Promise((resolve) => r.socket.once("secureConnect", resolve));
    r.send("session.login", { token });
    if (ready) r.send("agent.set_state", { state: "ready" });
    r.beat = setInterval(() => r.send("session.ping"), 5000);
    return r;
  }

  send(method, params = {}) {
    if (!this.socket.destroyed)
      this.socket.write(`${JSON.stringify({ jsonrpc: "2.0", id: String(++this.next), method, params })}\n`);
  }

  event({ method, params }) {
    if (method === "offer.created") this.send("offer.accept", { offer: params.offer });
    if (method === "contact.connected") {
      this.held.add(params.contact.id);
      if (this.handleMs !== Infinity) setTimeout(() => this.send("contact.complete", { contact: params.contact.id, disposition: this.disposition }), this.handleMs);
    }
    if (method === "contact.completed") {
      this.held.delete(params.contact.id);
      this.done++;
    }
  }

  stop() {
    clearInterval(this.beat);
    this.socket.destroy();
  }
}

export function versionOf(program) {
  try {
    return execFileSync(program, ["--version"], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
}
