// What the page shows: read once, and indexed by time so that a moment is found without a search
// through every word.

const page = JSON.parse(document.getElementById("data").textContent);
const reel = page.reel;
const lines = reel.lines;
const durationMs = Math.max(reel.duration_ms, 1);

/** The last index whose value is at or before `value` in ascending `values`; -1 before the first. */
function lastAtOrBefore(values, value) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Stretches of time that may overlap, and which of them hold a moment. */
class Stretches {
  constructor(items) {
    this.order = items.map((_, index) => index).sort((a, b) => items[a].start_ms - items[b].start_ms || a - b);
    this.items = items;
    this.starts = this.order.map((index) => items[index].start_ms);
    // the latest end of all up to here: where it is past, nothing before can still last
    let latest = 0;
    this.latestEnds = this.order.map((index) => (latest = Math.max(latest, items[index].end_ms)));
  }

  /** Indices of the items with start <= ms < end, by start. */
  at(ms) {
    const found = [];
    for (let place = lastAtOrBefore(this.starts, ms); place >= 0 && this.latestEnds[place] > ms; place--) {
      if (this.items[this.order[place]].end_ms > ms) found.unshift(this.order[place]);
    }
    return found;
  }
}

const linesByTime = new Stretches(lines);

/** The word of a line that is spoken at a moment; -1 in a gap. */
function wordAt(line, ms) {
  const starts = (line.starts ??= line.words.map((word) => word.start_ms));
  const index = lastAtOrBefore(starts, ms);
  return index >= 0 && ms < line.words[index].end_ms ? index : -1;
}

/** Roles in order of first appearance: each is a lane. */
const lanes = [];
const laneOf = new Map();
lines.forEach((line, index) => {
  if (!laneOf.has(line.role)) {
    laneOf.set(line.role, { name: line.speaker.name || line.role, role: line.role, number: lanes.length, lines: [] });
    lanes.push(laneOf.get(line.role));
  }
  line.index = index;
  line.lane = laneOf.get(line.role);
  line.lane.lines.push(line);
});

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) bytes[index] = text.charCodeAt(index);
  return bytes;
}

/** Pairs of low and high, each -127 … 127. */
function peaksOf(base64) {
  return new Int8Array(bytesOf(base64).buffer);
}

/** Lowest and highest of the stretches [from, to) of `peaks`, as shares of full scale. */
function extremes(peaks, from, to) {
  let low = 0, high = 0;
  for (let pair = Math.max(from, 0) * 2; pair < Math.min(to * 2, peaks.length); pair += 2) {
    if (peaks[pair] < low) low = peaks[pair];
    if (peaks[pair + 1] > high) high = peaks[pair + 1];
  }
  return [low / 127, high / 127];
}

/** 1:02:03, or with tenths 1:02:03.4 */
function clock(ms, tenths = false) {
  const total = tenths ? Math.floor(ms / 100) / 10 : Math.floor(ms / 1000);
  const hours = Math.floor(total / 3600), minutes = Math.floor(total / 60) % 60;
  const seconds = (total % 60).toFixed(tenths ? 1 : 0).padStart(tenths ? 4 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

/** A moment as it is read out: "1 minute 4 seconds". */
function spokenClock(ms) {
  const total = Math.floor(ms / 1000);
  const parts = [[Math.floor(total / 3600), "hour"], [Math.floor(total / 60) % 60, "minute"], [total % 60, "second"]];
  const said = parts.filter(([count]) => count).map(([count, unit]) => counted(count, unit));
  return said.join(" ") || "0 seconds";
}

function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

const byId = (id) => document.getElementById(id);

/** An element with attributes and children; strings become text, never markup. */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

function icon(name) {
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${name}`);
  drawing.setAttribute("class", `icon ${name}`);
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(use);
  return drawing;
}

/** Tell those who do not see the page. Sparingly: it is read out. */
function say(text) {
  byId("said").textContent = text;
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
