"""TTML is read back as XML, by its names, and says what the cues say."""

import re
from xml.etree import ElementTree

from hypothesis import given

from tests.captions.strategies import examples, reels
from tests.captions.test_formats import STYLE, cue
from voicereel.captions.lanes import lanes
from voicereel.captions.segmenter import segment
from voicereel.captions.ttml import to_ttml
from voicereel.domain.reel import Reel
from voicereel.domain.script import spoken_text

TT = "{http://www.w3.org/ns/ttml}"
TTM = "{http://www.w3.org/ns/ttml#metadata}"
TTP = "{http://www.w3.org/ns/ttml#parameter}"
TTS = "{http://www.w3.org/ns/ttml#styling}"
XML = "{http://www.w3.org/XML/1998/namespace}"


def rows_of(paragraph: ElementTree.Element) -> list[str]:
    assert {child.tag for child in paragraph} <= {f"{TT}br"}
    return [paragraph.text or "", *(child.tail or "" for child in paragraph)]


def milliseconds(clock: str) -> int:
    hours, minutes, seconds, thousandths = map(
        int, re.fullmatch(r"(\d\d):(\d\d):(\d\d)\.(\d{3})", clock).groups()
    )
    return ((hours * 60 + minutes) * 60 + seconds) * 1000 + thousandths


def writable(text: str) -> str:
    """XML has no way at all to write these."""
    return spoken_text(re.sub("[\ufffe\uffff]", "", spoken_text(text)))


@examples(80)
@given(reels())
def test_ttml_is_read_back_as_it_was_meant(reel: Reel) -> None:
    cues = segment(reel, STYLE)
    root = ElementTree.fromstring(to_ttml(cues, title=reel.title, language=reel.language).encode())
    regions = {region.get(f"{XML}id") for region in root.iter(f"{TT}region")}
    agents = {agent.get(f"{XML}id"): agent.findtext(f"{TTM}name") for agent in root.iter(f"{TTM}agent")}
    paragraphs = list(root.iter(f"{TT}p"))
    written = [each for each in cues if any(map(writable, each.lines))]
    assert len(paragraphs) == len(written)
    for paragraph, shown in zip(paragraphs, written, strict=True):
        assert rows_of(paragraph) == [writable(line) for line in shown.lines if writable(line)]
        assert (milliseconds(paragraph.get("begin")), milliseconds(paragraph.get("end"))) == (
            shown.start_ms,
            shown.end_ms,
        )
        assert agents[paragraph.get(f"{TTM}agent")] == (writable(shown.speaker_name) or shown.role)
        assert paragraph.get("region") in regions
        assert paragraph.get(f"{XML}lang", root.get(f"{XML}lang")) == shown.language


def test_ttml_as_it_is_written() -> None:
    cues = [
        cue("Fish & chips", "<now>"),
        cue("نعم", name="Ben", start_ms=3_661_001, end_ms=3_662_000, language="ar"),
    ]
    text = to_ttml(cues, title="Pilot", language="en")
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<tt xmlns="http://www.w3.org/ns/ttml"')
    root = ElementTree.fromstring(text.encode())
    assert root.get(f"{TTP}profile") == "http://www.w3.org/ns/ttml/profile/imsc1/text"
    assert root.findtext(f".//{TTM}title") == "Pilot"
    assert [[name.text for name in agent] for agent in root.iter(f"{TTM}agent")] == [
        ["Ana", "ROLE"],
        ["Ben", "ROLE"],
    ]
    first, second = root.iter(f"{TT}p")
    assert (first.get("begin"), first.get("end")) == ("00:00:00.000", "00:00:01.000")
    assert rows_of(first) == ["Fish & chips", "<now>"]
    assert (second.get("begin"), second.get(f"{XML}lang"), second.get(f"{TTS}direction")) == (
        "01:01:01.001",
        "ar",
        "rtl",
    )


def test_cues_shown_at_once_have_regions_that_do_not_touch() -> None:
    cues = [cue("One.", end_ms=3000), cue("Two.", end_ms=2000), cue("Three.", end_ms=1000), cue("Four.")]
    root = ElementTree.fromstring(to_ttml(cues, title="", language="en").encode())
    assert [paragraph.get("region") for paragraph in root.iter(f"{TT}p")] == [
        "bottom",
        "top",
        "middle",
        "bottom",
    ]
    bands = []
    for region in root.iter(f"{TT}region"):
        (_, top), (_, height) = (region.get(f"{TTS}{key}").split() for key in ("origin", "extent"))
        bands.append((float(top.rstrip("%")), float(top.rstrip("%")) + float(height.rstrip("%"))))
    assert all(end <= start for (_, end), (start, _) in zip(sorted(bands), sorted(bands)[1:], strict=False))


@examples(80)
@given(reels())
def test_no_two_cues_share_a_lane_while_both_are_shown(reel: Reel) -> None:
    placed = list(zip(segment(reel, STYLE), [*lanes(segment(reel, STYLE))], strict=True))
    for index, (one, lane) in enumerate(placed):
        at_once = [other for other in placed[index + 1 :] if other[0].start_ms < one.end_ms]
        assert lane not in [other_lane for _, other_lane in at_once]
        before = [each for each in placed[:index] if each[0].end_ms > one.start_ms]
        assert lane <= len(before)
