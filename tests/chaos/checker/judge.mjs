/*  judge -- is a condition true for a row? Exactly: numbers are fractions.
 *
 *  Twice the same: in whole doubles, as long as nothing grows beyond 2^53, and in BigInts where it
 *  does and for what people are shown. Truth is 1, 0 or, where a NULL decides, -1.
 *
 *  `sight` is what is seen: column(name), key(name) and aggregate(aggregate), the latter as fractions
 *  { n, d } of whole doubles; d = 0 is NULL.
 */

import { fraction } from "./rule.mjs";

class Beyond extends Error {}

const safe = (number) => {
  if (!Number.isSafeInteger(number)) throw new Beyond();
  return number;
};

// ---- in doubles ------------------------------------------------------------------------------

const out = { n: 0, d: 1 }; // of the number computed last

const set = (n, d) => {
  out.n = n;
  out.d = d;
};

function binary(combine) {
  return (left, right) => (sight) => {
    left(sight);
    const { n, d } = out;
    if (d === 0) return;
    right(sight);
    if (out.d !== 0) combine(n, d, out.n, out.d);
  };
}

const ARITHMETIC = {
  ADD: binary((a, b, c, d) =>
    b === d ? set(safe(a + c), d) : set(safe(safe(a * d) + safe(c * b)), safe(b * d))),
  SUBTRACT: binary((a, b, c, d) =>
    b === d ? set(safe(a - c), d) : set(safe(safe(a * d) - safe(c * b)), safe(b * d))),
  MULTIPLY: binary((a, b, c, d) => set(safe(a * c), safe(b * d))),
  DIVIDE: binary((a, b, c, d) =>
    c === 0 ? set(0, 0) : set(safe(a * d) * Math.sign(c), safe(b * Math.abs(c)))),
};

function number(node) {
  const parts = node.operands.map(number);
  switch (node.kind) {
    case "NUMBER": {
      const n = Number(node.value.n), d = Number(node.value.d);
      return () => set(safe(n), safe(d));
    }
    case "COLUMN": return (sight) => sight.column(node.name, out);
    case "AGGREGATE": return (sight) => sight.aggregate(node.aggregate, out);
    case "NEGATE": return (sight) => {
      parts[0](sight);
      out.n = -out.n;
    };
  }
  return ARITHMETIC[node.kind](...parts);
}

const COMPARES = {
  "=": (order) => order === 0, "<>": (order) => order !== 0, "<": (order) => order < 0,
  "<=": (order) => order <= 0, ">": (order) => order > 0, ">=": (order) => order >= 0,
};

function compare(node) {
  const [left, right] = node.operands.map(number), holds = COMPARES[node.sign];
  return (sight) => {
    left(sight);
    const { n, d } = out;
    if (d === 0) return -1;
    right(sight);
    if (out.d === 0) return -1;
    return holds(d === out.d ? n - out.n : safe(n * out.d) - safe(out.n * d)) ? 1 : 0;
  };
}

const text = (node) => node.kind === "KEY" ? (sight) => sight.key(node.name) : () => node.text;

const quoted = (c) => c.replace(/[\\^$.*+?()[\]{}|/]/, "\\$&");

function likeness(pattern) {
  let source = "";
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "%" || c === "_") source += c === "%" ? "[^]*" : "[^]";
    else source += quoted(c === "\\" && i + 1 < pattern.length ? pattern[++i] : c);
  }
  return new RegExp(`^${source}$`, "u");
}

/** AND (a 0 decides) and OR (a 1 does) in three values. */
function several(parts, decides) {
  return (sight) => {
    let known = 1 - decides;
    for (const part of parts) {
      const truth = part(sight);
      if (truth === decides) return decides;
      if (truth < 0) known = -1;
    }
    return known;
  };
}

/** sight -> truth. Throws where doubles do not reach. */
function truth(node) {
  switch (node.kind) {
    case "AND": return several(node.operands.map(truth), 0);
    case "OR": return several(node.operands.map(truth), 1);
    case "NOT": {
      const part = truth(node.operands[0]);
      return (sight) => {
        const known = part(sight);
        return known < 0 ? -1 : 1 - known;
      };
    }
    case "COMPARE": return compare(node);
    case "COMPARE_TEXT": {
      const [left, right] = node.operands.map(text), equal = node.sign === "=";
      return (sight) => (left(sight) === right(sight)) === equal ? 1 : 0;
    }
    case "LIKE": {
      const left = text(node.operands[0]), pattern = likeness(node.operands[1].text);
      return (sight) => pattern.test(left(sight)) ? 1 : 0;
    }
    case "IS_NULL": {
      if (node.operands[0].type !== "number") return () => 0; // keys and texts never are
      const part = number(node.operands[0]);
      return (sight) => {
        part(sight);
        return out.d === 0 ? 1 : 0;
      };
    }
  }
  throw new Error(`no truth in ${node.kind}`);
}

// ---- in BigInts ------------------------------------------------------------------------------

const seen = { n: 0, d: 1 };

function leaf(read) {
  read(seen);
  return seen.d === 0 ? null : fraction(BigInt(seen.n), BigInt(seen.d));
}

/** The exact number of a node, or null. */
export function exact(node, sight) {
  if (node.kind === "NUMBER") return node.value;
  if (node.kind === "COLUMN") return leaf((to) => sight.column(node.name, to));
  if (node.kind === "AGGREGATE") return leaf((to) => sight.aggregate(node.aggregate, to));
  const [a, b] = node.operands.map((operand) => exact(operand, sight));
  if (a === null || b === null) return null;
  switch (node.kind) {
    case "NEGATE": return { n: -a.n, d: a.d };
    case "ADD": return fraction(a.n * b.d + b.n * a.d, a.d * b.d);
    case "SUBTRACT": return fraction(a.n * b.d - b.n * a.d, a.d * b.d);
    case "MULTIPLY": return fraction(a.n * b.n, a.d * b.d);
    case "DIVIDE": return b.n === 0n ? null : fraction(a.n * b.d, a.d * b.n);
  }
  throw new Error(`no number in ${node.kind}`);
}

export function exactTruth(node, sight) {
  const parts = () => node.operands.map((operand) => exactTruth(operand, sight));
  switch (node.kind) {
    case "AND": return parts().includes(0) ? 0 : parts().includes(-1) ? -1 : 1;
    case "OR": return parts().includes(1) ? 1 : parts().includes(-1) ? -1 : 0;
    case "NOT": return parts()[0] < 0 ? -1 : 1 - parts()[0];
    case "IS_NULL": {
      const [part] = node.operands;
      return part.type === "number" && exact(part, sight) === null ? 1 : 0;
    }
    case "COMPARE": {
      const [a, b] = node.operands.map((operand) => exact(operand, sight));
      if (a === null || b === null) return -1;
      const difference = a.n * b.d - b.n * a.d;
      return COMPARES[node.sign](difference > 0n ? 1 : difference < 0n ? -1 : 0) ? 1 : 0;
    }
  }
  return truth(node)(sight); // texts
}

/** sight -> truth, whatever the sizes. */
export function verdict(tree) {
  const quick = truth(tree);
  return (sight) => {
    try {
      return quick(sight);
    } catch (error) {
      if (!(error instanceof Beyond)) throw error;
      return exactTruth(tree, sight);
    }
  };
}

// ---- for people ------------------------------------------------------------------------------

const SIGNIFICANT = 20;

/** The double that a message carries for a fraction: of its decimal, exact or of 20 digits. */
export function shown(value) {
  if (value === null) return null;
  let { n, d } = value;
  if (d === 1n && Number.isSafeInteger(Number(n))) return Number(n);
  const negative = n < 0n;
  if (negative) n = -n;
  let rest = d, twos = 0, fives = 0;
  for (; rest % 2n === 0n; rest /= 2n) twos++;
  for (; rest % 5n === 0n; rest /= 5n) fives++;
  let places = Math.max(twos, fives);
  if (rest !== 1n) {
    const scaled = (at) => at >= 0 ? (2n * n * 10n ** BigInt(at) + d) / (2n * d)
      : (2n * n + d * 10n ** BigInt(-at)) / (2n * d * 10n ** BigInt(-at));
    places = SIGNIFICANT - (String(n).length - String(d).length) + 1;
    while (scaled(places) >= 10n ** BigInt(SIGNIFICANT)) places--;
    return Number(`${negative ? "-" : ""}${scaled(places)}e${-places}`);
  }
  return Number(`${negative ? "-" : ""}${n * 10n ** BigInt(places) / d}e${-places}`);
}
