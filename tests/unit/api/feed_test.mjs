// feed_test -- how often the lists are asked for, whatever events come: by a clock that stands until
// the test moves it.
import assert from "node:assert/strict";
import { open, run } from "./pages.mjs";

const STEP_MS = 10, STORM_MS = 3000;

// A browser whose timers are due when the test says so, and an api that answers at once.
function browser() {
  let nowMs = 1e12, number = 0;
  const timers = new Map(), heard = {}, asked = {};
  Date.now = () => nowMs;
  globalThis.setTimeout = (act, ms) => timers.set(++number, { act, atMs: nowMs + ms }) && number;
  globalThis.clearTimeout = timer => timers.delete(timer);
  globalThis.setInterval = () => 0;
  globalThis.document = { hidden: false, addEventListener() {} };
  globalThis.EventSource = class { addEventListener(name, act) { heard[name] = act; } };
  globalThis.fetch = async path => {
    const name = path.split("/").at(-1);
    asked[name] = (asked[name] || 0) + 1;
    return { status: 200, headers: new Map(), json: async () => ({ status: "success", data: { [name]: [] } }) };
  };
  return {
    asked,
    event: (name, data) => heard[name]({ data: JSON.stringify(data) }),
    async pass(ms) {
      for (const endMs = nowMs + ms; nowMs < endMs; nowMs += STEP_MS) {
        for (const [timer, { act, atMs }] of timers)
          if (atMs <= nowMs && timers.delete(timer)) act();
        for (let i = 0; i < 20; i++) await null; // until it has its answers
      }
    },
  };
}

const real = { now: Date.now, setTimeout, clearTimeout, setInterval };

async function withBrowser(test) {
  const page = browser();
  try {
    await test(page);
  } finally {
    Date.now = real.now;
    Object.assign(globalThis, { setTimeout: real.setTimeout, clearTimeout: real.clearTimeout, setInterval: real.setInterval });
  }
}

async function aStormOfAlertsPutsOffNoList() {
  const { feed } = await open("feed");
  await withBrowser(async page => {
    feed.begin(() => {});
    await page.pass(1000);
    assert.deepEqual([page.asked.incidents, page.asked.alerts], [1, 1]);
    for (let ms = 0; ms < STORM_MS; ms += 100) {
      page.event("alert", { kind: "firing", rule: "r", series: "t:a", ts: 1, id: "x" });
      await page.pass(100);
    }
    // 150 ms after the first event since a list was asked for it is asked for again, and not for each.
    for (const name of ["incidents", "alerts"])
      assert.ok(page.asked[name] >= 12 && page.asked[name] <= 22, `${name} were asked for ${page.asked[name]} times`);
    assert.equal(feed.link.state, "live");
  });
}

async function oneAlertIsSoonInTheLists() {
  const { feed } = await open("feed");
  await withBrowser(async page => {
    feed.begin(() => {});
    await page.pass(100);
    page.event("alert", { kind: "firing", rule: "r", series: "t:a", ts: 1, id: "x" });
    await page.pass(200);
    assert.deepEqual([page.asked.incidents, page.asked.alerts, page.asked.rules], [2, 2, 1]);
    await page.pass(1700); // and then as ever: the next is 2 s after this one
    assert.deepEqual([page.asked.incidents, page.asked.alerts], [2, 2]);
    await page.pass(500);
    assert.deepEqual([page.asked.incidents, page.asked.alerts], [3, 3]);
  });
}

await run([aStormOfAlertsPutsOffNoList, oneAlertIsSoonInTheLists]);
