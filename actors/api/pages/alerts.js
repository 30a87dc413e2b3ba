// alerts -- what fired, and why? Incidents, the open ones first, and the proof of one.
import { h, show } from "./dom.js";
import { link } from "./feed.js";
import { api, command, redis } from "./frame.js";
import { compares, isOpen, model } from "./model.js";
import { SEVERITY, at, began, evidence, incidentRow, ruleLink, section, seriesLink, stateOf, table, verdict } from "./parts.js";
import { NONE, between, clock, colourOf, count, glyph, moment, named, number, ratio, rough } from "./words.js";

const LIST_MOST = 200;
const SHOWS = { all: ["All", () => true], open: ["Open", isOpen], over: ["Over", incident => !isOpen(incident)] };

// An incident by the id of any entry of it; an alert that began none stands for itself.
function find(id) {
  const entry = model.alerts.find(e => e.id === id) || model.incidents.find(i => i.id === id)?.entry;
  const incident = model.incidents.find(i => i.id === id || i.entry.opened === id) ||
    (entry && model.incidents.find(i => i.rule === entry.rule && i.series === entry.series && i.since === entry.since));
  return { entry: entry || incident?.entry, incident };
}

function proof(entry) {
  const how = compares(entry.when || ""), value = how && entry.columns?.[how.column];
  const lines = [];
  if (typeof value === "number") lines.push(["New row", number(value), `${how.column} at ${clock(entry.ts)} UTC`]);
  for (const e of evidence(entry))
    lines.push([`${e.expr}`, rough(e.value), `${e.window || ""}${e.rows !== undefined ? `, ${count(e.rows, "row")}` : ""}` +
      `${typeof e.sum === "number" ? `, sum ${number(e.sum)}` : ""}${e.exact === false ? "; shown rounded" : ""}`]);
  if (typeof entry.threshold === "number") lines.push(["Threshold", rough(entry.threshold), "what the new row is held against"]);
  if (typeof entry.ratio === "number") lines.push(["New row of threshold", ratio(entry.ratio), `${entry.ratio}`]);
  return h("dl", { class: "proof" }, lines.map(([name, text, note]) => [h("dt", null, name), h("dd", null, text), h("dd", null, note)]));
}

function stages(entry) {
  const s = entry.stamps || {}, steps = [["received to staged", s.recv, s.staged], ["staged to prepared", s.staged, s.prep],
    ["prepared to judged", s.prep, s.fired], ["judged to published", s.fired, entry.at]];
  return table("Where it comes from", [["Step", "dim"], ["Time", "number"]],
    [["record", entry.record ? `${entry.record.stream}, ${entry.record.seq}, row ${entry.record.row}` : NONE],
     ...steps.filter(([, a, b]) => a > 0 && b > 0).map(([name, a, b]) => [name, `${((b - a) / 1000).toFixed(1)} ms`])]);
}

function explain({ entry, incident }, nowUs) {
  const first = began(entry) || entry, name = named(entry.series), state = incident ? stateOf(incident) : "quiet";
  const severity = entry.severity;
  const lasts = !incident ? "an alert" : isOpen(incident) ? `${incident.state} for ${between(incident.since, nowUs)}`
    : `over after ${between(incident.since, incident.ts)}`;
  return [h("div", { class: "crumb" }, h("a", { class: "back", href: "/alerts", "data-key": "back" }, "\u2039 Alerts"),
      h("span", { class: `severity ${colourOf(severity)}` }, glyph(state), " ", SEVERITY[severity] || severity), h("span", null, lasts), ruleLink(entry.rule),
      h("a", { class: "button acts", href: `/series/${at(entry.series)}`, "data-key": "open" }, "Open series ", h("kbd", null, "o"))),
    h("h1", null, name.last, " ", h("span", { class: "dim" }, name.rest)),
    h("p", { class: `verdict of-${severity}` }, verdict(first)), entry.note && h("p", { class: "note" }, entry.note),
    first.kind === "resolved" && h("p", { class: "dim" }, "The entry by which it began is no longer among the newest 100; this is the one that ended it."),
    proof(first), h("p", { class: "dim" }, "Rule: ", h("code", null, first.when || "")),
    h("div", { class: "halves" }, section("Row", null, h("dl", { class: "pairs" }, Object.entries(first.columns || {}).map(([c, v]) => [h("dt", null, c), h("dd", null, number(v))]),
        h("dt", null, "time, UTC"), h("dd", null, moment(first.ts)))),
      section("Where it comes from", null, stages(first))),
    first !== entry && section("How it ended", `${moment(entry.ts)} UTC`, h("p", { class: "dim" }, verdict(entry), entry.reason ? ` Reason: ${entry.reason}.` : "")),
    h("p", { class: "faint mono" }, first.id)];
}

export function open(root, page, argument) {
  let shows = SHOWS[page.query.get("show")] ? page.query.get("show") : "all", told = null;
  const listed = () => model.incidents.filter(i => SHOWS[shows][1](i) &&
    (!page.sought() || `${i.series} ${named(i.series).last} ${i.rule}`.toLowerCase().includes(page.sought())));
  const narrow = () => matchMedia("(max-width: 700px)").matches;

  function draw(nowUs) {
    const list = listed(), chosen = argument ? find(argument) : narrow() || !list[0] ? null : { entry: list[0].entry, incident: list[0] };
    const id = chosen?.entry?.id, first = chosen?.entry && (began(chosen.entry) || chosen.entry);
    if (told !== id || told === null) {
      told = id || "";
      command(first ? { "redis-cli": redis("HGETALL", `tw:delivery:${first.id}`), curl: api("alerts?limit=256"), run: `./run explain ${first.id}` }
                    : { "redis-cli": "redis-cli XREVRANGE tw:alerts + - COUNT 50", curl: api("incidents"), run: "./run tail" });
    }
    const known = Boolean(model.versions.incidents);
    show(root, h("div", { class: `split${argument ? " has" : ""}` },
      h("section", { class: "list", "data-pane": "list", "aria-label": "Alerts", tabindex: "0" },
        h("div", { class: "lead" }, h("div", { class: "choice", role: "group", "aria-label": "Show" }, Object.entries(SHOWS).map(([key, [word, is]]) =>
          h("button", { type: "button", "data-key": key, "data-show": key, "aria-pressed": String(key === shows) }, `${word} ${model.incidents.filter(is).length}`)))),
        list.length ? h("div", { class: "lines" }, list.slice(0, LIST_MOST).map(i => incidentRow(i, i === chosen?.incident)))
          : h("p", { class: "wait" }, !known ? (link.state === "error" ? "No incidents are known." : "Waiting for the first answer.")
              : page.sought() ? `No incident has \u201c${page.sought()}\u201d. Esc clears.` : "Nothing has fired in the last 7 days."),
        list.length > LIST_MOST && h("p", { class: "wait" }, `and ${count(list.length - LIST_MOST, "older one")}`)),
      h("section", { class: "pane", "data-pane": "explain", "aria-label": "Why", tabindex: "0" }, chosen?.entry ? explain(chosen, nowUs)
        : h("p", { class: "dim" }, argument && known ? ["This alert is not among those of the last 7 days that are told here. ", h("code", null, `./run explain ${argument}`)] : "Choose an alert to see why it fired."))));
  }

  root.addEventListener("click", clicked);
  function clicked(event) {
    const key = event.target.dataset?.show;
    if (!key) return;
    shows = key;
    page.keep({ show: key === "all" ? null : key });
    page.dirty();
  }
  function key(name) {
    const list = listed(), chosen = argument ? find(argument) : list[0] && { entry: list[0].entry, incident: list[0] };
    if (name === "down" || name === "up") {
      const next = list[Math.max(0, Math.min(list.length - 1, list.indexOf(chosen?.incident) + (name === "down" ? 1 : -1)))];
      if (next) page.go(`/alerts/${next.id}`, true);
    } else if (name === "o" && chosen?.entry) page.go(`/series/${encodeURIComponent(chosen.entry.series)}`);
    else if (name === "escape" && argument) page.go("/alerts");
    else return false;
    return true;
  }
  return { draw, key, close: () => root.removeEventListener("click", clicked) };
}
