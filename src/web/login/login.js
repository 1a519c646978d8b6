/*
 * login.js - who comes here: a first login by the one-time code of a link (#code=..., exchanged by POST and never
 * sent in an address), a login by account and password or by a token, or somebody who is logged in already.
 */
import { h, replace } from "../lib/dom.js";
import { language, t } from "../lib/i18n.js";
import { Link, Refused } from "../lib/rpc.js";
import { forgetLogin, loadLogin, saveLogin } from "../lib/store.js";
import { languagePicker, themeButton } from "../lib/ui.js";

const PAGES = { agent: "/agent", supervisor: "/supervisor", administrator: "/supervisor", auditor: "/supervisor" };
const page = document.getElementById("page");

/* Where to go after the login: a page of ours that was asked for, else the role's own. */
function target(role) {
  const wanted = new URLSearchParams(location.search).get("to") || "";
  const fits = /^\/[a-z]+(#[\w/=.-]*)?$/.test(wanted) && (role === "agent") === wanted.startsWith("/agent");
  return fits ? wanted : PAGES[role] || "/";
}

function enter(login) {
  saveLogin(login);
  location.replace(target(login.role));
}

function say(message, kind = "bad") {
  const line = document.getElementById("message");
  line.className = `message ${kind}`;
  line.textContent = message;
}

async function exchange(code) {
  const response = await fetch("/v1/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code }),
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.error?.message || t("The server did not answer as expected."));
  return body;
}

/* One login over the WebSocket; the connection is only for that. */
function tryLogin(params) {
  return new Promise((resolve, reject) => {
    const link = new Link({ login: () => params, client: "usher login page" });
    let told = false;
    const settle = (fn, value) => {
      if (told) return;
      told = true;
      link.end();
      fn(value);
    };
    link.on("welcome", (result) =>
      settle(resolve, {
        token: result.token || params.token,
        role: result.role,
        account: result.account,
        agent: result.agent,
        expires_at: result.expires_at,
      }),
    );
    link.on("refused", (error) => settle(reject, error));
    link.on("state", (state) => state === "away" && settle(reject, new Error(t("The server cannot be reached."))));
    link.start();
  });
}

async function submit(event) {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button[type=submit]");
  const token = form.elements.token?.value.trim();
  const params = token
    ? { token }
    : { account: form.elements.account.value.trim(), password: form.elements.password.value };
  button.disabled = true;
  say(t("Logging in…"), "info");
  try {
    enter(await tryLogin(params));
  } catch (error) {
    say(error instanceof Refused || error.message ? error.message : t("The server cannot be reached."));
    button.disabled = false;
    (form.elements.password || form.elements.token).focus();
  }
}

function passwordForm() {
  return h(
    "form",
    { id: "by-password", onsubmit: submit },
    h("label", { for: "account" }, t("Account")),
    h("input", { id: "account", name: "account", autocomplete: "username", required: true, maxlength: 64, spellcheck: "false" }),
    h("label", { for: "password" }, t("Password")),
    h("input", {
      id: "password",
      name: "password",
      type: "password",
      autocomplete: "current-password",
      required: true,
      maxlength: 1024,
    }),
    h("button", { type: "submit", class: "primary wide" }, t("Log in")),
  );
}

function tokenForm() {
  return h(
    "details",
    {},
    h("summary", {}, t("Log in with a token")),
    h(
      "form",
      { id: "by-token", onsubmit: submit },
      h("label", { for: "token" }, t("Token")),
      h("input", { id: "token", name: "token", autocomplete: "off", required: true, maxlength: 128, spellcheck: "false" }),
      h("button", { type: "submit", class: "wide" }, t("Log in")),
    ),
  );
}

function already() {
  return ["agent", "staff"]
    .map(loadLogin)
    .filter(Boolean)
    .map((login) =>
      h(
        "p",
        { class: "already" },
        t("Logged in as {who}.", { who: login.account || login.agent || login.role }),
        " ",
        h("a", { href: target(login.role), class: "button primary" }, t("Go on")),
        h(
          "button",
          {
            type: "button",
            onclick: () => {
              forgetLogin(login.role === "agent" ? "agent" : "staff");
              location.reload();
            },
          },
          t("Log out"),
        ),
      ),
    );
}

async function main() {
  await language();
  document.title = `usher: ${t("Log in")}`;
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  /* The code is used once; it need not stay in the history either. */
  if (location.hash) history.replaceState(null, "", location.pathname + location.search);
  replace(
    page,
    h(
      "div",
      { class: "card login-card" },
      h("h1", { class: "brand" }, h("span", { class: "mark", "aria-hidden": "true" }), "usher"),
      h("p", { id: "message", class: "message", role: "status" }),
      already(),
      passwordForm(),
      tokenForm(),
      h("footer", {}, languagePicker(), themeButton()),
    ),
  );
  if (code) {
    say(t("Using the link's one-time code…"), "info");
    try {
      enter(await exchange(code));
    } catch (error) {
      say(error.message);
    }
  } else if (new URLSearchParams(location.search).has("over")) {
    say(t("The login is over; log in again."), "info");
  }
  document.getElementById("account")?.focus();
}

/* A link that is opened while this page stands changes the fragment alone. */
addEventListener("hashchange", () => location.hash && main());
main();
