/* views_matcher.js - the e-mail matcher: how often it is right, how well its probabilities fit, what answers by itself. */
import { clean, h, outside, replace } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { number, percent } from "../lib/time.js";
import { ask as askFirst, attempt, badge } from "../lib/ui.js";
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

/* Whether a response may go out by itself, and what is missing. */
function gateCell(gate, button) {
  const word = gate.switched_off ? t("switched off") : !gate.on ? t("never") : gate.open ? t("yes") : t("not yet");
  const why = gate.switched_off
    ? clean(gate.switched_off)
    : gate.on && !gate.open
      ? t("{right} of {n} right above {p}; without an error {needed} are needed", { right: number(gate.right), n: number(gate.n), p: percent(gate.threshold), needed: number(gate.needed) })
      : "";
  return h("td", {}, h("span", { class: "row" }, badge(word, gate.open ? "good" : gate.switched_off ? "bad" : ""), button), why ? h("small", { class: "soft block" }, why) : null);
}

export function matcher(context) {
  const { link, may } = context;
  const pick = h("input", { id: "matcher-box", maxlength: 64, autocomplete: "off" });
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
        tile(t("Mails judged"), number(r.judged), "", t("of {n} with a verdict", { n: number(r.verdicts) })),
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
              ? r.responses.map((x) => h("tr", {}, h("th", { scope: "row" }, outside(x.title || x.response), h("small", { class: "soft block" }, clean(x.response))), h("td", { class: "number" }, number(x.verdicts)), h("td", { class: "number" }, percent(x.precision)), gateCell(x.gate, switchButton(x))))
              : emptyRow(4, t("The library has no responses.")),
          ),
        ),
      ),
    );
  };
  /* Automatic answers of a response, off at once or on again; asked about first. */
  const switchButton = (x) => {
    if (!may.act || !x.gate.on || !link.methods?.has("suggest.switch")) return null;
    const on = !!x.gate.switched_off;
    const button = h("button", { type: "button", class: "small" }, on ? t("Switch on") : t("Switch off"));
    button.addEventListener("click", async () => {
      const sure = await askFirst({
        title: on ? t("Let it answer by itself again?") : t("Stop its automatic answers?"),
        text: clean(x.title || x.response),
        confirm: on ? t("Switch on") : t("Switch off"),
        danger: !on,
      });
      if (sure && (await attempt(button, () => link.call("suggest.switch", { response: x.response, on }), t("Done.")))) ask();
    });
    return button;
  };

  const ask = async () => {
    const answer = await attempt(go, () => link.call("suggest.report", pick.value.trim() ? { mailbox: pick.value.trim() } : {}));
    if (!answer) return;
    pick.value = answer.mailbox;
    drawReport(answer);
  };
  go.addEventListener("click", ask);
  return {
    wants: [],
    title: t("Matcher"),
    node: h("div", { class: "view" }, h("div", { class: "row" }, h("label", { for: "matcher-box" }, t("Mailbox")), pick, go), body),
    draw: async () => {
      if (begun || !link.live || !link.methods) return;
      begun = true;
      if (!can()) {
        go.disabled = pick.disabled = true;
        replace(body, h("p", { class: "card empty" }, t("No mailbox with a matcher is set up on this server.")));
        return;
      }
      /* Without a name it is the first mailbox with a library; without any there is nothing to show. */
      try {
        const report = await link.call("suggest.report");
        pick.value = report.mailbox;
        drawReport(report);
      } catch (error) {
        const none = error.type === "no_mailbox" || error.type === "not_found";
        replace(body, h("p", { class: "card empty" }, none ? t("No mailbox with a matcher is set up on this server.") : clean(error.message)));
      }
    },
    tick: () => {},
  };
}
