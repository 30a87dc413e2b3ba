// feed -- from the api into the model: events while there are some, else lists by ETag. It knows how
// old what is shown is, and says so.
import { hear, moment, row, take, tell } from "./model.js";

const LISTS = { latest: 1000, incidents: 2000, alerts: 2000, status: 2000, rules: 5000 }; // ms
const LATEST_WITH_EVENTS_MS = 10000; // so that what is gone goes
const HIDDEN = 5;                    // a tab that nobody sees asks so many times less often
const STALE_MS = 8000, ASK_MOST_MS = 10000, SOON_MS = 150, EVENTS_AGAIN_MS = 30000;

export const link = { state: "connecting", sinceMs: Date.now(), reason: "", events: false, failedAt: 0 };

const lists = {};
let changed = () => {};

class Refused extends Error {}

async function ask(list) {
  const headers = list.tag ? { "If-None-Match": list.tag } : {}, asked = moment();
  const answer = await fetch(`/api/v1/${list.name}`,
                             { headers, cache: "no-store", signal: AbortSignal.timeout(ASK_MOST_MS) })
    .catch(() => { throw new Refused("the api does not answer"); });
  if (answer.status === 304) return;
  const body = await answer.json().catch(() => null);
  if (answer.status !== 200 || body?.status !== "success")
    throw new Refused(body?.error || `the api answers ${answer.status}`);
  const whole = take(list.name, body.data[Object.keys(body.data)[0]], asked);
  list.tag = whole ? answer.headers.get("ETag") : null; // else it is asked for again
}

async function turn(list) {
  list.timer = 0;
  list.asking = true;
  try {
    await ask(list);
    list.goodMs = Date.now();
    list.error = null;
  } catch (error) {
    list.error = error instanceof Refused ? error.message : `this page cannot use its ${list.name}: ${error.message}`;
  }
  list.asking = false;
  const every = list.name === "latest" && link.events ? LATEST_WITH_EVENTS_MS : LISTS[list.name];
  plan(list, list.again ? SOON_MS : document.hidden && !list.error ? every * HIDDEN : every);
  list.again = false;
  judge();
  changed();
}

function plan(list, ms) {
  clearTimeout(list.timer);
  list.dueMs = Date.now() + ms;
  list.timer = setTimeout(() => turn(list), ms);
}

// One that is due before is not put off: in a storm of events it would never be asked for.
function soon(name) {
  const list = lists[name];
  if (list.asking) list.again = true;
  else if (list.dueMs > Date.now() + SOON_MS) plan(list, SOON_MS);
}

// What is shown is as old as the older of rows and incidents.
export function judge() {
  const now = Date.now(), needed = [lists.latest, lists.incidents];
  const slack = document.hidden ? HIDDEN : 1;
  const bad = needed.find(list => list.error) ||
    needed.find(list => list.goodMs && now - list.goodMs >
                (link.events ? LATEST_WITH_EVENTS_MS : 0) + STALE_MS * slack);
  const before = link.state;
  link.reason = bad?.error || "";
  if (needed.every(list => list.goodMs)) {
    link.sinceMs = Math.min(...needed.map(list => list.goodMs));
    link.state = bad ? "stale" : "live";
  } else {
    link.state = bad ? "error" : "connecting";
  }
  return before !== link.state;
}

// A browser has six connections to a place, for all of its tabs: a tab that nobody sees keeps none.
let events = null;

function leave() {
  events?.close();
  events = null;
  link.events = false;
}

function follow() {
  leave();
  if (document.hidden) return;
  const mine = events = new EventSource("/api/v1/events");
  const on = (name, act) => events.addEventListener(name, event => {
    act(JSON.parse(event.data));
    changed();
  });
  events.onopen = () => { link.events = true; };
  events.onerror = () => {
    link.events = false;
    soon("latest");
    if (mine.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    setTimeout(() => { if (events === mine) follow(); }, EVENTS_AGAIN_MS);
  };
  on("latest", row);
  on("health", tell);
  on("alert", entry => {
    hear(entry);
    ["incidents", "alerts"].forEach(soon);
  });
  on("gap", () => ["incidents", "alerts"].forEach(soon));
}

export function begin(onChange) {
  changed = onChange;
  for (const name of Object.keys(LISTS)) {
    lists[name] = { name, tag: null, goodMs: 0, error: null, timer: 0, dueMs: 0, asking: false,
                    again: false };
    turn(lists[name]);
  }
  follow();
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return leave();
    Object.keys(LISTS).forEach(soon);
    follow();
  });
  setInterval(() => { if (judge()) changed(); }, 1000);
}
