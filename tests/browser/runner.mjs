/* runner.mjs OUT [--only WORD]: runs test_*.mjs one after the other, each with one browser. */
import fs from "node:fs";
import path from "node:path";
import { chromium, FLAGS, Scene, Skip, SLOW, tests } from "./harness.mjs";

const HERE = path.dirname(new URL(import.meta.url).pathname);
const TEST_MS = 180000 * SLOW;
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : null;
const counts = { passed: 0, failed: 0, skipped: 0 };

async function one(file, { name, fn }, browser) {
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
    for (const context of scene.contexts)
      for (const [i, page] of context.pages().entries())
        await page
          .screenshot({ path: path.join(process.argv[2], `failed-${name.replace(/\W+/g, "_")}-${i}.png`) })
          .catch(() => {});
  }
  clearTimeout(timer);
  await scene.finish().catch((error) => (failure = failure || error));
  const took = `${((Date.now() - began) / 1000).toFixed(1)} s`;
  if (failure instanceof Skip) {
    counts.skipped++;
    console.log(`skip ${file}: ${name}: ${failure.message}`);
  } else if (failure) {
    counts.failed++;
    console.log(`FAIL ${file}: ${name} (${took})\n    ${String(failure.stack || failure).split("\n").slice(0, 14).join("\n    ")}`);
  } else {
    counts.passed++;
    console.log(`ok   ${file}: ${name} (${took})`);
  }
}

const files = fs.readdirSync(HERE).filter((name) => /^test_\w+\.mjs$/.test(name)).sort();
for (const file of files) {
  tests.length = 0;
  await import(path.join(HERE, file));
  const wanted = tests.filter((t) => !only || file.includes(only) || t.name.includes(only));
  if (!wanted.length) continue;
  const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS });
  for (const t of wanted) await one(file.replace(/\.mjs$/, ""), t, browser);
  await browser.close();
}
console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed ? 1 : 0);
