// series -- what is one series doing? Its newest row, what was seen of it since the page was opened,
// the rules that look at it, and its incidents.
import { $, h, show } from "./dom.js";
import { link } from "./feed.js";
import { api, command, redis } from "./frame.js";
import { distance, incidentOf, isOpen, model, rulesFor } from "./model.js";
import { brief, incidentRow, ruleLink, section, stateOf, table } from "./parts.js";
import { NONE, age, clock, count, glyph, moment, number, quoted, ratio, rough, wordOf } from "./words.js";

const CHART_TALL = 180, AXIS = 84, LIST_MOST = 200;

let chart = {}; // width and height of its canvas: an element that says them is the same as before

function draw(canvas, series, near) {
  const wide = canvas.clientWidth, scale = devicePixelRatio || 1, points = series.seen;
  const width = Math.round(wide * scale), height = Math.round(CHART_TALL * scale);
  if (canvas.width !== width || canvas.height !== height) {
    chart = { width, height };
    canvas.width = width; // allocates, and clears
    canvas.height = height;
  }
  const pen = canvas.getContext("2d"), style = getComputedStyle(canvas);
  const colour = name => style.getPropertyValue(`--${name}`).trim();
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, wide, CHART_TALL);
  pen.font = `11px ${style.fontFamily}`;
  pen.textBaseline = "middle";
  if (points.length === 0) return;
  const values = points.map(p => p.value), limit = near && near.column === series.seenOf ? near.threshold : null;
  const all = limit === null ? values : [...values, limit];
  const low = Math.min(...all), high = Math.max(...all), pad = (high - low || Math.abs(high) || 1) * 0.08;
  const y = value => 12 + (1 - (value - low + pad) / (high - low + 2 * pad)) * (CHART_TALL - 24);
  const step = (wide - AXIS) / Math.max(1, points.length - 1);
  pen.fillStyle = colour("faint");
  for (const value of new Set([Math.min(...values), Math.max(...values)]))
    pen.fillText(number(value, series.decimals[series.seenOf]), wide - AXIS + 8, y(value));
  if (limit !== null) {
    pen.strokeStyle = colour("warning");
    pen.setLineDash([5, 4]);
    pen.beginPath();
    pen.moveTo(0, y(limit));
    pen.lineTo(wide - AXIS, y(limit));
    pen.stroke();
    pen.setLineDash([]);
    pen.fillStyle = colour("warning");
    pen.fillText(`${near.exact ? "" : "~"}${rough(limit)}`, wide - AXIS + 8, y(limit));
  }
  pen.strokeStyle = colour("text");
  pen.lineWidth = 1.3;
  pen.beginPath();
  points.forEach((p, i) => i ? pen.lineTo(i * step, y(p.value)) : pen.moveTo(0, y(p.value)));
  pen.stroke();
  if (points.length === 1) pen.strokeRect(0, y(values[0]) - 1, 2, 2);
}

function rulesTable(series) {
  return table("Rules of this series", [["Rule", ""], ["Condition", "text dim"], ["Threshold", "number"], ["Now", "number"], ["Of it", "number"]],
    rulesFor(series).map(rule => {
      const incident = incidentOf(series, rule.name), far = distance(series, rule, incident);
      return [[glyph(incident ? stateOf(incident) : "quiet"), " ", ruleLink(rule.name)], h("code", null, rule.definition.when),
              far ? `${far.exact ? "" : "~"}${rough(far.threshold)}` : NONE, far ? number(far.value) : NONE,
              far ? `${far.exact ? "" : "~"}${ratio(far.of)}` : NONE];
    }));
}

function headline(series) {
  const open = series.incidents.filter(isOpen);
  if (open.length) return [`${series.worst.rule} fires: `, h("span", { class: "dim" }, brief(series.worst.entry), ".")];
  if (series.state === "nodata") return ["No data. ", h("span", { class: "dim" }, `The newest row is of ${moment(series.ts)} UTC.`)];
  const near = series.nearest;
  return ["Not firing. ", h("span", { class: "dim" }, near ? `${near.column} is at ${near.exact ? "" : "about "}${ratio(near.of)} of the threshold of ${near.rule}.`
    : rulesFor(series).length ? "How near it is is not known before a first alert." : "No rule looks at it.")];
}

export function open(root, page, argument) {
  let id = argument, told = null;

  function choose() {
    if (id) return;
    id = page.last() || [...model.series.values()].sort((a, b) => (b.nearest?.of ?? -1) - (a.nearest?.of ?? -1))[0]?.id || "";
  }

  function body(series, nowUs, opened) {
    const values = Object.entries(series.values), seen = series.seen;
    return h("div", { class: "two" },
      h("div", { class: "pane", "data-pane": "series", tabindex: "0", role: "region", "aria-label": "Series" },
        h("div", { class: "crumb" }, h("a", { class: "back", href: "/markets", "data-key": "back" }, "\u2039 Markets"),
          h("span", null, glyph(series.state), " ", wordOf(series.state))),
        h("h1", null, series.last, " ", h("span", { class: "dim" }, series.rest)), h("p", { class: "verdict small" }, headline(series)),
        section(`${series.seenOf || "Values"} seen here`, seen.length ? `${count(seen.length, "row")} since ${clock(seen[0].ts)} UTC, while this page was open` : "none yet",
          h("canvas", { class: "chart", ...chart, role: "img", "aria-label": `${series.seenOf || "value"} of the rows seen here, and the threshold where it is known` }),
          h("details", { open: opened }, h("summary", { "data-key": "as-table" }, "Show as table"),
            table("Rows seen here", [["Time, UTC", ""], [series.seenOf || "value", "number"]], seen.slice(-15).reverse().map(p => [clock(p.ts), number(p.value, series.decimals[series.seenOf])])))),
        section("Rules", "~: the threshold of the rule's last word on this series", rulesFor(series).length ? rulesTable(series) : h("p", { class: "dim" }, "No rule looks at this table."))),
      h("aside", { class: "side", "data-pane": "side", tabindex: "0", "aria-label": "Newest row and incidents" },
        section("Newest row", `${age((nowUs - series.ts) / 1e6)} old`, h("dl", { class: "pairs" },
          values.map(([name, value]) => [h("dt", null, name), h("dd", null, number(value, series.decimals[name]))]),
          h("dt", null, "time, UTC"), h("dd", null, moment(series.ts)), h("dt", null, "series"), h("dd", { class: "mono" }, series.id))),
        section("Incidents", "7 days", h("div", { class: "lines" }, series.incidents.length ? series.incidents.slice(0, LIST_MOST).map(i => incidentRow(i)) : h("p", { class: "dim" }, "None.")))));
  }

  return {
    draw(nowUs) {
      choose();
      const series = model.series.get(id);
      if (told !== id) {
        told = id;
        if (series) page.last(id);
        command({ "redis-cli": redis("HGETALL", `tw:latest:${id}`), curl: `${api("latest")} | jq ${quoted(`.data.latest[] | select(.series == ${JSON.stringify(id)})`)}`, run: "./run tail" });
      }
      if (!series)
        return void show(root, h("p", { class: "wait" }, !model.versions.latest ? (link.state === "error" ? "No rows are known." : "Waiting for the first rows.")
          : id ? [`There is no series ${id}. `, h("a", { href: "/markets" }, "All series")] : "There is no series yet."));
      show(root, body(series, nowUs, $("details", root)?.open));
      draw($(".chart", root), series, series.nearest);
    },
    key(name) {
      if (name !== "escape") return false;
      page.go("/markets" + (id ? `?sel=${encodeURIComponent(id)}` : ""));
      return true;
    },
    themed: () => page.dirty(),
  };
}
