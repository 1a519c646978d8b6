/*
 * chat.js - the one script tag that puts the chat on a site's page:
 *
 *   <script async src="https://HOST/web/chat.js"></script>
 *
 * Before it, window.usherSettings may say {position: "left" | "right", locale, dark: "auto" | "on" | "off",
 * launcherTitle, hideLauncher, fields: {cart: 40}, identity: {...}, open}. Afterwards window.usher has open, close,
 * setUser, setFields, setLocale, reset; the window hears usher:ready, usher:on-message, usher:error.
 *
 * Everything else lives in a frame of its own origin. Nothing here needs inline styles or scripts of the site.
 */
(() => {
  const script = document.currentScript;
  if (!script || window.usher) return;
  const origin = new URL(script.src).origin;
  const settings = window.usherSettings || {};
  const left = settings.position === "left";
  const words = { en: ["Chat with us", "Close the chat"], de: ["Mit uns chatten", "Chat schließen"],
    fr: ["Discuter avec nous", "Fermer la discussion"], ar: ["تحدث معنا", "إغلاق المحادثة"] };
  let locale = settings.locale || document.documentElement.lang || navigator.language || "en";
  const label = () => words[String(locale).slice(0, 2).toLowerCase()] || words.en;

  const host = document.createElement("div");
  const root = host.attachShadow({ mode: "closed" });
  const sheet = new CSSStyleSheet();
  const side = left ? "left" : "right";
  sheet.replaceSync(`
    :host { all: initial; position: fixed; inset: auto; bottom: 20px; ${side}: 20px; z-index: 2147483000; }
    button { all: unset; box-sizing: border-box; width: 60px; height: 60px; border-radius: 50%; cursor: pointer;
      background: #0b57d0; color: #fff; display: grid; place-items: center; position: relative;
      box-shadow: 0 2px 6px rgb(0 0 0 / .25), 0 8px 24px rgb(0 0 0 / .2); transition: transform .15s; }
    button:hover { background: #0a4cb7; transform: scale(1.04); }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #0b57d0; }
    button[hidden], iframe[hidden], b[hidden] { display: none; }
    b { position: absolute; top: -4px; ${side}: -4px; min-width: 22px; height: 22px; border-radius: 11px;
      background: #b3261e; color: #fff; font: 600 12px/22px system-ui, sans-serif; text-align: center; padding: 0 5px;
      box-sizing: border-box; }
    iframe { position: fixed; bottom: 92px; ${side}: 20px; width: 380px; height: min(620px, calc(100vh - 112px));
      border: 0; border-radius: 16px; background: transparent; outline: 1px solid rgb(128 128 128 / .3); color-scheme: normal;
      box-shadow: 0 4px 16px rgb(0 0 0 / .16), 0 16px 48px rgb(0 0 0 / .2); }
    @media (max-width: 480px) {
      iframe { inset: 0; width: 100vw; height: 100vh; height: 100dvh; border-radius: 0; }
      :host([open]) button { display: none; }
    }
    @media (prefers-reduced-motion: reduce) { button { transition: none; } }
    @media print { :host { display: none; } }`);
  root.adoptedStyleSheets = [sheet];

  const svg = (d) => {
    const ns = "http://www.w3.org/2000/svg";
    const image = document.createElementNS(ns, "svg");
    for (const [k, v] of Object.entries({ viewBox: "0 0 24 24", width: "28", height: "28", "aria-hidden": "true" }))
      image.setAttribute(k, v);
    const path = document.createElementNS(ns, "path");
    path.setAttribute("fill", "currentColor");
    path.setAttribute("d", d);
    image.append(path);
    return image;
  };
  const CHAT = "M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H9l-5 4v-4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2z";
  const DOWN = "M12 15.6 4.7 8.3l1.4-1.4 5.9 5.9 5.9-5.9 1.4 1.4z";

  const button = document.createElement("button");
  const badge = document.createElement("b");
  badge.hidden = true;
  let frame = null;
  let unread = 0;

  const page = () => ({ url: location.href, title: document.title, referrer: document.referrer });
  const context = () => ({ page: page(), fields: settings.fields, identity: settings.identity, locale, dark: settings.dark });
  const send = (type, more = {}) => frame?.contentWindow?.postMessage({ usher: type, ...more }, origin);
  const tell = (name, detail) => window.dispatchEvent(new CustomEvent(name, { detail }));

  function show(open) {
    if (open && !frame) {
      frame = document.createElement("iframe");
      frame.src = `${origin}/widget`;
      frame.title = label()[0];
      frame.setAttribute("allow", "clipboard-write");
      root.append(frame);
    }
    if (frame) frame.hidden = !open;
    host.toggleAttribute("open", open);
    button.setAttribute("aria-expanded", String(open));
    button.setAttribute("aria-label", open ? label()[1] : settings.launcherTitle || label()[0]);
    button.replaceChildren(svg(open ? DOWN : CHAT), badge);
    if (open) {
      unread = 0;
      badge.hidden = true;
      send("shown");
      frame.focus();
    } else if (frame) {
      send("hidden");
      button.focus();
    }
  }

  addEventListener("message", (event) => {
    if (!frame || event.source !== frame.contentWindow || event.origin !== origin) return;
    const { usher: type, detail } = event.data || {};
    if (type === "ready") {
      send("context", context());
      tell("usher:ready");
    } else if (type === "close") show(false);
    else if (type === "message") {
      if (frame.hidden && detail?.from !== "system") {
        unread += 1;
        badge.textContent = String(unread);
        badge.hidden = false;
      }
      tell("usher:on-message", detail);
    } else if (type === "error") tell("usher:error", detail);
  });

  button.addEventListener("click", () => show(!frame || frame.hidden));
  button.hidden = !!settings.hideLauncher;
  root.append(button);
  window.usher = Object.freeze({
    open: () => show(true),
    close: () => show(false),
    setUser(identity) {
      settings.identity = identity;
      send("context", context());
    },
    setFields(fields) {
      settings.fields = fields;
      send("context", context());
    },
    setLocale(name) {
      locale = name;
      send("context", context());
      show(!!frame && !frame.hidden);
    },
    reset: () => send("reset"),
  });
  const begin = () => {
    document.body.append(host);
    /* A chat that goes on is taken up again behind the closed button. */
    let going = false;
    try {
      going = sessionStorage.getItem("usher.chat") === "going";
    } catch {
      /* then it is opened by hand */
    }
    show(!!settings.open || going);
  };
  addEventListener("usher:on-message", () => {
    try {
      sessionStorage.setItem("usher.chat", "going");
    } catch {
      /* not kept */
    }
  });
  if (document.body) begin();
  else addEventListener("DOMContentLoaded", begin);
})();
