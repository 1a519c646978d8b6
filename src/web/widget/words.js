/* words.js - the widget's words in the customer's language; English is the key. */
const RIGHT_TO_LEFT = new Set(["ar", "fa", "he", "ur"]);
const AVAILABLE = new Set(["en", "de", "fr", "ar"]);
let words = {};
let current = "en";

export async function language(tag) {
  const short = String(tag || "en").toLowerCase().split("-")[0];
  current = AVAILABLE.has(short) ? short : "en";
  words = {};
  if (current !== "en") words = (await import(`./lang/${current}.js`)).default;
  document.documentElement.lang = current;
  document.documentElement.dir = RIGHT_TO_LEFT.has(current) ? "rtl" : "ltr";
}

export function locale() {
  return current;
}

export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/* "about 3 minutes", never more exact than it is. */
export function about(ms) {
  if (ms < 60000) return t("less than a minute");
  const minutes = Math.round(ms / 60000);
  if (minutes < 90) return new Intl.NumberFormat(current, { style: "unit", unit: "minute", unitDisplay: "long" }).format(minutes);
  return new Intl.NumberFormat(current, { style: "unit", unit: "hour", unitDisplay: "long" }).format(Math.round(minutes / 60));
}
