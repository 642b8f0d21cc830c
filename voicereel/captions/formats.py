"""A reel and its cues as JSON, WebVTT and SubRip."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import srt
import webvtt

from voicereel.captions.segmenter import Cue
from voicereel.captions.style import CaptionStyle
from voicereel.domain.reel import Placement, Reel, Word
from voicereel.domain.script import Warn, spoken_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNotes:
    """What came of a line besides its words: warnings, and the error if it failed (JSON-ready)."""

    warnings: tuple[Warn, ...] = ()
    error: Mapping[str, Any] | None = None


_NO_NOTES = LineNotes()


def reel_document(
    reel: Reel, cues: Sequence[Cue], *, style: CaptionStyle, notes: Mapping[str, LineNotes] | None = None
) -> dict[str, Any]:
    """The reel as JSON-ready values: every line in script order, then the cues by start.

    ``notes`` are by line id; a line without has none.
    """
    notes = notes or {}
    speakers = {placement.line_id: _speaker(placement) for placement in reel.placements}
    return {
        "title": reel.title,
        "language": reel.language,
        "duration_ms": reel.duration_ms,
        "style": {"name": style.name, "version": style.version},
        "lines": [_line(placement, notes.get(placement.line_id, _NO_NOTES)) for placement in reel.placements],
        "cues": [_cue(cue, speakers[cue.line_id]) for cue in cues],
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
        "words": [_word(word) for word in placement.words],
        "warnings": [asdict(warn) for warn in notes.warnings],
        "error": None if notes.error is None else dict(notes.error),
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


def to_vtt(cues: Sequence[Cue]) -> str:
    """A WebVTT file: each cue in a voice span of its speaker, or of the role where that has no name."""
    captions = [
        webvtt.Caption(_clock(cue.start_ms), _clock(cue.end_ms), list(_voiced(cue)))
        for cue in cues
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


def _clock(position_ms: int) -> str:
    seconds, milliseconds = divmod(position_ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


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
