/* main.js - the supervisor's dashboard: login, the connection, one view at a time by the address's fragment. */
import { h, replace, show, text, toggle } from "../lib/dom.js";
import { language, t } from "../lib/i18n.js";
import { Link } from "../lib/rpc.js";
import { forgetLogin, loadLogin, saveLogin } from "../lib/store.js";
import { every } from "../lib/ticker.js";
import { clock } from "../lib/time.js";
import { connectionLine, languagePicker, notice, themeButton } from "../lib/ui.js";
import { Feed } from "./feed.js";
import { alarms, alarmWords } from "./views_alarms.js";
import { chat } from "./views_chat.js";
import { agents, overview, waiting } from "./views_live.js";
import { mails } from "./views_mails.js";
import { matcher } from "./views_matcher.js";
import { reports } from "./views_reports.js";
import { trends } from "./views_trends.js";
import { why } from "./views_why.js";

const VIEWS = { overview, waiting, agents, mails, trends, alarms, reports, matcher, why, chat };
const NAV = () => [
  ["overview", t("Overview")],
  ["waiting", t("Waiting")],
  ["agents", t("Agents")],
  ["mails", t("Mails")],
  ["trends", t("Trends")],
  ["alarms", t("Alarms")],
  ["reports", t("Reports")],
  ["matcher", t("Matcher")],
];
const STALE_MS = 6000;

function toLogin(over = false) {
  const here = /^#[\w/=.-]*$/.test(location.hash) ? location.hash : "";
  location.replace(`/?to=${encodeURIComponent(`/supervisor${here}`)}${over ? "&over" : ""}`);
}

async function main() {
  const login = loadLogin("staff");
  if (!login) {
    toLogin();
    return;
  }
  await language();
  const link = new Link({ login: () => ({ token: loadLogin("staff")?.token ?? login.token }), client: "usher dashboard" });
  const feed = new Feed(link);
  const context = { link, feed, login, may: { act: login.role === "supervisor" || login.role === "administrator" } };
  const place = h("main", { class: "place", id: "main" });
  const links = new Map();
  const nav = h(
    "nav",
    { class: "nav", "aria-label": t("Views") },
    NAV().map(([name, label]) => {
      const count = h("span", { class: "count", hidden: true });
      const a = h("a", { href: `#${name}` }, h("span", {}, label), count);
      links.set(name, { a, count });
      return a;
    }),
    h("a", { href: "/wallboard" }, t("Wallboard")),
  );
  const age = h("span", { class: "age soft timer", role: "status" });
  const heading = h("h1", { class: "only-read" });
  const out = h("button", { type: "button", class: "plain small", onclick: leave }, t("Log out"));
  let view = null;

  async function leave() {
    await link.call("session.logout").catch(() => {});
    forgetLogin("staff");
    link.end();
    location.replace("/");
  }

  const go = () => {
    const [name, argument] = location.hash.slice(1).split("/");
    const chosen = VIEWS[name] ? name : "overview";
    view?.leave?.();
    view = VIEWS[chosen](context, argument ? decodeURIComponent(argument) : "");
    feed.want(...view.wants);
    replace(place, view.node);
    text(heading, view.title);
    document.title = `usher: ${view.title}`;
    for (const [key, { a }] of links) {
      if (key === chosen || (key === "waiting" && chosen === "why")) a.setAttribute("aria-current", "page");
      else a.removeAttribute("aria-current");
    }
    view.draw();
  };

  const draw = () => {
    view?.draw();
    const bad = feed.alarms.length + feed.helps.length;
    const { a, count } = links.get("alarms");
    show(count, bad > 0);
    text(count, bad);
    toggle(a, "alarmed", bad > 0);
  };
  feed.onChange(draw);
  let told = new Set();
  feed.onChange(() => {
    for (const alarm of feed.alarms) if (told && !told.has(alarm.alarm) && feed.begun) notice(alarmWords(alarm), "bad");
    told = new Set(feed.alarms.map((x) => x.alarm));
    feed.begun = true;
  });
  every(() => {
    if (document.hidden) return;
    view?.tick();
    const old = feed.age();
    text(age, link.live ? (old > STALE_MS ? t("data is {time} old", { time: clock(old) }) : t("live")) : t("not connected, data is {time} old", { time: clock(old) }));
    toggle(age, "stale", !link.live || old > STALE_MS);
  });
  link.on("state", (state) => document.body.classList.toggle("live", state === "live"));
  link.on("welcome", (result) => result.expires_at && saveLogin({ ...login, expires_at: result.expires_at }));
  link.on("refused", () => {
    forgetLogin("staff");
    toLogin(true);
  });
  link.on("replaced", () => notice(t("This login is used somewhere else."), "bad"));

  replace(
    document.body,
    h("a", { href: "#main", class: "skip" }, t("To the content")),
    h(
      "header",
      { class: "top" },
      h("span", { class: "brand" }, h("span", { class: "mark", "aria-hidden": "true" }), h("strong", {}, "usher")),
      heading,
      nav,
      h("span", { class: "grow" }),
      age,
      h("span", { class: "row controls" }, languagePicker(), themeButton(), out),
    ),
    connectionLine(link),
    place,
  );
  addEventListener("hashchange", () => location.hash !== "#main" && go());
  go();
  link.start();
}

main();
