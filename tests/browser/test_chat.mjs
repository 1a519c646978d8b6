/* The chat widget on a site's page, an agent at his desktop, and the call-me form. */
import { check, equal, test, until } from "./harness.mjs";
import { robot } from "./robot.mjs";

const CHAT = { messages_per_second: 0, open_per_address: 0, ask: ["name", "question"] };
const CALLME = { country: "44", allow: ["+44"] };

async function widget(page) {
  return until(() => page.frames().find((f) => f.url().endsWith("/widget")), "the widget's frame");
}

async function opened(t, centre, query = "", options = {}) {
  const page = await t.page(options);
  await page.goto(`${centre.url}/demo${query}`);
  await page.waitForFunction(() => window.usher);
  await page.evaluate(() => window.usher.open());
  const frame = await widget(page);
  return { page, frame };
}

async function started(t, centre, name = "Mary", question = "Where is my order?") {
  const { page, frame } = await opened(t, centre);
  await frame.fill("#f-name", name);
  await frame.fill("#f-question", question);
  await frame.click(".ask button.primary");
  await frame.waitForSelector("body.waiting");
  return { page, frame };
}

test("a network that comes and goes while one writes loses and doubles nothing", async (t) => {
  const centre = await t.centre({ chat: CHAT });
  const { page, frame } = await started(t, centre);
  const shown = async (f) => (await f.$$eval(".message.mine p", (l) => l.map((n) => n.textContent)));
  equal(await shown(frame), ["Where is my order?"]);
  const said = ["Where is my order?"];
  for (let i = 0; i < 6; i++) {
    said.push(`line ${i}`);
    await frame.fill("#box", `line ${i}`);
    if (i === 2) await page.context().setOffline(true);
    await frame.press("#box", "Enter");
    if (i === 3) await page.context().setOffline(false);
  }
  await until(async () => (await frame.$$(".message.pending")).length === 0, "all acknowledged");
  equal(await shown(frame), said);
  await page.reload();
  const again = await widget(page);
  await until(async () => JSON.stringify(await shown(again)) === JSON.stringify(said), "all there after the reload");
});

test("closed chats offer a call and a message, which becomes a contact to be answered by mail", async (t) => {
  const centre = await t.centre({ queues: { chats: { channels: ["chat"] } }, chat: { ...CHAT, queue: "chats" }, callme: CALLME });
  await centre.admin("queue.close", { queue: "chats" });
  const { page, frame } = await opened(t, centre, "?lang=de");
  await frame.waitForSelector(".panel .others");
  check(/geschlossen/.test(await frame.textContent(".panel")), "it says so, in the page's language");
  await t.settled(page);
  await t.shot(page, "chat-closed", ["light", "dark", "phone"]);
  await frame.click("text=Nachricht hinterlassen");
  await frame.fill("#f-name", "Mary Major");
  await frame.fill("#f-email", "mary@cust.example");
  await frame.fill("#f-text", "Wo ist meine Bestellung 4711?");
  await t.shot(page, "chat-message", ["light", "phone"]);
  const bare = await t.page();
  await bare.goto(`${centre.url}/widget`);
  await bare.waitForSelector(".panel .others");
  await t.accessible(bare, "closed");
  await bare.click("text=Leave a message");
  await bare.waitForSelector("#f-text");
  await t.accessible(bare, "message form");
  await frame.click(".ask button.primary");
  await until(async () => /Ihre Nachricht ist angekommen/.test(await frame.textContent(".panel")), "it is taken");
  const { waiting } = await centre.admin("contact.list", {});
  equal(waiting.map((c) => [c.channel, c.title]), [["email", "Wo ist meine Bestellung 4711?"]]);
  /* And a call instead. */
  await bare.reload();
  await bare.click(".panel .others button:has-text('Call me')");
  await bare.fill("#f-phone", "020 7946 0018");
  await bare.check(".agree input");
  await bare.click(".ask button.primary");
  await until(async () => /We will call you/.test(await bare.textContent(".panel")), "the call is asked for");
});

test("the widget is in order by eye, by key and by axe, in four languages", async (t) => {
  const centre = await t.centre({ chat: { ...CHAT, title: "Harbour Outfitters" } });
  const { page, frame } = await opened(t, centre);
  await frame.waitForSelector(".ask");
  await t.shot(page, "chat-form");
  await t.accessible(page, "demo page");
  await frame.fill("#f-name", "Mary");
  await frame.fill("#f-question", "Is the storm jacket waterproof at the seams?");
  await frame.press("#f-name", "Enter");
  await frame.waitForSelector("body.waiting");
  await t.shot(page, "chat-waiting");
  const agent = await robot(t, centre, "a1");
  const contact = await agent.take();
  await frame.waitForSelector("body.talking");
  await agent.call("chat.message", { contact, id: "1", text: "Good morning Mary! Yes: all seams are taped, and the hood too." });
  await agent.call("chat.typing", { contact, on: true });
  await frame.fill("#box", "Great. Does it come in size L?");
  await frame.press("#box", "Enter");
  await until(async () => (await frame.$$(".message.mine")).length === 2, "said");
  await agent.call("chat.message", { contact, id: "2", text: "It does, and we have three left in blue." });
  await until(async () => (await frame.$$(".message.theirs")).length === 2, "answered");
  await t.shot(page, "chat-talking");
  const bare = await t.page();
  await bare.goto(`${centre.url}/widget`);
  await bare.waitForSelector(".ask");
  await t.accessible(bare, "widget form");
  await bare.setViewportSize({ width: 320, height: 560 });
  const wide = await bare.evaluate(() => document.documentElement.scrollWidth);
  check(wide <= 320, `no sideways scrolling at 320 px: ${wide}`);
  await agent.call("chat.close", { contact });
  await frame.waitForSelector("body.over");
  await t.shot(page, "chat-over");
  for (const [lang, dir] of [["ar", "rtl"], ["de", "ltr"], ["fr", "ltr"]]) {
    const other = await opened(t, centre, `?lang=${lang}${dir === "rtl" ? "&side=left" : ""}`);
    await other.frame.waitForSelector(".ask");
    equal(await other.frame.evaluate(() => [document.documentElement.lang, document.documentElement.dir]), [lang, dir]);
    await t.shot(other.page, `chat-${lang}`, ["light", "phone"]);
  }
});

test("call me: asked for, its place seen, moved and withdrawn", async (t) => {
  t.expected.push(/status of 422/); /* a form that was not filled in */
  const centre = await t.centre({ callme: CALLME });
  const page = await t.page();
  await page.goto(`${centre.url}/callme`);
  await page.waitForSelector("#f-phone");
  await t.accessible(page, "callme form");
  await t.shot(page, "callme-form");
  await page.click("button.primary");
  await until(async () => (await page.textContent(".wrong")).length > 10, "the number is missing");
  await page.fill("#f-phone", "0900 123 4567 89 12");
  await page.check("[name=consent]");
  await page.click("button.primary");
  await until(async () => /number/i.test(await page.textContent(".wrong")), "a number that is not called");
  await page.fill("#f-phone", "020 7946 0018");
  await page.fill("#f-topic", "Orders");
  await page.click("button.primary");
  await page.waitForSelector(".card.waiting");
  equal((await page.textContent(".card strong")), "You are next.");
  await t.accessible(page, "callme state");
  await t.shot(page, "callme-state");
  await page.reload();
  await page.waitForSelector(".card.waiting");
  await page.click("text=Another time");
  await page.waitForSelector("#move");
  await page.check("input[value=later]");
  await t.shot(page, "callme-move", ["light", "phone"]);
  await page.click("#move button.primary");
  await page.waitForSelector(".card.scheduled");
  await page.click("text=Never mind");
  await page.waitForSelector(".card.cancelled");
  const arabic = await t.page();
  await arabic.goto(`${centre.url}/callme?lang=ar`);
  await arabic.waitForSelector("#f-phone");
  await t.shot(arabic, "callme-ar", ["light", "phone"]);
});
