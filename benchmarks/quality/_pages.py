"""What a subject found: its page in benchmarks/results, and its headlines in the one table of all."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"
_HEADLINES = RESULTS / "quality.json"


@dataclass(frozen=True, slots=True)
class Headline:
    """One figure; ``goal`` is what it was to be, where somebody said so."""

    what: str
    figure: str
    goal: str = ""


def publish(subject: str, page: str, headlines: Sequence[Headline]) -> None:
    """Write and print a subject's page, and keep its headlines beside those of the others."""
    (RESULTS / f"{subject}.md").write_text(page.rstrip("\n") + "\n", encoding="utf-8")
    found = {**_kept(), subject: [asdict(headline) for headline in headlines]}
    _HEADLINES.write_text(
        json.dumps(found, ensure_ascii=False, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    print(page)


def summarize(subjects: Iterable[str]) -> str:
    """One table of the headlines of all subjects that were ever measured; written, too."""
    kept = _kept()
    rows = [
        (f"[{subject}]({subject}.md)", each["what"], each["figure"], each["goal"])
        for subject in subjects
        for each in kept.get(subject, ())
    ]
    text = "# How good what is made is\n\nBy `make quality`. Each subject has a page of its own.\n\n"
    text += table([("subject", "what", "figure", "goal"), *rows]) + "\n"
    (RESULTS / "quality.md").write_text(text, encoding="utf-8")
    return text


def _kept() -> dict[str, list[dict[str, str]]]:
    if not _HEADLINES.exists():
        return {}
    found: dict[str, list[dict[str, str]]] = json.loads(_HEADLINES.read_text(encoding="utf-8"))
    return found


def table(rows: Iterable[Sequence[object]]) -> str:
    """Rows as Markdown; the first is the head."""
    head, *body = [" | ".join(str(cell) for cell in row) for row in rows]
    rule = "|".join(["---"] * (head.count("|") + 1))
    return "\n".join(f"| {line} |" for line in (head, rule, *body))
