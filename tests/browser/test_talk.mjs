/* Customers and agents talk: a chat in two browser contexts, a call-me request, through the real daemon and Redis. */
import { check, equal, test, until } from "./harness.mjs";

const CHAT = { chat: { channel: "chat" }, callme: { country: "44", allow: ["+44"] } };

/* The customer's side of docs/chat.md in a page of its own, without the widget. */
async function customer(t, centre) {
  const page = await t.page();
  await page.goto(centre.url);
  await page.evaluate(() => {
    window.said = [];
    window.kept = {};
    const open = () =>
      new Promise((resolve, reject) => {
        const socket = new WebSocket(`wss://${location.host}/chat`, "usher.chat.v1");
        const waiting = new Map();
        let next = 0;
        window.call = (method, params = {}) =>
          new Promise((ok, no) => {
            const id = String(++next);
            waiting.set(id, { ok, no });
            socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
          });
        window.cut = () => socket.close();
        socket.onopen = () => resolve();
        socket.onerror = reject;
        socket.onmessage = ({ data }) => {
          const m = JSON.parse(data);
          if (m.id !== undefined) {
            const w = waiting.get(m.id);
            if (m.error) w.no(new Error(m.error.message));
            else w.ok(m.result);
          } else if (m.method === "chat.message") window.said.push(m.params.message ?? m.params);
        };
      });
    window.begin = async (question, more = {}) => {
      await open();
      await window.call("chat.hello");
      window.kept = await window.call("chat.start", { client_id: crypto.randomUUID().replaceAll("-", ""), name: "Maria Mustermann", question, ...more });
      return window.kept;
    };
    window.again = async () => {
      await open();
      const r = await window.call("chat.resume", { chat: window.kept.chat, token: window.kept.token, after: Math.max(0, ...window.said.map((m) => m.seq)) });
      window.said.push(...(r.messages || []));
    };
  });
  return page;
}

const heard = (page) => page.evaluate(() => window.said.map((m) => m.text).filter(Boolean));

test("a desktop talks with a customer: typing, a supervisor who whispers, silence that is warned of, cards taken out", async (t) => {
  const centre = await t.centre({ ...CHAT, chat: { ...CHAT.chat, agent_warn: "2s", agent_limit: "120s" } });
  const agent = await t.page();
  await t.agent(agent, centre, "a1");
  await agent.click("#ready-button");
  await agent.waitForSelector("#state-button.ready");
  const visitor = await customer(t, centre);
  await visitor.evaluate(() => window.begin("Where is my order 4711?"));
  await agent.waitForSelector(".offer");
  await agent.keyboard.press("Alt+a");
  await until(async () => /Where is my order 4711/.test(await agent.textContent(".chat-log")), "the question");
  await until(async () => /goes back to its queue/.test(await agent.textContent(".panel.chat > .wrapup-bar:not([hidden])")), "a customer who waits is told of");
  await agent.keyboard.press("Alt+m");
  await agent.keyboard.type("Good morning! I look it up.");
  await agent.keyboard.press("Enter");
  await until(async () => (await heard(visitor)).includes("Good morning! I look it up."), "the answer arrives");
  await until(async () => !(await agent.$(".panel.chat > .wrapup-bar:not([hidden])")), "and the warning goes");
  await visitor.evaluate(() => window.call("chat.typing", { on: true }));
  await agent.waitForSelector(".typing:not([hidden])");
  await t.accessible(agent, "chat");
  await t.shot(agent, "desktop-chat");
  /* A card number in two messages: known with the second, gone from both. */
  await visitor.evaluate(() => window.call("chat.say", { id: "m-card1", text: "4111 1111" }));
  await visitor.evaluate(() => window.call("chat.say", { id: "m-card2", text: "1111 1111" }));
  await until(async () => /card number/.test(await agent.textContent(".chat-log")), "it is taken out");
  check(!/4111 1111/.test(await agent.textContent(".chat-log")), "of the first message too");
  const boss = await t.page();
  await t.supervisor(boss, centre, "s1");
  const id = (await agent.getAttribute("button.tab", "id")).replace("tab-", "");
  await boss.goto(`${centre.url}/supervisor#chat/${id}`);
  await until(async () => /I look it up/.test(await boss.textContent(".chat-log")), "he reads along");
  await boss.fill("input[aria-label=Whisper]", "Offer him the voucher");
  await boss.keyboard.press("Enter");
  await until(async () => /Offer him the voucher/.test(await agent.textContent(".chat-log")), "the whisper");
  check(!(await heard(visitor)).some((x) => /voucher/.test(x)), "the customer does not hear it");
  await t.accessible(boss, "reading along");
  await t.shot(boss, "dashboard-chat", ["light"]);
  await visitor.evaluate(() => window.cut());
  await until(async () => /customer is away/.test(await agent.textContent(".chat-acts")), "his page is gone");
  /* It goes on as a call: the same contact, with what was said. */
  await agent.click("#chat-call");
  await agent.fill("#ask-where", "+44 20 7946 0018");
  await agent.click("dialog button[type=submit]");
  await agent.waitForSelector(".offer");
  await agent.keyboard.press("Alt+a");
  await until(async () => /I look it up/.test(await agent.textContent(".panel.chat.past")), "the chat before is there to read");
  equal((await agent.getAttribute("button.tab", "id")).replace("tab-", ""), id, "it is the same contact");
  equal(await agent.textContent(".number-link"), "+442079460018");
  await t.accessible(agent, "a chat that became a call");
  await t.shot(agent, "desktop-converted", ["light"]);
});

test("a supervisor who reads along hands a chat to a colleague, who has all that was said", async (t) => {
  const centre = await t.centre(CHAT);
  const desks = [];
  for (const name of ["a1", "a2"]) {
    const page = await t.page();
    await t.agent(page, centre, name);
    await page.click("#ready-button");
    await page.waitForSelector("#state-button.ready");
    desks.push(page);
  }
  const visitor = await customer(t, centre);
  await visitor.evaluate(() => window.begin("May I pay in two parts?"));
  const first = await Promise.race(desks.map((page) => page.waitForSelector(".offer").then(() => page)));
  const second = desks.find((page) => page !== first);
  await first.keyboard.press("Alt+a");
  await until(async () => /in two parts/.test(await first.textContent(".chat-log")), "the question");
  const id = (await first.getAttribute("button.tab", "id")).replace("tab-", "");
  const boss = await t.page();
  await t.supervisor(boss, centre, "s1");
  await boss.goto(`${centre.url}/supervisor#chat/${id}`);
  await until(async () => /in two parts/.test(await boss.textContent(".chat-log")), "he reads along");
  await boss.click("button:has-text('Take it over')");
  await boss.selectOption("#ask-to", `agent ${second === desks[1] ? "a2" : "a1"}`);
  await t.shot(boss, "dashboard-chat-move", ["light", "dark"]);
  await boss.click("dialog button[type=submit]");
  await second.waitForSelector(".offer");
  await until(async () => (await first.$(`#tab-${id}`)) === null, "it is gone from the first desk");
  await second.keyboard.press("Alt+a");
  await until(async () => /in two parts/.test(await second.textContent(".chat-log")), "the colleague has what was said");
  await second.keyboard.press("Alt+m");
  await second.keyboard.type("Yes, you may.");
  await second.keyboard.press("Enter");
  await until(async () => (await heard(visitor)).includes("Yes, you may."), "and the customer his answer");
});

test("a message in a tab that is not in front is marked as unread", async (t) => {
  const centre = await t.centre(CHAT);
  const agent = await t.page();
  await t.agent(agent, centre, "a1");
  await agent.click("#ready-button");
  const one = await customer(t, centre);
  await one.evaluate(() => window.begin("First"));
  await agent.waitForSelector(".offer");
  await agent.keyboard.press("Alt+a");
  await agent.waitForSelector("button.tab");
  const two = await customer(t, centre);
  await two.evaluate(() => window.begin("Second"));
  await agent.waitForSelector(".offer");
  await agent.keyboard.press("Alt+a");
  await until(async () => (await agent.$$("button.tab")).length === 2, "two tabs");
  await two.evaluate(() => window.call("chat.say", { id: "m-1", text: "Are you there?" }));
  await until(async () => /1/.test(await agent.textContent("button.tab:nth-child(2) .unread:not([hidden])")), "one unread");
  await agent.keyboard.press("Alt+2");
  await until(async () => !(await agent.$("button.tab:nth-child(2) .unread:not([hidden])")), "read");
});
