/* views_mails.js - answers that wait for a look, and what became of mails that left or did not. */
import { clean, h, outside, replace, text } from "../lib/dom.js";
import { t } from "../lib/i18n.js";
import { moment, ms, number } from "../lib/time.js";
import { ask, attempt, badge } from "../lib/ui.js";
import { emptyRow, tile } from "./parts.js";

const REFRESH_MS = 5000;
const STATES = () => ({
  queued: [t("on its way"), "accent"],
  held: [t("waits for a look"), "warn"],
  sending: [t("on its way"), "accent"],
  sent: [t("sent"), "good"],
  failed: [t("failed"), "bad"],
  unsure: [t("maybe sent"), "warn"],
  bounced: [t("came back"), "bad"],
  cancelled: [t("taken back"), ""],
});
const to = (mail) => clean([mail.to].flat().filter(Boolean).join(", "));

export function mails(context) {
  const { link, may } = context;
  const tiles = h("div", { class: "tiles" });
  const held = h("div", { class: "column" });
  const state = h("select", { id: "outbox-state", onchange: () => load(true) }, [
    h("option", { value: "" }, t("all")),
    Object.entries(STATES()).map(([value, [word]]) => h("option", { value }, word)),
  ]);
  const tbody = h("tbody");
  let asked = 0;
  let shown = "";

  const act = (label, kind, fn) => {
    const button = h("button", { type: "button", class: `small ${kind}` }, label);
    button.addEventListener("click", async () => (await attempt(button, fn)) && load(true));
    return button;
  };

  const giveBack = async (mail) => {
    const answer = await ask({
      title: t("Give the answer back?"),
      text: t("Its text is the draft of its author again, who reads why."),
      fields: [{ name: "reason", label: t("Why"), required: true, most: 250 }],
      confirm: t("Give back"),
    });
    if (answer) await link.call("review.reject", { mail: mail.id, reason: answer.reason });
  };

  const approve = async (mail) => {
    const answer = await ask({ title: t("Let the answer leave?"), text: `${to(mail)}: ${clean(mail.subject || "")}`, confirm: t("Approve") });
    if (answer) await link.call("review.approve", { mail: mail.id });
  };

  const heldNode = (mail) =>
    h(
      "article",
      { class: "card held-mail", "aria-label": t("An answer that waits for a look") },
      h("div", { class: "row" }, badge(t("waits for a look"), "warn"), outside(mail.subject || "", "strong", { class: "grow cut" }), h("span", { class: "soft timer" }, mail.created_at ? moment(ms(mail.created_at)) : "")),
      h("p", { class: "soft" }, [t("by {who}", { who: clean(mail.by || t("nobody")) }), t("to {whom}", { whom: to(mail) }), mail.response ? t("from response {name}", { name: clean(mail.response) }) : ""].filter(Boolean).join(" · ")),
      mail.text ? outside(mail.text, "div", { class: "wrap held-text" }) : null,
      h("div", { class: "row" }, mail.contact ? h("a", { class: "button small", href: `#why/${mail.contact}` }, t("The contact")) : null, h("span", { class: "grow" }), may.act ? [act(t("Approve"), "primary", () => approve(mail)), act(t("Give back…"), "", () => giveBack(mail))] : null),
    );

  const row = (mail) => {
    const [word, kind] = STATES()[mail.state] ?? [clean(mail.state), ""];
    const again = may.act && mail.state === "failed" && link.methods?.has("email.retry");
    return h(
      "tr",
      {},
      h("td", { class: "timer" }, mail.sent_at || mail.created_at ? moment(ms(mail.sent_at || mail.created_at)) : ""),
      h("td", {}, badge(word, kind)),
      h("th", { scope: "row" }, outside(mail.subject || "", "div", { class: "cut" }), h("small", { class: "soft cut block" }, to(mail))),
      h("td", {}, outside(mail.by || t("by itself"))),
      h("td", { class: "wrap" }, outside(mail.words || "")),
      h("td", { class: "row-actions" }, mail.contact ? h("a", { class: "button small", href: `#why/${mail.contact}` }, t("Contact")) : null, again ? act(t("Send again"), "", () => link.call("email.retry", { mail: mail.id })) : null),
    );
  };

  const load = async (now = false) => {
    if (!link.live || !link.methods || (!now && Date.now() - asked < REFRESH_MS)) return;
    asked = Date.now();
    if (!link.methods.has("email.outbox")) {
      replace(held, h("p", { class: "card empty" }, t("No mailbox is set up on this server.")));
      return;
    }
    try {
      const [waits, box] = await Promise.all([
        link.has("review.list") ? link.call("review.list") : { mails: [] },
        link.call("email.outbox", state.value ? { state: state.value } : {}),
      ]);
      /* Drawn anew only when something changed: a button under the pointer stays. */
      const key = JSON.stringify([waits, box]);
      if (key === shown) return;
      shown = key;
      replace(
        tiles,
        tile(t("Wait for a look"), number(box.held), box.held ? "warn" : "good", box.held ? t("to approve or give back") : t("none")),
        tile(t("On their way"), number(box.queued)),
        tile(t("Sent"), number(box.sent)),
        tile(t("Failed"), number(box.failed), box.failed ? "bad" : "good", box.failed ? t("see their words below") : t("none")),
        tile(t("Came back"), number(box.bounced), box.bounced ? "warn" : "good", ""),
        box.breaker ? tile(t("Automatic answers"), t("stopped"), "bad", t("too many within an hour")) : null,
      );
      replace(held, waits.mails.length ? waits.mails.map(heldNode) : h("p", { class: "soft" }, t("No answer waits for a look.")));
      replace(tbody, box.mails.length ? box.mails.map(row) : emptyRow(6, t("Nothing left yet.")));
    } catch (error) {
      if (error.type !== "gone") replace(held, h("p", { class: "card empty" }, clean(error.message)));
    }
  };
  const off = link.on("email.delivery", () => load(true));
  const label = h("h2", {});
  text(label, t("Outgoing mail"));
  return {
    wants: [],
    title: t("Mails"),
    node: h(
      "div",
      { class: "view" },
      tiles,
      h("h2", {}, t("Answers that wait for a look")),
      held,
      h("div", { class: "row" }, label, h("span", { class: "grow" }), h("label", { for: "outbox-state" }, t("State")), state),
      h(
        "section",
        { class: "card scroll", tabindex: 0, "aria-label": t("Outgoing mail") },
        h("table", { class: "outbox" }, h("thead", {}, h("tr", {}, [t("Time"), t("State"), t("Mail"), t("Author"), t("What the other server said"), ""].map((w) => h("th", { scope: "col" }, w)))), tbody),
      ),
    ),
    draw: () => asked || load(),
    tick: () => load(),
    leave: off,
  };
}
