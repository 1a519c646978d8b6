/*
 * panel_call.js - calls and call-me requests. With a switch the controls go to it (call.*); without one the agent
 * uses his telephone, and the panel shows whom to call and takes down what came of it.
 */
import { clean, h, outside, replace, safeUrl, show, text } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { moment, ms } from "../lib/time.js";
import { ask, attempt, badge } from "../lib/ui.js";

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

async function transferCall({ link }, item) {
  const answer = await ask({
    title: t("Transfer the call"),
    fields: [
      { name: "to", label: t("Number or extension"), required: true, most: 64 },
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
    confirm: t("Transfer"),
  });
  if (!answer) return;
  const method = answer.mode === "consult" && link.methods.has("call.consult") ? "call.consult" : "call.transfer";
  await attempt(null, () => link.call(method, { contact: item.id, to: answer.to }));
}

export function callPanel(context, item) {
  const { link } = context;
  if (item.contact.channel !== "voice") return null;
  const state = h("span", { class: "row" });
  const whom = h("div", {});
  const controls = [
    ["answer", t("Answer"), "call.answer"],
    ["hold", t("Hold"), "call.hold"],
    ["retrieve", t("Retrieve"), "call.retrieve"],
    ["transfer", t("Transfer…"), "call.transfer"],
    ["complete", t("Connect them"), "call.complete"],
    ["conference", t("Conference"), "call.conference"],
    ["hangup", t("Hang up"), "call.hangup"],
  ]
    .filter(([, , method]) => link.methods?.has(method))
    .map(([name, label, method]) => {
      const button = h("button", { type: "button", class: name === "hangup" ? "danger" : "", id: `call-${name}` }, label);
      button.addEventListener("click", () =>
        name === "transfer"
          ? transferCall(context, item)
          : attempt(button, () => link.call(method, { contact: item.id })),
      );
      return { name, button };
    });
  link.on("call.state", (p) => {
    if (p.contact?.id === item.id || p.contact === item.id) {
      item.call = p;
      context.model.changed();
    }
  });
  return {
    name: "call",
    order: 0,
    node: h(
      "section",
      { class: "panel call card", "aria-label": t("Call") },
      h("div", { class: "row" }, h("h3", { class: "grow" }, t("Call")), state),
      whom,
      controls.length
        ? h("div", { class: "row" }, controls.map((c) => c.button))
        : h("p", { class: "soft" }, t("Use your telephone; this desktop follows it.")),
    ),
    update(now) {
      const leg = now.call?.state || now.contact.call?.state || (now.state === "connected" ? "talking" : "");
      const words = {
        talking: t("talking"),
        answered: t("talking"),
        held: t("on hold"),
        ringing: t("ringing"),
        released: t("hung up"),
        ended: t("hung up"),
      };
      replace(state, leg ? badge(words[leg] ?? clean(leg), leg === "held" ? "warn" : leg === "talking" || leg === "answered" ? "good" : "") : null);
      const number = numberOf(now.contact);
      replace(whom, number ? h("p", {}, t("Number"), " ", dialLink(number)) : null);
      for (const { name, button } of controls) {
        const held = leg === "held";
        show(button, name === "retrieve" ? held : name === "hold" ? !held : name === "answer" ? leg === "ringing" : true);
        button.disabled = !link.live || now.state === "wrapup";
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
    ["wrong_number", t("Wrong number")],
  ];
  const dial = h("button", { type: "button", class: "primary", id: "callback-dial" }, t("Dial"));
  dial.addEventListener("click", () => attempt(dial, () => link.call("callback.dial", { contact: item.id })));
  const report = results.map(([result, label]) => {
    const button = h("button", { type: "button", id: `callback-${result}` }, label);
    button.addEventListener("click", () =>
      attempt(button, () => link.call("callback.report", { contact: item.id, result }), t("Noted.")),
    );
    return button;
  });
  const later = h("button", { type: "button" }, t("Another time…"));
  later.addEventListener("click", async () => {
    const answer = await ask({
      title: t("Call at another time"),
      fields: [{ name: "at", label: t("When"), type: "datetime-local", required: true }],
      confirm: t("Move"),
    });
    if (answer)
      attempt(later, () =>
        link.call("callback.reschedule", { contact: item.id, not_before: new Date(answer.at).toISOString() }),
      );
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
      h("div", { class: "row" }, dial, report, later),
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
      const has = (method) => link.methods?.has(method);
      show(dial, has("callback.dial"));
      for (const button of report) show(button, has("callback.report"));
      show(later, has("callback.reschedule"));
      text(hint, has("callback.dial") ? "" : t("Call by your telephone, then finish the contact with its outcome."));
    },
  };
}
