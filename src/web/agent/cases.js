/*
 * cases.js - what groups a customer's contacts: open, waiting for the customer, resolved. The contact in hand opens
 * one, or goes into one that is there.
 */
import { clean, h, keyed, outside, replace, show, text } from "../lib/dom.js";
import { t, tn } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { moment, ms } from "../lib/time.js";
import { ask, attempt, badge } from "../lib/ui.js";

const KINDS = { open: "accent", pending: "warn", resolved: "good" };
const stateWord = (state) => ({ open: t("open"), pending: t("waits for the customer"), resolved: t("resolved") })[state] ?? clean(state);

async function openCase(context, item) {
  const answer = await ask({
    title: t("Open a case"),
    text: t("It groups the contacts of one matter, over all channels."),
    fields: [{ name: "title", label: t("What it is about"), required: true, most: 500, value: item.contact.title || "" }],
    confirm: t("Open"),
  });
  if (!answer) return;
  if (await attempt(null, () => once(context.link, "case.open", { contact: item.id, title: answer.title }), t("The case is open."))) context.customerChanged(item);
}

async function setState(context, item, one) {
  const answer = await ask({
    title: t("Case {n}", { n: one.case }),
    text: clean(one.title),
    fields: [
      {
        name: "state",
        label: t("State"),
        type: "select",
        value: one.state,
        options: ["open", "pending", "resolved"].map((state) => [state, stateWord(state)]),
      },
      { name: "reason", label: t("Why? (for the record)"), most: 500 },
    ],
    confirm: t("Set"),
  });
  if (!answer || answer.state === one.state) return;
  const params = { contact: item.id, case: one.case, state: answer.state, ...(answer.reason ? { reason: answer.reason } : {}) };
  if (await attempt(null, () => once(context.link, "case.set_state", params), t("Set."))) context.customerChanged(item);
}

async function join(context, item, one) {
  if (await attempt(null, () => context.link.call("case.join", { contact: item.id, case: one.case }), t("This contact belongs to the case."))) context.customerChanged(item);
}

export function casesBox(context) {
  const list = h("ul", { class: "plain-list cases" });
  const open = h("button", { type: "button", class: "small", id: "case-open", onclick: () => context.model.current && openCase(context, context.model.current) }, t("Open a case"));
  const node = h("section", { class: "cases-box", "aria-label": t("Cases"), hidden: true }, h("div", { class: "row" }, h("h3", { class: "grow" }, t("Cases")), open), list);

  const row = (item) => (one) => {
    const has = (one.contacts || []).includes(item.id);
    const latest = one.changes?.[one.changes.length - 1];
    return h(
      "li",
      { class: "entry" },
      h(
        "div",
        { class: "grow" },
        h("div", { class: "row" }, h("strong", {}, t("Case {n}", { n: one.case })), badge(stateWord(one.state), KINDS[one.state] ?? ""), has ? badge(t("this contact"), "violet") : null),
        outside(one.title, "div", { class: "wrap" }),
        h("small", { class: "soft" }, [latest?.who ? clean(latest.who) : "", latest?.at ? moment(ms(latest.at), { seconds: false }) : "", latest?.reason ? clean(latest.reason) : "", tn((one.contacts || []).length, "{n} contact", "{n} contacts")].filter(Boolean).join(" · ")),
        h(
          "div",
          { class: "row" },
          h("button", { type: "button", class: "small", "aria-label": t("State of case {n}", { n: one.case }), onclick: () => setState(context, item, one) }, t("State…")),
          has ? null : h("button", { type: "button", class: "small", "aria-label": t("Put this contact into case {n}", { n: one.case }), onclick: () => join(context, item, one) }, t("Put this contact in")),
        ),
      ),
    );
  };

  node.render = (item) => {
    const { link } = context;
    show(node, !!link.methods?.has("case.open") && Array.isArray(item.cases));
    if (node.hidden) return;
    open.disabled = !link.live;
    text(open, t("Open a case"));
    /* A row that changed is made anew; its key holds all that it shows. */
    keyed(list, item.cases, (one) => JSON.stringify([item.id, one]), row(item));
    if (!item.cases.length) replace(list, h("li", { class: "soft" }, t("None yet.")));
  };
  return node;
}
