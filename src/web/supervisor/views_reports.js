/*
 * views_reports.js - interval tables to read, print and take along as CSV. Where the server keeps records (report.*)
 * they come from there; else from the day that it has in memory.
 */
import { clean, h, replace, show } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { moment, ms, number, percent, span } from "../lib/time.js";
import { attempt } from "../lib/ui.js";
import { emptyRow, saveCsv } from "./parts.js";

const SUMS = ["arrived", "answered", "in_time", "abandoned", "expired"];

export function reports(context) {
  const { feed, link } = context;
  const option = (value, label) => h("option", { value }, label);
  const slot = h("select", { id: "report-step" }, option(15, t("15 minutes")), option(30, t("30 minutes")), option(60, t("an hour")));
  const span24 = h("select", { id: "report-span" }, option(240, t("4 hours")), option(480, t("8 hours")), option(1440, t("24 hours")));
  const queue = h("select", { id: "report-queue" });
  const title = h("h2", { class: "print-title" });
  const table = h("table", { class: "report" });
  const more = h("div", { class: "column" });
  slot.value = "30";
  span24.value = "480";
  let rows = [];

  const columns = [
    { key: "from", label: t("From"), cell: (r) => moment(r.from, { seconds: false }), csv: (r) => new Date(r.from).toISOString() },
    { key: "arrived", label: t("Arrived"), cell: (r) => number(r.arrived) },
    { key: "answered", label: t("Answered"), cell: (r) => number(r.answered) },
    { key: "in_time", label: t("In time"), cell: (r) => number(r.in_time) },
    { key: "service_level", label: t("Service level"), cell: (r) => (r.service_level === null ? "–" : percent(r.service_level)) },
    { key: "abandoned", label: t("Left"), cell: (r) => number(r.abandoned) },
    { key: "expired", label: t("Expired"), cell: (r) => number(r.expired) },
    { key: "wait_mean_ms", label: t("Mean wait"), cell: (r) => (r.wait_mean_ms === null ? "–" : span(r.wait_mean_ms)) },
    { key: "wait_p90_ms", label: t("90 of 100 waited up to"), cell: (r) => (r.wait_p90_ms < 0 ? "–" : span(r.wait_p90_ms)), csv: (r) => (r.wait_p90_ms < 0 ? null : r.wait_p90_ms) },
    { key: "handle_mean_ms", label: t("Mean handling"), cell: (r) => (r.handle_mean_ms === null ? "–" : span(r.handle_mean_ms)) },
  ];

  const draw = () => {
    const sum = Object.fromEntries(SUMS.map((key) => [key, rows.reduce((n, r) => n + r[key], 0)]));
    const all = sum.answered + sum.abandoned + sum.expired;
    replace(
      table,
      h("thead", {}, h("tr", {}, columns.map((c, i) => h("th", { scope: "col", class: i ? "number" : "" }, c.label)))),
      h("tbody", {}, rows.length ? rows.map((r) => h("tr", {}, columns.map((c, i) => h(i ? "td" : "th", { class: i ? "number timer" : "timer", scope: i ? null : "row" }, c.cell(r))))) : emptyRow(columns.length, t("Nothing came in this time."))),
      rows.length
        ? h(
            "tfoot",
            {},
            h("tr", {}, columns.map((c, i) => h(i ? "td" : "th", { class: i ? "number timer" : "", scope: i ? null : "row" }, i === 0 ? t("In all") : SUMS.includes(c.key) ? number(sum[c.key]) : c.key === "service_level" ? (all ? percent(sum.in_time / all) : "–") : ""))),
          )
        : null,
    );
    replace(title, t("{queue}, the last {span}", { queue: queue.value ? clean(queue.value) : t("All queues"), span: span24.selectedOptions[0].textContent }), h("small", { class: "soft" }, ` ${moment(link.now())}`));
  };

  const ask = async (button) => {
    const answer = await attempt(button, () => link.call("trend.get", { minutes: Number(span24.value), step: Number(slot.value), ...(queue.value ? { queue: queue.value } : {}) }));
    if (!answer?.curves) return;
    const c = answer.curves[0] || {};
    rows = Array.from({ length: answer.points }, (_, i) => ({
      from: ms(answer.from) + i * answer.step_ms,
      ...Object.fromEntries(Object.entries(c).filter(([, v]) => Array.isArray(v)).map(([k, v]) => [k, v[i]])),
    })).filter((r) => r.arrived !== undefined);
    draw();
  };

  const show1 = h("button", { type: "button", class: "primary" }, t("Show"));
  show1.addEventListener("click", () => ask(show1));
  const csv = h("button", { type: "button", onclick: () => saveCsv(`usher-${queue.value || "all"}-${new Date(link.now()).toISOString().slice(0, 16)}.csv`, [columns.map((c) => c.key), ...rows.map((r) => columns.map((c) => (c.csv ? c.csv(r) : r[c.key])))]) }, "CSV");
  const print = h("button", { type: "button", onclick: () => window.print() }, t("Print"));
  let begun = false;
  return {
    wants: [],
    title: t("Reports"),
    node: h(
      "div",
      { class: "view" },
      h("div", { class: "row no-print" }, h("label", { for: "report-queue" }, t("Queue")), queue, h("label", { for: "report-span" }, t("Last")), span24, h("label", { for: "report-step" }, t("Every")), slot, show1, csv, print),
      title,
      h("section", { class: "card scroll", tabindex: 0, "aria-label": t("Report") }, table),
      more,
    ),
    draw: () => {
      const names = [...feed.queues.keys()];
      if (queue.options.length !== names.length + 1) {
        const was = queue.value;
        replace(queue, h("option", { value: "" }, t("All queues")), names.map((n) => h("option", { value: n }, clean(n))));
        queue.value = was;
      }
      if (!begun && link.live && link.methods) {
        begun = true;
        ask(null);
      }
      show(more, false);
    },
    tick: () => {},
  };
}
