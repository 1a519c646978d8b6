/*
 * views_reports.js - interval figures of the contact records (report.get, docs/figures.md) to read, print and take along
 * as the server's CSV.
 */
import { clean, h, replace } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { moment, ms, number, percent, span } from "../lib/time.js";
import { attempt, badge } from "../lib/ui.js";
import { emptyRow, saveText } from "./parts.js";

const HOUR_MS = 3600000;
const LATE_MS = 10000; /* records that far behind are said to be */

const count = (key, label) => ({ key, label, sum: true, cell: (r) => number(r[key]) });
const time = (key, label) => ({ key, label, cell: (r) => (Number.isFinite(r[key]) ? span(r[key]) : "–") });
const share = (key, label) => ({ key, label, cell: (r) => percent(r[key]) });

/* What a group is shown with: queues and what contacts come by, or agents. */
const ofQueues = () => [
  count("offered", t("Arrived")),
  count("answered", t("Answered")),
  count("in_time", t("In time")),
  share("sl_negative", t("Service level")),
  count("abandoned", t("Left")),
  count("expired", t("Expired")),
  time("asa_ms", t("Mean wait")),
  time("longest_wait_ms", t("Longest wait")),
  count("handled", t("Handled")),
  time("aht_ms", t("Mean handling")),
];
const ofAgents = () => [
  count("offers", t("Offers")),
  count("accepted", t("Accepted")),
  count("rona", t("Missed")),
  count("handled", t("Handled")),
  count("completed", t("Finished")),
  time("aht_ms", t("Mean handling")),
  time("ready_ms", t("Ready")),
  time("not_ready_ms", t("Not ready")),
  time("busy_ms", t("Busy")),
  share("occupancy", t("Occupancy")),
];

export function reports(context) {
  const { link } = context;
  const option = (value, label) => h("option", { value }, label);
  const by = h("select", { id: "report-by" }, [
    option("queue", t("Queue")),
    option("channel", t("Channel")),
    option("tier", t("Tier")),
    option("dnis", t("Number dialled")),
    option("agent", t("Agent")),
    option("team", t("Team")),
    option("all", t("In all")),
  ]);
  const interval = h("select", { id: "report-interval" }, [
    option("15m", t("15 minutes")),
    option("30m", t("30 minutes")),
    option("hour", t("an hour")),
    option("day", t("a day")),
    option("all", t("the whole time")),
  ]);
  const last = h("select", { id: "report-span" }, [option(4, t("4 hours")), option(8, t("8 hours")), option(24, t("24 hours")), option(168, t("7 days")), option(720, t("30 days"))]);
  const title = h("h2", { class: "print-title" });
  const table = h("table", { class: "report" });
  const behind = h("span", {});
  interval.value = "all";
  last.value = "24";

  const draw = (answer) => {
    const { rows } = answer;
    const grouped = answer.by !== "all";
    const columns = answer.by === "agent" || answer.by === "team" ? ofAgents() : ofQueues();
    const heads = [answer.interval === "all" ? null : t("From"), grouped ? by.selectedOptions[0].textContent : null].filter(Boolean);
    if (!heads.length) heads.push("");
    const cells = (r) => [
      answer.interval === "all" ? null : moment(ms(r.from), { seconds: false }),
      grouped ? clean(String(r[answer.by] ?? "–")) : null,
    ].filter((x) => x !== null);
    replace(
      table,
      h("thead", {}, h("tr", {}, heads.map((w) => h("th", { scope: "col" }, w)), columns.map((c) => h("th", { scope: "col", class: "number" }, c.label)))),
      h(
        "tbody",
        {},
        rows.length
          ? rows.map((r) => {
              const names = cells(r);
              if (!names.length) names.push(t("In all"));
              return h("tr", {}, names.map((w, i) => (i === names.length - 1 ? h("th", { scope: "row" }, w) : h("td", { class: "timer" }, w))), columns.map((c) => h("td", { class: "number timer" }, c.cell(r))));
            })
          : emptyRow(heads.length + columns.length, t("Nothing came in this time.")),
      ),
      rows.length > 1
        ? h("tfoot", {}, h("tr", {}, h("th", { scope: "row", colspan: heads.length }, t("In all")), columns.map((c) => h("td", { class: "number timer" }, c.sum ? number(rows.reduce((n, r) => n + (r[c.key] || 0), 0)) : ""))))
        : null,
    );
    replace(title, t("{by}, the last {span}", { by: by.selectedOptions[0].textContent, span: last.selectedOptions[0].textContent }), h("small", { class: "soft" }, ` ${moment(ms(answer.to))}`));
    replace(behind, answer.lag_ms > LATE_MS ? badge(t("records are {n} behind", { n: span(answer.lag_ms) }), "warn") : null);
  };

  const wish = () => {
    const to = link.now();
    return { by: by.value, interval: interval.value, from: new Date(to - Number(last.value) * HOUR_MS).toISOString(), to: new Date(to).toISOString() };
  };
  const ask = async (button) => {
    const answer = await attempt(button, () => link.call("report.get", wish()));
    if (answer?.rows) draw(answer);
  };

  const show = h("button", { type: "button", class: "primary", id: "report-show" }, t("Show"));
  show.addEventListener("click", () => ask(show));
  for (const field of [by, interval, last]) field.addEventListener("change", () => ask(null));
  const csv = h("button", { type: "button" }, "CSV");
  csv.addEventListener("click", async () => {
    const answer = await attempt(csv, () => link.call("report.get", { ...wish(), csv: true }));
    if (answer) saveText(`usher-${by.value}-${new Date(link.now()).toISOString().slice(0, 16)}.csv`, answer.csv);
  });
  const print = h("button", { type: "button", onclick: () => window.print() }, t("Print"));
  let begun = false;
  return {
    wants: [],
    title: t("Reports"),
    node: h(
      "div",
      { class: "view" },
      h("div", { class: "row no-print" }, h("label", { for: "report-by" }, t("By")), by, h("label", { for: "report-span" }, t("Last")), last, h("label", { for: "report-interval" }, t("Every")), interval, show, csv, print, behind),
      title,
      h("section", { class: "card scroll", tabindex: 0, "aria-label": t("Report") }, table),
    ),
    draw: () => {
      if (begun || !link.live || !link.methods) return;
      begun = true;
      ask(null);
    },
    tick: () => {},
  };
}
