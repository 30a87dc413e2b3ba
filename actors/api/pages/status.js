// status -- does the pipeline keep up, and is data refused? Actors in the order in which a row
// passes them, the staged logs, and what was refused.
import { h, show } from "./dom.js";
import { link } from "./feed.js";
import { api, command } from "./frame.js";
import { model } from "./model.js";
import { section, table } from "./parts.js";
import { NONE, age, bytes, count, glyph, number, ordinal } from "./words.js";

const NEEDED = ["collector", "prep", "transform", "notifier", "broker"];
const LAG_S = 30; // as docs/status.md has it: from here on it is ill
const REFUSED = [ // figure, what it means
  ["quarantined", "rows that the mapping or a check refused"], ["push_malformed", "pushed frames that are none"], ["push_unknown_source", "pushed frames of unknown sources"],
  ["malformed", "messages that are none"], ["forged", "messages that no collector has sealed"], ["dropped", "messages that could not be used"],
  ["late", "rows that came too late"], ["polls_failed", "polls that failed"], ["sources_failing", "sources that fail now"], ["files_failed", "files that could not be read"],
  ["gaps", "gaps in a staged log"], ["push_gaps", "gaps in what clients pushed"], ["deliveries_failed", "deliveries given up"], ["handshakes_failed", "connections that ended before their handshake"],
  ["entries_left_out", "incidents and alerts in Redis that are none, now"], ["looks_failed", "looks into Redis that failed"],
];

const of = role => model.actors.filter(a => a.role === role);
const total = (list, figure) => list.reduce((sum, a) => sum + (typeof a[figure] === "number" ? a[figure] : 0), 0);
const most = (list, figure) => list.reduce((top, a) => Math.max(top, typeof a[figure] === "number" ? a[figure] : 0), 0);

function stations() {
  const c = of("collector"), p = of("prep"), t = of("transform"), n = of("notifier"), b = of("broker"), a = of("api");
  return [
    ["collector", c, `${number(total(c, "records_s"))} records/s`, `${bytes(total(c, "bytes_s"))}/s; ${count(total(c, "lag"), "record")} to commit`],
    ["prep", p, count(total(p, "rows"), "row"), `of ${count(total(p, "records"), "record")}; ${number(total(p, "quarantined"))} refused`],
    ["transform", t, `${number(total(t, "rows_s"))} rows/s`, `${number(total(t, "series"))} series; ${number(most(t, "behind"))} behind`],
    ["notifier", n, `${number(total(n, "published"))} published`, `${number(total(n, "lag"))} wait; ${number(total(n, "deliveries_pending"))} deliveries pending`],
    ["broker", b, `${number(total(b, "subscriptions"))} subscriptions`, `${number(total(b, "forwarded"))} forwarded`],
    ["api", a, count(total(a, "requests"), "request"), `${number(total(a, "unchanged"))} unchanged`],
  ];
}

function headline() {
  const missing = NEEDED.filter(role => of(role).length === 0), lag = most(of("collector"), "lag_s");
  if (missing.length) return [`No ${missing.join(", no ")} runs. `, h("span", { class: "dim" }, "Nothing is judged or told as it should be.")];
  if (lag > LAG_S) return ["It does not keep up. ", h("span", { class: "dim" }, `The oldest record has waited ${age(lag)} to be worked on.`)];
  const refused = total(of("prep"), "quarantined"), behind = most(of("transform"), "behind");
  return [`${count(model.actors.length, "actor runs", "actors run")}. `, h("span", { class: "dim" },
    `${behind ? `Up to ${count(behind, "record")} behind the head of the log` : "None is behind the head of its log"}; ${refused ? `${count(refused, "row")} refused.` : "no row was refused."}`)];
}

function streams() {
  const list = of("collector");
  return list.length ? table("Streams", [["Stream", ""], ["State", ""], ["Durable", "number"], ["Committed", "number"], ["Waiting", "number"], ["Oldest waits", "number"]], list.map(c =>
    [String(c.stream || c.name), [glyph(c.state === "collecting" ? "good" : "waiting", String(c.state)), ` ${c.state}`], ordinal(c.last_seq), ordinal(c.committed), ordinal(c.lag), age(c.lag_s || 0)]))
    : h("p", { class: "dim" }, "No collector runs.");
}

function refused() {
  const rows = model.actors.flatMap(a => REFUSED.filter(([figure]) => typeof a[figure] === "number" && a[figure] > 0).map(([figure, what]) => [a.name, what, number(a[figure])]));
  return rows.length ? table("Refused", [["Actor", ""], ["What", "text dim"], ["How many", "number"]], rows) : h("p", { class: "dim" }, "Nothing was refused, and no source fails.");
}

export function open(root) {
  command({ "redis-cli": "redis-cli --scan --pattern 'tw:actor:*'", curl: api("status"), run: "./run status" });
  return {
    draw() {
      if (!model.versions.status)
        return void show(root, h("p", { class: "wait" }, link.state === "error" ? "No actors are known." : "Waiting for the first answer."));
      show(root, h("div", { class: "page", "data-pane": "status", tabindex: "0", role: "region", "aria-label": "Status" }, h("h1", null, headline()),
        h("ol", { class: "pipe" }, stations().map(([role, list, figure, note]) => h("li", null,
          h("b", null, glyph(list.length ? "good" : role === "api" ? "off" : "error", list.length ? "Runs" : "Does not run"), ` ${role}${list.length > 1 ? ` \u00d7 ${list.length}` : ""}`),
          h("div", { class: "figure" }, list.length ? figure : NONE), h("p", null, list.length ? note : "none says that it lives")))),
        section("Streams", "the staged log", streams()),
        h("div", { id: "quarantine" }, section("Refused", "since each actor began", refused())),
        section("Actors", `${model.actors.length} in all`, table("Actors", [["Name", ""], ["Role", "dim"], ["Process", "number"], ["Clock off by", "number"], ["State", ""]],
          model.actors.map(a => [a.name, a.role, a.pid === undefined ? NONE : String(a.pid), typeof a.skew_ms === "number" ? `${a.skew_ms} ms` : NONE, String(a.state || "runs")])))));
    },
    key: () => false,
  };
}
