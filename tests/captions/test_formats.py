"""Files are read back by the libraries people use, and say what the cues say."""

import html
import json
import re
from datetime import timedelta

import pytest
import srt
import webvtt
from hypothesis import given

from tests.captions.strategies import examples, reels
from voicereel.captions.cue import Cue
from voicereel.captions.formats import LineNotes, reel_document, to_srt, to_vtt
from voicereel.captions.presets import STYLES
from voicereel.captions.segmenter import segment
from voicereel.domain.reel import Placement, Reel, Word
from voicereel.domain.script import Warn, spoken_text

STYLE = STYLES["default"]


def cue(*lines: str, name: str = "Ana", start_ms: int = 0, end_ms: int = 1000, language: str = "en") -> Cue:
    return Cue(
        line_id="l1", role="ROLE", speaker_name=name, language=language, text=" ".join(lines), lines=lines,
        start_ms=start_ms, end_ms=end_ms, words_start_ms=start_ms, words_end_ms=end_ms,
    )  # fmt: skip


@examples(80)
@given(reels())
def test_webvtt_is_read_back_as_it_was_meant(reel: Reel) -> None:
    cues = segment(reel, STYLE)
    read = webvtt.from_string(to_vtt(cues), strict=True)
    assert len(read) == len(cues)
    for caption, cue in zip(read.captions, cues, strict=True):
        assert html.unescape(caption.text).split("\n") == list(cue.lines)
        assert caption.start_time.in_milliseconds() == cue.start_ms
        assert caption.end_time.in_milliseconds() == cue.end_ms
        assert caption.voice == (spoken_text(re.sub("[&<>]", "", cue.speaker_name)) or cue.role)


@examples(80)
@given(reels())
def test_subrip_is_read_back_as_it_was_meant(reel: Reel) -> None:
    cues = segment(reel, STYLE)
    read = list(srt.parse(to_srt(cues)))
    assert [subtitle.index for subtitle in read] == list(range(1, len(cues) + 1))
    for subtitle, cue in zip(read, cues, strict=True):
        assert subtitle.content.replace("\u2060", "") == "\n".join(cue.lines).replace("\u2060", "")
        assert subtitle.start == timedelta(milliseconds=cue.start_ms)
        assert subtitle.end == timedelta(milliseconds=cue.end_ms)


def test_webvtt_as_it_is_written() -> None:
    cues = [
        cue("Fish & chips", "--> <b>now</b>"),
        cue("Yes.", name="Ben", start_ms=3_661_001, end_ms=3_662_000),
    ]
    assert to_vtt(cues) == (
        "WEBVTT\n\n"
        "00:00:00.000 --> 00:00:01.000\n<v Ana>Fish &amp; chips\n--&gt; &lt;b&gt;now&lt;/b&gt;\n\n"
        "01:01:01.001 --> 01:01:02.000\n<v Ben>Yes.\n"
    )


def test_cues_shown_at_once_are_put_apart_in_webvtt() -> None:
    cues = [cue("One.", end_ms=3000), cue("Two.", start_ms=500, end_ms=2000), cue("Three.", start_ms=2000)]
    read = webvtt.from_string(to_vtt(cues), strict=True)
    assert [str(caption.settings) for caption in read] == ["", "line:5%", "line:5%"]
    assert "line" not in to_srt(cues)


def test_subrip_as_it_is_written() -> None:
    cues = [cue("Fish & chips", "a --> b"), cue("Yes.", start_ms=3_661_001, end_ms=3_662_000)]
    assert to_srt(cues) == (
        "1\n00:00:00,000 --> 00:00:01,000\nFish & chips\na --> b\n\n"
        "2\n01:01:01,001 --> 01:01:02,000\nYes.\n\n"
    )


@pytest.mark.parametrize(
    ("name", "voice"),
    [("A & B>C", "A BC"), ("Ana\nRuiz", "Ana Ruiz"), ("<&>", "ROLE"), (" \t", "ROLE"), ("Zoë", "Zoë")],
)
def test_names_are_made_fit_for_a_voice_span(name: str, voice: str) -> None:
    assert webvtt.from_string(to_vtt([cue("Hi.", name=name)]))[0].voice == voice


def test_text_that_looks_like_a_time_line_stays_text() -> None:
    text = ("00:00:01,000 --> 00:00:02,000", "At", "5", "00:00:01,000 --> 00:00:02,000", "6", "7:8:9 Uhr")
    (subtitle,) = srt.parse(to_srt([cue(*text)]))
    assert subtitle.content.replace("\u2060", "") == "\n".join(text)
    (caption,) = webvtt.from_string(to_vtt([cue(*text)]), strict=True).captions
    assert html.unescape(caption.text) == "\n".join(text)


def test_line_breaks_in_a_display_line_do_not_end_the_cue() -> None:
    broken = cue("one\n\ntwo", " ", "three")
    assert webvtt.from_string(to_vtt([broken]))[0].text == "one two\nthree"
    assert next(srt.parse(to_srt([broken]))).content == "one two\nthree"


def test_subrip_keeps_the_order_of_cues_that_start_together() -> None:
    cues = [cue("Long.", end_ms=2000), cue("Short.", end_ms=1000)]
    assert [subtitle.content for subtitle in srt.parse(to_srt(cues))] == ["Long.", "Short."]


def test_no_cues_are_an_empty_file() -> None:
    assert len(webvtt.from_string(to_vtt([]))) == 0
    assert to_srt([]) == ""


@examples(40)
@given(reels())
def test_the_document_holds_every_line_and_every_cue(reel: Reel) -> None:
    cues = segment(reel, STYLE)
    document = json.loads(json.dumps(reel_document(reel, cues, style=STYLE)))
    assert [line["id"] for line in document["lines"]] == [p.line_id for p in reel.placements]
    for line, placement in zip(document["lines"], reel.placements, strict=True):
        told = "".join(cue["text"] for cue in document["cues"] if cue["line_id"] == line["id"])
        assert told == (placement.spoken if placement.words else "")
        assert [word["text"] for word in line["words"]] == [word.text for word in placement.words]


def test_the_document_as_it_is_published() -> None:
    word = Word(text="Hi!", start_ms=100, end_ms=500, source="engine", confidence=1.0)
    line = Placement(
        line_id="l1", role="ANA", speaker_id="spk_1", speaker_name="Ana", language="en", text=" Hi!\n",
        start_ms=100, end_ms=500, words=(word,),
    )  # fmt: skip
    reel = Reel(title="Pilot", language="en", duration_ms=1500, placements=(line,))
    warn = Warn(code="slot_overrun", pointer="/lines/0/slot", detail="Too long.")
    level = {"take_lufs": -20.5, "matching_db": 1.5, "gain_db": 0.0}
    notes = {"l1": LineNotes(warnings=(warn,), error={"code": "engine_failed"}, level=level)}
    audio = [{"format": "mp3", "loudness_lufs": -16.0}]
    who = {"role": "ANA", "speaker": {"id": "spk_1", "name": "Ana"}}
    spoken = {"text": "Hi!", "start_ms": 100, "end_ms": 500, "source": "engine", "confidence": 1.0}
    limits = {
        "columns": {"en": 42}, "cps": {"en": 20}, "max_lines": 2, "min_ms": 833, "max_ms": 7000, "gap_ms": 80,
        "chain_ms": 458, "trail_ms": 500,
    }  # fmt: skip
    assert reel_document(reel, segment(reel, STYLE), style=STYLE, notes=notes, audio=audio) == {
        "title": "Pilot",
        "language": "en",
        "duration_ms": 1500,
        "style": {"name": "default", "version": 1, "limits": limits},
        "audio": audio,
        "lines": [
            {
                **who,
                "id": "l1",
                "language": "en",
                "text": " Hi!\n",
                "start_ms": 100,
                "end_ms": 500,
                "level": level,
                "words": [spoken],
                "warnings": [{"code": "slot_overrun", "pointer": "/lines/0/slot", "detail": "Too long."}],
                "error": {"code": "engine_failed"},
                "check": None,
            }
        ],
        "cues": [{**who, "line_id": "l1", "start_ms": 100, "end_ms": 933, "lines": ["Hi!"], "text": "Hi!"}],
        "conformance": {"cues": 1, "broken": 0, "rules": {}, "findings": []},
    }
