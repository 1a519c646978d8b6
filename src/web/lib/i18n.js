/*
 * i18n.js - the page's words. English is the key; catalogues of other languages are modules beside this one,
 * loaded when they are wanted.
 *
 *   t("Waiting")   t("{n} waiting", {n: 3})   await language("de")
 */
const AVAILABLE = { en: "English", de: "Deutsch" };
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);
let words = {};
let current = "en";

export function languages() {
  return AVAILABLE;
}

export function locale() {
  return current;
}

/* For times and numbers: the browser's own habits where it speaks the page's language. */
export function formats() {
  return (navigator.languages || [navigator.language]).find((tag) => tag && tag.toLowerCase().startsWith(current)) || current;
}

/* Values are put in as text; what is not translated stays English. */
export function t(key, values = {}) {
  const text = words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/* One or many: tn(2, "{n} contact", "{n} contacts"). */
export function tn(n, one, many) {
  return t(n === 1 ? one : many, { n });
}

function wished() {
  let stored = null;
  try {
    stored = localStorage.getItem("usher.language");
  } catch {
    /* then the browser's languages count */
  }
  const list = [stored, ...(navigator.languages || [navigator.language])].filter(Boolean);
  for (const tag of list) {
    const short = tag.toLowerCase().split("-")[0];
    if (short in AVAILABLE) return short;
  }
  return "en";
}

/* Loads a catalogue; without a name the one that was chosen, or the browser's. */
export async function language(name = wished()) {
  if (!(name in AVAILABLE)) name = "en";
  try {
    words = name === "en" ? {} : (await import(`./lang/${name}.js`)).default;
    current = name;
  } catch {
    words = {};
    current = "en";
  }
  document.documentElement.lang = current;
  document.documentElement.dir = RIGHT_TO_LEFT.has(current) ? "rtl" : "ltr";
}

export function chooseLanguage(name) {
  try {
    localStorage.setItem("usher.language", name);
  } catch {
    /* it holds for this page only */
  }
  location.reload();
}
