/* The supervisor's dashboard and the wallboard through the real daemon. */
import fs from "node:fs";
import tls from "node:tls";
import { check, equal, test, until } from "./harness.mjs";

/* A floor with something to see: a day's begin, a queue under pressure, an alarm. */
async function floor(t, changes = {}) {
  const centre = await t.centre({ alarms: { late: 2, forecast: 3, hold: "0s" }, ...changes });
  const quick = await t.robot(centre, "a1", { handleMs: 60 });
  for (let i = 0; i < 12; i++) await centre.submit(i % 3 ? "voice" : "chat", { queue: "general", title: `Call ${i}`, tier: ["bronze", "silver", "gold"][i % 3] });
  await until(() => quick.done >= 12, "the first dozen is served");
  quick.send("agent.set_state", { state: "not_ready", reason: "lunch" });
  await t.robot(centre, "a2", { handleMs: Infinity });
  await centre.submit("voice", { queue: "general", title: "In hand" });
  const ids = [];
  for (const [i, [channel, queue, tier, sla]] of [
    ["voice", "general", "bronze", 20000],
    ["chat", "general", "silver", 30000],
    ["email", "mail", "gold", 600000],
    ["voice", "billing", "gold", 20000],
    ["email", "mail", "bronze", 14400000],
    ["voice", "general", "silver", 1],
    ["callback", "general", "bronze", 60000],
    ["voice", "general", "bronze", 1],
    ["voice", "general", "bronze", 1],
    ["letter", "mail", "bronze", 57600000],
  ].entries())
    ids.push(await centre.submit(channel, { queue, tier, sla_ms: sla, title: `Contact ${i} about an order`, customer: { id: `C-${i}`, name: `Customer ${i}` } }));
  return { centre, ids };
}

const order = (page) => page.$$eval("table.waiting tbody tr", (rows) => rows.map((r) => r.dataset.key));

test("the overview shows queues with figures, forecast and alarms", async (t) => {
  const { centre } = await floor(t);
  const page = await t.page();
  await t.supervisor(page, centre, "s1");
  await until(async () => (await page.textContent("table.queues")).includes("general"), "queues");
  await until(async () => /past their deadline/.test(await page.textContent(".alarm-lines")), "the alarm");
  await until(async () => /late/.test(await page.textContent("table.queues")), "late contacts are told in words");
  await until(async () => /\d %/.test(await page.textContent("table.queues")), "the service level");
  await until(async () => /live/.test(await page.textContent(".age")), "how old the data is");
  await t.accessible(page, "overview");
  await t.shot(page, "dashboard-overview");
  await page.click("a[href='#agents']");
  await until(async () => /Ann Archer/.test(await page.textContent("table.agents")), "agents");
  check(/lunch/.test(await page.textContent("table.agents")), "the reason");
  await t.accessible(page, "agents");
  await t.shot(page, "dashboard-agents");
  await page.click("a[href='#alarms']");
  await until(async () => /past their deadline/.test(await page.textContent(".alarm-lines")), "the alarm in its list");
  await t.accessible(page, "alarms");
  await t.shot(page, "dashboard-alarms", ["light", "dark"]);
});

test("contacts wait in the order of service; why is a page; prioritising changes the order", async (t) => {
  const { centre } = await floor(t);
  const page = await t.page();
  await t.supervisor(page, centre, "s1", "#waiting");
  await until(async () => (await order(page)).length === 10, "all that wait");
  const { waiting } = await centre.admin("contact.list", { held: false });
  equal(await order(page), waiting.map((c) => c.id));
  await t.accessible(page, "waiting");
  await t.shot(page, "dashboard-waiting");
  const last = (await order(page)).pop();
  await page.click(`tr[data-key='${last}'] a:has-text('Why')`);
  await page.waitForSelector(".why-summary");
  const words = await page.textContent(".view");
  for (const part of ["would be served before it", "Slack", "Score", "s ahead", "Before it"]) check(words.includes(part), `${part} in ${words}`);
  await t.accessible(page, "why");
  await t.shot(page, "dashboard-why");
  await page.click("text=Prioritise");
  await page.fill("#ask-minutes", "955");
  await page.fill("#ask-reason", "promised");
  await page.keyboard.press("Enter");
  await page.waitForSelector("dialog", { state: "detached" });
  await page.click("text=Waiting contacts");
  await until(async () => (await order(page)).indexOf(last) < 9, "it moved up");
  const first = (await order(page))[0];
  await page.click(`tr[data-key='${first}'] button:has-text('Withdraw')`);
  await page.click("dialog button.danger");
  await until(async () => !(await order(page)).includes(first), "withdrawn");
  equal((await centre.admin("contact.get", { contact: first })).contact.state, "cancelled");
});

test("a decision that was made is explained: rivals, seconds, agents", async (t) => {
  const { centre, ids } = await floor(t);
  const page = await t.page();
  await t.supervisor(page, centre, "s1");
  const robot = await t.robot(centre, "a3", { handleMs: Infinity });
  const taken = await until(() => [...robot.held][0], "an agent took one");
  check(ids.includes(taken), "of those that waited");
  const admin = await t.page();
  await admin.goto(`${centre.url}/?to=/supervisor#code=${await centre.code("administrator", "admin")}`);
  await admin.waitForSelector("body.live");
  await admin.goto(`${centre.url}/supervisor#why/${taken}`);
  await admin.waitForSelector(".decision");
  const words = await admin.textContent(".decision");
  for (const part of ["got the offer", "Those it went before", "s behind", "Half-life"]) check(words.includes(part), `${part} in ${words}`);
  await t.shot(admin, "dashboard-decision", ["light"]);
});

test("states, skills and queues are changed live, each after a question", async (t) => {
  const { centre } = await floor(t);
  const page = await t.page();
  await t.supervisor(page, centre, "s1");
  await page.click("a[href='#agents']");
  await page.click("tr[data-key=a1] button:has-text('State')");
  await page.selectOption("#ask-state", "ready");
  await page.keyboard.press("Enter");
  await page.click("dialog button[type=submit]").catch(() => {});
  await until(async () => (await centre.admin("agent.list")).agents.find((a) => a.id === "a1").state === "ready", "forced ready");
  await page.click("tr[data-key=a1] button:has-text('Skills')");
  await page.fill("#ask-skills", "english:9, french:2");
  await page.fill("#ask-capacity", "50");
  await page.click("dialog button[type=submit]");
  await until(async () => {
    const a = (await centre.admin("agent.list")).agents.find((x) => x.id === "a1");
    return a.skills.french === 2 && a.skills.english === 9 && a.capacity === 50;
  }, "skills and capacity");
  await page.click("tr[data-key=a1] button:has-text('Message')");
  await page.fill("#ask-text", "The stock call begins at ten.");
  await t.accessible(page, "message dialog");
  await page.click("dialog button[type=submit]");
  await until(async () => /1 agent has it/.test(await page.textContent(".notices")), "he has it");
  await page.click("a[href='#overview']");
  await page.click("tr[data-key=billing] button:has-text('Close')");
  await page.fill("#ask-reason", "fire drill");
  await page.click("dialog button.danger");
  await until(async () => /closed/.test(await page.textContent("tr[data-key=billing]")), "closed");
  equal((await centre.admin("queue.show", { queue: "billing" })).queue.open, false);
});

test("supervisors see their own teams; auditors see all and change nothing", async (t) => {
  const { centre } = await floor(t);
  const s2 = await t.page();
  await t.supervisor(s2, centre, "s2");
  await s2.click("a[href='#agents']");
  await s2.uncheck("#only-here");
  await until(async () => /Cem Candan/.test(await s2.textContent("table.agents")), "his own");
  check(!/Ann Archer/.test(await s2.textContent("table.agents")), "not another team's");
  const auditor = await t.page();
  await auditor.goto(`${centre.url}/#code=${await centre.code("auditor", "eve")}`);
  await auditor.waitForSelector("body.live");
  await until(async () => /general/.test(await auditor.textContent("table.queues")), "queues");
  equal(await auditor.$$eval("table.queues button:not(.sort)", (b) => b.length), 0);
});

test("the last hours are charts, and tables for those who cannot see them", async (t) => {
  const { centre } = await floor(t);
  const page = await t.page();
  await t.supervisor(page, centre, "s1", "#trends");
  await page.waitForSelector(".chart canvas");
  await page.selectOption("#trend-by", "channel");
  await until(async () => /Chat/.test(await page.textContent(".charts")), "a curve a channel");
  await page.selectOption("#trend-by", "none");
  await until(async () => {
    const rows = await page.$$eval(".chart:first-child details tbody tr", (list) => list.map((r) => Number(r.cells[1].textContent)));
    return rows.reduce((a, b) => a + b, 0) >= 23;
  }, "arrivals are counted");
  await t.accessible(page, "trends");
  await t.shot(page, "dashboard-trends");
});

test("a report is a table, printable and a CSV that no spreadsheet runs", async (t) => {
  const { centre } = await floor(t);
  const page = await t.page();
  await t.supervisor(page, centre, "s1");
  await page.click("a[href='#reports']");
  /* 23 contacts came, by queue; the records follow the events within a moment. */
  await until(async () => {
    await page.click("#report-show");
    return (await page.$$eval("table.report tfoot td", (cells) => cells.map((c) => c.textContent)))[0] === "23";
  }, "sums");
  const rows = await page.$$eval("table.report tbody tr", (list) => list.map((r) => [r.cells[0].textContent, r.cells[1].textContent]));
  equal(rows.sort(), [["billing", "1"], ["general", "19"], ["mail", "3"]]);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("text=CSV")]);
  const csv = fs.readFileSync(await download.path(), "utf8");
  check(/^\ufeff.*\boffered,/.test(csv), csv.slice(0, 80));
  check(csv.includes("general"), csv);
  await t.accessible(page, "reports");
  await t.shot(page, "dashboard-reports");
  await page.selectOption("#report-by", "agent");
  await until(async () => /a1\s*12/.test((await page.textContent("table.report tbody")).replace("a1", "a1 ")), "by agent");
  await t.shot(page, "dashboard-reports-agents", ["light"]);
  await page.selectOption("#report-interval", "15m");
  await until(async () => /\d\d:\d\d/.test(await page.textContent("table.report tbody")), "by interval");
  await page.click("a[href='#matcher']");
  await page.waitForSelector("#matcher-box");
  await t.accessible(page, "matcher");
  await t.shot(page, "dashboard-matcher", ["light"]);
});

test("the wallboard says each figure with a colour and a word", async (t) => {
  const { centre } = await floor(t);
  const page = await t.page({ viewport: { width: 1920, height: 1080 } });
  await t.supervisor(page, centre, "s1");
  await page.goto(`${centre.url}/wallboard?seconds=3`);
  await until(async () => /Waiting/.test(await page.textContent(".grid")), "figures");
  await until(async () => (await page.$$(".figure.bad .word")).length > 0, "late is bad, in a word");
  await t.accessible(page, "wallboard");
  await t.shot(page, "wallboard", ["light", "dark", "phone"]);
  const size = await page.$eval(".figure .value", (node) => parseFloat(getComputedStyle(node).fontSize));
  check(size >= 1080 / 8, `figures of ${size} px can be read from afar`);
  const first = await page.textContent("h1");
  await until(async () => (await page.textContent("h1")) !== first, "it goes round the queues");
});

test("a dashboard that does not read slows nobody", async (t) => {
  const { centre } = await floor(t);
  const [host, port] = centre.ready.desk.split(":");
  const token = await centre.token("supervisor", "s1");
  const slow = [];
  for (let i = 0; i < 3; i++) {
    const socket = tls.connect({ host, port: Number(port), rejectUnauthorized: false });
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const say = (id, method, params) => socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`);
    say("1", "session.login", { token });
    say("2", "queue.subscribe", { agents: true });
    socket.pause();
    for (let k = 0; k < 40; k++) say(`x${k}`, "contact.list", { most: 200 });
    slow.push(socket);
  }
  const robot = await t.robot(centre, "a3", { handleMs: 0 });
  await until(() => robot.done > 0, "the backlog begins to be served");
  const before = robot.done;
  const began = Date.now();
  for (let i = 0; i < 100; i++) await centre.submit("chat", { queue: "general", sla_ms: 1000 });
  await until(() => robot.done >= before + 100, "a hundred more lives");
  console.log(`     100 lives beside three dashboards that do not read: ${Date.now() - began} ms`);
  for (const socket of slow) socket.destroy();
});
