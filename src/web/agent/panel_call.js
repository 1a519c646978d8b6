/*
 * panel_call.js - calls and call-me requests. With a switch the controls go to it (call.*); without one the agent
 * uses his telephone, and the panel shows whom to call and takes down what came of it.
 */
import { clean, h, outside, replace, safeUrl, show, text } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { moment, ms } from "../lib/time.js";
import { ask, attempt, badge } from "../lib/ui.js";
import { carried } from "./model.js";

const NUMBERS = ["ani", "caller", "caller.number", "customer.phone", "phone", "number", "from"];

function numberOf(contact) {
  const places = [contact.attributes || {}, contact.payload || {}, contact.callback || {}, contact.call || {}];
  for (const place of places)
    for (const name of NUMBERS) if (typeof place[name] === "string" && place[name]) return place[name];
  return "";
}

function dialLink(number) {
  const href = /^\+?[0-9 ()/.-]{3,40}$/.test(number) ? safeUrl(`tel:${number.replace(/[^+0-9]/g, "")}`) : "";
  return href ? h("a", { href, class: "number-link" }, clean(number)) : outside(number, "strong", { class: "number-link" });
}

/* Asks whom: a colleague or a number, and for a transfer a queue too. Null: left. */
async function askWhom({ link }, item, { title, confirm, queues = false, modes = [] }) {
  const [{ agents }, list] = await Promise.all([
    link.has("agent.colleagues") ? link.call("agent.colleagues") : { agents: [] },
    queues ? link.call("queue.list") : { queues: [] },
  ]);
  const answer = await ask({
    title,
    fields: [
      {
        name: "whom",
        label: t("To"),
        type: "select",
        options: [
          ["", t("The number below")],
          ...list.queues.filter((q) => q.name !== item.contact.queue).map((q) => [`queue ${q.name}`, t("Queue {name}: {n} waiting, {free} free", { name: q.name, n: q.waiting, free: q.agents_free })]),
          ...agents.map((a) => [`agent ${a.id}`, `${a.name || a.id} (${a.busy ? t("busy") : a.state === "ready" ? t("ready") : t("not ready")})`]),
        ],
      },
      { name: "number", label: t("Number or extension"), most: 32, hint: t("Digits, +, * and #") },
      ...modes,
    ],
    confirm,
  });
  if (!answer) return null;
  const [kind, name] = answer.whom.split(" ");
  return { ...answer, to: name ? { [kind]: name } : { number: answer.number.replace(/[ ()/.-]/g, "") } };
}

async function transferCall(context, item) {
  const { link } = context;
  const answer = await askWhom(context, item, {
    title: t("Transfer the call"),
    confirm: t("Transfer"),
    queues: true,
    modes: [
      {
        name: "mode",
        label: t("How"),
        type: "select",
        options: [
          ["blind", t("At once")],
          ["consult", t("Ask there first")],
        ],
      },
    ],
  });
  if (!answer) return;
  if (answer.mode === "consult" && !answer.to.queue) await consult(context, item, answer.to);
  else await attempt(null, () => link.call("call.transfer", { contact: item.id, ...answer.to }));
}

async function consult({ link, model }, item, to) {
  if (!(await attempt(null, () => once(link, "call.consult", { contact: item.id, ...to })))) return;
  item.consults = true;
  model.changed();
}

async function conferenceCall(context, item) {
  const answer = await askWhom(context, item, { title: t("Take somebody into the call"), confirm: t("Conference") });
  if (answer) await attempt(null, () => once(context.link, "call.conference", { contact: item.id, ...answer.to }));
}

export function callPanel(context, item) {
  const { link, model } = context;
  if (item.contact.channel !== "voice") return null;
  const state = h("span", { class: "row" });
  const whom = h("div", {});
  const simply = (method, params = {}, then = null) => async (button) => {
    if ((await attempt(button, () => link.call(method, { contact: item.id, ...params }))) && then) {
      then();
      model.changed();
    }
  };
  const noConsult = () => (item.consults = false);
  /* name, word, method, what it does, when it is of use */
  const controls = [
    ["answer", t("Answer"), "call.answer", simply("call.answer"), (f) => f.rings],
    ["hold", t("Hold"), "call.hold", simply("call.hold"), (f) => f.talks && !f.held && !f.consults],
    ["retrieve", t("Retrieve"), "call.retrieve", simply("call.retrieve"), (f) => f.talks && f.held && !f.consults],
    ["mute", t("Mute"), "call.mute", simply("call.mute", { on: true }, () => (item.muted = true)), (f) => f.talks && !f.muted],
    ["unmute", t("Unmute"), "call.mute", simply("call.mute", { on: false }, () => (item.muted = false)), (f) => f.talks && f.muted],
    ["transfer", t("Transfer…"), "call.transfer", () => transferCall(context, item), (f) => f.talks && !f.consults],
    ["complete", t("Connect them"), "call.transfer", simply("call.transfer", { attended: true }, noConsult), (f) => f.talks && f.consults],
    ["back", t("Back to the caller"), "call.consult", simply("call.consult", { end: true }, noConsult), (f) => f.talks && f.consults],
    ["conference", t("Conference…"), "call.conference", () => conferenceCall(context, item), (f) => f.talks && !f.consults],
    ["hangup", t("Hang up"), "call.hangup", simply("call.hangup"), (f) => f.talks],
  ]
    .filter(([, , method]) => link.methods?.has(method))
    .map(([name, label, , act, of]) => {
      const button = h("button", { type: "button", class: name === "hangup" ? "danger" : "", id: `call-${name}-${item.id}` }, label);
      button.dataset.call = name;
      button.addEventListener("click", () => act(button));
      return { button, of };
    });
  const heard = (held) => (p) => {
    if (p.contact?.id !== item.id) return;
    item.held = held;
    model.changed();
  };
  const off = [link.on("call.held", heard(true)), link.on("call.retrieved", heard(false))];
  model.onEnd((_kind, what) => {
    if (what.id === item.id) for (const end of off) end();
  });
  const row = h("div", { class: "row" }, controls.map((c) => c.button));
  const byHand = h("p", { class: "soft" }, t("Use your telephone; no switch carries this call."));
  return {
    name: "call",
    order: 0,
    node: h(
      "section",
      { class: "panel call card", "aria-label": t("Call") },
      h("div", { class: "row" }, h("h3", { class: "grow" }, t("Call")), state),
      whom,
      row,
      byHand,
    ),
    update(now) {
      const c = now.contact;
      const ours = controls.length > 0 && carried(c);
      show(row, ours);
      show(byHand, !ours && now.state !== "wrapup");
      const talks = now.state === "connected" || now.state === "parked";
      const facts = { talks, rings: now.state === "pending", held: !!now.held, muted: !!now.muted, consults: !!now.consults };
      const [word, kind] = now.state === "wrapup" ? [t("hung up"), ""] : facts.rings ? [t("ringing"), "accent"] : facts.consults ? [t("asking somebody"), "accent"] : facts.held ? [t("on hold"), "warn"] : talks ? [t("talking"), "good"] : ["", ""];
      replace(state, word ? badge(word, kind) : null, facts.muted && talks ? badge(t("muted"), "warn") : null);
      const number = numberOf(now.contact);
      replace(whom, number ? h("p", {}, t("Number"), " ", dialLink(number)) : null);
      for (const { button, of } of controls) {
        show(button, of(facts));
        button.disabled = !link.live;
      }
    },
  };
}

export function callbackPanel(context, item) {
  const { link } = context;
  if (item.contact.channel !== "callback") return null;
  const body = h("div", {});
  const results = [
    ["reached", t("Reached")],
    ["busy", t("Busy")],
    ["no_answer", t("No answer")],
    ["machine", t("Answering machine")],
    ["wrong_number", t("Wrong number")],
  ];
  const report = results.map(([result, label]) => {
    const button = h("button", { type: "button", id: `callback-${result}` }, label);
    button.addEventListener("click", () =>
      attempt(
        button,
        async () => {
          await link.call("callback.report", { contact: item.id, result });
          if (result === "reached") await link.call("contact.wrapup", { contact: item.id });
        },
        t("Noted."),
      ),
    );
    return button;
  });
  const hint = h("p", { class: "soft" });
  return {
    name: "callback",
    order: 0,
    node: h(
      "section",
      { class: "panel call card", "aria-label": t("Call me") },
      h("h3", {}, t("The customer asked to be called")),
      body,
      h("div", { class: "row" }, report),
      hint,
    ),
    update(now) {
      const c = now.contact;
      const wanted = c.callback?.when;
      const about = { ...(c.attributes || {}), ...(c.callback || {}) };
      const number = numberOf(c);
      const rows = [
        [t("Number"), number ? dialLink(number) : null],
        [t("Name"), about.name || about["customer.name"]],
        [t("Topic"), about.topic || c.title],
        [t("Attempts"), about.attempts],
        [t("Wanted"), wanted ? `${moment(ms(wanted.from), { seconds: false })} – ${moment(ms(wanted.to), { seconds: false })}` : ""],
        [t("Page"), about.page || about["page.url"]],
      ].filter(([, value]) => value !== undefined && value !== null && value !== "");
      replace(body, h("dl", { class: "data" }, rows.map(([k, v]) => [h("dt", {}, k), h("dd", {}, v instanceof Node ? v : outside(v))])));
      const able = !!c.callback && link.methods?.has("callback.report");
      for (const button of report) {
        show(button, able && now.state !== "wrapup");
        button.disabled = !link.live;
      }
      text(hint, now.state === "wrapup" ? "" : able ? t("Call the number, then say how it went. Whoever was not reached is called again later, as often as the settings allow.") : t("Call by your telephone, then finish the contact with its outcome."));
    },
  };
}
