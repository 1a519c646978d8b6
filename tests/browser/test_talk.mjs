/* Customers and agents talk: a chat in two browser contexts, a call-me request, through the real daemon and Redis. */
import { check, equal, test, until } from "./harness.mjs";

const CHAT = { chat: { channel: "chat" } };

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

test("a customer chats with an agent's desktop; a reload and a cut line lose nothing", async (t) => {
  const centre = await t.centre(CHAT);
  const agent = await t.page();
  await t.agent(agent, centre, "a1");
  await agent.click("#ready-button");
  await agent.waitForSelector("#state-button.ready");
  const visitor = await customer(t, centre);
  await visitor.evaluate(() => window.begin("Where is my order 4711?"));
  await agent.waitForSelector(".offer");
  await agent.keyboard.press("Alt+a");
  await agent.waitForSelector(".chat-log");
  await until(async () => /Where is my order 4711/.test(await agent.textContent(".chat-log")), "the question");
  await agent.keyboard.press("Alt+m");
  await agent.keyboard.type("Good morning! I look it up.");
  await agent.keyboard.press("Enter");
  await until(async () => (await heard(visitor)).includes("Good morning! I look it up."), "the answer arrives");
  await visitor.evaluate(() => window.call("chat.typing", { on: true }));
  await agent.waitForSelector(".typing:not([hidden])");
  await t.accessible(agent, "chat");
  await t.shot(agent, "desktop-chat");
  /* Half a sentence outlives a reload. */
  await agent.fill(".composer textarea", "It left yesterday and");
  await agent.waitForTimeout(400);
  await agent.reload();
  await agent.waitForSelector(".composer textarea");
  equal(await agent.inputValue(".composer textarea"), "It left yesterday and");
  await until(async () => (await agent.$$(".bubble.ours")).length === 1, "the conversation is back, once");
  /* The agent's line is cut while he sends; it goes out once the line is back, once. */
  await agent.context().setOffline(true);
  await centre.kill();
  t.expected.push(/ERR_|WebSocket/);
  await agent.waitForSelector(".connection:not([hidden])");
  await agent.fill(".composer textarea", "It left yesterday and arrives tomorrow.");
  await agent.press(".composer textarea", "Enter");
  await visitor.evaluate(() => window.cut());
  await centre.launch();
  await agent.context().setOffline(false);
  await agent.waitForSelector("body.live");
  await until(async () => (await visitor.evaluate(() => window.again().then(() => true, () => false))), "the customer is back");
  await until(async () => (await heard(visitor)).filter((x) => x === "It left yesterday and arrives tomorrow.").length === 1, "it arrives, once");
  await visitor.evaluate(() => window.call("chat.say", { id: "m-thanks", text: "Thank you!" }));
  await until(async () => /Thank you!/.test(await agent.textContent(".chat-log")), "thanks");
  /* A supervisor reads along and whispers. */
  const boss = await t.page();
  await t.supervisor(boss, centre, "s1");
  const id = (await agent.getAttribute("button.tab", "id")).replace("tab-", "");
  await boss.goto(`${centre.url}/supervisor#chat/${id}`);
  await until(async () => /Thank you!/.test(await boss.textContent(".chat-log")), "he reads along");
  await boss.fill("input[aria-label=Whisper]", "Offer him the voucher");
  await boss.keyboard.press("Enter");
  await until(async () => /Offer him the voucher/.test(await agent.textContent(".chat-log")), "the whisper");
  check(!(await heard(visitor)).some((x) => /voucher/.test(x)), "the customer does not hear it");
  await t.shot(boss, "dashboard-chat", ["light"]);
  await agent.keyboard.press("Alt+w");
  await agent.waitForSelector(".wrapup-bar:not([hidden])");
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
