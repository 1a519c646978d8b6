/* demo.js - what a site says to the chat about its page, before the one script tag. ?lang= and ?side= for trying. */
const asked = new URLSearchParams(location.search);
window.usherSettings = {
  fields: { cart_total: 213.5, cart_items: 2, currency: "GBP" },
  locale: asked.get("lang") || undefined,
  position: asked.get("side") || "right",
};
