/*
 * store.js - what the browser keeps: logins, choices, and text that is being typed, so that neither a reload
 * nor a lost network takes it away. A login is a token of the server with its end; it never stands in an address.
 */
const PREFIX = "usher.";

export function load(name, otherwise = null) {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

export function save(name, value) {
  try {
    if (value === null || value === undefined) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
  } catch {
    /* full or forbidden: the page goes on without */
  }
}

/* ---- logins: one of an agent, one of staff, so that both can be open in one browser ---- */

const kindOf = (role) => (role === "agent" ? "agent" : "staff");

export function saveLogin(login) {
  save(`login.${kindOf(login.role)}`, login);
}

/* {token, role, account?, agent?, expires_at}; null when there is none or it is over. */
export function loadLogin(kind) {
  const login = load(`login.${kind}`);
  if (!login || !login.token) return null;
  if (login.expires_at && Date.parse(login.expires_at) < Date.now()) {
    save(`login.${kind}`, null);
    return null;
  }
  return login;
}

export function forgetLogin(kind) {
  save(`login.${kind}`, null);
}

/* ---- drafts: text by name, dropped after a week ---- */

const DRAFT_LIFE_MS = 7 * 86400000;
const DRAFT_WAIT_MS = 250;

export function loadDraft(name) {
  return load(`draft.${name}`)?.text ?? "";
}

export function saveDraft(name, text) {
  save(`draft.${name}`, text ? { text, at: Date.now() } : null);
}

/* A field that remembers: filled from its draft, saved while one types and when the page goes. */
export function keepDraft(field, name) {
  let timer = null;
  const now = () => {
    clearTimeout(timer);
    timer = null;
    saveDraft(name, field.value);
  };
  if (!field.value) field.value = loadDraft(name);
  field.addEventListener("input", () => {
    if (timer === null) timer = setTimeout(now, DRAFT_WAIT_MS);
  });
  field.addEventListener("blur", now);
  addEventListener("pagehide", () => timer !== null && now());
  return {
    clear() {
      clearTimeout(timer);
      timer = null;
      saveDraft(name, "");
    },
  };
}

export function sweepDrafts() {
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(`${PREFIX}draft.`)) continue;
      const draft = load(key.slice(PREFIX.length));
      if (!draft || Date.now() - draft.at > DRAFT_LIFE_MS) localStorage.removeItem(key);
    }
  } catch {
    /* nothing to sweep */
  }
}
