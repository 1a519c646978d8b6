/* post.mjs - a mailbox with a library and a relay for one browser test: mails come in by LMTP, what leaves is caught. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { until } from "./harness.mjs";
import { Helper } from "./helper.mjs";

const HOST = "desk.example";

export class Post {
  static async start(t) {
    const p = new Post();
    p.mails = [];
    p.helper = await Helper.start(t, "post.py", (said) => p.mails.push(said.mail));
    p.folder = fs.mkdtempSync(path.join(os.tmpdir(), "usher-library-"));
    t.endings.push(() => fs.rmSync(p.folder, { recursive: true, force: true }));
    fs.chmodSync(p.folder, 0o755);
    for (const [name, words] of Object.entries(p.helper.hello.library)) {
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
      out: { relay: { address: `127.0.0.1:${this.helper.hello.port}`, timeout: "10s" }, undo: "0s", quote: false, rebuild: "0s", ...out },
    };
  }

  /* A mail comes in; its contact's id. */
  async deliver(centre, { text, html, from = "maria@cust.example", person = "Maria Mustermann", files, ...fields }) {
    const wish = { lmtp: centre.ready.lmtp, to: [`help@${HOST}`], from, person, text, html, files, fields };
    const [code, words] = (await this.helper.ask(wish)).said[`help@${HOST}`];
    if (code !== 250) throw new Error(`not taken: ${code} ${words}`);
    return words.split(" ").pop();
  }

  /* The first mail that left and is like that. */
  sent(like, words) {
    return until(() => this.mails.find(like), words);
  }
}
