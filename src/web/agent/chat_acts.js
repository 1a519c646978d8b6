/* chat_acts.js - a chat goes on by telephone or by mail; its transcript is sent. */
import { t } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { ask, attempt } from "../lib/ui.js";

export async function convert({ link }, item, to) {
  const a = item.contact.attributes || {};
  const call = to === "callback";
  const answer = await ask({
    title: call ? t("Go on by telephone") : t("Go on by mail"),
    text: t("It stays the same contact, as old as it was, and waits in its queue as such. Ask the customer first."),
    fields: [
      call
        ? { name: "where", label: t("Number"), required: true, most: 32, value: a["customer.phone"] || "" }
        : { name: "where", label: t("Address"), type: "email", required: true, most: 254, value: a["customer.email"] || "" },
    ],
    confirm: call ? t("Let him be called") : t("Let him be written to"),
  });
  if (!answer) return;
  const where = call ? { phone: answer.where } : { email: answer.where };
  await attempt(null, () => link.call("chat.convert", { contact: item.id, to, ...where }), t("Handed on."));
}

export async function sendTranscript({ link }, item) {
  const a = item.contact.attributes || {};
  const answer = await ask({
    title: t("Transcript by mail"),
    text: t("It leaves at the end of the chat, without notes."),
    fields: [{ name: "email", label: t("Address"), type: "email", required: true, most: 254, value: a["customer.email"] || "" }],
    confirm: t("Send"),
  });
  if (answer) await attempt(null, () => once(link, "chat.mail", { contact: item.id, email: answer.email }), t("It will be sent."));
}
