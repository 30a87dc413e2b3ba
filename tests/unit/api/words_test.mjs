// words_test -- numbers as they are shown: nothing that is something reads as 0, and no digit of a
// sequence is lost.
import assert from "node:assert/strict";
import { open, run } from "./pages.mjs";

async function numbersKeepWhatCounts() {
  const { number, rough } = (await open("words")).words;
  for (const [value, shown] of [[0, "0"], [12.5, "12.5"], [-1234.5, "\u22121,234.5"], [0.00001234, "0.00001234"],
                                [1e-15, "1e-15"], [-1.25e-12, "\u22121.25e-12"], [1.23456789012e-10, "1.2345679e-10"],
                                [99999999, "99,999,999"], [123456789, "123.5M"], [999949999, "999.9M"],
                                [999999999, "1.00B"], [999999999999, "1.00T"], [-2.5e12, "\u22122.50T"]])
    assert.equal(number(value), shown);
  assert.equal(number(1e-15, 2), "1e-15"); // of a column whose values have two decimals
  assert.equal(number(undefined), "\u2013");
  for (const [value, shown] of [[1.23456e-13, "1.2346e-13"], [0.000123456, "0.00012346"], [12.3456789, "12.346"]])
    assert.equal(rough(value), shown);
}

async function aRatioIsNeitherRoundedToOneNorToNothing() {
  const { ratio } = (await open("words")).words;
  for (const [value, shown] of [[0, "0.00x"], [0.0001, "<0.01x"], [0.01, "0.01x"], [0.999, "0.99x"], [1, "1.00x"], [12.34, "12.3x"]])
    assert.equal(ratio(value), shown);
}

async function aSequenceHasAllItsDigits() {
  const { ordinal } = (await open("words")).words;
  assert.equal(ordinal(1234567890), "1,234,567,890");
  assert.equal(ordinal(0), "0");
  assert.equal(ordinal(undefined), "\u2013");
}

async function aTimeThatIsNoneIsMissing() {
  const { age, between, clock, minute, moment, named } = (await open("words")).words;
  for (const us of ["abc", "1", 1e19, -1e19, 8.640000000000001e18, null, undefined, NaN, Infinity, {}, true])
    for (const tell of [clock, minute, moment, us => between(us, 5e6), us => between(5e6, us)])
      assert.equal(tell(us), "\u2013", `${us}`);
  assert.equal(clock(8.64e18), "00:00:00"); // the last one that there is
  assert.equal(minute(-8.64e18), "00:00");
  assert.equal(moment(86400e6 + 3661e6, 86400e6), "01:01:01");
  assert.equal(moment(3661e6, 86400e6), "1970-01-01 01:01");
  assert.equal(between(1e6, 8e6), age(7));
  assert.equal(named(5).last, "5");
}

await run([numbersKeepWhatCounts, aRatioIsNeitherRoundedToOneNorToNothing, aSequenceHasAllItsDigits,
           aTimeThatIsNoneIsMissing]);
