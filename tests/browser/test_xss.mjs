/* Third-party lists of cross-site scripting, through every field that the outside fills: nothing runs. */
import fs from "node:fs";
import path from "node:path";
import { TOP } from "./centre.mjs";
import { check, equal, Skip, test, until } from "./harness.mjs";

const FOLDER = path.resolve(TOP, "../shared/data/bad/third-party/xss");
const EACH = 60; /* strings a contact */

function lists() {
  if (!fs.existsSync(FOLDER)) throw new Skip("the lists are not here");
  return fs
    .readdirSync(FOLDER)
    .flatMap((name) => fs.readFileSync(path.join(FOLDER, name), "utf8").split("\n"))
    .map((line) => line.replace(/\r$/, ""))
    .filter(Boolean);
}

/* As the intake takes titles: printable, bounded. */
const fit = (s) => s.replace(/[\u0000-\u001f\u007f-\u009f]/g, " ").slice(0, 240).trim() || "-";

/* Whatever a script could do that is seen. */
const TRAPS = () => {
  window.ran = 0;
  for (const name of ["alert", "confirm", "prompt", "print"]) window[name] = () => window.ran++;
  const write = Document.prototype.write;
  Document.prototype.write = function (...text) {
    window.ran++;
    return write.apply(this, text);
  };
  addEventListener("securitypolicyviolation", (e) => (window.violations = [...(window.violations || []), `${e.violatedDirective} ${e.blockedURI}`]));
};

async function trapped(t, options) {
  const page = await t.page(options);
  await page.addInitScript(TRAPS);
  page.on("dialog", (dialog) => {
    t.errors.push(`a dialog opened: ${dialog.message()}`);
    dialog.dismiss();
  });
  return page;
}

const nothingRan = async (page, where) => {
  equal(await page.evaluate(() => window.ran), 0, `${where}: a script ran`);
  equal(await page.evaluate(() => window.violations || []), [], `${where}: the policy had to stop something`);
  equal(await page.evaluate(() => document.querySelectorAll("main script, main iframe, main object, main embed, main base, main meta, main img, main video").length), 0, `${where}: elements made of text`);
};

test("lists of scripts in titles, names, attributes and payloads are text everywhere", async (t) => {
  const strings = lists();
  const centre = await t.centre({ channels: { ...{ email: { cost: 0, offer_timeout: "120s", wrapup: "0s", sla: "4h" } } } });
  const agent = await trapped(t);
  await t.agent(agent, centre, "a1");
  await agent.click("#ready-button");
  await agent.waitForSelector("#state-button.ready");
  const boss = await trapped(t);
  await t.supervisor(boss, centre, "s1");
  await boss.goto(`${centre.url}/supervisor#waiting`);
  let seen = 0;
  for (let at = 0; at < strings.length; at += EACH) {
    const some = strings.slice(at, at + EACH);
    const [title, name, topic, from] = some;
    const attributes = Object.fromEntries(some.slice(0, 20).map((s, i) => [["topic", "page", "subject", "ani", "from", "name"][i] ?? `x${i}`, s.slice(0, 500)]));
    const id = await centre.submit("email", {
      queue: "mail",
      title: fit(title),
      customer: { id: `C-${at}`, name: name.slice(0, 400), note: (topic || "").slice(0, 400), email: (from || "").slice(0, 200) },
      attributes,
      payload: { text: some.join("\n"), list: some, mail: { subject: title, text: some.join("\n"), rest: some.slice(20).join("\n"), from: { name, address: topic || "x" }, to: [{ name, address: "a@b" }], attachments: [{ name, type: topic, bytes: 1 }], suggest: { proposals: some.slice(0, 5).map((s, i) => ({ id: `r${i}`, title: s, why: s, p: 0.5 })), none: 0.1 } } },
    });
    await agent.waitForSelector(".offer");
    await nothingRan(agent, "offer");
    await agent.click(".offer button.primary");
    await agent.waitForSelector(`#tab-${id}`);
    await agent.click(`#tab-${id}`);
    await until(async () => (await agent.textContent("#work")).includes("[U+") || (await agent.$(".mail-text")), "it is shown");
    await nothingRan(agent, "desktop");
    seen += some.length;
    await centre.admin("contact.withdraw", { contact: id }).catch(() => {});
    await agent.keyboard.press("Alt+d");
    await agent.click("dialog button[type=submit]");
    await until(async () => !(await agent.$(`#tab-${id}`)), "finished");
  }
  check(seen === strings.length, `${seen} of ${strings.length}`);
  /* What the supervisor sees of those that wait, and why. */
  await agent.click("#ready-button");
  await agent.waitForSelector("#state-button.not_ready");
  const ids = [];
  for (const s of strings.filter((_, i) => i % 20 === 0)) ids.push(await centre.submit("email", { queue: "mail", title: fit(s), customer: { id: "C-9", name: fit(s) } }));
  await until(async () => (await boss.$$("table.waiting tbody tr")).length >= Math.min(ids.length, 60), "all wait");
  await nothingRan(boss, "waiting");
  await boss.goto(`${centre.url}/supervisor#why/${ids[0]}`);
  await boss.waitForSelector(".why-summary");
  await nothingRan(boss, "why");
  /* Messages and calls for help. */
  for (const s of strings.filter((_, i) => i % 60 === 0)) await centre.admin("message.send", { text: s.slice(0, 900) });
  await until(async () => (await agent.$$(".notice")).length > 0, "notices");
  await nothingRan(agent, "notices");
  console.log(`     ${strings.length} strings: 0 scripts, ${t.outside.length} requests to elsewhere`);
});

test("characters that turn or hide text are shown as marks", async (t) => {
  const centre = await t.centre();
  const page = await trapped(t);
  await t.agent(page, centre, "a1");
  await page.click("#ready-button");
  await centre.submit("email", { queue: "mail", title: "invoice\u202Efdp.exe", customer: { id: "C-1", name: "A\u200Bnn\u2066" } });
  await page.waitForSelector(".offer");
  const words = await page.textContent(".offer");
  check(words.includes("invoice[U+202E]fdp.exe"), words);
  check(words.includes("A[U+200B]nn[U+2066]"), words);
});
