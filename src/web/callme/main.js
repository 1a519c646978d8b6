/*
 * main.js - the call-me form, and, with #ID.TOKEN behind the address, the page of one request: state, place,
 * another time, never mind. Moments are shown in the customer's own time zone.
 */
import { $, clean, h, replace, show, text } from "/web/lib/dom.js";
import { comesLater } from "/web/lib/refusal.js";
import { language, locale, t } from "./words.js";

const PATH = "/v1/callbacks";
const LOOK_MS = 10000;
const AGAIN_MS = 3000; /* until a form that could not be had is asked for again */
const SLOT_MS = 3600000;
const page = $("#page");
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const from = new URLSearchParams(location.search);

function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, "0")).join("");
}

async function ask(method, path, body, token) {
  const answer = await fetch(path, {
    method,
    headers: { ...(body ? { "Content-Type": "application/json" } : {}), ...(token ? { "X-Usher-Token": token } : {}) },
    body: body ? JSON.stringify(body) : undefined,
  });
  const value = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(value.error.message), value.error);
  return value;
}

/* ---- time ---- */

/* In the page's language, by the habits of the customer's own country where he speaks it. */
const tag = () => (navigator.language.toLowerCase().startsWith(locale()) ? navigator.language : locale());
const day = { format: (at) => new Intl.DateTimeFormat(tag(), { weekday: "long", day: "numeric", month: "long" }).format(at) };
const hour = { format: (at) => new Intl.DateTimeFormat(tag(), { hour: "2-digit", minute: "2-digit" }).format(at) };

/* Whole hours within the open time, by the customer's day. */
function slots(form) {
  const days = new Map();
  const now = Date.now();
  const open = form.always
    ? [{ from: new Date(now).toISOString(), to: new Date(now + 7 * 86400000).toISOString() }]
    : form.hours;
  for (const interval of open) {
    const end = Date.parse(interval.to);
    let at = Math.ceil(Math.max(Date.parse(interval.from), now + 1800000) / SLOT_MS) * SLOT_MS;
    if (at > end) at = Math.max(Date.parse(interval.from), now);
    for (; at + Math.min(SLOT_MS, Math.max(form.window_ms, 1)) <= end; at += SLOT_MS) {
      const start = new Date(at);
      if (form.always && (start.getHours() < 8 || start.getHours() > 19)) continue;
      const name = day.format(start);
      const to = Math.min(at + SLOT_MS, end);
      if (!days.has(name)) days.set(name, []);
      days.get(name).push({ from: start.toISOString(), to: new Date(to).toISOString(), words: `${hour.format(start)} – ${hour.format(new Date(to))}` });
      if (days.size > 10) return days;
    }
  }
  return days;
}

function whenField(form) {
  const days = slots(form);
  const pick = h("select", { id: "slot", name: "slot", "aria-label": t("Time") });
  const dayPick = h("select", { id: "day", name: "day", "aria-label": t("Day"), onchange: fill });
  for (const name of days.keys()) dayPick.append(h("option", { value: name }, name));
  function fill() {
    replace(pick, (days.get(dayPick.value) || []).map((s) => h("option", { value: `${s.from}|${s.to}` }, s.words)));
  }
  fill();
  const later = h("div", { class: "row", hidden: form.open }, dayPick, pick);
  const choose = (value, words, checked, disabled) =>
    h("label", { class: "choice" }, h("input", { type: "radio", name: "when", value, checked, disabled, onchange: () => show(later, value === "later") }), h("span", {}, words));
  return h("fieldset", {}, h("legend", {}, t("When?")),
    choose("now", form.open ? t("As soon as possible") : t("As soon as possible (we are closed just now)"), form.open, !form.open),
    choose("later", t("At a time of my choice"), !form.open, days.size === 0), later,
    h("p", { class: "dim" }, t("Times are in your own time zone, {zone}.", { zone })));
}

function when(node) {
  const data = new FormData(node);
  if (data.get("when") !== "later") return "now";
  const [start, to] = String(data.get("slot")).split("|");
  return { from: start, to };
}

/* ---- the form ---- */

/* Refusals that a customer may meet, in his language; the others as the server says them. */
function refusal(error) {
  const words = {
    number_wrong: t("This number cannot be called. Please check it."),
    consent_missing: t("Please agree to be called under this number."),
    closed: t("Nobody calls at this time."),
    window_wrong: t("Nobody calls at this time."),
    too_many_for_number: t("That was too often. Please wait a while."),
    too_many_from_address: t("That was too often. Please wait a while."),
    store_away: t("That did not work just now. Please try again."),
    busy: t("That did not work just now. Please try again."),
  };
  if (error.type in words) return words[error.type];
  if (error.type === "invalid_params" && error.field === "phone") return t("Please give your telephone number.");
  if (error instanceof TypeError || error instanceof SyntaxError) return t("That did not work just now. Please try again.");
  return error.message;
}

function field(name, words, input) {
  return h("div", { class: "field" }, h("label", { for: `f-${name}` }, words), input);
}

function drawForm(form) {
  if (!form.available) {
    replace(page, h("h1", {}, t("Call me")), h("p", {}, t("We call nobody back at this time.")));
    return;
  }
  const client = randomId();
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "primary" }, t("Call me"));
  const topic = form.topics.length
    ? h("select", { id: "f-topic", name: "topic" }, h("option", { value: "" }, t("Please choose")), form.topics.map((o) => h("option", { value: o }, clean(o))))
    : h("input", { id: "f-topic", name: "topic", maxlength: 120, dir: "auto" });
  const node = h("form", { novalidate: true, onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    show(wrong, false);
    const data = Object.fromEntries([...new FormData(node)].filter(([, v]) => String(v).trim()));
    try {
      const made = await ask("POST", PATH, {
        phone: data.phone || "", name: data.name, topic: data.topic, when: when(node), consent: !!data.consent,
        language: locale(), timezone: zone, client_id: client,
        page: { url: from.get("from") || document.referrer || location.href.split("#")[0], title: from.get("title") || document.title, referrer: document.referrer },
      });
      if (made.token) {
        location.hash = `${made.id}.${made.token}`;
        look();
      } else joined(made);
    } catch (error) {
      text(wrong, refusal(error));
      show(wrong, true);
      const bad = error.field && $(`[name="${CSS.escape(error.field)}"]`, node);
      bad?.setAttribute("aria-invalid", "true");
      bad?.focus();
    }
    button.disabled = false;
  } },
    field("phone", t("Your telephone number"), h("input", { id: "f-phone", name: "phone", type: "tel", autocomplete: "tel", required: true, maxlength: 32, dir: "ltr", placeholder: form.country ? "" : "+44 20 7946 0018" })),
    field("name", t("Your name"), h("input", { id: "f-name", name: "name", autocomplete: "name", maxlength: 120, dir: "auto" })),
    field("topic", t("What is it about?"), topic),
    whenField(form),
    form.consent && h("label", { class: "choice" }, h("input", { type: "checkbox", name: "consent", required: true }), h("span", {}, t("I agree to be called under this number."))),
    wrong, button);
  replace(page, h("h1", {}, t("Call me")), h("p", { class: "dim" }, t("You keep your place in line; we ring you when it is your turn.")), node);
}

function joined(made) {
  replace(page, h("h1", {}, t("You are in line already")), h("p", {}, t("There is an open request for this number and topic.")), h("p", {}, stateWords(made)));
}

async function begin() {
  try {
    drawForm(await ask("GET", PATH));
  } catch (error) {
    replace(page, h("h1", {}, t("Call me")), h("p", { role: "alert" }, refusal(error)));
    setTimeout(begin, AGAIN_MS);
  }
}

/* ---- one request ---- */

function stateWords(r) {
  const n = new Intl.NumberFormat(locale());
  switch (r.state) {
    case "waiting":
      if (r.position === 0 || r.position === undefined) return t("You are next.");
      return t("{n} before you", { n: n.format(r.position) });
    case "scheduled":
      return r.when
        ? t("We call you {day}, {from} to {to}.", { day: day.format(new Date(r.when.from)), from: hour.format(new Date(r.when.from)), to: hour.format(new Date(r.when.to)) })
        : t("We try again in a few minutes.");
    case "calling":
      return t("You are being called now.");
    case "called":
    case "rang_in":
    case "ended":
      return t("We have spoken. Thank you.");
    case "cancelled":
      return t("The request was withdrawn.");
    case "unreachable":
      return t("We did not reach you. Ask again when it suits you.");
    default:
      return t("We could not call you in time. Please ask again.");
  }
}

function waitWords(r) {
  const e = r.estimated_wait_ms;
  if (r.state !== "waiting") return "";
  if (!e) return t("How long it takes cannot be said yet.");
  const minutes = (ms) => Math.max(1, Math.round(ms / 60000));
  const unit = (v) => new Intl.NumberFormat(locale(), { style: "unit", unit: "minute", unitDisplay: "long" }).format(v);
  const low = minutes(e.low), high = minutes(e.high);
  return low === high ? t("Likely {time}", { time: unit(high) }) : t("Likely {low} to {high}", { low: unit(low), high: unit(high) });
}

let timer = null;
const willPass = (error) => !error.type || comesLater(error.type);

async function look() {
  clearTimeout(timer);
  const [id, ...rest] = location.hash.slice(1).split(".");
  const token = rest.join(".");
  let r;
  try {
    r = await ask("GET", `${PATH}/${encodeURIComponent(id)}`, null, token);
  } catch (error) {
    // Away for a moment: what is shown stays, and it is asked again.
    const passes = willPass(error);
    if (passes) timer = setTimeout(() => ($("#move") ? null : look()), LOOK_MS);
    if (passes && page.querySelector(".card")) return;
    replace(page, h("h1", {}, t("Call me")), h("p", { role: "alert" }, passes ? refusal(error) : t("This request is not known any more.")), passes ? [] : again());
    return;
  }
  if ($("#move")) return; /* it was opened meanwhile */
  drawRequest(r, id, token);
  if (["waiting", "scheduled", "calling"].includes(r.state)) timer = setTimeout(() => ($("#move") ? null : look()), LOOK_MS);
}

function again() {
  return h("p", {}, h("a", { href: "/callme", onclick: () => setTimeout(() => location.reload()) }, t("Ask to be called")));
}

function drawRequest(r, id, token) {
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const attempt = async (act) => {
    try {
      await act();
    } catch (error) {
      if (!willPass(error)) return look();
      text(wrong, refusal(error));
      show(wrong, true);
    }
  };
  const open = r.state === "waiting" || r.state === "scheduled";
  const parts = [
    h("h1", {}, open || r.state === "calling" ? t("We will call you") : t("Call me")),
    h("div", { class: `card ${r.state}`, role: "status" }, h("strong", {}, stateWords(r)), h("span", { class: "dim" }, waitWords(r)),
      h("span", { class: "dim" }, h("bdi", { dir: "ltr" }, r.phone), r.topic ? " · " : "", r.topic && h("bdi", {}, clean(r.topic)))),
  ];
  if (open)
    parts.push(h("div", { class: "row" }, h("button", { type: "button", onclick: () => attempt(() => drawMove(id, token)) }, t("Another time")),
      h("button", { type: "button", onclick: () => attempt(async () => { await ask("DELETE", `${PATH}/${id}`, null, token); look(); }) }, t("Never mind"))), wrong);
  else if (r.state !== "calling") parts.push(again());
  replace(page, parts);
}

async function drawMove(id, token) {
  const form = await ask("GET", PATH);
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const node = h("form", { id: "move", onsubmit: async (event) => {
    event.preventDefault();
    try {
      await ask("PATCH", `${PATH}/${id}`, { when: when(node) }, token);
      replace(page);
      look();
    } catch (error) {
      text(wrong, refusal(error));
      show(wrong, true);
    }
  } }, whenField(form), wrong, h("div", { class: "row" }, h("button", { type: "submit", class: "primary" }, t("Move")), h("button", { type: "button", onclick: () => { replace(page); look(); } }, t("Leave it"))));
  replace(page, h("h1", {}, t("Another time")), node);
  $("input:checked", node)?.focus();
}

await language(from.get("lang") || navigator.language);
document.title = t("Call me");
if (location.hash.includes(".")) look();
else begin();
