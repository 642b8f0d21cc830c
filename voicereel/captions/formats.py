"""A reel and its cues as JSON, WebVTT and SubRip; TTML has a module of its own."""

import html
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import srt
import webvtt

from voicereel.captions.conformance import RULES, Finding, counts
from voicereel.captions.cue import Cue, clock
from voicereel.captions.lanes import lanes
from voicereel.captions.style import CaptionStyle
from voicereel.domain.checks import SpokenCheck, check_view
from voicereel.domain.reel import Placement, Reel, Word
from voicereel.domain.script import Warn, spoken_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNotes:
    """What came of a line besides its words: warnings, its level in the mix (None without sound), what
    was heard of it, and the error if it failed (JSON-ready).
    """

    warnings: tuple[Warn, ...] = ()
    error: Mapping[str, Any] | None = None
    level: Mapping[str, float | None] | None = None
    check: SpokenCheck | None = None


_NO_NOTES = LineNotes()


def reel_document(
    reel: Reel,
    cues: Sequence[Cue],
    *,
    style: CaptionStyle,
    findings: Sequence[Finding] = (),
    notes: Mapping[str, LineNotes] | None = None,
    audio: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The reel as JSON-ready values: every line in script order, then the cues by start.

    ``findings`` are the limits that the cues break. ``notes`` are by line id; a line without has none.
    ``audio`` says what was measured of each file.
    """
    notes = notes or {}
    speakers = {placement.line_id: _speaker(placement) for placement in reel.placements}
    return {
        "title": reel.title,
        "language": reel.language,
        "duration_ms": reel.duration_ms,
        "style": _style(style, {cue.language for cue in cues}),
        "audio": [dict(file) for file in audio],
        "lines": [_line(placement, notes.get(placement.line_id, _NO_NOTES)) for placement in reel.placements],
        "cues": [_cue(cue, speakers[cue.line_id]) for cue in cues],
        "conformance": _conformance(cues, findings),
    }


def _style(style: CaptionStyle, languages: Collection[str]) -> dict[str, Any]:
    """The style's name and the limits that held, those that depend on a language by language."""
    names = ("max_lines", "min_ms", "max_ms", "gap_ms", "chain_ms", "trail_ms")
    return {
        "name": style.name,
        "version": style.version,
        "limits": {
            "columns": {language: style.columns_for(language) for language in sorted(languages)},
            "cps": {language: style.cps_for(language) for language in sorted(languages)},
            **{name: getattr(style, name) for name in names},
        },
    }


def _conformance(cues: Sequence[Cue], findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "cues": len(cues),
        "broken": len({finding.cue for finding in findings}),
        "rules": counts(findings),
        "findings": [{**asdict(finding), "unit": RULES[finding.rule]} for finding in findings],
    }


def _speaker(placement: Placement) -> dict[str, str]:
    return {"id": placement.speaker_id, "name": placement.speaker_name}


def _line(placement: Placement, notes: LineNotes) -> dict[str, Any]:
    return {
        "id": placement.line_id,
        "role": placement.role,
        "speaker": _speaker(placement),
        "language": placement.language,
        "text": placement.text,
        "start_ms": placement.start_ms,
        "end_ms": placement.end_ms,
        "level": None if notes.level is None else dict(notes.level),
        "words": [_word(word) for word in placement.words],
        "warnings": [asdict(warn) for warn in notes.warnings],
        "error": None if notes.error is None else dict(notes.error),
        "check": None if notes.check is None else check_view(notes.check),
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "text": word.text,
        "start_ms": word.start_ms,
        "end_ms": word.end_ms,
        "source": word.source,
        "confidence": word.confidence,
    }


def _cue(cue: Cue, speaker: Mapping[str, str]) -> dict[str, Any]:
    return {
        "line_id": cue.line_id,
        "role": cue.role,
        "speaker": dict(speaker),
        "start_ms": cue.start_ms,
        "end_ms": cue.end_ms,
        "lines": list(cue.lines),
        "text": cue.text,
    }


# By lane: top and middle. Where more speak at once, players pile up what has no place of its own.
_PLACES = {1: "line:5%", 2: "line:40%"}


def to_vtt(cues: Sequence[Cue]) -> str:
    """A WebVTT file: each cue in a voice span of its speaker, or of the role where that has no name.

    Of cues shown at once the first stands where players put cues, at the bottom, the others elsewhere.
    """
    captions = [
        webvtt.Caption(clock(cue.start_ms), clock(cue.end_ms), list(_voiced(cue)), settings=_PLACES.get(lane))
        for cue, lane in zip(cues, lanes(cues), strict=True)
        if _shown(cue)
    ]
    return webvtt.WebVTT(captions=captions).content


def _voiced(cue: Cue) -> Iterator[str]:
    """The payload. webvtt-py writes text as it is given, so character references are made here."""
    name = _annotation(cue.speaker_name) or _annotation(cue.role)
    for index, line in enumerate(_shown(cue)):
        tag = f"<v {name}>" if name and index == 0 else ""
        yield tag + html.escape(line, quote=False)


def _annotation(name: str) -> str:
    """A name as a voice annotation. References are legal in one, but readers do not decode them."""
    return spoken_text(re.sub("[&<>]", "", name))


def _shown(cue: Cue) -> list[str]:
    """Display lines without what would end a cue early: line breaks, control characters, blank lines."""
    return [line for line in map(spoken_text, cue.lines) if line]


def to_srt(cues: Sequence[Cue]) -> str:
    """A SubRip file: plain text, speakers not named, cues numbered from 1 in the order given."""
    shown = [(cue, _shown(cue)) for cue in cues]
    subtitles = (
        srt.Subtitle(
            index=index,
            start=timedelta(milliseconds=cue.start_ms),
            end=timedelta(milliseconds=cue.end_ms),
            content=_no_time_line("\n".join(lines)),
        )
        for index, (cue, lines) in enumerate([entry for entry in shown if entry[1]], start=1)
    )
    # The library would sort cues that start together by their end: reindex is off.
    return str(srt.compose(subtitles, reindex=False))


# A time where a reader looks for one: at the start of a line after the first, or with an arrow.
_TIME = r"[0-9]+[,.:，．。：][0-9]+[,.:，．。：][0-9]+"
_TIME_LINE = re.compile(rf"(?:(?<=\n)|\A(?=.*-[ -] *>))(?={_TIME})")
_WORD_JOINER = "\u2060"


def _no_time_line(content: str) -> str:
    """SubRip has no escapes: an invisible character keeps text from being read as a time line."""
    return _TIME_LINE.sub(_WORD_JOINER, content)
