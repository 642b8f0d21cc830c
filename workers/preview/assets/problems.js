// Everything that somebody ought to look at: failed lines, what was not done as asked, and where a
// caption breaks a rule.

const KINDS = {
  error: { order: 0, name: "Failed" },
  warning: { order: 1, name: "Warning" },
  caption: { order: 2, name: "Caption" },
};

function gatherProblems() {
  const found = [];
  for (const line of lines) {
    if (line.error) found.push({ kind: "error", code: line.error.code, text: line.error.detail, line, ms: line.start_ms });
    for (const warning of line.warnings) {
      if (line.error && warning.code === "line_failed") continue; // says the same
      found.push({ kind: "warning", code: warning.code, text: warning.detail, line, ms: line.start_ms });
    }
  }
  for (const warning of page.warnings) found.push({ kind: "warning", code: warning.code, text: warning.detail, ms: 0 });
  found.push(...captionProblems());
  return found.sort((a, b) => a.ms - b.ms || KINDS[a.kind].order - KINDS[b.kind].order);
}

/** Cues that break limits, each with all that it breaks. */
function captionProblems() {
  const byLine = new Map(lines.map((line) => [line.id, line]));
  const byCue = new Map();
  for (const finding of reel.conformance?.findings ?? []) {
    byCue.set(finding.cue, [...(byCue.get(finding.cue) ?? []), finding]);
  }
  return [...byCue].map(([cue, findings]) => ({
    kind: "caption",
    code: findings.map((finding) => finding.rule).join(", "),
    text: findings.map((finding) => `${finding.value} ${finding.unit}, limit ${finding.limit}.`).join(" "),
    line: byLine.get(findings[0].line_id),
    ms: reel.cues[cue]?.start_ms ?? 0,
  }));
}

const problems = gatherProblems();
for (const problem of problems) if (problem.line) (problem.line.problems ??= []).push(problem);

/** The gravest kind of some problems; undefined of none. */
function gravestOf(some) {
  return some?.map((problem) => problem.kind).sort((a, b) => KINDS[a].order - KINDS[b].order)[0];
}

/** A code as words: "slot_overrun" is "slot overrun". */
function plainCode(code) {
  return String(code ?? "").replaceAll("_", " ");
}

function problemText(problem) {
  return el("span", { class: "what" },
    icon(problem.kind), el("strong", {}, `${KINDS[problem.kind].name}: ${plainCode(problem.code)}. `), problem.text);
}

function showProblems() {
  byId("problem-count").textContent = problems.length ? problems.length.toLocaleString("en") : "";
  byId("problems").append(...problems.map(problemEntry));
  if (!problems.length) byId("problems").append(el("li", { class: "none" }, icon("good"), "No problem was found."));
  byId("verdict").replaceChildren(icon(problems.length ? gravestOf(problems) : "good"), verdict());
}

function verdict() {
  const count = (kind) => problems.filter((problem) => problem.kind === kind).length;
  const failed = count("error"), warnings = count("warning"), captions = count("caption");
  return [
    failed && `${counted(failed, "line")} failed`,
    warnings && counted(warnings, "warning"),
    captions && `${counted(captions, "caption")} to look at`,
  ].filter(Boolean).join(" · ") || "No problems";
}

function problemEntry(problem) {
  if (!problem.line) return el("li", {}, el("div", { class: "problem" }, problemText(problem)));
  const where = el("span", { class: "where" }, `${clock(problem.ms, true)} · ${problem.line.id} · `,
    el("bdi", {}, problem.line.lane.name));
  const button = el("button", { type: "button", class: "problem" }, problemText(problem), where);
  button.addEventListener("click", () => {
    player.seek(problem.ms);
    transcript.show(problem.line, { flash: true });
  });
  return el("li", {}, button);
}
