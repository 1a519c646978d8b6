/* post.mjs - a mailbox with a library and a relay for one browser test: mails come in by LMTP, what leaves is caught. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { TOP } from "./centre.mjs";
import { until } from "./harness.mjs";

const HOST = "desk.example";

export class Post {
  static async start(t) {
    const p = new Post();
    p.mails = [];
    p.waiting = new Map();
    p.next = 0;
    p.helper = spawn("python3", [path.join(TOP, "tests/browser/post.py")], { stdio: ["pipe", "pipe", "inherit"] });
    t.endings.push(() => p.helper.stdin.end());
    let text = "";
    let hello = null;
    p.helper.stdout.on("data", (data) => {
      text += data;
      let at;
      while ((at = text.indexOf("\n")) >= 0) {
        const said = JSON.parse(text.slice(0, at));
        text = text.slice(at + 1);
        if (said.port) hello = said;
        else if (said.mail) p.mails.push(said.mail);
        else p.waiting.get(said.id)?.(said.said);
      }
    });
    await until(() => hello, "the post is open");
    p.port = hello.port;
    p.folder = fs.mkdtempSync("/tmp/usher-library-");
    t.endings.push(() => fs.rmSync(p.folder, { recursive: true, force: true }));
    fs.chmodSync(p.folder, 0o755);
    for (const [name, words] of Object.entries(hello.library)) {
      const file = path.join(p.folder, name);
      fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o755 });
      fs.writeFileSync(file, words, { mode: 0o644 });
    }
    return p;
  }

  /* The settings under `mail`. */
  settings(out = {}) {
    return {
      host: HOST,
      lmtp: "127.0.0.1:0",
      mailboxes: { support: { addresses: [`help@${HOST}`], display: "Support", library: this.folder, language: "en", queue: "mail" } },
      out: { relay: { address: `127.0.0.1:${this.port}`, timeout: "10s" }, undo: "0s", quote: false, rebuild: "0s", ...out },
    };
  }

  /* A mail comes in; its contact's id. */
  async deliver(centre, { text, from = "maria@cust.example", name = "Maria Mustermann", file, ...fields }) {
    const id = ++this.next;
    const said = new Promise((resolve) => this.waiting.set(id, resolve));
    const wish = { id, lmtp: centre.ready.lmtp, to: [`help@${HOST}`], from, text, file, fields: { From: `${name} <${from}>`, ...fields } };
    this.helper.stdin.write(`${JSON.stringify(wish)}\n`);
    const [code, words] = (await said)[`help@${HOST}`];
    if (code !== 250) throw new Error(`not taken: ${code} ${words}`);
    return words.split(" ").pop();
  }

  /* The first mail that left and is like that. */
  sent(like, words) {
    return until(() => this.mails.find(like), words);
  }
}
