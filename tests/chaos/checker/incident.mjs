/*  incident -- the life of a rule on a series, as docs/rules.md tells it, for lateness 0: every row is
 *  the newest of its series when it is judged.
 */

export const HOLDS = 1, CLEARS = 0, NEITHER = -1, UNKNOWN = -2;

export class Incident {
  constructor() {
    Object.assign(this, { state: "well", since: 0, told: null, opened: null });
  }

  rested(rule, ts) {
    return this.told === null || rule.cooldownUs === 0 || ts - this.told >= rule.cooldownUs;
  }

  /** What is to be told: firing, still, resolved or null. began: this row has begun one before. */
  move(rule, row, ts, began) {
    if (row === HOLDS) return this.hold(rule, ts, began);
    if (this.state === "pending") this.state = "well";
    if (this.state !== "firing" || row !== CLEARS) return null;
    this.state = "well";
    return "resolved";
  }

  hold(rule, ts, began) {
    if (this.state === "well") Object.assign(this, { state: "pending", since: ts });
    const fires = this.state === "pending" && !began && ts - this.since >= rule.forUs;
    const again = this.state === "firing" && rule.cooldownUs > 0;
    if (!(fires || again) || !this.rested(rule, ts)) return null;
    Object.assign(this, { state: "firing", told: Math.max(this.told ?? ts, ts) });
    return fires ? "firing" : "still";
  }

  /** The row does not hold after all: is the incident over that it began? */
  retract(began, ts) {
    if (this.state === "pending" && ts >= this.since) this.state = "well";
    if (this.state !== "firing" || this.opened !== began) return false;
    Object.assign(this, { state: "well", told: null }); // what never was starts no cooldown
    return true;
  }
}

/** What is told of an incident that comes and goes. */
export class Flap {
  constructor() {
    Object.assign(this, { flaps: false, since: 0, opened: null, changes: [] });
  }

  /** told: what would be. What is: its kind, and what else it says; or null. */
  guard(rule, incident, told, ts, decides) {
    const { flapChanges, flapUs } = rule, changes = told === "firing" || told === "resolved";
    const quiet = flapChanges === 0 || this.changes.every((at) => ts - at >= flapUs);
    const over = this.flaps && decides && quiet;
    if (over || (changes && flapChanges === 0 && !this.flaps)) this.changes = [];
    if (changes && flapChanges > 0) this.changes = [...this.changes.slice(-64), ts];
    if (over) return this.end(incident, ts);
    if (this.flaps || !told) return null;
    const { since, opened } = incident;
    if (!changes || !this.begins(flapChanges, flapUs))
      return { kind: told, more: told === "firing" ? { since } : { since, opened } };
    Object.assign(this, { flaps: true, since: this.changes.at(-flapChanges) });
    return { kind: "flapping", more: { since: this.since, changes: flapChanges } };
  }

  begins(most, us) {
    return most > 0 && this.changes.filter((at) => this.changes.at(-1) - at < us).length >= most;
  }

  end(incident, ts) {
    const { opened } = this;
    this.flaps = false;
    if (incident.state !== "firing") return { kind: "resolved", more: { since: this.since, opened } };
    incident.told = Math.max(incident.told, ts);
    return { kind: "firing", id: incident.opened, more: { since: incident.since, opened } };
  }

  /** It never began. Is that told? */
  retract() {
    this.changes.pop();
    return !this.flaps;
  }
}
