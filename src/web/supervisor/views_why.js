/*
 * views_why.js - why a contact waits where it waits, and why it went to whom it went: explain.contact as a page.
 * The law is ROUTING.md's: V x 2^(-slack / H) in time; once late V x e x ..., then a second promise, then ageing.
 */
import { clean, h, outside, replace } from "../lib/dom.js";
import { channelIcon, channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { moment, number, span } from "../lib/time.js";
import { attempt, badge } from "../lib/ui.js";
import { listenIn, move, prioritise, requeue, takeOver, withdraw } from "./actions.js";
import { score } from "./parts.js";

const phaseWord = (phase) =>
  ({ in_time: t("in time"), second_promise: t("late, within the second promise"), ageing: t("late, gaining by age") })[phase] ?? clean(phase || "");
const reasonWord = (reason) => clean(String(reason || "").replaceAll("_", " "));

/* "3 min 20 s left", "late by 12 s" */
const slackWords = (slack) => (slack >= 0 ? t("{time} left", { time: span(slack) }) : t("late by {time}", { time: span(-slack) }));

function classWords(k) {
  return clean([k.queue, channelName(k.channel), k.tier].filter(Boolean).join(", "));
}

/* The terms of a standing, as numbers that can be checked. */
function terms(s, halfLifeMs) {
  const k = s.class;
  const row = (name, value, help) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number timer" }, value), h("td", { class: "soft" }, help));
  return h(
    "table",
    { class: "terms" },
    h("tbody", {}, [
      row(t("Value V"), number(k.value, k.value % 1 ? 2 : 0), t("of the tier {tier}", { tier: clean(k.tier) })),
      row(t("Promise"), span(k.sla_ms), k.calendar && k.calendar !== "-" ? t("in the open time of {calendar}", { calendar: clean(k.calendar) }) : t("at any hour")),
      s.deadline_ms ? row(t("Deadline"), moment(s.deadline_ms), t("arrival and promise")) : null,
      row(t("Slack"), span(s.slack_ms), s.slack_ms >= 0 ? t("time left to the deadline") : t("time past the deadline")),
      halfLifeMs ? row(t("Half-life H"), span(halfLifeMs), t("so much less slack doubles the score")) : null,
      s.phase !== "in_time"
        ? [
            row(t("Weight once late e"), number(k.late_weight, 2), t("what is left of the value after the deadline")),
            row(t("Second promise m"), `${number(k.second, 1)} ×`, t("when the later deadline falls")),
            s.slack2_ms !== undefined ? row(t("Slack to it"), span(s.slack2_ms), "") : null,
            row(t("Ageing A"), span(k.ageing_ms), t("late contacts gain so slowly, for good")),
          ]
        : null,
      row(t("Score"), score(s.log2_score), s.phase === "in_time" ? t("V times 2 to the power of −slack / H; the highest goes first") : phaseWord(s.phase)),
    ]),
  );
}

function rivalRows(list, key, words) {
  return list.map((r) =>
    h(
      "tr",
      {},
      h("td", {}, h("a", { href: `#why/${r.contact}` }, clean(r.contact))),
      h("td", {}, h("span", { class: "row nowrap" }, channelIcon(r.class.channel), classWords(r.class))),
      h("td", { class: "number timer" }, `V ${number(r.class.value)}`),
      h("td", { class: "number timer" }, r.slack_ms !== undefined ? slackWords(r.slack_ms) : ""),
      h("td", { class: "number timer" }, Number.isFinite(r[key]) ? t(words, { s: number(r[key], 1) }) : score(r.log2_score)),
    ),
  );
}

function rivals(title, list, key, words, empty) {
  return h(
    "section",
    { class: "card scroll why-part", tabindex: 0, "aria-label": title },
    h("h3", {}, title),
    list.length
      ? h(
          "table",
          {},
          h("thead", {}, h("tr", {}, [t("Contact"), t("Class"), t("Value"), t("Slack"), t("Head start")].map((w, i) => h("th", { scope: "col", class: i > 1 ? "number" : "" }, w)))),
          h("tbody", {}, rivalRows(list, key, words)),
        )
      : h("p", { class: "soft" }, empty),
  );
}

function unablePart(of) {
  const counts = Object.entries(of.unable_counts || {});
  if (!counts.length && !(of.unable || []).length) return null;
  return h(
    "section",
    { class: "card why-part" },
    h("h3", {}, t("Agents who could not take it")),
    h("p", { class: "row" }, counts.map(([reason, n]) => badge(`${reasonWord(reason)}: ${n}`, "warn"))),
    h(
      "ul",
      { class: "plain-list columns" },
      (of.unable || []).map((u) => h("li", {}, outside(u.agent, "strong"), ": ", reasonWord(u.reason))),
    ),
  );
}

function decisionPart(d, n, last) {
  const w = d.winner || {};
  const agents = d.agents || [];
  const lines = [
    t("{agent} got the offer because of “{trigger}”.", { agent: clean(d.agent || "?"), trigger: reasonWord(d.trigger) }),
    d.heads > 1 ? t("Of {n} contacts that he could have had, this one had the highest score.", { n: d.heads }) : "",
    d.free_agents > 1 ? t("Of {n} agents who were free, he came first.", { n: d.free_agents }) : d.free_agents === 1 ? t("He was the only one free.") : "",
  ].filter(Boolean);
  return h(
    "details",
    { class: "card why-part decision", open: last },
    h("summary", {}, h("strong", {}, t("Decision {n}", { n })), " ", h("span", { class: "soft timer" }, moment(d.at_ms)), " ", outside(d.agent || "")),
    h("p", {}, lines.join(" ")),
    w.class ? terms(w, d.half_life_ms) : null,
    (d.rivals || []).length
      ? h(
          "div",
          { class: "scroll", tabindex: 0 },
          h("h3", {}, t("Those it went before")),
          h("table", {}, h("tbody", {}, rivalRows(d.rivals, "behind_s", "{s} s behind"))),
        )
      : null,
    agents.length
      ? h(
          "div",
          {},
          h("h3", {}, t("Agents, in the order in which they were compared")),
          h(
            "ol",
            {},
            agents.map((a) =>
              h("li", {}, outside(a.agent, "strong"), clean([a.affinity && t("knows the customer"), a.parks && t("work of his would be parked"), a.part_filled && t("has other work")].filter(Boolean).map((x) => `, ${x}`).join(""))),
            ),
          ),
        )
      : null,
    unablePart(d),
    d.rules?.length ? h("p", {}, t("Rules that fired: {list}", { list: d.rules.map(clean).join(", ") })) : null,
    h("p", { class: "soft" }, t("Settings version {n}, law {law}", { n: d.version ?? "?", law: clean(d.law || "") })),
  );
}

export function why(context, id) {
  const { link, may } = context;
  const body = h("div", { class: "column" }, h("p", { class: "soft" }, t("One moment…")));
  let asked = 0;
  let busy = false;

  const summary = (c) => {
    const w = c.waiting;
    if (!w?.class) return c.agent ? t("It is with {agent}.", { agent: clean(c.agent) }) : t("It does not wait.");
    const before = w.before || [];
    const parts = [before.length || w.position ? t("{n} would be served before it.", { n: w.position ?? before.length }) : t("It is the next to be served.")];
    if (before[0]) parts.push(t("The first of them is {s} seconds of head start ahead.", { s: number(before[0].ahead_s ?? 0, 0) }));
    parts.push(w.able_agents ? t("{n} agents who are here can take it.", { n: w.able_agents }) : t("Nobody who is here can take it."));
    if (w.waits_for) parts.push(t("It waits for {agent}, whom the customer knows.", { agent: clean(w.waits_for) }));
    if (w.reserved) parts.push(t("A reserve of free agents is kept from it for now."));
    return parts.join(" ");
  };

  const draw = (c) => {
    const act = (label, fn, kind = "") => h("button", { type: "button", class: `small ${kind}`, onclick: async (e) => { await attempt(e.currentTarget, () => fn(context, c)); load(); } }, label);
    const w = c.waiting;
    const held = ["connected", "parked", "wrapup"].includes(c.state);
    const opened = new Set([...body.querySelectorAll("details")].map((d, i) => (d.open ? i : -1)));
    const had = body.querySelectorAll("details").length;
    replace(
      body,
      h(
        "section",
        { class: "card why-head" },
        h("div", { class: "row" }, channelIcon(c.channel, 26), h("div", { class: "grow" }, outside(c.title || channelName(c.channel), "h2"), h("small", { class: "soft mono" }, clean(c.id))), badge(clean(c.state), "accent"), badge(clean(c.tier || ""), "violet")),
        h("p", { class: "why-summary" }, summary(c)),
        h(
          "dl",
          { class: "data" },
          [
            [t("Queue"), c.queue],
            [t("Customer"), c.customer?.name ?? c.customer?.id ?? c.customer],
            [t("Agent"), c.agent],
            [t("Waited"), c.waited_ms ? span(c.waited_ms) : ""],
            [t("Likely still to wait"), c.estimated_wait_ms ? t("{likely}, between {low} and {high}", { likely: span(c.estimated_wait_ms.likely), low: span(c.estimated_wait_ms.low), high: span(c.estimated_wait_ms.high) }) : ""],
            [t("Needs"), Object.entries(c.require || {}).map(([s, l]) => `${s} ${l}`).join(", ")],
            [t("Steps taken"), c.step ? String(c.step) : ""],
          ]
            .filter(([, v]) => v)
            .map(([k, v]) => [h("dt", {}, k), outside(v, "dd")]),
        ),
        may.act
          ? h(
              "div",
              { class: "row" },
              w?.class ? [act(t("Prioritise"), prioritise), act(t("Move"), move), act(t("Withdraw"), withdraw, "danger")] : null,
              held ? [act(t("Move"), move), act(t("Put back"), requeue)] : null,
              c.state === "connected" && c.channel === "voice" && link.methods?.has("call.monitor") ? act(t("Listen in…"), listenIn) : null,
              c.state === "connected" && c.channel === "voice" && link.methods?.has("call.take_over") ? act(t("Take over…"), takeOver) : null,
              held && c.channel === "chat" && link.methods?.has("chat.watch") ? h("a", { class: "button small", href: `#chat/${c.id}` }, t("Read along")) : null,
            )
          : null,
      ),
      w?.class
        ? [
            h("section", { class: "card why-part scroll", tabindex: 0 }, h("h3", {}, t("Its own terms: {phase}", { phase: phaseWord(w.phase) })), terms(w, 0)),
            rivals(t("Before it"), w.before || [], "ahead_s", "{s} s ahead", t("Nobody: it is next.")),
            unablePart(w),
            w.rules?.length ? h("section", { class: "card why-part" }, h("h3", {}, t("Rules that fired at intake")), h("p", {}, w.rules.map(clean).join(", "))) : null,
          ]
        : null,
      (c.decisions || []).map((d, i, all) => decisionPart(d, i + 1, i === all.length - 1 && !w?.class)),
      !w?.class && !(c.decisions || []).length ? h("p", { class: "soft" }, t("No decision is recorded of it.")) : null,
    );
    const now = body.querySelectorAll("details");
    if (had && had === now.length) now.forEach((d, i) => (d.open = opened.has(i)));
  };

  const load = async () => {
    if (busy || !link.live) return;
    busy = true;
    asked = Date.now();
    try {
      const { contact } = await link.call("explain.contact", { contact: id });
      const key = JSON.stringify([contact.state, contact.position, contact.decisions?.length, contact.tier, contact.queue, Math.floor((contact.waiting?.slack_ms ?? 0) / 5000)]);
      if (key !== body.shownKey) {
        body.shownKey = key;
        draw(contact);
      }
    } catch (error) {
      if (error.type !== "gone") replace(body, h("p", { class: "card empty" }, clean(error.message)));
    } finally {
      busy = false;
    }
  };
  return {
    wants: [],
    title: t("Why"),
    node: h("div", { class: "view" }, h("p", {}, h("a", { href: "#waiting" }, t("‹ Waiting contacts"))), body),
    draw: () => asked || load(),
    tick: () => Date.now() - asked > 5000 && load(),
  };
}
