/* views_trends.js - the last hours as charts (uPlot, where the program was built with it) and as tables. */
import { clean, h, replace } from "../lib/dom.js";
import { channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { load, save } from "../lib/store.js";
import { moment, ms, number, span } from "../lib/time.js";

const REFRESH_MS = 20000;
const STEPS = { 60: 1, 120: 2, 240: 5, 480: 5, 720: 10, 1440: 15 };
let plotting = null;

/* The library is loaded when the first chart is drawn; null when this program has none. */
function plotter() {
  plotting ??= new Promise((resolve) => {
    if (window.uPlot) {
      resolve(window.uPlot);
      return;
    }
    const style = h("link", { rel: "stylesheet", href: "/web/vendor/uplot.css" });
    const script = h("script", { src: "/web/vendor/uplot.js" });
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => resolve(null);
    document.head.append(style, script);
  });
  return plotting;
}

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const PALETTE = ["--accent", "--good", "--warn", "--violet", "--bad", "--line-strong"];

/* series: [{label, values, color, dash?, fill?}] */
async function chart(place, title, xs, series, { unit = (v) => number(v), range = null, least = 5 } = {}) {
  const uPlot = await plotter();
  const body = place.querySelector(".chart-body");
  if (!uPlot) {
    replace(body, h("p", { class: "soft" }, t("This program was built without charts; the table has the figures.")));
    place.querySelector("details").open = true;
  } else {
    const axis = { stroke: color("--ink-soft"), grid: { stroke: color("--line"), width: 1 }, ticks: { stroke: color("--line"), width: 1 }, font: "12px system-ui, sans-serif" };
    const key = series.map((s) => s.label).join("|") + color("--ink");
    const data = [xs, ...series.map((s) => s.values)];
    const size = { width: Math.max(260, body.clientWidth), height: 210 };
    if (place.plot && place.plotKey === key) {
      place.plot.setData(data);
      if (place.plot.width !== size.width) place.plot.setSize(size);
    } else {
      place.plot?.destroy();
      body.replaceChildren();
      place.plotKey = key;
      place.plot = new uPlot(
        {
          ...size,
          cursor: { drag: { x: false, y: false } },
          legend: { live: true },
          scales: { x: { time: true }, y: { range: range ?? ((_u, _least, most) => [0, Math.max(least, most * 1.1)]) } },
          axes: [{ ...axis, values: (_u, ticks) => ticks.map((s) => moment(s * 1000, { seconds: false }).split(", ").pop()) }, { ...axis, size: 56, values: (_u, ticks) => ticks.map((v) => unit(v)) }],
          series: [
            { label: t("Time"), value: (_u, s) => (s === null ? "–" : moment(s * 1000, { seconds: false })) },
            ...series.map((s, i) => ({
              label: s.label,
              stroke: color(s.color ?? PALETTE[i % PALETTE.length]),
              fill: s.fill ? `${color(s.color ?? PALETTE[i % PALETTE.length])}22` : undefined,
              width: 2,
              dash: s.dash,
              spanGaps: false,
              points: { size: 4, show: xs.length <= 75 },
              value: (_u, v) => (v === null || v === undefined ? "–" : unit(v)),
            })),
          ],
        },
        data,
        body,
      );
      body.setAttribute("aria-label", title);
    }
  }
  const table = place.querySelector("details table");
  replace(
    table,
    h("thead", {}, h("tr", {}, [t("From"), ...series.map((s) => s.label)].map((w, i) => h("th", { scope: "col", class: i ? "number" : "" }, clean(w))))),
    h("tbody", {}, xs.map((x, i) => h("tr", {}, h("th", { scope: "row", class: "timer" }, moment(x * 1000, { seconds: false })), series.map((s) => h("td", { class: "number timer" }, s.values[i] === null || s.values[i] === undefined ? "–" : unit(s.values[i])))))),
  );
}

function place(title) {
  return h(
    "section",
    { class: "card chart", "aria-label": title },
    h("h3", {}, title),
    h("div", { class: "chart-body", role: "img", "aria-label": title }),
    h("details", {}, h("summary", {}, t("As a table")), h("div", { class: "scroll", tabindex: 0 }, h("table", {}))),
  );
}

export function trends(context) {
  const { feed, link } = context;
  const wish = load("trends", { minutes: 120, by: "none", queue: "" });
  const option = (value, label) => h("option", { value }, label);
  const pick = (name, label, options) => {
    const select = h("select", { id: `trend-${name}`, onchange: () => ((wish[name] = name === "minutes" ? Number(select.value) : select.value), save("trends", wish), ask(true)) }, options);
    select.value = String(wish[name]);
    return [h("label", { for: `trend-${name}` }, label), select];
  };
  const queues = h("select", { id: "trend-queue", onchange: () => ((wish.queue = queues.value), save("trends", wish), ask(true)) });
  const places = {
    traffic: place(t("Arrivals, answers, lost")),
    level: place(t("In time")),
    waits: place(t("Waits of the answered")),
    staff: place(t("Agents")),
    occupancy: place(t("Occupancy")),
    handle: place(t("Mean handling time")),
  };
  let asked = 0;
  let last = null;

  const nameOf = (c) => (c.queue ? clean(c.queue) : c.channel ? channelName(c.channel) : "");
  const minutes = (v) => span(v);
  const draw = async () => {
    if (!last) return;
    const from = ms(last.from) / 1000;
    const xs = Array.from({ length: last.points }, (_, i) => from + (i * last.step_ms) / 1000);
    const several = last.curves.length > 1 || wish.by !== "none";
    const lines = (key, label, map = (v) => v) => last.curves.map((c) => ({ label: several ? `${nameOf(c)}${label ? ` ${label}` : ""}` : label, values: (c[key] || []).map(map) }));
    const none = (v) => (v === null || v < 0 ? null : v);
    await chart(
      places.traffic,
      t("Arrivals, answers, lost"),
      xs,
      several
        ? lines("arrived", t("arrived"))
        : [
            { ...lines("arrived", t("arrived"))[0], color: "--accent", fill: true },
            { ...lines("answered", t("answered"))[0], color: "--good" },
            { label: t("lost"), values: last.curves[0]?.abandoned?.map((n, i) => n + (last.curves[0].expired?.[i] || 0)) || [], color: "--bad" },
          ],
    );
    await chart(
      places.level,
      t("In time"),
      xs,
      [
        ...lines("service_level", t("in time"), (v) => (v === null ? null : v * 100)),
        ...(feed.target ? [{ label: t("target"), values: xs.map(() => feed.target), color: "--line-strong", dash: [6, 5] }] : []),
      ],
      { unit: (v) => `${number(v)} %`, range: () => [0, 100] },
    );
    await chart(
      places.waits,
      t("Waits of the answered"),
      xs,
      several ? lines("wait_p90_ms", t("90 of 100 up to"), none) : [...lines("wait_p50_ms", t("half of them up to"), none), ...lines("wait_p90_ms", t("90 of 100 up to"), none)],
      { unit: minutes, least: 10000 },
    );
    const s = last.staff;
    await chart(places.staff, t("Agents"), xs, [
      { label: t("working"), values: s.busy, color: "--accent" },
      { label: t("ready and free"), values: s.ready, color: "--good" },
      { label: t("not ready"), values: s.not_ready, color: "--warn" },
    ]);
    await chart(
      places.occupancy,
      t("Occupancy"),
      xs,
      [{ label: t("working, of working and free"), values: s.busy.map((b, i) => (b === null || b + s.ready[i] === 0 ? null : (100 * b) / (b + s.ready[i]))), fill: true }],
      { unit: (v) => `${number(v)} %`, range: () => [0, 100] },
    );
    await chart(places.handle, t("Mean handling time"), xs, lines("handle_mean_ms", t("handling")), { unit: minutes, least: 10000 });
  };
  const ask = async (now = false) => {
    if (!link.live || (!now && Date.now() - asked < REFRESH_MS)) return;
    asked = Date.now();
    try {
      last = await link.call("trend.get", { minutes: wish.minutes, step: STEPS[wish.minutes], by: wish.by, ...(wish.queue ? { queue: wish.queue } : {}) });
      draw();
    } catch {
      asked = 0;
    }
  };
  addEventListener("resize", () => places.traffic.isConnected && draw());
  addEventListener("usher:theme", () => places.traffic.isConnected && draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => places.traffic.isConnected && draw());
  return {
    wants: ["outlook"],
    title: t("Trends"),
    node: h(
      "div",
      { class: "view" },
      h(
        "div",
        { class: "row" },
        pick("minutes", t("Last"), [option(60, t("hour")), option(120, t("2 hours")), option(240, t("4 hours")), option(480, t("8 hours")), option(720, t("12 hours")), option(1440, t("24 hours"))]),
        pick("by", t("By"), [option("none", t("all together")), option("channel", t("channel")), option("queue", t("queue"))]),
        h("label", { for: "trend-queue" }, t("Queue")),
        queues,
      ),
      h("p", { class: "soft" }, t("The last day by minute; reports have the rest.")),
      h("div", { class: "charts" }, Object.values(places)),
    ),
    draw: () => {
      const names = [...feed.queues.keys()];
      if (queues.options.length !== names.length + 1) {
        replace(queues, h("option", { value: "" }, t("All queues")), names.map((n) => h("option", { value: n }, clean(n))));
        queues.value = wish.queue;
      }
      ask();
    },
    tick: () => ask(),
  };
}
