/* views_alarms.js - alarms with their beginning and end, calls for help. */
import { clean, h, outside, replace } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { clock, moment, ms, number, span } from "../lib/time.js";
import { attempt, badge } from "../lib/ui.js";
import { message } from "./actions.js";
import { emptyRow } from "./parts.js";

export function alarmWords(a) {
  const values = { n: number(a.value), limit: number(a.limit), queue: clean(a.queue || "") };
  const words = {
    late: t("{queue}: {n} contacts are past their deadline (limit {limit})", values),
    forecast: t("{queue}: {n} contacts will miss their deadline (limit {limit})", values),
    waiting: t("{queue}: {n} contacts wait (limit {limit})", values),
    service_level: t("{queue}: {n} % in time in the last half hour (target {limit} %)", values),
    not_responding: t("{n} agents let an offer lapse and are not back (limit {limit})", values),
    store_lost: t("Redis has lost {n} steps that it had confirmed; its log says why", values),
  };
  return words[a.kind] ?? clean(a.kind);
}

export function alarmLine({ link }, a) {
  return h(
    "div",
    { class: "alarm-line", role: "alert" },
    badge(t("Alarm"), "bad"),
    h("span", { class: "grow" }, alarmWords(a)),
    h("span", { class: "soft timer" }, t("for {time}", { time: clock(link.now() - ms(a.raised_at)) })),
    a.queue ? h("a", { class: "button small", href: `#waiting/${encodeURIComponent(a.queue)}` }, t("Look")) : h("a", { class: "button small", href: "#agents" }, t("Look")),
  );
}

export function helpLine(context, x) {
  const { link, may } = context;
  const end = h("button", { type: "button", class: "small" }, t("I am there"));
  end.addEventListener("click", () => attempt(end, () => link.call("help.end", { agent: x.agent })));
  return h(
    "div",
    { class: "alarm-line help", role: "alert" },
    badge(t("Help"), "violet"),
    h("span", { class: "grow" }, outside(x.name || x.agent, "strong"), " ", x.text ? outside(x.text) : t("calls for help")),
    h("span", { class: "soft timer" }, t("for {time}", { time: clock(link.now() - ms(x.since)) })),
    x.contact ? h("a", { class: "button small", href: `#why/${x.contact}` }, t("Contact")) : null,
    may.act ? [h("button", { type: "button", class: "small", onclick: () => message(context, { id: x.agent, name: x.name }) }, t("Message")), end] : null,
  );
}

export function alarms(context) {
  const { feed } = context;
  const open = h("div", { class: "alarm-lines" });
  const tbody = h("tbody");
  const draw = () => {
    replace(
      open,
      feed.helps.map((x) => helpLine(context, x)),
      feed.alarms.map((a) => alarmLine(context, a)),
      feed.helps.length + feed.alarms.length ? null : h("p", { class: "empty card" }, t("All is well: no alarm stands.")),
    );
    replace(
      tbody,
      feed.ended.length
        ? feed.ended.map((a) =>
            h(
              "tr",
              {},
              h("td", {}, alarmWords(a)),
              h("td", { class: "timer" }, moment(ms(a.raised_at))),
              h("td", { class: "timer" }, moment(ms(a.ended_at))),
              h("td", { class: "number timer" }, span(ms(a.ended_at) - ms(a.raised_at))),
            ),
          )
        : emptyRow(4, t("None ended lately.")),
    );
  };
  return {
    wants: [],
    title: t("Alarms"),
    node: h(
      "div",
      { class: "view" },
      open,
      h("h2", {}, t("Ended lately")),
      h(
        "section",
        { class: "card scroll", tabindex: 0, "aria-label": t("Ended alarms") },
        h("table", {}, h("thead", {}, h("tr", {}, [t("Alarm"), t("Began"), t("Ended"), t("Lasted")].map((w, i) => h("th", { scope: "col", class: i === 3 ? "number" : "" }, w)))), tbody),
      ),
    ),
    draw,
    tick: draw,
  };
}
