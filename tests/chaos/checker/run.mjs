/*  run -- one chaos run judged: its log, what its clients were told, the invariants.
 *
 *  Invariants as in docs/reliability.md: I1 the log, I2 the alerts, I3 one id a row, I4 the windows
 *  at the end, I5 subscribers, I6 refused rows, I7 memory. Everything is read once, as it grows.
 */

import fs from "node:fs";
import path from "node:path";
import { crc32, unpack } from "./bytes.mjs";
import { Fold } from "./fold.mjs";
import { GAP, KNOWN, KNOWN_END, Log, PAYLOAD, PLAN, TICK } from "./log.mjs";
import { Plans } from "./plan.mjs";
import { Cannot } from "./rule.mjs";
import { AlertLog, Subscriber, Webhook } from "./sinks.mjs";
import { Lines, discover } from "./told.mjs";

const NAMESPACE = "tw", STREAM = "collector";
const SAME_MOST = 20; // violations of one kind that are told one by one

export class Run {
  constructor(folder) {
    this.folder = folder;
    this.told = path.join(folder, "told");
    this.fresh = [];          // violations since the last answer: { text, after }
    this.total = 0;
    this.expected = new Map(); // id -> alert
    this.due = [];            // alerts not yet asked for, in order
    this.accused = new Set();
    this.places = new Map();  // kind, rule, series, ts, record, row -> id
    this.taken = new Map();   // source/client -> n of the last frame in the log
    this.crcs = [];           // of the payload of each record read
    this.frames = new Map();  // source/client -> n -> what the client made
    this.unmatched = [];      // frames in the log that no client is known to have made yet
    this.acks = new Map();    // source/client -> the highest n it was told is durable
    this.lost = new Map();    // source/client -> told to be missing up to this n
    this.flips = new Map();   // segment -> bits that are wrong just now
    this.numbers = new Set();
    this.quarantined = null;
    this.files = Object.fromEntries(["frames", "acks", "numbers", "latest"].map((name) =>
      [name, new Lines(path.join(this.told, `${name}.jsonl`))]));
    this.faults = new Lines(path.join(folder, "faults.jsonl"));
    this.alertLog = new AlertLog("the alert log", path.join(this.told, "log.jsonl"), this);
    this.subscribers = new Map();
    this.hooks = new Map();
    this.sinks = [this.alertLog];
    this.log = new Log(path.join(folder, "stage", NAMESPACE, STREAM), (text) => this.tell(text),
                       (segment) => this.excuse(segment));
    this.plans = new Plans((text) => this.tell(text));
    this.fold = new Fold(STREAM, (alert) => this.expect(alert));
  }

  /** after: the fault after which it was missed first, if that is not the one just asked about. */
  tell(text, after = this.after) {
    this.total++;
    this.fresh.push({ text, after });
  }

  get seq() {
    return this.log.seq;
  }

  // ---- the log ---------------------------------------------------------------------------------

  expect(alert) {
    const other = this.places.get(alert.place);
    if (other && other !== alert.id) this.tell(`I3 the log implies two ids for ${alert.place}`);
    if (this.expected.has(alert.id)) this.tell(`I3 the log implies ${alert.id} twice: at ${alert.place}`);
    this.places.set(alert.place, alert.id);
    this.expected.set(alert.id, alert);
    this.due.push(alert);
  }

  excuse(segment) {
    this.readFaults();
    const flips = this.flips.get(segment);
    return flips === undefined ? undefined : flips > 0 ? "wait" : "again";
  }

  readFaults() {
    for (const { fault, file } of this.faults.read()) {
      if (fault !== "flip" && fault !== "flip mended") continue;
      const segment = path.basename(file), step = fault === "flip" ? 1 : -1;
      this.flips.set(segment, (this.flips.get(segment) ?? 0) + step);
    }
  }

  readLog(settled) {
    const wanted = ({ received }) => received < settled || this.awaited();
    for (const record of this.log.records(wanted)) {
      this.crcs[record.seq] = record.crc;
      if (record.kind === PLAN) {
        const plan = this.plans.apply(record);
        if (plan) this.fold.setPlan(plan, record);
      } else if (record.kind === PAYLOAD) {
        this.takePayload(record);
      } else if (record.kind === TICK) {
        this.fold.tick(record, Number(record.payload.readBigInt64LE(8)));
      } else if (![KNOWN, KNOWN_END, GAP].includes(record.kind)) {
        throw new Cannot(`record ${record.seq} of kind ${record.kind}`);
      }
    }
  }

  /** Is there something acknowledged that we have not come to? */
  awaited() {
    for (const [client, n] of this.acks) if ((this.taken.get(client) ?? 0) < n) return true;
    return false;
  }

  takePayload(record) {
    const frame = unpack(record.payload), n = frame.get("n");
    const client = `${frame.get("source")}/${frame.get("client")}`;
    const before = this.taken.get(client) ?? 0;
    if (frame.get("source") !== record.source) this.tell(`I1 record ${record.seq}: source ${record.source}`);
    if (n <= before)
      this.tell(`I1 frame ${n} of ${client} stands twice in the log: again as record ${record.seq}`);
    if (n > before + 1)
      this.tell(`I1 frames ${before + 1} to ${n - 1} of ${client} are missing before record ${record.seq}`);
    this.taken.set(client, Math.max(n, before));
    const { length: bytes } = record.payload;
    this.unmatched.push({ client, n, seq: record.seq, bytes, crc: crc32(record.payload) });
    this.fold.take(record, frame);
  }

  /** The whole log once more: what was durable is still there, as it was. */
  readAgain() {
    const again = new Log(this.log.folder, () => {}, (segment) => this.excuse(segment));
    let expected = 0;
    for (const { seq, crc } of again.records(({ seq: next }) => next <= this.seq)) {
      if (expected === 0) expected = seq;
      if (crc !== this.crcs[seq]) this.tell(`I1 record ${seq} is not what it was when it was read first`);
      if (seq !== expected) this.tell(`I1 records ${expected} to ${seq - 1} were in the log and are gone`);
      expected = seq + 1;
    }
    again.close();
    if (this.seq === 0) this.tell(`I1 there is no record in ${this.log.folder}`);
    else if (expected !== this.seq + 1)
      this.tell(`I1 the log ends with record ${expected - 1}; ${this.seq} was in it`);
  }

  // ---- what clients know -----------------------------------------------------------------------

  readAcks() {
    for (const { source, client, n } of this.files.acks.read()) {
      const key = `${source}/${client}`;
      const before = this.acks.get(key) ?? 0;
      if (n < before) this.tell(`I1 ${key} was told that ${n} is durable, after ${before}`);
      this.acks.set(key, Math.max(n, before));
    }
  }

  checkAcks() {
    for (const [client, n] of this.acks) {
      const taken = Math.max(this.taken.get(client) ?? 0, this.lost.get(client) ?? 0);
      if (taken >= n) continue;
      this.tell(`I1 frames ${taken + 1} to ${n} of ${client} were acknowledged and are not in the log`);
      this.lost.set(client, n);
    }
  }

  checkFrames() {
    for (const { source, client, n, bytes, crc } of this.files.frames.read()) {
      const key = `${source}/${client}`;
      if (!this.frames.has(key)) this.frames.set(key, new Map());
      this.frames.get(key).set(n, { bytes, crc });
    }
    for (const { client, n, seq, bytes, crc } of this.unmatched) {
      const made = this.frames.get(client)?.get(n);
      if (!made) this.tell(`I1 record ${seq} is frame ${n} of ${client}, which never made it`);
      else if (made.bytes !== bytes || made.crc !== crc)
        this.tell(`I1 record ${seq} is not frame ${n} of ${client} as it was made: ` +
                  `${bytes} bytes, it had ${made.bytes}`);
    }
    this.unmatched = [];
  }

  checkNumbers() {
    for (const line of this.files.numbers.read()) {
      if (line.quarantined !== undefined) this.quarantined = line.quarantined;
      if (!(line.rss_kb > line.limit_kb) || this.numbers.has(line.actor)) continue;
      this.numbers.add(line.actor);
      this.tell(`I7 ${line.actor} holds ${line.rss_kb} KB of memory; its bound is ${line.limit_kb} KB`);
    }
  }

  /** What an alert that the log does not imply is guilty of. */
  charge(body) {
    const { id, kind, rule, series, ts, record = {} } = body;
    const title = `alert ${id} of ${rule} on ${series} (record ${record.seq}, row ${record.row})`;
    const other = this.places.get(`${kind} ${rule} ${series} ${ts} ${record.seq} ${record.row}`);
    if (other) return `I3 ${title}: the id of that row is ${other}`;
    const since = this.plans.everNamed.get(rule);
    if (since === undefined) return `I2 phantom ${title}: no plan has this rule`;
    if (record.seq < since) return `I2 phantom ${title}: the rule is in force from record ${since} on`;
    return `I2 phantom ${title}: the log does not imply it`;
  }

  findSinks() {
    const add = (Kind, prefix, known, title) => {
      for (const name of discover(this.told, prefix, new Map()).keys()) {
        if (known.has(name)) continue;
        known.set(name, new Kind(`${title} ${name}`, path.join(this.told, `${prefix}${name}.jsonl`), this));
        this.sinks.push(known.get(name));
      }
    };
    add(Subscriber, "sub-", this.subscribers, "subscriber");
    add(Webhook, "hook-", this.hooks, "webhook");
  }

  // ---- at the end ------------------------------------------------------------------------------

  checkLatest() {
    if (!fs.existsSync(this.files.latest.path)) return;
    const told = new Map([...this.files.latest.read()].map((line) => [line.series, line]));
    for (const { series, ts, values } of this.fold.latest()) {
      const line = told.get(series);
      if (!line) {
        this.tell(`I4 series ${series} has no newest row in Redis; the log says ts ${ts}`);
        continue;
      }
      const wrong = Number(line.ts) === ts ? [] : [`ts ${line.ts} instead of ${ts}`];
      for (const [name, value] of Object.entries(values)) {
        const wanted = value === null ? null : value.n / 10 ** value.scale;
        const is = line[name] === undefined || line[name] === null ? null : Number(line[name]);
        if (is !== wanted) wrong.push(`${name} ${is} instead of ${wanted}`);
      }
      if (wrong.length) this.tell(`I4 the newest row of ${series} in Redis is another: ${wrong.join(", ")}`);
    }
    for (const series of told.keys())
      if (!this.fold.series.has(series)) this.tell(`I4 series ${series} is in Redis and not in the log`);
  }

  checkQuarantine() {
    const { quarantined } = this.fold.count;
    if (this.quarantined !== null && this.quarantined !== quarantined)
      this.tell(`I6 ${this.quarantined} rows are counted as refused; the log has ${quarantined}`);
  }

  // ---- all of it -------------------------------------------------------------------------------

  /** Alerts of records received before `settled` (us) are published and in the alert log by `now`, so
   *  that whoever looks there from now on finds them; final: all, and all else. after: the fault. */
  check({ settled, final, now, after }) {
    this.fresh = [];
    this.after = after;
    this.readAcks();
    this.readFaults();
    this.readLog(final ? Infinity : settled);
    if (!this.log.waiting) this.checkAcks();
    else if (final) this.tell(`I1 segment ${this.log.waiting}: damaged on purpose, and never mended`);
    this.checkFrames();
    this.checkNumbers();
    this.findSinks();
    for (const sink of this.sinks) sink.read();
    const late = this.due.findIndex((alert) => !final && alert.recorded >= settled);
    const due = this.due.splice(0, late < 0 ? this.due.length : late);
    for (const sink of this.sinks) {
      if (!this.isHook(sink)) sink.ask(due, { now, after });
      else if (final) sink.ask(this.expected.values(), { now, after });
      sink.settle(now, final);
    }
    if (!final) return this.answer();
    for (const sink of this.sinks)
      for (const { body } of sink.early)
        this.tell(`I2 phantom alert ${body.id} of ${body.rule}: of record ${body.record.seq}, ` +
                  "which is not in the log");
    this.readAgain();
    this.checkLatest();
    this.checkQuarantine();
    return this.answer();
  }

  isHook(sink) {
    return [...this.hooks.values()].includes(sink);
  }

  answer() {
    const kinds = new Map(), violations = [];
    for (const { text, after } of this.fresh) {
      const kind = text.replace(/\b[0-9a-f]{32}\b|\b\d+\b/g, "#").split(" ").slice(0, 4).join(" ");
      const count = (kinds.get(kind) ?? 0) + 1;
      kinds.set(kind, count);
      if (count <= SAME_MOST) violations.push({ text, after });
    }
    for (const [kind, count] of kinds)
      if (count > SAME_MOST)
        violations.push({ text: `${kind} ... and ${count - SAME_MOST} more of this kind`, after: this.after });
    const { rows, alerts, late, duplicates, revisions, quarantined } = this.fold.count;
    return { violations, records: this.seq, rows, late, duplicates, revisions, quarantined, alerts };
  }
}
