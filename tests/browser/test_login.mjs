/* How one gets in, and how the pages are served. */
import { check, equal, test, until } from "./harness.mjs";

test("a link's one-time code logs in, once", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  const code = await centre.code("supervisor", "s1");
  await page.goto(`${centre.url}/#code=${code}`);
  await page.waitForURL("**/supervisor**");
  check(!page.url().includes(code), "the code stays in the address");
  const login = await page.evaluate(() => JSON.parse(localStorage.getItem("usher.login.staff")));
  equal([login.role, login.account], ["supervisor", "s1"]);
  const again = await t.page();
  await again.goto(`${centre.url}/#code=${code}`);
  await until(async () => /not known|used already/.test(await again.textContent("#message")), "the code is refused");
  equal(await again.evaluate(() => location.hash), "");
});

test("account and password log in; a wrong password is told", async (t) => {
  const centre = await t.centre();
  await centre.admin("account.add", { account: "ann", role: "agent", agent: "a1", password: "correct horse battery" });
  const page = await t.page();
  await page.goto(centre.url);
  await page.fill("#account", "ann");
  await page.fill("#password", "wrong horse battery");
  await page.keyboard.press("Enter");
  await until(async () => (await page.textContent("#message")).length > 20, "the refusal is told");
  await page.fill("#password", "correct horse battery");
  await page.keyboard.press("Enter");
  await page.waitForURL("**/agent");
});

test("who is sent on after the login stays on our pages", async (t) => {
  const centre = await t.centre();
  for (const to of ["//evil.example/x", "https://evil.example", "javascript:alert(1)", "/\\evil.example"]) {
    const page = await t.page();
    await page.goto(`${centre.url}/?to=${encodeURIComponent(to)}#code=${await centre.code("auditor", "x")}`);
    await page.waitForURL("**/supervisor**");
    equal(new URL(page.url()).host, new URL(centre.url).host, to);
  }
});

test("the login page is in order by eye, by key and by axe", async (t) => {
  const centre = await t.centre();
  const page = await t.page();
  await page.goto(centre.url);
  await page.waitForSelector("#account");
  await t.accessible(page, "login");
  await t.shot(page, "login");
});

test("pages carry the strict policy, an ETag and a gzip form", async (t) => {
  const centre = await t.centre();
  const answer = await centre.request("GET", "/", undefined, { "Accept-Encoding": "gzip" });
  equal(answer.status, 200);
  check(/default-src 'none'; script-src 'self'/.test(answer.headers["content-security-policy"]));
  check(!/unsafe|\*|data:/.test(answer.headers["content-security-policy"]));
  equal(answer.headers["content-encoding"], "gzip");
  equal(answer.headers["x-content-type-options"], "nosniff");
  const again = await centre.request("GET", "/", undefined, { "If-None-Match": answer.headers.etag });
  equal([again.status, again.raw.length], [304, 0]);
  equal((await centre.request("GET", "/web/lib/rpc.js")).headers["content-type"], "text/javascript; charset=utf-8");
  equal((await centre.request("GET", "/web/../usher.yaml")).status >= 400, true);
  equal((await centre.request("GET", "/web/package-lock.json")).status, 404);
  equal((await centre.request("POST", "/", {})).status, 405);
});
