/* time.js - durations and moments as people read them. Moments are Unix ms. */
import { formats } from "./i18n.js";

/* 7 -> "0:07", 3661 -> "1:01:01", a day and more "1 d 03:00" */
export function clock(ms) {
  const sign = ms < 0 ? "-" : "";
  const s = Math.floor(Math.abs(ms) / 1000);
  const two = (n) => String(n).padStart(2, "0");
  if (s >= 86400) return `${sign}${Math.floor(s / 86400)} d ${two(Math.floor((s % 86400) / 3600))}:${two(Math.floor((s % 3600) / 60))}`;
  if (s >= 3600) return `${sign}${Math.floor(s / 3600)}:${two(Math.floor((s % 3600) / 60))}:${two(s % 60)}`;
  return `${sign}${Math.floor(s / 60)}:${two(s % 60)}`;
}

/* Two units at most: "45 s", "4 min 10 s", "3 h 05 min", "2 d 4 h". */
export function span(ms) {
  const sign = ms < 0 ? "-" : "";
  const s = Math.round(Math.abs(ms) / 1000);
  if (s < 60) return `${sign}${s} s`;
  if (s < 600) return `${sign}${Math.floor(s / 60)} min${s % 60 ? ` ${s % 60} s` : ""}`;
  if (s < 3600) return `${sign}${Math.round(s / 60)} min`;
  if (s < 86400) return `${sign}${Math.floor(s / 3600)} h ${String(Math.floor((s % 3600) / 60)).padStart(2, "0")} min`;
  return `${sign}${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

export function moment(ms, { seconds = true } = {}) {
  const when = new Date(ms);
  const today = when.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(formats(), {
    ...(today ? {} : { day: "numeric", month: "short" }),
    ...(when.getFullYear() === new Date().getFullYear() ? {} : { year: "numeric" }),
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds && today ? { second: "2-digit" } : {}),
  }).format(when);
}

export function number(value, digits = 0) {
  if (!Number.isFinite(value)) return "–";
  return new Intl.NumberFormat(formats(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

export function percent(share, digits = 0) {
  return Number.isFinite(share) ? `${number(share * 100, digits)} %` : "–";
}

export function money(amount, currency) {
  try {
    return new Intl.NumberFormat(formats(), { style: "currency", currency: currency || "EUR" }).format(amount);
  } catch {
    return `${number(amount, 2)} ${currency || ""}`;
  }
}

/* A moment as the protocol writes it, or Unix ms. */
export function ms(value) {
  return typeof value === "number" ? value : Date.parse(value);
}
