/* panel_data.js - what came along with a contact: attributes and payload, for any channel. */
import { clean, h, link as anchor, outside, replace, show } from "../lib/dom.js";
import { t } from "../lib/i18n.js";

const DEPTH_MOST = 6;
const ENTRIES_MOST = 300;
const HIDDEN = new Set(["customer.id"]);

/* Any JSON as lists of text; addresses of the web become links. */
function tree(value, depth = 0) {
  if (value === null || value === undefined) return h("span", { class: "soft" }, "–");
  if (typeof value !== "object") {
    const text = String(value);
    return /^https?:\/\/\S+$/.test(text) ? anchor(text, text) : outside(text, "span", { class: "wrap" });
  }
  if (depth >= DEPTH_MOST) return outside(JSON.stringify(value).slice(0, 500));
  const entries = Object.entries(value).slice(0, ENTRIES_MOST);
  if (Array.isArray(value)) return h("ul", { class: "plain-list" }, entries.map(([, v]) => h("li", {}, tree(v, depth + 1))));
  return h(
    "dl",
    { class: "data" },
    entries.map(([k, v]) => [outside(k, "dt"), h("dd", {}, tree(v, depth + 1))]),
  );
}

export function dataPanel(_context, item) {
  const body = h("div", { class: "panel-scroll", tabindex: 0, role: "group", "aria-label": t("Details") });
  const node = h("section", { class: "panel data-panel card", "aria-label": t("Details") }, h("h3", {}, t("Details")), body);
  let last = "";
  return {
    name: "data",
    order: 50,
    node,
    update(now) {
      const c = now.contact;
      const attributes = Object.fromEntries(Object.entries(c.attributes || {}).filter(([k]) => !HIDDEN.has(k)));
      const payload = c.channel === "email" && c.payload?.mail ? undefined : c.payload;
      const key = JSON.stringify([attributes, payload]);
      if (key === last) return;
      last = key;
      const some = Object.keys(attributes).length || payload !== undefined;
      show(node, some);
      replace(
        body,
        Object.keys(attributes).length ? tree(attributes) : null,
        payload !== undefined ? h("div", { class: "payload" }, tree(payload)) : null,
        c.truncated ? h("p", { class: "soft" }, clean(t("Some of it is too large to be shown."))) : null,
      );
    },
  };
}
