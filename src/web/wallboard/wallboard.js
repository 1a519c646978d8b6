/*
 * wallboard.js - a board for the wall: six figures, readable from five metres, with a colour and a word for each.
 * It goes round the queues of ?queues=a,b (all where none are named), ?seconds=12 each; the first page is the whole.
 */
import { clean, h, replace, show, text, toggle } from "../lib/dom.js";
import { language, t } from "../lib/i18n.js";
import { Link } from "../lib/rpc.js";
import { loadLogin } from "../lib/store.js";
import { every } from "../lib/ticker.js";
import { clock, number, percent } from "../lib/time.js";
import { Feed } from "../supervisor/feed.js";
import { alarmWords } from "../supervisor/views_alarms.js";

const STALE_MS = 6000;
const asked = new URLSearchParams(location.search);
const only = (asked.get("queues") || "").split(",").filter(Boolean);
const SECONDS = Math.max(3, Number(asked.get("seconds")) || 12);

function figure(label) {
  const value = h("span", { class: "value timer" });
  const word = h("span", { class: "word" });
  const node = h("div", { class: "figure" }, h("span", { class: "label" }, label), value, word);
  return {
    node,
    set(shown, kind, said) {
      text(value, shown);
      text(word, said);
      node.className = `figure ${kind}`;
    },
  };
}

async function main() {
  const login = loadLogin("staff");
  if (!login) {
    location.replace("/?to=/wallboard");
    return;
  }
  await language();
  document.title = t("usher: wallboard");
  const link = new Link({ login: () => ({ token: login.token }), client: "usher wallboard" });
  const feed = new Feed(link);
  feed.want("outlook");
  const title = h("h1", {});
  const now = h("span", { class: "clock timer" });
  const stale = h("p", { class: "stale", role: "status", hidden: true });
  const alarm = h("p", { class: "alarm", role: "alert", hidden: true });
  const dots = h("span", { class: "dots", "aria-hidden": "true" });
  const figures = {
    waiting: figure(t("Waiting")),
    oldest: figure(t("Longest wait")),
    level: figure(t("In time, 30 min")),
    late: figure(t("Late")),
    miss: figure(t("Will miss")),
    free: figure(t("Agents free")),
  };
  const full = h("button", { type: "button", class: "plain", onclick: () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.()) }, t("Full screen"));
  let page = 0;
  let turned = Date.now();

  const draw = () => {
    const queues = [...feed.queues.values()].filter((q) => !q.removed && (!only.length || only.includes(q.name)));
    const pages = queues.length > 1 ? [queues, ...queues.map((q) => [q])] : [queues];
    page %= pages.length;
    const list = pages[page];
    const sum = (key) => list.reduce((n, q) => n + (q[key] || 0), 0);
    const outlooks = list.map((q) => feed.outlook.get(q.name)).filter(Boolean);
    const add = (fn) => outlooks.reduce((n, o) => n + fn(o), 0);
    const all = add((o) => o.lately.answered + o.lately.abandoned + o.lately.expired);
    const share = all ? add((o) => o.lately.in_time) / all : null;
    const oldest = Math.max(0, ...list.map((q) => feed.oldest(q)));
    const late = sum("late");
    const miss = add((o) => o.will_miss);
    const free = list.length === 1 ? list[0].agents_free || 0 : [...feed.agents.values()].filter((a) => a.state === "ready" && !(a.contacts || []).length).length;
    const waiting = sum("waiting");
    text(title, list.length === 1 ? clean(list[0].name) : t("All queues"));
    figures.waiting.set(number(waiting), late ? "bad" : waiting && !free ? "warn" : "good", late ? t("some are late") : waiting ? t("being served") : t("nobody waits"));
    figures.oldest.set(waiting ? clock(oldest) : "–", late ? "bad" : "good", late ? t("late") : t("in time"));
    const under = share !== null && feed.target && share * 100 < feed.target;
    figures.level.set(share === null ? "–" : percent(share).replace(/\s/g, ""), share === null ? "" : under ? (share * 100 < feed.target - 10 ? "bad" : "warn") : "good", share === null ? t("too few to say") : under ? t("below {n} %", { n: number(feed.target) }) : t("target {n} % reached", { n: number(feed.target) }));
    figures.late.set(number(late), late ? "bad" : "good", late ? t("past their deadline") : t("none"));
    figures.miss.set(number(miss), miss ? "warn" : "good", miss ? t("foreseen") : t("none foreseen"));
    figures.free.set(number(free), free ? "good" : waiting ? "bad" : "warn", free ? t("ready") : t("nobody free"));
    replace(dots, pages.length > 1 ? pages.map((_, i) => h("span", { class: i === page ? "on" : "" })) : null);
    const standing = feed.alarms.filter((a) => !a.queue || list.some((q) => q.name === a.queue));
    show(alarm, standing.length > 0);
    text(alarm, standing.length ? `${t("Alarm")}: ${alarmWords(standing[0])}${standing.length > 1 ? ` (+${standing.length - 1})` : ""}` : "");
  };
  feed.onChange(draw);
  every(() => {
    if (Date.now() - turned >= SECONDS * 1000) {
      turned = Date.now();
      page++;
    }
    draw();
    const at = new Date(link.now());
    text(now, at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    const old = feed.age();
    show(stale, !link.live || old > STALE_MS);
    text(stale, t("Data is {time} old", { time: clock(old) }));
    toggle(document.body, "old", !link.live || old > STALE_MS);
  });
  link.on("state", (state) => document.body.classList.toggle("live", state === "live"));
  link.on("refused", () => location.replace("/?to=/wallboard&over"));
  replace(document.body, h("main", { class: "board" }, h("header", {}, title, dots, h("span", { class: "grow" }), full, now), stale, alarm, h("div", { class: "grid" }, Object.values(figures).map((f) => f.node))));
  link.start();
}

main();
