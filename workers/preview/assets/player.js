// The sound and the one moment that everything else shows. Without sound the moment can be moved too.

const sound = byId("sound");
const player = {
  ms: 0,
  listeners: [],

  get playing() { return !sound.paused && !sound.ended; },

  /** Call `listener(ms, quiet)` whenever the moment has changed. `quiet`: nothing is to scroll to it. */
  onMove(listener) { this.listeners.push(listener); },

  moved(ms, quiet = false) {
    this.ms = Math.min(Math.max(ms, 0), durationMs);
    for (const listener of this.listeners) listener(this.ms, quiet);
  },

  seek(ms, { quiet = false } = {}) {
    const wanted = Math.min(Math.max(ms, 0), durationMs);
    if (sound.readyState > 0) sound.currentTime = wanted / 1000;
    else this.wanted = wanted;
    this.moved(wanted, quiet);
  },

  toggle() {
    if (this.playing) return sound.pause();
    if (this.ms >= durationMs) this.seek(0);
    if (sound.src) sound.play().catch(() => {}); // refused: the button still says "Play"
    else byId("notice").querySelector("button")?.focus();
  },

  setSpeed(rate) { sound.playbackRate = rate; },
};

/** Milliseconds are whole: a seek that comes back a fraction early is still the word asked for. */
function heardMs() {
  return Math.round(sound.currentTime * 1000);
}

function whilePlaying() {
  if (!player.playing) return;
  player.moved(heardMs());
  requestAnimationFrame(whilePlaying);
}

function loadSound(blob) {
  if (sound.src) URL.revokeObjectURL(sound.src);
  sound.src = URL.createObjectURL(blob);
  byId("notice").hidden = true;
}

function noSound(reason) {
  const names = page.files.join(" or ");
  const button = el("button", { type: "button" }, "Choose the file");
  button.addEventListener("click", () => byId("file").click());
  byId("notice").replaceChildren(
    `${reason} Choose ${names}, which came with it. `, button);
  byId("notice").hidden = false;
}

function startSound() {
  sound.addEventListener("loadedmetadata", () => {
    if (player.wanted !== undefined) sound.currentTime = player.wanted / 1000;
    player.wanted = undefined;
  });
  sound.addEventListener("play", whilePlaying);
  sound.addEventListener("pause", () => player.moved(heardMs()));
  sound.addEventListener("ended", () => player.moved(durationMs));
  sound.addEventListener("error", () => noSound("This browser cannot play the sound of this page."));
  byId("file").addEventListener("change", (event) => {
    const [file] = event.target.files;
    if (file) loadSound(file);
  });
  // first the page is drawn: the sound of an hour takes a moment to unpack
  if (page.audio) setTimeout(() => loadSound(new Blob([bytesOf(byId("audio").textContent)], { type: page.audio })));
  else noSound("This reel is too long for its sound to be inside this page.");
}
