/* views_matcher.js - the e-mail matcher: how often it is right, how well its probabilities fit, what answers by itself. */
import { clean, h, outside, replace } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { number, percent } from "../lib/time.js";
import { attempt, badge } from "../lib/ui.js";
import { emptyRow, tile } from "./parts.js";

/* Said probability against share that was right; on the diagonal both agree. */
function calibration(table) {
  const x = (p) => 40 + p * 240;
  const y = (p) => 250 - p * 240;
  const most = Math.max(1, ...table.map((b) => b.n));
  return h(
    "svg",
    { viewBox: "0 0 300 290", class: "calibration", role: "img", "aria-label": t("Calibration: said probability against share right") },
    [0, 0.25, 0.5, 0.75, 1].map((p) => [
      h("line", { x1: x(p), y1: y(0), x2: x(p), y2: y(1), class: "grid" }),
      h("line", { x1: x(0), y1: y(p), x2: x(1), y2: y(p), class: "grid" }),
      svgText(x(p), 266, number(p * 100), "middle"),
      svgText(34, y(p) + 4, number(p * 100), "end"),
    ]),
    svgText(160, 284, t("said, %"), "middle"),
    h("line", { x1: x(0), y1: y(0), x2: x(1), y2: y(1), class: "diagonal" }),
    h("polyline", { class: "curve", points: table.map((b) => `${x(b.p)},${y(b.right)}`).join(" ") }),
    table.map((b) => h("circle", { cx: x(b.p), cy: y(b.right), r: 3 + 6 * Math.sqrt(b.n / most), class: "dot" })),
  );
}

function svgText(x, y, words, anchor) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", "text");
  node.setAttribute("x", x);
  node.setAttribute("y", y);
  node.setAttribute("text-anchor", anchor);
  node.textContent = words;
  return node;
}

function gateBadge(gate) {
  if (!gate) return badge("–");
  const word = typeof gate === "string" ? gate : gate.state || gate.answer || (gate.open ? "open" : "closed");
  const open = word === "open" || gate.open === true || gate.automatic === true;
  return badge(clean(String(word).replaceAll("_", " ")), open ? "good" : "");
}

export function matcher(context) {
  const { link } = context;
  const pick = h("input", { id: "matcher-box", list: "matcher-boxes", maxlength: 64, autocomplete: "off" });
  const boxes = h("datalist", { id: "matcher-boxes" });
  const body = h("div", { class: "column" });
  const go = h("button", { type: "button", class: "primary" }, t("Show"));
  const can = () => link.methods?.has("suggest.report");
  let begun = false;

  const drawReport = (r) => {
    const columns = [t("Response"), t("Verdicts"), t("Precision"), t("Answers by itself")];
    replace(
      body,
      h(
        "div",
        { class: "tiles" },
        tile(t("Mails judged"), number(r.judged ?? r.verdicts ?? 0), "", t("of {n} with a verdict", { n: number(r.verdicts ?? 0) })),
        tile(t("Coverage"), percent(r.coverage), "", t("mails with a proposal")),
        tile(t("Precision"), percent(r.precision), "", t("first proposal right")),
        tile(t("Calibration error"), percent(r.calibration?.ece, 1), "", t("mean distance of said and true")),
      ),
      h(
        "div",
        { class: "charts" },
        h("section", { class: "card chart" }, h("h3", {}, t("Calibration")), r.calibration?.table?.length ? calibration(r.calibration.table) : h("p", { class: "empty" }, t("No verdicts yet."))),
        h(
          "section",
          { class: "card chart scroll", tabindex: 0 },
          h("h3", {}, t("Learnt")),
          h(
            "table",
            {},
            h("thead", {}, h("tr", {}, [t("Language"), t("Version"), t("Cases"), t("Responses")].map((w, i) => h("th", { scope: "col", class: i ? "number" : "" }, w)))),
            h("tbody", {}, (r.languages || []).length ? r.languages.map((l) => h("tr", {}, outside(l.language, "td"), h("td", { class: "number" }, number(l.version)), h("td", { class: "number" }, number(l.cases)), h("td", { class: "number" }, number(l.labels)))) : emptyRow(4, t("Nothing yet."))),
          ),
        ),
      ),
      h(
        "section",
        { class: "card scroll", tabindex: 0, "aria-label": t("Responses") },
        h(
          "table",
          {},
          h("thead", {}, h("tr", {}, columns.map((w, i) => h("th", { scope: "col", class: i === 1 || i === 2 ? "number" : "" }, w)))),
          h(
            "tbody",
            {},
            (r.responses || []).length
              ? r.responses.map((x) => h("tr", {}, h("th", { scope: "row" }, outside(x.title || x.response), h("small", { class: "soft block" }, clean(x.response))), h("td", { class: "number" }, number(x.verdicts)), h("td", { class: "number" }, percent(x.precision)), h("td", {}, gateBadge(x.gate), x.gate?.why ? h("small", { class: "soft block" }, clean(x.gate.why)) : null)))
              : emptyRow(4, t("The library has no responses.")),
          ),
        ),
      ),
    );
  };
  const ask = async () => {
    const answer = await attempt(go, () => link.call("suggest.report", pick.value.trim() ? { mailbox: pick.value.trim() } : {}));
    if (answer) drawReport(answer.report ?? answer);
  };
  go.addEventListener("click", ask);
  return {
    wants: [],
    title: t("Matcher"),
    node: h("div", { class: "view" }, h("div", { class: "row" }, h("label", { for: "matcher-box" }, t("Mailbox")), pick, boxes, go), body),
    draw: async () => {
      if (begun || !link.live || !link.methods) return;
      begun = true;
      if (!can()) {
        go.disabled = pick.disabled = true;
        replace(body, h("p", { class: "card empty" }, t("No mailbox with a matcher is set up on this server.")));
        return;
      }
      for (const method of ["suggest.mailboxes", "mailbox.list"])
        if (link.methods.has(method)) {
          const answer = await link.call(method).catch(() => null);
          const names = (answer?.mailboxes || []).map((m) => (typeof m === "string" ? m : m.mailbox || m.name));
          replace(boxes, names.map((n) => h("option", { value: n })));
          if (names.length && !pick.value) pick.value = names[0];
        }
      if (pick.value) ask();
    },
    tick: () => {},
  };
}
