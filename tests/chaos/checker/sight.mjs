/*  sight -- what rules see of the newest row of a series, and what an alert says of it. */

import { Cannot, fraction } from "./rule.mjs";
import { exact, shown } from "./judge.mjs";

/** What rules see of a series' newest row. */
export class Sight {
  constructor(scales) {
    this.scales = scales; // column -> power of ten
  }

  of(series) {
    this.series = series;
    this.columns = series.table.columns;
    return this;
  }

  scale(name) {
    return 10 ** (this.scales.get(name) ?? 0);
  }

  give(value, scale, out) {
    out.n = value === value ? value : 0;
    out.d = value === value ? scale : 0;
  }

  column(name, out) {
    const { series } = this, values = series.values[this.columns.indexOf(name)];
    this.give(values[series.tail - 1 - series.base], this.scale(name), out);
  }

  key(name) {
    return this.series.keys[this.series.table.keys.indexOf(name)];
  }

  bounds(window) {
    const { series } = this;
    if (window.byRows) return [Math.max(series.head, series.tail - 1 - window.rows), series.tail - 1];
    const own = series.windows.find((known) => known.spanUs === window.spanUs);
    return [own.low, own.high, own];
  }

  aggregate({ name, argument, offset, window }, out) {
    const { series } = this, [low, high, own] = this.bounds(window);
    if (name === "count(*)") return this.give(high - low, 1, out);
    const column = this.columns.indexOf(argument), values = series.values[column], { base } = series;
    const scale = this.scale(argument);
    if (name === "lag" || name === "first_value" || name === "last_value") {
      const at = name === "lag" ? high - offset : name === "first_value" ? low : high - 1;
      return this.give(at >= low && at < high ? values[at - base] : NaN, scale, out);
    }
    let sum = 0, count = 0;
    if (own && (name === "count" || name === "sum" || name === "avg")) {
      sum = own.sums[column];
      count = own.counts[column];
    } else {
      let least = Infinity, most = -Infinity;
      for (let at = low - base; at < high - base; at++) {
        const value = values[at];
        if (value !== value) continue;
        sum += value;
        count++;
        if (value < least) least = value;
        if (value > most) most = value;
      }
      if (!Number.isSafeInteger(sum)) throw new Cannot(`a sum beyond 2^53 in ${series.id}`);
      if (name === "min" || name === "max")
        return this.give(count ? (name === "min" ? least : most) : NaN, scale, out);
    }
    if (name === "count") return this.give(count, 1, out);
    this.give(count ? sum : NaN, name === "avg" ? scale * count : scale, out);
  }
}

/** What a condition without windows sees of the row before the newest. */
export class Hindsight {
  constructor(sight) {
    this.sight = sight;
  }

  column(name, out) {
    const { sight } = this;
    sight.give(sight.series.before[sight.columns.indexOf(name)], sight.scale(name), out);
  }

  key(name) {
    return this.sight.key(name);
  }
}

const fractionOf = (read) => {
  const out = { n: 0, d: 0 };
  read(out);
  return out.d === 0 ? null : fraction(BigInt(out.n), BigInt(out.d));
};

function evidence(aggregate, sight) {
  const { name, argument, offset, window } = aggregate;
  const read = (other) => fractionOf((out) => sight.aggregate({ ...aggregate, name: other }, out));
  const all = fractionOf((out) => sight.aggregate({ name: "count(*)", window }, out));
  const rows = argument ? read("count") : all;
  const summed = name === "sum" || name === "avg";
  const expr = name === "count(*)" ? name
    : name === "lag" ? `lag(${argument}, ${offset})` : `${name}(${argument})`;
  return { expr, window: window.name,
           rows: Number((["lag", "first_value", "last_value"].includes(name) ? all : rows).n),
           sum: summed ? shown(read("sum")) : null, avg: summed ? shown(read("avg")) : null,
           value: shown(read(name)), exact: true };
}

/** The body of an alert on the row in sight, but for what differs each time it is published. */
export function describe(rule, sight) {
  const { series } = sight, { table } = series;
  const [left, right] = rule.tree.kind === "COMPARE"
    ? rule.tree.operands.map((side) => exact(side, sight)) : [null, null];
  const known = left !== null && right !== null;
  const column = (name) => shown(fractionOf((out) => sight.column(name, out)));
  return {
    rule: rule.name, severity: rule.severity, series: series.id, ts: series.newest, when: rule.when,
    key: Object.fromEntries(table.keys.map((name, i) => [name, series.keys[i]])),
    columns: Object.fromEntries(table.columns.map((name) => [name, column(name)])),
    evidence: rule.aggregates.map((aggregate) => evidence(aggregate, sight)),
    threshold: known ? shown(right) : null,
    ratio: known && right.n !== 0n ? shown(fraction(left.n * right.d, left.d * right.n)) : null,
  };
}
