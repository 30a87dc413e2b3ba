// table -- the grid of all series: only visible rows are elements, one canvas has all gauges and
// lines. It writes what changed, once a frame, and reads no layout after writing.
import { h, write } from "./dom.js";
import { NONE, age, colourOf, glyph, number, ratio, wordOf } from "./words.js";

const THRESHOLD_AT = 0.75; // of a gauge: one vertical line through all rows
const COLOURS = ["bg", "line", "line2", "text", "dim", "faint", "bar", "critical", "warning", "info"];
const SPARE_ROWS = 2, TWO_LINES = 40;

function cells() {
  return ["state", "name", "value", "value", "value", "ratio number", "gauge", "seen", "age number"]
    .map(kind => h("span", { class: kind + (kind === "value" ? " number" : ""), role: "gridcell" }));
}

export class Table {
  // on: {choose(series), open(series), sort(key), moved()}
  constructor(on) {
    this.on = on;
    this.order = [];
    this.rows = [];
    this.chosen = null;
    this.columns = [];
    this.head = h("div", { class: "row head", role: "row", "aria-rowindex": "1" });
    this.ink = h("canvas", { "aria-hidden": "true" });
    this.space = h("div", { class: "space", role: "rowgroup" });
    this.root = h("div", { class: "grid", role: "grid", tabindex: "0", "aria-label": "Series" },
                  h("div", { class: "heads", role: "rowgroup" }, this.head),
                  h("div", { class: "ink", "aria-hidden": "true" }, this.ink), this.space);
    this.root.addEventListener("scroll", () => on.moved(), { passive: true });
    this.root.addEventListener("click", event => this.#clicked(event, on.choose));
    this.root.addEventListener("dblclick", event => this.#clicked(event, on.open));
    this.size = new ResizeObserver(() => { this.measured = null; on.moved(); });
    this.size.observe(this.root);
  }

  close() { this.size.disconnect(); }

  get held() { return this.root.matches(":hover") || this.root.contains(document.activeElement); }

  #clicked(event, act) {
    const row = this.rows.find(r => r.element.contains(event.target));
    if (row?.series) act(row.series);
  }

  // Which columns of values, and by which column it is sorted.
  setColumns(columns, sort) {
    this.columns = columns;
    this.root.dataset.columns = String(columns.length);
    const titles = [["", ""], ["name", "Series"], ...[0, 1, 2].map(i => [columns[i] || "", columns[i] || ""]),
                    ["near", "Of threshold"], ["", "Threshold"], ["", "Seen here"], ["age", "Age"]];
    const kinds = ["state", "name", "value number", "value number", "value number", "ratio number", "gauge", "seen", "age number"];
    this.head.replaceChildren(...titles.map(([key, title], i) => {
      const way = key && key === sort ? (key === "name" || key === "age" ? "ascending" : "descending") : null;
      return h("span", { class: kinds[i], role: "columnheader", "aria-sort": way, "aria-label": title || "State" },
               key ? h("button", { type: "button", tabindex: "-1", onclick: () => this.on.sort(key) }, title,
                       way === "descending" ? " \u2193" : way ? " \u2191" : "") : title);
    }));
    this.rows.forEach(row => { row.series = null; });
    this.measured = null;
  }

  setOrder(order) {
    this.order = order;
    this.root.setAttribute("aria-rowcount", String(order.length + 1));
  }

  // The series beside the chosen one; it comes into view.
  move(by) {
    if (this.order.length === 0) return null;
    const now = this.order.indexOf(this.chosen);
    const next = now < 0 ? 0 : Math.min(this.order.length - 1, Math.max(0, now + by));
    const height = this.rowHeight || 32, room = this.root.clientHeight - (this.headHeight || 0);
    const top = this.root.scrollTop;
    if (next * height < top) this.root.scrollTop = next * height;
    if ((next + 1) * height > top + room) this.root.scrollTop = (next + 1) * height - room;
    return this.order[next];
  }

  #measure() {
    const style = getComputedStyle(document.documentElement);
    this.rowHeight = parseInt(style.getPropertyValue("--row"), 10) || 32;
    this.headHeight = this.head.offsetHeight;
    const width = this.root.clientWidth, height = this.root.clientHeight - this.headHeight;
    const wanted = Math.ceil(Math.max(0, height) / this.rowHeight) + SPARE_ROWS;
    while (this.rows.length < wanted) {
      const parts = cells();
      const element = h("div", { class: "row", role: "row", id: `row-${this.rows.length}` }, parts);
      this.space.append(element);
      this.rows.push({ element, parts, series: null, at: -1, version: -1 });
    }
    while (this.rows.length > wanted) this.rows.pop().element.remove();
    const place = part => ({ x: part.offsetLeft, y: part.offsetTop, w: part.offsetWidth, h: part.offsetHeight });
    const shown = this.rows.find(row => !row.element.hidden) || this.rows[0];
    shown.element.hidden = false;
    shown.at = -1;
    this.gauge = place(shown.parts[6]);
    this.seen = place(shown.parts[7]);
    const scale = devicePixelRatio || 1;
    this.ink.width = width * scale;
    this.ink.height = height * scale;
    this.ink.style.width = `${width}px`;
    this.ink.style.height = `${height}px`;
    this.measured = { width, height, scale };
    for (const row of this.rows) row.at = -1;
    this.colours();
  }

  colours() {
    const style = getComputedStyle(document.documentElement);
    this.colour = Object.fromEntries(COLOURS.map(name => [name, style.getPropertyValue(`--${name}`).trim()]));
  }

  draw(nowUs) {
    if (!this.measured) this.#measure();
    const { width, height, scale } = this.measured;
    const top = this.root.scrollTop, first = Math.floor(top / this.rowHeight), many = this.rows.length;
    const pen = this.ink.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const tall = `${this.order.length * this.rowHeight}px`;
    if (this.space.style.height !== tall) this.space.style.height = tall;
    let active = null;
    for (let i = first; i < first + many; i++) {
      const row = this.rows[i % many], series = this.order[i];
      this.#place(row, series ? i : -1);
      if (!series) { row.series = null; continue; }
      if (row.series !== series || row.version !== series.version) this.#fill(row, series);
      const chosen = series === this.chosen;
      if (chosen) active = row.element.id;
      if (row.chosen !== chosen) row.element.setAttribute("aria-selected", String(row.chosen = chosen));
      write(row.parts[8], series.ts ? age((nowUs - series.ts) / 1e6) : NONE);
      const y = i * this.rowHeight - top;
      this.#drawGauge(pen, series, y);
      this.#drawSeen(pen, series, y);
    }
    if (this.active !== active) {
      this.active = active;
      active ? this.root.setAttribute("aria-activedescendant", active) : this.root.removeAttribute("aria-activedescendant");
    }
  }

  #place(row, i) {
    if (row.at === i) return;
    row.at = i;
    row.element.hidden = i < 0;
    if (i < 0) return;
    row.element.style.transform = `translateY(${i * this.rowHeight}px)`;
    row.element.setAttribute("aria-rowindex", String(i + 2));
  }

  #fill(row, series) {
    const [state, name, ...rest] = row.parts, colour = colourOf(series.state);
    if (row.series !== series) {
      name.replaceChildren(h("b", null, series.last), h("span", null, series.rest || series.table));
      name.title = series.id;
      row.state = null;
    }
    if (row.state !== series.state) {
      state.replaceChildren(glyph(series.state));
      row.element.classList.toggle("firing", Boolean(series.worst));
      rest[3].className = `ratio number ${series.worst ? colour : ""}`;
      row.state = series.state;
    }
    for (let i = 0; i < 3; i++) {
      const column = this.columns[i];
      write(rest[i], column === undefined ? "" : number(series.values[column], series.decimals[column]));
    }
    const near = series.nearest;
    write(rest[3], near ? (near.exact ? "" : "~") + ratio(near.of) : NONE);
    const title = !near ? "No rule whose threshold is known" : `${near.rule}: ${near.column} ${number(near.value)} ` +
      `${near.above ? ">" : "<"} ${number(near.threshold)}${near.exact ? "" : ", as of its last alert"}`;
    if (rest[4].title !== title) {
      rest[4].title = title;
      rest[4].setAttribute("aria-label", `${wordOf(series.state)}. ${title}`);
    }
    row.series = series;
    row.version = series.version;
  }

  #drawGauge(pen, series, y) {
    const { x, w } = this.gauge, near = series.nearest, colour = this.colour;
    const middle = Math.round(y + this.gauge.y + this.gauge.h / 2), line = Math.round(x + w * THRESHOLD_AT);
    pen.fillStyle = colour.line2;
    const tall = this.rowHeight > TWO_LINES; // there the name stands above the gauge
    pen.fillRect(line, tall ? middle - 8 : y, 1, tall ? 17 : this.rowHeight);
    pen.fillStyle = colour.line;
    pen.fillRect(x, middle, w, 1);
    if (!near) return;
    const length = Math.max(1, Math.min(w, near.of * w * THRESHOLD_AT)), beyond = near.of * THRESHOLD_AT > 1;
    const paint = series.worst ? colour[colourOf(series.state)] : near.of >= 0.9 ? colour.dim : colour.bar;
    if (near.exact) {
      pen.fillStyle = paint;
      pen.fillRect(x, middle - 2, length, 5);
    } else { // hollow: the threshold is of another moment
      pen.strokeStyle = paint;
      pen.strokeRect(x + 0.5, middle - 1.5, Math.max(1, length - 1), 4);
    }
    if (beyond) {
      pen.fillStyle = colour.bg;
      pen.fillRect(x + w - 7, middle - 3, 1, 7);
      pen.fillRect(x + w - 4, middle - 3, 1, 7);
    }
    if (near.times > 1) { // where the average is
      pen.fillStyle = colour.text;
      pen.fillRect(Math.round(x + w * THRESHOLD_AT / near.times), middle - 4, 1, 9);
    }
  }

  #drawSeen(pen, series, y) {
    const { x, w } = this.seen, points = series.seen;
    if (points.length === 0 || w < 8) return;
    const top = y + this.seen.y + 4, tall = Math.max(4, this.seen.h - 8), step = w / 60;
    let low = Infinity, high = -Infinity;
    for (const { value } of points) { low = Math.min(low, value); high = Math.max(high, value); }
    const from = low > 0 && low < high / 2 ? 0 : low, span = high - from || 1;
    const begin = x + w - points.length * step;
    pen.fillStyle = this.colour.bar;
    points.forEach(({ value }, i) => {
      if (i === points.length - 1) pen.fillStyle = series.worst ? this.colour[colourOf(series.state)] : this.colour.text;
      const bar = Math.max(1, (value - from) / span * tall);
      pen.fillRect(begin + i * step, top + tall - bar, Math.max(1, step - 1), bar);
    });
  }
}
