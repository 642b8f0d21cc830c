// The lines as text. A word is a plain element, so that the text is read as text; clicks are heard by
// the list. Lines out of sight cost nothing: the style sheet leaves them undrawn.

const filter = {
  role: "",
  text: "",
  marked: false,

  set(changes) {
    Object.assign(this, changes);
    const wanted = this.text.trim().toLocaleLowerCase();
    let shown = 0;
    for (const line of lines) {
      const fits = (!this.role || line.role === this.role) && (!this.marked || line.problems)
        && (!wanted || line.text.toLocaleLowerCase().includes(wanted));
      transcript.rows[line.index].hidden = !fits;
      shown += fits ? 1 : 0;
    }
    byId("nothing").hidden = shown > 0;
    if (shown && transcript.rows[transcript.reachable].hidden) transcript.makeReachable(transcript.neighbour(-1, 1));
    byId("who").value = this.role;
    byId("only-problems").setAttribute("aria-pressed", String(this.marked));
    [...byId("labels").children].forEach((label, number) =>
      label.setAttribute("aria-pressed", String(lanes[number].role === this.role)));
    say(shown === lines.length ? "All lines are shown." : `${counted(shown, "line")} of ${lines.length} shown.`);
    timeline.drawSoon();
  },

  clear() {
    byId("search").value = "";
    this.set({ role: "", text: "", marked: false });
  },
};

const transcript = {
  rows: [],
  current: new Map(), // line index -> element of its word, or null
  following: true,

  /** Mark what is spoken at a moment. Touches only what has changed. */
  move(ms, quiet = false) {
    const active = linesByTime.at(ms);
    for (const [index, word] of this.current) {
      if (active.includes(index)) continue;
      this.mark(word, false);
      this.rows[index].removeAttribute("aria-current");
      this.current.delete(index);
    }
    for (const index of active) this.moveIn(index, ms);
    const last = active.at(-1);
    if (last !== undefined && last !== this.shown) {
      this.shown = last;
      if (!this.rows[last].hidden) this.makeReachable(last);
      if (this.following && !quiet && this.isInView()) this.show(lines[last]);
    }
  },

  /** On a small screen somebody may be looking at the timeline above: they are left there. */
  isInView() {
    const { top, bottom } = byId("lines").getBoundingClientRect();
    return top < innerHeight * 0.75 && bottom > 0;
  },

  moveIn(index, ms) {
    const place = wordAt(lines[index], ms);
    const word = place < 0 ? null : this.words(index)[place];
    const before = this.current.get(index);
    if (before === undefined) this.rows[index].setAttribute("aria-current", "true");
    else if (before === word) return;
    else this.mark(before, false);
    this.mark(word, true);
    this.current.set(index, word);
  },

  mark(word, on) { word?.classList.toggle("on", on); },

  words(index) { return this.rows[index].getElementsByClassName("w"); },

  /** Bring a line into view, in the middle. */
  show(line, { flash = false } = {}) {
    const row = this.rows[line.index];
    if (row.hidden && !flash) return;
    if (row.hidden) filter.clear();
    row.scrollIntoView({ block: "center", behavior: calm.matches || flash ? "auto" : "smooth" });
    if (!flash) return;
    this.makeReachable(line.index);
    row.classList.remove("flash");
    requestAnimationFrame(() => row.classList.add("flash"));
  },

  /** One line's button takes the Tab key's turn for all of them; arrow keys go on from there. */
  makeReachable(index) {
    if (this.reachable !== undefined) this.button(this.reachable).tabIndex = -1;
    this.button(index).tabIndex = 0;
    this.reachable = index;
  },

  button(index) { return this.rows[index].querySelector("button"); },

  /** The next shown line from `index` in steps of `step`; undefined at the end. */
  neighbour(index, step) {
    let at = index + step;
    while (at >= 0 && at < lines.length && this.rows[at].hidden) at += step;
    return at >= 0 && at < lines.length ? at : undefined;
  },

  setFollowing(on) {
    this.following = on;
    byId("follow").setAttribute("aria-pressed", String(on));
    const [last] = linesByTime.at(player.ms).slice(-1);
    if (on && last !== undefined) this.show(lines[last]);
  },
};

/** The line's text with each word in an element of its own; what is between words stays as it is. */
function wordedText(line) {
  const shown = el("p", { class: "text", dir: "auto", lang: line.language || undefined });
  const text = line.text.replace(/\p{Cc}/gu, (found) => (/\s/.test(found) ? " " : "")).replace(/\s+/g, " ").trim();
  let at = 0;
  line.words.forEach((word, place) => {
    const found = text.indexOf(word.text, at);
    const between = found < 0 ? (place ? " " : "") : text.slice(at, found);
    const isGuess = word.source === "estimated";
    shown.append(between, el("span", { class: isGuess ? "w guess" : "w", "data-w": place }, word.text));
    if (found >= 0) at = found + word.text.length;
  });
  shown.append(text.slice(at));
  return shown;
}

function row(line) {
  const name = el("bdi", { class: "who" }, line.lane.name);
  const time = el("button", { type: "button", class: "at", tabindex: "-1",
    "aria-label": `Play from ${spokenClock(line.start_ms)}` }, clock(line.start_ms, true));
  const body = el("div", { class: "body" }, wordedText(line));
  if (line.problems) {
    body.append(el("ul", { class: "notes" }, ...line.problems.map((problem) => el("li", { class: problem.kind }, problemText(problem)))));
  }
  return el("li", { class: `line ${laneColour(line.lane)} ${gravestOf(line.problems) ?? ""}`, "data-line": line.index },
    time, el("span", { class: "speaker" }, el("span", { class: "swatch" }), name), body);
}

function startTranscript() {
  transcript.rows = lines.map(row);
  byId("lines").append(...transcript.rows);
  byId("who").append(el("option", { value: "" }, "All speakers"),
    ...lanes.map((lane) => el("option", { value: lane.role }, lane.name)));
  transcript.makeReachable(0);
  byId("lines").addEventListener("click", (event) => {
    const target = event.target.closest(".w, .at"), at = event.target.closest(".line");
    // a selection of text is not a click on a word
    if (!target || (target.matches(".w") && String(getSelection()).trim())) return;
    const line = lines[at.dataset.line];
    player.seek(target.matches(".w") ? line.words[target.dataset.w].start_ms : line.start_ms, { quiet: true });
    if (target.matches(".at") && !player.playing) player.toggle();
  });
  byId("search").addEventListener("input", (event) => filter.set({ text: event.target.value }));
  byId("who").addEventListener("change", (event) => filter.set({ role: event.target.value }));
  byId("only-problems").addEventListener("click", () => filter.set({ marked: !filter.marked }));
  byId("clear").addEventListener("click", () => filter.clear());
  byId("follow").addEventListener("click", () => transcript.setFollowing(!transcript.following));
  // who scrolls by hand is reading elsewhere
  for (const kind of ["wheel", "touchmove"]) {
    byId("lines").addEventListener(kind, () => player.playing && transcript.following && transcript.setFollowing(false), { passive: true });
  }
}
