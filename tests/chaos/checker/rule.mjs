/*  rule -- a condition read: text to tree, tree to the hash that alert ids hang on.
 *
 *  The part of docs/rules.md that chaos runs use: AND OR NOT, comparisons, + - * /, LIKE,
 *  IS [NOT] NULL, and aggregates of columns over last_N and rows_N. Whatever else stands in a rule
 *  cannot be checked, which is said, not guessed.
 *
 *  A node is { kind, operands, ... }: value (a fraction of BigInts) of a NUMBER, text of TEXT, name
 *  of COLUMN and KEY, aggregate of AGGREGATE, sign of COMPARE.
 */

import crypto from "node:crypto";

export class Cannot extends Error {}

// The numbers of the canonical form; ids hang on them for ever (actors/rules/expr.h).
const CODES = { NULL: 0, TRUE: 1, FALSE: 2, NUMBER: 3, TEXT: 4, COLUMN: 5, KEY: 6, AGGREGATE: 7,
                NEGATE: 9, ADD: 10, SUBTRACT: 11, MULTIPLY: 12, DIVIDE: 13, COMPARE: 31,
                COMPARE_TEXT: 32, LIKE: 34, AND: 35, OR: 36, NOT: 37, IS_NULL: 38 };
const SIGNS = ["=", "<>", "<", "<=", ">", ">="];
const AGGREGATES = { count: 1, sum: 2, avg: 3, min: 4, max: 5, first_value: 12, last_value: 13, lag: 14 };
const COUNT_ROWS = 0;
const UNIT_SECONDS = { s: 1, m: 60, h: 3600, d: 86400 };
const SECOND_US = 1_000_000;

// ---- reading ---------------------------------------------------------------------------------

const TOKEN = /\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z_]\w*)|'((?:[^']|'')*)'|(<=|>=|<>|!=|[-+*\/()<>=,]))/y;

function tokens(text) {
  const found = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const at = TOKEN.lastIndex, match = TOKEN.exec(text);
    if (!match) throw new Cannot(`the condition at byte ${at + 1}: ${text.slice(at)}`);
    const [, number, word, string, sign] = match;
    if (number !== undefined) found.push({ number });
    else if (word !== undefined) found.push({ word: word.toLowerCase() });
    else if (string !== undefined) found.push({ string: string.replaceAll("''", "'") });
    else found.push({ sign: sign === "!=" ? "<>" : sign });
  }
  return found;
}

export function fraction(n, d = 1n) {
  if (d < 0n) [n, d] = [-n, -d];
  let [a, b] = [n < 0n ? -n : n, d];
  while (b) [a, b] = [b, a % b];
  return a > 1n ? { n: n / a, d: d / a } : { n, d };
}

function literal(text) {
  const [digits, exponent = "0"] = text.toLowerCase().split("e");
  const [whole, broken = ""] = digits.split(".");
  const places = broken.length - Number(exponent), value = BigInt(whole + broken);
  const power = 10n ** BigInt(Math.abs(places));
  return places > 0 ? fraction(value, power) : fraction(value * power);
}

const NUMBER = "number", TRUTH = "truth", TEXT = "text";

class Parser {
  constructor(text, table) {
    this.tokens = tokens(text);
    this.table = table;
    this.at = 0;
  }

  accept(key, ...values) {
    const token = this.tokens[this.at];
    if (!token || !values.includes(token[key])) return null;
    this.at++;
    return token[key];
  }

  expect(key, value) {
    if (!this.accept(key, value)) throw new Cannot(`wanted ${value} at token ${this.at + 1}`);
  }

  whole() {
    const node = this.or();
    if (this.at < this.tokens.length) throw new Cannot(`what stands at token ${this.at + 1}`);
    return this.is(node, TRUTH);
  }

  is(node, type) {
    if (node.type !== type) throw new Cannot(`${node.kind} where a ${type} is wanted`);
    return node;
  }

  make(kind, type, operands, more) {
    return { kind, type, operands, ...more };
  }

  // Those directly inside one another are one, as parentheses say nothing.
  join(kind, parts) {
    if (parts.length === 1) return parts[0];
    const flat = parts.flatMap((part) => this.is(part, TRUTH).kind === kind ? part.operands : [part]);
    return this.make(kind, TRUTH, flat);
  }

  or() {
    const parts = [this.and()];
    while (this.accept("word", "or")) parts.push(this.and());
    return this.join("OR", parts);
  }

  and() {
    const parts = [this.not()];
    while (this.accept("word", "and")) parts.push(this.not());
    return this.join("AND", parts);
  }

  not() {
    if (this.accept("word", "not")) return this.make("NOT", TRUTH, [this.is(this.not(), TRUTH)]);
    let node = this.comparison();
    while (this.accept("word", "is")) {
      const negated = this.accept("word", "not");
      this.expect("word", "null");
      node = this.make("IS_NULL", TRUTH, [node]);
      if (negated) node = this.make("NOT", TRUTH, [node]);
    }
    return node;
  }

  comparison() {
    const left = this.like(), sign = this.accept("sign", ...SIGNS);
    if (!sign) return left;
    const right = this.like();
    if (left.type !== right.type || left.type === TRUTH || (left.type === TEXT && SIGNS.indexOf(sign) > 1))
      throw new Cannot(`${left.type} ${sign} ${right.type}`);
    return this.make(left.type === TEXT ? "COMPARE_TEXT" : "COMPARE", TRUTH, [left, right], { sign });
  }

  like() {
    const left = this.sum();
    const negated = this.tokens[this.at]?.word === "not" && this.tokens[this.at + 1]?.word === "like";
    if (negated) this.at++;
    if (!this.accept("word", "like")) return left;
    const pattern = this.sum();
    if (pattern.kind !== "TEXT") throw new Cannot("LIKE without a pattern written as a string");
    const node = this.make("LIKE", TRUTH, [this.is(left, TEXT), pattern]);
    return negated ? this.make("NOT", TRUTH, [node]) : node;
  }

  arithmetic(kinds, next) {
    let left = next();
    for (let sign; (sign = this.accept("sign", ...Object.keys(kinds)));) {
      const right = this.is(next(), NUMBER);
      const whole = this.is(left, NUMBER).isWhole && right.isWhole;
      if (sign === "/" && whole) throw new Cannot("a division of whole numbers");
      left = this.make(kinds[sign], NUMBER, [left, right], { isWhole: whole });
    }
    return left;
  }

  sum() {
    return this.arithmetic({ "+": "ADD", "-": "SUBTRACT" }, () => this.product());
  }

  product() {
    return this.arithmetic({ "*": "MULTIPLY", "/": "DIVIDE" }, () => this.unary());
  }

  unary() {
    if (this.accept("sign", "+")) return this.is(this.unary(), NUMBER);
    if (!this.accept("sign", "-")) return this.primary();
    const node = this.is(this.unary(), NUMBER);
    if (node.kind === "NUMBER") return { ...node, value: { n: -node.value.n, d: node.value.d } };
    return this.make("NEGATE", NUMBER, [node], { isWhole: node.isWhole });
  }

  primary() {
    const token = this.tokens[this.at++];
    if (token?.number !== undefined)
      return this.make("NUMBER", NUMBER, [],
                       { value: literal(token.number), isWhole: /^\d+$/.test(token.number) });
    if (token?.string !== undefined) return this.make("TEXT", TEXT, [], { text: token.string });
    if (token?.sign === "(") {
      const node = this.or();
      this.expect("sign", ")");
      return node;
    }
    if (token?.word === undefined) throw new Cannot(`token ${this.at} of the condition`);
    if (this.accept("sign", "(")) return this.aggregate(token.word);
    return this.name(token.word);
  }

  name(word) {
    if (this.table.columns.includes(word)) return this.make("COLUMN", NUMBER, [], { name: word });
    if (this.table.keys.includes(word)) return this.make("KEY", TEXT, [], { name: word });
    throw new Cannot(`the name ${word}`);
  }

  aggregate(name) {
    if (AGGREGATES[name] === undefined) throw new Cannot(`the function ${name}`);
    let argument = null, offset = 0;
    if (name === "count" && this.accept("sign", "*")) {
      name = "count(*)";
    } else {
      argument = this.sum();
      if (argument.kind !== "COLUMN") throw new Cannot(`${name} of something that is no column`);
      argument = argument.name;
    }
    if (name === "lag") offset = this.accept("sign", ",") ? Number(this.tokens[this.at++].number) : 1;
    this.expect("sign", ")");
    this.expect("word", "over");
    const window = windowOf(this.tokens[this.at++]?.word ?? "");
    const aggregate = { name, argument, offset, window };
    return this.make("AGGREGATE", NUMBER, [], { aggregate, isWhole: name.startsWith("count") });
  }
}

function windowOf(word) {
  const match = /^(?:last_(\d+)([smhd])|rows_(\d+))$/.exec(word);
  if (!match) throw new Cannot(`the window ${word}`);
  if (match[3]) return { byRows: true, rows: Number(match[3]), spanUs: 0, name: word };
  const seconds = Number(match[1]) * UNIT_SECONDS[match[2]];
  const unit = ["d", "h", "m", "s"].find((letter) => seconds % UNIT_SECONDS[letter] === 0);
  return { byRows: false, rows: 0, spanUs: seconds * SECOND_US,
           name: `last_${seconds / UNIT_SECONDS[unit]}${unit}` };
}

// ---- the hash --------------------------------------------------------------------------------

export class Digest {
  constructor() {
    this.hash = crypto.createHash("sha256");
  }

  u32(number) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(number);
    this.hash.update(bytes);
    return this;
  }

  i64(number) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(number));
    this.hash.update(bytes);
    return this;
  }

  sized(bytes) {
    const whole = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
    this.u32(whole.length);
    this.hash.update(whole);
    return this;
  }

  end() {
    return this.hash.digest();
  }
}

function digestAggregate(digest, { name, argument, offset, window }) {
  digest.i64(name === "count(*)" ? COUNT_ROWS : AGGREGATES[name]).i64(window.byRows ? 1 : 0);
  digest.i64(window.byRows ? window.rows : window.spanUs).i64(offset).i64(argument ? 1 : 0);
  if (argument) digest.i64(CODES.COLUMN).sized(argument);
  digest.i64(0); // no second argument
}

function digestNode(digest, node) {
  digest.i64(CODES[node.kind]).i64(node.operands.length);
  if (node.kind === "NUMBER") {
    const { n, d } = node.value;
    digest.sized(d === 1n ? n.toString(16) : `${n.toString(16)}/${d.toString(16)}`);
  } else if (node.kind === "TEXT") {
    digest.sized(node.text);
  } else if (node.kind === "COLUMN" || node.kind === "KEY") {
    digest.sized(node.name);
  } else if (node.kind === "AGGREGATE") {
    digestAggregate(digest, node.aggregate);
  } else {
    digest.i64(node.sign ? SIGNS.indexOf(node.sign) : 0);
  }
  for (const operand of node.operands) digestNode(digest, operand);
}

// ---- the whole -------------------------------------------------------------------------------

function* walk(node) { // operands first, as evidence lists them
  for (const operand of node.operands) yield* walk(operand);
  yield node;
}

const key = ({ name, argument, offset, window }) => `${name} ${argument} ${offset} ${window.name}`;

/** avg and sum among the factors of a product, a quotient or a change of sign. */
function* factors(node) {
  if (node.kind === "AGGREGATE" && ["sum", "avg"].includes(node.aggregate.name)) yield node.aggregate;
  if (["MULTIPLY", "DIVIDE", "NEGATE"].includes(node.kind))
    for (const operand of node.operands) yield* factors(operand);
}

function guardsOf(tree, aggregates, minRows, positive) {
  const guards = new Map();
  for (const { argument, window } of aggregates) {
    const least = window.byRows ? Math.min(window.rows, minRows) : minRows;
    const aggregate = { name: argument ? "count" : "count(*)", argument, offset: 0, window };
    if (least > 0) guards.set(key(aggregate), { aggregate, least });
  }
  if (!positive) return [...guards.values()];
  for (const node of walk(tree)) {
    const sides = node.kind === "COMPARE" ? node.operands
      : node.kind === "DIVIDE" ? [node.operands[1]] : [];
    for (const side of sides)
      for (const aggregate of factors(side)) guards.set(`> 0 ${key(aggregate)}`, { aggregate, least: 0 });
  }
  return [...guards.values()];
}

const ROW = 0, EDGE = 1; // emit; else by whether there is a window

function parse(name, text, table) {
  try {
    return new Parser(text, table).whole();
  } catch (error) {
    throw error instanceof Cannot ? new Cannot(`rule ${name}: ${error.message}`) : error;
  }
}

function aggregatesOf(tree) {
  const aggregates = new Map();
  for (const node of walk(tree)) if (node.aggregate) aggregates.set(key(node.aggregate), node.aggregate);
  return [...aggregates.values()];
}

/** A condition that ends incidents, with guards of its own; null without one. */
function readResolve(name, text, table, minRows, positive) {
  if (!text) return null;
  const tree = parse(name, text, table), aggregates = aggregatesOf(tree);
  return { tree, aggregates, guards: guardsOf(tree, aggregates, minRows, positive) };
}

/** body: as in the plan: [on, when, severity, note, min_rows, positive, enabled, cooldown, emit,
 *  alerts_max, for, resolve, and nodata if it is asked for, and flap if it is]. */
export function readRule(name, body, table) {
  const [on, when, severity, , minRows, positive, , cooldownUs, emit, alertsMax, forUs, resolve, nodataUs = 0,
         flapChanges = 0, flapUs = 0] = body;
  const tree = parse(name, when, table), aggregates = aggregatesOf(tree);
  const edge = emit === EDGE || (emit !== ROW && aggregates.length === 0);
  const digest = new Digest().i64(1).sized(on).sized(edge ? "edge" : "row").i64(minRows).i64(positive ? 1 : 0);
  digestNode(digest, tree);
  const asksForKeys = [...walk(tree)].some((node) => node.kind === "KEY");
  return { name, on, when, severity, edge, asksForKeys, alertsMax, cooldownUs, forUs, nodataUs, flapChanges, flapUs, tree, aggregates,
           guards: guardsOf(tree, aggregates, minRows, positive), hash: digest.end(),
           resolve: readResolve(name, resolve, table, minRows, positive) };
}
