/* mail_acts.js - what else is done with a mail: sent on, split in two, put aside until somebody answers. */
import { t } from "../lib/i18n.js";
import { ask, attempt } from "../lib/ui.js";

/* "Ann <ann@example.com>; bob@example.com" as plain addresses. */
export const addressesOf = (value) =>
  value
    .split(/[,;]/)
    .map((a) => (/<([^<>]+)>/.exec(a)?.[1] ?? a).trim())
    .filter(Boolean);

export async function forward({ link }, item) {
  const answer = await ask({
    title: t("Forward the mail"),
    text: t("The mail goes along below your words. It stays in your hands."),
    fields: [
      { name: "to", label: t("To"), required: true, most: 2000, hint: t("Addresses, separated by commas") },
      { name: "text", label: t("Words above it"), type: "textarea", most: 30000 },
      ...(item.contact.payload?.mail?.attachments?.length ? [{ name: "files", label: t("With its files"), type: "checkbox", value: true }] : []),
    ],
    confirm: t("Forward"),
  });
  if (!answer) return false;
  const params = { contact: item.id, to: addressesOf(answer.to), ...(answer.text ? { text: answer.text } : {}), ...(answer.files === false ? { files: false } : {}) };
  return attempt(null, () => link.call("email.forward", params), t("It is on its way."));
}

export async function split({ link, model }, item) {
  const answer = await ask({
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
  });
  if (!answer) return false;
  const params = { contact: item.id, title: answer.title };
  if (answer.text) params.text = answer.text;
  if (answer.queue) params.queue = answer.queue;
  return attempt(null, () => link.call("email.split", params), t("A second contact waits in its queue."));
}

export async function putAside({ link }, item) {
  const answer = await ask({
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
  });
  if (!answer) return false;
  const params = { contact: item.id };
  if (answer.until === "answer") params.answer = true;
  else if (answer.until === "moment") params.until = new Date(answer.moment || Date.now()).toISOString();
  else params.until = new Date(link.now() + Number(answer.until) * 3600000).toISOString();
  return attempt(null, () => link.call("email.park", params), t("Put aside."));
}
