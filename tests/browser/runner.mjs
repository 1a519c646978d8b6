/*
 * runner.mjs OUT [--only WORD] [--once]: runs the tests of test_*.mjs, several side by side, each with contexts and a
 * daemon of its own; the longest of the last time first, so that none is left alone at the end. What failed is run once
 * more by itself and told as "held alone" when it holds then; --once leaves that out.
 */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { BROWSER, chromium, FLAGS, Scene, Skip, SLOW, tests } from "./harness.mjs";

const HERE = path.dirname(new URL(import.meta.url).pathname);
const TEST_MS = 180000 * SLOW;
const AT_ONCE = Number(process.env.USHER_BROWSERS) || Math.min(3, os.availableParallelism());
const out = process.argv[2];
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : null;
const SECOND_RUNS = process.argv.includes("--once") ? 0 : 4; // more failures than these are no bad luck
const ended = new Map();
const TIMES = path.join(out, "times.json");

async function one(test, browser) {
  const { file, name, fn } = test;
  const scene = new Scene(browser);
  const began = Date.now();
  let timer = null;
  let failure = null;
  try {
    await Promise.race([
      fn(scene),
      new Promise((_, reject) => (timer = setTimeout(() => reject(new Error(`longer than ${TEST_MS} ms`)), TEST_MS))),
    ]);
  } catch (error) {
    failure = error;
    for (const [i, page] of scene.contexts.flatMap((context) => context.pages()).entries())
      await page.screenshot({ path: path.join(out, `failed-${name.replace(/\W+/g, "_").slice(0, 60)}-${i}.png`) }).catch(() => {});
  }
  clearTimeout(timer);
  await scene.finish().catch((error) => (failure = failure || error));
  const seconds = (Date.now() - began) / 1000;
  const told = scene.told.map((line) => `\n     ${line}`).join("");
  if (failure instanceof Skip) {
    ended.set(test, "skipped");
    console.log(`skip ${file}: ${name}: ${failure.message}`);
  } else if (failure) {
    ended.set(test, "failed");
    console.log(`FAIL ${file}: ${name} (${seconds.toFixed(1)} s)\n    ${String(failure.stack || failure).split("\n").slice(0, 14).join("\n    ")}`);
  } else {
    ended.set(test, "passed");
    console.log(`ok   ${file}: ${name} (${seconds.toFixed(1)} s)${told}`);
  }
  return seconds;
}

const all = [];
for (const name of fs.readdirSync(HERE).filter((n) => /^test_\w+\.mjs$/.test(n)).sort()) {
  tests.length = 0;
  await import(path.join(HERE, name));
  all.push(...tests.map((t) => ({ ...t, file: name.replace(/\.mjs$/, "") })));
}
let times = {};
try {
  times = JSON.parse(fs.readFileSync(TIMES, "utf8"));
} catch {
  /* the first time: as they stand */
}
const queue = all.filter((t) => !only || t.file.includes(only) || t.name.includes(only)).sort((a, b) => (times[b.name] ?? 30) - (times[a.name] ?? 30));

async function worker(some) {
  const browser = await chromium.launch({ executablePath: BROWSER, args: FLAGS });
  for (let t = some.shift(); t; t = some.shift()) times[t.name] = await one(t, browser);
  await browser.close();
}

const began = Date.now();
await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, () => worker(queue)));
const failed = [...ended].filter(([, how]) => how === "failed").map(([test]) => test);
if (failed.length && failed.length <= SECOND_RUNS) await worker([...failed]);
for (const test of failed) console.log(`${ended.get(test) === "failed" ? "FAILED" : "held alone"}: ${test.file}: ${test.name}`);
fs.writeFileSync(TIMES, JSON.stringify(times, null, 1));
console.log(`${((Date.now() - began) / 1000).toFixed(0)} s, ${AT_ONCE} at a time`);
const count = (how) => [...ended.values()].filter((h) => h === how).length;
console.log(`${count("passed")} passed, ${count("failed")} failed, ${count("skipped")} skipped`);
process.exit(count("failed") ? 1 : 0);
