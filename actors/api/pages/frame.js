// frame -- what stands around every view: navigation, connection, banner, the command bar, theme,
// keys, and what is spoken.
import { $, h, show, write } from "./dom.js";
import { link } from "./feed.js";
import { firing, model } from "./model.js";
import { clock, count, glyph, named, quoted } from "./words.js";

export const VIEWS = { markets: "Markets", series: "Series", alerts: "Alerts", rules: "Rules",
                       status: "Status" };
export const FORMS = ["redis-cli", "curl", "run"];
const COPIED_MS = 1200, SPEAK_MS = 5000;

// ---- settings of this browser; storage may be shut

export function setting(name, value) {
  try {
    if (value === undefined) return localStorage.getItem(name);
    localStorage.setItem(name, value);
  } catch { /* then it lasts as long as the page */ }
  return value ?? null;
}

// ---- header

function badge(n, colour, words) {
  return n > 0 && h("span", { class: `badge ${colour}`, "aria-label": words }, String(n));
}

export function drawHeader(view) {
  const open = firing().length, bad = model.rules.filter(r => r.status?.state === "error").length;
  show($("#nav"), Object.entries(VIEWS).map(([name, title]) =>
    h("a", { href: `/${name}`, "data-key": name, "aria-current": name === view && "page" }, title,
      name === "alerts" && badge(open, "critical", count(open, "incident") + " open"),
      name === "rules" && badge(bad, "warning", `${bad} in error`))));
  const since = clock(link.sinceMs * 1000);
  const words = {
    connecting: [glyph("waiting"), h("b", null, "Connecting")],
    live: [glyph("good", "Live"), h("b", null, "Live"), h("span", { class: "how" },
                                    link.events ? "events" : "asks each second")],
    stale: [glyph("nodata", "Stale"), h("b", null, `Stale since ${since}`)],
    error: [glyph("error"), h("b", null, "No answer")],
  };
  show($("#connection"), words[link.state]);
  document.title = (open ? `(${open}) ` : "") + `${VIEWS[view]} \u00b7 Tidewire`;
}

export function drawBanner() {
  const banner = $("#banner");
  const since = clock(link.sinceMs * 1000);
  const text = {
    stale: [h("b", null, `Stale since ${since} UTC. `),
            `${link.reason ? `The reason: ${link.reason}. ` : ""}Asking again. Alerts do not pass through ` +
            "this page; it cannot tell whether they are being sent."],
    error: [h("b", null, "Nothing is known yet. "), `The reason: ${link.reason}. Asking again. Try `,
            h("code", null, "./run status")],
  }[link.state];
  banner.hidden = !text;
  show(banner, text || []);
  document.body.classList.toggle("stale", link.state === "stale");
}

// Draw at each frame from now on. What a view throws ends neither the frames nor honesty: the page
// says that it is not what it was, until something is drawn again.
export function eachFrame(draw) {
  requestAnimationFrame(() => eachFrame(draw));
  guarded(draw);
}

export function guarded(draw) {
  try {
    draw();
  } catch (error) {
    console.error(error);
    const banner = $("#banner");
    $("#connection").replaceChildren("Not drawn");
    banner.hidden = false;
    banner.replaceChildren(`This page could not draw what it knows: ${error.message}. What you see may be old. ` +
                           "It tries again; reload it if this stays.");
    document.body.classList.add("stale");
  }
}

// ---- command bar

let commands = {};
let form = setting("form") || "run";

export function command(forms) {
  commands = forms;
  drawCommand();
}

const chosen = () => commands[form] !== undefined ? form : Object.keys(commands)[0];

function drawCommand() {
  show($("#forms"), FORMS.filter(name => commands[name] !== undefined).map(name =>
    h("button", { type: "button", "data-key": name, "aria-pressed": String(name === chosen()) }, name)));
  write($("#command"), commands[chosen()] || "");
}

export function chooseForm(name) {
  form = setting("form", name);
  drawCommand();
}

export async function copy(text = commands[chosen()], button = $("#copy")) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    done = false;
  }
  const before = [...button.childNodes];
  button.replaceChildren(done ? "Copied" : "Cannot copy");
  speak(done ? `Copied: ${text}` : "The browser does not let this page copy");
  setTimeout(() => button.replaceChildren(...before), COPIED_MS);
}

export const api = path => `curl -s ${location.origin}/api/v1/${path}`;
export const redis = (word, key) => `redis-cli ${word} ${quoted(key)}`;

// ---- theme

export function switchTheme() {
  const root = document.documentElement;
  root.dataset.theme = setting("theme", root.dataset.theme === "dark" ? "light" : "dark");
}

// ---- keys

const KEYS = [["/", "find a series"], ["g then m s a r t", "markets, series, alerts, rules, status"],
              ["j k or arrows", "next, previous"], ["Enter", "open"], ["Esc", "back, or clear what is sought"],
              ["s", "sort anew, now"], ["o", "open the series of an alert"], ["y", "copy the command"],
              ["1 2 3", "form of the command"], ["d", "dark or light"], ["?", "this list"]];

export const lettersOn = () => setting("letters") !== "off";

export function showKeys() {
  const dialog = $("#keys");
  dialog.replaceChildren(
    h("h2", { id: "keys-title" }, "Keys"),
    h("dl", { class: "keys" }, KEYS.map(([key, does]) => [h("dt", null, h("kbd", null, key)), h("dd", null, does)])),
    h("label", { class: "check" },
      h("input", { type: "checkbox", checked: lettersOn(),
                   onchange: event => setting("letters", event.target.checked ? "on" : "off") }),
      "single letters are keys"),
    h("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Close"));
  dialog.showModal();
}

// ---- what is spoken: what began and ended, at most once in five seconds

let heard = null, spokenMs = 0;

export function speak(text) {
  write($("#spoken"), text);
}

export function speakChanges() {
  const open = new Map(firing().map(i => [`${i.rule}:${i.series}`, i]));
  if (!model.versions.incidents || Date.now() - spokenMs < SPEAK_MS) return;
  if (heard) {
    const began = [...open].filter(([key]) => !heard.has(key)).map(([, i]) => i);
    const ended = [...heard].filter(([key]) => !open.has(key)).map(([, i]) => i);
    const words = (list, what) => list.length === 0 ? ""
      : list.length > 3 ? `${count(list.length, "incident")} ${what}. `
      : list.map(i => `${named(i.series).last}: ${i.rule} ${what}. `).join("");
    if (began.length + ended.length > 0) {
      speak(words(began, "fires") + words(ended, "is over"));
      spokenMs = Date.now();
    }
  }
  heard = open;
}

export function begin() {
  $("#theme").addEventListener("click", switchTheme);
  $("#help").addEventListener("click", showKeys);
  $("#copy").addEventListener("click", () => copy());
  $("#forms").addEventListener("click", event => {
    if (event.target.dataset.key) chooseForm(event.target.dataset.key);
  });
}
