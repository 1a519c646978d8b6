/* main.js - the agent's desktop: login, the connection, the parts of the page. */
import { h, replace, show } from "../lib/dom.js";
import { language, t } from "../lib/i18n.js";
import { Link } from "../lib/rpc.js";
import { forgetLogin, loadLogin, saveLogin, sweepDrafts } from "../lib/store.js";
import { connectionLine, notice } from "../lib/ui.js";
import { Alert } from "./alert.js";
import { customerPane } from "./customer.js";
import { header } from "./header.js";
import { keys } from "./keys.js";
import { list } from "./list.js";
import { Model, nameOf } from "./model.js";
import { work } from "./work.js";

const TOKEN_LIFE_MS = 3600000; /* below, it is told that the login ends soon */

function toLogin(over = false) {
  location.replace(`/?to=/agent${over ? "&over" : ""}`);
}

/* Something was taken away: say why, in a sentence. */
function sayEnd(kind, what, params) {
  const title = what.contact?.title || (what.contact && nameOf(what.contact)) || t("The contact");
  const words = {
    "offer.timeout": t("You missed an offer and are set to not responding. Choose Ready to go on."),
    "offer.rescinded": t("The customer left before you answered."),
    "offer.cancelled": t("The offer was withdrawn."),
    "contact.cancelled": t("{title} was withdrawn.", { title }),
    "contact.abandoned": t("The customer of “{title}” left.", { title }),
    "contact.expired": t("{title} was ended by a time limit.", { title }),
    "contact.lost": t("{title} was lost: the line or the switch failed.", { title }),
    "contact.queued": t("{title} went back to its queue.", { title }),
    "contact.transferred": t("{title} was handed on.", { title }),
  };
  if (kind === "contact.completed" && params.disposition === undefined && !what.finishedHere)
    notice(t("Wrap-up of “{title}” is over.", { title }));
  else if (kind in words) notice(words[kind], kind === "offer.timeout" || kind === "contact.lost" ? "bad" : "info");
}

/* The page was taken over by another tab or machine. */
function takenOver(link) {
  const cover = h(
    "div",
    { class: "cover", role: "alertdialog", "aria-modal": "true", "aria-labelledby": "cover-title" },
    h(
      "div",
      { class: "card" },
      h("h2", { id: "cover-title" }, t("This desktop is open somewhere else")),
      h("p", {}, t("Only one place at a time takes contacts. What you typed here is kept.")),
      h(
        "button",
        {
          type: "button",
          class: "primary",
          onclick: () => {
            cover.remove();
            link.start();
          },
        },
        t("Use it here"),
      ),
    ),
  );
  document.body.append(cover);
  cover.querySelector("button").focus();
}

async function main() {
  const login = loadLogin("agent");
  if (!login) {
    toLogin();
    return;
  }
  await language();
  document.title = t("usher: desktop");
  sweepDrafts();
  const link = new Link({ login: () => (loadLogin("agent") ? { token: login.token } : null), client: "usher desktop" });
  const model = new Model(link);
  const context = { link, model, login, alert: new Alert(model) };
  context.leave = async () => {
    try {
      await link.call("session.logout");
    } catch (error) {
      if (error.type !== "gone") {
        notice(error.message, "bad");
        return;
      }
    }
    forgetLogin("agent");
    link.end();
    toLogin();
  };

  const main = h("main", { class: "panes" }, list(context), work(context), customerPane(context));
  const loading = h("div", { class: "loading", role: "status" }, t("Connecting…"));
  show(main, false);
  replace(document.body, header(context), connectionLine(link), loading, main);
  model.onChange(() => {
    if (!model.me) return;
    show(main, true);
    show(loading, false);
    main.dataset.state = model.current ? "work" : "idle";
    const waiting = model.offers.size;
    document.title = `${waiting ? `(${waiting}) ` : ""}${t("usher: desktop")}`;
  });
  model.onEnd(sayEnd);
  keys(context);

  link.on("state", (state) => {
    document.body.classList.toggle("live", state === "live");
    if (state === "replaced") takenOver(link);
    if (state === "live")
      link.call("session.methods").then(
        ({ methods }) => {
          link.methods = new Set(methods);
          model.changed();
        },
        () => {},
      );
  });
  link.on("welcome", (result) => {
    if (result.expires_at) saveLogin({ ...login, expires_at: result.expires_at });
  });
  link.on("refused", () => {
    forgetLogin("agent");
    toLogin(true);
  });
  link.on("session.token_expiring", ({ expires_at: at }) => {
    if (Date.parse(at) - Date.now() < TOKEN_LIFE_MS)
      notice(t("Your login ends soon. Log out and in again between two contacts."), "bad");
  });
  link.on("review.rejected", ({ mail, reason, by }) => {
    context.alert.message(by || t("A supervisor"), t("Your answer “{subject}” comes back: {reason}", { subject: mail?.subject || "", reason }));
  });
  link.on("message.received", ({ from, text }) => {
    context.alert.message(from, text);
  });
  link.start();
}

main();
