/*
 * panel_chat.js - a chat: messages with notes and whispers, typing, read marks, proposals, stored responses, files.
 * Messages carry an id of ours, so that one that is sent again after a lost connection is one message.
 */
import { clean, h, keyed, outside, replace, show, text } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { newId, once } from "../lib/once.js";
import { comesLater } from "../lib/refusal.js";
import { keepDraft, load, save } from "../lib/store.js";
import { every } from "../lib/ticker.js";
import { moment, ms, percent } from "../lib/time.js";
import { attempt, badge, notice } from "../lib/ui.js";
import { convert, sendTranscript } from "./chat_acts.js";

const TYPING_EVERY_MS = 3000;
const TYPING_SHOWN_MS = 6000;
const CHAT_TEXT_MAX = 8000;
const AGAIN_MS = 1000; /* until what could not be taken is said again */

/* What is said but not yet confirmed outlives a reload: it is sent again under its id. */
class Outbox {
  constructor(context, contact) {
    this.context = context;
    this.contact = contact;
    this.name = `chatout.${contact}`;
    this.list = load(this.name, []);
  }

  add(said) {
    const entry = { id: newId(), text: said, at: Date.now() };
    this.list.push(entry);
    save(this.name, this.list);
    this.flush();
    return entry;
  }

  drop(id) {
    const n = this.list.length;
    this.list = this.list.filter((e) => e.id !== id);
    if (this.list.length !== n) save(this.name, this.list.length ? this.list : null);
  }

  async flush() {
    const { link } = this.context;
    if (this.busy || !link.live) return;
    this.busy = true;
    try {
      while (this.list.length && link.live) {
        const { id, text: said } = this.list[0];
        try {
          await link.call("chat.message", { contact: this.contact, id, text: said });
          this.drop(id);
        } catch (error) {
          if (error.type === "gone") break; /* said again when the connection is back */
          if (comesLater(error.type)) {
            clearTimeout(this.timer);
            this.timer = setTimeout(() => this.flush(), error.data.retry_after_ms || AGAIN_MS);
            break;
          }
          this.drop(id);
          notice(error.message, "bad");
          this.onRefused?.(said);
        }
      }
    } finally {
      this.busy = false;
      this.onChange?.();
    }
  }
}

const EVENT_WORDS = () => ({
  joined: t("An agent joined."),
  requeued: t("The chat waits again."),
  transferred: t("The chat was handed on."),
  ended: t("The chat is over."),
  rated: t("The customer rated the chat."),
});

function fileLink(context, item, message) {
  const f = message.file;
  return h(
    "button",
    {
      type: "button",
      class: "small",
      onclick: (event) =>
        attempt(event.currentTarget, async () => {
          const answer = await context.link.call("chat.file", { contact: item.id, seq: message.seq });
          const response = await fetch(answer.path, { headers: { "X-Usher-Token": answer.token } });
          if (!response.ok) throw new Error(t("The file cannot be had any more."));
          /* An address of our own making; the file is saved, never shown here. */
          const a = document.createElement("a");
          a.href = URL.createObjectURL(new Blob([await response.blob()], { type: "application/octet-stream" }));
          a.download = clean(f.name || "file");
          document.body.append(a);
          a.click();
          a.remove();
          setTimeout(() => URL.revokeObjectURL(a.href), 10000);
        }),
    },
    "📎 ",
    outside(f.name || t("A file")),
    f.size ? ` (${Math.ceil(f.size / 1024)} KB)` : "",
  );
}

function bubble(context, item, m) {
  if (m.kind === "event") {
    const code = m.code || m.text || "";
    return h("div", { class: "chat-event soft" }, EVENT_WORDS()[code] ?? outside(m.text || code), m.score ? ` ${m.score}/5` : "", " ", moment(ms(m.at), { seconds: false }));
  }
  const whose = m.from === "customer" ? "theirs" : m.kind === "note" || m.kind === "whisper" ? "private" : m.from === "system" ? "system" : "ours";
  const label = m.kind === "note" ? t("Note") : m.kind === "whisper" ? t("Whisper to you") : "";
  return h(
    "div",
    { class: `bubble ${whose}` },
    h(
      "div",
      { class: "bubble-head soft" },
      label ? `${label}: ` : "",
      outside(m.name || (m.from === "customer" ? t("Customer") : "")),
      " ",
      h("time", { class: "timer" }, m.at ? moment(ms(m.at), { seconds: false }) : t("being sent…")),
    ),
    m.text !== undefined ? outside(m.text, "div", { class: "wrap" }) : null,
    m.redacted ? h("small", {}, t("Card data was taken out.")) : null,
    m.file ? fileLink(context, item, m) : null,
  );
}

export function chatPanel(context, item) {
  const { link, model } = context;
  if (item.contact.channel !== "chat" || !link.methods?.has("chat.message")) return null;
  const log = h("div", { class: "chat-log", role: "log", "aria-live": "polite", "aria-label": t("Conversation"), tabindex: 0 });
  const typing = h("p", { class: "soft typing", hidden: true }, t("The customer is writing…"));
  const seen = h("p", { class: "soft seen", hidden: true }, t("Seen"));
  const warning = h("p", { class: "wrapup-bar", role: "alert", hidden: true });
  const there = h("span", { class: "row" });
  const acts = [
    ["call", t("Call instead…"), "chat.convert", () => convert(context, item, "callback")],
    ["mail", t("Write instead…"), "chat.convert", () => convert(context, item, "email")],
    ["transcript", t("Transcript by mail…"), "chat.mail", () => sendTranscript(context, item)],
  ].map(([name, label, method, fn]) => {
    const button = h("button", { type: "button", class: "small", id: `chat-${name}` }, label);
    button.addEventListener("click", fn);
    return { name, button, method };
  });
  const input = h("textarea", {
    rows: 3,
    id: `say-${item.id}`,
    maxlength: CHAT_TEXT_MAX,
    "aria-label": t("Message to the customer"),
    placeholder: t("Write… Enter sends, Shift Enter begins a new line"),
    spellcheck: "true",
  });
  input.dataset.write = "1";
  const send = h("button", { type: "submit", class: "primary" }, t("Send"));
  const aside = h("button", { type: "button", class: "small" }, t("As a note"));
  const proposals = h("div", { class: "chat-proposals", "aria-label": t("Proposals"), hidden: true });
  const search = h("input", { type: "search", class: "small", placeholder: t("Stored responses…"), "aria-label": t("Stored responses") });
  const found = h("div", { class: "canned card", hidden: true });
  const outbox = new Outbox(context, item.id);
  const draft = keepDraft(input, `chat.${item.id}`);
  const messages = new Map();
  let typedAt = 0;
  let typingTimer = null;
  let readSeq = item.contact.chat?.customer_read || 0;
  let online = item.contact.chat?.online ?? null;
  let backAt = 0; /* when the chat goes back to its queue, our server's time; 0: nobody waits so long */
  let lastSeq = 0;
  let readAgain = null;

  const render = () => {
    const list = [...messages.values()].sort((a, b) => a.seq - b.seq);
    const waiting = outbox.list
      .filter((e) => !list.some((m) => m.id === e.id))
      .map((e) => ({ seq: `out-${e.id}`, id: e.id, from: "agent", kind: "text", text: e.text }));
    const bottom = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    keyed(log, [...list, ...waiting], (m) => m.seq, (m) => bubble(context, item, m));
    const ours = list.filter((m) => m.from === "agent" && m.kind === "text").pop();
    show(seen, !!ours && readSeq >= ours.seq && !waiting.length);
    if (bottom) log.scrollTop = log.scrollHeight;
  };
  outbox.onChange = render;
  outbox.onRefused = (said) => {
    if (!input.value) input.value = said;
  };

  const markRead = () => {
    if (document.hidden || model.selected !== item.id || !lastSeq || !link.live) return;
    if (item.readTold === lastSeq) return;
    item.readTold = lastSeq;
    link.call("chat.read", { contact: item.id, seq: lastSeq }).catch(() => {});
  };

  const take = (m) => {
    messages.set(m.seq, m);
    lastSeq = Math.max(lastSeq, m.seq);
    outbox.drop(m.id);
  };

  const read = async () => {
    try {
      let more = true;
      while (more) {
        const answer = await link.call("chat.transcript", { contact: item.id, after: lastSeq });
        for (const m of answer.messages || []) take(m);
        readSeq = answer.chat?.customer_read ?? readSeq;
        online = answer.chat?.online ?? online;
        backAt = answer.chat?.left_ms === undefined ? 0 : link.now() + answer.chat.left_ms;
        more = !!answer.more && (answer.messages || []).length > 0;
      }
      render();
      log.scrollTop = log.scrollHeight;
      markRead();
      outbox.flush();
    } catch (error) {
      /* else it comes back with the connection */
      clearTimeout(readAgain);
      if (comesLater(error.type)) readAgain = setTimeout(() => model.items.has(item.id) && read(), error.data.retry_after_ms || AGAIN_MS);
    }
  };

  const showProposals = (list) => {
    replace(
      proposals,
      list.slice(0, 3).map((p) =>
        h(
          "button",
          {
            type: "button",
            class: "small proposal",
            title: clean(p.text || ""),
            onclick: () => {
              input.value = p.text || "";
              input.dispatchEvent(new Event("input"));
              input.focus();
            },
          },
          outside(p.title || p.response || p.label || ""),
          " ",
          h("span", { class: "soft" }, percent(p.p ?? p.probability)),
        ),
      ),
    );
    show(proposals, list.length > 0);
  };

  const off = [
    link.on("chat.message", (p) => {
      if (p.contact?.id !== item.id) return;
      take(p.message);
      show(typing, false);
      if (p.message.from === "agent") backAt = 0;
      render();
      warn();
      if (p.message.from === "customer") markRead();
    }),
    link.on("chat.typing", (p) => {
      if (p.contact?.id !== item.id) return;
      show(typing, p.on !== false);
      clearTimeout(typingTimer);
      typingTimer = setTimeout(() => show(typing, false), TYPING_SHOWN_MS);
    }),
    link.on("chat.read", (p) => {
      if (p.contact?.id !== item.id) return;
      readSeq = Math.max(readSeq, p.message_seq ?? p.seq ?? 0);
      render();
    }),
    /* Card data in an earlier message became known as such: this is its text now. */
    link.on("chat.amended", (p) => {
      const old = p.contact?.id === item.id && messages.get(p.message_seq);
      if (!old) return;
      messages.set(p.message_seq, { ...old, text: p.text, redacted: true });
      log.querySelector(`[data-key="${p.message_seq}"]`)?.remove();
      render();
    }),
    link.on("chat.customer", (p) => {
      if (p.contact?.id !== item.id) return;
      online = p.online;
      showThere();
    }),
    link.on("chat.warning", (p) => {
      if (p.contact?.id !== item.id) return;
      backAt = link.now() + p.left_ms;
      warn();
      context.alert.urge(t("A customer waits for your answer"));
    }),
    link.on("chat.asked", (p) => p.contact?.id === item.id && notice(t("The customer was silent and is asked whether he is still there."))),
    link.on("chat.suggested", (p) => p.contact?.id === item.id && showProposals(p.proposals || [])),
    link.on("state", (state) => state === "live" && model.items.has(item.id) && read()),
  ];
  model.onEnd((_kind, what) => {
    if (what.id === item.id) for (const end of off) end();
  });
  document.addEventListener("visibilitychange", markRead);

  const warn = () => {
    const left = backAt - link.now();
    show(warning, backAt > 0 && left > 0);
    if (backAt > 0) text(warning, t("The customer waits for your answer. In {n} s the chat goes back to its queue.", { n: Math.max(0, Math.ceil(left / 1000)) }));
  };
  const showThere = () => replace(there, online === null ? null : online ? badge(t("customer is here"), "good") : badge(t("customer is away"), "warn"));
  off.push(every(warn));

  const say = () => {
    const said = input.value.trim();
    if (!said) return;
    outbox.add(said);
    backAt = 0;
    warn();
    input.value = "";
    draft.clear();
    showProposals([]);
    render();
    log.scrollTop = log.scrollHeight;
  };
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    say();
  });
  input.addEventListener("input", () => {
    if (!link.live || Date.now() - typedAt < TYPING_EVERY_MS) return;
    typedAt = Date.now();
    link.call("chat.typing", { contact: item.id, on: true }).catch(() => {});
  });
  aside.addEventListener("click", async () => {
    const said = input.value.trim();
    if (!said) {
      input.focus();
      return;
    }
    if (await attempt(aside, () => once(link, "chat.note", { contact: item.id, text: said })) && input.value.trim() === said) {
      input.value = "";
      draft.clear();
    }
  });
  let searching = null;
  search.addEventListener("input", () => {
    clearTimeout(searching);
    searching = setTimeout(async () => {
      if (!search.value.trim()) {
        show(found, false);
        return;
      }
      try {
        const { responses } = await link.call("chat.canned", { query: search.value.trim() });
        replace(
          found,
          responses.length ? null : h("p", { class: "empty" }, t("Nothing found.")),
          responses.slice(0, 12).map((r) =>
            h(
              "button",
              {
                type: "button",
                class: "plain wide start",
                onclick: () => {
                  input.value = [input.value, r.text || ""].filter(Boolean).join("\n");
                  input.dispatchEvent(new Event("input"));
                  show(found, false);
                  search.value = "";
                  input.focus();
                },
              },
              h("span", { class: "cut" }, outside(r.title || r.id)),
            ),
          ),
        );
        show(found, true);
      } catch {
        show(found, false);
      }
    }, 200);
  });
  search.addEventListener("keydown", (event) => event.key === "Escape" && show(found, false));

  const form = h(
    "form",
    {
      class: "composer",
      onsubmit: (event) => {
        event.preventDefault();
        say();
      },
    },
    proposals,
    input,
    h("div", { class: "row" }, h("span", { class: "canned-box grow" }, search, found), aside, send),
  );
  const over = h("p", { class: "soft over", hidden: true }, t("The conversation is over; a note can still be made."));
  read();
  return {
    name: "chat",
    order: 0,
    node: h("section", { class: "panel chat card", "aria-label": t("Chat") }, h("div", { class: "row chat-acts" }, there, h("span", { class: "grow" }), acts.map((a) => a.button)), log, typing, seen, over, warning, form),
    update(now) {
      const talking = now.state === "connected";
      showThere();
      for (const { name, button, method } of acts) {
        show(button, !!link.methods?.has(method) && (name === "transcript" ? talking || now.state === "wrapup" : talking) && (name !== "mail" || model.channels.includes("email")) && (name !== "call" || model.channels.includes("callback")));
        button.disabled = !link.live;
      }
      send.disabled = !talking;
      show(over, now.state === "wrapup");
      show(search, link.methods?.has("chat.canned"));
      text(aside, t("As a note"));
      if (model.selected === item.id) markRead();
    },
  };
}

/* What was said before the chat went on as a call or a mail: to read. */
export function pastChatPanel(context, item) {
  const { link } = context;
  if (item.contact.channel === "chat" || !item.contact.chat || !link.methods?.has("chat.transcript")) return null;
  const log = h("div", { class: "chat-log", role: "log", "aria-label": t("Conversation"), tabindex: 0 });
  let last = 0;
  const read = async () => {
    try {
      for (let more = true; more; ) {
        const answer = await link.call("chat.transcript", { contact: item.id, after: last });
        for (const m of answer.messages || []) {
          log.append(bubble(context, item, m));
          last = Math.max(last, m.seq);
        }
        more = !!answer.more && (answer.messages || []).length > 0;
      }
    } catch (error) {
      if (error.type !== "gone") replace(log, h("p", { class: "empty" }, clean(error.message)));
    }
  };
  read();
  return {
    name: "past-chat",
    order: 10,
    node: h("section", { class: "panel chat past card", "aria-label": t("The chat before") }, h("h3", {}, t("The chat before")), log),
  };
}
