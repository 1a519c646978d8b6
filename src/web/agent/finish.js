/* finish.js - ways out of a contact: wrap-up and its end, transfer, requeue, park, a note. */
import { t } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { loadDraft, saveDraft } from "../lib/store.js";
import { ask, attempt } from "../lib/ui.js";

const WRAPUP_MORE_MS = 60000;

/* The queue of a contact as the server describes it. */
function queueOf({ model }, item) {
  return model.queues.get(item.contact.queue) || {};
}

export async function finish(context, item) {
  const { link } = context;
  const rules = queueOf(context, item).dispositions;
  const draft = `finish.${item.id}`;
  const old = JSON.parse(loadDraft(draft) || "{}");
  const codes = rules?.codes ?? [];
  const codeField = codes.length
    ? {
        name: "disposition",
        label: t("Outcome"),
        type: "select",
        required: rules.required,
        value: old.disposition ?? "",
        options: [["", rules.required ? t("Choose…") : t("None")], ...codes.map((c) => [c, c])],
      }
    : { name: "disposition", label: t("Outcome"), most: 64, value: old.disposition, required: rules?.required };
  const answer = await ask({
    title: t("Finish the contact"),
    fields: [
      codeField,
      { name: "amount", label: t("Amount (of a sale)"), type: "number", step: "0.01", value: old.amount },
      { name: "currency", label: t("Currency"), most: 3, value: old.currency || "EUR" },
      { name: "note", label: t("Note"), type: "textarea", most: 8000, value: old.note || loadDraft(`note.${item.id}`) },
    ],
    confirm: t("Finish"),
  });
  if (!answer) return;
  const params = { contact: item.id };
  if (answer.disposition) params.disposition = answer.disposition.trim();
  if (answer.amount !== "") {
    params.amount = Number(answer.amount);
    if (answer.currency) params.currency = answer.currency.toUpperCase();
  }
  if (answer.note) params.note = answer.note;
  saveDraft(draft, JSON.stringify(answer)); /* kept until the server has it */
  item.finishedHere = true;
  if (await attempt(null, () => link.call("contact.complete", params), t("Finished."))) {
    saveDraft(draft, "");
    saveDraft(`note.${item.id}`, "");
  } else {
    item.finishedHere = false;
  }
}

export function wrapup(context, item) {
  return attempt(null, () =>
    once(context.link, "contact.wrapup", {
      contact: item.id,
      ...(item.state === "wrapup" ? { extend_ms: WRAPUP_MORE_MS } : {}),
    }),
  );
}

export async function transfer(context, item) {
  const { link, model } = context;
  const [{ agents }, { queues }] = await Promise.all([
    link.has("agent.colleagues") ? link.call("agent.colleagues") : { agents: [] },
    link.call("queue.list"),
  ]);
  const answer = await ask({
    title: t("Transfer"),
    text: t("The contact keeps its age and its place."),
    fields: [
      {
        name: "to",
        label: t("To"),
        type: "select",
        required: true,
        options: [
          ["", t("Choose…")],
          ...queues
            .filter((q) => q.name !== item.contact.queue)
            .map((q) => [
              `queue ${q.name}`,
              t("Queue {name}: {n} waiting, {free} free", { name: q.name, n: q.waiting, free: q.agents_free }),
            ]),
          ...agents.map((a) => [
            `agent ${a.id}`,
            `${a.name || a.id} (${a.busy ? t("busy") : a.state === "ready" ? t("ready") : t("not ready")})`,
          ]),
        ],
      },
      { name: "note", label: t("A note for whoever takes it"), type: "textarea", most: 2000, value: loadDraft(`note.${item.id}`) },
    ],
    confirm: t("Transfer"),
  });
  if (!answer) return;
  saveDraft(`note.${item.id}`, answer.note); /* kept until the server has it */
  if (answer.note && !(await keepNote(context, item, answer.note))) return;
  const [kind, name] = answer.to.split(" ");
  if (await attempt(null, () => link.call("contact.transfer", { contact: item.id, [kind]: name }), t("Handed on.")))
    saveDraft(`note.${item.id}`, "");
  model.changed();
}

/* A note goes to the contact and its customer; without a history it stays here and goes along with the end. */
export async function keepNote(context, item, text) {
  const { link } = context;
  if (!link.methods?.has("contact.note")) {
    saveDraft(`note.${item.id}`, text);
    return true;
  }
  const kept = await attempt(null, () => once(link, "contact.note", { contact: item.id, text }), t("Noted."));
  if (kept) {
    saveDraft(`note.${item.id}`, "");
    context.customerChanged?.(item);
  }
  return kept;
}

export async function note(context, item) {
  const answer = await ask({
    title: t("Note"),
    text: t("It is kept with the contact; customers do not see it."),
    fields: [{ name: "text", label: t("Note"), type: "textarea", most: 8000, value: loadDraft(`note.${item.id}`), required: true }],
    confirm: t("Keep"),
  });
  if (!answer) return;
  saveDraft(`note.${item.id}`, answer.text); /* kept until the server has it */
  if (await keepNote(context, item, answer.text)) context.model.changed();
}

export async function requeue(context, item) {
  const answer = await ask({
    title: t("Give it back?"),
    text: t("The contact waits again at its place."),
    confirm: t("Give back"),
  });
  if (answer) await attempt(null, () => context.link.call("contact.requeue", { contact: item.id }));
}

export async function park(context, item) {
  const { link } = context;
  if (item.state === "parked") return attempt(null, () => link.call("contact.resume", { contact: item.id }));
  return attempt(null, () => link.call("contact.park", { contact: item.id }));
}
