/* The agent's desktop through the real daemon. */
import { check, equal, PHONE, test, until } from "./harness.mjs";

const EMAIL = {
  title: "Invoice 4711 is wrong",
  queue: "mail",
  tier: "gold",
  customer: { id: "C-1001", name: "Maria Mustermann", points: 85, phone: "+44 20 7946 0000" },
  attributes: { topic: "invoice", page: "https://shop.example/cart" },
  payload: { order: { number: 4711, lines: [{ item: "Lamp", price: 49.5 }] }, text: "Dear team,\nmy invoice 4711 is wrong." },
};

async function ready(page) {
  await page.click("#ready-button");
  await page.waitForSelector("#state-button.ready");
}

test("an offer is accepted by key, worked on and finished with its outcome", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  await t.agent(page, centre, "a1");
  equal(await page.textContent(".state-word"), "Not ready");
  await t.shot(page, "desktop-idle");
  await page.keyboard.press("Alt+r");
  await page.waitForSelector("#state-button.ready");
  const id = await centre.submit("voice", { queue: "billing", tier: "silver", title: "Bill", attributes: { ani: "+442079460000", "ivr.menu": "bill" }, customer: { id: "C-7", name: "Otto Normal" } });
  await page.waitForSelector(".offer");
  const words = await page.textContent(".offer");
  for (const word of ["Call", "silver", "Otto Normal", "billing", "Accept"]) check(words.includes(word), `${word} in ${words}`);
  check(/only one free/.test(await page.textContent(".offer .why")), "why him");
  check((await page.title()).startsWith("(1)"), "the title of the tab counts offers");
  await t.shot(page, "desktop-offer");
  await t.accessible(page, "desktop with an offer");
  await page.keyboard.press("Alt+a");
  await page.waitForSelector(`#tab-${id}[aria-selected=true]`);
  equal(await page.textContent("#contact-name"), "Otto Normal");
  await t.shot(page, "desktop-call", ["light", "dark"]);
  await page.keyboard.press("Alt+w");
  await page.waitForSelector(".wrapup-bar:not([hidden])");
  await page.keyboard.press("Alt+d");
  await page.selectOption("#ask-disposition", "sale");
  await page.fill("#ask-amount", "129.90");
  await page.fill("#ask-note", "Sold the large one.");
  await t.shot(page, "desktop-finish", ["light", "phone"]);
  await page.keyboard.press("Tab");
  await page.click("dialog button[type=submit]");
  await until(async () => (await page.$(`#tab-${id}`)) === null, "the contact is gone");
  const done = (await centre.admin("contact.get", { contact: id })).contact;
  equal([done.state, done.disposition, done.amount], ["completed", "sale", 129.9]);
  await page.click("#more-button");
  await page.click("text=My figures today");
  check(/Finished\s*1/.test(await page.textContent("dialog")), "own figures");
  await t.shot(page, "desktop-figures", ["light"]);
  await page.keyboard.press("Escape");
});

test("a reload and a lost network lose neither contacts nor what was typed", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  await t.agent(page, centre, "a1");
  await ready(page);
  const id = await centre.submit("email", EMAIL);
  await page.click(`.offer button.primary`);
  await page.waitForSelector(`#tab-${id}`);
  await page.keyboard.press("Alt+d");
  await page.fill("#ask-note", "half a thought");
  await page.keyboard.press("Escape");
  await page.reload();
  await page.waitForSelector(`#tab-${id}[aria-selected=true]`);
  equal((await centre.admin("agent.list")).agents.find((a) => a.id === "a1").state, "ready");
  /* The network goes: the page says so, and takes up where it was. */
  t.expected.push(/ERR_INTERNET|WebSocket/);
  await page.context().setOffline(true);
  await centre.kill();
  await page.waitForSelector(".connection:not([hidden])");
  check(/Connection lost/.test(await page.textContent(".connection")));
  check(await page.isDisabled("#finish-button"), "actions rest while there is no connection");
  await centre.launch();
  await page.context().setOffline(false);
  await page.waitForSelector("body.live");
  await page.waitForSelector(".connection", { state: "hidden" });
  await page.waitForSelector(`#tab-${id}`);
  equal((await centre.admin("contact.get", { contact: id })).contact.agent, "a1");
});

test("several contacts are tabs; the newest does not take the screen", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  await t.agent(page, centre, "a1");
  await ready(page);
  const ids = [];
  for (const [i, tier] of ["gold", "silver", "bronze"].entries()) {
    ids.push(await centre.submit("email", { ...EMAIL, tier, title: `Mail ${i}`, customer: { id: `C-${i}`, name: `Customer ${i}`, points: 10 * i } }));
    await page.waitForSelector(".offer");
    await page.keyboard.press("Alt+a");
    await page.waitForSelector(`#tab-${ids[i]}`);
  }
  equal(await page.getAttribute(`#tab-${ids[0]}`, "aria-selected"), "true");
  await page.keyboard.press("Alt+3");
  equal(await page.getAttribute(`#tab-${ids[2]}`, "aria-selected"), "true");
  await page.keyboard.press("Alt+ArrowUp");
  equal(await page.textContent("#contact-name"), "Customer 1");
  await t.accessible(page, "desktop at work");
  await t.shot(page, "desktop-work");
  await page.keyboard.press("Alt+p");
  await page.waitForSelector(`#tab-${ids[1]}.parked`);
  await page.keyboard.press("Alt+p");
  await until(async () => !(await page.$(`#tab-${ids[1]}.parked`)), "resumed");
});

test("a contact is handed to a queue and to a colleague", async (t) => {
  const centre = await t.centre();
  const ann = await t.page();
  const bob = await t.page();
  await t.agent(ann, centre, "a1");
  await ready(ann);
  const id = await centre.submit("email", EMAIL);
  await ann.click(".offer button.primary");
  await ann.waitForSelector(`#tab-${id}`);
  await t.agent(bob, centre, "a2");
  await ready(bob);
  await ann.keyboard.press("Alt+t");
  await ann.selectOption("#ask-to", "agent a2");
  await ann.click("dialog button[type=submit]");
  await bob.waitForSelector(".offer");
  await bob.click(".offer button.primary");
  await bob.waitForSelector(`#tab-${id}`);
  equal(await ann.$(`#tab-${id}`), null);
});

test("of two tabs of one agent the newer works, and the older can take over again", async (t) => {
  const centre = await t.centre();
  const context = await t.context();
  const one = await t.page({}, context);
  await t.agent(one, centre, "a1");
  const two = await t.page({}, context);
  await two.goto(`${centre.url}/agent`);
  await two.waitForSelector("#state-button:not([disabled])");
  await one.waitForSelector(".cover");
  check(/open somewhere else/.test(await one.textContent(".cover")));
  await t.accessible(one, "taken over");
  await one.click(".cover button");
  await one.waitForSelector("body.live");
  await two.waitForSelector(".cover");
});

test("an offer rings and notifies, a call for help is seen, a message is read, declining says why", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  /* What the page asks of the machine is written down: tones, and notifications while it is not in front. */
  await page.addInitScript(() => {
    window.tones = 0;
    window.notes = [];
    const make = AudioContext.prototype.createOscillator;
    AudioContext.prototype.createOscillator = function () {
      window.tones++;
      return make.call(this);
    };
    window.Notification = class {
      static permission = "granted";
      constructor(title, { body }) {
        window.notes.push(`${title}: ${body}`);
      }
      close() {
        window.notes.push("closed");
      }
    };
    Object.defineProperty(document, "hidden", { get: () => !!window.behind });
  });
  await t.agent(page, centre, "a1");
  await ready(page);
  await page.keyboard.press("Alt+h");
  await page.fill("#ask-text", "He is shouting");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#help-button.called");
  equal((await centre.admin("help.list")).helps[0].text, "He is shouting");
  await centre.admin("help.end", { agent: "a1" });
  await until(async () => !(await page.$("#help-button.called")), "help is over");
  await centre.admin("message.send", { text: "Well done <b>all</b>" });
  await until(async () => /Well done <b>all<\/b>/.test(await page.textContent(".notices")), "the message");
  await page.evaluate(() => (window.behind = true));
  await centre.submit("chat", { title: "Hello" });
  await page.waitForSelector(".offer", { state: "attached" });
  await until(() => page.evaluate(() => window.tones > 0), "it rings");
  await until(() => page.evaluate(() => window.notes.some((n) => n === "Chat for you: Hello")), "the system is told");
  await page.evaluate(() => (window.behind = false));
  await page.keyboard.press("Alt+x");
  await page.fill("#ask-reason", "not my language");
  await page.click("dialog button[type=submit]");
  await until(async () => !(await page.$(".offer")), "declined");
  await until(() => page.evaluate(() => window.notes.includes("closed")), "its notification goes");
});

test("the desktop works on a phone", async (t) => {
  const centre = await t.centre();
  const page = await t.page({ viewport: PHONE, hasTouch: true, isMobile: true });
  await t.agent(page, centre, "a1");
  await ready(page);
  const id = await centre.submit("email", EMAIL);
  await page.tap(".offer button.primary");
  await page.waitForSelector(`#tab-${id}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  check(wide <= 0, `the page is ${wide} px too wide`);
  await t.accessible(page, "phone");
});
