// The captions of the moment, line for line as a viewer would see them.

const cuesByTime = new Stretches(reel.cues);
let shownCues = "";

function showCaptions(ms) {
  const active = cuesByTime.at(ms), key = active.join();
  if (key === shownCues) return;
  shownCues = key;
  byId("cues").replaceChildren(...active.map((index) => caption(reel.cues[index])));
}

function caption(cue) {
  const language = lines.length ? laneLanguage(cue) : undefined;
  const shown = cue.lines.flatMap((text, place) => (place ? [el("br"), text] : [text]));
  return el("div", { class: `cue ${laneColour(laneOf.get(cue.role))}` },
    el("span", { class: "who" }, el("bdi", {}, cue.speaker.name || cue.role)),
    el("p", { dir: "auto", lang: language }, ...shown));
}

const languages = new Map(lines.map((line) => [line.id, line.language]));

function laneLanguage(cue) {
  return languages.get(cue.line_id) || undefined;
}
