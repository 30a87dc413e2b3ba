// dashboard_drive -- a browser that looks at every view as people do; run by dashboard_test.py.
// node dashboard_drive.mjs MODE BASE CHROMIUM SHOTS. Exit 0: all is as it should be.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";

const [mode, base, executablePath, shots] = process.argv.slice(2);
const require = createRequire(path.join(process.cwd(), "here.js")); // where npm has installed
const { chromium } = require("playwright-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const VIEWS = { markets: ".space .row .name b", series: ".chart", alerts: ".verdict", rules: ".list .line", status: ".pipe" };
const LOOKS = [["dark", 1440, 900], ["light", 1440, 900], ["dark", 390, 844], ["light", 390, 844]];
const TRANSFER_MOST = 300 * 1024, ROWS_MOST = 60, PATIENCE_MS = 60000, CHART_MS = 2000;

function check(good, what) {
  if (!good) throw new Error(what);
}

async function open(browser, colorScheme, width, height) {
  const context = await browser.newContext({ colorScheme, viewport: { width, height } });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  page.wrong = [];
  page.on("pageerror", error => page.wrong.push(error.stack));
  page.on("console", m => m.type() === "error" && page.wrong.push(`${m.text()} ${m.location().url}`));
  return page;
}

const live = page => page.waitForFunction(() => document.querySelector("#connection").textContent.includes("Live"));

async function views(browser) {
  for (const [scheme, width, height] of LOOKS) {
    const page = await open(browser, scheme, width, height);
    for (const [view, sign] of Object.entries(VIEWS)) {
      await page.goto(`${base}/${view}`);
      await live(page);
      if (width < 700 && view === "alerts") await page.locator(".list .line").first().click();
      await page.locator(sign).first().waitFor();
      check(await page.evaluate(() => document.documentElement.dataset.theme) === scheme, `${view} is not ${scheme}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      check(wide <= 0, `${view} at ${width} is ${wide} px too wide`);
      await page.evaluate(axe);
      const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      const serious = found.violations.filter(v => ["serious", "critical"].includes(v.impact));
      check(serious.length === 0, `${view} ${scheme} ${width}: ` + JSON.stringify(serious.map(v => [v.id, v.nodes.slice(0, 3).map(n => [n.target, n.failureSummary])])));
      await page.screenshot({ path: path.join(shots, `${view}-${width}-${scheme}.png`) });
    }
    check(page.wrong.length === 0, page.wrong.join("\n"));
    await page.context().close();
  }
  console.log("every view, dark and light, wide and narrow, without a serious violation");
}

async function size(browser) {
  const page = await open(browser, "dark", 1440, 900);
  await page.goto(`${base}/`);
  await page.locator(VIEWS.markets).first().waitFor();
  await page.waitForFunction(() => document.querySelector(".grid").getAttribute("aria-rowcount") === "1001");
  const rows = await page.locator(".space .row").count();
  check(rows <= ROWS_MOST, `${rows} rows are elements`);
  const [bytes, paint] = await page.evaluate(() => [
    performance.getEntries().filter(e => e.transferSize && !e.name.includes("/events")).reduce((sum, e) => sum + e.transferSize, 0),
    performance.getEntriesByName("first-contentful-paint")[0]?.startTime]);
  check(bytes > 10000 && bytes < TRANSFER_MOST, `${bytes} bytes were transferred`);
  const before = await page.locator(".space").innerText();
  await page.waitForFunction(was => document.querySelector(".space").innerText !== was, before);
  const frames = await page.evaluate(() => new Promise(done => {
    const times = [];
    let last = performance.now();
    const next = now => { times.push(now - last); last = now; times.length < 120 ? requestAnimationFrame(next) : done(times.sort((a, b) => a - b)); };
    requestAnimationFrame(next);
  }));
  console.log(`1,000 series: ${rows} rows are elements, ${(bytes / 1024).toFixed(0)} KiB transferred, first paint ` +
              `${paint?.toFixed(0)} ms, frames of ${frames[60].toFixed(0)} ms, p95 ${frames[114].toFixed(0)} ms`);
  await page.context().close();
}

async function keyboard(browser) {
  const page = await open(browser, "dark", 1440, 900);
  const at = start => page.waitForFunction(s => location.pathname.startsWith(s), start);
  const press = async (...keys) => { for (const key of keys) await page.keyboard.press(key); };
  await page.goto(`${base}/markets`);
  await page.locator(VIEWS.markets).first().waitFor();
  await press("/");
  await page.keyboard.type("nothing-like-it");
  await page.getByText("No series has").waitFor();
  await press("Escape", "Escape", "j", "j");
  await page.locator(".row[aria-selected=true]").waitFor();
  const chosen = await page.locator(".row[aria-selected=true] .name").getAttribute("title");
  await press("Enter");
  await at("/series/");
  check(decodeURIComponent(new URL(page.url()).pathname) === `/series/${chosen}`, `${page.url()} is not ${chosen}`);
  await press("Escape");
  await at("/markets");
  await press("g", "a");
  await at("/alerts");
  await page.locator(".list .line").nth(1).waitFor();
  await press("j");
  await at("/alerts/");
  check((await page.locator("#command").innerText()).includes("./run explain "), "the command does not follow");
  await press("o");
  await at("/series/");
  await press("g", "r");
  await at("/rules");
  await page.getByText("volum", { exact: false }).first().waitFor();
  await press("g", "t");
  await at("/status");
  await press("d");
  check(await page.evaluate(() => document.documentElement.dataset.theme) === "light", "d does not change the theme");
  await press("?");
  await page.locator("#keys[open]").waitFor();
  await press("Escape");
  await page.locator("#keys:not([open])").waitFor({ state: "attached" });
  check(page.wrong.length === 0, page.wrong.join("\n"));
  await page.context().close();
  console.log("the keyboard alone suffices");
}

// To set the width of a canvas allocates it anew.
async function chart(browser) {
  const page = await open(browser, "dark", 1440, 900);
  await page.goto(`${base}/series`);
  await page.locator(VIEWS.series).waitFor();
  await page.waitForTimeout(CHART_MS);
  const times = await page.evaluate(ms => new Promise(done => {
    const width = Object.getOwnPropertyDescriptor(HTMLCanvasElement.prototype, "width");
    let set = 0;
    Object.defineProperty(HTMLCanvasElement.prototype, "width", { ...width, set(value) { set++; width.set.call(this, value); } });
    setTimeout(() => done(set), ms);
  }), CHART_MS);
  check(times <= 1, `the width of the chart was set ${times} times`);
  await page.context().close();
  console.log("a chart keeps its canvas");
}

// What a rule says is text.
async function hostile(browser) {
  const page = await open(browser, "dark", 1440, 900);
  await page.goto(`${base}/rules/often`);
  const note = page.locator(".note");
  await note.waitFor();
  check((await note.innerText()).includes("<img src=x"), await note.innerText());
  check(await page.locator("main img, main script").count() === 0, "markup of a note became elements");
  await page.goto(`${base}/rules/broken`);
  await page.locator(".fault .critical").waitFor();
  check((await page.locator(".fault .critical").innerText()).includes("volum"), "the error of a rule is not shown");
  await page.context().close();
  console.log("what a rule says stays text");
}

async function stale(browser) {
  const page = await open(browser, "dark", 1440, 900);
  await page.goto(`${base}/markets`);
  await page.locator(VIEWS.markets).first().waitFor();
  await live(page);
  console.log("live");
  await page.locator("#banner").getByText("Stale since").waitFor();
  check(await page.locator(VIEWS.markets).first().isVisible(), "what was known is gone");
  console.log("stale");
  await live(page);
  check(!await page.locator("#banner").isVisible(), "the banner stays");
  console.log("live again");
}

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  if (mode === "stale") await stale(browser);
  else for (const act of [views, size, keyboard, chart, hostile]) await act(browser);
} finally {
  await browser.close();
}
