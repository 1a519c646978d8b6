/* ui.js - small things that all pages share: notices, dialogs, the theme switch, badges. */
import { h, replace } from "./dom.js";
import { chooseLanguage, languages, locale, t } from "./i18n.js";

const NOTICE_MS = 6000;
const NOTICES_MOST = 4;
let notices = null;

/* A passing message; kind: info, good, bad. Errors stay longer and are read out at once. */
export function notice(message, kind = "info") {
  if (!notices) {
    notices = h("div", { class: "notices", role: "status", "aria-live": "polite" });
    document.body.append(notices);
  }
  const node = h(
    "div",
    { class: `notice ${kind}`, role: kind === "bad" ? "alert" : null },
    h("span", {}, message),
    h("button", { type: "button", class: "plain", "aria-label": t("Dismiss"), onclick: () => node.remove() }, "×"),
  );
  notices.append(node);
  while (notices.children.length > NOTICES_MOST) notices.firstElementChild.remove();
  setTimeout(() => node.remove(), kind === "bad" ? 2 * NOTICE_MS : NOTICE_MS);
}

/* Runs a request, with its button out of use meanwhile; a refusal becomes a notice. */
export async function attempt(button, fn, done = null) {
  if (button?.disabled) return undefined;
  if (button) button.disabled = true;
  try {
    const result = await fn();
    if (done) notice(done, "good");
    return result ?? true;
  } catch (error) {
    notice(error.message || String(error), "bad");
    return undefined;
  } finally {
    if (button) button.disabled = false;
  }
}

/*
 * ask - a dialog of fields; resolves to their values, or null when it was left.
 *
 * fields: [{name, label, type: text|number|textarea|select|date|checkbox, value, options, required, hint, ...}]
 */
export function ask({ title, text = "", fields = [], confirm = t("OK"), danger = false }) {
  return new Promise((resolve) => {
    const inputs = {};
    const rows = fields.map((field) => {
      const id = `ask-${field.name}`;
      let input;
      if (field.type === "select") {
        input = h(
          "select",
          { id, required: field.required },
          field.options.map(([value, label]) => h("option", { value }, label)),
        );
        if (field.value !== undefined) input.value = field.value;
      } else if (field.type === "textarea") {
        input = h("textarea", { id, rows: 4, maxlength: field.most || 8192, required: field.required });
        input.value = field.value ?? "";
      } else {
        input = h("input", {
          id,
          type: field.type || "text",
          required: field.required,
          min: field.min,
          max: field.max,
          step: field.step,
          maxlength: field.most,
          placeholder: field.placeholder,
          autocomplete: "off",
        });
        if (field.type === "checkbox") input.checked = !!field.value;
        else input.value = field.value ?? "";
      }
      inputs[field.name] = input;
      return h(
        "div",
        { class: `field ${field.type === "checkbox" ? "check" : ""}` },
        h("label", { for: id }, field.label),
        input,
        field.hint ? h("small", {}, field.hint) : null,
      );
    });
    const before = document.activeElement;
    const dialog = h("dialog", { class: "ask", "aria-labelledby": "ask-heading" });
    const leave = (value) => {
      dialog.close();
      dialog.remove();
      before?.focus?.();
      resolve(value);
    };
    const form = h(
      "form",
      {
        onsubmit: (event) => {
          event.preventDefault();
          const values = {};
          for (const [name, input] of Object.entries(inputs))
            values[name] = input.type === "checkbox" ? input.checked : input.value;
          leave(values);
        },
      },
      h("h2", { id: "ask-heading" }, title),
      text ? h("p", {}, text) : null,
      rows,
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", onclick: () => leave(null) }, t("Cancel")),
        h("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm),
      ),
    );
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      leave(null);
    });
    dialog.append(form);
    document.body.append(dialog);
    dialog.showModal();
  });
}

/* A dialog to read. */
export function tell(title, ...content) {
  const before = document.activeElement;
  const dialog = h("dialog", { class: "ask", "aria-labelledby": "tell-title" });
  const leave = () => {
    dialog.close();
    dialog.remove();
    before?.focus?.();
  };
  dialog.append(
    h("h2", { id: "tell-title" }, title),
    ...content,
    h("div", { class: "buttons" }, h("button", { type: "button", class: "primary", onclick: leave }, t("Close"))),
  );
  dialog.addEventListener("cancel", leave);
  document.body.append(dialog);
  dialog.showModal();
}

export function themeButton() {
  const now = () =>
    document.documentElement.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const button = h("button", {
    type: "button",
    class: "plain icon",
    title: t("Light or dark"),
    "aria-label": t("Light or dark"),
    onclick: () => {
      const theme = now() === "dark" ? "light" : "dark";
      document.documentElement.dataset.theme = theme;
      try {
        localStorage.setItem("usher.theme", theme);
      } catch {
        /* it holds for this page only */
      }
      dispatchEvent(new Event("usher:theme"));
    },
  });
  button.append(
    h(
      "svg",
      { viewBox: "0 0 20 20", width: 18, height: 18, "aria-hidden": "true" },
      h("circle", { cx: 10, cy: 10, r: 7, fill: "none", stroke: "currentColor" }),
      h("path", { d: "M10 3a7 7 0 0 1 0 14z", fill: "currentColor" }),
    ),
  );
  return button;
}

export function languagePicker() {
  const select = h(
    "select",
    { "aria-label": t("Language"), class: "small", onchange: () => chooseLanguage(select.value) },
    Object.entries(languages()).map(([value, name]) => h("option", { value, lang: value }, name)),
  );
  select.value = locale();
  return select;
}

/* A word with a colour, never a colour alone. */
export function badge(word, kind = "") {
  return h("span", { class: `badge ${kind}` }, word);
}

/* How the connection stands, as a line that is read out. Returns the node; the link is a Link of rpc.js. */
export function connectionLine(link) {
  const node = h("div", { class: "connection", role: "status" });
  let timer = null;
  const render = () => {
    clearTimeout(timer);
    const state = link.state;
    node.hidden = state === "live" || state === "new" || state === "ended";
    if (state === "away" || state === "connecting") {
      const left = Math.max(0, Math.ceil((link.retryAt - Date.now()) / 1000));
      replace(
        node,
        t("Connection lost. What you type is kept."),
        " ",
        state === "connecting" ? t("Connecting…") : t("Trying again in {n} s", { n: left }),
        " ",
        h("button", { type: "button", class: "small", onclick: () => link.hurry() }, t("Now")),
      );
      /* A moment of a reconnect need not be shown. */
      if (!link.retryAt) node.hidden = true;
      timer = setTimeout(render, 1000);
    }
  };
  link.on("state", render);
  render();
  return node;
}

/* Hands a file to the browser, to be kept on disk. */
export function saveBlob(name, blob) {
  const url = URL.createObjectURL(blob);
  /* Set by hand: the scheme of an address that we made ourselves. */
  const a = document.createElement("a");
  a.href = url;
  a.download = name;
  document.body.append(a);
  a.click();
  a.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
