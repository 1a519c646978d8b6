/* What else a desktop and a dashboard can do: mails forwarded, split, put aside, held and given back; cases; listening in. */
import { check, equal, test, until } from "./harness.mjs";
import { Helper } from "./helper.mjs";
import { Post } from "./post.mjs";

const ORDER = { Subject: "Where is my order?", Message_ID: "<q1@cust.example>", text: "Hello,\nmy order is late. Where is my order?\n" };

async function enter(t, page, centre, name = "a1") {
  await t.agent(page, centre, name);
  await page.click("#ready-button");
  await page.waitForSelector("#state-button.ready");
}

async function desktop(t, centre, name) {
  const page = await t.page();
  await enter(t, page, centre, name);
  return page;
}

async function take(page, id) {
  await page.waitForSelector(`.offer button.primary`);
  await page.keyboard.press("Alt+a");
  await page.waitForSelector(`#tab-${id}`);
  await page.click(`#tab-${id}`);
}

test("a mail is forwarded, split and put aside until its customer answers; a wrong proposal is said to be one", async (t) => {
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings() });
  const page = await desktop(t, centre);
  const id = await post.deliver(centre, ORDER);
  await take(page, id);
  await page.waitForSelector(".proposal");
  await page.click(".proposal-row .reject");
  await page.waitForSelector(".proposal-row.rejected");
  await t.shot(page, "mail-rejected", ["light"]);
  await page.click("#email-forward");
  await page.fill("#ask-to", "Stock");
  await page.fill("#ask-text", "Please look where it is.");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector("dialog:has-text('is no address')");
  equal(await page.inputValue("#ask-text"), "Please look where it is.", "what was written is still there");
  await page.fill("#ask-to", "Stock <stock@house.example>, second@house.example");
  await t.accessible(page, "forward dialog");
  await page.click("dialog button[type=submit]");
  const forwarded = await post.sent((m) => /look where it is/.test(m.text), "it is forwarded");
  equal(forwarded.to.sort(), ["second@house.example", "stock@house.example"]);
  check(/my order is late/.test(forwarded.text), "with the mail below");
  await page.click("#email-split");
  await page.fill("#ask-title", "Also: a new address");
  await page.fill("#ask-text", "I have moved.");
  await t.shot(page, "mail-split", ["light", "phone"]);
  await page.click("dialog button[type=submit]");
  await page.waitForSelector(".offer"); /* the second contact comes to the same desk */
  check(/Also: a new address/.test(await page.textContent(".offer")), "what it is about");
  await page.click("#email-aside");
  await page.selectOption("#ask-until", "answer");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector(`#tab-${id}.parked`);
  await post.deliver(centre, { Subject: "Re: Where is my order?", In_Reply_To: "<q1@cust.example>", text: "Found it, thank you.\n" });
  await until(async () => !(await page.$(`#tab-${id}.parked`)), "the customer's answer takes it up again");
  await until(async () => /Found it/.test(await page.textContent(".came-mail")), "and it is there to read");
});

/* The line breaks when the server has done what it is asked for, and says so: once for each method of the set. */
async function breakBehind(page) {
  const methods = new Set();
  await page.routeWebSocket(/\/desk$/, (socket) => {
    const server = socket.connectToServer();
    const asked = new Map();
    socket.onMessage((text) => {
      const { id, method } = JSON.parse(text);
      if (methods.has(method)) asked.set(id, method);
      server.send(text);
    });
    server.onMessage((text) => {
      const method = asked.get(JSON.parse(text).id);
      if (!method) {
        socket.send(text);
        return;
      }
      methods.delete(method);
      socket.close();
      server.close();
    });
  });
  return methods;
}

/* A mail at a desk whose line breaks behind the methods that are put into `breaks`. */
async function mailBehindBreaks(t) {
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings() });
  const page = await t.page();
  const breaks = await breakBehind(page);
  await enter(t, page, centre);
  const id = await post.deliver(centre, ORDER);
  await take(page, id);
  return { post, centre, page, breaks, id };
}

test("a press behind which the line breaks takes effect once", async (t) => {
  const { post, centre, page, breaks, id } = await mailBehindBreaks(t);
  await page.waitForSelector("#email-forward");
  for (const method of ["email.forward", "email.attach", "contact.note", "case.open", "email.split"]) breaks.add(method);
  await page.click("#email-forward");
  await page.fill("#ask-to", "stock@house.example");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector(".notice:has-text('It is on its way.')");
  await page.setInputFiles(".mail-files input[type=file]", { name: "label.txt", mimeType: "text/plain", buffer: Buffer.from("Parcel 4711\n") });
  await page.waitForSelector(".mail-files .attached");
  await page.click("#note-button");
  await page.fill("#ask-text", "He will call again.");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector(".notice:has-text('Noted.')");
  await page.click("#case-open");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector(".notice:has-text('The case is open.')");
  await page.click("#email-split");
  await page.fill("#ask-title", "Also: a new address");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector(".notice:has-text('A second contact')");
  equal([...breaks], [], "the line broke behind each");
  const { entries } = await centre.admin("customer.timeline", { contact: id });
  equal(entries.filter((e) => e.kind === "note").map((e) => e.text), ["He will call again."]);
  equal((await centre.admin("case.list", { contact: id })).cases.length, 1);
  equal(await page.locator(".mail-files .attached").count(), 1);
  await post.sent((m) => m.to.includes("stock@house.example"), "it is forwarded");
  equal(post.mails.length, 1);
  const { waiting, held } = await centre.admin("contact.list");
  equal(waiting.length + held.length, 2, "the mail and what was split off");
  /* Pressed once more it is another one. */
  await page.click("#note-button");
  await page.fill("#ask-text", "He will call again.");
  await page.click("dialog button[type=submit]");
  await until(async () => (await centre.admin("customer.timeline", { contact: id })).entries.filter((e) => e.kind === "note").length === 2, "a second note");
});

test("an answer behind which the line breaks leaves once; who else gets it outlives a reload", async (t) => {
  const { post, centre, page, breaks, id } = await mailBehindBreaks(t);
  await page.click(".mail-fields summary");
  await page.fill(`#answer-${id}`, "It comes tomorrow.");
  await page.fill(`#cc-${id}`, "boss@house.example");
  await page.waitForSelector("text=Draft kept.");
  await page.reload();
  await until(async () => (await page.inputValue(`#cc-${id}`)) === "boss@house.example", "the copy is still there");
  equal(await page.inputValue(`#answer-${id}`), "It comes tomorrow.");
  breaks.add("email.reply");
  await page.click("#email-send");
  await until(async () => (await page.inputValue(`#answer-${id}`)) === "", "it is known to be on its way");
  const left = await post.sent((m) => /comes tomorrow/.test(m.text), "it leaves");
  check(left.to.includes("boss@house.example"), JSON.stringify(left.to));
  await page.waitForSelector(".sent-mail:has-text('sent')");
  await page.waitForSelector("#email-send:not([disabled])");
  equal(post.mails.length, 1);
});

/* The page's first request of that method is refused for now. */
function refuseFirst(page, method) {
  let refused = false;
  return page.routeWebSocket(/\/desk$/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const request = JSON.parse(text);
      if (refused || request.method !== method) {
        server.send(text);
        return;
      }
      refused = true;
      socket.send(JSON.stringify({ jsonrpc: "2.0", id: request.id, error: { code: -32003, message: "Not now.", data: { type: "store_away" } } }));
    });
  });
}

test("a note or a message that could not be taken is still there to be sent once more", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  await refuseFirst(page, "contact.note");
  await t.agent(page, centre, "a1");
  await page.click("#ready-button");
  await page.waitForSelector("#state-button.ready");
  await take(page, await centre.submit("voice"));
  for (let i = 0; i < 2; i++) {
    await page.click("#transfer-button");
    if (i === 0) await page.fill("#ask-note", "He is in a hurry.");
    equal(await page.inputValue("#ask-note"), "He is in a hurry.");
    await page.selectOption("#ask-to", "queue billing");
    await page.click("dialog button[type=submit]");
    await page.waitForSelector(i === 0 ? ".notice:has-text('Not now.')" : ".notice:has-text('Handed on.')");
  }
  const boss = await t.page();
  await refuseFirst(boss, "message.send");
  await t.supervisor(boss, centre, "s1", "#agents");
  for (let i = 0; i < 2; i++) {
    await boss.click("button:has-text('Message to agents')");
    if (i === 0) await boss.fill("#ask-text", "The line is quiet: have a break.");
    equal(await boss.inputValue("#ask-text"), "The line is quiet: have a break.");
    await boss.click("dialog button[type=submit]");
    await boss.waitForSelector(i === 0 ? ".notice:has-text('Not now.')" : ".notice:has-text('1 agent')");
  }
});

test("a mail that is put aside until a moment comes back to the desk at that moment", async (t) => {
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings() });
  const page = await desktop(t, centre);
  const id = await post.deliver(centre, ORDER);
  await take(page, id);
  await page.waitForSelector("#email-aside");
  await page.click("#email-aside");
  await page.selectOption("#ask-until", "moment");
  /* The field has minutes; the one that has begun is over, the next one comes within a minute. */
  const due = new Date(Math.ceil((Date.now() + 5000) / 60000) * 60000);
  const local = new Date(due - due.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  await page.fill("#ask-moment", local);
  await t.shot(page, "mail-aside", ["light", "phone"]);
  await page.click("dialog button[type=submit]");
  await page.waitForSelector(`#tab-${id}.parked`);
  await until(async () => !(await page.$(`#tab-${id}.parked`)), "it is taken up again", 90000);
  check(Date.now() >= due - 1000, "not before its moment");
  await until(async () => (await page.$(`#tab-${id}`)) !== null, "at the same desk");
});

test("an answer waits for a look, comes back with a reason, is changed, approved and leaves", async (t) => {
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings({ review: { other: 1 } }) });
  const page = await desktop(t, centre);
  const boss = await t.page();
  await t.supervisor(boss, centre, "s1", "#mails");
  await until(async () => /No answer waits/.test(await boss.textContent(".view")), "nothing yet");
  const id = await post.deliver(centre, ORDER);
  await take(page, id);
  await page.fill(`#answer-${id}`, "Soon.");
  await page.click("#email-send");
  await until(async () => /waits for a supervisor/.test(await page.textContent(".sent-mail")), "it is held");
  await until(async () => /Soon\./.test(await boss.textContent(".held-mail")), "the supervisor sees it");
  await t.accessible(boss, "mails");
  await t.shot(boss, "dashboard-mails");
  await boss.click(".held-mail button:has-text('Give back')");
  await boss.fill("#ask-reason", "Say when.");
  await boss.click("dialog button[type=submit]");
  await until(async () => /Say when\./.test(await page.textContent(".mail-editor .wrapup-bar")), "the agent reads why");
  await until(async () => (await page.inputValue(`#answer-${id}`)) === "Soon.", "its text is the draft again");
  await page.setInputFiles(".mail-files input[type=file]", { name: "label <b>.txt", mimeType: "text/plain", buffer: Buffer.from("Parcel 4711\n".repeat(9000)) });
  await until(async () => /label <b>\.txt/.test(await page.textContent(".mail-files")), "a file goes along");
  await page.fill(`#answer-${id}`, "Tomorrow.");
  await page.click("#email-send-done");
  await until(async () => /Tomorrow\./.test(await boss.textContent(".held-mail")), "once more");
  await boss.click(".held-mail button:has-text('Approve')");
  await boss.click("dialog button[type=submit]");
  const left = await post.sent((m) => /Tomorrow\./.test(m.text), "it leaves");
  equal(Object.values(left.files), [108000], `its file goes along: ${JSON.stringify(left.files)}`);
  await until(async () => /sent/.test(await boss.textContent("table.outbox")), "and is in the list");
  equal(post.mails.length, 1);
});

test("a case is opened, waits for the customer, is resolved; a second contact goes into it", async (t) => {
  const centre = await t.centre();
  const page = await desktop(t, centre);
  const who = { id: "k-20", name: "Kim Karlsson", email: "kim@cust.example" };
  const first = await centre.submit("email", { queue: "mail", customer: who, title: "Lamp is broken" });
  await take(page, first);
  await page.click("#case-open");
  equal(await page.inputValue("#ask-title"), "Lamp is broken");
  await page.fill("#ask-title", "Lamp 4711");
  await page.click("dialog button[type=submit]");
  await until(async () => /Lamp 4711/.test(await page.textContent(".cases")), "the case");
  await page.click(".cases button:has-text('State')");
  await page.selectOption("#ask-state", "pending");
  await page.fill("#ask-reason", "wants a photo");
  await t.accessible(page, "case dialog");
  await page.click("dialog button[type=submit]");
  await until(async () => /waits for the customer/.test(await page.textContent(".cases")), "pending");
  const second = await centre.submit("email", { queue: "mail", customer: who, title: "Here is the photo" });
  await take(page, second);
  await page.click(".cases button:has-text('Put this contact in')");
  await until(async () => /2 contacts/.test(await page.textContent(".cases")), "both are in it");
  await page.click(".cases button:has-text('State')");
  await page.selectOption("#ask-state", "resolved");
  await page.click("dialog button[type=submit]");
  await until(async () => /resolved/.test(await page.textContent(".cases")), "resolved");
  await t.accessible(page, "cases");
  await t.shot(page, "desktop-case", ["light", "dark"]);
  const { cases } = await centre.admin("case.list", { contact: second });
  equal([cases.length, cases[0].state, cases[0].contacts.sort()], [1, "resolved", [first, second].sort()]);
});

test("a supervisor listens in by his telephone and has another agent take the call over", async (t) => {
  const pbx = await Helper.start(t, "phone.py");
  pbx.do = async (what, args = {}) => (await pbx.ask({ do: what, args })).done;
  for (const number of ["1001", "1002", "1009"]) await pbx.do("phone", { number, answer_s: 0.2 });
  const centre = await t.centre({
    switches: { pbx: { plugin: "asterisk", address: [pbx.hello.address], secret: pbx.hello.secret } },
    agents: [
      { id: "a1", name: "Ann Archer", team: "first", capacity: 100, device: "PJSIP/1001" },
      { id: "a2", name: "Bob Baker", team: "first", capacity: 100, device: "PJSIP/1002" },
    ],
  });
  await until(async () => (await centre.admin("cti.status")).switches.every((s) => s.up), "the switch is linked");
  const ann = await desktop(t, centre);
  const boss = await t.page();
  await t.supervisor(boss, centre, "s1", "#agents");
  await pbx.do("arrive", { number: "5550100", dialled: "8004", patience_s: 120, talk_s: 300 });
  const id = (await (await ann.waitForSelector("button.tab")).getAttribute("id")).replace("tab-", "");
  await boss.click(`a[href='#why/${id}']`);
  await boss.click("button:has-text('Listen in')");
  await boss.selectOption("#ask-mode", "whisper");
  await boss.fill("#ask-device", "PJSIP/1009");
  await t.accessible(boss, "listen in");
  await t.shot(boss, "dashboard-listen", ["light"]);
  await boss.click("dialog button[type=submit]");
  await until(async () => /Your telephone rings/.test(await boss.textContent(".notices")), "it was asked for");
  const bob = await desktop(t, centre, "a2");
  await boss.click("button:has-text('Take over')");
  await boss.selectOption("#ask-agent", "a2");
  await boss.click("dialog button.danger");
  await bob.waitForSelector(`#tab-${id}`);
  await until(async () => (await ann.$(`#tab-${id}`)) === null, "she is rid of it");
});
