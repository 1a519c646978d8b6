/* actions.js - what a supervisor does; each is asked about first, and the server writes it into its audit. */
import { clean } from "../lib/dom.js";
import { t, tn } from "../lib/i18n.js";
import { once } from "../lib/once.js";
import { load, loadDraft, save, saveDraft } from "../lib/store.js";
import { ask, attempt } from "../lib/ui.js";

const REASON = () => ({ name: "reason", label: t("Why? (for the record)"), most: 60 });
const filled = (values) => Object.fromEntries(Object.entries(values).filter(([, v]) => v !== "" && v !== undefined && v !== null));

export async function setQueue({ link }, queue) {
  const open = !queue.open;
  const answer = await ask({
    title: open ? t("Open {queue}?", { queue: queue.name }) : t("Close {queue}?", { queue: queue.name }),
    text: open ? t("It takes contacts again.") : t("It takes no new contacts; those that wait are served."),
    fields: [REASON()],
    confirm: open ? t("Open") : t("Close the queue"),
    danger: !open,
  });
  if (answer)
    await attempt(null, () => link.call(open ? "queue.open" : "queue.close", filled({ queue: queue.name, reason: answer.reason })), t("Done."));
}

export async function prioritise({ link, feed }, contact) {
  const tiers = [...new Set((feed.waiting?.list || []).map((c) => c.tier))];
  const answer = await ask({
    title: t("Prioritise"),
    text: clean(contact.title || contact.id),
    fields: [
      { name: "minutes", label: t("Due sooner by, minutes"), type: "number", min: 0.1, step: 0.1, value: 5 },
      tiers.length > 1
        ? { name: "tier", label: t("Or as if of the tier"), type: "select", options: [["", t("Leave {tier}", { tier: contact.tier })], ...tiers.filter((x) => x !== contact.tier).map((x) => [x, x])] }
        : { name: "tier", label: t("Or as if of the tier"), most: 64 },
      REASON(),
    ],
    confirm: t("Prioritise"),
  });
  if (!answer) return;
  const minutes = Number(answer.minutes);
  await attempt(
    null,
    () =>
      once(
        link,
        "contact.prioritise",
        filled({ contact: contact.id, tier: answer.tier, sooner_ms: !answer.tier && minutes > 0 ? Math.round(minutes * 60000) : undefined, reason: answer.reason }),
      ),
    t("Its place has changed."),
  );
  feed.want(...feed.wants);
}

export async function move({ link, feed }, contact) {
  const answer = await ask({
    title: t("Move"),
    text: clean(contact.title || contact.id),
    fields: [
      {
        name: "to",
        label: t("To"),
        type: "select",
        required: true,
        options: [
          ["", t("Choose…")],
          ...[...feed.queues.values()].filter((q) => q.name !== contact.queue).map((q) => [`queue ${q.name}`, t("Queue {name}", { name: q.name })]),
          ...[...feed.agents.values()].filter((a) => a.state !== "offline").map((a) => [`agent ${a.id}`, `${a.name || a.id} (${a.state})`]),
        ],
      },
      REASON(),
    ],
    confirm: t("Move"),
  });
  if (!answer) return;
  const [kind, to] = answer.to.split(" ");
  await attempt(null, () => link.call("contact.move", filled({ contact: contact.id, [kind]: to, reason: answer.reason })), t("Moved; its age is kept."));
  feed.want(...feed.wants);
}

export async function withdraw({ link, feed }, contact) {
  const answer = await ask({
    title: t("Withdraw?"),
    text: t("The contact ends as cancelled."),
    fields: [REASON()],
    confirm: t("Withdraw"),
    danger: true,
  });
  if (answer) await attempt(null, () => link.call("contact.withdraw", filled({ contact: contact.id, reason: answer.reason })), t("Withdrawn."));
  feed.want(...feed.wants);
}

export async function requeue({ link }, contact) {
  const answer = await ask({ title: t("Put it back into its queue?"), text: t("The agent loses it; it waits at its old place."), confirm: t("Put back"), danger: true });
  if (answer) await attempt(null, () => link.call("contact.requeue", { contact: contact.id }), t("It waits again."));
}

export async function forceState({ link }, agent) {
  const answer = await ask({
    title: t("State of {name}", { name: agent.name || agent.id }),
    fields: [
      {
        name: "state",
        label: t("State"),
        type: "select",
        options: [
          ["ready", t("ready")],
          ["not_ready", t("not ready")],
          ["offline", t("offline: log out")],
        ],
        value: agent.state === "ready" ? "not_ready" : "ready",
      },
      REASON(),
    ],
    confirm: t("Set"),
  });
  if (answer)
    await attempt(null, () => link.call("agent.force_state", filled({ agent: agent.id, state: answer.state, reason: answer.reason.replace(/[^A-Za-z0-9._-]/g, "_") })), t("Asked for; the event tells what became true."));
}

export async function editSkills({ link }, agent) {
  const now = Object.entries(agent.skills || {})
    .map(([skill, level]) => `${skill}:${level}`)
    .join(", ");
  const answer = await ask({
    title: t("Skills of {name}", { name: agent.name || agent.id }),
    text: t("It stands above the settings file until it is reverted or adopted there."),
    fields: [
      { name: "skills", label: t("Skills with levels 1 to 10"), value: now, hint: "english:5, billing:3" },
      { name: "capacity", label: t("Capacity in points"), type: "number", min: 0, max: 10000, value: agent.capacity },
      { name: "revert", label: t("Back to the settings file"), type: "checkbox" },
    ],
    confirm: t("Change"),
  });
  if (!answer) return;
  if (answer.revert) {
    await attempt(null, () => link.call("agent.revert", { agent: agent.id }), t("The settings file holds again."));
    return;
  }
  const params = { agent: agent.id };
  if (answer.skills !== now)
    params.skills = Object.fromEntries(
      answer.skills
        .split(",")
        .map((pair) => pair.trim())
        .filter(Boolean)
        .map((pair) => [pair.split(":")[0].trim(), Number(pair.split(":")[1] ?? 1)]),
    );
  if (Number(answer.capacity) !== agent.capacity) params.capacity = Number(answer.capacity);
  if (params.skills || params.capacity !== undefined) await attempt(null, () => link.call("agent.edit", params), t("Changed; it holds at once."));
}

export async function message({ link }, agent = null, teams = []) {
  const answer = await ask({
    title: agent ? t("Message to {name}", { name: agent.name || agent.id }) : t("Message to agents"),
    fields: [
      ...(agent ? [] : [{ name: "team", label: t("To"), type: "select", options: [["", t("All of mine")], ...teams.map((x) => [x, t("Team {name}", { name: x })])] }]),
      { name: "text", label: t("Message"), type: "textarea", most: 1000, required: true, value: loadDraft("message") },
    ],
    confirm: t("Send"),
  });
  if (!answer) return;
  saveDraft("message", answer.text); /* kept until the server has it */
  const sent = await attempt(null, () => once(link, "message.send", filled({ text: answer.text, agent: agent?.id, team: answer.team })));
  if (sent) {
    saveDraft("message", "");
    const { notice } = await import("../lib/ui.js");
    notice(sent.reached ? tn(sent.reached, "{n} agent has it.", "{n} agents have it.") : t("Nobody of them is logged in."), sent.reached ? "good" : "bad");
  }
}

/* A telephone of the supervisor's joins a call; the number is remembered on this machine. */
export async function listenIn({ link }, contact) {
  const answer = await ask({
    title: t("Listen in"),
    text: t("Your telephone rings; pick it up. It is written into the audit."),
    fields: [
      {
        name: "mode",
        label: t("How"),
        type: "select",
        options: [
          ["monitor", t("listen: nobody hears you")],
          ["whisper", t("whisper: the agent alone hears you")],
          ["barge", t("join: both hear you")],
        ],
      },
      { name: "device", label: t("Your telephone, as the switch knows it"), required: true, most: 64, value: load("monitor.device", ""), hint: "PJSIP/1001" },
    ],
    confirm: t("Call my telephone"),
  });
  if (!answer) return;
  save("monitor.device", answer.device);
  await attempt(null, () => once(link, "call.monitor", { contact: contact.id, mode: answer.mode, device: answer.device }), t("Your telephone rings."));
}

export async function takeOver({ link, feed }, contact) {
  const answer = await ask({
    title: t("Take the call over"),
    text: t("The caller leaves his agent and is put through to another one, who is waited for."),
    fields: [
      {
        name: "agent",
        label: t("To"),
        type: "select",
        required: true,
        options: [["", t("Choose…")], ...[...feed.agents.values()].filter((a) => a.state !== "offline" && a.id !== contact.agent).map((a) => [a.id, `${a.name || a.id} (${a.state})`])],
      },
    ],
    confirm: t("Take over"),
    danger: true,
  });
  if (answer) await attempt(null, () => link.call("call.take_over", { contact: contact.id, agent: answer.agent }), t("The caller is put through."));
}
