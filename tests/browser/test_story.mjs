/*
 * A morning through the real pages, daemon and Redis: a customer chats, one asks to be called, one has written; an agent
 * serves them at his desktop; a supervisor watches all of it.
 */
import { check, equal, test, until } from "./harness.mjs";
import { Post } from "./post.mjs";

const order = (page) => page.$$eval("table.waiting tbody tr", (rows) => rows.map((r) => r.dataset.key));
const tabOf = (id) => `#tab-${id}`;

async function widget(page) {
  const frame = await until(() => page.frames().find((f) => f.url().endsWith("/widget")), "the widget's frame");
  return frame;
}

const said = (frame) => frame.$$eval("#log .message p", (list) => list.map((n) => n.textContent));
const logged = (page) => page.$$eval(".chat-log .bubble .wrap", (list) => list.map((n) => n.textContent));

async function accept(page, id) {
  await page.waitForSelector(".offer");
  await page.keyboard.press("Alt+a");
  await page.waitForSelector(tabOf(id));
  await page.click(tabOf(id));
}

test("a chat, a call-me request and a mail are served at a desktop while a supervisor watches and steers", async (t) => {
  t.expected.push(/ERR_|WebSocket/);
  const post = await Post.start(t);
  const centre = await t.centre({
    mail: post.settings(),
    chat: { ask: ["name", "question"], messages_per_second: 0 },
    callme: { country: "44", allow: ["+44"] },
    channels: { chat: { cost: 34, offer_timeout: "120s", wrapup: "60s", sla: "30s" } },
  });
  const boss = await t.page();
  await t.supervisor(boss, centre, "s1", "#waiting");

  /* Three customers, nobody there. */
  const mary = await t.page();
  await mary.goto(`${centre.url}/demo`);
  await mary.waitForFunction(() => window.usher);
  await mary.evaluate(() => window.usher.open());
  let chat = await widget(mary);
  await chat.fill("#f-name", "Mary Major");
  await chat.fill("#f-question", "Does the jacket come in L?");
  await chat.click(".ask button.primary");
  await chat.waitForSelector("body.waiting");
  const john = await t.page();
  await john.goto(`${centre.url}/callme`);
  await john.fill("#f-phone", "020 7946 0018");
  await john.fill("#f-topic", "Delivery");
  await john.check("[name=consent]");
  await john.click("button.primary");
  await john.waitForSelector(".card.waiting");
  const mail = await post.deliver(centre, { Subject: "Where is my order?", Message_ID: "<s1@cust.example>", text: "Where is my order? It is late.\n" });

  /* The supervisor sees them in the order of service, asks why, steers, and sees the order change. */
  await until(async () => (await order(boss)).length === 3, "all three wait");
  const [first, second, third] = await order(boss);
  equal(third, mail, "the mail has most time");
  await boss.click(`tr[data-key='${third}'] a:has-text('Why')`);
  await until(async () => /would be served before it/.test(await boss.textContent(".why-summary")), "why it waits");
  await boss.click("text=Prioritise");
  await boss.fill("#ask-minutes", "230");
  await boss.click("dialog button[type=submit]");
  await boss.waitForSelector("dialog", { state: "detached" });
  await boss.click("text=Waiting contacts");
  await until(async () => JSON.stringify(await order(boss)) === JSON.stringify([first, third, second]), "the mail went before the request");

  /* An agent comes: the chat first. */
  const ann = await t.page();
  await t.agent(ann, centre, "a1");
  await ann.click("#ready-button");
  await accept(ann, first);
  await until(async () => (await logged(ann)).includes("Does the jacket come in L?"), "the question");
  await chat.waitForSelector("body.talking");
  await ann.fill(".composer textarea", "Good morning! I look.");
  await ann.press(".composer textarea", "Enter");
  await until(async () => (await said(chat)).includes("Good morning! I look."), "the answer");
  await boss.goto(`${centre.url}/supervisor#chat/${first}`);
  await until(async () => /I look\./.test(await boss.textContent(".chat-log")), "the supervisor reads along");

  /* The customer's page: a cut network in the middle, then a reload. */
  await mary.context().setOffline(true);
  await chat.fill("#box", "In blue, please.");
  await chat.press("#box", "Enter");
  await ann.fill(".composer textarea", "Three are left.");
  await ann.press(".composer textarea", "Enter");
  await mary.context().setOffline(false);
  await until(async () => (await logged(ann)).includes("In blue, please."), "it goes out once the network is back");
  await mary.reload();
  chat = await widget(mary);
  const whole = ["Does the jacket come in L?", "Good morning! I look.", "In blue, please.", "Three are left."];
  await until(async () => JSON.stringify((await said(chat)).sort()) === JSON.stringify([...whole].sort()), "each is there once");

  /* The agent's page: half a sentence over a reload, a message over a cut network and a killed daemon. */
  await ann.fill(".composer textarea", "I put one aside");
  await until(async () => (await ann.evaluate(() => Object.entries(localStorage).some(([k, v]) => k.includes("draft") && v.includes("put one aside")))), "what is typed is kept");
  await ann.reload();
  await ann.waitForSelector(".composer textarea");
  equal(await ann.inputValue(".composer textarea"), "I put one aside");
  await ann.context().setOffline(true);
  await centre.kill();
  await ann.waitForSelector(".connection:not([hidden])");
  await ann.fill(".composer textarea", "I put one aside for you.");
  await ann.press(".composer textarea", "Enter");
  await centre.launch();
  await ann.context().setOffline(false);
  await ann.waitForSelector("body.live");
  await until(async () => (await said(chat)).filter((x) => x === "I put one aside for you.").length === 1, "it arrives, once");
  await chat.fill("#box", "Thank you!");
  await chat.press("#box", "Enter");
  await until(async () => (await logged(ann)).at(-1) === "Thank you!", "and the customer is heard");
  whole.push("I put one aside for you.", "Thank you!");
  equal((await logged(ann)).sort(), [...whole].sort(), "nothing lost, nothing doubled");
  await until(async () => /Thank you!/.test(await boss.textContent(".chat-log")), "the supervisor's page came back too");

  /* The mail beside it; it is answered and finished. */
  await accept(ann, mail);
  await ann.fill(`#answer-${mail}`, "It arrives on Friday.");
  await ann.click("#email-send-done");
  const answer = await post.sent((m) => /arrives on Friday/.test(m.text), "the answer leaves");
  equal(answer.to, ["maria@cust.example"]);
  await until(async () => (await ann.$(tabOf(mail))) === null, "the mail is finished");

  /* The chat ends and is rated; then the request has its turn. */
  await ann.click(tabOf(first));
  await ann.keyboard.press("Alt+w");
  await chat.waitForSelector("body.over");
  await chat.click(".rating button:nth-of-type(5)");
  await until(async () => /Thank you!/.test(await chat.textContent(".rating")), "rated");
  await ann.keyboard.press("Alt+d");
  await ann.selectOption("#ask-disposition", "sale");
  await ann.click("dialog button[type=submit]");
  await until(async () => (await ann.$(tabOf(first))) === null, "the chat is finished");
  await accept(ann, second);
  equal(await ann.textContent(".number-link"), "+442079460018");
  await john.waitForSelector(".card.calling", { timeout: 60000 }); // his page asks now and then, more seldom after a kill
  await ann.click("#callback-reached");
  await ann.waitForSelector(".wrapup-bar:not([hidden])");
  await ann.keyboard.press("Alt+d");
  await ann.selectOption("#ask-disposition", "solved");
  await ann.click("dialog button[type=submit]");
  await until(async () => (await ann.$(tabOf(second))) === null, "the request is finished");
  await john.waitForSelector(".card.called", { timeout: 60000 });

  /* And the supervisor has it all in his figures, over the kill. */
  await boss.goto(`${centre.url}/supervisor#overview`);
  await until(async () => {
    const cells = await boss.$$eval("table.queues tbody tr", (rows) => rows.map((r) => Number(r.cells[8].textContent)));
    return cells.reduce((a, b) => a + b, 0) === 3;
  }, "three were answered today");
  await ann.click("#more-button");
  await ann.click("text=My figures today");
  await until(async () => /Finished\s*3/.test(await ann.textContent("dialog")), "and the agent has his");
  check((await centre.admin("contact.get", { contact: first })).contact.state === "completed", "the chat is completed");
});
