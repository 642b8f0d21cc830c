// Drawing: sizes, colours of the style sheet, waveforms.

/** A canvas fitted to `width` x `height` CSS pixels, cleared, with one unit a CSS pixel. */
function prepared(canvas, width, height) {
  const scale = Math.min(devicePixelRatio || 1, 3);
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  canvas.style.setProperty("width", `${width}px`);
  canvas.style.setProperty("height", `${height}px`);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  return pen;
}

/** A colour of the style sheet, as it is in the scheme of the moment. */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

const LANE_COLOURS = 8;

function laneColour(lane) {
  return `lane-${lane.number % LANE_COLOURS}`;
}

// Levels are drawn a little above their measure, so that quiet speech is seen too.
const LIFT = 0.7;

/** A waveform as bars of 2 pixels with 1 between: `shape` gives [low, high] of the pixels [from, to). */
function drawWave(pen, { left, right, middle, half, shape }) {
  pen.beginPath();
  for (let x = left; x < right; x += 3) {
    const [low, high] = shape(x, x + 3);
    const up = Math.max(high ** LIFT * half, 0.5), down = Math.max((-low) ** LIFT * half, 0.5);
    pen.roundRect(x, middle - up, 2, up + down, 1);
  }
  pen.fill();
}

/** The step of a ruler, in ms, that leaves at least `room` pixels between marks. */
function rulerStep(msPerPixel, room) {
  const steps = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5];
  return steps.find((step) => step / msPerPixel >= room) ?? 36e5;
}

/** The strip of the whole reel: drawn twice, the second time in the colour of what was played. */
const overview = {
  peaks: peaksOf(page.peaks.reel.data),

  draw() {
    const { width, height } = byId("overview").getBoundingClientRect();
    const perPixel = durationMs / page.peaks.reel.bucket_ms / width;
    const shape = (from, to) => extremes(this.peaks, Math.floor(from * perPixel), Math.ceil(to * perPixel));
    for (const [id, ink] of [["wave", "wave"], ["wave-played", "accent"]]) {
      const pen = prepared(byId(id), width, height);
      pen.fillStyle = colour(ink);
      drawWave(pen, { left: 0, right: width, middle: height / 2, half: height / 2 - 3, shape });
    }
  },

  move(ms) {
    byId("wave-played").style.setProperty("clip-path", `inset(0 ${100 - (ms / durationMs) * 100}% 0 0)`);
  },
};
