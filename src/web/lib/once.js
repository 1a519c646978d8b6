/*
 * once.js - a press takes effect once (docs/protocol.md, section 1, "Asked again"): its request carries an id of its
 * own and is sent again under it when the line broke behind it. The id is kept until it is answered: the same thing
 * pressed again, after a reload too, is the same act.
 */
import { comesLater } from "./refusal.js";
import { Gone } from "./rpc.js";
import { loadDraft, saveDraft } from "./store.js";

const AGAIN_MS = 1000; /* until what could not be taken is asked for again */
const OVER = ["ended", "replaced", "refused"];

export const newId = () => `d${Date.now().toString(36)}${Math.random().toString(36).slice(2, 10)}`;

const pause = (forMs) => new Promise((resolve) => setTimeout(resolve, forMs));

/* Waits until the connection is there again; throws Gone when it has ended for good. */
export function isBack(link) {
  if (link.live) return Promise.resolve();
  if (OVER.includes(link.state)) return Promise.reject(new Gone());
  return new Promise((resolve, reject) => {
    const off = link.on("state", (state) => {
      if (state !== "live" && !OVER.includes(state)) return;
      off();
      if (state === "live") resolve();
      else reject(new Gone());
    });
  });
}

/* A request that adds something; throws Refused, or Gone when it was not sent at all. */
export async function once(link, method, params) {
  if (!link.live) throw new Gone();
  const name = `once.${method}.${params.contact ?? ""}`;
  const what = JSON.stringify(params);
  const before = JSON.parse(loadDraft(name) || "{}");
  const id = before.what === what ? before.id : newId();
  saveDraft(name, JSON.stringify({ id, what }));
  for (let again = false; ; again = true) {
    try {
      const result = await link.call(method, { ...params, id });
      if (JSON.parse(loadDraft(name) || "{}").id === id) saveDraft(name, "");
      return result;
    } catch (error) {
      /* What is asked for again shall not fail for a moment's want that the first asking did not have. */
      if (again && comesLater(error.type)) await pause(error.data.retry_ms || error.data.retry_after_ms || AGAIN_MS);
      else if (error.type !== "gone") throw error;
    }
    await isBack(link);
  }
}
