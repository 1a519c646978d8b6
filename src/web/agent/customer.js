/* customer.js - the right side: the customer's card, his timeline over all channels, notes, why this contact. */
import { clean, h, outside, replace, show, text } from "../lib/dom.js";
import { channelIcon, channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { load, save } from "../lib/store.js";
import { moment, money, ms, span } from "../lib/time.js";
import { badge } from "../lib/ui.js";
import { casesBox } from "./cases.js";
import { cardOf, customerId, nameOf } from "./model.js";

const FRESH_MS = 30000;

const valueOf = (v) => (v && typeof v === "object" && "value" in v ? v.value : v);

/* The card as it was asked for, or as it came with the contact. */
const cardFor = (item) => item.card || cardOf(item.contact);

/* Why he is worth his points, term by term. */
function worthRows(card) {
  return (card?.why || []).slice(0, 12).map((w) =>
    h("li", {}, outside([w.term, w.figure, w.kind, w.of_name, w.reason].filter(Boolean).join(" · ")), w.points !== undefined ? h("strong", { class: "timer" }, ` ${w.points > 0 ? "+" : ""}${Math.round(w.points * 10) / 10}`) : null),
  );
}

function identities(card) {
  const list = card?.identities || card?.known_by || [];
  return list.map((i) => (typeof i === "string" ? { kind: "", value: i } : i));
}

function cardNode(item) {
  const c = item.contact;
  const card = cardFor(item);
  const a = c.attributes || {};
  const name = nameOf(c) || (card?.name ?? "");
  const row = (label, value) =>
    value === undefined || value === null || value === "" ? null : [h("dt", {}, label), value instanceof Node ? h("dd", {}, value) : outside(value, "dd", { class: "wrap" })];
  const points = card?.points ?? c.points;
  const worth = card?.worth?.amount ?? card?.value?.amount;
  const attributes = Object.entries(card?.attributes || {}).slice(0, 20);
  return [
    h(
      "div",
      { class: "row" },
      h("span", { class: "avatar", "aria-hidden": "true" }, clean(name || "?").slice(0, 1).toUpperCase()),
      h("div", { class: "grow" }, outside(name || t("Not known yet"), "strong", { class: "cut block" }), card?.kind ? h("small", { class: "block" }, clean(card.kind)) : null),
    ),
    h(
      "div",
      { class: "row" },
      c.tier ? badge(clean(c.tier), "violet") : null,
      points ? badge(t("{n} points", { n: Math.round(points) }), "accent") : null,
      card?.vip ? badge("VIP", "good") : null,
      card?.blocked ? badge(t("blocked"), "bad") : null,
      card?.provisional ? badge(t("provisional"), "") : null,
    ),
    h(
      "dl",
      { class: "data" },
      row(t("Number of the customer"), customerId(c)),
      identities(card).length ? null : [row(t("Phone"), a["customer.phone"] || a.ani), row(t("E-mail"), a["customer.email"] || a["mail.from"])],
      identities(card).map((i) => row(i.kind || t("Known by"), i.value)),
      worth !== undefined ? row(t("Worth"), money(worth, card?.worth?.currency)) : null,
      attributes.map(([k, v]) => row(k, typeof valueOf(v) === "object" ? JSON.stringify(valueOf(v)) : valueOf(v))),
      (card?.links || []).map((l) => row(l.kind || t("Belongs to"), l.name || l.customer)),
      card?.repeat_contacts ? row(t("Contacts lately"), card.repeat_contacts) : null,
      card?.last_agent ? row(t("Last agent"), card.last_agent) : null,
      card?.maybe_also?.length ? row(t("Maybe also"), card.maybe_also.map((m) => m.customer).join(", ")) : null,
    ),
    (card?.why || []).length ? h("details", { class: "why-box" }, h("summary", {}, t("Why so many points")), h("ul", { class: "plain-list" }, worthRows(card))) : null,
  ];
}

/* States of contacts and cases, as people say them. */
const entryState = (e) => {
  const words = {
    waiting: t("waiting"),
    offered: t("offered"),
    connected: t("in hand"),
    wrapup: t("wrapping up"),
    parked: t("parked"),
    completed: t("completed"),
    answered: t("answered"),
    abandoned: t("abandoned"),
    expired: t("expired"),
    cancelled: t("cancelled"),
    lost: t("lost"),
    open: t("open"),
    pending: t("waits for the customer"),
    resolved: t("resolved"),
  };
  return words[e.state] ?? (e.state ? clean(e.state) : "");
};

function entryNode(e) {
  const kinds = { note: t("Note"), case: t("Case {n}", { n: e.case ?? "" }) };
  return h(
    "li",
    { class: "entry" },
    e.kind === "contact" && e.channel ? channelIcon(e.channel, 16) : h("span", { class: "entry-dot", "aria-hidden": "true" }),
    h(
      "div",
      { class: "grow" },
      h("div", { class: "row" }, h("strong", {}, kinds[e.kind] ?? channelName(e.channel || "")), h("small", { class: "timer" }, e.at ? moment(ms(e.at), { seconds: false }) : "")),
      e.title ? outside(e.title, "div", { class: "cut" }) : null,
      e.text ? outside(e.text, "div", { class: "wrap" }) : null,
      h("small", { class: "soft" }, [clean(e.agent || e.who || ""), clean(e.queue || ""), entryState(e), clean(e.disposition || "")].filter(Boolean).join(" · ")),
    ),
  );
}

/* A card comes in parts where it is long: further ones have more of its lists and attributes. */
async function wholeCard(link, contact) {
  let { customer: card, next } = await link.call("customer.get", { contact });
  while (next) {
    const part = await link.call("customer.get", { contact, after: next });
    for (const [name, value] of Object.entries(part.customer)) {
      if (Array.isArray(value)) card[name] = [...(card[name] || []), ...value];
      else if (name === "attributes")
        for (const [key, one] of Object.entries(value)) {
          const over = [...(card.attributes?.[key]?.over || []), ...(one.over || [])];
          card.attributes = { ...card.attributes, [key]: { ...one, ...(over.length ? { over } : {}) } };
        }
    }
    next = part.next;
  }
  return card;
}

export function customerPane(context) {
  const { link, model } = context;
  const card = h("div", { class: "column" });
  const timeline = h("ol", { class: "timeline" });
  const timelineBox = h("div", { hidden: true }, h("h3", {}, t("Timeline")), timeline);
  const why = h("details", { class: "why-box" }, h("summary", {}, t("Why this contact, why me")), h("p", { class: "wrap" }));
  const cases = casesBox(context);
  const body = h("div", { class: "column" }, card, why, cases, timelineBox);
  const fold = h("button", { type: "button", class: "plain small fold", "aria-expanded": "true", title: t("Show or hide") }, "›");
  const node = h("aside", { class: "customer", "aria-label": t("Customer"), hidden: true }, h("div", { class: "row" }, h("h2", { class: "grow" }, t("Customer")), fold), body);
  const asked = new Map();
  context.customerChanged = (item) => {
    asked.delete(item.id);
    model.changed();
  };

  const folded = (on) => {
    document.body.classList.toggle("folded", on);
    fold.setAttribute("aria-expanded", String(!on));
    save("folded", on || null);
  };
  fold.addEventListener("click", () => folded(!document.body.classList.contains("folded")));
  folded(!!load("folded"));

  const ask = async (item) => {
    const last = asked.get(item.id) || 0;
    if (!link.live || !link.methods || Date.now() - last < FRESH_MS) return;
    asked.set(item.id, Date.now());
    try {
      if (link.methods.has("customer.get")) item.card = await wholeCard(link, item.id);
    } catch {
      /* the card stays what it was */
    }
    try {
      if (link.methods.has("customer.timeline")) {
        const answer = await link.call("customer.timeline", { contact: item.id, most: 50 });
        item.timeline = answer.entries.filter((e) => e.kind !== "contact" || e.contact !== item.id);
      }
    } catch {
      /* so does the timeline */
    }
    try {
      if (link.methods.has("case.list")) item.cases = (await link.call("case.list", { contact: item.id })).cases;
    } catch {
      /* and the cases */
    }
    model.changed();
  };

  why.addEventListener("toggle", async () => {
    const item = model.current;
    if (!why.open || !item) return;
    const place = why.querySelector("p");
    if (!item.why) {
      text(place, t("One moment…"));
      try {
        const { contact } = await link.call("explain.contact", { contact: item.id });
        const d = contact.decisions?.[contact.decisions.length - 1];
        const lines = [];
        if (d?.winner) {
          const s = d.winner;
          lines.push(
            t("It was offered because its score was the highest of {n}.", { n: d.heads || 1 }),
            s.slack_ms !== undefined
              ? s.slack_ms >= 0
                ? t("There were {time} left to its deadline.", { time: span(s.slack_ms) })
                : t("It was {time} late.", { time: span(-s.slack_ms) })
              : "",
            ...(d.rivals || []).slice(0, 3).map((r) => t("{contact} comes {s} seconds behind.", { contact: r.contact, s: Math.round(r.behind_s ?? 0) })),
          );
        }
        if (d?.free_agents) lines.push(t("You were chosen of {n} agents who were free.", { n: d.free_agents }));
        item.why = lines.filter(Boolean).join("\n") || t("Nothing is recorded.");
      } catch (error) {
        item.why = error.message;
      }
    }
    text(place, item.why);
  });

  let shown = null;
  model.onChange(() => {
    const item = model.current;
    show(node, !!item);
    if (!item) return;
    ask(item);
    if (shown !== item.id) {
      shown = item.id;
      why.open = false;
    }
    cases.render(item);
    const key = JSON.stringify([item.id, item.contact, item.card, item.timeline?.map((e) => [e.at, e.state])]);
    if (node.shownKey === key) return;
    node.shownKey = key;
    replace(card, cardNode(item));
    show(timelineBox, Array.isArray(item.timeline) && item.timeline.length > 0);
    replace(timeline, (item.timeline || []).slice(0, 50).map(entryNode));
  });
  return node;
}
