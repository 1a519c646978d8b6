/* helper.mjs - a helper of a test in a process of its own that speaks one JSON object a line, both ways. */
import { spawn } from "node:child_process";
import path from "node:path";
import { TOP } from "./centre.mjs";
import { until, WAIT_MS } from "./harness.mjs";

export class Helper {
  /* The file stands beside this one. told: what it says later that is no answer. */
  static async start(t, file, told = () => {}) {
    const it = new Helper();
    Object.assign(it, { waiting: new Map(), next: 0, hello: null });
    it.process = spawn("python3", [path.join(TOP, "tests/browser", file)], { stdio: ["pipe", "pipe", "inherit"] });
    it.process.stdin.on("error", () => {});
    t.endings.push(() => it.process.stdin.end());
    let text = "";
    it.process.stdout.on("data", (data) => {
      text += data;
      let at;
      while ((at = text.indexOf("\n")) >= 0) {
        const said = JSON.parse(text.slice(0, at));
        text = text.slice(at + 1);
        if (said.id !== undefined) it.waiting.get(said.id)?.(said);
        else if (!it.hello) it.hello = said;
        else told(said);
      }
    });
    await until(() => it.hello, `${file} is up`, 3 * WAIT_MS);
    return it;
  }

  ask(wish) {
    const id = ++this.next;
    const said = new Promise((resolve) => this.waiting.set(id, resolve));
    this.process.stdin.write(`${JSON.stringify({ id, ...wish })}\n`);
    return said;
  }
}
