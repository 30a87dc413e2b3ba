// model -- what is known of series, rules, incidents and actors, and how near each series is to
// firing. No page and no network.
import { decimalsOf, named } from "./words.js";

const SEEN_MOST = 60;       // points of a series that are kept while the page is open
const SILENCES_MOST = 65536; // series with some: as many as there are series at most
const SILENCES_OF_ONE = 16;  // of one series; the oldest goes
const SEVERITIES = ["info", "warning", "critical"];

export const model = {
  series: new Map(), rules: [], incidents: [], alerts: [], actors: [], health: null,
  columns: [],       // of all series, the most common first
  versions: {},      // of each list: how often it changed
  openedUs: Date.now() * 1000,
};

const touch = name => { model.versions[name] = (model.versions[name] || 0) + 1; };

export const isOpen = incident => incident.state === "firing" || incident.state === "flapping";
const rank = severity => SEVERITIES.indexOf(severity);

// ---- what a rule compares: `column > number`, or `column > something that only the rule knows`

const COMPARES = /^\s*([a-z_]\w*)\s*(>=|<=|>|<)\s*(.+?)\s*$/is;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const OPERATORS = /\b(and|or|between|is|not)\b/i;
// `column > 3 * avg(column) OVER window`
const AVERAGE = /^([\d.]+)\s*\*\s*avg\(\s*(\w+)\s*\)\s+over\s+(\w+)$/i;
const compared = new Map(); // by text of the condition

export function compares(when) {
  if (!compared.has(when)) {
    if (compared.size > 5000) compared.clear();
    const found = OPERATORS.test(when) ? null : COMPARES.exec(when);
    const average = found && AVERAGE.exec(found[3]);
    compared.set(when, found && {
      column: found[1], above: found[2][0] === ">",
      threshold: NUMBER.test(found[3]) ? Number(found[3]) : null,
      times: average && average[2] === found[1] ? Number(average[1]) : null,
      window: average ? average[3] : null,
    });
  }
  return compared.get(when);
}

// How far the newest row is on its way to this rule: 1 is the threshold. Null where it cannot be
// said. A threshold that is no number of the rule's is that of the rule's last word on the series.
export function distance(series, rule, incident) {
  const how = compares(rule.definition.when || "");
  const value = how && series.values[how.column];
  if (!how || typeof value !== "number") return null;
  const exact = how.threshold !== null;
  const same = incident && incident.entry.when === rule.definition.when;
  const threshold = exact ? how.threshold : same ? incident.entry.threshold : null;
  if (typeof threshold !== "number" || threshold <= 0 || value < 0) return null;
  const of = how.above ? value / threshold : threshold / value;
  if (!Number.isFinite(of)) return null;
  return { rule: rule.name, column: how.column, above: how.above, value, threshold, of, exact,
           times: how.times, asOf: exact ? null : incident.entry.ts };
}

const isOn = rule => rule.definition && rule.definition.enabled !== "0" &&
  rule.status?.state !== "error";
let rulesOf = new Map();     // by table
let incidentsOf = new Map(); // by series
const silences = new Map();  // by series, by rule: what said that no row comes, until rows come again
let told = 0;                // rows that came by events
let counted = true;          // columns are those of the series

export const rulesFor = series => rulesOf.get(series.table) || [];
export const incidentOf = (series, name) => series.incidents.find(i => i.rule === name);

// A row that is newer than the one that was the newest then ends a silence, whatever is said of it.
function isSilent(series) {
  const mine = silences.get(series.id);
  for (const [rule, entry] of mine || []) if (series.ts > entry.ts) mine.delete(rule);
  if (mine?.size === 0) silences.delete(series.id);
  return silences.has(series.id);
}

function judge(series) {
  let nearest = null;
  for (const rule of rulesFor(series)) {
    const found = distance(series, rule, incidentOf(series, rule.name));
    if (found && (!nearest || found.of > nearest.of)) nearest = found;
  }
  series.nearest = nearest;
  let worst = null, state = isSilent(series) ? "nodata" : "quiet";
  for (const incident of series.incidents)
    if (isOpen(incident) && (!worst || rank(incident.severity) > rank(worst.severity))) worst = incident;
  if (worst) state = worst.state === "flapping" ? "flapping" : worst.severity;
  series.state = state;
  series.worst = worst;
  series.version++;
}

// ---- rows

function add(id) {
  const name = named(id);
  const series = { id, ...name, ts: 0, values: {}, decimals: {}, seen: [], state: "quiet",
                   incidents: incidentsOf.get(id) || [], nearest: null, worst: null, version: 0, told: 0,
                   words: `${id} ${name.last} ${name.rest}`.toLowerCase() };
  model.series.set(id, series);
  judge(series);
  counted = false;
  return series;
}

function keepSeen(series, row) {
  const column = series.nearest ? series.nearest.column : Object.keys(row.values).at(-1);
  if (series.seenOf !== column) {
    series.seen = [];
    series.seenOf = column;
  }
  const value = row.values[column];
  if (typeof value === "number") series.seen.push({ ts: row.ts, value });
  if (series.seen.length > SEEN_MOST) series.seen.shift();
}

const has = (series, row) =>
  row.ts === series.ts && JSON.stringify(row.values) === JSON.stringify(series.values);

function takeRow(row) {
  const series = model.series.get(row.series) || add(row.series);
  if (has(series, row)) return false;
  series.ts = row.ts;
  series.values = row.values;
  for (const [column, value] of Object.entries(row.values))
    if (typeof value === "number")
      series.decimals[column] = Math.max(series.decimals[column] || 0, decimalsOf(value));
  judge(series);
  keepSeen(series, row);
  return true;
}

// Once before something is drawn: while rows of thousands of series come, each would count them all.
export function settle() {
  if (counted) return;
  counted = true;
  const counts = new Map();
  for (const series of model.series.values())
    for (const column of Object.keys(series.values)) counts.set(column, (counts.get(column) || 0) + 1);
  const columns = [...counts].sort((a, b) => b[1] - a[1]).map(([column]) => column);
  if (columns.join() !== model.columns.join()) {
    model.columns = columns;
    touch("columns");
  }
}

// One row of an event.
export function row(item) {
  if (takeRow(item)) touch("latest");
  model.series.get(item.series).told = ++told;
}

// What an entry of the log says of rows that come or do not; the newest entry is heard last.
function noteSilence({ kind, rule, series, ts, id, opened }) {
  const mine = silences.get(series) || new Map();
  const ends = kind === "data" || (kind === "resolved" && opened === mine.get(rule)?.id);
  if (kind !== "nodata" && !ends) return;
  mine.delete(rule); // what is new is the last
  silences.delete(series);
  if (kind === "nodata") mine.set(rule, { ts, id });
  if (mine.size > SILENCES_OF_ONE) mine.delete(mine.keys().next().value);
  if (mine.size > 0) silences.set(series, mine);
  if (silences.size > SILENCES_MOST) silences.delete(silences.keys().next().value);
}

// One alert of an event.
export function hear(entry) {
  noteSilence(entry);
  const series = model.series.get(entry.series);
  if (series) judge(series);
}

// ---- whole lists

function spread() {
  incidentsOf = new Map();
  for (const incident of model.incidents)
    incidentsOf.has(incident.series) ? incidentsOf.get(incident.series).push(incident)
      : incidentsOf.set(incident.series, [incident]);
  for (const series of model.series.values()) {
    series.incidents = incidentsOf.get(series.id) || [];
    judge(series);
  }
}

const takers = {
  // A row that came by an event after the list was asked for may be newer than the list.
  latest(list, asked) {
    const ids = new Set(list.map(item => item.series));
    let whole = true;
    for (const [id, series] of model.series) {
      if (ids.has(id)) continue;
      if (series.told > asked) whole = false;
      else model.series.delete(id);
    }
    for (const item of list) {
      const series = model.series.get(item.series);
      if (series?.told > asked && series.ts >= item.ts) whole = whole && has(series, item);
      else takeRow(item);
    }
    counted = false;
    return whole;
  },
  rules(list) {
    model.rules = list;
    rulesOf = new Map();
    for (const rule of list.filter(isOn)) {
      const table = rule.definition.on;
      rulesOf.has(table) ? rulesOf.get(table).push(rule) : rulesOf.set(table, [rule]);
    }
    spread();
  },
  incidents(list) {
    model.incidents = list.sort((a, b) => isOpen(b) - isOpen(a) || b.ts - a.ts);
    spread();
  },
  alerts(list) {
    model.alerts = list;
    for (const entry of [...list].reverse()) noteSilence(entry);
    for (const series of model.series.values()) judge(series);
  },
  status(list) { model.actors = list; },
};

// How far events were heard: to be told to `take` of a list that is asked for now.
export const moment = () => told;

// A list that was asked for at that moment. False: rows of events were kept against it.
export function take(name, list, asked = told) {
  const whole = takers[name](list, asked) !== false;
  touch(name);
  return whole;
}

export function tell(health) {
  model.health = health;
  touch("health");
}

export const firing = () => model.incidents.filter(isOpen);
