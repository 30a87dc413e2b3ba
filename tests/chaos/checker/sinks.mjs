/*  sinks -- what clients received, compared with what the log implies.
 *
 *  A sink is one file of a client: a subscriber of the alert socket, a webhook, the alert log. All
 *  of them judge a message alike (known id, equal body); each has rules of its own about order.
 *
 *  What is not here when it is asked for is owed, until the client says that it has all that the
 *  alert log of Redis held at that time or later (has_all_of), for PATIENCE_US, or until the end:
 *  then it is lost. The one who was killed, or whose Redis was, may be behind; to be behind is no
 *  loss, and to be behind for ever is one.
 */

import { Lines } from "./told.mjs";

const PATIENCE_US = 60_000_000; // with a client that does not say how far it is

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
    this.owed = [];  // { alert, asked: { now, after } }
    this.hasAllOf = 0; // us
  }

  read() {
    const again = this.early;
    this.early = [];
    for (const line of again) this.message(line);
    for (const line of this.lines.read()) this.line(line);
  }

  line(line) {
    if (line.has_all_of) this.hasAllOf = line.has_all_of;
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

  /** From now on these should be here. asked: when, and after which fault. */
  ask(due, asked) {
    for (const alert of due) if (this.wants(alert)) this.owed.push({ alert, asked });
  }

  /** What is owed and will not come is told, once. */
  settle(now, final) {
    this.owed = this.owed.filter(({ alert, asked }) => {
      if (this.arrived.has(alert.id)) return false;
      const why = final ? "" : this.hasAllOf >= asked.now ? ", which has all of the log since" :
        now - asked.now > PATIENCE_US ? ", which did not look into the log for a minute" : null;
      if (why === null) return true;
      const { id, rule, series, ts, seq, record } = alert.body;
      this.truth.tell(`I2 lost alert ${id} of ${rule} on ${series}, ts ${ts}, seq ${seq} (record ` +
                      `${record.seq}, row ${record.row}, received ${alert.recorded}): not at ${this.title}${why}`,
                      asked.after);
      return false;
    });
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
