/*
 * harness.mjs - what a browser test is given: test("a sentence that holds", async (t) => ...).
 *
 *   const centre = await t.centre({queues: ...});       ended with the test
 *   const page = await t.page({width: 1280});           a browser context of its own; its errors fail the test
 *   await t.agent(page, centre, "a1");                  logged in by a one-time code
 *   await t.shot(page, "desktop");                      light, dark and phone into the build folder
 *   equal(a, b)  check(what, "words")  await until(async () => ..., "words")
 */
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { Centre, Robot } from "./centre.mjs";

export const OUT = process.argv[2];
export const SHOTS = path.join(OUT, "shots");
export const SLOW = Number(process.env.USHER_FLOW_SLOW || 1);
export const WAIT_MS = 20000 * SLOW;
const require = createRequire(path.join(OUT, "package.json"));
export const { chromium } = require("playwright-core");
const AXE = require.resolve("axe-core/axe.min.js");

/* The same engine without a desktop browser around it takes a third of the processor. */
export const BROWSER = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find((program) => fs.existsSync(program));
export const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
export const PHONE = { width: 390, height: 844 };
export const DESK = { width: 1280, height: 720 };

export const tests = [];
export const equal = assert.deepEqual;
export const check = (what, words) => assert.ok(what, words);

export class Skip extends Error {}

export function test(name, fn) {
  tests.push({ name, fn });
}

/* Waits for a condition, which may throw meanwhile. */
export async function until(condition, words, ms = WAIT_MS) {
  const end = Date.now() + ms;
  let last = null;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = null;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${words}${last ? ` (${last.message})` : ""}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Scene {
  constructor(browser) {
    this.browser = browser;
    this.centres = [];
    this.contexts = [];
    this.errors = [];
    this.outside = [];
    this.expected = [];
    this.endings = []; /* called at the end */
    this.told = []; /* lines for whoever runs the test */
    this.robots = [];
  }

  async robot(centre, agent, options) {
    const r = await Robot.start(centre, agent, options);
    this.robots.push(r);
    return r;
  }

  async centre(changes) {
    const c = await Centre.start(changes);
    this.centres.push(c);
    return c;
  }

  async context(options = {}) {
    const context = await this.browser.newContext({
      ignoreHTTPSErrors: true,
      viewport: DESK,
      locale: "en-GB",
      ...options,
    });
    context.setDefaultTimeout(WAIT_MS);
    this.contexts.push(context);
    return context;
  }

  /* Errors of the page's script, and requests to elsewhere, fail the test. */
  async page(options = {}, context = null) {
    const page = await (context ?? (await this.context(options))).newPage();
    page.on("pageerror", (error) => this.errors.push(`${page.url()}: ${error.stack || error}`));
    page.on("console", (message) => {
      const text = message.text();
      if (message.type() === "error" && !/ERR_|WebSocket connection|status of (401|404|429)/.test(text))
        this.errors.push(`${page.url()}: ${text}`);
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      const ours = this.centres.some((c) => c.url.endsWith(url.host)) || url.protocol === "blob:";
      if (!ours && url.protocol !== "about:" && url.protocol !== "data:") this.outside.push(request.url());
    });
    return page;
  }

  async agent(page, centre, name) {
    await page.goto(`${centre.url}/#code=${await centre.code("agent", name)}`);
    await page.waitForURL("**/agent**");
    await page.waitForSelector("#state-button:not([disabled])");
  }

  async supervisor(page, centre, name = "s1", where = "") {
    await page.goto(`${centre.url}/?to=${encodeURIComponent(`/supervisor${where}`)}#code=${await centre.code("supervisor", name)}`);
    await page.waitForURL("**/supervisor**");
    await page.waitForSelector("body.live");
  }

  /* What was just changed is drawn: two frames, and what moves for less than a second has ended. */
  async settled(page) {
    for (const frame of page.frames())
      await frame
        .evaluate(async () => {
          const drawn = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          await drawn();
          const ending = document.getAnimations().filter((a) => a.playState === "running" && a.effect?.getComputedTiming().endTime < 1000);
          await Promise.all(ending.map((a) => a.finished.catch(() => {})));
          await document.fonts.ready;
          await drawn();
        })
        .catch(() => {});
  }

  tell(line) {
    this.told.push(line);
  }

  /* name-light.png, name-dark.png, name-phone.png */
  async shot(page, name, ways = ["light", "dark", "phone"]) {
    fs.mkdirSync(SHOTS, { recursive: true });
    const before = page.viewportSize();
    for (const way of ways) {
      await page.emulateMedia({ colorScheme: way === "dark" ? "dark" : "light", reducedMotion: "reduce" });
      await page.setViewportSize(way === "phone" ? PHONE : before);
      await page.evaluate(() => dispatchEvent(new Event("usher:theme")));
      await this.settled(page);
      await page.screenshot({ path: path.join(SHOTS, `${name}-${way}.png`), fullPage: way === "phone" });
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize(before);
  }

  /* axe-core finds nothing serious or critical, in light and dark; of the dark only what the colours decide. */
  async accessible(page, where = "") {
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await this.settled(page);
      if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(fs.readFileSync(AXE, "utf8"));
      const rules = colorScheme === "dark" ? { runOnly: { type: "rule", values: ["color-contrast", "link-in-text-block"] } } : {};
      const found = await page.evaluate((more) => window.axe.run(document, { resultTypes: ["violations"], ...more }), rules);
      const bad = found.violations
        .filter((v) => v.impact === "serious" || v.impact === "critical")
        .map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} (${n.failureSummary?.split("\n")[1]?.trim()})`).join("; ")}`);
      equal(bad, [], `${where} ${colorScheme}: ${bad.join("\n")}`);
    }
    await page.emulateMedia({ colorScheme: "light" });
  }

  /* True when it ended well. */
  async finish() {
    const trouble = [];
    for (const end of this.endings) end();
    for (const robot of this.robots) robot.stop();
    for (const context of this.contexts) await context.close().catch(() => {});
    for (const c of this.centres) await c.stop().catch((error) => trouble.push(error.message));
    trouble.push(...this.errors.filter((e) => !this.expected.some((p) => p.test(e))));
    if (this.outside.length) trouble.push(`requests to elsewhere: ${this.outside.slice(0, 5).join(" ")}`);
    if (trouble.length) throw new Error(trouble.slice(0, 6).join("\n"));
  }
}
