// parts_test -- what an entry of the log means in a sentence, whatever its members are: who may write
// to Redis may write any object.
import assert from "node:assert/strict";
import { open, run } from "./pages.mjs";

globalThis.document = { createElement: () => ({ append() {}, setAttribute() {} }) };

const RULE = { when: "volume > 3 * avg(volume) OVER last_1h", threshold: 3, columns: { volume: 9 }, kind: "firing" };

async function anEntryWithOddMembersIsStillTold() {
  const { parts } = await open("parts");
  for (const evidence of [1, "text", {}, null, true, [null, 1, "text", {}], { find: 1 }])
    for (const tell of [parts.verdict, parts.brief]) assert.ok(tell({ ...RULE, evidence }).length > 0);
  const proven = { ...RULE, evidence: [null, { window: "last_1h", avg: 3, rows: 7 }] };
  assert.ok(parts.brief(proven).at(-1).includes("its average")); // and proof is found behind it
  for (const since of ["abc", 1e19, -1e19, null, undefined, {}])
    for (const kind of ["nodata", "data"]) assert.ok(parts.verdict({ kind, since }).length > 0);
}

async function aLinkIsMadeOfAnyName() {
  const { parts } = await open("parts");
  for (const name of [5, null, undefined, true, ["a"]]) assert.equal(typeof parts.at(name), "string");
  assert.equal(parts.at("a b/c"), "a%20b/c");
  assert.equal(parts.at("\ud800/\ud83d\ude00"), "%EF%BF%BD/%F0%9F%98%80");
}

await run([anEntryWithOddMembersIsStillTold, aLinkIsMadeOfAnyName]);
