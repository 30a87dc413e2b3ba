/*  plan -- the mappings and rules in force, from the plan records of a log. */

import { Malformed, unpack } from "./bytes.mjs";
import { Cannot, Digest, readRule } from "./rule.mjs";

const SOURCE = 1, DERIVE = 2, RULE = 3, LIMIT = 4, ENGINE = 1;
const KIND_PUSH = 2;
const UNIT_US = { s: [1_000_000, 1], ms: [1000, 1], us: [1, 1], ns: [1, 1000] };
const WINDOW_ROWS_MAX = 65_536;
const MAPPING_FIELDS = 17;

const bare = (place) => place.startsWith("/") ? place.slice(1) : place;
const pairs = (flat) => flat.filter((_, i) => i % 2 === 0)
  .map((name, i) => ({ name, place: flat[2 * i + 1] }));

/** How a pushed frame of columns becomes rows. What else a mapping can say cannot be checked. */
function readMapping(name, body) {
  const fields = unpack(body);
  const [version, kind, , , , , newestFirst, table, key, fetch, at, unit, columns, required, none, identity,
         validate] = fields;
  const extras = [...(fields[MAPPING_FIELDS]?.keys() ?? [])];
  const problem = version !== 1 ? `version ${version}` : kind !== KIND_PUSH ? "it is not pushed" :
    newestFirst ? "order" : validate.length ? "validate" : extras.length ? extras.join() :
    identity.some((place) => place !== "time") ? "identity" : fetch ? "time: fetch" :
    !UNIT_US[unit] ? `unit ${unit}` : null;
  if (problem) throw new Cannot(`source ${name}: its mapping (${problem})`);
  return {
    name, table, keys: pairs(key), columns: pairs(columns).map(({ name: column, place }) => ({
      name: column, place: bare(place), required: required.includes(column) })),
    time: bare(at), unit: UNIT_US[unit], ordinal: none };
}

function tableOf(name, sources) {
  const own = sources.filter((source) => source.table === name);
  const columns = [...new Set(own.flatMap((source) => source.columns.map((column) => column.name)))];
  return { name, columns, keys: own[0].keys.map((part) => part.name), rules: [] };
}

function finishTable(table, windowRowsMax) {
  const windows = new Map(), args = new Set();
  for (const rule of table.rules)
    for (const { window, argument } of [...rule.aggregates, ...(rule.resolve?.aggregates ?? [])]) {
      windows.set(window.name, window);
      if (argument) args.add(argument);
    }
  table.windows = [...windows.values()];
  table.arguments = args;
  table.keepUs = Math.max(0, ...table.windows.map((window) => window.spanUs));
  table.keepRows = Math.max(0, ...table.windows.map((window) => window.rows));
  table.windowRowsMax = windowRowsMax;
  table.hasEdges = table.rules.some((rule) => rule.edge);
}

export class Plans {
  constructor(tell) {
    this.tell = tell;
    this.entries = new Map(); // "<kind> <name>" -> { kind, name, body }
    this.hash = "";
    this.current = null;
    this.everNamed = new Map(); // rule -> first record whose plan has it
  }

  hashOf(entries) {
    const sorted = [...entries.values()].sort((a, b) =>
      a.kind - b.kind || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
    const digest = new Digest().u32(ENGINE);
    for (const { kind, name, body } of sorted) digest.u32(kind).sized(name).sized(body);
    return digest.end().subarray(0, 16).toString("hex");
  }

  /** A plan record; the plan in force after it, or null if that is the one before it. */
  apply(record) {
    let change;
    try {
      change = unpack(Buffer.from(record.payload)); // a copy: bodies are kept
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      this.tell(`I1 plan record ${record.seq} cannot be read: ${error.message}`);
      return null;
    }
    const [engine, from, to, entries] = change;
    if (engine !== ENGINE) throw new Cannot(`plan record ${record.seq}: engine ${engine}`);
    if (from && from.toString("hex") !== this.hash)
      this.tell(`I1 plan record ${record.seq} builds on ${from.toString("hex")}, in force is ${this.hash}`);
    const next = from ? new Map(this.entries) : new Map();
    for (const [kind, name, body] of entries)
      if (body) next.set(`${kind} ${name}`, { kind, name, body });
      else next.delete(`${kind} ${name}`);
    const hash = this.hashOf(next);
    if (hash !== to.toString("hex"))
      this.tell(`I1 plan record ${record.seq} leads to ${hash}, not to ${to.toString("hex")} as it says`);
    if (hash === this.hash) return null;
    this.entries = next;
    this.hash = hash;
    return (this.current = this.read(record.seq));
  }

  read(seq) {
    const of = (kind) => [...this.entries.values()].filter((entry) => entry.kind === kind);
    if (of(DERIVE).length) throw new Cannot("derived columns");
    const sources = of(SOURCE).map(({ name, body }) => readMapping(name, body));
    const tables = new Map(sources.map((source) => [source.table, tableOf(source.table, sources)]));
    const limit = of(LIMIT).find((entry) => entry.name === "window_rows_max");
    for (const { name, body } of of(RULE).sort((a, b) => a.name < b.name ? -1 : 1)) {
      const rule = unpack(body), [on, , , , , , enabled] = rule;
      if (!enabled) continue;
      if (!tables.has(on)) throw new Cannot(`rule ${name}: no source has its table ${on}`);
      tables.get(on).rules.push(readRule(name, rule, tables.get(on)));
      if (!this.everNamed.has(name)) this.everNamed.set(name, seq);
    }
    for (const table of tables.values())
      finishTable(table, limit ? Number(limit.body.toString()) : WINDOW_ROWS_MAX);
    return { hash: this.hash, sources: new Map(sources.map((source) => [source.name, source])), tables };
  }
}
