// Everything put together.

function showFacts() {
  const title = reel.title || "Untitled reel";
  document.title = title;
  byId("title").textContent = title;
  const words = lines.reduce((count, line) => count + line.words.length, 0);
  byId("facts").textContent = [
    clock(durationMs), counted(lanes.length, "speaker"), counted(lines.length, "line"), counted(words, "word"),
  ].join(" · ");
  byId("length").textContent = `/ ${clock(durationMs, true)}`;
  byId("seek").max = String(durationMs);
}

let shownTime = "", shownSecond = -1;

function showPosition(ms) {
  const time = clock(ms, true);
  if (time !== shownTime) byId("now").textContent = shownTime = time; // text costs a layout
  byId("seek").value = String(ms);
  const second = Math.floor(ms / 1000);
  if (second === shownSecond) return;
  shownSecond = second;
  byId("seek").setAttribute("aria-valuetext", `${spokenClock(ms)} of ${spokenClock(durationMs)}`);
}

function showPlaying() {
  byId("play").setAttribute("aria-label", player.playing ? "Pause" : "Play");
  byId("play").querySelector("use").setAttribute("href", player.playing ? "#i-pause" : "#i-play");
  document.body.classList.toggle("playing", player.playing);
}

showFacts();
showProblems();
startTranscript();
startTimeline();
startKeys();
startSound();
for (const name of ["play", "pause", "ended"]) sound.addEventListener(name, showPlaying);
byId("seek").addEventListener("input", (event) => player.seek(Number(event.target.value)));
player.onMove(showPosition);
player.onMove((ms) => overview.move(ms));
player.onMove((ms) => timeline.move(ms));
player.onMove((ms, quiet) => transcript.move(ms, quiet));
player.onMove(showCaptions);
player.moved(0, true);
