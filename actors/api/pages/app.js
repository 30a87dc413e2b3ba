// app -- which view is open, what keys do, and when something is drawn: at most once a frame.
import { $ } from "./dom.js";
import { begin as beginFeed, link } from "./feed.js";
import * as frame from "./frame.js";
import { settle } from "./model.js";
import * as alerts from "./alerts.js";
import * as markets from "./markets.js";
import * as rules from "./rules.js";
import * as series from "./series.js";
import * as status from "./status.js";

const views = { markets, series, alerts, rules, status };
const BY_LETTER = { m: "markets", s: "series", a: "alerts", r: "rules", t: "status" };
const CHORD_MS = 900, TEXT_MS = 250, STILL_MS = 1000; // text views, and whoever wants no motion
const AGAIN_MS = 1000; // a view that could not be opened

const root = $("#main"), find = $("#find");
const still = matchMedia("(prefers-reduced-motion: reduce)");
let view = null, name = "", changed = true, moved = true, drawnMs = 0, triedMs = 0, chordMs = 0, lastSeries = null;

const page = {
  openedMs: Date.now(), query: new URLSearchParams(),
  dirty() { moved = true; },
  sought: () => find.value.trim().toLowerCase(),
  // What is typed or chosen replaces the address, so that every state is a link.
  keep(values) {
    for (const [key, value] of Object.entries(values)) value ? page.query.set(key, value) : page.query.delete(key);
    const query = page.query.toString();
    history.replaceState(null, "", location.pathname + (query ? `?${query}` : ""));
  },
  go(path, instead = false) {
    instead ? history.replaceState(null, "", path) : history.pushState(null, "", path);
    route();
  },
  last(id) {
    if (id) lastSeries = id;
    return lastSeries;
  },
};

function argumentOf(path) {
  const text = path.split("/").slice(2).join("/");
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function openView() {
  const wanted = location.pathname.split("/")[1], old = view;
  view = null; // until this one is open: else openView is tried again
  triedMs = Date.now();
  old?.close?.();
  name = views[wanted] ? wanted : "markets";
  page.query = new URLSearchParams(location.search);
  find.value = page.query.get("q") || "";
  root.replaceChildren();
  view = views[name].open(root, page, argumentOf(location.pathname));
  moved = true;
  paint(true);
}

const route = () => frame.guarded(openView);

function paint(now = false) {
  const ms = Date.now();
  const wait = still.matches ? STILL_MS : name === "markets" ? 0 : TEXT_MS;
  const second = Math.floor(ms / 1000) !== Math.floor(drawnMs / 1000);
  if (!now && !moved && !((changed || second) && ms - drawnMs >= wait)) return;
  changed = moved = false;
  drawnMs = ms; // also of what throws: that is tried again as often as something is drawn
  settle();
  if (now || second) {
    frame.drawHeader(name);
    frame.drawBanner();
    frame.speakChanges();
  }
  // What is stale does not grow older by the second: it is told how old it is.
  view.draw(link.state === "stale" ? link.sinceMs * 1000 : ms * 1000);
}

// ---- keys

const KEYS = { ArrowDown: "down", ArrowUp: "up", Enter: "enter", Escape: "escape" };
const LETTERS = { j: "down", k: "up", s: "s", o: "o" };

function letter(key) {
  if (Date.now() - chordMs < CHORD_MS && BY_LETTER[key]) {
    chordMs = 0;
    page.go(`/${BY_LETTER[key]}`);
  } else if (key === "g") chordMs = Date.now();
  else if (key === "/") find.focus();
  else if (key === "y") frame.copy();
  else if (key === "d") $("#theme").click();
  else if (key === "?") frame.showKeys();
  else if (frame.FORMS[Number(key) - 1]) frame.chooseForm(frame.FORMS[Number(key) - 1]);
  else return LETTERS[key] ? view?.key(LETTERS[key]) : false;
  return true;
}

function clearSought() {
  find.value = "";
  find.dispatchEvent(new Event("input"));
}

function keydown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("#keys").open) return;
  const inside = event.target.matches("input, select, textarea");
  if (inside) {
    if (event.target === find && event.key === "Escape") { find.value ? clearSought() : find.blur(); event.preventDefault(); }
    if (event.target === find && event.key === "Enter") { find.blur(); $(".grid")?.focus(); event.preventDefault(); }
    return;
  }
  const own = event.key === "Enter" && event.target.matches("a, button, summary"); // it knows what to do
  if (own) return;
  if (event.key === "Escape" && find.value) return clearSought();
  const done = KEYS[event.key] ? view?.key(KEYS[event.key]) : frame.lettersOn() && letter(event.key);
  if (done) event.preventDefault();
}

// ---- begin

document.addEventListener("keydown", keydown);
document.addEventListener("click", event => {
  const link = event.target.closest("a[href^='/']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  page.go(link.getAttribute("href"));
});
find.addEventListener("input", () => {
  page.keep({ q: find.value.trim() || null });
  if (name === "series" || name === "status") page.go(`/markets${location.search}`);
  moved = true;
});
addEventListener("popstate", route);
addEventListener("resize", () => { moved = true; });
new MutationObserver(() => { view?.themed?.(); moved = true; })
  .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
frame.begin();
route();
beginFeed(() => { changed = true; });
frame.eachFrame(() => {
  if (document.hidden) return;
  if (view) paint();
  else if (Date.now() - triedMs >= AGAIN_MS) openView();
});
