/* parts.js - what several views draw alike: states, levels, sortable tables, CSV. */
import { clean, h } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { number, percent } from "../lib/time.js";
import { badge, saveBlob } from "../lib/ui.js";

export function stateBadge(agent) {
  if (agent.desktop_lost) return badge(t("desktop lost"), "bad");
  const kinds = { ready: "good", not_ready: "warn", not_responding: "bad", offline: "" };
  const words = { ready: t("ready"), not_ready: t("not ready"), not_responding: t("not responding"), offline: t("offline") };
  const busy = (agent.contacts || []).some((c) => c.state !== "offered");
  const offered = (agent.contacts || []).some((c) => c.state === "offered");
  if (agent.state === "ready" && busy) return badge(t("working"), "accent");
  if (agent.state === "ready" && offered) return badge(t("offered"), "violet");
  return badge(words[agent.state] ?? clean(agent.state), kinds[agent.state]);
}

/* A share against its target: colour and word. */
export function levelOf(share, target) {
  if (share === null || share === undefined || !Number.isFinite(share)) return { kind: "", word: "" };
  if (!target) return { kind: "", word: "" };
  const p = share * 100;
  if (p >= target) return { kind: "good", word: t("on target") };
  if (p >= target - 10) return { kind: "warn", word: t("below target") };
  return { kind: "bad", word: t("far below") };
}

export function levelBadge(share, target) {
  const { kind, word } = levelOf(share, target);
  const text = share === null || share === undefined ? "–" : percent(share);
  return h("span", { class: `badge ${kind}`, title: target ? t("target {n} %", { n: number(target) }) : "" }, text, word ? h("span", { class: "only-wide" }, ` ${word}`) : "");
}

/* A table whose head sorts; columns: [{key, label, number?, value(row), cell(row)}]. */
export function head(columns, sort, onSort) {
  return h(
    "tr",
    {},
    columns.map((c) =>
      h(
        "th",
        { scope: "col", class: c.number ? "number" : "", "aria-sort": sort?.key === c.key ? (sort.up ? "ascending" : "descending") : null },
        c.value && onSort
          ? h("button", { type: "button", class: "plain sort", onclick: () => onSort(c.key) }, c.label, sort?.key === c.key ? (sort.up ? " ▲" : " ▼") : "")
          : c.label,
      ),
    ),
  );
}

export function sorted(rows, columns, sort) {
  const column = columns.find((c) => c.key === sort?.key);
  if (!column) return rows;
  const by = sort.up ? 1 : -1;
  return [...rows].sort((a, b) => {
    const x = column.value(a) ?? "";
    const y = column.value(b) ?? "";
    return by * (typeof x === "number" && typeof y === "number" ? x - y : String(x).localeCompare(String(y)));
  });
}

/* A CSV as the server wrote it, with the mark by which spreadsheets know its encoding. */
export function saveText(name, text) {
  saveBlob(name, new Blob(["\ufeff", text], { type: "text/csv" }));
}

export function tile(label, value, kind = "", word = "") {
  return h(
    "div",
    { class: `tile ${kind}` },
    h("span", { class: "soft" }, label),
    h("span", { class: "tile-value timer" }, value),
    h("span", { class: "tile-word" }, word),
  );
}

/* A score as a power of two, as the law writes it. */
export function score(log2) {
  return h("span", { class: "score" }, "2", h("sup", {}, number(log2, 2)));
}

export function emptyRow(columns, words) {
  return h("tr", {}, h("td", { colspan: columns, class: "empty" }, words));
}
