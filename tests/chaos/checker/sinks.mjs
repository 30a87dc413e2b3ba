/*  sinks -- what clients received, compared with what the log implies.
 *
 *  A sink is one file of a client: a subscriber of the alert socket, a webhook, the alert log. All
 *  of them judge a message alike (known id, equal body); each has rules of its own about order.
 */

import { Lines } from "./told.mjs";

// Written when a message is made, not a function of the log.
const PASSING = new Set(["at", "stamps"]);

function differences(wanted, told, path = "") {
  if (wanted === told) return [];
  const deep = wanted !== null && told !== null && typeof wanted === "object" && typeof told === "object";
  if (!deep) return [`${path}: ${JSON.stringify(told)} instead of ${JSON.stringify(wanted)}`];
  const names = new Set([...Object.keys(wanted), ...Object.keys(told)]);
  return [...names].filter((name) => path !== "" || !PASSING.has(name))
    .flatMap((name) => differences(wanted[name], told[name], path ? `${path}.${name}` : name));
}

const name = (body) => `${body.id} of ${body.rule} on ${body.series}`;

class Sink {
  /** expected: id -> alert; told: where violations go. */
  constructor(title, file, truth) {
    Object.assign(this, { title, truth });
    this.lines = new Lines(file);
    this.arrived = new Set();
    this.early = []; // messages about records that were not read yet
  }

  read() {
    const again = this.early;
    this.early = [];
    for (const line of again) this.message(line);
    for (const line of this.lines.read()) this.line(line);
  }

  line(line) {
    if (line.body) this.message(line);
  }

  message(line) {
    const { body } = line, alert = this.truth.expected.get(body.id);
    if (alert) {
      this.known(alert, line);
    } else if ((body.record?.seq ?? 0) > this.truth.seq) {
      this.early.push(line);
    } else if (!this.truth.accused.has(body.id)) {
      this.truth.accused.add(body.id);
      this.truth.tell(`${this.truth.charge(body)}, at ${this.title}`);
    }
  }

  known(alert, { body }) {
    this.arrived.add(alert.id);
    const wrong = differences(alert.body, body);
    if (body.stamps?.recv !== alert.received)
      wrong.push(`stamps.recv: ${body.stamps?.recv} instead of ${alert.received}`);
    if (wrong.length)
      this.truth.tell(`I2 another body under the id ${name(body)}, at ${this.title}: ` +
                      wrong.slice(0, 3).join("; "));
  }

  wants() {
    return true;
  }

  /** What should be here by now and is not; told once. */
  missing(due) {
    for (const alert of due)
      if (this.wants(alert) && !this.arrived.has(alert.id)) {
        this.truth.tell(`I2 lost alert ${name(alert.body)}, ts ${alert.body.ts}, seq ${alert.body.seq} ` +
                        `(record ${alert.body.record.seq}, row ${alert.body.record.row}): not at ${this.title}`);
        this.arrived.add(alert.id);
      }
  }
}

/** Takes each topic in order and without a hole; killed, it may take again what it took before. */
export class Subscriber extends Sink {
  constructor(title, file, truth) {
    super(title, file, truth);
    this.lives = 1;         // a message may be judged when a later life has begun: it has the number
    this.taken = new Set(); // "<life> <id>"
    this.ever = new Set();
    this.last = new Map();  // topic -> ordinal of the newest entry taken
  }

  line(line) {
    if (line.restarted) this.lives++;
    line.life = this.lives;
    super.line(line);
  }

  known(alert, line) {
    super.known(alert, line);
    const { id, topic, ordinal } = alert;
    if (line.topic !== topic)
      this.truth.tell(`I2 alert ${name(line.body)} came under the topic ${line.topic}, at ${this.title}`);
    if (line.again) return;
    const once = `${line.life} ${id}`;
    if (this.taken.has(once)) this.truth.tell(`I5 ${this.title} took alert ${name(line.body)} twice`);
    this.taken.add(once);
    if (this.ever.has(id)) return;
    this.ever.add(id);
    const last = this.last.get(topic) ?? 0;
    if (ordinal !== last + 1)
      this.truth.tell(`I5 ${this.title} took entry ${ordinal} of ${topic} (seq ${line.body.seq}) after ` +
                      `entry ${last}: ${ordinal > last ? "a gap was not filled" : "out of order"}`);
    this.last.set(topic, Math.max(ordinal, last));
  }
}

const NEWS = new Set(["firing", "still", "resolved", "flapping", "nodata", "data"]);

/** Its first line says which rules it is subscribed to: { rules: [...] }; it is told of incidents. */
export class Webhook extends Sink {
  line(line) {
    if (line.rules) this.rules = new Set(line.rules);
    super.line(line);
  }

  wants(alert) {
    return this.rules?.has(alert.body.rule) && NEWS.has(alert.body.kind);
  }

  known(alert, line) {
    super.known(alert, line);
    if (!this.wants(alert))
      this.truth.tell(`I2 alert ${name(line.body)} came to ${this.title}, which has no such rule, or is not told of that`);
    if (!String(line.id).startsWith(alert.id))
      this.truth.tell(`I2 alert ${name(line.body)} came with the webhook-id ${line.id}, at ${this.title}`);
  }
}

/** Every id once, unless Redis went back; the fields of an entry say what its body says. */
export class AlertLog extends Sink {
  constructor(title, file, truth) {
    super(title, file, truth);
    this.since = new Set(); // ids since Redis went back the last time
  }

  line(line) {
    if (line.rolled_back) this.since.clear();
    super.line(line);
    if (!line.body) return;
    if (this.since.has(line.body.id))
      this.truth.tell(`I2 alert ${name(line.body)} stands twice at ${this.title}`);
    this.since.add(line.body.id);
  }

  known(alert, line) {
    super.known(alert, line);
    const { id, rule, series, ts, severity, seq } = alert.body;
    const wrong = differences({ id, rule, series, ts, severity, seq, topic: alert.topic },
                              { id: line.id, rule: line.rule, series: line.series, ts: line.ts,
                                severity: line.severity, seq: line.seq, topic: line.topic }, "entry");
    if (wrong.length)
      this.truth.tell(`I2 the entry of alert ${name(line.body)} differs, at ${this.title}: ${wrong.join("; ")}`);
  }
}
