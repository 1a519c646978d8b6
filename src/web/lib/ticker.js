/* ticker.js - calls once a second, also while the page is hidden. */
const listeners = new Set();
let running = false;

function tick() {
  for (const fn of [...listeners]) fn();
}

function start() {
  if (running) return;
  running = true;
  try {
    const worker = new Worker("/web/lib/ticker-worker.js");
    worker.onmessage = tick;
    worker.onerror = () => setInterval(tick, 1000);
  } catch {
    setInterval(tick, 1000);
  }
}

/* Returns a function that ends it. */
export function every(fn) {
  listeners.add(fn);
  start();
  return () => listeners.delete(fn);
}
