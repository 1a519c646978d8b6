/*
 * alert.js - how an offer is noticed: a sound, a notification of the system when the page is not in front, the
 * title of the tab. Sound and notifications are chosen by the agent.
 */
import { clean, h } from "../lib/dom.js";
import { channelName } from "../lib/channels.js";
import { t } from "../lib/i18n.js";
import { load, save } from "../lib/store.js";
import { notice } from "../lib/ui.js";
import { nameOf } from "./model.js";

const RING_EVERY_MS = 3000;

export class Alert {
  constructor(model) {
    this.model = model;
    this.sound = load("sound", true);
    this.audio = null;
    this.notes = new Map();
    this.timer = null;
    model.link.on("offer.created", (p) => this.offer(p));
    model.onChange(() => this.settle());
    /* A browser lets a page sound only after somebody has touched it. */
    const wake = () => {
      this.audio = this.audio || (window.AudioContext ? new AudioContext() : null);
      this.audio?.resume?.();
    };
    addEventListener("pointerdown", wake, { once: true });
    addEventListener("keydown", wake, { once: true });
  }

  setSound(on) {
    this.sound = on;
    save("sound", on);
    if (on) this.beep();
  }

  async askNotifications() {
    if (!("Notification" in window)) return "denied";
    return Notification.permission === "default" ? Notification.requestPermission() : Notification.permission;
  }

  /* Two soft tones; urgent: three. */
  beep(urgent = false) {
    if (!this.sound || this.audio?.state !== "running") return;
    const at = this.audio.currentTime;
    (urgent ? [880, 1100, 1320] : [660, 880]).forEach((pitch, i) => {
      const tone = this.audio.createOscillator();
      const gain = this.audio.createGain();
      tone.frequency.value = pitch;
      gain.gain.setValueAtTime(0, at + i * 0.16);
      gain.gain.linearRampToValueAtTime(0.18, at + i * 0.16 + 0.02);
      gain.gain.exponentialRampToValueAtTime(0.001, at + i * 0.16 + 0.15);
      tone.connect(gain).connect(this.audio.destination);
      tone.start(at + i * 0.16);
      tone.stop(at + i * 0.16 + 0.16);
    });
  }

  offer({ offer, contact }) {
    this.beep(contact.channel === "voice");
    if (!this.timer)
      this.timer = setInterval(() => {
        if (this.model.offers.size) this.beep();
      }, RING_EVERY_MS);
    this.note(offer, t("{channel} for you", { channel: channelName(contact.channel) }), [
      nameOf(contact),
      contact.title,
    ]);
  }

  note(tag, title, lines) {
    if (!document.hidden || !("Notification" in window) || Notification.permission !== "granted") return;
    try {
      const note = new Notification(clean(title), {
        body: clean(lines.filter(Boolean).join(" · ")).slice(0, 200),
        tag,
        icon: "/web/icon.svg",
        requireInteraction: true,
      });
      note.onclick = () => {
        window.focus();
        note.close();
      };
      this.notes.set(tag, note);
    } catch {
      /* some browsers let only service workers notify */
    }
  }

  /* Something presses: heard, and seen when the page is not in front. */
  urge(words) {
    this.beep(true);
    this.note("message-urge", words, []);
  }

  message(from, text) {
    this.beep();
    notice(h("span", {}, h("strong", {}, `${clean(from)}: `), clean(text)));
    this.note(`message-${Date.now()}`, from, [text]);
  }

  /* Notifications of offers that are over go away. */
  settle() {
    for (const [tag, note] of this.notes) {
      if (tag.startsWith("message-") || this.model.offers.has(tag)) continue;
      note.close();
      this.notes.delete(tag);
    }
    if (!this.model.offers.size && this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }
}
