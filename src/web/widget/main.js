/*
 * main.js - the chat widget in its frame: form, waiting, talk, end. What others wrote goes in as text only.
 */
import { $, clean, h, replace, show, text } from "/web/lib/dom.js";
import { randomId, Wire } from "./wire.js";
import { about, language, locale, t } from "./words.js";

const framed = window.parent !== window;
let context = { locale: navigator.language };
let form = null; /* what chat.hello said */
let state = { stage: "none" };
let shownSeq = 0;
const STAR = "M12 2.8l2.8 5.8 6.4.9-4.6 4.5 1.1 6.3-5.7-3-5.7 3 1.1-6.3L2.8 9.5l6.4-.9z";
let typingTimer = null;
let typedAt = 0;
let waitFrom = 0;
const tell = (type, detail) => framed && window.parent.postMessage({ usher: type, detail }, "*");

const wire = new Wire({ on, status, entered, lost });

/* ---- the frame's parts ---- */

const title = h("h1", {});
const sub = h("p", { class: "sub" });
const log = h("div", { id: "log", role: "log", "aria-live": "polite", tabindex: "0" });
const typing = h("p", { class: "typing", hidden: true }, h("i"), h("i"), h("i"));
const place = h("div", { class: "place", role: "status", hidden: true });
const note = h("p", { class: "note", role: "status", hidden: true });
const panel = h("div", { class: "panel", hidden: true });
const box = h("textarea", { id: "box", rows: 1, maxlength: 4000, dir: "auto", oninput: typed, onkeydown: keyed });
const file = h("input", { type: "file", hidden: true, onchange: picked });
const clip = h("button", { type: "button", class: "icon", onclick: () => file.click(), hidden: true }, icon(
  "M16.5 6.5 9 14a2 2 0 0 0 2.8 2.8l7.4-7.4a4 4 0 0 0-5.6-5.7L5.9 11.5a6 6 0 0 0 8.5 8.5l6.1-6.2"));
const sendButton = h("button", { type: "submit", class: "icon send" }, icon("M3 12 21 4l-6 16-4-6-8-2z", true));
const composer = h("form", { class: "composer", hidden: true, onsubmit: submit }, clip, file, box, sendButton);
const end = h("button", { type: "button", class: "icon", onclick: askEnd, hidden: true }, icon("M6 6l12 12M18 6 6 18"));
const less = h("button", { type: "button", class: "icon", onclick: () => tell("close"), hidden: !framed }, icon("M5 9l7 7 7-7"));

function icon(d, filled) {
  return h("svg", { viewBox: "0 0 24 24", width: 22, height: 22, "aria-hidden": "true", class: filled ? "full" : "line" }, h("path", { d }));
}

function label(node, words) {
  node.setAttribute("aria-label", words);
  node.title = words;
}

function words() {
  text(title, form?.title ? clean(form.title) : t("Chat with us"));
  label(box, t("Your message"));
  box.placeholder = t("Write a message…");
  label(sendButton, t("Send"));
  label(clip, t("Send a file"));
  label(end, t("End the chat"));
  label(less, t("Close"));
  label(log, t("Conversation"));
}

document.body.className = "none";
document.body.append(
  h("header", {}, h("div", { class: "who" }, title, sub), end, less),
  h("main", {}, log, typing, panel), place, note, composer,
);

/* ---- messages ---- */

const zone = () => new Intl.DateTimeFormat(locale(), { hour: "2-digit", minute: "2-digit" });

function eventWords(message) {
  const name = message.name ? clean(message.name) : t("an agent");
  if (message.code === "joined") return t("You are talking with {name}.", { name });
  if (message.code === "requeued") return t("Somebody else will be with you in a moment.");
  if (message.code === "transferred") return t("You are being connected with a colleague.");
  return "";
}

function bubble(message, mine, pending) {
  const node = h("div", { class: `message ${mine ? "mine" : "theirs"}${pending ? " pending" : ""}` });
  if (message.file) {
    const size = new Intl.NumberFormat(locale(), { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 }).format(Math.ceil(message.file.size / 1000));
    node.append(h("button", { type: "button", class: "file", onclick: () => download(message) },
      h("bdi", {}, clean(message.file.name)), h("small", {}, size)));
  } else {
    const body = h("p", { dir: "auto" });
    body.textContent = clean(message.text);
    node.append(body);
  }
  if (message.at) node.append(h("time", { datetime: message.at }, zone().format(new Date(message.at))));
  if (message.name && !mine) node.prepend(h("span", { class: "name" }, clean(message.name)));
  return node;
}

function atEnd() {
  return log.scrollHeight - log.scrollTop - log.clientHeight < 80;
}

function put(node) {
  const stay = !atEnd();
  log.append(node);
  if (!stay) log.scrollTop = log.scrollHeight;
}

function showMessage(message) {
  if (message.seq <= shownSeq) return;
  shownSeq = message.seq;
  const pending = log.querySelector(`[data-id="${CSS.escape(message.id)}"]`);
  if (message.kind === "event") {
    const said = eventWords(message);
    if (said) put(h("p", { class: "event" }, said));
    return;
  }
  const mine = message.from === "customer";
  const node = bubble(message, mine);
  node.dataset.seq = message.seq;
  if (pending && mine) pending.remove();
  put(node);
  if (!mine) {
    show(typing, false);
    tell("message", { from: message.from });
    if (document.hasFocus() || !framed) markRead();
  }
}

function pendingMessage(id, words_) {
  if (log.querySelector(`[data-id="${CSS.escape(id)}"]`)) return;
  const node = bubble({ text: words_ }, true, true);
  node.dataset.id = id;
  put(node);
  log.scrollTop = log.scrollHeight;
}

let lastRead = 0;
function markRead() {
  if (shownSeq <= lastRead || state.stage === "none") return;
  lastRead = shownSeq;
  wire.call("chat.read", { seq: shownSeq }).catch(() => {});
}

function readMark(seq) {
  log.querySelectorAll(".seen").forEach((n) => n.classList.remove("seen"));
  const mine = [...log.querySelectorAll(".mine[data-seq]")].filter((n) => Number(n.dataset.seq) <= seq);
  const last = mine.at(-1);
  if (!last) return;
  last.classList.add("seen");
  last.dataset.seen = t("Seen");
}

/* ---- events ---- */

function on(name, params) {
  if (name === "chat.message") showMessage(params);
  else if (name === "chat.state") follow(params);
  else if (name === "chat.typing") {
    show(typing, params.on);
    clearTimeout(typingTimer);
    if (params.on) typingTimer = setTimeout(() => show(typing, false), 8000);
    if (params.on && atEnd()) typing.scrollIntoView({ block: "end" });
  } else if (name === "chat.read") readMark(params.seq);
  else if (name === "chat.amended") {
    const body = log.querySelector(`[data-seq="${params.seq}"] p`);
    if (body) body.textContent = clean(params.text);
  } else if (name === "chat.replaced") say(t("The chat goes on in another tab."));
  else if (name === "refused") {
    log.querySelector(`[data-id="${CSS.escape(params.id)}"]`)?.classList.add("failed");
    say(refusal(params));
  }
}

function say(words_) {
  text(note, words_);
  show(note, !!words_);
}

function status(what) {
  if (what === "offline") say(t("Connection lost. Trying again…"));
  else say("");
}

function entered(answer) {
  form = { ...form, ...answer.form };
  words();
  for (const message of answer.messages) showMessage(message);
  for (const { id, text: words_ } of wire.kept.unsent) pendingMessage(id, words_);
  follow(answer.state);
  readMark(answer.read);
  log.scrollTop = log.scrollHeight;
  tell("message", { from: "system" });
}

/* The chat is no longer kept: what was shown of it has no place beside a new one. */
function lost() {
  clear();
  begin().then(() => say(t("The chat has ended.")));
}

/* anew: the panel's words are old too. What is being filled in stays as long as the chat stays where it is. */
function follow(next, anew = false) {
  const moved = anew || next.stage !== state.stage;
  state = next;
  const talks = state.stage === "talking";
  const waits = state.stage === "waiting" || state.stage === "starting";
  show(composer, talks || waits);
  show(end, talks || waits);
  show(clip, (talks || waits) && !!form?.uploads);
  if (form?.uploads) file.accept = form.uploads.types.map((e) => `.${e}`).join(",");
  show(typing, false);
  text(sub, talks ? (state.agent?.name ? clean(state.agent.name) : t("Connected")) : waits ? t("Waiting") : "");
  document.body.className = state.stage;
  drawPlace();
  if (talks && state.asked) {
    replace(panel, h("p", { class: "asked" }, t("Are you still there?")),
      h("button", { type: "button", class: "primary", onclick: () => wire.call("chat.here").catch(() => {}) }, t("Yes, I am here")));
    show(panel, true);
  } else if (state.stage === "over") moved && drawOver();
  else if (moved || $(".asked", panel)) show(panel, false);
}

/* ---- waiting ---- */

function drawPlace() {
  show(place, state.stage === "waiting");
  if (state.stage !== "waiting") return;
  waitFrom = Date.now();
  const lines = [h("strong", {}, state.position === 0 || state.position === undefined
    ? t("You are next.") : t("{n} before you", { n: new Intl.NumberFormat(locale()).format(state.position) }))];
  lines.push(h("span", { id: "wait" }));
  if (state.alternatives) lines.push(others(instead(state.alternatives)));
  replace(place, lines);
  count();
}

function count() {
  const node = $("#wait");
  if (!node) return;
  const e = state.estimated_wait_ms;
  if (!e) {
    text(node, t("How long it takes cannot be said yet."));
    return;
  }
  const gone = Date.now() - waitFrom;
  const low = Math.max(0, e.low - gone), high = Math.max(0, e.high - gone);
  text(node, about(low) === about(high) ? t("Likely {time}", { time: about(high) })
    : t("Likely {low} to {high}", { low: about(low), high: about(high) }));
}
setInterval(count, 5000);

/* What may be had instead: of a chat that waits its going on as that, else a request or a message of its own. */
function others(list) {
  const buttons = [];
  const waits = wire.known && state.stage === "waiting";
  if (list.includes("callback"))
    buttons.push(h("button", { type: "button", onclick: () => askCall(true) }, waits ? t("Call me instead") : t("Call me")));
  if (list.includes("email"))
    buttons.push(h("button", { type: "button", onclick: waits ? askMail : askMessage }, waits ? t("Answer me by mail") : t("Leave a message")));
  return h("div", { class: "others" }, buttons);
}

/* A queue may name its own; else whatever this centre has. */
const instead = (list) => (list?.length ? list : (form?.ways ?? []));

/* ---- forms ---- */

const ADMISSION = new Set(["queue_closed", "queue_full", "wait_too_long", "ewt_over", "no_agents", "no_channel", "too_many_chats"]);

/* Refusals that a customer may meet, in his language; the others as the server says them. */
function refusal(error) {
  const words_ = {
    offline: wire.known ? t("Connection lost. Trying again…") : t("That did not work just now. Please try again."),
    queue_closed: t("We are closed just now."),
    queue_full: t("Too many people are waiting just now."),
    wait_too_long: t("The wait is very long just now."),
    ewt_over: t("The wait is very long just now."),
    no_agents: t("Nobody is here just now."),
    too_many_chats: t("You have as many open chats as there may be."),
    rate_limited: t("That was too often. Please wait a while."),
    store_away: t("That did not work just now. Please try again."),
    busy: t("That did not work just now. Please try again."),
    number_wrong: t("This number cannot be called. Please check it."),
    closed: t("Nobody calls at this time."),
    too_many_for_number: t("That was too often. Please wait a while."),
    file_type: t("Files of this kind are not taken."),
    file_too_large: t("The file is too large."),
    too_many_files: t("No more files can be sent in this chat."),
    chat_full: t("This chat has as many messages as it may have."),
    too_many_from_address: t("That was too often. Please wait a while."),
  };
  if (error.type in words_) return words_[error.type];
  if (error instanceof TypeError || error instanceof SyntaxError) return words_.busy; /* of fetch: no network, or no answer of ours */
  if (error.type === "invalid_params" && error.data?.field === "email") return t("Please give an address such as ann@example.com.");
  return error.message;
}

function field(name, words_, props = {}) {
  const tag = props.options ? "select" : props.rows ? "textarea" : "input";
  const { options, ...rest } = props;
  const input = h(tag, { id: `f-${name}`, name, dir: "auto", required: form?.require?.includes(name) || rest.required, ...rest });
  if (options) input.append(h("option", { value: "" }, t("Please choose")), ...options.map((o) => h("option", { value: o }, clean(o))));
  return h("div", { class: "field" }, h("label", { for: `f-${name}` }, words_), input);
}

const FIELDS = {
  name: () => field("name", t("Your name"), { maxlength: 120, autocomplete: "name" }),
  email: () => field("email", t("E-mail"), { type: "email", maxlength: 254, autocomplete: "email", dir: "ltr" }),
  phone: () => field("phone", t("Telephone"), { type: "tel", maxlength: 32, autocomplete: "tel", dir: "ltr" }),
  topic: () => field("topic", t("Topic"), form.topics?.length ? { options: form.topics } : { maxlength: 120 }),
  question: () => field("question", t("Your question"), { rows: 3, maxlength: 4000 }),
};

function values(node) {
  const out = {};
  for (const [name, value] of new FormData(node)) if (String(value).trim()) out[name] = String(value);
  return out;
}

function ask(heading, fields, action, go, more = null) {
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const button = h("button", { type: "submit", class: "primary" }, action);
  const node = h("form", { class: "ask", onsubmit: async (event) => {
    event.preventDefault();
    button.disabled = true;
    show(wrong, false);
    try {
      await go(values(node));
    } catch (error) {
      text(wrong, refusal(error));
      show(wrong, true);
      $(".others", node)?.remove();
      if (ADMISSION.has(error.type)) wrong.after(others(instead(error.data?.alternatives)));
      if (error.data?.field) $(`[name="${CSS.escape(error.data.field)}"]`, node)?.focus();
      tell("error", { type: error.type });
    }
    button.disabled = false;
  } }, h("h2", {}, heading), fields, wrong, button, more);
  replace(panel, node);
  show(panel, true);
  $("input, select, textarea", node)?.focus();
}

function about_() {
  return {
    language: locale(),
    page: context.page,
    ...(context.fields && typeof context.fields === "object" ? { fields: context.fields } : {}),
    ...(context.identity ? { identity: context.identity } : {}),
  };
}

function drawForm() {
  const known = context.identity ? ["name", "email", "phone"] : [];
  const fields = form.ask.filter((n) => n in FIELDS && !known.includes(n)).map((n) => FIELDS[n]());
  ask(t("How can we help?"), fields, t("Start the chat"), (said) => wire.start({ ...said, ...about_() }));
}

function drawClosed() {
  const ways = instead(form.alternatives);
  replace(panel, h("h2", {}, t("We are closed just now.")),
    h("p", {}, !ways.length ? t("Please come back later.") : ways.includes("callback") ? t("Leave us a number and we call you, or come back later.") : t("Leave us a message and we write to you.")),
    others(ways));
  show(panel, true);
}

/* ---- a message instead of a chat ---- */

function askMessage() {
  const said = $("textarea", panel)?.value || ""; /* what was written for the chat is not written twice */
  const signed = context.identity || {};
  const id = randomId();
  ask(t("Leave a message"), [
    signed.name ? null : FIELDS.name(),
    signed.email ? null : field("email", t("E-mail"), { type: "email", required: true, maxlength: 254, autocomplete: "email", dir: "ltr" }),
    FIELDS.topic(),
    field("text", t("Your message"), { rows: 4, maxlength: 4000, required: true, value: said }),
  ], t("Send"), async (given) => {
    await wire.connect();
    await wire.call("chat.write", { client_id: id, ...given, ...about_() });
    replace(panel, h("h2", {}, t("Thank you!")), h("p", {}, t("Your message is here. We answer by mail.")));
  }, h("button", { type: "button", class: "back", onclick: () => (form.open ? drawForm() : drawClosed()) }, t("Back")));
}

async function callMe(said) {
  const answer = await fetch("/v1/callbacks", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({
    phone: said.phone, name: said.name ?? context.identity?.name, topic: said.topic, consent: true, language: locale(), page: context.page,
    ...(context.fields && typeof context.fields === "object" ? { fields: context.fields } : {}),
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  }) });
  const body = await answer.json();
  if (!answer.ok) throw Object.assign(new Error(body.error.message), { type: body.error.type, data: { field: body.error.field } });
  return body;
}

function called(answer) {
  const link = answer.token ? `/callme#${answer.id ?? answer.request}.${answer.token}` : null;
  replace(panel, h("h2", {}, t("We will call you.")), h("p", {}, t("Your place in line is kept.")),
    link && h("p", {}, h("a", { href: link, target: "_blank", rel: "noopener" }, t("See your place, move it or withdraw it"))));
  show(panel, true);
}

function askCall(convert) {
  const going = convert && wire.known && state.stage !== "over";
  const known = !!context.identity?.name;
  ask(t("Call me"), [going || known ? null : FIELDS.name(), field("phone", t("Telephone"), { type: "tel", required: true, maxlength: 32, autocomplete: "tel", dir: "ltr" }),
    h("label", { class: "agree" }, h("input", { type: "checkbox", required: true }), h("span", {}, t("I agree to be called under this number.")))],
    t("Call me"), async (said) => {
      if (going) {
        const answer = await wire.once("chat.convert", { to: "callback", phone: said.phone });
        called(answer);
      } else called(await callMe(said));
    });
}

function askMail() {
  ask(t("Answer me by mail"), [field("email", t("E-mail"), { type: "email", required: true, maxlength: 254, autocomplete: "email", dir: "ltr" })],
    t("Send"), async (said) => {
      await wire.once("chat.convert", { to: "email", email: said.email });
      replace(panel, h("h2", {}, t("We will write to you.")));
    });
}

/* ---- the end ---- */

function askEnd() {
  replace(panel, h("p", {}, t("End this chat?")), h("div", { class: "others" },
    h("button", { type: "button", class: "primary", onclick: () => wire.call("chat.leave").catch(() => {}) }, t("End the chat")),
    h("button", { type: "button", onclick: () => show(panel, false) }, t("Go on"))));
  show(panel, true);
  $("button", panel).focus();
}

function drawOver() {
  if (state.reason === "callback" || state.reason === "email") {
    if (panel.hidden) {
      replace(panel, h("h2", {}, state.reason === "email" ? t("We will write to you.") : t("We will call you.")));
      show(panel, true);
    }
    return;
  }
  const parts = [h("h2", {}, t("The chat has ended."))];
  if (state.reason === "silent") parts.push(h("p", {}, t("We did not hear from you any more.")));
  if (state.may_rate) parts.push(rating());
  if (form?.transcript) parts.push(transcript());
  parts.push(h("button", { type: "button", onclick: () => { wire.forget(); reset(); } }, t("Start a new chat")));
  replace(panel, parts);
  show(panel, true);
}

function rating() {
  const box_ = h("fieldset", { class: "rating" }, h("legend", {}, t("How was it?")));
  const names = [t("very bad"), t("bad"), t("so so"), t("good"), t("very good")];
  names.forEach((name, i) => {
    const button = h("button", { type: "button", onclick: () => wire.call("chat.rate", { score: i + 1 })
      .then(() => replace(box_, h("p", {}, t("Thank you!"))), (error) => say(refusal(error))) }, icon(STAR));
    label(button, name);
    box_.append(button);
  });
  return box_;
}

function transcript() {
  const input = h("input", { type: "email", id: "f-mail", required: true, maxlength: 254, autocomplete: "email", dir: "ltr", placeholder: "ann@example.com" });
  const node = h("form", { class: "mail", onsubmit: async (event) => {
    event.preventDefault();
    try {
      await wire.once("chat.transcript", { email: input.value });
      replace(node, h("p", {}, t("The transcript is on its way.")));
    } catch (error) {
      say(refusal(error));
    }
  } }, h("label", { for: "f-mail" }, t("Transcript by mail")), h("div", { class: "row" }, input, h("button", { type: "submit" }, t("Send"))));
  return node;
}

/* ---- writing ---- */

function grow() {
  box.style.setProperty("height", "auto");
  box.style.setProperty("height", `${Math.min(120, box.scrollHeight)}px`);
}

function typed() {
  grow();
  if (state.stage === "talking" && Date.now() - typedAt > 3000) {
    typedAt = Date.now();
    wire.call("chat.typing", { on: true }).catch(() => {});
  }
}

function keyed(event) {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    submit();
  }
}

function submit(event) {
  event?.preventDefault();
  const words_ = box.value.trim();
  if (!words_) return;
  box.value = "";
  grow();
  typedAt = 0;
  pendingMessage(wire.say(words_), words_);
}

async function picked() {
  const chosen = file.files[0];
  file.value = "";
  if (!chosen) return;
  if (chosen.size > form.uploads.most_bytes) {
    say(t("The file is too large."));
    return;
  }
  const id = `f-${Date.now()}-${Math.floor(Math.random() * 1e9)}`;
  const data = new Uint8Array(await chosen.arrayBuffer());
  for (;;) {
    try {
      await upload(id, chosen.name, data);
      say("");
      return;
    } catch (error) {
      if (error.type !== "offline" || !wire.known) {
        say(error.type === "invalid_params" ? t("The file’s name cannot be used.") : refusal(error));
        return;
      }
    }
    await wire.back(); /* and from the beginning: under the same id it is one file */
  }
}

async function upload(id, name, data) {
  const part = 36864;
  for (let at = 0, n = 0; at < data.length; at += part, n++) {
    say(t("Sending {name}… {percent}", { name: clean(name), percent: new Intl.NumberFormat(locale(), { style: "percent" }).format(at / data.length) }));
    let bytes = "";
    for (const b of data.subarray(at, at + part)) bytes += String.fromCharCode(b);
    await wire.call("chat.upload", { id, name, size: data.length, part: n, data: btoa(bytes) });
  }
}

async function download(message) {
  try {
    const link = await wire.call("chat.file", { seq: message.seq });
    const answer = await fetch(link.path, { headers: { "X-Usher-Token": link.token } });
    if (!answer.ok) throw new Error(t("The file is no longer there."));
    const url = URL.createObjectURL(await answer.blob());
    const a = h("a", { download: clean(message.file.name) });
    a.href = url;
    a.click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  } catch (error) {
    say(refusal(error));
  }
}

/* ---- life ---- */

async function begin() {
  await language(context.locale);
  if (context.dark === "on" || context.dark === "off") document.documentElement.dataset.theme = context.dark === "on" ? "dark" : "light";
  words();
  if (wire.known) {
    wire.connect();
    return;
  }
  try {
    await wire.connect();
    form = await wire.call("chat.hello", { language: locale() });
    say("");
    words();
    if (wire.known) return;
    if (form.open) drawForm();
    else drawClosed();
  } catch {
    say(t("Connection lost. Trying again…"));
    setTimeout(begin, 3000);
  }
}

function clear() {
  replace(log);
  shownSeq = lastRead = 0;
  state = { stage: "none" };
  document.body.className = "none";
  for (const node of [composer, place, panel, end, typing]) show(node, false);
  text(sub, "");
  say("");
}

function reset() {
  clear();
  wire.drop();
  begin();
}

addEventListener("message", (event) => {
  if (!framed || event.source !== window.parent) return;
  const said = event.data || {};
  if (said.usher === "context") {
    const first = !context.page;
    const other = context.locale !== said.locale;
    context = { page: said.page, fields: said.fields, identity: said.identity, locale: said.locale, dark: said.dark };
    if (first) begin();
    else if (other) language(context.locale).then(() => { words(); if (state.stage !== "none") follow(state, true); });
  } else if (said.usher === "shown") {
    markRead();
    (composer.hidden ? $("input, textarea", panel) : box)?.focus();
  } else if (said.usher === "reset") {
    wire.forget();
    reset();
  }
});
addEventListener("focus", markRead);
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && framed) tell("close");
});

await language(context.locale);
words();
if (framed) tell("ready");
else {
  context.page = { url: location.href, title: document.title, referrer: document.referrer };
  begin();
}
