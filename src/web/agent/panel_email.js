/*
 * panel_email.js - a mail: the thread with what was answered, proposals with probability and the words that speak
 * for them, the editor with its draft. The draft is kept here at once and at the server a little later, so that
 * neither a reload nor another desk loses it.
 */
import { add, clean, h, link as anchor, outside, replace, show, text, toggle } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { keepDraft, loadDraft } from "../lib/store.js";
import { moment, ms, percent, span } from "../lib/time.js";
import { attempt, badge, notice, saveBlob } from "../lib/ui.js";
import { addressesOf, forward, putAside, split } from "./mail_acts.js";
import { filesRow } from "./mail_files.js";

const DRAFT_WAIT_MS = 1500;
const RETRY_MS = 10000; /* until a mail that could not be read is asked for again */
const TEXT_MAX = 60000;
const WORD = /[\p{L}\p{N}]{3,}/gu;

const address = (p) => (!p ? "" : p.name ? `${p.name} <${p.address}>` : p.address);
const addresses = (list) => (list || []).map(address).join(", ");

/* Text with the words that speak for a proposal marked; addresses of the web become links. */
function marked(body, words) {
  const node = h("div", { class: "wrap mail-text", dir: "auto" });
  const wanted = new Set(words.map((w) => w.toLowerCase()));
  for (const part of clean(body).split(/(https?:\/\/[^\s<>"')\]]+|[\p{L}\p{N}]{3,})/u)) {
    if (/^https?:\/\//.test(part)) node.append(anchor(part, part));
    else if (wanted.has(part.toLowerCase())) node.append(h("mark", {}, part));
    else node.append(part);
  }
  return node;
}

const reasons = (proposal) => (typeof proposal?.why === "string" ? proposal.why.match(WORD) || [] : []);

const STATES = () => ({
  queued: [t("on its way"), "accent"],
  held: [t("waits for a supervisor"), "warn"],
  sending: [t("on its way"), "accent"],
  sent: [t("sent"), "good"],
  failed: [t("failed"), "bad"],
  unsure: [t("maybe sent: the line broke"), "warn"],
  bounced: [t("came back"), "bad"],
  cancelled: [t("taken back"), ""],
});

export function emailPanel(context, item) {
  const { link, model } = context;
  if (item.contact.channel !== "email") return null;
  const head = h("dl", { class: "mail-head" });
  const body = h("div", {});
  const files = h("div", { class: "row" });
  const sent = h("div", { class: "mail-sent" });
  const proposals = h("div", { class: "proposals" });
  const to = h("input", { id: `to-${item.id}`, autocomplete: "off", maxlength: 2000 });
  const cc = h("input", { id: `cc-${item.id}`, autocomplete: "off", maxlength: 2000 });
  const subject = h("input", { id: `subject-${item.id}`, autocomplete: "off", maxlength: 998 });
  const editor = h("textarea", {
    rows: 6,
    id: `answer-${item.id}`,
    maxlength: TEXT_MAX,
    "aria-label": t("Answer"),
    placeholder: t("Write the answer, or take a proposal"),
    spellcheck: "true",
    dir: "auto",
  });
  editor.dataset.write = "1";
  const draft = keepDraft(editor, `email.${item.id}`);
  const kept = h("small", { class: "soft", role: "status" });
  const send = h("button", { type: "button", id: "email-send", title: "Ctrl Enter" }, t("Send"));
  const sendDone = h("button", { type: "button", id: "email-send-done", class: "primary", title: "Ctrl Shift Enter" }, t("Send and finish"));
  const outcome = h("select", { class: "small", "aria-label": t("Outcome") });
  const search = h("input", { type: "search", class: "small", placeholder: t("Stored responses…"), "aria-label": t("Stored responses") });
  const found = h("div", { class: "canned card", hidden: true });
  const now = { mail: null, taken: null, highlighted: [], thread: [], sent: [], rejected: new Set() };
  const acts = [
    ["forward", t("Forward…"), "email.forward", forward],
    ["split", t("Split…"), "email.split", split],
    ["aside", t("Put aside…"), "email.park", putAside],
  ].map(([name, label, method, fn]) => {
    const button = h("button", { type: "button", class: "small", id: `email-${name}` }, label);
    button.addEventListener("click", async () => (await fn(context, item)) && load(true));
    return { button, method };
  });
  const actRow = h("div", { class: "row mail-acts" }, acts.map((a) => a.button));
  const attached = filesRow(context, item, () => load(true));
  const gate = h("p", { class: "soft", hidden: true });
  const returned = h("p", { class: "wrapup-bar", role: "alert", hidden: true });
  let saving = null;

  /* ---- the mail ---- */

  /* A file goes to disk, never onto the page. */
  const download = async (button, file) => {
    await attempt(button, async () => {
      const { path, token } = await link.call("email.file", { contact: item.id, blob: file.blob });
      const answer = await fetch(path, { headers: { "X-Usher-Token": token } });
      if (!answer.ok) throw new Error(t("The file is no longer kept."));
      saveBlob(file.name || t("file"), await answer.blob());
    });
  };
  const fileNodes = (list) =>
    (list || []).map((f) => {
      const words = ["📎 ", outside(f.name || f.type || ""), f.bytes ? ` ${Math.ceil(f.bytes / 1024)} KB` : ""];
      if (!f.blob || !link.methods?.has("email.file")) return h("span", { class: "badge" }, words);
      const button = h("button", { type: "button", class: "small mail-file", title: t("Download") }, words);
      button.addEventListener("click", () => download(button, f));
      return button;
    });

  const showMail = () => {
    const m = now.mail;
    if (!m) return;
    const row = (label, value) => (value ? [h("dt", {}, label), outside(value, "dd", { class: "cut" })] : null);
    replace(
      head,
      row(t("From"), address(m.from)),
      row(t("Answer to"), m.reply_to ? address(m.reply_to) : ""),
      row(t("To"), addresses(m.to)),
      row(t("Copy"), addresses(m.cc)),
      row(t("Subject"), m.subject),
      m.date ? [h("dt", {}, t("Sent")), h("dd", {}, moment(ms(m.date)))] : null,
      m.automatic?.kind && m.automatic.kind !== "person"
        ? [h("dt", {}, t("Kind")), h("dd", {}, badge(clean(m.automatic.kind), "warn"))]
        : null,
      m.proven === "fail" ? [h("dt", {}, t("Sender")), h("dd", {}, badge(t("not proven: maybe forged"), "bad"))] : null,
    );
    replace(
      body,
      marked(m.text || "", now.highlighted),
      m.cut ? h("p", { class: "soft" }, t("The mail is longer than is shown here.")) : null,
      m.redacted ? h("p", { class: "soft" }, t("Card data was taken out.")) : null,
      m.rest ? h("details", { class: "quoted" }, h("summary", {}, t("Quoted text and signature")), outside(m.rest, "div", { class: "wrap" })) : null,
    );
    replace(files, fileNodes(m.attachments));
  };

  /* The case, the newest first: what came in beside this mail, and what was answered. */
  const showCase = () => {
    const came = now.thread
      .filter((m) => m.message_id !== now.mail?.message_id)
      .map((m) => ({ at: ms(m.received || m.date || 0), node: cameNode(m) }));
    const went = now.sent.map((m) => ({ at: ms(m.sent_at || m.created_at || 0), node: sentNode(m) }));
    const all = [...came, ...went].sort((a, b) => b.at - a.at);
    replace(sent, all.length ? h("h3", {}, t("In this case")) : null, all.map((x) => x.node));
  };

  const cameNode = (m) => {
    const later = now.mail && ms(m.received || 0) > ms(now.mail.received || 0);
    return h(
      "details",
      { class: "came-mail", open: later },
      h("summary", {}, badge(later ? t("came in later") : t("came in"), later ? "accent" : ""), " ", outside(m.subject || ""), " ", h("span", { class: "soft" }, outside(address(m.from)), m.received ? ` ${moment(ms(m.received))}` : "")),
      m.automatic ? badge(clean(m.automatic.kind), "warn") : null,
      m.text ? outside(m.text, "div", { class: "wrap" }) : null,
      m.attachments?.length ? h("div", { class: "row" }, fileNodes(m.attachments)) : null,
    );
  };

  const sentNode = (m) => {
    const [word, kind] = STATES()[m.state] ?? [clean(m.state), ""];
    const may = m.state === "queued" && m.due_at && ms(m.due_at) > link.now() && link.methods?.has("email.undo");
    const undo = may ? h("button", { type: "button", class: "small" }, t("Take back")) : null;
    undo?.addEventListener("click", () =>
      attempt(undo, () => link.call("email.undo", { mail: m.id }), t("Taken back; its text is in the editor.")).then((done) => done && load(true)),
    );
    const again = m.state === "failed" && link.methods?.has("email.retry") ? h("button", { type: "button", class: "small" }, t("Send again")) : null;
    again?.addEventListener("click", () =>
      attempt(again, () => link.call("email.retry", { mail: m.id }), t("It is on its way again.")).then((done) => done && load(true)),
    );
    return h(
      "details",
      { class: "sent-mail" },
      h("summary", {}, badge(word, kind), " ", outside(m.subject || ""), " ", h("span", { class: "soft" }, m.sent_at ? moment(ms(m.sent_at)) : m.created_at ? moment(ms(m.created_at)) : "")),
      m.words ? outside(m.words, "p", { class: "bad-word" }) : null,
      m.text ? outside(m.text, "div", { class: "wrap" }) : null,
      undo,
      again,
    );
  };

  /* ---- proposals ---- */

  const highlight = (proposal) => {
    now.highlighted = reasons(proposal);
    showMail();
  };

  const insert = (words, how) => {
    if (editor.value.trim() && !editor.value.includes(words)) editor.value = how === "add" ? `${editor.value}\n${words}` : words;
    else editor.value = words;
    editor.dispatchEvent(new Event("input"));
    editor.focus();
  };

  const take = async (proposal, chosen = false) => {
    const method = chosen ? "suggestion.choose" : "suggestion.take";
    if (!link.methods?.has(method)) {
      if (proposal.text) insert(proposal.text);
      return;
    }
    const answer = await attempt(null, () => link.call(method, { contact: item.id, response: proposal.id }));
    if (!answer) return;
    now.taken = proposal.id;
    insert(answer.text ?? proposal.text ?? "");
    if (answer.missing?.length) notice(t("Fill in: {what}", { what: clean(String(answer.missing)) }));
    showProposals(now.mail?.suggest);
  };

  const showProposals = (suggest) => {
    const list = suggest?.proposals || [];
    show(proposals, list.length > 0);
    const none = link.methods?.has("suggestion.none");
    replace(
      proposals,
      h("h3", {}, t("Proposals")),
      list.map((p, i) => {
        const button = h(
          "button",
          {
            type: "button",
            class: `proposal wide start ${now.taken === p.id ? "taken" : ""}`,
            onclick: () => take(p),
            onmouseenter: () => highlight(p),
            onfocus: () => highlight(p),
            onmouseleave: () => highlight(list[0]),
          },
          h("span", { class: "p" }, percent(p.p)),
          h("span", { class: "grow" }, h("strong", {}, outside(p.title || p.id)), p.why ? outside(p.why, "small", { class: "why-words" }) : null),
          now.taken === p.id ? badge(t("taken"), "good") : i === 0 ? badge(t("likeliest"), "accent") : null,
        );
        button.style.setProperty("--p", String(p.p || 0));
        if (!link.methods?.has("suggestion.reject")) return button;
        const wrong = now.rejected.has(p.id);
        const reject = h("button", { type: "button", class: "small plain reject", disabled: wrong, title: t("Does not fit: the matcher learns from it"), "aria-label": t("“{title}” does not fit", { title: clean(p.title || p.id) }) }, wrong ? t("noted") : "✕");
        reject.addEventListener("click", () =>
          attempt(null, () => link.call("suggestion.reject", { contact: item.id, response: p.id }), t("Noted: the matcher learns from it.")).then((done) => {
            if (!done) return;
            now.rejected.add(p.id);
            showProposals(suggest);
          }),
        );
        return h("div", { class: `proposal-row ${wrong ? "rejected" : ""}` }, button, reject);
      }),
      none
        ? h(
            "button",
            { type: "button", class: "small plain", onclick: (e) => attempt(e.currentTarget, () => link.call("suggestion.none", { contact: item.id }), t("Noted: the matcher learns from it.")) },
            t("None of these fits"),
          )
        : null,
    );
  };

  let searching = null;
  search.addEventListener("input", () => {
    clearTimeout(searching);
    searching = setTimeout(async () => {
      const query = search.value.trim();
      if (!query) {
        show(found, false);
        return;
      }
      try {
        const answer = await link.call("response.search", { ...(now.mail?.mailbox ? { mailbox: now.mail.mailbox } : {}), text: query });
        const list = answer.responses || [];
        replace(
          found,
          list.length ? null : h("p", { class: "empty" }, t("Nothing found.")),
          list.slice(0, 12).map((r) =>
            h(
              "button",
              {
                type: "button",
                class: "plain wide start",
                onclick: () => {
                  show(found, false);
                  search.value = "";
                  take({ id: r.id, text: r.text }, true);
                },
              },
              h("span", { class: "cut" }, outside(r.title || r.id)),
            ),
          ),
        );
        show(found, true);
      } catch (error) {
        notice(error.message, "bad");
      }
    }, 250);
  });
  search.addEventListener("keydown", (event) => event.key === "Escape" && show(found, false));

  /* ---- the draft ---- */

  const lists = () => {
    const out = {};
    if (to.value.trim()) out.to = addressesOf(to.value);
    if (cc.value.trim()) out.cc = addressesOf(cc.value);
    if (subject.value.trim()) out.subject = subject.value.trim();
    return out;
  };

  const saveDraft = async () => {
    saving = null;
    if (!link.live || !link.methods?.has("email.draft") || !model.items.has(item.id)) return;
    try {
      await link.call("email.draft", { contact: item.id, text: editor.value, ...lists() });
      text(kept, t("Draft kept."));
    } catch (error) {
      text(kept, error.type === "gone" ? t("Draft kept in this browser.") : clean(error.message));
    }
  };
  /* The text is kept in this browser too, what stands above it at the server alone. */
  const fillDraft = (kept_) => {
    const bare = !loadDraft(`email.${item.id}`) && !editor.value;
    const first = !now.drafted;
    now.drafted = true;
    if (!kept_ || (!bare && !first)) return;
    if (bare) editor.value = kept_.text || "";
    const above = [[to, (kept_.to || []).join(", ")], [cc, (kept_.cc || []).join(", ")], [subject, kept_.subject || ""]];
    for (const [field, value] of above) if (bare || !field.value) field.value = value;
  };

  for (const field of [editor, to, cc, subject])
    field.addEventListener("input", () => {
      text(kept, "");
      clearTimeout(saving);
      saving = setTimeout(saveDraft, DRAFT_WAIT_MS);
    });

  const written = () => {
    draft.clear();
    editor.value = "";
    show(returned, false);
  };

  const go = async (button, done) => {
    if (now.sending) return;
    if (!editor.value.trim()) {
      notice(t("There is nothing to send yet."), "bad");
      editor.focus();
      return;
    }
    clearTimeout(saving);
    if (done) item.finishedHere = true;
    const said = editor.value;
    now.sending = true;
    const answer = await attempt(button, () =>
      once(link, "email.reply", {
        contact: item.id,
        text: said,
        ...lists(),
        ...(done ? { resolve: true } : {}),
        ...(done && outcome.value ? { disposition: outcome.value } : {}),
      }),
    );
    now.sending = false;
    send.disabled = sendDone.disabled = !link.live;
    if (!answer) {
      item.finishedHere = false;
      return;
    }
    if (editor.value === said) written(); /* what was written meanwhile stays */
    const due = answer.mail?.due_at ? ms(answer.mail.due_at) - link.now() : 0;
    notice(
      answer.mail?.state === "held"
        ? t("The answer waits for a supervisor's look.")
        : due > 1500
          ? t("It leaves in {n}; until then it can be taken back.", { n: span(due) })
          : t("The answer is on its way."),
      "good",
    );
    if (!done) load(true);
  };
  send.addEventListener("click", () => go(send, false));
  sendDone.addEventListener("click", () => go(sendDone, true));
  editor.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    go(event.shiftKey ? sendDone : send, event.shiftKey);
  });

  /* ---- from the server ---- */

  const load = async (again = false) => {
    if (!link.live || !link.methods?.has("email.get") || (now.loaded && !again)) return;
    now.loaded = true;
    try {
      const answer = await link.call("email.get", { contact: item.id });
      now.mail = answer.mail;
      now.taken = answer.taken?.response ?? now.taken;
      attached.show(answer.files);
      show(gate, !!answer.gate);
      text(gate, answer.gate ? t("Not answered by itself: {why}", { why: clean(answer.gate) }) : "");
      fillDraft(answer.draft);
      if (!subject.value) subject.placeholder = clean(/^re:/i.test(now.mail.subject || "") ? now.mail.subject : `Re: ${now.mail.subject || ""}`);
      to.placeholder = clean((now.mail.reply_to || now.mail.from)?.address || "");
      now.highlighted = reasons(now.mail.suggest?.proposals?.[0]);
      showMail();
      now.sent = answer.mails || [];
      if (link.methods.has("email.thread")) now.thread = (await link.call("email.thread", { contact: item.id })).mails;
      showCase();
      showProposals(now.mail.suggest);
    } catch (error) {
      if (error.type === "no_mail") {
        /* A contact of this channel that nobody could be written to: only what came along is shown. */
        now.none = true;
        model.changed();
        return;
      }
      if (error.type !== "gone") notice(error.message, "bad");
      setTimeout(() => (now.loaded = false), error.type === "gone" ? 0 : RETRY_MS);
    }
  };
  const off = [
    link.on("email.delivery", (p) => p.mail?.contact === item.id && load(true)),
    link.on("email.received", (p) => {
      if (p.contact?.id !== item.id) return;
      notice(t("Another mail came in this case."));
      load(true);
    }),
    /* A supervisor gives an answer back: its text is the draft again. */
    link.on("review.rejected", (p) => {
      if (p.mail?.contact !== item.id) return;
      text(returned, t("{who} gives your answer back: {reason}", { who: clean(p.by || ""), reason: clean(p.reason || "") }));
      show(returned, true);
      if (!editor.value.trim() && p.mail.text) insert(p.mail.text);
      load(true);
    }),
  ];
  model.onEnd((_kind, what) => {
    if (what.id === item.id) for (const end of off) end();
  });

  const write = h(
    "div",
    { class: "mail-write" },
    h(
      "details",
      { class: "mail-fields" },
      h("summary", {}, t("Recipients and subject")),
      h("div", { class: "fields" }, [
        [to, t("To")],
        [cc, t("Copy")],
        [subject, t("Subject")],
      ].map(([field, label]) => [h("label", { for: field.id }, label), field])),
    ),
    returned,
    editor,
    attached.node,
    h("div", { class: "row" }, h("span", { class: "canned-box grow" }, search, found), kept),
    h("div", { class: "row end" }, outcome, send, sendDone),
  );
  const node = h(
    "section",
    { class: "panel email", "aria-label": t("E-mail") },
    h("div", { class: "mail-read card" }, head, files, actRow, body, gate, sent),
    h("div", { class: "mail-answer" }, proposals, h("div", { class: "card mail-editor" }, write)),
  );
  load();
  return {
    name: "email",
    order: 0,
    node,
    update(current) {
      const c = current.contact;
      if (!now.mail) {
        now.mail = c.payload?.mail || (c.payload?.text !== undefined ? { ...c.payload, subject: c.title } : null);
        now.highlighted = reasons(now.mail?.suggest?.proposals?.[0]);
        showMail();
        showProposals(now.mail?.suggest);
      }
      load();
      const able = link.methods?.has("email.reply") && !now.none;
      show(node, able || !!now.mail);
      show(write.parentElement, able);
      show(search, link.methods?.has("response.search"));
      attached.able(able && current.state !== "parked");
      send.disabled = sendDone.disabled = !link.live || current.state === "parked" || !!now.sending;
      for (const { button, method } of acts) {
        show(button, !!link.methods?.has(method) && !!c.payload?.mail && current.state === "connected");
        button.disabled = !link.live;
      }
      const rules = model.queues.get(c.queue)?.dispositions;
      show(outcome, !!rules?.codes?.length);
      if (rules?.codes?.length && outcome.options.length !== rules.codes.length + 1) {
        replace(outcome, h("option", { value: "" }, t("Outcome…")));
        add(outcome, rules.codes.map((code) => h("option", { value: code }, code)));
      }
      toggle(node, "no-editor", !able);
    },
  };
}
