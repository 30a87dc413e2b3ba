// parts -- what several views say: what an alert means in a sentence, and a row of the feed.
import { h } from "./dom.js";
import { compares, isOpen, model } from "./model.js";
import { clock, count, glyph, minute, moment, named, number, ratio, rough } from "./words.js";

export const SEVERITY = { critical: "Critical", warning: "Warning", info: "Info" };
// Of a series or a name; half a character cannot be said in an address.
export const at = path => String(path).replace(/\p{Surrogate}/gu, "\ufffd").split("/").map(encodeURIComponent).join("/");
export const seriesLink = (id, ...inside) => h("a", { href: `/series/${at(id)}` }, inside.length ? inside : named(id).last);
export const ruleLink = name => h("a", { href: `/rules/${at(name)}` }, name);

export const stateOf = incident => incident.state === "flapping" ? "flapping"
  : isOpen(incident) ? incident.severity : "resolved";

// The entry by which an incident began, if it is among those that are known.
export function began(entry) {
  const known = id => model.alerts.find(other => other.id === id) ||
    model.incidents.find(other => other.id === id)?.entry;
  return entry.opened ? known(entry.opened) || null : entry;
}

export const evidence = entry => !Array.isArray(entry.evidence) ? [] : entry.evidence.filter(e => e && typeof e === "object");
const proven = (entry, window) => evidence(entry).find(e => e.window === window && typeof e.avg === "number");

const strong = text => h("b", null, text);

// What was compared, in words: pieces of one sentence.
export function verdict(entry) {
  const how = compares(entry.when || "");
  const value = how && entry.columns ? entry.columns[how.column] : undefined;
  if (entry.kind === "nodata") return ["No row has come since ", strong(moment(entry.since)), " UTC."];
  if (entry.kind === "data") return ["Rows come again; none had come since ", strong(moment(entry.since)), " UTC."];
  if (typeof value !== "number" || typeof entry.threshold !== "number")
    return ["The rule ", entry.kind === "resolved" ? "no longer holds: " : "holds: ", strong(entry.when || ""), "."];
  const proof = proven(entry, how.window);
  if (how.times !== null && proof && proof.avg > 0)
    return [`${how.column} `, strong(number(value)), " is ", h("b", { class: "much" }, ratio(value / proof.avg)),
            " the average ", strong(rough(proof.avg)), ` of ${count(proof.rows, "row")}, ${proof.window}. The rule `,
            `holds ${how.above ? "above" : "below"} ${how.times} times.`];
  return [`${how.column} `, strong(number(value)), ` is ${how.above === value > entry.threshold ? (how.above ? "above" : "below") : "not beyond"} `,
          strong(rough(entry.threshold)), entry.threshold > 0 && value >= 0 ? [": ", h("b", { class: "much" }, ratio(value / entry.threshold)), " of it."] : "."];
}

// The same, short, for a line of the feed.
export function brief(entry) {
  const how = compares(entry.when || "");
  const value = how && entry.columns ? entry.columns[how.column] : undefined;
  if (entry.kind === "nodata" || entry.kind === "data") return verdict(entry);
  if (typeof value !== "number") return entry.when || "";
  const proof = proven(entry, how.window);
  return how.times !== null && proof?.avg > 0
    ? [`${how.column} `, h("b", { class: "much" }, ratio(value / proof.avg)), ` its average, ${proof.window}`]
    : typeof entry.threshold === "number"
      ? [`${how.column} `, h("b", { class: "much" }, number(value)), ` against ${rough(entry.threshold)}`]
      : [`${how.column} ${number(value)}`];
}

export function incidentRow(incident, chosen) {
  const name = named(incident.series);
  const first = began(incident.entry); // what ended it says nothing of why it began
  const words = incident.state === "flapping" ? "flapping"
    : isOpen(incident) ? `since ${minute(incident.since)}` : `over, ${minute(incident.since)} to ${minute(incident.ts)}`;
  return h("a", { class: "line", href: `/alerts/${incident.id}`, "data-key": incident.id,
                  "aria-current": chosen && "true" },
           glyph(stateOf(incident)), h("span", { class: "who" }, h("b", null, name.last), " ", h("span", { class: "faint" }, name.rest)),
           h("span", { class: "when" }, clock(isOpen(incident) ? incident.since : incident.ts)),
           h("span", { class: "what" }, `${SEVERITY[incident.severity] || incident.severity}, ${words}. `,
             first && brief(first)));
}

export const section = (title, note, ...inside) =>
  h("section", { class: "sect" }, h("h2", null, title, note && h("span", null, note)), inside);

// A table that scrolls by itself where it is too wide. Columns: [title, class].
export function table(label, columns, rows) {
  return h("div", { class: "wide", tabindex: "0", role: "region", "aria-label": label, "data-pane": label },
           h("table", null, h("thead", null, h("tr", null, columns.map(([title, kind]) => h("th", { class: kind, scope: "col" }, title)))),
             h("tbody", null, rows.map(cells => h("tr", null, cells.map((cell, i) => h("td", { class: columns[i][1] }, cell)))))));
}
