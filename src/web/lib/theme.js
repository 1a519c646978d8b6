/* Loaded before the first paint, as a classic script: the theme and the language that were chosen here. */
"use strict";
(function () {
  let theme = null;
  let language = null;
  try {
    theme = localStorage.getItem("usher.theme");
    language = localStorage.getItem("usher.language");
  } catch {
    /* Storage may be forbidden; then the system's theme holds. */
  }
  const asked = new URLSearchParams(location.search);
  theme = asked.get("theme") || theme;
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  if (language) document.documentElement.lang = language;
})();
