/*  fold -- from the records of a stream to the alerts they imply: admit, windows, verdicts, ids.
 *
 *  What a reader of docs/rules.md and of the definitions D1 to D7 would compute, for lateness 0: a
 *  row newer than all before it is accepted, one of the newest time is a duplicate or a revision,
 *  an older one is late. A row that was revised is judged once more when a newer one closes it.
 */

import { Cannot, Digest } from "./rule.mjs";
import { CLEARS, HOLDS, Incident, Flap, NEITHER, UNKNOWN } from "./incident.mjs";
import { verdict } from "./judge.mjs";
import { FrameRows } from "./frame.mjs";
import { Series } from "./series.mjs";
import { Hindsight, Sight, describe } from "./sight.mjs";

const FUTURE_US = 300_000_000;
const MINUTE_US = 60_000_000;

const PLAIN = /[^A-Za-z0-9._-]/g;
const encode = (part) => Buffer.from(part).toString("latin1").replace(PLAIN, (c) =>
  `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`);

function alertId(rule, series, ts, discriminator) {
  const time = Buffer.alloc(8);
  time.writeBigInt64LE(BigInt(ts));
  return new Digest().sized("tw1").sized(rule.name).sized(rule.hash).sized(series).sized(time)
    .sized(discriminator).end().subarray(0, 16).toString("hex");
}

/** A rule by name and verdict: one that is given back has said of an open row what it had said. */
const mark = (rule) => `${rule.name} ${rule.hash.toString("hex")}`;

/** Of an entry that is about another one, or about the row of an alert. */
const idAbout = (id, kind) => new Digest().sized("tw1").sized(Buffer.from(id, "hex")).sized(kind).end()
  .subarray(0, 16).toString("hex");

/** Of the silence after a row that was received then; the condition has no part in it. */
const silenceId = (rule, series, heard) =>
  idAbout(alertId({ name: rule.name, hash: Buffer.alloc(32) }, series.id, heard, Buffer.alloc(0)), "nodata");

const SAID_NOTHING = { alert: false, held: false, began: false };

export class Fold {
  /** alert(expected): one that the log implies. */
  constructor(stream, alert) {
    Object.assign(this, { stream, alert });
    this.plan = null;
    this.series = new Map();  // id -> Series
    this.scales = new Map();  // table -> column -> digits after the point
    this.sights = new Map();
    this.ordinals = new Map();
    this.count = { rows: 0, accepted: 0, late: 0, duplicates: 0, revisions: 0, quarantined: 0, alerts: 0,
                   suppressed: 0, told: 0 };
  }

  /** The plan of a record: what it drops is over. */
  setPlan(plan, record) {
    for (const table of plan.tables.values()) {
      for (const rule of table.rules) {
        Object.assign(rule, { verdict: verdict(rule.tree), mark: mark(rule) });
        if (rule.resolve) rule.resolve.verdict = verdict(rule.resolve.tree);
      }
      if (!this.scales.has(table.name)) this.scales.set(table.name, new Map());
      this.sights.set(table.name, new Sight(this.scales.get(table.name)));
    }
    for (const series of this.series.values()) {
      const table = plan.tables.get(series.table.name);
      if (!table) throw new Cannot(`table ${series.table.name} leaves the plan`);
      this.drop(series, table, record);
      series.replan(table);
    }
    this.plan = plan;
  }

  /** Incidents of rules that the new plan of the table does not have. */
  drop(series, table, record) {
    const kept = new Set(table.rules.map((rule) => rule.name));
    const plan = { seq: record.seq, received: 0, recorded: record.received }; // a worker is not told when
    const reason = "rule removed";
    for (const rule of series.table.rules) {
      const topic = series.topics.get(rule.name), incident = topic?.incident;
      if (kept.has(rule.name) || !topic) continue;
      const { since, opened } = topic.flap.flaps ? topic.flap : incident;
      if (incident.state === "firing" || topic.flap.flaps)
        this.control(series, rule, plan, "resolved", { since, opened, reason });
      if (topic.silent)
        this.control(series, rule, plan, "resolved",
                     { since: topic.silent, opened: silenceId(rule, series, topic.silent), reason });
    }
  }

  /** An entry that no row makes. It shows the newest one. */
  control(series, rule, record, kind, more) {
    const sight = new Sight(this.scales.get(series.table.name)).of(series);
    series.look();
    this.publish({ series, source: { ordinal: false }, rule, sight, record, row: 0 }, kind, more);
  }

  /** The collector is there since then: which rows are missed? */
  tick(record, since) {
    for (const series of this.series.values())
      for (const rule of series.table.rules) {
        if (!rule.nodataUs) continue;
        if (rule.asksForKeys) throw new Cannot(`rule ${rule.name}: nodata of some keys`);
        if (series.heard === 0) series.heard = record.received;
        const topic = this.topicOf(series, rule), { heard } = series;
        if (topic.silent || record.received - Math.max(heard, since) <= rule.nodataUs) continue;
        topic.silent = heard;
        this.control(series, rule, record, "nodata", { since: heard });
      }
  }

  /** A row came. */
  hear(series, source, record, row) {
    const sight = this.sights.get(series.table.name).of(series);
    if (series.table.rules.some((rule) => rule.nodataUs > 0)) series.heard = record.received;
    for (const rule of series.table.rules) {
      const topic = series.topics.get(rule.name);
      if (!topic?.silent) continue;
      const opened = silenceId(rule, series, topic.silent), since = topic.silent;
      topic.silent = 0;
      this.publish({ series, source, rule, sight, record, row }, "data", { since, opened });
    }
  }

  /** The rows of one pushed frame. */
  take(record, frame) {
    const source = this.plan?.sources.get(record.source);
    if (!source) throw new Cannot(`record ${record.seq}: no mapping of source ${record.source}`);
    const table = this.plan.tables.get(source.table), known = new Map();
    const rows = new FrameRows(frame, source, table, this.scales.get(table.name));
    this.count.rows += rows.count;
    for (const row of rows.order()) {
      if (rows.ts[row] - FUTURE_US > record.received || rows.lacks(row)) {
        this.count.quarantined++;
        continue;
      }
      const combination = rows.combination(row);
      let series = known.get(combination);
      if (!series) known.set(combination, (series = this.find(table, rows.keysOf(row))));
      this.row(series, source, rows.ts[row], rows.values, row, record);
    }
  }

  find(table, keys) {
    const id = [table.name, ...keys].map(encode).join(":");
    let series = this.series.get(id);
    if (!series) this.series.set(id, (series = new Series(id, keys, table)));
    return series;
  }

  row(series, source, ts, values, row, record) {
    if (ts < series.newest) {
      this.count.late++;
      return;
    }
    if (ts > series.newest || source.ordinal) {
      if (ts > series.newest && series.due) this.close(series, source, record, row);
      this.count.accepted++;
      series.append(ts, values, row);
      series.look();
      series.trim();
    } else if (series.same(values, row)) {
      this.count.duplicates++;
      return;
    } else {
      this.count.revisions++;
      series.revise(values, row);
    }
    this.hear(series, source, record, row);
    this.judge(series, source, record, row);
  }

  judge(series, source, record, row) {
    const sight = this.sights.get(series.table.name).of(series);
    for (const rule of series.table.rules) {
      const said = this.said(series, rule);
      if (said.alert) continue;
      const place = { series, source, rule, sight, record, row }, state = this.state(place);
      if (state === HOLDS && this.steps(series, rule, sight)) this.tell(place, {});
      this.move(place, state);
    }
  }

  /** The last word on the newest row: what does not hold is taken back, what holds only now is late. */
  close(series, source, record, row) {
    series.look();
    const sight = this.sights.get(series.table.name).of(series);
    for (const rule of series.table.rules) {
      const place = { series, source, rule, sight, record, row }, state = this.state(place);
      const steps = state === HOLDS ? this.steps(series, rule, sight) : false;
      const { alert, held } = this.said(series, rule);
      if (steps === null) continue;
      if (steps && !alert) this.tell(place, { late: true });
      if (!steps && alert && !held) this.publish(place, "correction", { corrects: this.idOf(place) });
      if (state !== HOLDS) this.retract(place);
      this.move(place, state);
    }
  }

  said(series, rule) {
    return series.fired.get(rule.mark) ?? SAID_NOTHING;
  }

  say(series, rule, more) {
    series.fired.set(rule.mark, { ...this.said(series, rule), ...more });
  }

  /** What the row shows of the rule; whether it clears is asked where that matters. */
  state({ series, rule, sight }) {
    if (!this.ready(series, rule, sight)) return UNKNOWN;
    return rule.verdict(sight) === 1 ? HOLDS : CLEARS;
  }

  clears({ series, rule, sight }) {
    const { resolve } = rule;
    return !resolve || (this.ready(series, resolve, sight) && resolve.verdict(sight) === 1);
  }

  move(place, state) {
    const { series, rule } = place, topic = this.topicOf(series, rule), { incident } = topic;
    if (state === CLEARS && incident.state === "firing" && !this.clears(place)) state = NEITHER;
    const told = incident.move(rule, state, series.newest, this.said(series, rule).began);
    if (told === "firing") {
      this.say(series, rule, { began: true });
      incident.opened = idAbout(this.idOf(place), "firing");
    }
    const is = topic.flap.guard(rule, incident, told, series.newest, state !== UNKNOWN);
    if (is?.kind === "flapping") topic.flap.opened = idAbout(this.idOf(place), is.kind);
    if (is) this.publish(place, is.kind, is.more, is.id);
  }

  retract(place) {
    const { series, rule } = place, { incident, flap } = this.topicOf(series, rule), row = this.idOf(place);
    if (incident.retract(idAbout(row, "firing"), series.newest) && flap.retract())
      this.publish(place, "resolved", { corrects: row, since: incident.since, opened: incident.opened });
  }

  topicOf(series, rule) {
    let topic = series.topics.get(rule.name);
    if (!topic) {
      topic = { seq: 0, prev: null, alerts: 0, suppressed: 0, silent: 0, incident: new Incident(),
                flap: new Flap() };
      series.topics.set(rule.name, topic);
    }
    return topic;
  }

  /** Of an edge rule that holds: is it the step? null: nobody knows. */
  steps(series, rule, sight) {
    if (!rule.edge || series.tail === 1) return true;
    return series.before ? rule.verdict(new Hindsight(sight)) !== 1 : null;
  }

  /** An alert, unless alerts_max holds it back. */
  tell(place, more) {
    const { series, rule } = place, topic = this.topicOf(series, rule);
    const minute = Math.floor(series.newest / MINUTE_US);
    if (topic.alerts === 0 || minute > topic.minute) Object.assign(topic, { minute, alerts: 0 });
    const held = rule.alertsMax > 0 && topic.alerts >= rule.alertsMax;
    this.say(series, rule, { alert: true, held });
    if (held) {
      topic.suppressed++;
      this.count.suppressed++;
      return;
    }
    topic.alerts++;
    if (topic.suppressed > 0) more.suppressed = topic.suppressed;
    topic.suppressed = 0;
    this.publish(place, "alert", more);
  }

  ready(series, rule, sight) {
    const out = { n: 0, d: 0 };
    for (const aggregate of rule.aggregates) if (!series.covers(aggregate)) return false;
    for (const { aggregate, least } of rule.guards) {
      sight.aggregate(aggregate, out);
      if (least > 0 ? out.n < least : out.d === 0 || out.n <= 0) return false;
    }
    return true;
  }

  /** Of an alert on the newest row. */
  idOf({ series, source, rule }) {
    const discriminator = Buffer.alloc(source.ordinal ? 8 : 0);
    if (source.ordinal) discriminator.writeBigUInt64LE(BigInt(series.sameTs - 1));
    return alertId(rule, series.id, series.newest, discriminator);
  }

  publish(place, kind, more, told = null) {
    const { series, rule, sight, record, row } = place, own = this.idOf(place);
    const id = told ? told : kind === "alert" ? own : kind === "nodata" ? silenceId(rule, series, more.since)
      : idAbout(kind === "resolved" || kind === "data" ? more.opened : own, kind);
    const chain = this.topicOf(series, rule), { seq, prev } = chain;
    const topic = `alert/${rule.name}/${series.id}/`, ordinal = (this.ordinals.get(topic) ?? 0) + 1;
    this.ordinals.set(topic, ordinal);
    Object.assign(chain, { seq: seq + 1, prev: id });
    this.count[kind === "alert" || kind === "correction" ? "alerts" : "told"]++;
    this.alert({
      id, topic, ordinal, received: record.received, recorded: record.recorded ?? record.received,
      place: `${kind} ${rule.name} ${series.id} ${series.newest} ${record.seq} ${row}`,
      body: { v: 1, id, kind, seq: seq + 1, prev, ...describe(rule, sight),
              ...more, record: { stream: this.stream, seq: record.seq, row } },
    });
  }

  /** Of every series the newest row: { series, ts, values: column -> { n, scale } or null }. */
  *latest() {
    for (const series of this.series.values()) {
      const scales = this.scales.get(series.table.name), values = {};
      series.table.columns.forEach((name, i) => {
        const n = series.values[i][series.tail - 1 - series.base];
        values[name] = n === n ? { n, scale: scales.get(name) ?? 0 } : null;
      });
      yield { series: series.id, ts: series.newest, values };
    }
  }
}
