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

/* A page of the widget alone, whose connections the test cuts and refuses: net.down. */
async function alone(t, centre, more = {}) {
  const page = await t.page();
  const net = { down: false, open: new Set() };
  await page.routeWebSocket(/\/chat$/, (socket) => {
    if (net.down) {
      socket.close();
      return;
    }
    const server = socket.connectToServer();
    net.open.add(socket).add(server);
    socket.onMessage((text) => {
      if (net.breaks?.(text)) net.cut(true);
      else server.send(text);
    });
  });
  net.cut = (down) => {
    net.down = down;
    for (const end of net.open) end.close();
    net.open.clear();
  };
  await page.goto(`${centre.url}/widget`);
  await page.fill("#f-question", more.question ?? "Where is my order?");
  await page.click(".ask button.primary");
  await page.waitForSelector("body.waiting");
  return { page, net };
}

test("a form that is being filled in while one waits stays, though the place changes and the network goes", async (t) => {
  const centre = await t.centre({ chat: { ...CHAT, other_after: "1s" }, callme: CALLME });
  const first = await alone(t, centre);
  const { page, net } = await alone(t, centre, { question: "And mine?" });
  await until(async () => /1 before you/.test(await page.textContent(".place")), "there is one before");
  await page.click(".place button:has-text('Call me instead')");
  await page.fill("#f-phone", "020 7946 0018");
  await first.page.click("button[aria-label='End the chat']");
  await first.page.click(".panel button.primary");
  await until(async () => /You are next/.test(await page.textContent(".place")), "there is nobody before");
  check(await page.isVisible("#f-phone"), "the form is still there");
  equal(await page.inputValue("#f-phone"), "020 7946 0018");
  net.cut(false);
  await page.waitForSelector(".note:has-text('Connection lost')");
  await page.waitForSelector(".note", { state: "hidden" });
  equal(await page.isVisible("#f-phone") && (await page.inputValue("#f-phone")), "020 7946 0018", "also after the network came back");
  await page.check(".agree input");
  await page.click(".ask button.primary");
  await until(async () => /We will call you/.test(await page.textContent(".panel")), "the call is asked for");
});

/* In a page: what the server says to a chat's token. */
function asked({ chat, token }) {
  return new Promise((resolve) => {
    const socket = new WebSocket(`wss://${location.host}/chat`, "usher.chat.v1");
    socket.onopen = () => socket.send(JSON.stringify({ jsonrpc: "2.0", id: "1", method: "chat.resume", params: { chat, token } }));
    socket.onmessage = ({ data }) => {
      const answer = JSON.parse(data);
      socket.close();
      resolve(answer.error?.data.type ?? "kept");
    };
  });
}

test("who comes back to a chat that is no longer kept begins a new one and reads all of it", async (t) => {
  const centre = await t.centre({ chat: { ...CHAT, away: "1s", keep: "1s" } });
  const { page, net } = await alone(t, centre);
  const agent = await robot(t, centre, "a1");
  const old = await agent.take();
  await agent.call("chat.message", { contact: old, id: "1", text: "Good morning!" });
  await until(async () => (await page.$$(".message.theirs")).length === 1, "the answer");
  net.cut(true);
  await agent.call("contact.complete", { contact: old, disposition: "solved" });
  const kept = await page.evaluate(() => JSON.parse(localStorage.getItem("usher.chat")));
  const other = await t.page();
  await other.goto(centre.url);
  await until(async () => (await other.evaluate(asked, kept)) === "no_chat", "the chat is forgotten");
  net.cut(false);
  await page.waitForSelector(".ask");
  check(/The chat has ended/.test(await page.textContent(".note")), "it says why");
  equal((await page.$$(".message")).length, 0, "nothing of the old chat is left");
  check(!(await page.isVisible(".composer")), "and nothing can be said to it");
  await page.fill("#f-question", "Hello again");
  await page.click(".ask button.primary");
  await until(async () => /Hello again/.test(await page.textContent("#log")), "the first message of the new one");
  const contact = await agent.take();
  await agent.call("chat.message", { contact, id: "2", text: "Good evening!" });
  await until(async () => /Good evening/.test(await page.textContent("#log")), "and what is answered");
});

test("a file whose sending is interrupted is sent all the same, and what comes after the end of a chat too", async (t) => {
  const centre = await t.centre({ chat: CHAT });
  const { page, net } = await alone(t, centre);
  const agent = await robot(t, centre, "a1");
  const contact = await agent.take();
  await page.waitForSelector("body.talking");
  net.breaks = (text) => JSON.parse(text).params.part === 1;
  await page.setInputFiles("input[type=file]", { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.alloc(50000, "a line of text\n") });
  await page.waitForSelector(".note:has-text('Connection lost')");
  net.breaks = null;
  net.cut(false);
  await page.waitForSelector(".message .file");
  equal((await page.$$(".message .file")).length, 1);
  await page.waitForSelector(".note", { state: "hidden" });
  await agent.call("chat.message", { contact, id: "1", text: "Thank you!" });
  await agent.call("chat.close", { contact });
  await page.waitForSelector("body.over .rating");
  net.cut(true);
  await page.waitForSelector(".note:has-text('Connection lost')");
  net.cut(false);
  await page.waitForSelector(".note", { state: "hidden" });
  await page.click(".rating button:last-child");
  await until(async () => /Thank you!/.test(await page.textContent(".rating")), "it is rated");
});

test("who writes in a tab that was left behind has the chat there again", async (t) => {
  const centre = await t.centre({ chat: CHAT });
  const { page } = await alone(t, centre);
  for (let i = 0; i < 4; i++) {
    const other = await t.page({}, page.context());
    await other.goto(`${centre.url}/widget`);
    await other.waitForSelector("body.waiting");
  }
  await page.waitForSelector(".note:has-text('another tab')");
  await page.fill("#box", "Are you there?");
  await page.press("#box", "Enter");
  await page.waitForSelector(".message.mine[data-seq]:has-text('Are you there?')");
  equal((await page.$$(".message.pending")).length, 0);
});

test("a server that cannot take a chat up again is asked less and less often", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  await page.goto(centre.url);
  const waits = await page.evaluate(async () => {
    const { Wire } = await import("/web/widget/wire.js");
    const list = [];
    localStorage.setItem("usher.chat", JSON.stringify({ chat: "h1", token: "t" }));
    Math.random = () => 0.5;
    window.WebSocket = class {
      constructor() {
        this.readyState = 0;
        queueMicrotask(() => {
          this.readyState = 1;
          this.onopen();
        });
      }
      send(text) {
        const data = JSON.stringify({ id: JSON.parse(text).id, error: { message: "later", data: { type: "store_away" } } });
        queueMicrotask(() => this.onmessage({ data }));
      }
      close() {
        if (this.readyState === 3) return;
        this.readyState = 3;
        queueMicrotask(() => this.onclose());
      }
    };
    return new Promise((resolve) => {
      window.setTimeout = (fn, ms) => {
        if (list.push(ms) === 8) resolve(list);
        else queueMicrotask(fn);
      };
      new Wire({ on() {}, status() {}, entered() {}, lost() {} }).connect();
    });
  });
  equal(waits, [300, 600, 1200, 2400, 4800, 9600, 10000, 10000]);
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

test("call me: a page without network says so, and goes on when it is back", async (t) => {
  const centre = await t.centre({ callme: CALLME });
  const page = await t.page();
  const cut = (method) => page.route("**/v1/callbacks**", (route) => (route.request().method() === method ? route.abort() : route.continue()));
  const back = () => page.unrouteAll();
  await cut("GET");
  await page.goto(`${centre.url}/callme`);
  await page.waitForSelector("[role=alert]:has-text('try again')");
  await back();
  await page.fill("#f-phone", "020 7946 0018");
  await page.check("[name=consent]");
  await page.click("button.primary");
  await page.waitForSelector(".card.waiting");
  await cut("DELETE");
  await page.click("text=Never mind");
  await page.waitForSelector("[role=alert]:has-text('try again'):visible");
  await back();
  await cut("GET");
  await page.click("text=Another time");
  await page.waitForSelector("[role=alert]:has-text('try again'):visible");
  await back();
  await page.click("text=Never mind");
  await page.waitForSelector(".card.cancelled");
});

test("what an agent says while it cannot be kept is said again by itself", async (t) => {
  const centre = await t.centre({ chat: CHAT });
  const agent = await t.page();
  let refused = 0;
  await agent.routeWebSocket(/\/desk$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const { id, method } = JSON.parse(text);
      if (method !== "chat.message" || refused++ > 0) server.send(text);
      else socket.send(JSON.stringify({ jsonrpc: "2.0", id, error: { code: -32003, message: "later", data: { type: "store_away" } } }));
    });
  });
  await t.agent(agent, centre, "a1");
  await agent.click("#ready-button");
  await agent.waitForSelector("#state-button.ready");
  const { page } = await alone(t, centre);
  await agent.waitForSelector(".offer");
  await agent.keyboard.press("Alt+a");
  await page.waitForSelector("body.talking");
  await agent.fill(".panel.chat textarea", "Good morning!");
  await agent.press(".panel.chat textarea", "Enter");
  await page.waitForSelector(".message.theirs:has-text('Good morning!')");
  equal(refused, 2);
});
