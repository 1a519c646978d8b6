/* list.js - the left side: open offers with their countdown, and the contacts in hand as tabs. */
import { clean, h, keyed, outside, replace, show, text, toggle } from "../lib/dom.js";
import { channelIcon, channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { every } from "../lib/ticker.js";
import { clock, span } from "../lib/time.js";
import { ask, attempt, badge, notice } from "../lib/ui.js";
import { carried, nameOf } from "./model.js";

const URGENT_MS = 8000; /* left of an offer when it begins to press */

/* Attributes worth a look before one accepts; the rest is in the contact itself. */
const SHOWN = ["topic", "subject", "ivr.menu", "ivr.service", "page", "page.title", "language"];

/* Where the switch rings his telephone the call is accepted by its picking up; all else by the desktop. */
async function acceptOffer(link, offer) {
  if (carried(offer.contact) && link.methods?.has("call.answer")) {
    try {
      await link.call("call.answer", { contact: offer.contact.id });
      notice(t("Your telephone was told to pick up. If it goes on ringing, pick it up."));
      return;
    } catch (error) {
      if (error.type !== "wrong_state") throw error; /* it does not ring: accepted first, rung then */
    }
  }
  await link.call("offer.accept", { offer: offer.offer });
}

function offerCard(context, offer) {
  const { link } = context;
  const c = offer.contact;
  const attributes = c.attributes || {};
  const bar = h("div", { class: "bar", "aria-hidden": "true" });
  const left = h("span", { class: "timer left" });
  const accept = h(
    "button",
    {
      type: "button",
      class: "primary grow",
      id: `accept-${offer.offer}`,
      onclick: () => attempt(accept, () => acceptOffer(link, offer)),
    },
    t("Accept"),
    h("kbd", {}, "Alt A"),
  );
  const reject = h(
    "button",
    {
      type: "button",
      id: `reject-${offer.offer}`,
      onclick: async () => {
        const answer = await ask({
          title: t("Decline this offer?"),
          text: t("The contact keeps its place and goes to somebody else."),
          fields: [{ name: "reason", label: t("Why? (for the record)"), most: 60 }],
          confirm: t("Decline"),
        });
        if (answer)
          attempt(reject, () =>
            link.call("offer.reject", { offer: offer.offer, ...(answer.reason ? { reason: answer.reason } : {}) }),
          );
      },
    },
    t("Decline"),
  );
  const name = nameOf(c);
  const node = h(
    "article",
    { class: "offer card", "aria-label": t("Offer: {channel}", { channel: channelName(c.channel) }) },
    bar,
    h(
      "div",
      { class: "row" },
      channelIcon(c.channel, 22),
      h("strong", { class: "grow cut" }, channelName(c.channel)),
      c.tier ? badge(clean(c.tier), "violet") : null,
      left,
    ),
    name ? outside(name, "div", { class: "offer-name cut" }) : null,
    c.title ? outside(c.title, "div", { class: "cut" }) : null,
    h(
      "dl",
      { class: "facts" },
      h("dt", {}, t("Queue")),
      outside(c.queue, "dd"),
      c.waited_ms !== undefined ? [h("dt", {}, t("Waited")), h("dd", {}, span(c.waited_ms))] : null,
      SHOWN.filter((n) => attributes[n] !== undefined && attributes[n] !== c.title).map((n) => [
        h("dt", {}, n),
        outside(attributes[n], "dd", { class: "cut" }),
      ]),
    ),
    offer.why ? outside(offer.why, "p", { class: "why" }) : null,
    h("div", { class: "row" }, accept, reject),
  );
  node.tickOffer = () => {
    const rest = offer.expires - link.now();
    text(left, clock(Math.max(0, rest)));
    bar.style.setProperty("--left", String(Math.max(0, Math.min(1, rest / offer.total))));
    toggle(node, "urgent", rest < URGENT_MS);
    accept.disabled = reject.disabled = !link.live || rest <= 0;
  };
  node.tickOffer();
  return node;
}

function stateText(item) {
  const words = {
    connected: t("with you"),
    parked: t("parked"),
    wrapup: t("wrap-up"),
    pending: t("waits for the customer"),
  };
  return words[item.state] ?? item.state;
}

function tab(context, item) {
  const { model } = context;
  return h(
    "button",
    {
      type: "button",
      class: "tab",
      role: "tab",
      id: `tab-${item.id}`,
      "aria-controls": "work",
      onclick: () => model.select(item.id),
    },
    channelIcon(item.contact.channel, 20),
    h("span", { class: "grow tab-text" }, h("span", { class: "tab-name cut" }), h("span", { class: "tab-title cut soft" })),
    h("span", { class: "tab-side" }, h("span", { class: "timer" }), h("span", { class: "unread", hidden: true })),
  );
}

function fillTab(context, node, item) {
  const { link, model } = context;
  const chosen = model.selected === item.id;
  const c = item.contact;
  node.setAttribute("aria-selected", String(chosen));
  node.tabIndex = chosen ? 0 : -1;
  node.className = `tab ${item.state}`;
  text(node.querySelector(".tab-name"), clean(nameOf(c) || channelName(c.channel)));
  text(node.querySelector(".tab-title"), clean([stateText(item), c.title].filter(Boolean).join(" · ")));
  const timer = item.until ? item.until - link.now() : link.now() - item.since;
  text(node.querySelector(".timer"), clock(Math.max(0, timer)));
  const unread = node.querySelector(".unread");
  show(unread, item.unread > 0);
  text(unread, item.unread > 99 ? "99+" : item.unread);
  unread.setAttribute("aria-label", t("{n} unread", { n: item.unread }));
}

export function list(context) {
  const { model, link } = context;
  const offers = h("div", { class: "offers" });
  const announce = h("p", { class: "only-read", role: "alert" });
  const tabs = h("div", {
    class: "tabs",
    role: "tablist",
    "aria-orientation": "vertical",
    "aria-label": t("Contacts in your hands"),
    onkeydown: (event) => {
      const ids = [...model.items.keys()];
      const by = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
      if (!by || event.altKey || !ids.length) return;
      const id = ids[(ids.indexOf(model.selected) + by + ids.length) % ids.length];
      model.select(id);
      document.getElementById(`tab-${id}`)?.focus();
      event.preventDefault();
    },
  });
  const heading = h("h2", { class: "side-title" });
  const none = h("p", { class: "empty" });
  let told = new Set();

  const render = () => {
    keyed(
      offers,
      [...model.offers.values()].sort((a, b) => a.expires - b.expires),
      (o) => o.offer,
      (o) => offerCard(context, o),
      (node) => node.tickOffer(),
    );
    const news = [...model.offers.values()].find((o) => !told.has(o.offer));
    if (news) announce.textContent = t("Offer: {channel}", { channel: channelName(news.contact.channel) });
    told = new Set(model.offers.keys());
    const items = [...model.items.values()];
    show(tabs, items.length > 0);
    keyed(tabs, items, (i) => i.id, (i) => tab(context, i), (node, i) => fillTab(context, node, i));
    text(heading, t("In hand ({n})", { n: items.length }));
    show(none, !items.length && !model.offers.size && !!model.me);
    replace(none, model.me?.state === "ready" ? t("You are ready. The next contact comes by itself.") : t("Choose Ready to be offered contacts."));
  };
  /* Only what runs by itself; the whole is drawn on changes. */
  every(() => {
    for (const node of offers.children) node.tickOffer();
    for (const node of tabs.children) {
      const item = model.items.get(node.dataset.key);
      if (item) fillTab(context, node, item);
    }
  });
  model.onChange(render);
  link.on("state", render);
  return h("aside", { class: "side", "aria-label": t("Offers and contacts") }, announce, offers, heading, tabs, none);
}
