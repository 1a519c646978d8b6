/* Calls of a switch at the desktop: the simulated switch of the flow tests rings the agents' telephones. */
import { check, equal, test, until } from "./harness.mjs";
import { Helper } from "./helper.mjs";

async function floor(t) {
  const pbx = await Helper.start(t, "phone.py");
  pbx.do = async (what, args = {}) => (await pbx.ask({ do: what, args })).done;
  await pbx.do("phone", { number: "1001", answer_s: 0.5 });
  await pbx.do("phone", { number: "1002", answer_s: 0.5 });
  const centre = await t.centre({
    switches: { pbx: { plugin: "asterisk", address: [pbx.hello.address], secret: pbx.hello.secret } },
    agents: [
      { id: "a1", name: "Ann Archer", team: "first", capacity: 100, device: "PJSIP/1001" },
      { id: "a2", name: "Bob Baker", team: "first", capacity: 100, device: "PJSIP/1002" },
    ],
  });
  await until(async () => (await centre.admin("cti.status")).switches.every((s) => s.up), "the switch is linked");
  return { pbx, centre };
}

async function desktop(t, centre, name) {
  const page = await t.page();
  await t.agent(page, centre, name);
  await page.click("#ready-button");
  await page.waitForSelector("#state-button.ready");
  return page;
}

const shown = (page, name) => page.waitForSelector(`[data-call=${name}]:not([hidden])`);

test("a call is held, retrieved, muted, handed to a colleague and hung up from the desktop", async (t) => {
  const { pbx, centre } = await floor(t);
  const ann = await desktop(t, centre, "a1");
  const { call } = await pbx.do("arrive", { number: "5550100", dialled: "8004", patience_s: 120, talk_s: 300 });
  const tab = await ann.waitForSelector("button.tab"); /* her telephone picks up: that accepts the offer */
  const id = (await tab.getAttribute("id")).replace("tab-", "");
  await shown(ann, "hold");
  check(/5550100/.test(await ann.textContent(".panel.call")), "the number");
  check(/talking/.test(await ann.textContent(".panel.call")), "she talks");
  await t.accessible(ann, "call");
  await t.shot(ann, "call-switch", ["light", "dark"]);
  await ann.click("[data-call=hold]");
  await shown(ann, "retrieve");
  check(/on hold/.test(await ann.textContent(".panel.call")), "it is said");
  await ann.click("[data-call=retrieve]");
  await shown(ann, "hold");
  await ann.click("[data-call=mute]");
  await shown(ann, "unmute");
  await ann.click("[data-call=unmute]");
  await shown(ann, "mute");
  const bob = await desktop(t, centre, "a2");
  await ann.click("[data-call=transfer]");
  await ann.selectOption("#ask-whom", "agent a2");
  await t.shot(ann, "call-transfer", ["light"]);
  await ann.click("dialog button[type=submit]");
  await bob.waitForSelector(`#tab-${id}`);
  await until(async () => (await ann.$(`#tab-${id}`)) === null, "she is rid of it");
  await shown(bob, "hangup");
  equal(await bob.textContent("#contact-name"), "5550100");
  await bob.click("[data-call=hangup]");
  await bob.waitForSelector(".wrapup-bar:not([hidden])");
  await until(async () => (await pbx.do("account", { call })).account.outcome === "ended", "the caller is gone");
  const { legs } = (await centre.admin("contact.get", { contact: id })).contact;
  check(legs.map((leg) => leg.agent).join() === "a1,a2" && legs[0].hold_ms > 0, JSON.stringify(legs));
});

test("a telephone that rings picks up when the offer is accepted at the desktop", async (t) => {
  const { pbx, centre } = await floor(t);
  await pbx.do("phone", { number: "1001", answer_s: 600 });
  const ann = await desktop(t, centre, "a1");
  await pbx.do("arrive", { number: "5550200", patience_s: 120, talk_s: 300 });
  await ann.waitForSelector(".offer");
  await until(async () => (await pbx.do("phone_state", { number: "1001" })).phone.rung > 0, "it rings");
  await ann.click(".offer button.primary");
  await until(async () => /told to pick up/.test(await ann.textContent(".notices")), "it is told to pick up");
  await shown(ann, "hold");
});

test("without a switch the agent uses his telephone", async (t) => {
  const centre = await t.centre();
  const page = await desktop(t, centre, "a1");
  await centre.submit("voice", { attributes: { ani: "+442079460000" } });
  await page.waitForSelector(".offer");
  await page.keyboard.press("Alt+a");
  await page.waitForSelector(".panel.call");
  check(/no switch carries this call/.test(await page.textContent(".panel.call")), "it is said");
  check((await page.$$("[data-call]:visible")).length === 0, "no controls that could not work");
});
