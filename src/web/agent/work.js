/* work.js - the middle: the chosen contact with its times and actions, and the panel of its channel. */
import { add, clean, h, outside, replace, show, text, toggle } from "../lib/dom.js";
import { channelIcon, channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { every } from "../lib/ticker.js";
import { clock, span } from "../lib/time.js";
import { attempt, badge } from "../lib/ui.js";
import { finish, note, park, requeue, transfer, wrapup } from "./finish.js";
import { nameOf } from "./model.js";
import { callbackPanel, callPanel } from "./panel_call.js";
import { chatPanel, pastChatPanel } from "./panel_chat.js";
import { dataPanel } from "./panel_data.js";
import { emailPanel } from "./panel_email.js";

const PANELS = [chatPanel, emailPanel, callPanel, callbackPanel, pastChatPanel, dataPanel];

/* The panels of a contact: what its channel has, and what came along with it. Each is made once, so that what is
 * typed and heard in it stays while another contact is in front. */
function panelsFor(context, item) {
  item.panels ??= new Map();
  for (const make of PANELS) {
    const panel = item.panels.get(make) ?? make(context, item);
    if (panel) item.panels.set(make, panel);
  }
  return [...item.panels.values()].sort((a, b) => a.order - b.order);
}

function idle(context) {
  const { model } = context;
  const figures = h("div", { class: "tiles" });
  const state = h("h2", {});
  let asked = 0;
  const tile = (label, value) => h("div", { class: "tile" }, h("span", { class: "tile-value" }, value), h("span", { class: "soft" }, label));
  const fill = async () => {
    if (!context.link.live || !context.link.methods?.has("agent.figures") || Date.now() - asked < 5000) return;
    asked = Date.now();
    try {
      const f = await context.link.call("agent.figures");
      replace(
        figures,
        tile(t("finished today"), f.completed),
        tile(t("mean handling"), f.completed ? span(f.handled_ms / f.completed) : "–"),
        tile(t("time ready"), span(f.state_ms.ready || 0)),
        tile(t("missed"), f.timeouts),
      );
    } catch {
      asked = 0;
    }
  };
  const node = h("div", { class: "idle" }, state, figures, h("p", { class: "soft" }, t("Press Alt K for the keyboard.")));
  node.render = () => {
    text(
      state,
      model.offers.size
        ? t("An offer is waiting for you")
        : model.me?.state === "ready"
          ? t("Ready for the next contact")
          : t("Nothing in hand"),
    );
    fill();
  };
  return node;
}

export function work(context) {
  const { link, model } = context;
  const rest = idle(context);
  const icon = h("span", {});
  const name = outside("", "h2", { class: "cut", id: "contact-name" });
  const title = outside("", "p", { class: "cut soft" });
  const badges = h("span", { class: "row" });
  const times = h("dl", { class: "times" });
  const warn = h("p", { class: "wrapup-bar", role: "status", hidden: true });
  const body = h("div", { class: "work-body" });
  const act = (id, label, key, fn) =>
    h(
      "button",
      { type: "button", id, class: "small", title: `Alt ${key}`, onclick: () => model.current && attempt(null, () => fn(context, model.current)) },
      label,
    );
  const buttons = {
    note: act("note-button", t("Note"), "N", note),
    transfer: act("transfer-button", t("Transfer"), "T", transfer),
    park: act("park-button", t("Park"), "P", park),
    requeue: act("requeue-button", t("Give back"), "", requeue),
    wrapup: act("wrapup-button", t("Wrap up"), "W", wrapup),
    finish: act("finish-button", t("Finish"), "D", finish),
  };
  buttons.requeue.removeAttribute("title");
  toggle(buttons.finish, "primary", true);
  const whole = h(
    "div",
    { class: "contact", hidden: true },
    h(
      "div",
      { class: "contact-head" },
      h("div", { class: "row head-line" }, icon, h("div", { class: "grow" }, name, title), badges),
      h("div", { class: "row head-line" }, times, h("div", { class: "row actions" }, Object.values(buttons))),
      warn,
    ),
    body,
  );
  const shown = { id: null, panels: [], key: "" };

  const fact = (label, value, kind = "") => [h("dt", {}, label), h("dd", { class: `timer ${kind}` }, value)];
  const tick = () => {
    const item = model.current;
    if (!item) return;
    const c = item.contact;
    const now = link.now();
    const slack = c.deadline_ms ? c.deadline_ms - now : null;
    replace(
      times,
      fact(item.state === "wrapup" ? t("Wrap-up") : item.state === "parked" ? t("Parked") : t("With you"), clock(Math.max(0, now - (item.since || now)))),
      item.state !== "wrapup" && c.t0_ms && c.connected_ms ? fact(t("Waited"), span(Math.max(0, c.connected_ms - c.t0_ms))) : null,
      slack !== null && c.channel === "email" && item.state !== "wrapup"
        ? fact(slack < 0 ? t("Late by") : t("Due in"), span(Math.abs(slack)), slack < 0 ? "bad-word" : "")
        : null,
    );
    show(warn, item.state === "wrapup");
    if (item.state === "wrapup") {
      const left = item.until ? item.until - now : null;
      text(warn, left === null ? t("The conversation is over. Finish the contact.") : t("Wrap-up ends in {left}; then the contact is finished as it is.", { left: clock(Math.max(0, left)) }));
    }
  };

  const render = () => {
    const item = model.current;
    show(rest, !item);
    show(whole, !!item);
    rest.render();
    if (!item) {
      /* The same contact may come again, as something else. */
      Object.assign(shown, { id: null, item: null, panels: [], key: "" });
      replace(body);
      return;
    }
    const c = item.contact;
    const label = nameOf(c) || channelName(c.channel);
    text(name, clean(label));
    text(title, clean([c.title, c.queue].filter(Boolean).join(" · ")));
    replace(badges, c.tier ? badge(clean(c.tier), "violet") : null, badge(channelName(c.channel)));
    const wrap = item.state === "wrapup";
    const off = !link.live;
    for (const button of Object.values(buttons)) button.disabled = off;
    text(buttons.wrapup, wrap ? t("One minute more") : t("Wrap up"));
    text(buttons.park, item.state === "parked" ? t("Resume") : t("Park"));
    show(buttons.transfer, !wrap);
    show(buttons.requeue, !wrap);
    show(buttons.park, !wrap && c.channel !== "voice");
    const key = `${item.id} ${link.methods ? link.methods.size : 0} ${c.chat ? "chat" : ""}`;
    if (shown.key !== key || shown.item !== item) {
      const panels = panelsFor(context, item);
      if (shown.item !== item) replace(icon, channelIcon(c.channel, 26));
      if (shown.id !== item.id || panels.length !== shown.panels.length || panels.some((p, i) => p !== shown.panels[i])) {
        const focus = document.activeElement;
        replace(body, panels.map((p) => p.node));
        if (focus && body.contains(focus)) focus.focus();
      }
      Object.assign(shown, { id: item.id, item, key, panels });
    }
    for (const panel of shown.panels) panel.update?.(item);
    tick();
  };
  model.onChange(render);
  every(tick);
  const node = h("section", { class: "work", id: "work", "aria-labelledby": "contact-name" });
  add(node, [rest, whole]);
  return node;
}
