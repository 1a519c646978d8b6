/*
 * Third-party lists of cross-site scripting, through every field that the outside fills: titles, names, customers,
 * attributes, payloads, notes and cases; mails with their names, subjects, texts, HTML and files; chats both ways. Nothing
 * runs, nothing is asked for elsewhere. Many strings go in one field at once; how they are shown does not depend on that.
 */
import fs from "node:fs";
import path from "node:path";
import { TOP } from "./centre.mjs";
import { check, equal, Skip, test, until } from "./harness.mjs";
import { Post } from "./post.mjs";

const FOLDER = path.resolve(TOP, "../shared/data/bad/third-party/xss");

function lists() {
  if (!fs.existsSync(FOLDER)) throw new Skip("the lists are not here");
  return fs
    .readdirSync(FOLDER)
    .flatMap((name) => fs.readFileSync(path.join(FOLDER, name), "utf8").split("\n"))
    .map((line) => line.replace(/\r$/, ""))
    .filter((line) => line.trim());
}

/* n lists of about the same length. */
const parts = (list, n) => Array.from({ length: n }, (_, i) => list.slice((i * list.length) / n, ((i + 1) * list.length) / n));
/* As the intake takes titles and names: printable, bounded. */
const fit = (s, most = 240) => s.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, " ").slice(0, most).trim() || "-";

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

const MADE = ["script", "iframe", "object", "embed", "base", "meta", "img", "video", "style", "link", "form[action]"].map((tag) => `main ${tag}`).join(", ");

const nothingRan = async (page, where, frame = page) => {
  await frame.evaluate((list) => {
    for (const node of document.querySelectorAll(list)) node.dispatchEvent(new MouseEvent("mouseover", { bubbles: true }));
  }, "main *");
  equal(await frame.evaluate(() => window.ran), 0, `${where}: a script ran`);
  equal(await frame.evaluate(() => window.violations || []), [], `${where}: the policy had to stop something`);
  equal(await frame.evaluate((made) => document.querySelectorAll(made).length, MADE), 0, `${where}: elements made of text`);
};

async function desktop(t, centre) {
  const agent = await trapped(t);
  await t.agent(agent, centre, "a1");
  await agent.click("#ready-button");
  await agent.waitForSelector("#state-button.ready");
  return agent;
}

async function finish(agent, id) {
  await agent.keyboard.press("Alt+d");
  await agent.click("dialog button[type=submit]");
  await until(async () => !(await agent.$(`#tab-${id}`)), "finished");
}

test("lists of scripts in titles, customers, attributes, payloads, notes and cases are text everywhere", async (t) => {
  const strings = lists();
  const centre = await t.centre({ channels: { email: { cost: 0, offer_timeout: "120s", wrapup: "0s", sla: "4h" } } });
  const agent = await desktop(t, centre);
  const boss = await trapped(t);
  await t.supervisor(boss, centre, "s1", "#waiting");
  const who = { id: "C-1", name: fit(strings[0], 120), email: "x@cust.example" };
  let seen = 0;
  for (const some of parts(strings, 8)) {
    const attributes = Object.fromEntries(some.slice(0, 40).map((s, i) => [["topic", "page", "subject", "ani", "from", "name"][i] ?? `x${i}`, s.slice(0, 400)]));
    const id = await centre.submit("email", {
      queue: "mail",
      title: fit(some[0]),
      customer: { ...who, name: fit(some[1], 120), note: some[2].slice(0, 400), email: fit(some[3], 200) },
      attributes,
      payload: { text: some.join("\n"), list: some, mail: { subject: some[4], text: some.join("\n"), rest: some.slice(20).join("\n"), from: { name: some[5], address: some[6] }, to: [{ name: some[7], address: "a@b" }], attachments: [{ name: some[8], type: some[9], bytes: 1 }], suggest: { proposals: some.slice(10, 15).map((s, i) => ({ id: `r${i}`, title: s, why: s, p: 0.5 })), none: 0.1 } } },
    });
    await agent.waitForSelector(".offer");
    await nothingRan(agent, "offer");
    await agent.click(".offer button.primary");
    await agent.click(`#tab-${id}`);
    await until(async () => (await agent.textContent("#work")).includes(some.at(-1).slice(0, 12).replace(/[^ -~].*/s, "")), "all of it is shown");
    await centre.admin("contact.note", { contact: id, text: some.join("\n").slice(0, 8000) });
    await centre.admin("case.open", { contact: id, title: fit(some.slice(16, 20).join(" "), 500) });
    await nothingRan(agent, "desktop");
    seen += some.length;
    await finish(agent, id);
  }
  equal(seen, strings.length);
  /* The customer's card with his notes and cases. */
  const last = await centre.submit("email", { queue: "mail", title: "The last", customer: who });
  await agent.waitForSelector(".offer");
  await agent.click(".offer button.primary");
  await until(async () => (await agent.$$(".timeline .entry")).length >= 8 && (await agent.$$(".cases .entry")).length > 0, "his timeline and cases");
  await nothingRan(agent, "timeline");
  await finish(agent, last);
  /* What a supervisor sees of those that wait, and why; messages and calls for help. */
  await agent.click("#ready-button");
  await agent.waitForSelector("#state-button.not_ready");
  const ids = [];
  for (const s of strings.filter((_, i) => i % 25 === 0)) ids.push(await centre.submit("email", { queue: "mail", title: fit(s), customer: { id: "C-9", name: fit(s, 120) } }));
  await until(async () => (await boss.$$("table.waiting tbody tr")).length >= ids.length, "all wait");
  await nothingRan(boss, "waiting");
  await agent.keyboard.press("Alt+h");
  await agent.fill("#ask-text", fit(strings[30], 400));
  await agent.keyboard.press("Enter");
  for (const where of [`why/${ids[0]}`, "overview", "agents", "alarms", "reports"]) {
    await boss.goto(`${centre.url}/supervisor#${where}`);
    await boss.waitForSelector(".view");
    await t.settled(boss);
    await nothingRan(boss, where);
  }
  for (const s of strings.filter((_, i) => i % 60 === 0)) await centre.admin("message.send", { text: s.slice(0, 900) });
  await until(async () => (await agent.$$(".notice")).length > 0, "notices");
  await nothingRan(agent, "notices");
  await boss.goto(`${centre.url}/wallboard`);
  await boss.waitForSelector(".figure .value:not(:empty)");
  await nothingRan(boss, "wallboard");
  t.tell(`${strings.length} strings in ${ids.length + 9} contacts: 0 scripts, ${t.outside.length} requests to elsewhere`);
});

test("lists of scripts in mails, their HTML, senders and files are text", async (t) => {
  const strings = lists();
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings({ review: { other: 1 } }), channels: { email: { cost: 0, offer_timeout: "120s", wrapup: "0s", sla: "4h" } } });
  const agent = await desktop(t, centre);
  const boss = await trapped(t);
  await t.supervisor(boss, centre, "s1", "#mails");
  let n = 0;
  for (const some of parts(strings, 6)) {
    const id = await post.deliver(centre, {
      Subject: fit(some[0]),
      person: fit(some[1], 100),
      text: some.join("\n"),
      html: `<html><body>${some.join("\n<br>\n")}</body></html>`,
      files: some.slice(2, 12).map((s) => ({ name: fit(s, 80), text: "<script>alert(1)</script>" })),
    });
    await agent.waitForSelector(".offer");
    await nothingRan(agent, "offer of a mail");
    await agent.click(".offer button.primary");
    await agent.click(`#tab-${id}`);
    await until(async () => (await agent.$$(".mail-file")).length >= 10, "the mail with its files");
    await nothingRan(agent, "mail");
    await agent.fill(`#answer-${id}`, some.slice(0, 60).join("\n"));
    await agent.click("#email-send-done");
    await until(async () => !(await agent.$(`#tab-${id}`)), "answered");
    n += some.length;
  }
  equal(n, strings.length);
  await until(async () => (await boss.$$(".held-mail")).length === 6, "the answers wait for a look");
  await nothingRan(boss, "mails");
  t.tell(`${strings.length} strings in 6 mails: 0 scripts, ${t.outside.length} requests to elsewhere`);
});

test("lists of scripts in a chat, both ways, are text for customer, agent and supervisor", async (t) => {
  const strings = lists().filter((s) => Buffer.byteLength(s) < 4000);
  const centre = await t.centre({ chat: { messages_per_second: 0, messages: 100000, open_per_address: 0, customer_ask: "0s", agent_warn: "0s", ask: ["name", "topic", "question"] } });
  const customer = await trapped(t);
  await customer.goto(`${centre.url}/widget`);
  await customer.fill("#f-name", fit(strings[0], 100));
  await customer.fill("#f-topic", fit(strings[1], 100));
  await customer.fill("#f-question", strings[2].slice(0, 2000));
  await customer.evaluate(() => (document.title = "<img src=x onerror=alert(1)>"));
  await customer.click(".ask button.primary");
  await customer.waitForSelector("body.waiting");
  const agent = await desktop(t, centre);
  await agent.waitForSelector(".offer");
  await nothingRan(agent, "offer of a chat");
  await agent.keyboard.press("Alt+a");
  const id = (await (await agent.waitForSelector("button.tab")).getAttribute("id")).replace("tab-", "");
  await customer.waitForSelector("body.talking");
  const boss = await trapped(t);
  await t.supervisor(boss, centre, "s1", `#chat/${id}`);
  await until(async () => (await boss.$$(".chat-log .bubble")).length > 0, "he reads along");
  /* Names of files: what could be markup is refused in words, the rest is text. */
  const send = (name) => customer.setInputFiles("input[type=file]", { name, mimeType: "text/plain", buffer: Buffer.from("text") });
  await send("<img src=x onerror=alert(1)>.txt");
  await until(async () => /name cannot be used/.test(await customer.textContent(".note")), "refused");
  for (const s of ["onerror=alert(1) &lt;script&gt;alert(1)&lt;'script'&gt;", "javascript&colon;alert(1)", "{{constructor.constructor('alert(1)')()}}"]) await send(`${s}.txt`);
  await until(async () => (await agent.$$(".bubble button")).length > 0, "the file");
  /* The customer says all of it, in messages of thirty lines; then the agent does. */
  const blocks = parts(strings, Math.ceil(strings.length / 30)).map((some) => some.join("\n").slice(0, 3900));
  for (const [i, text] of blocks.entries()) {
    await customer.fill("#box", text);
    await customer.press("#box", "Enter");
    if (i % 10 === 9) await until(async () => (await customer.$$(".message.pending")).length === 0, "said");
  }
  const count = (page, what) => page.$$eval(what, (list) => list.length);
  await until(async () => (await count(agent, ".bubble.theirs")) >= blocks.length && (await count(boss, ".bubble.theirs")) >= blocks.length, "agent and supervisor have all of it");
  for (const text of blocks) {
    await agent.fill(".composer textarea", text);
    await agent.press(".composer textarea", "Enter");
  }
  await until(async () => (await count(customer, ".message.theirs")) >= blocks.length, "the customer has all of it");
  await nothingRan(agent, "the agent's chat");
  await nothingRan(boss, "reading along");
  await nothingRan(customer, "the customer's chat");
  t.tell(`${strings.length} strings each way: 0 scripts, ${t.outside.length} requests to elsewhere`);
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
