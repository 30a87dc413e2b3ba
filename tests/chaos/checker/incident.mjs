/*  incident -- the life of a rule on a series, as docs/rules.md tells it, for lateness 0: every row is
 *  the newest of its series when it is judged.
 */

export const HOLDS = 1, CLEARS = 0, NEITHER = -1, UNKNOWN = -2;

export class Incident {
  constructor() {
    Object.assign(this, { state: "well", since: 0, told: null, opened: null });
  }

  rested(rule, ts) {
    return this.told === null || ts - this.told >= rule.cooldownUs;
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
    Object.assign(this, { state: "firing", told: ts });
    return fires ? "firing" : "still";
  }

  /** The row does not hold after all: is the incident over that it began? */
  retract(began, ts) {
    if (this.state === "pending" && ts >= this.since) this.state = "well";
    if (this.state !== "firing" || this.opened !== began) return false;
    this.state = "well";
    return true;
  }
}
