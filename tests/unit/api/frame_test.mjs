// frame_test -- whatever drawing throws, the next frame comes, and the page says that it is not drawn.
import assert from "node:assert/strict";
import { open, run } from "./pages.mjs";

// Elements as far as they are asked for.
function browser() {
  const elements = new Map(), frames = [], classes = new Set();
  const element = name => {
    if (!elements.has(name)) elements.set(name, { hidden: true, text: "Live", replaceChildren(...texts) { this.text = texts.join(""); } });
    return elements.get(name);
  };
  globalThis.document = { querySelector: element, body: { classList: classes } };
  globalThis.requestAnimationFrame = act => frames.push(act);
  return { element, classes, next: () => frames.shift()() };
}

async function whatThrowsIsToldAndTriedAgain() {
  const { element, classes, next } = browser();
  const { eachFrame } = (await open("frame")).frame;
  const told = console.error;
  let drawn = 0, errors = 0;
  console.error = () => errors++;
  eachFrame(() => { if (++drawn === 2) throw new Error("no such thing"); });
  assert.equal(element("#connection").text, "Live");
  next();
  assert.notEqual(element("#connection").text, "Live");
  assert.match(element("#banner").text, /could not draw.*no such thing/);
  assert.ok(!element("#banner").hidden && classes.has("stale") && errors === 1);
  next();
  assert.equal(drawn, 3);
  console.error = told;
}

await run([whatThrowsIsToldAndTriedAgain]);
