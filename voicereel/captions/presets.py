"""Caption styles by name and version. A version never changes: a change is a new version.

``netflix``: the timed text guide and its timing guidelines (5/6 to 7 seconds, two lines, two frames,
gaps under half a second closed); characters a line and a second by language as in SubtitleEdit's Netflix
quality check. In its first version English reads at 17 and, for children, at 13 characters a second, as
the older template has it. ``bbc``: after the BBC's subtitle guidelines (37 columns, 160 words a minute
taken as words of six characters, no gap or one of a second). ``social``: one short line at a time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from math import ceil

from voicereel.captions.style import CaptionStyle
from voicereel.domain.script import CaptionRequest

_COLUMNS = {"ja": 13, "ko": 16, "zh": 16, "th": 35}
_ADULT = {"en": 20, "ar": 20, "hi": 22, "ja": 4, "ko": 12, "zh": 9}
_CHILDREN = {"en": 17, "ar": 17, "hi": 18, "ja": 4, "ko": 9, "zh": 7}
_HARD_OF_HEARING = {"ar": 23, "hi": 25, "ja": 7, "ko": 14, "zh": 11}


def _netflix(name: str, version: int, cps: float, cps_by_language: Mapping[str, float]) -> CaptionStyle:
    """Two frames at 24 a second. Japanese and Korean count Latin letters and spaces as halves."""
    return CaptionStyle(
        name=name,
        version=version,
        columns=42,
        columns_by_language=_COLUMNS,
        cps=cps,
        cps_by_language=cps_by_language,
        half_width=frozenset({"ja", "ko"}),
        unchained=frozenset({"ja"}),
        gap_ms=84,
    )


_STYLES = (
    CaptionStyle(
        name="default",
        version=1,
        columns=42,
        columns_by_language=_COLUMNS,
        cps=17,
        cps_by_language=_ADULT,
    ),
    _netflix("netflix", 1, 17, {**_ADULT, "en": 17}),
    _netflix("netflix", 2, 17, _ADULT),
    _netflix("netflix-children", 1, 13, {**_CHILDREN, "en": 13}),
    _netflix("netflix-children", 2, 13, _CHILDREN),
    _netflix("netflix-sdh", 1, 20, _HARD_OF_HEARING),
    CaptionStyle(
        name="bbc",
        version=1,
        columns=37,
        columns_by_language=_COLUMNS | {"th": 32},
        cps=16,
        cps_by_language={"ja": 4, "ko": 12, "zh": 9},
        min_ms=1000,
        gap_ms=0,
        gap_frames=0,
        chain_ms=999,
    ),
    CaptionStyle(
        name="social",
        version=1,
        columns=22,
        columns_by_language={"ja": 10, "ko": 10, "zh": 10, "th": 18},
        cps=25,
        cps_by_language={"hi": 30, "ja": 10, "ko": 14, "zh": 11},
        max_lines=1,
        min_ms=400,
        max_ms=3000,
        gap_ms=0,
        gap_frames=0,
        chain_ms=499,
        trail_ms=300,
    ),
)


def _named(styles: tuple[CaptionStyle, ...]) -> Iterator[tuple[str, CaptionStyle]]:
    """Each style by its full name, and the newest version of each by its name alone."""
    for style in styles:
        yield style.name, style
        yield style.full_name, style


STYLES: Mapping[str, CaptionStyle] = dict(_named(_STYLES))


def pinned(name: str) -> str:
    """The name with the version that it means today."""
    return STYLES[name].full_name


def style_of(request: CaptionRequest) -> CaptionStyle:
    """The style asked for, with the frame rate and the limits asked for.

    Raises ValueError, written for the customer, where the limits cannot all be met.
    """
    style = STYLES[request.style]
    if request.fps is not None and style.gap_frames:
        style = _at(style, request.fps)
    asked = {name: value for name, value in asdict(request.limits).items() if value is not None}
    if "columns" in asked:
        asked["columns_by_language"] = {}
    if "cps" in asked:
        asked["cps_by_language"] = {}
    style = replace(style, **asked)
    if style.min_ms > style.max_ms:
        raise ValueError(
            f"A cue cannot last at least {style.min_ms} ms (min_ms) and at most {style.max_ms} ms (max_ms)."
        )
    return style


def _at(style: CaptionStyle, fps: float) -> CaptionStyle:
    """The gap in whole frames, and gaps under half a second closed: 11 frames at 24 a second."""
    under_half = ceil(fps / 2) - 1
    return replace(
        style,
        gap_ms=ceil(style.gap_frames * 1000 / fps),
        chain_ms=int(max(under_half, style.gap_frames) * 1000 / fps),
    )
