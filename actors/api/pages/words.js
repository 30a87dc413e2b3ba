// words -- numbers, times and states as they are shown. Pure but for the glyphs.
import { svg } from "./dom.js";

export const NONE = "\u2013"; // missing is never 0
const MINUS = "\u2212";
const SIGNIFICANT_MOST = 8, ROUGH_DIGITS = 5, DECIMALS_MOST = 14;
const TINY = 1e-9; // below it so few decimals would lose what counts
const SHORT = [[1e6, 1, "M"], [1e9, 2, "B"], [1e12, 2, "T"]], SHORT_LEAST = 1e8;

const grouped = digits => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

function fixed(value, decimals) {
  const [whole, part] = Math.abs(value).toFixed(decimals).split(".");
  const sign = value < 0 && /[1-9]/.test(whole + (part || "")) ? MINUS : "";
  return sign + grouped(whole) + (part ? "." + part : "");
}

// 1.2345e-12, with at most so many digits.
function tiny(value, digits) {
  const [mantissa, exponent] = Math.abs(value).toExponential(digits - 1).split("e");
  return `${value < 0 ? MINUS : ""}${mantissa.replace(/\.?0+$/, "")}e${exponent}`;
}

// 12.35B; 1.00T rather than 1,000.00B.
function short(value) {
  const size = Math.abs(value);
  const [unit, decimals, letter] = SHORT.find(([of, places]) => Number((size / of).toFixed(places)) < 1000) || SHORT.at(-1);
  return fixed(value / unit, decimals) + letter;
}

// How many digits the feed gives behind the point.
export function decimalsOf(value) {
  const [mantissa, exponent] = String(value).split("e");
  const part = (mantissa.split(".")[1] || "").length;
  return Math.min(DECIMALS_MOST, Math.max(0, part - Number(exponent || 0)));
}

// A value with so many decimals, at most 8 significant digits; thousands of millions in short.
export function number(value, decimals = decimalsOf(value)) {
  if (typeof value !== "number") return value === undefined || value === null ? NONE : String(value);
  const size = Math.abs(value);
  if (size >= SHORT_LEAST) return short(value);
  if (size > 0 && size < TINY) return tiny(value, SIGNIFICANT_MOST);
  const before = size > 0 ? Math.floor(Math.log10(size)) + 1 : 1; // below 0 for 0.00x
  const room = Math.min(DECIMALS_MOST, Math.max(0, SIGNIFICANT_MOST - before));
  return fixed(value, Math.min(decimals, room));
}

// Five significant digits, for what was computed.
export function rough(value) {
  if (typeof value !== "number") return NONE;
  const size = Math.abs(value);
  if (size > 0 && size < TINY) return tiny(value, ROUGH_DIGITS);
  const before = size > 0 ? Math.floor(Math.log10(size)) + 1 : 1;
  const decimals = Math.min(DECIMALS_MOST, Math.max(0, ROUGH_DIGITS - before));
  return number(value, Math.min(decimals, decimalsOf(value)));
}

// Of a threshold. What is below 1 never reads as 1, nor what is above 0 as 0.
export function ratio(value) {
  if (value > 0 && value < 0.01) return "<0.01x";
  const decimals = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  const shown = value < 1 ? Math.floor(value * 100) / 100 : value;
  return fixed(shown, decimals) + "x";
}

// Of a sequence: each digit counts.
export const ordinal = n => typeof n === "number" ? grouped(String(n)) : NONE;
export const count = (n, one, many = one + "s") => `${grouped(String(n))} ${n === 1 ? one : many}`;

const TIME_MOST_US = 8.64e18; // before and behind 1970, of a browser's clock
const isTime = us => typeof us === "number" && Math.abs(us) <= TIME_MOST_US;
// [day, hh:mm:ss]. What is no time is missing.
const iso = us => isTime(us) ? new Date(us / 1000).toISOString().split(/[T.]/) : [NONE, NONE];
export const clock = us => iso(us)[1];
export const minute = us => clock(us).slice(0, 5);
// With its day, unless that is today.
export function moment(us, nowUs = Date.now() * 1000) {
  const [day, time] = iso(us);
  return day === NONE || day === iso(nowUs)[0] ? time : `${day} ${minute(us)}`;
}

export function age(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  return s < 100 ? `${s} s` : s < 6000 ? `${Math.floor(s / 60)} m`
    : s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
}

// How long from one time to another.
export const between = (fromUs, toUs) => isTime(fromUs) && isTime(toUs) ? age((toUs - fromUs) / 1e6) : NONE;

export const bytes = n => n >= 1e9 ? fixed(n / 1e9, 1) + " GB" : n >= 1e6 ? fixed(n / 1e6, 1) + " MB"
  : n >= 1e3 ? fixed(n / 1e3, 1) + " kB" : `${n} B`;

// A series: its table, and the parts of its key without their %xx.
export function named(id) {
  const [table, ...key] = String(id).split(":").map(part => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  return { table, last: key.pop() || table, rest: key.join(" ") };
}

export const quoted = text => "'" + text.replaceAll("'", "'\\''") + "'"; // for sh

// ---- states: shape, word, colour

const disc = { cx: 7, cy: 7, r: 4.5 };
const line = { fill: "none", stroke: "currentColor", "stroke-width": 1.6 };
const solid = { fill: "currentColor" };
const STATES = {
  critical: ["critical", "Firing, critical", ["path", { d: "M7 1.2 12.8 7 7 12.8 1.2 7z", ...solid }]],
  warning: ["warning", "Firing, warning", ["path", { d: "M7 1.8 13 12.200H1z", ...solid }]],
  info: ["info", "Firing, info", ["circle", { ...disc, ...solid }]],
  flapping: ["warning", "Flapping", ["path", { d: "M1 7q3-9 6 0t6 0", ...line }]],
  nodata: ["dim", "No data", ["path", { d: "M2 7h10", ...line, "stroke-dasharray": "2.5 1.7" }]],
  quiet: ["faint", "Not firing", ["circle", { cx: 7, cy: 7, r: 2, ...solid }]],
  resolved: ["good", "Resolved", ["path", { d: "m2.5 7.5 3 3 6-7", ...line }]],
  good: ["good", "Runs", ["path", { d: "m2.5 7.5 3 3 6-7", ...line }]],
  waiting: ["dim", "Connecting", ["circle", { ...disc, ...line, "stroke-dasharray": "2.3 2.4" }]],
  off: ["dim", "Off", ["circle", { ...disc, ...line }], ["path", { d: "m3.6 10.4 6.8-6.8", ...line }]],
  error: ["critical", "Error", ["path", { d: "m3 3 8 8m0-8-8 8", ...line }]],
};

export const colourOf = state => (STATES[state] || STATES.quiet)[0];
export const wordOf = state => (STATES[state] || STATES.quiet)[1];

export function glyph(state, word = wordOf(state)) {
  const [colour, , ...shapes] = STATES[state] || STATES.quiet;
  return svg("svg", { class: `glyph ${colour}`, width: 14, height: 14, viewBox: "0 0 14 14",
                      role: "img", "aria-label": word },
             svg("title", null, word), shapes.map(([tag, attributes]) => svg(tag, attributes)));
}
