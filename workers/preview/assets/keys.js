// The keyboard. Single keys can be switched off, for those whose tools send them by speech.

const SPEEDS = [...byId("speed").options].map((option) => Number(option.value));

function setSpeed(rate) {
  byId("speed").value = String(rate);
  player.setSpeed(rate);
}

function stepSpeed(step) {
  const place = SPEEDS.indexOf(Number(byId("speed").value)) + step;
  setSpeed(SPEEDS[Math.min(Math.max(place, 0), SPEEDS.length - 1)]);
  say(`Speed ${byId("speed").value}`);
}

/** To the line before or after the moment, in the order of time; twice back soon after a line's start. */
function stepLine(step) {
  const starts = linesByTime.starts;
  let place = lastAtOrBefore(starts, player.ms);
  if (step > 0) place += 1;
  else if (place >= 0 && player.ms - starts[place] < 800) place = lastAtOrBefore(starts, starts[place] - 1);
  const line = lines[linesByTime.order[Math.min(Math.max(place, 0), starts.length - 1)]];
  player.seek(line.start_ms);
  transcript.show(line);
  if (!player.playing) say(`${line.lane.name}: ${line.text}`);
}

const wordStarts = lines.flatMap((line) => line.words.map((word) => ({ ms: word.start_ms, text: word.text })))
  .sort((a, b) => a.ms - b.ms);
const wordMoments = wordStarts.map((word) => word.ms);

function stepWord(step) {
  const place = step > 0 ? lastAtOrBefore(wordMoments, player.ms) + 1 : lastAtOrBefore(wordMoments, player.ms - 1);
  const word = wordStarts[Math.min(Math.max(place, 0), wordStarts.length - 1)];
  if (!word) return;
  player.seek(word.ms);
  if (!player.playing) say(word.text);
}

const KEYS = {
  " ": () => player.toggle(),
  k: () => player.toggle(),
  ArrowLeft: () => player.seek(player.ms - 5000),
  ArrowRight: () => player.seek(player.ms + 5000),
  j: () => player.seek(player.ms - 10000),
  l: () => player.seek(player.ms + 10000),
  Home: () => player.seek(0),
  End: () => player.seek(durationMs),
  p: () => stepLine(-1),
  n: () => stepLine(1),
  ",": () => stepWord(-1),
  ".": () => stepWord(1),
  "[": () => stepSpeed(-1),
  "]": () => stepSpeed(1),
  "+": () => timeline.zoom(2),
  "=": () => timeline.zoom(2),
  "-": () => timeline.zoom(0.5),
  0: () => timeline.show(0, durationMs),
  m: () => { sound.muted = !sound.muted; say(sound.muted ? "Sound off" : "Sound on"); },
  "/": () => byId("search").focus(),
  "?": () => byId("help").showModal(),
};

/** Keys that a focused control needs for itself. */
function isTaken(event) {
  const control = event.target.closest?.("input, select, button, summary, a");
  if (!control) return false;
  if (control.id === "seek") return false;
  if (control.matches("input:not([type=checkbox]), select")) return true;
  return event.key === " ";
}

function walkLines(event) {
  const button = event.target.closest?.(".at");
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!button || !step) return false;
  const to = transcript.neighbour(Number(button.closest(".line").dataset.line), step);
  if (to !== undefined) {
    transcript.makeReachable(to);
    transcript.button(to).focus();
  }
  return true;
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  if (event.key === "Escape" && event.target.id === "search") event.target.blur();
  if (walkLines(event)) return event.preventDefault();
  const isSingle = event.key.length === 1 && event.key !== " ";
  const act = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act || isTaken(event) || (isSingle && !byId("keys-on").checked)) return;
  event.preventDefault();
  act();
}

function startKeys() {
  document.addEventListener("keydown", onKey);
  byId("help-open").addEventListener("click", () => byId("help").showModal());
  byId("speed").addEventListener("change", () => setSpeed(Number(byId("speed").value)));
  byId("play").addEventListener("click", () => player.toggle());
  byId("previous").addEventListener("click", () => stepLine(-1));
  byId("next").addEventListener("click", () => stepLine(1));
}
