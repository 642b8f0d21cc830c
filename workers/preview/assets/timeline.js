// A lane a speaker, and time to the right. Zoomed, it shows `spanMs` from `startMs` on.

const SHORTEST_SPAN_MS = 2000;
const DRAG_PIXELS = 4;
const LANE_PIXELS = lanes.length <= 4 ? 56 : lanes.length <= 8 ? 44 : 34;

const timeline = {
  startMs: 0,
  spanMs: durationMs,
  width: 1,
  linePeaks: [],

  x(ms) { return ((ms - this.startMs) / this.spanMs) * this.width; },
  msAt(x) { return this.startMs + (x / this.width) * this.spanMs; },

  show(startMs, spanMs) {
    this.spanMs = Math.min(Math.max(spanMs, Math.min(SHORTEST_SPAN_MS, durationMs)), durationMs);
    this.startMs = Math.min(Math.max(startMs, 0), durationMs - this.spanMs);
    this.drawSoon();
  },

  /** Zoom by `factor`, keeping the moment at `ms` where it is. */
  zoom(factor, ms = player.ms) {
    const span = Math.min(Math.max(this.spanMs / factor, SHORTEST_SPAN_MS), durationMs);
    const seen = ms >= this.startMs && ms <= this.startMs + this.spanMs;
    const share = seen ? (ms - this.startMs) / this.spanMs : 0.5;
    this.show(ms - share * span, span);
  },

  /** Turn the page when the moment leaves what is shown. */
  move(ms) {
    const isOut = ms < this.startMs || ms > this.startMs + this.spanMs;
    if (isOut && !this.dragging) this.show(ms - this.spanMs * 0.1, this.spanMs);
    const x = this.x(ms), head = byId("playhead");
    head.hidden = x < 0 || x > this.width + 0.5;
    head.style.setProperty("transform", `translateX(${x}px)`);
  },

  drawSoon() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      this.draw();
      this.move(player.ms);
    });
  },

  draw() {
    const scroller = byId("lanes"), labels = byId("labels").offsetWidth;
    this.width = Math.max(scroller.clientWidth - labels, 1);
    byId("playhead").style.setProperty("left", `${labels}px`);
    byId("ruler").style.setProperty("margin-left", `${labels}px`);
    this.drawRuler();
    this.drawLanes(scroller.clientHeight, scroller.scrollTop);
    const part = byId("window");
    part.hidden = this.spanMs >= durationMs;
    part.style.setProperty("left", `${(this.startMs / durationMs) * 100}%`);
    part.style.setProperty("width", `${(this.spanMs / durationMs) * 100}%`);
    byId("zoom-out").disabled = byId("zoom-all").disabled = this.spanMs >= durationMs;
    byId("zoom-in").disabled = this.spanMs <= SHORTEST_SPAN_MS;
  },

  marks(room) {
    const step = rulerStep(this.spanMs / this.width, room);
    const first = Math.ceil(this.startMs / step) * step, marks = [];
    for (let ms = first; ms <= this.startMs + this.spanMs; ms += step) marks.push(ms);
    return { marks, tenths: step < 1000 };
  },

  drawRuler() {
    const pen = prepared(byId("ruler"), this.width, 20);
    const { marks, tenths } = this.marks(72);
    pen.font = `11px ${colour("sans")}`;
    for (const ms of marks) {
      const text = clock(ms, tenths), x = this.x(ms), room = pen.measureText(text).width;
      pen.fillStyle = colour("muted");
      // the last one stays inside
      pen.fillText(text, Math.min(x + 4, this.width - room), 13);
      pen.fillStyle = colour("rule");
      pen.fillRect(Math.round(x), 6, 1, 14);
    }
  },

  drawLanes(height, scrolled) {
    const pen = prepared(byId("lane-canvas"), this.width, height);
    pen.fillStyle = colour("rule");
    for (const ms of this.marks(72).marks) pen.fillRect(Math.round(this.x(ms)), 0, 1, height);
    for (const lane of lanes) {
      const top = lane.number * LANE_PIXELS - scrolled;
      if (top > height || top + LANE_PIXELS < 0) continue;
      pen.fillStyle = colour("rule");
      if (lane.number) pen.fillRect(0, Math.round(top), this.width, 1);
      pen.globalAlpha = filter.role && filter.role !== lane.role ? 0.25 : 1;
      for (const line of lane.lines) this.drawLine(pen, line, top);
      pen.globalAlpha = 1;
    }
  },

  drawLine(pen, line, laneTop) {
    const left = this.x(line.start_ms), right = Math.max(this.x(line.end_ms), left + 2);
    const kind = gravestOf(line.problems);
    if (right < -12 || left > this.width + 12) return;
    const alpha = pen.globalAlpha, top = laneTop + 5, height = LANE_PIXELS - 9;
    const ink = colour(laneColour(line.lane));
    if (line.end_ms > line.start_ms) {
      pen.fillStyle = ink;
      pen.globalAlpha = alpha * (right - left < 8 ? 0.35 : 0.16); // too narrow for its waveform
      pen.beginPath();
      pen.roundRect(left, top, Math.max(right - left - 1, 1.5), height, Math.min(4, (right - left) / 3));
      pen.fill();
      pen.globalAlpha = alpha;
      this.drawTake(pen, line, { left, right, top, height });
    }
    if (kind) drawFlag(pen, kind, Math.min(Math.max(left, 0), this.width - 10), laneTop + 1);
  },

  drawTake(pen, line, { left, right, top, height }) {
    const hasText = right - left >= 64 && LANE_PIXELS >= 40;
    const band = hasText ? 14 : 0;
    const { bucket_ms: bucketMs, data } = page.peaks.lines;
    const peaks = (this.linePeaks[line.index] ??= peaksOf(data[line.index]));
    const bucket = (x) => (this.msAt(x) - line.start_ms) / bucketMs;
    drawWave(pen, {
      // bars keep their places while the view moves by less than one
      left: Math.max(left + 1, left + 1 + Math.floor(-left / 3) * 3), right: Math.min(right - 3, this.width),
      middle: top + band + (height - band) / 2, half: (height - band) / 2 - 2,
      shape: (from, to) => extremes(peaks, Math.floor(bucket(from)), Math.ceil(bucket(to))),
    });
    if (hasText) this.drawText(pen, line, { left, right, top });
  },

  /** The words at their times where they fit, else the line as one text, cut off. */
  drawText(pen, line, { left, right, top }) {
    pen.save();
    pen.beginPath();
    pen.rect(left, top, right - left - 4, 16);
    pen.clip();
    pen.fillStyle = colour("ink");
    pen.font = `11px ${colour("sans")}`;
    const roomy = line.words.length && (right - left) / line.words.length > 56;
    if (roomy) for (const word of line.words) pen.fillText(word.text, this.x(word.start_ms) + 3, top + 12);
    else if (isRightToLeft(line.text)) {
      pen.textAlign = "right";
      pen.fillText(line.text, Math.min(right, this.width) - 6, top + 12);
    } else pen.fillText(line.text, Math.max(left, 0) + 5, top + 12);
    pen.restore();
  },

  lineAt(x, y) {
    const lane = lanes[Math.floor((y + byId("lanes").scrollTop) / LANE_PIXELS)];
    const ms = this.msAt(x);
    return lane?.lines.find((line) => line.start_ms <= ms && ms < line.end_ms);
  },
};

/** As `dir="auto"` decides it: by the first letter. */
function isRightToLeft(text) {
  return /^\P{L}*[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/u.test(text);
}

/** Kinds differ in shape as well as in colour. */
function drawFlag(pen, kind, x, y) {
  pen.fillStyle = colour(kind);
  pen.beginPath();
  if (kind === "error") pen.rect(x, y, 9, 9);
  else if (kind === "warning") { pen.moveTo(x, y); pen.lineTo(x + 11, y); pen.lineTo(x + 5.5, y + 9.5); }
  else pen.arc(x + 4.5, y + 4.5, 4.5, 0, 7);
  pen.fill();
}

function startTimeline() {
  const canvas = byId("lane-canvas"), scroller = byId("lanes");
  const lanesHeight = lanes.length * LANE_PIXELS;
  byId("rows").style.setProperty("height", `${lanesHeight}px`);
  byId("labels").append(...lanes.map(laneLabel));
  scroller.style.setProperty("--lanes", `${lanesHeight}px`);
  scroller.addEventListener("scroll", () => timeline.drawSoon());
  new ResizeObserver(() => timeline.drawSoon()).observe(scroller);
  new ResizeObserver(() => overview.draw()).observe(byId("overview"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    overview.draw();
    timeline.drawSoon();
  });
  byId("zoom-in").addEventListener("click", () => timeline.zoom(2));
  byId("zoom-out").addEventListener("click", () => timeline.zoom(0.5));
  byId("zoom-all").addEventListener("click", () => timeline.show(0, durationMs));
  for (const surface of [canvas, byId("ruler")]) followPointer(surface);
}

function laneLabel(lane) {
  const button = el("button", { type: "button", class: `lane ${laneColour(lane)}`, "aria-pressed": "false" },
    el("span", { class: "swatch" }), el("bdi", { class: "who" }, lane.name));
  if (lane.role !== lane.name) button.append(" ", el("bdi", { class: "role" }, lane.role));
  button.style.setProperty("height", `${LANE_PIXELS}px`);
  button.addEventListener("click", () => filter.set({ role: filter.role === lane.role ? "" : lane.role }));
  return button;
}

/** A click seeks, a drag pans, Ctrl and the wheel zooms. */
function followPointer(surface) {
  let from = null;
  surface.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    from = { x: event.clientX, startMs: timeline.startMs };
    surface.setPointerCapture(event.pointerId);
  });
  surface.addEventListener("pointermove", (event) => {
    if (!from) {
      surface.title = surface.id === "ruler" ? "" : tooltip(timeline.lineAt(event.offsetX, event.offsetY));
      return;
    }
    const moved = event.clientX - from.x;
    if (Math.abs(moved) > DRAG_PIXELS) timeline.dragging = true;
    if (timeline.dragging) timeline.show(from.startMs - (moved / timeline.width) * timeline.spanMs, timeline.spanMs);
  });
  surface.addEventListener("pointerup", (event) => {
    if (from && !timeline.dragging) player.seek(Math.round(timeline.msAt(event.offsetX)));
    from = null;
    timeline.dragging = false;
  });
  surface.addEventListener("pointercancel", () => { from = null; timeline.dragging = false; });
  surface.addEventListener("wheel", (event) => {
    const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    if (event.ctrlKey || event.metaKey) timeline.zoom(Math.exp(-event.deltaY / 200), timeline.msAt(event.offsetX));
    else if (isPan) timeline.show(timeline.startMs + ((event.deltaX || event.deltaY) / timeline.width) * timeline.spanMs, timeline.spanMs);
    else return;
    event.preventDefault();
  }, { passive: false });
}

function tooltip(line) {
  return line ? `${line.id} · ${clock(line.start_ms, true)}–${clock(line.end_ms, true)}\n${line.text}` : "";
}
