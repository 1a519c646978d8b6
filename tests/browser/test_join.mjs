/* Mails, call-me requests and the customer's history at the desktop, by the methods that the server has. */
import fs from "node:fs";
import { check, equal, test, until } from "./harness.mjs";
import { Post } from "./post.mjs";

async function desktop(t, centre, name = "a1") {
  const page = await t.page();
  await t.agent(page, centre, name);
  await page.click("#ready-button");
  await page.waitForSelector("#state-button.ready");
  return page;
}

async function take(page, id) {
  await page.waitForSelector(".offer");
  await page.keyboard.press("Alt+a");
  await page.waitForSelector(`#tab-${id}`);
  await page.click(`#tab-${id}`);
}

const ORDER = { Subject: "Where is my order?", Message_ID: "<q1@cust.example>", text: "Hello,\nmy order is late. Where is my order?\n" };

test("a mail is offered with proposals, one is taken, edited and sent; the answer to it comes back to the same desk", async (t) => {
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings() });
  const page = await desktop(t, centre);
  const id = await post.deliver(centre, ORDER);
  await page.waitForSelector(".offer");
  check(/Where is my order\?/.test(await page.textContent(".offer")), "its subject is in the offer");
  await t.shot(page, "mail-offer", ["light"]);
  await take(page, id);
  await until(async () => /my order is late/.test(await page.textContent(".mail-text")), "the mail");
  await until(async () => (await page.$$(".proposal")).length >= 1, "proposals");
  check(/Late order/.test(await page.textContent(".proposal")), "the likeliest first");
  check(/\d %/.test(await page.textContent(".proposal .p")), "with its probability");
  check((await page.$$(".mail-text mark")).length > 0, "the words that speak for it are marked");
  await page.click(".proposal");
  await until(async () => /arrives within two days/.test(await page.inputValue(`#answer-${id}`)), "the text of the proposal");
  check((await page.inputValue(`#answer-${id}`)).includes(id), "placeholders are filled");
  await page.waitForSelector(".proposal.taken");
  await t.accessible(page, "mail");
  await t.shot(page, "mail-proposal");
  const words = (await page.inputValue(`#answer-${id}`)).replace("within two days", "on Friday, I promise");
  await page.fill(`#answer-${id}`, words);
  await until(async () => /Draft kept/.test(await page.textContent(".mail-editor")), "the draft is kept");
  equal((await centre.admin("email.get", { contact: id })).draft.text.trim(), words.trim());
  await page.reload();
  await page.waitForSelector(`#answer-${id}`);
  await until(async () => (await page.inputValue(`#answer-${id}`)) === words, "a reload keeps it");
  await page.click("#email-send");
  const mail = await post.sent((m) => /on Friday, I promise/.test(m.text), "the answer reaches the relay");
  equal(mail.to, ["maria@cust.example"]);
  equal(mail.headers["in-reply-to"], "<q1@cust.example>");
  check(mail.subject.startsWith("Re: Where is my order?"), mail.subject);
  await until(async () => /sent/.test(await page.textContent(".sent-mail .badge")), "the page learns that it was sent");
  equal(await page.inputValue(`#answer-${id}`), "");
  /* The customer's answer while the agent has the case; then it is finished from the page. */
  await post.deliver(centre, { Subject: "Re: Where is my order?", In_Reply_To: mail.headers["message-id"], text: "Friday is fine, thank you.\n" });
  await until(async () => /Friday is fine/.test(await page.textContent(".came-mail")), "it stands in the case");
  await page.reload();
  await until(async () => /Friday is fine/.test(await page.textContent(".came-mail")), "and after a reload");
  await t.accessible(page, "mail with its case");
  await t.shot(page, "mail-case", ["light", "phone"]);
  await page.fill(`#answer-${id}`, "You are welcome.");
  await page.click("#email-send-done");
  await post.sent((m) => /You are welcome/.test(m.text), "the last word reaches the relay");
  await until(async () => (await centre.admin("contact.get", { contact: id })).contact.state === "completed", "finished");
  await until(async () => (await page.$(`#tab-${id}`)) === null, "it is gone from the list");
  /* What the verdict says is on the matcher's page. */
  const boss = await t.page();
  await t.supervisor(boss, centre, "s1", "#matcher");
  await until(async () => /Late order/.test(await boss.textContent(".view")), "the library's responses");
  equal(await boss.inputValue("#matcher-box"), "support");
  await t.accessible(boss, "matcher with a mailbox");
  await t.shot(boss, "matcher-mailbox", ["light", "dark"]);
});

test("an answer is taken back and is the draft again", async (t) => {
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings({ undo: "60s" }) });
  const page = await desktop(t, centre);
  const id = await post.deliver(centre, ORDER);
  await take(page, id);
  await page.waitForSelector(".proposal");
  await page.fill(".mail-editor input[type=search]", "card");
  await page.click(".canned button");
  await until(async () => /locked your card/.test(await page.inputValue(`#answer-${id}`)), "a stored response");
  await page.fill(`#answer-${id}`, "Too hasty.");
  await page.click("#email-send");
  await page.waitForSelector(".sent-mail");
  await page.click(".sent-mail summary");
  await t.shot(page, "mail-undo", ["light"]);
  await page.click(".sent-mail button");
  await until(async () => (await page.inputValue(`#answer-${id}`)) === "Too hasty.", "its text is back");
  await until(async () => /taken back/.test(await page.textContent(".mail-sent")), "and the list says so");
  equal(post.mails, []);
});

test("an attachment is downloaded, never shown", async (t) => {
  const post = await Post.start(t);
  const centre = await t.centre({ mail: post.settings() });
  const page = await desktop(t, centre);
  const id = await post.deliver(centre, { ...ORDER, files: [{ name: "bill <b>.html", text: "<script>document.title = 'run'</script>" }] });
  await take(page, id);
  const button = await page.waitForSelector(".mail-file");
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  equal(fs.readFileSync(await download.path(), "utf8").trim(), "<script>document.title = 'run'</script>");
  check(!(await page.title()).includes("run"), "it did not run");
});

test("a call-me request is dialled by hand, reported and finished", async (t) => {
  const centre = await t.centre({ callme: { country: "44", allow: ["+44"], forbid: ["+449"] } });
  const page = await desktop(t, centre);
  const answer = await centre.request("POST", "/v1/callbacks", {
    phone: "020 7946 0018", consent: true, name: "Mary Major", topic: "Orders", page: { url: "https://shop.example/cart" }, timezone: "Europe/London",
  });
  equal(answer.status, 201, String(answer.raw));
  await page.waitForSelector(".offer");
  check(/Orders/.test(await page.textContent(".offer")), "its topic");
  await page.keyboard.press("Alt+a");
  const tab = await page.waitForSelector("button.tab");
  const id = (await tab.getAttribute("id")).replace("tab-", "");
  await page.waitForSelector(".number-link");
  equal(await page.textContent(".number-link"), "+442079460018");
  equal(await page.getAttribute(".number-link", "href"), "tel:+442079460018");
  check(/shop\.example\/cart/.test(await page.textContent(".panel.call")), "the page that he was on");
  await t.accessible(page, "call me");
  await t.shot(page, "callback");
  await page.click("#callback-reached");
  await page.waitForSelector(".wrapup-bar:not([hidden])");
  await page.keyboard.press("Alt+d");
  await page.selectOption("#ask-disposition", "sale");
  await page.click("dialog button[type=submit]");
  await until(async () => (await page.$(`#tab-${id}`)) === null, "finished");
  const seen = await centre.request("GET", `/v1/callbacks/${answer.json.id}`, undefined, { "X-Usher-Token": answer.json.token });
  equal(seen.json.state, "called");
  /* Whoever is not reached waits again, and is gone from the desktop. */
  const other = await centre.request("POST", "/v1/callbacks", { phone: "020 7946 0019", consent: true, topic: "Bill" });
  await page.waitForSelector(".offer");
  await page.keyboard.press("Alt+a");
  await page.waitForSelector("#callback-no_answer");
  await page.click("#callback-no_answer");
  await until(async () => (await page.$("button.tab")) === null, "it is gone");
  const again = await centre.request("GET", `/v1/callbacks/${other.json.id}`, undefined, { "X-Usher-Token": other.json.token });
  check(["scheduled", "waiting"].includes(again.json.state), again.json.state);
});

test("the customer's card and timeline are beside the contact; a note goes to the customer", async (t) => {
  const centre = await t.centre();
  const page = await desktop(t, centre);
  const who = { id: "k-17", name: "Kim Karlsson", email: "kim@cust.example" };
  const first = await centre.submit("chat", { customer: who, title: "Where is my parcel?" });
  await take(page, first);
  await page.keyboard.press("Alt+n");
  await page.fill("#ask-text", "Is angry; card 4111 1111 1111 1111");
  await page.click("dialog button[type=submit]");
  await until(async () => /Is angry; card \[card number ending 1111\]/.test(await page.textContent(".timeline")), "the note is in his timeline, without card data");
  await page.keyboard.press("Alt+d");
  await page.selectOption("#ask-disposition", "solved");
  await page.click("dialog button[type=submit]");
  await until(async () => (await page.$(`#tab-${first}`)) === null, "the first is finished");
  const second = await centre.submit("callback", { customer: who, title: "Still no parcel" });
  await take(page, second);
  await until(async () => /Kim Karlsson/.test(await page.textContent("aside.customer")), "his card");
  await until(async () => {
    const words = await page.textContent(".timeline");
    return /Where is my parcel\?/.test(words) && /Is angry/.test(words) && /completed/.test(words) && /solved/.test(words);
  }, "what was before, over all channels");
  await t.accessible(page, "customer");
  await t.shot(page, "customer-timeline");
});
