// markets -- is anything unusual, where, how far out? The table of all series, and what fired last.
import { h, show, write } from "./dom.js";
import { link } from "./feed.js";
import { api, command, redis } from "./frame.js";
import { firing, model } from "./model.js";
import { incidentRow, seriesLink } from "./parts.js";
import { Table } from "./table.js";
import { count, number, quoted, ratio } from "./words.js";

const COLUMNS_MOST = 3, RESORT_MS = 5000, FEED_MOST = 14;
const RANK = { critical: 0, warning: 1, info: 2, flapping: 3, nodata: 4, quiet: 5 };

const SHOWS = {
  all: ["All", () => true],
  firing: ["Firing", series => series.worst !== null],
  near: ["Above half", series => series.nearest !== null && series.nearest.of >= 0.5],
  silent: ["No data", series => series.state === "nodata"],
};

// Those that rules compare come first; they are shown in the order of the feed.
function chooseColumns() {
  const judged = new Set();
  for (const series of model.series.values()) {
    if (series.nearest) judged.add(series.nearest.column);
    if (judged.size >= COLUMNS_MOST) break;
  }
  const numeric = model.columns.filter(column => {
    for (const series of model.series.values())
      if (column in series.values) return typeof series.values[column] === "number";
    return false;
  });
  const chosen = new Set([...numeric.filter(c => judged.has(c)), ...numeric].slice(0, COLUMNS_MOST * 2));
  const first = [...chosen].slice(0, COLUMNS_MOST);
  return numeric.filter(column => first.includes(column));
}

function sorter(key) {
  const byName = (a, b) => a.last < b.last ? -1 : a.last > b.last ? 1 : a.id < b.id ? -1 : 1;
  const most = of => (a, b) => (of(b) ?? -Infinity) - (of(a) ?? -Infinity) || byName(a, b);
  if (key === "name") return byName;
  if (key === "age") return (a, b) => b.ts - a.ts || byName(a, b);
  if (key !== "near") return most(series => series.values[key]);
  const near = most(series => series.nearest?.of);
  return (a, b) => RANK[a.state] - RANK[b.state] || near(a, b);
}

function headline() {
  const open = firing(), series = new Set(open.map(i => i.series));
  if (model.rules.length === 0) return ["No rule is known yet. ", h("span", { class: "dim" }, `${count(model.series.size, "series", "series")} watched.`)];
  const out = [...series].map(id => model.series.get(id)).filter(s => s?.nearest)
    .sort((a, b) => b.nearest.of - a.nearest.of)[0];
  if (series.size === 0) {
    const near = [...model.series.values()].filter(s => s.nearest).sort((a, b) => b.nearest.of - a.nearest.of)[0];
    return ["Nothing is firing. ", near && h("span", { class: "dim" }, "Nearest: ", seriesLink(near.id),
            `, ${near.nearest.column} at ${near.nearest.exact ? "" : "about "}${ratio(near.nearest.of)} of its threshold.`)];
  }
  return [`${count(series.size, "series is", "series are")} firing. `,
          out && h("span", { class: "dim" }, "Furthest out: ", seriesLink(out.id),
                   `, ${out.nearest.column} ${number(out.nearest.value, out.decimals[out.nearest.column])}, ` +
                   `${out.nearest.exact ? "" : "about "}${ratio(out.nearest.of)} of its threshold.`)];
}

function summary() {
  const silent = [...model.series.values()].filter(s => s.state === "nodata").length;
  const unknown = [...model.series.values()].filter(s => !s.nearest).length;
  const bad = model.rules.filter(r => r.status?.state === "error").length;
  return [count(model.series.size, "series", "series"), `${count(model.rules.length, "rule")}`,
          bad && `${bad} in error`, silent && `${silent} without data`,
          unknown && `${unknown} whose distance is not known before their first alert`].filter(Boolean).join(", ");
}

function firstRun() {
  const step = (done, title, text, line) => h("li", { class: done && "done" }, h("b", null, title), " ",
    h("span", { class: "dim" }, text), line && h("pre", { tabindex: "0" }, line));
  return h("div", { class: "first", "data-pane": "first", tabindex: "0" }, h("h1", null, "Nothing is watched yet"),
    h("p", { class: "dim" }, "Tidewire runs. A few steps to the first alert; this page follows along."),
    h("ol", null, step(model.actors.length > 0, "The actors are up.", `${count(model.actors.length, "actor")} in Redis.`),
      step(false, "Give it a feed.", "The built-in market needs no account.", "./run demo"),
      step(model.rules.length > 0, "Say what is unusual.", "A condition over the rows of a table.", "./run rule add spike on trade when 'volume > 3 * avg(volume) OVER last_1h'"),
      step(false, "Say whom to tell.", "A webhook, a chat, an e-mail.", "./run subscriber add")));
}

export function open(root, page) {
  const query = page.query;
  let shows = SHOWS[query.get("show")] ? query.get("show") : "all";
  let sort = query.get("sort") || "near";
  let drawn = {}, sortedMs = 0, members = "", bare = null;

  const table = new Table({
    choose: series => choose(series), open: series => page.go(`/series/${encodeURIComponent(series.id)}`),
    sort: key => { sort = key; page.keep({ sort: key === "near" ? null : key }); columns(); resort(); page.dirty(); },
    moved: () => page.dirty(),
  });
  const title = h("h1"), note = h("p", { class: "dim" }), held = h("span", { class: "held" });
  const choice = h("div", { class: "choice", role: "group", "aria-label": "Show" });
  const by = h("select", { class: "by", "aria-label": "Sort by", onchange: event => table.on.sort(event.target.value) });
  const nothing = h("p", { class: "wait", hidden: true });
  const feed = h("div", { class: "lines" });
  const whole = h("div", { class: "markets" },
    h("section", { class: "main", "aria-label": "Series" },
      h("div", { class: "say" }, title, note),
      h("div", { class: "bar" }, choice, by, held), nothing, table.root),
    h("aside", { class: "feed", "aria-label": "Latest alerts", tabindex: "0" },
      h("h2", null, "Latest alerts", h("a", { href: "/alerts" }, "All alerts")), feed));
  choice.addEventListener("click", event => {
    if (!event.target.dataset.key) return;
    shows = event.target.dataset.key;
    page.keep({ show: shows === "all" ? null : shows });
    resort();
    table.root.scrollTop = 0;
    page.dirty();
  });

  function choose(series) {
    table.chosen = series;
    page.keep({ sel: series.id });
    tellCommand();
    page.dirty();
  }
  function tellCommand() {
    const id = table.chosen?.id;
    command(id ? { "redis-cli": redis("HGETALL", `tw:latest:${id}`),
                   curl: `${api("latest")} | jq ${quoted(`.data.latest[] | select(.series == ${JSON.stringify(id)})`)}`,
                   run: "./run tail" }
               : { "redis-cli": "redis-cli --scan --pattern 'tw:latest:*'", curl: api("latest"), run: "./run tail" });
  }
  function columns() {
    const chosen = chooseColumns();
    table.setColumns(chosen, sort);
    by.replaceChildren(...[["near", "nearest first"], ["name", "by name"], ...chosen.map(c => [c, `by ${c}`]), ["age", "newest first"]]
      .map(([value, text]) => h("option", { value, selected: value === sort }, text)));
  }
  function chosenSeries() {
    const sought = page.sought();
    return [...model.series.values()].filter(s => SHOWS[shows][1](s) && (!sought || s.words.includes(sought)));
  }
  function resort() {
    sortedMs = Date.now();
    table.setOrder(chosenSeries().sort(sorter(sort)));
  }
  // Rows under the pointer or the keyboard stay where they are; what is new comes behind them.
  function amend() {
    const now = new Set(chosenSeries());
    const kept = table.order.filter(series => now.delete(series) || model.series.get(series.id) === series);
    table.setOrder([...kept, ...now]);
  }
  function drawAround() {
    show(title, headline());
    write(note, summary());
    const all = [...model.series.values()];
    show(choice, Object.entries(SHOWS).map(([key, [word, is]]) => h("button", { type: "button", "data-key": key, "aria-pressed": String(key === shows) },
      `${word} ${all.filter(is).length.toLocaleString("en")}`)));
    show(feed, model.incidents.length ? model.incidents.slice(0, FEED_MOST).map(i => incidentRow(i))
                                      : h("p", { class: "wait" }, "Nothing has fired in the last 7 days."));
  }

  function draw(nowUs) {
    const known = Boolean(model.versions.latest), empty = known && model.series.size === 0;
    const wanted = !known ? "wait" : empty ? "first" : "table";
    if (bare !== wanted) {
      bare = wanted;
      if (wanted === "table") root.replaceChildren(whole);
      tellCommand();
    }
    if (wanted === "wait") {
      show(root, h("p", { class: "wait" }, link.state === "error" ? "No rows are known." : Date.now() - page.openedMs > 300 ? "Waiting for the first rows." : ""));
      return;
    }
    if (wanted === "first") return void show(root, firstRun());
    if (drawn.columns !== model.versions.columns || drawn.rules !== model.versions.rules) {
      columns();
      if (!table.held) resort(); // what is near is known only now
    }
    if (!table.chosen && query.get("sel")) {
      table.chosen = model.series.get(query.get("sel")) || null;
      tellCommand();
    }
    const now = `${model.series.size} ${shows} ${page.sought()}`;
    if (now.split(" ").slice(1).join() !== members.split(" ").slice(1).join()) resort();
    else if (table.held ? now !== members : Date.now() - sortedMs > RESORT_MS || now !== members) table.held ? amend() : resort();
    members = now;
    if (drawn.around !== Math.floor(nowUs / 1e6) || drawn.incidents !== model.versions.incidents) {
      drawAround();
      drawn.around = Math.floor(nowUs / 1e6);
    }
    write(held, table.held ? "Order held while you are in the table; s sorts" : sort === "near" ? "Firing first, then nearest to it" : "");
    nothing.hidden = table.order.length > 0;
    if (!nothing.hidden) write(nothing, page.sought() ? `No series has \u201c${page.sought()}\u201d${shows === "all" ? "" : " among these"}. Esc clears.` : "No series is among these.");
    Object.assign(drawn, { columns: model.versions.columns, rules: model.versions.rules, incidents: model.versions.incidents });
    table.draw(nowUs);
  }

  function key(name) {
    if (name === "down" || name === "up") {
      const next = table.move(name === "down" ? 1 : -1);
      if (next) choose(next);
    } else if (name === "enter" && table.chosen) table.on.open(table.chosen);
    else if (name === "s") { resort(); page.dirty(); }
    else return false;
    return true;
  }
  return { draw, key, close: () => table.close(), themed: () => { table.colours(); page.dirty(); } };
}
