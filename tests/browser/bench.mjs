/*
 * bench.mjs OUT: how soon each page can be used and what it weighs, on loopback, one JSON line a figure, a table at the end.
 * Time to interactive: from the navigation to the first moment at which its first control works (logged in pages:
 * the snapshot is drawn), median of five loads with an empty cache; beside it the same of a picture of 300 bytes, the
 * least that a browser and TLS need on this machine now. Weight: bytes over the wire, packed.
 */
import { BROWSER, chromium, FLAGS } from "./harness.mjs";
import { Centre } from "./centre.mjs";

const ROUNDS = 5;
const PAGES = [
  ["picture", null, "/web/icon.svg", "svg"],
  ["login", null, "/", "#account"],
  ["desktop", "agent", "/agent", "#state-button:not([disabled])"],
  ["dashboard", "staff", "/supervisor", "table.queues tbody tr th"],
  ["waiting", "staff", "/supervisor#waiting", "table.waiting tbody tr"],
  ["trends", "staff", "/supervisor#trends", ".chart canvas"],
  ["wallboard", "staff", "/wallboard", ".figure .value:not(:empty)"],
  ["chat widget", null, "/widget", "#f-question"],
  ["call me", null, "/callme", "#f-phone"],
].map(([name, kind, path, ready]) => ({ name, kind, path, ready }));

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const table = [];
const centre = await Centre.start({ callme: { country: "44", allow: ["+44"] } });
for (let i = 0; i < 50; i++) await centre.submit("email", { queue: "mail", title: `Contact ${i}` });
const logins = {
  agent: { role: "agent", agent: "a1", token: await centre.token("agent", "a1") },
  staff: { role: "supervisor", account: "s1", token: await centre.token("supervisor", "s1") },
};
const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
try {
  for (const { name, kind, path, ready } of PAGES) {
    const times = [];
    let weight = 0;
    let requests = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      if (kind) await context.addInitScript(([key, login]) => localStorage.setItem(`usher.login.${key}`, JSON.stringify(login)), [kind, logins[kind]]);
      const page = await context.newPage();
      const session = await context.newCDPSession(page);
      await session.send("Network.enable");
      weight = 0;
      requests = 0;
      session.on("Network.loadingFinished", (e) => {
        weight += e.encodedDataLength;
        requests++;
      });
      const began = performance.now();
      await page.goto(centre.url + path, { waitUntil: "commit" });
      await page.waitForSelector(ready, { state: "attached" });
      times.push(performance.now() - began);
      await page.waitForTimeout(200);
      await context.close();
    }
    const ms = Math.round(median(times));
    const kb = Math.round(weight / 102.4) / 10;
    const reference = table[0]?.ms ?? ms;
    table.push({ name, ms, kb, requests });
    console.log(JSON.stringify({ figure: `web ${name}: time to interactive`, value: ms, unit: "ms", reference, ratio: Math.round((100 * ms) / reference) / 100 }));
    console.log(JSON.stringify({ figure: `web ${name}: weight`, value: kb, unit: "KB", requests }));
  }
  console.log("\npage          interactive  of a picture     weight  requests");
  for (const row of table)
    console.log(`${row.name.padEnd(12)} ${`${row.ms} ms`.padStart(12)} ${`${(row.ms / table[0].ms).toFixed(1)} x`.padStart(13)} ${`${row.kb} KB`.padStart(10)} ${String(row.requests).padStart(9)}`);
} finally {
  await browser.close();
  await centre.stop();
}
