/* channels.js - a channel's name and picture. Unknown channels get their own name and the picture of a letter. */
import { h } from "./dom.js";
import { t } from "./i18n.js";

const PATHS = {
  voice: "M5 3h3l1.5 4-2 1.3a9 9 0 0 0 4.2 4.2l1.3-2 4 1.5v3a1.6 1.6 0 0 1-1.8 1.6A13.4 13.4 0 0 1 3.4 4.8 1.6 1.6 0 0 1 5 3z",
  chat: "M3 4h14v9H9l-4 4v-4H3z",
  email: "M2.5 5h15v10h-15z M2.5 5.5l7.5 6 7.5-6",
  callback: "M5 3h3l1.5 4-2 1.3a9 9 0 0 0 4.2 4.2l1.3-2 4 1.5v3a1.6 1.6 0 0 1-1.8 1.6A13.4 13.4 0 0 1 3.4 4.8 1.6 1.6 0 0 1 5 3z M12 3h5v5 M17 3l-5 5",
  letter: "M5 2.5h7l3.5 3.5v11.5h-10.5z M12 2.5v4h3.5 M7.5 10h5.5 M7.5 13h5.5",
};

export function channelName(channel) {
  const names = {
    voice: t("Call"),
    chat: t("Chat"),
    email: t("E-mail"),
    callback: t("Call me"),
    letter: t("Letter"),
    task: t("Task"),
    sms: "SMS",
    fax: "Fax",
  };
  return names[channel] ?? channel;
}

export function channelIcon(channel, size = 18) {
  return h(
    "svg",
    {
      viewBox: "0 0 20 20",
      width: size,
      height: size,
      class: "channel-icon",
      fill: "none",
      stroke: "currentColor",
      "aria-hidden": "true",
    },
    h("path", { d: PATHS[channel] || PATHS.letter }),
  );
}
