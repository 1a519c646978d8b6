/* header.js - state and reasons, what is pending, load, channels, own figures, help, the rest of the menu. */
import { add, h, outside, replace, show, text, toggle } from "../lib/dom.js";
import { channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { every } from "../lib/ticker.js";
import { clock, money, number, percent, span } from "../lib/time.js";
import { ask, attempt, languagePicker, notice, tell, themeButton } from "../lib/ui.js";
import { showKeys } from "./keys.js";

const COMMON_REASONS = ["break", "lunch", "meeting", "training"];

export function stateWord(me) {
  if (!me) return "";
  const words = {
    offline: t("Offline"),
    ready: t("Ready"),
    not_ready: t("Not ready"),
    not_responding: t("Not responding"),
  };
  return words[me.state] ?? me.state;
}

/* A button that opens a panel under it; closes by Escape, by a click elsewhere, by a choice. */
function menu(button, fill) {
  const panel = h("div", { class: "menu card", hidden: true });
  const close = () => {
    show(panel, false);
    button.setAttribute("aria-expanded", "false");
  };
  button.setAttribute("aria-expanded", "false");
  button.setAttribute("aria-haspopup", "true");
  button.addEventListener("click", () => {
    if (!panel.hidden) {
      close();
      return;
    }
    replace(panel, fill(close));
    show(panel, true);
    button.setAttribute("aria-expanded", "true");
    panel.querySelector("button, input, select")?.focus();
  });
  addEventListener("pointerdown", (event) => {
    if (!panel.hidden && !panel.contains(event.target) && !button.contains(event.target)) close();
  });
  panel.addEventListener("keydown", (event) => {
    const items = [...panel.querySelectorAll("button:not(:disabled), input, select")];
    const at = items.indexOf(document.activeElement);
    if (event.key === "Escape") {
      close();
      button.focus();
    } else if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
    else if (event.key === "ArrowUp") items[(at - 1 + items.length) % items.length]?.focus();
    else return;
    event.preventDefault();
  });
  return h("div", { class: "menu-of" }, button, panel);
}

async function showFigures({ link }) {
  const f = await link.call("agent.figures");
  const row = (label, value) => [h("dt", {}, label), h("dd", { class: "number" }, value)];
  const all = Object.values(f.state_ms).reduce((a, b) => a + b, 0) - (f.state_ms.offline || 0);
  tell(
    t("My figures today"),
    h(
      "dl",
      { class: "figures" },
      row(t("Finished"), number(f.completed)),
      Object.entries(f.by_channel).map(([channel, n]) => row(`– ${channelName(channel)}`, number(n))),
      row(t("Mean handling time"), f.completed ? span(f.handled_ms / f.completed) : "–"),
      row(t("Offered"), number(f.offered)),
      row(t("Accepted"), number(f.accepted)),
      row(t("Declined"), number(f.rejected)),
      row(t("Missed"), number(f.timeouts)),
      row(t("Transferred"), number(f.transferred)),
      row(t("Time ready"), span(f.state_ms.ready || 0)),
      row(t("Time not ready"), span(f.state_ms.not_ready || 0)),
      row(t("Share of time ready"), all > 0 ? percent((f.state_ms.ready || 0) / all) : "–"),
      f.amount ? row(t("Outcomes"), money(f.amount)) : null,
    ),
  );
}

function stateMenu(context, close) {
  const { link, model } = context;
  const me = model.me;
  const busy = model.busy;
  const set = (params) => {
    close();
    attempt(null, () => link.call("agent.set_state", params));
  };
  const choice = (label, params, current = false) =>
    h(
      "button",
      { type: "button", class: "plain wide start", "aria-pressed": String(current), onclick: () => set(params) },
      label,
    );
  const reasons = model.reasons.length ? model.reasons : COMMON_REASONS;
  const after = busy ? { after_current: true } : {};
  return [
    choice(t("Ready"), { state: "ready" }, me.state === "ready"),
    h("hr"),
    h("small", { class: "menu-title" }, busy ? t("Not ready after what I hold") : t("Not ready")),
    choice(t("Without a reason"), { state: "not_ready", ...after }),
    reasons.map((reason) =>
      choice(reason, { state: "not_ready", reason, ...after }, me.state === "not_ready" && me.reason === reason),
    ),
    busy
      ? [h("hr"), h("small", { class: "menu-title" }, t("At once")), choice(t("Not ready now"), { state: "not_ready" })]
      : null,
    h("hr"),
    h(
      "button",
      {
        type: "button",
        class: "plain wide start",
        "aria-pressed": String(me.routable === false),
        onclick: () => {
          close();
          attempt(null, () => link.call("agent.set_routable", { routable: me.routable === false }));
        },
      },
      me.routable === false ? t("Take contacts again") : t("Finish what I hold, take nothing new"),
    ),
  ];
}

function channelRows(context) {
  const { link, model } = context;
  return Object.entries(model.me.channels || {}).map(([name, of]) => {
    const box = h("input", {
      type: "checkbox",
      id: `channel-${name}`,
      checked: of.available,
      onchange: () =>
        attempt(null, () => link.call("agent.set_channel", { channel: name, available: box.checked })).then(
          (done) => done || (box.checked = !box.checked),
        ),
    });
    return h(
      "div",
      { class: "row menu-row" },
      box,
      h("label", { for: `channel-${name}`, class: "grow" }, channelName(name)),
      h("small", { title: t("points of your capacity") }, t("{n} points", { n: of.cost })),
    );
  });
}

function moreMenu(context, close) {
  const { alert } = context;
  const entry = (label, fn) =>
    h(
      "button",
      {
        type: "button",
        class: "plain wide start",
        onclick: () => {
          close();
          fn();
        },
      },
      label,
    );
  return [
    h("small", { class: "menu-title" }, t("Channels that I take")),
    channelRows(context),
    h("hr"),
    entry(t("My figures today"), () => attempt(null, () => showFigures(context))),
    entry(t("Keyboard"), showKeys),
    entry(alert.sound ? t("Sound off") : t("Sound on"), () => alert.setSound(!alert.sound)),
    "Notification" in window && Notification.permission !== "granted"
      ? entry(t("Notifications of this system"), async () => {
          const answer = await alert.askNotifications();
          notice(answer === "granted" ? t("Notifications are on.") : t("The browser does not allow notifications here."));
        })
      : null,
    h("hr"),
    h("div", { class: "row menu-row" }, languagePicker(), themeButton()),
    h("hr"),
    entry(t("Log out"), context.leave),
  ];
}

async function callHelp(context) {
  const { link, model } = context;
  if (model.help) {
    await attempt(null, () => link.call("help.end"), t("The call for help is taken back."));
    model.help = false;
    model.changed();
    return;
  }
  const answer = await ask({
    title: t("Call a supervisor"),
    fields: [{ name: "text", label: t("What is it about?"), most: 500 }],
    confirm: t("Call"),
  });
  if (!answer) return;
  const contact = model.current ? { contact: model.current.id } : {};
  const text = answer.text ? { text: answer.text } : {};
  if (await attempt(null, () => link.call("help.request", { ...contact, ...text }), t("A supervisor has been called."))) {
    model.help = true;
    model.changed();
  }
}

export function header(context) {
  const { link, model } = context;
  const word = h("span", { class: "state-word" });
  const reason = h("span", { class: "state-reason" });
  const timer = h("span", { class: "timer" });
  const stateButton = h(
    "button",
    { type: "button", id: "state-button", class: "state", disabled: true },
    h("span", { class: "dot", "aria-hidden": "true" }),
    word,
    reason,
    timer,
  );
  const ready = h("button", {
    type: "button",
    id: "ready-button",
    class: "primary",
    disabled: true,
    onclick: () =>
      attempt(ready, () => {
        const is = model.me.state === "ready";
        const after = is && model.busy ? { after_current: true } : {};
        return link.call("agent.set_state", { state: is ? "not_ready" : "ready", ...after });
      }),
  });
  const pending = h("span", { class: "badge warn", id: "pending", hidden: true });
  const load = h("span", { class: "load", hidden: true });
  const bar = h("meter", { min: 0, max: 100, "aria-label": t("Load") });
  const loadWord = h("span", { class: "soft timer" });
  add(load, [bar, loadWord]);
  const who = outside("", "span", { class: "who cut" });
  const help = h("button", { type: "button", id: "help-button", onclick: () => callHelp(context) }, t("Help"));
  const more = h("button", { type: "button", id: "more-button", class: "plain", "aria-label": t("Menu") }, "☰");

  const render = () => {
    const me = model.me;
    if (!me) return;
    const off = !link.live;
    stateButton.disabled = ready.disabled = help.disabled = off;
    stateButton.className = `state ${me.state} ${me.routable === false ? "draining" : ""}`;
    text(word, stateWord(me));
    text(reason, me.routable === false ? t("finishing") : me.state === "not_ready" && me.reason ? me.reason : "");
    text(timer, clock(Math.max(0, link.now() - me.since_ms)));
    text(ready, me.state === "ready" ? t("Not ready") : t("Ready"));
    toggle(ready, "primary", me.state !== "ready");
    show(pending, !!me.pending);
    text(pending, me.pending ? t("then: {reason}", { reason: me.pending }) : "");
    show(load, me.capacity > 0);
    bar.max = me.capacity || 100;
    bar.value = Math.min(model.load, bar.max);
    text(loadWord, `${model.load}/${me.capacity || 0}`);
    load.title = t("Load: {load} of {capacity} points", { load: model.load, capacity: me.capacity || 0 });
    text(who, me.name || me.id);
    text(help, model.help ? t("Help is called") : t("Help"));
    toggle(help, "called", model.help);
    show(help, link.has("help.request"));
  };
  model.onChange(render);
  every(render);
  return h(
    "header",
    { class: "top" },
    h("span", { class: "brand" }, h("span", { class: "mark", "aria-hidden": "true" }), h("h1", {}, "usher")),
    menu(stateButton, (close) => stateMenu(context, close)),
    ready,
    pending,
    load,
    h("span", { class: "grow" }),
    who,
    help,
    menu(more, (close) => moreMenu(context, close)),
  );
}
