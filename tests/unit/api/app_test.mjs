// app_test -- a view that cannot be opened is opened again, and says meanwhile that it is not drawn.
import assert from "node:assert/strict";
import { open, run } from "./pages.mjs";

const FRAME_MS = 16, AGAIN_MS = 1000;

// An element that holds what it is given, and answers nothing.
class Element {
  constructor() {
    Object.assign(this, { childNodes: [], dataset: {}, value: "", classList: { toggle() {}, add() {} } });
  }

  append(child) { this.childNodes.push(child); }
  replaceChildren(...children) { this.childNodes = children; }
  get textContent() { return this.childNodes.map(child => child.textContent ?? child).join(""); }
  set textContent(text) { this.childNodes = [text]; }
  get innerHTML() { return this.textContent; }
  setAttribute() {}
  addEventListener() {}
  contains() { return false; }
  querySelectorAll() { return []; }
}

function browser() {
  const elements = new Map(), frames = [], page = { nowMs: 1e12, fails: 0, made: 0 };
  const make = () => {
    page.made++;
    if (page.fails > 0 && page.fails--) throw new Error("no such element");
    return new Element();
  };
  const find = selector => {
    if (!elements.has(selector)) elements.set(selector, new Element());
    return elements.get(selector);
  };
  Object.assign(globalThis, {
    document: { querySelector: find, createElement: make, createElementNS: make, addEventListener() {}, hidden: false,
                body: new Element(), documentElement: new Element() },
    location: { pathname: "/status", search: "", origin: "" }, history: {}, addEventListener() {},
    matchMedia: () => ({ matches: false }), requestAnimationFrame: act => frames.push(act), setInterval: () => 0,
    MutationObserver: class { observe() {} }, EventSource: class { addEventListener() {} },
    fetch: () => new Promise(() => {}), // no answer
  });
  Date.now = () => page.nowMs;
  page.find = find;
  page.frame = (ms = FRAME_MS) => {
    page.nowMs += ms;
    frames.shift()();
  };
  return page;
}

async function aViewThatCannotBeOpenedIsOpenedAgain() {
  const page = browser(), told = console.error;
  let errors = 0;
  console.error = () => errors++;
  page.fails = 2; // the view is opened in vain twice
  await open("app");
  const shown = () => page.find("#connection").textContent;
  assert.equal(shown(), "Not drawn");
  assert.match(page.find("#banner").textContent, /could not draw.*no such element.*tries again/);
  const made = page.made;
  for (let ms = 0; ms < AGAIN_MS - 2 * FRAME_MS; ms += FRAME_MS) page.frame();
  assert.equal(page.made, made); // not with each frame
  page.frame(AGAIN_MS);
  assert.equal(errors, 2);
  assert.equal(shown(), "Not drawn");
  page.frame(AGAIN_MS);
  assert.equal(errors, 2);
  assert.match(shown(), /Connecting/);
  assert.match(page.find("#main").textContent, /Waiting for the first answer/);
  console.error = told;
  page.frame();
}

await run([aViewThatCannotBeOpenedIsOpenedAgain]);
