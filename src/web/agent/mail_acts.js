/* mail_acts.js - what else is done with a mail: sent on, split in two, put aside until somebody answers. */
import { t } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { ask, notice } from "../lib/ui.js";

/* Asks until it is done or left: a refusal, or a lost connection, takes away nothing of what was written. */
async function insist(question, call, done) {
  let { fields, text } = question;
  for (;;) {
    const answer = await ask({ ...question, fields, text });
    if (!answer) return false;
    try {
      const result = await call(answer);
      notice(done, "good");
      return result ?? true;
    } catch (error) {
      text = error.message || String(error);
      fields = fields.map((field) => ({ ...field, value: answer[field.name] }));
    }
  }
}

/* "Ann <ann@example.com>; bob@example.com" as plain addresses. */
export const addressesOf = (value) =>
  value
    .split(/[,;]/)
    .map((a) => (/<([^<>]+)>/.exec(a)?.[1] ?? a).trim())
    .filter(Boolean);

export function forward({ link }, item) {
  const question = {
    title: t("Forward the mail"),
    text: t("The mail goes along below your words. It stays in your hands."),
    fields: [
      { name: "to", label: t("To"), required: true, most: 2000, hint: t("Addresses, separated by commas") },
      { name: "text", label: t("Words above it"), type: "textarea", most: 30000 },
      ...(item.contact.payload?.mail?.attachments?.length ? [{ name: "files", label: t("With its files"), type: "checkbox", value: true }] : []),
    ],
    confirm: t("Forward"),
  };
  const paramsOf = (answer) => ({ contact: item.id, to: addressesOf(answer.to), ...(answer.text ? { text: answer.text } : {}), ...(answer.files === false ? { files: false } : {}) });
  return insist(question, (answer) => once(link, "email.forward", paramsOf(answer)), t("It is on its way."));
}

export function split({ link, model }, item) {
  const question = {
    title: t("Split the mail"),
    text: t("What else is asked becomes a contact of its own in the same case. The customer gets an answer to each."),
    fields: [
      { name: "title", label: t("What it is about"), required: true, most: 300 },
      { name: "text", label: t("The part of the mail that belongs to it (empty: all of it)"), type: "textarea", most: 30000 },
      {
        name: "queue",
        label: t("Queue"),
        type: "select",
        options: [["", t("The same")], ...[...model.queues.keys()].filter((q) => q !== item.contact.queue).map((q) => [q, q])],
      },
    ],
    confirm: t("Split"),
  };
  const paramsOf = (answer) => ({ contact: item.id, title: answer.title, ...(answer.text ? { text: answer.text } : {}), ...(answer.queue ? { queue: answer.queue } : {}) });
  return insist(question, (answer) => once(link, "email.split", paramsOf(answer)), t("A second contact waits in its queue."));
}

export function putAside({ link }, item) {
  const question = {
    title: t("Put the mail aside"),
    text: t("It costs you nothing meanwhile, and comes back by itself."),
    fields: [
      {
        name: "until",
        label: t("Until"),
        type: "select",
        options: [
          ["answer", t("the customer answers")],
          ["1", t("in an hour")],
          ["4", t("in four hours")],
          ["24", t("tomorrow at this time")],
          ["moment", t("the moment below")],
        ],
      },
      { name: "moment", label: t("Moment"), type: "datetime-local" },
    ],
    confirm: t("Put aside"),
  };
  const untilOf = ({ until, moment }) => {
    if (until === "answer") return { answer: true };
    return { until: new Date(until === "moment" ? moment || Date.now() : link.now() + Number(until) * 3600000).toISOString() };
  };
  return insist(question, (answer) => link.call("email.park", { contact: item.id, ...untilOf(answer) }), t("Put aside."));
}
