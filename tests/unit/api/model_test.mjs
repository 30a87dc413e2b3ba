// model_test -- what the dashboard knows, whatever comes first: rows, incidents, silences; and an
// older list undoes nothing.
import assert from "node:assert/strict";
import { open, run } from "./pages.mjs";

const at = (series, ts, values = { price: ts }) => ({ series, ts, values });
const firing = series => ({ rule: "spike", series, state: "firing", severity: "critical", since: 1, ts: 1,
                            id: `id ${series}`, entry: {} });
const said = (kind, series, ts, rest) => ({ kind, series, ts, since: ts + 1, id: `${kind} ${series} ${ts}`, ...rest });
const others = n => Array.from({ length: n }, (_, i) => said("firing", `t:other${i}`, 9));

async function aSeriesThatComesAfterItsIncidentFires() {
  const { model, take, row } = (await open("model")).model;
  take("incidents", [firing("t:a"), firing("t:b")]);
  row(at("t:a", 5));
  assert.equal(model.series.get("t:a").state, "critical");
  assert.equal(model.series.get("t:a").worst.rule, "spike");
  take("latest", [at("t:a", 5), at("t:b", 5), at("t:c", 5)]);
  assert.deepEqual([..."abc"].map(name => model.series.get(`t:${name}`).state), ["critical", "critical", "quiet"]);
}

async function aSilenceIsKnownUntilRowsComeAgain() {
  const { model, take, row, hear } = (await open("model")).model;
  const state = () => model.series.get("t:a").state;
  take("alerts", [said("nodata", "t:a", 5)]);
  row(at("t:a", 5)); // comes after what is said of it
  assert.equal(state(), "nodata");
  take("alerts", others(100)); // and is no longer among the newest
  assert.equal(state(), "nodata");
  row(at("t:a", 5, { price: 7 })); // a revision, and the newest row is as old
  assert.equal(state(), "nodata");
  row(at("t:a", 6)); // `since` is 6, the time of its receipt
  assert.equal(state(), "quiet");
  take("alerts", [said("nodata", "t:a", 5)]); // of before
  assert.equal(state(), "quiet");
  hear(said("nodata", "t:a", 6));
  assert.equal(state(), "nodata");
  take("alerts", [said("data", "t:a", 6), said("nodata", "t:a", 6)]); // by a row that is late
  assert.equal(state(), "quiet");
}

async function aSilenceEndsWithTheRuleThatAsked() {
  const { model, row, hear } = (await open("model")).model;
  row(at("t:a", 5));
  const begun = said("nodata", "t:a", 5);
  hear(begun);
  hear(said("resolved", "t:a", 5, { opened: "of another" }));
  assert.equal(model.series.get("t:a").state, "nodata");
  hear(said("resolved", "t:a", 5, { opened: begun.id }));
  assert.equal(model.series.get("t:a").state, "quiet");
}

async function eachRuleHasASilenceOfItsOwn() {
  const { model, row, hear } = (await open("model")).model;
  const state = () => model.series.get("t:a").state;
  const one = said("nodata", "t:a", 5, { rule: "one" }), other = said("nodata", "t:a", 5, { rule: "other", id: "another" });
  row(at("t:a", 5));
  hear(one);
  hear(other);
  hear(said("resolved", "t:a", 5, { rule: "other", opened: other.id }));
  assert.equal(state(), "nodata"); // one still asks
  hear(said("data", "t:a", 5, { rule: "one" }));
  assert.equal(state(), "quiet");
  hear(one);
  hear(other);
  hear(said("data", "t:a", 5, { rule: "one" }));
  assert.equal(state(), "nodata");
  row(at("t:a", 6)); // ends all
  assert.equal(state(), "quiet");
}

async function anOlderListUndoesNoRow() {
  const { model, take, row, moment } = (await open("model")).model;
  take("latest", [at("t:a", 1), at("t:b", 1)]);
  const asked = moment();
  row(at("t:a", 2));
  row(at("t:c", 2));
  assert.equal(take("latest", [at("t:a", 1), at("t:b", 2)], asked), false); // so it is asked for again
  assert.deepEqual([...model.series.values()].map(s => [s.id, s.ts]), [["t:a", 2], ["t:b", 2], ["t:c", 2]]);
  assert.equal(take("latest", [at("t:a", 3), at("t:c", 2)], asked), true); // is newer, or the same
  assert.equal(take("latest", [at("t:a", 1)], moment()), true); // Redis is an older one
  assert.deepEqual([...model.series.values()].map(s => [s.id, s.ts]), [["t:a", 1]]);
}

async function columnsAreCountedOnceAFrame() {
  const { model, row, settle } = (await open("model")).model;
  let looks = 0;
  const values = () => new Proxy({ price: 1, volume: 2 }, { ownKeys: of => { looks++; return Reflect.ownKeys(of); } });
  const many = 2000;
  for (let i = 0; i < many; i++) row(at(`t:${i}`, 1, values()));
  settle();
  settle();
  assert.deepEqual(model.columns, ["price", "volume"]);
  assert.ok(looks < 10 * many, `${looks} looks at ${many} rows`);
}

await run([aSeriesThatComesAfterItsIncidentFires, aSilenceIsKnownUntilRowsComeAgain,
           aSilenceEndsWithTheRuleThatAsked, eachRuleHasASilenceOfItsOwn, anOlderListUndoesNoRow,
           columnsAreCountedOnceAFrame]);
