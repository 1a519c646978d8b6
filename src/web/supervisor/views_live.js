/* views_live.js - overview with queues, contacts in the order of service, agents. */
import { clean, h, keyed, outside, replace, text } from "../lib/dom.js";
import { channelIcon, channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { clock, moment, ms, number, percent, span } from "../lib/time.js";
import { attempt, badge } from "../lib/ui.js";
import { editSkills, forceState, message, move, prioritise, setQueue, withdraw } from "./actions.js";
import { alarmLine, helpLine } from "./views_alarms.js";
import { emptyRow, head, levelBadge, levelOf, score, sorted, stateBadge, tile } from "./parts.js";

const small = (label, fn, kind = "") => h("button", { type: "button", class: `small ${kind}`, onclick: (e) => attempt(e.currentTarget, fn) }, label);

/* ---- overview ---- */

export function overview(context) {
  const { feed, may } = context;
  const tiles = h("div", { class: "tiles" });
  const alarms = h("div", { class: "alarm-lines" });
  const columns = [
    { key: "name", label: t("Queue"), value: (q) => q.name },
    { key: "open", label: t("State"), value: (q) => (q.open ? 1 : 0) },
    { key: "waiting", label: t("Waiting"), number: true, value: (q) => q.waiting || 0 },
    { key: "oldest", label: t("Oldest"), number: true, value: (q) => feed.oldest(q) },
    { key: "late", label: t("Late"), number: true, value: (q) => q.late || 0 },
    { key: "miss", label: t("Will miss"), number: true, value: (q) => feed.outlook.get(q.name)?.will_miss ?? 0 },
    { key: "level", label: t("In time, 30 min"), number: true, value: (q) => feed.outlook.get(q.name)?.lately.service_level ?? 2 },
    { key: "today", label: t("In time, today"), number: true, value: (q) => feed.outlook.get(q.name)?.today.service_level ?? 2 },
    { key: "answered", label: t("Answered"), number: true, value: (q) => feed.outlook.get(q.name)?.today.answered ?? 0 },
    { key: "lost", label: t("Lost"), number: true, value: (q) => feed.outlook.get(q.name)?.today.abandoned ?? 0 },
    { key: "wait", label: t("Expected wait"), number: true, value: (q) => feed.outlook.get(q.name)?.expected_wait_ms ?? 0 },
    { key: "agents", label: t("Free / ready / here"), number: true, value: (q) => q.agents_free || 0 },
    ...(may.act ? [{ key: "act", label: "" }] : []),
  ];
  let sort = null;
  const thead = h("thead");
  const tbody = h("tbody");
  const onSort = (key) => {
    sort = { key, up: sort?.key === key ? !sort.up : false };
    draw();
  };

  const row = (q) => {
    const tr = h(
      "tr",
      {},
      columns.map((c) => h(c.key === "name" ? "th" : "td", { class: c.number ? "number timer" : "", scope: c.key === "name" ? "row" : null })),
    );
    tr.cells[0].append(h("a", { href: `#waiting/${encodeURIComponent(q.name)}` }, clean(q.name)));
    if (may.act) tr.cells[columns.length - 1].append(small(q.open ? t("Close") : t("Open"), () => setQueue(context, feed.queues.get(q.name))));
    return tr;
  };
  const fill = (tr, q) => {
    const o = feed.outlook.get(q.name);
    const cell = (key) => tr.cells[columns.findIndex((c) => c.key === key)];
    replace(cell("open"), q.open ? badge(t("open"), "good") : badge(t("closed"), "bad"));
    text(cell("waiting"), number(q.waiting || 0));
    text(cell("oldest"), q.waiting ? clock(feed.oldest(q)) : "–");
    replace(cell("late"), q.late ? badge(t("{n} late", { n: q.late }), "bad") : "0");
    replace(
      cell("miss"),
      o?.will_miss ? h("span", { class: "badge warn", title: o.first_miss_at ? t("the first at {time}", { time: moment(ms(o.first_miss_at)) }) : "" }, t("{n} by {time}", { n: o.will_miss, time: moment(ms(o.first_miss_at), { seconds: false }) })) : o ? "0" : "–",
    );
    replace(cell("level"), o ? levelBadge(o.lately.service_level, feed.target) : "–");
    text(cell("today"), o && o.today.service_level !== null ? percent(o.today.service_level) : "–");
    text(cell("answered"), o ? number(o.today.answered) : "–");
    text(cell("lost"), o ? number(o.today.abandoned + o.today.expired) : "–");
    text(cell("wait"), o?.expected_wait_ms !== undefined && !(q.agents_free > 0 && !q.waiting) ? span(o.expected_wait_ms) : q.agents_free > 0 ? t("none") : "–");
    text(cell("agents"), `${q.agents_free ?? 0} / ${q.agents_ready ?? 0} / ${q.agents_logged_in ?? 0}`);
    if (may.act) text(tr.cells[columns.length - 1].firstChild, q.open ? t("Close") : t("Open"));
  };

  const draw = () => {
    const queues = [...feed.queues.values()].filter((q) => !q.removed);
    const agents = [...feed.agents.values()];
    const sum = (key) => queues.reduce((n, q) => n + (q[key] || 0), 0);
    const oldest = Math.max(0, ...queues.map((q) => feed.oldest(q)));
    let inTime = 0;
    let all = 0;
    let miss = 0;
    for (const o of feed.outlook.values()) {
      inTime += o.lately.in_time;
      all += o.lately.answered + o.lately.abandoned + o.lately.expired;
      miss += o.will_miss;
    }
    const level = levelOf(all ? inTime / all : null, feed.target);
    const ready = agents.filter((a) => a.state === "ready").length;
    const free = agents.filter((a) => a.state === "ready" && !(a.contacts || []).length).length;
    replace(
      tiles,
      tile(t("Waiting"), number(sum("waiting")), "", t("oldest {time}", { time: clock(oldest) })),
      tile(t("Late"), number(sum("late")), sum("late") ? "bad" : "good", sum("late") ? t("past their deadline") : t("none late")),
      tile(t("Will miss"), number(miss), miss ? "warn" : "good", miss ? t("foreseen") : t("none foreseen")),
      tile(t("In time, 30 min"), all ? percent(inTime / all) : "–", level.kind, level.word ? `${level.word} (${number(feed.target)} %)` : t("too few to say")),
      tile(t("Agents free"), number(free), ready && !free ? "warn" : "", t("{n} ready, {m} here", { n: ready, m: agents.filter((a) => a.state !== "offline").length })),
    );
    replace(alarms, feed.helps.map((x) => helpLine(context, x)), feed.alarms.map((a) => alarmLine(context, a)));
    replace(thead, head(columns, sort, onSort));
    if (!queues.length) replace(tbody, emptyRow(columns.length, t("No queues in your scope.")));
    else keyed(tbody, sorted(queues, columns, sort), (q) => q.name, row, fill);
  };
  return {
    wants: ["outlook"],
    title: t("Overview"),
    node: h("div", { class: "view" }, tiles, alarms, h("section", { class: "card scroll", tabindex: 0, "aria-label": t("Queues") }, h("table", { class: "queues" }, thead, tbody))),
    draw,
    tick: draw,
  };
}

/* ---- the order of service ---- */

export function waiting(context, queue) {
  const { feed, link, may } = context;
  feed.waitingOf = queue || "";
  feed.waiting = null;
  const pick = h("select", {
    "aria-label": t("Queue"),
    onchange: () => {
      location.hash = pick.value ? `#waiting/${encodeURIComponent(pick.value)}` : "#waiting";
    },
  });
  const note = h("p", { class: "soft" });
  const columns = [t("Place"), t("Contact"), t("Queue"), t("Tier, value"), t("Waited"), t("Slack"), t("Score"), t("Foreseen"), ""];
  const thead = h("thead", {}, h("tr", {}, columns.map((c, i) => h("th", { scope: "col", class: [0, 4, 5, 6].includes(i) ? "number" : "" }, c))));
  const tbody = h("tbody");
  const row = (c) =>
    h(
      "tr",
      {},
      h("td", { class: "number timer" }),
      h("td", { class: "contact-cell" }, h("span", { class: "row nowrap" }, channelIcon(c.channel), h("span", { class: "grow" }, outside(c.title || channelName(c.channel), "div", { class: "cut" }), h("small", { class: "soft cut block" }, clean([c.customer?.name ?? c.customer?.id ?? c.customer, c.id].filter(Boolean).join(" · ")))))),
      h("td", {}, outside(c.queue)),
      h("td", {}),
      h("td", { class: "number timer" }),
      h("td", { class: "number timer" }),
      h("td", { class: "number timer" }),
      h("td", {}),
      h(
        "td",
        { class: "row-actions" },
        h("a", { class: "button small", href: `#why/${c.id}` }, t("Why")),
        may.act
          ? [
              small(t("Prioritise"), () => prioritise(context, c)),
              small(t("Move"), () => move(context, c)),
              small(t("Withdraw"), () => withdraw(context, c), "danger"),
            ]
          : null,
      ),
    );
  const fill = (tr, c) => {
    const passed = link.now() - feed.waiting.at;
    const slack = c.slack_ms - passed;
    const miss = feed.misses.get(c.id);
    const i = feed.waiting.list.indexOf(c);
    text(tr.cells[0], i + 1);
    replace(tr.cells[3], badge(clean(c.tier || ""), "violet"), ` V ${number(c.value)}`);
    text(tr.cells[4], clock(link.now() - c.t0_ms));
    replace(tr.cells[5], slack < 0 ? badge(t("late {time}", { time: span(-slack) }), "bad") : h("span", {}, clock(slack)));
    replace(tr.cells[6], score(c.log2_score));
    replace(tr.cells[7], slack < 0 ? badge(t("missed"), "bad") : miss ? badge(t("will miss at {time}", { time: moment(miss.deadline) }), "warn") : feed.outlook.get(c.queue)?.rate_per_hour ? badge(t("in time"), "good") : h("span", { class: "soft" }, t("not known")));
  };
  const draw = () => {
    const names = [...feed.queues.keys()];
    if (pick.options.length !== names.length + 1) {
      replace(pick, h("option", { value: "" }, t("All queues")), names.map((n) => h("option", { value: n }, clean(n))));
      pick.value = queue || "";
    }
    if (!feed.waiting) {
      text(note, t("One moment…"));
      return;
    }
    const list = feed.waiting.list;
    const all = [...feed.queues.values()].filter((q) => !queue || q.name === queue).reduce((n, q) => n + (q.waiting || 0), 0);
    text(note, all > list.length ? t("The first {n} of {all}, in the very order in which they would be served.", { n: list.length, all }) : t("In the very order in which they would be served."));
    if (!list.length) replace(tbody, emptyRow(columns.length, t("Nobody waits.")));
    else {
      for (const tr of [...tbody.children]) if (!tr.dataset.key) tr.remove();
      keyed(tbody, list, (c) => c.id, row, fill);
    }
  };
  return {
    wants: ["waiting", "outlook"],
    title: t("Waiting"),
    node: h("div", { class: "view" }, h("div", { class: "row" }, pick, note), h("section", { class: "card scroll", tabindex: 0, "aria-label": t("Waiting contacts") }, h("table", { class: "waiting" }, thead, tbody))),
    draw,
    tick: draw,
  };
}

/* ---- agents ---- */

export function agents(context) {
  const { feed, link, may } = context;
  const search = h("input", { type: "search", placeholder: t("Name, team, skill…"), "aria-label": t("Search"), oninput: () => draw() });
  const only = h("input", { type: "checkbox", id: "only-here", checked: true, onchange: () => draw() });
  const columns = [
    { key: "name", label: t("Agent"), value: (a) => a.name || a.id },
    { key: "team", label: t("Team"), value: (a) => a.team || "" },
    { key: "state", label: t("State"), value: (a) => a.state },
    { key: "reason", label: t("Reason"), value: (a) => a.reason || "" },
    { key: "since", label: t("For"), number: true, value: (a) => -a.since_ms },
    { key: "load", label: t("Load"), value: (a) => (a.capacity ? a.load / a.capacity : 0) },
    { key: "contacts", label: t("In hand"), value: (a) => (a.contacts || []).length },
    { key: "occupancy", label: t("Occupancy"), number: true, value: (a) => a.occupancy || 0 },
    { key: "handled", label: t("Finished"), number: true, value: (a) => a.handled || 0 },
    ...(may.act ? [{ key: "act", label: "" }] : []),
  ];
  let sort = { key: "name", up: true };
  const thead = h("thead");
  const tbody = h("tbody");
  const onSort = (key) => {
    sort = { key, up: sort?.key === key ? !sort.up : true };
    draw();
  };
  const row = (a) => {
    const tr = h("tr", {}, columns.map((c) => h(c.key === "name" ? "th" : "td", { class: c.number ? "number timer" : "", scope: c.key === "name" ? "row" : null })));
    tr.cells[0].append(outside(a.name || a.id, "span"), h("small", { class: "soft block" }, clean(a.id)));
    if (may.act) {
      tr.cells[columns.length - 1].className = "row-actions";
      tr.cells[columns.length - 1].append(
        small(t("State"), () => forceState(context, feed.agents.get(a.id))),
        small(t("Skills"), () => editSkills(context, feed.agents.get(a.id))),
        small(t("Message"), () => message(context, feed.agents.get(a.id))),
      );
    }
    return tr;
  };
  const fill = (tr, a) => {
    const cell = (key) => tr.cells[columns.findIndex((c) => c.key === key)];
    text(cell("team"), clean(a.team || ""));
    replace(cell("state"), stateBadge(a), a.pending ? h("small", { class: "soft block" }, t("then: {reason}", { reason: clean(a.pending) })) : null);
    text(cell("reason"), clean(a.reason || ""));
    text(cell("since"), a.state === "offline" ? "–" : clock(link.now() - a.since_ms));
    const load = cell("load");
    if (!load.firstChild) load.append(h("meter", { min: 0, max: 100, "aria-label": t("Load") }), h("span", { class: "soft timer" }));
    load.firstChild.max = a.capacity || 100;
    load.firstChild.value = Math.min(a.load || 0, a.capacity || 100);
    text(load.lastChild, ` ${a.load || 0}/${a.capacity || 0}`);
    const key = JSON.stringify(a.contacts || []);
    if (tr.dataset.contacts !== key) {
      tr.dataset.contacts = key;
      replace(
        cell("contacts"),
        h(
          "span",
          { class: "row" },
          (a.contacts || []).map((c) => h("a", { href: `#why/${c.id}`, class: `hold ${c.state}`, title: `${channelName(c.channel)}, ${c.state}`, "aria-label": `${channelName(c.channel)}, ${c.state}, ${c.id}` }, channelIcon(c.channel, 18))),
        ),
      );
    }
    text(cell("occupancy"), a.state === "offline" ? "–" : percent(a.occupancy || 0));
    text(cell("handled"), number(a.handled || 0));
  };
  const draw = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const list = [...feed.agents.values()].filter((a) => {
      if (only.checked && a.state === "offline") return false;
      const all = `${a.id} ${a.name || ""} ${a.team || ""} ${a.reason || ""} ${Object.keys(a.skills || {}).join(" ")}`.toLowerCase();
      return words.every((w) => all.includes(w));
    });
    replace(thead, head(columns, sort, onSort));
    if (!list.length) replace(tbody, emptyRow(columns.length, feed.agents.size ? t("Nobody fits.") : t("One moment…")));
    else {
      for (const tr of [...tbody.children]) if (!tr.dataset.key) tr.remove();
      keyed(tbody, sorted(list, columns, sort), (a) => a.id, row, fill);
    }
  };
  const teams = () => [...new Set([...feed.agents.values()].map((a) => a.team).filter(Boolean))];
  return {
    wants: [],
    title: t("Agents"),
    node: h(
      "div",
      { class: "view" },
      h("div", { class: "row" }, search, only, h("label", { for: "only-here" }, t("Only those who are here")), h("span", { class: "grow" }), may.act ? small(t("Message to agents"), () => message(context, null, teams())) : null),
      h("section", { class: "card scroll", tabindex: 0, "aria-label": t("Agents") }, h("table", { class: "agents" }, thead, tbody)),
    ),
    draw,
    tick: draw,
  };
}
