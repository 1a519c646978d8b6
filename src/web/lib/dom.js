/*
 * dom.js - elements made by function calls. Text goes in as text nodes only, never as markup; attributes by a
 * list; addresses by their scheme (RELIABILITY S14).
 *
 *   h("button", {class: "primary", onclick: go}, t("Accept"))
 *   h("p", {}, outside(contact.title))       what customers wrote: isolated, its hidden characters shown
 */

const ATTRIBUTES = new Set(
  (
    "id class type name value title href target rel src alt for placeholder autocomplete maxlength minlength min max " +
    "step rows cols tabindex role lang dir hidden disabled checked selected multiple readonly required open colspan " +
    "rowspan scope inputmode spellcheck autofocus accept label list download datetime draggable pattern accesskey " +
    "enterkeyhint width height viewBox d fill stroke points x y x1 x2 y1 y2 cx cy r xmlns preserveAspectRatio low high " +
    "optimum form method novalidate"
  ).split(" "),
);
const SVG = new Set(["svg", "path", "polyline", "line", "rect", "circle", "g", "polygon"]);
const SCHEMES = new Set(["http:", "https:", "mailto:", "tel:"]);
/* Characters that steer the direction of text or are not seen at all. */
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff\ufff0-\ufffb]/g;

/* Hidden characters as marks: "\u202e" becomes "[U+202E]". */
export function clean(text) {
  return String(text ?? "").replace(
    HIDDEN,
    (c) => `[U+${c.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}]`,
  );
}

/* Outside text as an element of its own direction. */
export function outside(text, tag = "bdi", props = {}) {
  const node = document.createElement(tag);
  node.textContent = clean(text);
  node.dir = "auto";
  set(node, props);
  return node;
}

/* An address that may be followed, or "". Those within this site stay as they are. */
export function safeUrl(text) {
  if (/^(#|\/(?![/\\]))[^\s\\]*$/.test(String(text))) return String(text);
  try {
    const url = new URL(String(text), location.href);
    return SCHEMES.has(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

/* A link to somewhere outside: it learns nothing of us. Text alone when the address is not fit. */
export function link(text, address) {
  const href = safeUrl(address);
  if (!href) return outside(text);
  return h("a", { href, rel: "noopener noreferrer", target: "_blank" }, clean(text));
}

export function set(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(node.dataset, value);
    else if (name === "style") for (const [k, v] of Object.entries(value)) node.style.setProperty(k, v);
    else if (name === "value" && "value" in node) node.value = value ?? "";
    else if (name === "checked" || name === "disabled" || name === "hidden" || name === "open") node[name] = !!value;
    else if (name === "class") node.setAttribute("class", value || "");
    else if (value === null || value === undefined || value === false) node.removeAttribute(name);
    else if (name === "href" || name === "src") node.setAttribute(name, safeUrl(value));
    else if (ATTRIBUTES.has(name) || name.startsWith("aria-"))
      node.setAttribute(name, value === true ? "" : String(value));
    else throw new Error(`dom: attribute ${name} is not on the list`);
  }
  return node;
}

export function h(tag, props = {}, ...children) {
  const node = SVG.has(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  set(node, props);
  add(node, children);
  return node;
}

export function add(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    node.append(child instanceof Node ? child : document.createTextNode(String(child)));
  }
  return node;
}

export function replace(node, ...children) {
  node.replaceChildren();
  return add(node, children);
}

/* Writes text only when it differs, so that selections and screen readers are left in peace. */
export function text(node, value) {
  const wanted = String(value ?? "");
  if (node.textContent !== wanted) node.textContent = wanted;
  return node;
}

export function toggle(node, name, on) {
  if (node.classList.contains(name) !== !!on) node.classList.toggle(name, !!on);
}

export function show(node, on) {
  if (node.hidden === !!on) node.hidden = !on;
}

/*
 * keyed - brings the children of a container in line with a list: kept by key, moved, made, dropped. What
 * was typed into a kept child stays.
 *
 * key(item), make(item) -> node, update(node, item)
 */
export function keyed(container, list, key, make, update) {
  const known = new Map();
  for (const node of container.children) known.set(node.dataset.key, node);
  let at = container.firstElementChild;
  for (const item of list) {
    const name = String(key(item));
    let node = known.get(name);
    if (node) known.delete(name);
    else {
      node = make(item);
      node.dataset.key = name;
    }
    update?.(node, item);
    if (node === at) at = at.nextElementSibling;
    else container.insertBefore(node, at);
  }
  for (const node of known.values()) node.remove();
}

export const $ = (selector, root = document) => root.querySelector(selector);
