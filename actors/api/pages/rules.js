// rules -- which rules work, and what does each watch? Rules are written in Redis or the
// configuration, not here: the command bar says how.
import { h, show } from "./dom.js";
import { link } from "./feed.js";
import { api, command, redis } from "./frame.js";
import { isOpen, model } from "./model.js";
import { at, incidentRow, section, seriesLink, table } from "./parts.js";
import { NONE, count, glyph, moment, number, quoted, ratio } from "./words.js";

const NEAREST_MOST = 12, INCIDENTS_MOST = 100;

function stateOf(rule) {
  if (rule.status?.state === "error") return ["error", "error"];
  if (!rule.definition) return ["off", "removed"];
  if (rule.definition.enabled === "0" || rule.status?.state === "disabled") return ["off", "off"];
  const open = model.incidents.filter(i => i.rule === rule.name && isOpen(i));
  if (open.length) return [open[0].state === "flapping" ? "flapping" : open[0].severity, `${open.length} open`];
  return rule.status ? ["good", "ok"] : ["waiting", "not judged yet"];
}

// PostgreSQL's words, with the character that they mean.
function fault(rule) {
  const text = rule.status.error || "", when = rule.definition?.when;
  return h("div", { class: "fault" }, when && h("pre", { tabindex: "0" }, when), h("pre", { class: "critical", tabindex: "0" }, text));
}

function nearest(rule) {
  const near = [...model.series.values()].filter(s => s.nearest?.rule === rule.name)
    .sort((a, b) => b.nearest.of - a.nearest.of).slice(0, NEAREST_MOST);
  if (near.length === 0) return null;
  return section("Nearest to it", "series that this rule is the nearest of",
    table("Nearest to this rule", [["Series", ""], ["Now", "number"], ["Threshold", "number"], ["Of it", "number"]], near.map(s =>
      [[glyph(s.state), " ", seriesLink(s.id), " ", h("span", { class: "faint" }, s.rest)], number(s.nearest.value, s.decimals[s.nearest.column]),
       `${s.nearest.exact ? "" : "~"}${number(s.nearest.threshold)}`, `${s.nearest.exact ? "" : "~"}${ratio(s.nearest.of)}`])));
}

function detail(rule) {
  const [state, word] = stateOf(rule), definition = rule.definition || {}, status = rule.status || {};
  const mine = model.incidents.filter(i => i.rule === rule.name);
  const from = { redis: "written in Redis", configuration: "of the configuration" }[rule.from] || "no longer written anywhere";
  return [h("div", { class: "crumb" }, h("a", { class: "back", href: "/rules", "data-key": "back" }, "\u2039 Rules"), h("span", null, glyph(state, word), " ", word), h("span", null, from)),
    h("h1", null, rule.name, " ", h("span", { class: "dim" }, definition.on ? `on ${definition.on}` : "")),
    state === "error" ? fault(rule) : h("pre", { class: "condition", tabindex: "0" }, definition.when || ""),
    definition.note && h("p", { class: "note" }, definition.note),
    h("div", { class: "halves" },
      section("As written", null, h("dl", { class: "pairs" }, Object.entries(definition).filter(([name]) => name !== "when" && name !== "note").map(([name, value]) => [h("dt", null, name), h("dd", null, value)]))),
      section("As judged", null, h("dl", { class: "pairs" }, [["alerts ever", status.alerts === undefined ? "0" : number(status.alerts)], ["last alert, UTC", status.last ? moment(status.last) : NONE],
        ["cost of a row", status.cost === undefined ? NONE : `${number(status.cost)} ns`], ["judged by", status.by || NONE]].map(([name, value]) => [h("dt", null, name), h("dd", null, value)])))),
    nearest(rule), section("Incidents", `${mine.length} in 7 days`, h("div", { class: "lines" }, mine.length ? mine.slice(0, INCIDENTS_MOST).map(i => incidentRow(i)) : h("p", { class: "dim" }, "None.")))];
}

function commands(rule) {
  if (!rule) return { "redis-cli": "redis-cli --scan --pattern 'tw:rule:*'", curl: api("rules"), run: "./run rule list" };
  const d = rule.definition;
  if (rule.status?.state === "error" || !d) return { "redis-cli": redis("HGETALL", `tw:status:${rule.name}`), curl: api("rules"), run: "./run rule list" };
  return { "redis-cli": `redis-cli HSET ${quoted(`tw:rule:${rule.name}`)} on ${quoted(d.on || "")} when ${quoted(d.when || "")}`,
           curl: api("rules"), run: `./run rule try ${quoted(d.when || "")} on ${quoted(d.on || "")}` };
}

export function open(root, page, argument) {
  let told = null;
  const listed = () => model.rules.filter(r => !page.sought() || `${r.name} ${r.definition?.when || ""}`.toLowerCase().includes(page.sought()));
  const narrow = () => matchMedia("(max-width: 700px)").matches;
  const chosenOf = list => argument ? model.rules.find(r => r.name === argument)
    : narrow() ? null : list.find(r => r.status?.state === "error") || list[0];

  function draw() {
    const list = listed(), rule = chosenOf(list), bad = model.rules.filter(r => r.status?.state === "error").length;
    const now = JSON.stringify(rule?.definition || null) + rule?.status?.state;
    if (told !== now) {
      told = now;
      command(commands(rule));
    }
    const known = Boolean(model.versions.rules);
    show(root, h("div", { class: `split${argument ? " has" : ""}` },
      h("section", { class: "list", "data-pane": "list", "aria-label": "Rules", tabindex: "0" },
        h("div", { class: "lead" }, h("h2", null, count(model.rules.length, "rule"), bad ? `, ${bad} in error` : "")),
        list.length ? h("div", { class: "lines" }, list.map(r => {
          const [state, word] = stateOf(r);
          return h("a", { class: "line", href: `/rules/${at(r.name)}`, "data-key": `rule ${r.name}`, "aria-current": r === rule && "true" }, glyph(state, word),
                   h("span", { class: "who" }, h("b", null, r.name)), h("span", { class: `when ${state === "error" ? "critical" : ""}` }, word), h("code", { class: "what" }, r.definition?.when || ""));
        })) : h("p", { class: "wait" }, !known ? (link.state === "error" ? "No rules are known." : "Waiting for the first answer.")
              : page.sought() ? `No rule has \u201c${page.sought()}\u201d. Esc clears.` : "No rule is written yet.")),
      h("section", { class: "pane", "data-pane": "rule", "aria-label": "Rule", tabindex: "0" }, rule ? detail(rule)
        : h("p", { class: "dim" }, argument && known ? `There is no rule ${argument}.` : "Choose a rule to see what it watches."))));
  }
  function key(name) {
    const list = listed();
    if (name === "down" || name === "up") {
      const next = list[Math.max(0, Math.min(list.length - 1, list.indexOf(chosenOf(list)) + (name === "down" ? 1 : -1)))];
      if (next) page.go(`/rules/${encodeURIComponent(next.name)}`, true);
    } else if (name === "escape" && argument) page.go("/rules");
    else return false;
    return true;
  }
  return { draw, key };
}
