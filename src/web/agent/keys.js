/* keys.js - everything by keyboard: Alt and a letter, wherever the focus is. */
import { h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { tell } from "../lib/ui.js";

const KEYS = () => [
  ["A", t("Accept the offer that ends first")],
  ["X", t("Decline it")],
  ["R", t("Ready, or not ready")],
  ["S", t("State and reasons")],
  ["1 … 9", t("Go to a contact in the list")],
  ["↓ ↑", t("Next or previous contact")],
  ["M", t("Write: the message or the answer")],
  ["W", t("End the conversation, begin wrap-up")],
  ["D", t("Finish the contact: outcome and note")],
  ["T", t("Transfer")],
  ["P", t("Park, or resume")],
  ["N", t("A note")],
  ["H", t("Call for help")],
  ["K", t("This list")],
];

export function showKeys() {
  tell(
    t("Keyboard"),
    h("p", { class: "soft" }, t("Hold Alt and press:")),
    h(
      "dl",
      { class: "key-list" },
      KEYS().map(([key, what]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, what)]),
    ),
  );
}

export function keys({ model }) {
  const press = (id) => {
    const button = document.getElementById(id);
    if (button && !button.disabled && !button.hidden) button.click();
  };
  const step = (by) => {
    const ids = [...model.items.keys()];
    if (!ids.length) return;
    model.select(ids[(ids.indexOf(model.selected) + by + ids.length) % ids.length]);
  };
  const first = () => [...model.offers.values()].sort((a, b) => a.expires - b.expires)[0];
  const actions = {
    KeyA: () => first() && press(`accept-${first().offer}`),
    KeyX: () => first() && press(`reject-${first().offer}`),
    KeyR: () => press("ready-button"),
    KeyS: () => press("state-button"),
    KeyM: () => document.querySelector(".work [data-write]")?.focus(),
    KeyW: () => press("wrapup-button"),
    KeyD: () => press("finish-button"),
    KeyT: () => press("transfer-button"),
    KeyP: () => press("park-button"),
    KeyN: () => press("note-button"),
    KeyH: () => press("help-button"),
    KeyK: () => showKeys(),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
  };
  addEventListener("keydown", (event) => {
    if (!event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const digit = /^Digit([1-9])$/.exec(event.code);
    if (digit) model.select([...model.items.keys()][digit[1] - 1]);
    else if (event.code in actions) actions[event.code]();
    else return;
    event.preventDefault();
  });
}
