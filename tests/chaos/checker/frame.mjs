/*  frame -- a pushed frame of columns as rows: numbers, keys, times, in the order they count.
 *
 *  Numbers are whole multiples of a power of ten, one power a column for the whole run.
 */

import { Cannot } from "./rule.mjs";

const bare = (place) => place.startsWith("/") ? place.slice(1) : place;
const NULL_MANTISSA = -(2 ** 63);

// Little-endian int64 as doubles; beyond 2^53 only the one that means NULL.
function readI64(bytes) {
  const count = bytes.length / 8, values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const value = bytes.readInt32LE(8 * i + 4) * 4294967296 + bytes.readUInt32LE(8 * i);
    if (!Number.isSafeInteger(value) && value !== NULL_MANTISSA) throw new Cannot("a number beyond 2^53");
    values[i] = value;
  }
  return values;
}

const INDEX_BYTES = { u8: 1, u16: 2, u32: 4 };

function readTexts(column, name) {
  if (column?.[0] !== "dict") throw new Cannot(`column ${name}, a key, is no dictionary`);
  const [, texts, [type, bytes]] = column, size = INDEX_BYTES[type];
  const indexes = new Uint32Array(bytes.length / size);
  for (let i = 0; i < indexes.length; i++) indexes[i] = bytes.readUIntLE(i * size, size);
  return { texts, indexes };
}

/** Values of a column at the scale that the table keeps; NaN is NULL. */
function readValues(column, scales, name, rows) {
  if (!column) return new Float64Array(rows).fill(NaN);
  const [type] = column;
  if (type !== "dec" && type !== "i64") throw new Cannot(`column ${name} of type ${type}`);
  const values = readI64(column[column.length - 1]), scale = type === "dec" ? -column[1] : 0;
  if (!scales.has(name)) scales.set(name, scale);
  const factor = 10 ** (scales.get(name) - scale);
  if (factor < 1 || scales.get(name) < 0) throw new Cannot(`column ${name}: its exponent changes`);
  for (let i = 0; i < values.length; i++) {
    if (type === "dec" && values[i] === NULL_MANTISSA) values[i] = NaN;
    else if (!Number.isSafeInteger((values[i] *= factor))) throw new Cannot(`column ${name}: beyond 2^53`);
  }
  return values;
}

function readTimes(column, [factor, divisor]) {
  if (column?.[0] !== "i64") throw new Cannot("times that are no i64");
  const ts = readI64(column[1]);
  for (let i = 0; i < ts.length; i++) {
    if (ts[i] < 0) throw new Cannot("a time before 1970");
    ts[i] = Math.trunc(ts[i] / divisor) * factor;
  }
  return ts;
}

// By time, those of one time as they came.
function* order(ts) {
  let rising = true;
  for (let i = 1; i < ts.length && rising; i++) rising = ts[i - 1] <= ts[i];
  if (rising) for (let i = 0; i < ts.length; i++) yield i;
  else yield* Array.from(ts.keys()).sort((a, b) => ts[a] - ts[b] || a - b);
}

/** Rows of one frame: ts, values (one array a column of the table), keysOf(row). */
export class FrameRows {
  constructor(frame, source, table, scales) {
    const columns = frame.get("rows");
    if (!columns) throw new Cannot("a frame that is not columns");
    this.ts = readTimes(columns.get(source.time), source.unit);
    this.count = this.ts.length;
    this.values = table.columns.map((name) => {
      const own = source.columns.find((column) => column.name === name);
      return readValues(own && (columns.get(own.place) ?? columns.get(name)), scales, name, this.count);
    });
    this.required = table.columns.flatMap((name, i) =>
      source.columns.some((column) => column.name === name && column.required) ? [i] : []);
    this.keys = source.keys.map(({ name, place }) => place.startsWith("=")
      ? { texts: [place.slice(1)], indexes: new Uint32Array(this.count) }
      : readTexts(columns.get(bare(place)) ?? columns.get(name), name));
  }

  order() {
    return order(this.ts);
  }

  /** Row -> number of its combination of keys within this frame. */
  combination(row) {
    let at = 0;
    for (const { texts, indexes } of this.keys) at = at * texts.length + indexes[row];
    return at;
  }

  keysOf(row) {
    const keys = this.keys.map(({ texts, indexes }) => texts[indexes[row]]);
    if (keys.some((key) => typeof key !== "string" || key === "")) throw new Cannot("a key that is empty");
    return keys;
  }

  lacks(row) {
    for (const i of this.required) if (this.values[i][row] !== this.values[i][row]) return true;
    return false;
  }
}
