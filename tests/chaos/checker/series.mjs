/*  series -- what is kept of one series, and from when on it is covered.
 *
 *  Rows are those that the plan promises to keep: what a rule with a longer window sees when it is
 *  added later is a function of the rows and the plans before it, and of nothing else.
 */

import { Cannot } from "./rule.mjs";

const FIRST_ROWS = 16;

class Window {
  constructor(spec) {
    this.spanUs = spec.spanUs;
    this.reset(0);
  }

  reset(head) {
    this.low = this.high = head;
    this.sums = null;
    this.counts = null;
  }
}

export class Series {
  constructor(id, keys, table) {
    Object.assign(this, { id, keys, table });
    this.base = this.head = this.tail = this.kept = 0; // positions: stored from, kept from, next
    this.ts = new Float64Array(FIRST_ROWS);
    this.values = table.columns.map(() => new Float64Array(FIRST_ROWS));
    this.newest = -Infinity;
    this.sameTs = 0;
    this.due = false;        // the row at the newest time was revised: to be judged when it closes
    this.fired = new Map();  // of the row at the newest time: rule (mark) -> { alert, held, began }
    this.topics = new Map(); // rule -> { seq, prev, minute, alerts, suppressed, incident }
    this.heard = 0;          // receipt of the last row, if a rule misses rows; 0: not known
    this.before = null;      // values of the row before the newest, if a rule asked when that came
    this.coveredUs = -Infinity;
    this.coveredPosition = 0;
    this.known = new Map();  // column -> { us, position }: rows from there on are known to have it
    this.windows = table.windows.filter((window) => !window.byRows).map((window) => new Window(window));
  }

  append(ts, values, row) {
    if (this.table.hasEdges && this.tail > 0)
      this.before = this.values.map((column) => column[this.tail - 1 - this.base]);
    if (this.tail - this.base === this.ts.length) this.makeRoom();
    const at = this.tail++ - this.base;
    this.ts[at] = ts;
    for (let i = 0; i < values.length; i++) this.values[i][at] = values[i][row];
    this.sameTs = ts > this.newest ? 1 : this.sameTs + 1;
    this.newest = ts;
    this.due = false;
    this.fired.clear();
  }

  makeRoom() {
    const kept = Math.min(this.head, ...this.windows.map((window) => window.low)) - this.base;
    const live = this.tail - this.base - kept;
    const size = Math.max(FIRST_ROWS, 2 * live);
    const move = (from) => {
      const to = new Float64Array(size);
      to.set(from.subarray(kept, kept + live));
      return to;
    };
    this.ts = move(this.ts);
    this.values = this.values.map(move);
    this.base += kept;
  }

  same(values, row) {
    const at = this.tail - 1 - this.base;
    return values.every((column, i) =>
      Object.is(this.values[i][at], column[row]) || this.values[i][at] === column[row]); // NaN is NULL
  }

  revise(values, row) {
    this.due = true;
    for (let i = 0; i < values.length; i++) this.values[i][this.tail - 1 - this.base] = values[i][row];
  }

  /** Windows by time as the newest row sees them. */
  look() {
    const { ts, base, values } = this;
    for (const window of this.windows) {
      if (!window.sums) {
        window.sums = values.map(() => 0);
        window.counts = values.map(() => 0);
      }
      const from = this.newest - window.spanUs, { sums, counts } = window;
      for (; window.high < this.tail && ts[window.high - base] < this.newest; window.high++)
        for (let i = 0; i < values.length; i++) {
          const value = values[i][window.high - base];
          if (value !== value) continue;
          sums[i] += value;
          counts[i]++;
          if (!Number.isSafeInteger(sums[i])) throw new Cannot(`a sum beyond 2^53 in ${this.id}`);
        }
      for (; window.low < window.high && ts[window.low - base] < from; window.low++)
        for (let i = 0; i < values.length; i++) {
          const value = values[i][window.low - base];
          if (value !== value) continue;
          sums[i] -= value;
          counts[i]--;
        }
      if (window.high - window.low > this.table.windowRowsMax)
        throw new Cannot(`more than ${this.table.windowRowsMax} rows in a window of ${this.id}`);
    }
  }

  /** Forget what the plan does not promise to keep: what a longer window sees later hangs on it. */
  trim() {
    const { keepUs, keepRows } = this.table;
    if (keepUs === 0) {
      this.kept = this.tail;
    } else {
      this.kept = Math.max(this.kept, this.head);
      while (this.kept < this.tail && this.ts[this.kept - this.base] < this.newest - keepUs) this.kept++;
    }
    this.head = Math.max(this.head, Math.min(this.kept, Math.max(0, this.tail - 1 - keepRows)));
  }

  /** The plan changed: what is known of the past does, too. */
  replan(table) {
    const was = this.table, whole = this.head === 0;
    if (was.columns.join() !== table.columns.join()) throw new Cannot(`table ${table.name}: its columns change`);
    if (table.keepUs > was.keepUs)
      this.coveredUs = whole ? -Infinity
        : Math.max(this.coveredUs, was.keepUs > 0 ? this.newest - was.keepUs : this.newest + 1);
    if (table.keepRows > was.keepRows)
      this.coveredPosition = whole ? 0 : Math.max(this.coveredPosition, this.head);
    const known = new Map();
    for (const column of table.arguments)
      known.set(column, was.arguments.has(column) ? this.known.get(column) ?? { us: -Infinity, position: 0 }
        : { us: this.newest + 1, position: this.tail });
    this.known = known;
    const rules = new Map(table.rules.map((rule) => [rule.name, rule]));
    for (const name of this.topics.keys()) if (!rules.has(name)) this.topics.delete(name);
    if (!table.hasEdges) this.before = null;
    const asked = new Map(was.rules.map((rule) => [rule.name, rule.nodataUs]));
    const asks = table.rules.filter((rule) => rule.nodataUs > 0);
    if (asks.length === 0 || asks.some((rule) => !asked.get(rule.name))) this.heard = 0;
    this.table = table;
    this.kept = this.head;
    this.trim();
    this.windows = table.windows.filter((window) => !window.byRows).map((window) => new Window(window));
    for (const window of this.windows) window.reset(this.head);
  }

  covers({ argument, window }) {
    const from = window.byRows ? Math.max(0, this.tail - 1 - window.rows) : this.newest - window.spanUs;
    const known = argument ? this.known.get(argument) : undefined;
    return window.byRows
      ? this.coveredPosition <= from && (!known || known.position <= from)
      : this.coveredUs <= from && (!known || known.us <= from);
  }
}
