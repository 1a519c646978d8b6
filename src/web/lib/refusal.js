/* refusal.js - what the words of an error mean (docs/protocol.md, section 4). */

/* Nothing is wrong with what was asked: it is asked again in a moment. */
const LATER = ["store_away", "rate_limited", "busy"];

export const comesLater = (type) => LATER.includes(type);
