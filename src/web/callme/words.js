/* words.js - the call-me page's words; English is the key. */
const RIGHT_TO_LEFT = new Set(["ar"]);
const AVAILABLE = new Set(["en", "de", "fr", "ar"]);
let words = {};
let current = "en";

export async function language(tag) {
  const short = String(tag || "en").toLowerCase().split("-")[0];
  current = AVAILABLE.has(short) ? short : "en";
  if (current !== "en")
    words = { ...(await import(`/web/widget/lang/${current}.js`)).default, ...(await import(`./lang/${current}.js`)).default };
  document.documentElement.lang = current;
  document.documentElement.dir = RIGHT_TO_LEFT.has(current) ? "rtl" : "ltr";
}

export const locale = () => current;

export function t(key, values = {}) {
  return (words[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
