/* views_chat.js - a supervisor reads along with a chat, whispers to the agent, takes it over. */
import { clean, h, keyed, outside, replace, show } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { moment, ms } from "../lib/time.js";
import { attempt } from "../lib/ui.js";
import { move } from "./actions.js";

const EVENTS = () => ({ joined: t("joined"), requeued: t("the chat waits again"), transferred: t("the chat was handed on"), ended: t("the chat is over") });

function entry(m) {
  if (m.kind === "event") return h("div", { class: "chat-event soft" }, outside([m.name, EVENTS()[m.code] ?? m.code].filter(Boolean).join(" ")), ` ${moment(ms(m.at))}`);
  const whose = m.from === "customer" ? "theirs" : m.kind === "whisper" || m.kind === "note" ? "private" : "ours";
  const kind = m.kind === "whisper" ? ` · ${t("whisper")}` : m.kind === "note" ? ` · ${t("note")}` : "";
  return h("div", { class: `bubble ${whose}` }, h("div", { class: "soft bubble-head" }, outside(m.name || m.from), ` ${moment(ms(m.at))}`, kind), outside(m.text ?? m.file?.name ?? m.code ?? m.kind, "div", { class: "wrap" }));
}

export function chat(context, id) {
  const { link, may } = context;
  const log = h("div", { class: "chat-log card", role: "log", "aria-live": "polite", "aria-label": t("Conversation"), tabindex: 0 });
  const input = h("input", { class: "grow", maxlength: 2000, placeholder: t("Whisper to the agent; the customer does not see it"), "aria-label": t("Whisper") });
  const send = h("button", { type: "submit", class: "primary" }, t("Whisper"));
  const messages = new Map();
  let last = 0;
  let begun = false;

  const draw = () => {
    keyed(
      log,
      [...messages.values()].sort((a, b) => a.seq - b.seq),
      (m) => m.seq,
      entry,
    );
    log.scrollTop = log.scrollHeight;
  };
  const read = async () => {
    try {
      await link.call("chat.watch", { contact: id, on: true });
      for (let more = true; more; ) {
        const answer = await link.call("chat.transcript", { contact: id, after: last });
        for (const m of answer.messages || []) {
          messages.set(m.seq, m);
          last = Math.max(last, m.seq);
        }
        more = !!answer.more && (answer.messages || []).length > 0;
      }
      draw();
    } catch (error) {
      replace(log, h("p", { class: "empty" }, clean(error.message)));
    }
  };
  const off = link.on("chat.message", (p) => {
    if (p.contact?.id !== id) return;
    messages.set(p.message.seq, p.message);
    last = Math.max(last, p.message.seq);
    draw();
  });
  /* A new session reads along with nothing yet. */
  const back = link.on("state", (state) => state === "away" && (begun = false));
  const amended = link.on("chat.amended", (p) => {
    const old = p.contact?.id === id && messages.get(p.message_seq);
    if (!old) return;
    messages.set(p.message_seq, { ...old, text: p.text });
    log.querySelector(`[data-key="${p.message_seq}"]`)?.remove();
    draw();
  });
  const form = h(
    "form",
    {
      class: "row",
      onsubmit: async (event) => {
        event.preventDefault();
        if (!input.value.trim()) return;
        const said = { contact: id, text: input.value.trim() };
        if (await attempt(send, () => once(link, "chat.whisper", said)) && input.value.trim() === said.text) input.value = "";
      },
    },
    input,
    send,
    h("button", { type: "button", onclick: () => move(context, { id, title: "", queue: "" }) }, t("Take it over: move…")),
  );
  return {
    wants: [],
    title: t("Chat"),
    node: h("div", { class: "view" }, h("p", {}, h("a", { href: `#why/${id}` }, t("‹ The contact"))), h("p", { class: "soft" }, t("You are reading along. It is written into the audit.")), log, form),
    draw: () => {
      show(form, may.act && !!link.methods?.has("chat.whisper"));
      if (begun || !link.live || !link.methods) return;
      begun = true;
      read();
    },
    tick: () => {},
    leave: () => {
      off();
      amended();
      back();
      if (link.live) link.call("chat.watch", { contact: id, on: false }).catch(() => {});
    },
  };
}
