"""Random lines, timings and reels, with the text that breaks caption code."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from voicereel.captions.presets import STYLES
from voicereel.domain.reel import Placement, Reel
from voicereel.domain.script import spoken_text
from voicereel.domain.words import Timing, words_from_timings


def examples(count: int) -> settings:
    """No limits of time: a busy machine is not a failure."""
    return settings(max_examples=count, deadline=None, suppress_health_check=[HealthCheck.too_slow])


_HOSTILE = [
    "the", "and", "Hello,", "Dr.", "Smith", "don't", "3.5", "—", "...", "“¿Qué?”", "<v Eve>",
    "<b>&amp;</b>", "-->", "0:00:01,000", "00:00:01.000", "1", "WEBVTT", "NOTE", "{\\an8}",
    "😀", "👨‍👩‍👧‍👦", "👍🏽", "🇫🇷🇪🇸🇩🇪",
    "مرحبا", "\u200fשלום", "नमस्ते", "e\u0301\u0327te\u0301", "한국어로",
    "吾輩は猫である。名前はまだ無い。", "「ありがとう」と", "ภาษาไทยเป็นภาษา", "iPhone15を買った",
    "a\u00a0b", "x\r\n\r\ny", "\x00",
]  # fmt: skip

tokens = st.one_of(
    st.sampled_from(_HOSTILE),
    st.text(min_size=1, max_size=8),
    st.builds(lambda c, n: c * n, st.sampled_from([*"xß漢ก😀é-あ", "👨‍👩‍👧"]), st.integers(1, 300)),
)
texts = st.lists(tokens, min_size=1, max_size=25).map(" ".join)
names = st.one_of(st.text(max_size=12), st.sampled_from(["Ana", "A&B > C", "--> x", "\n", "<i>", ""]))


@st.composite
def timings(draw: st.DrawFn, text: str, duration_ms: int) -> list[Timing]:
    """Mostly orderly, as engines give them: sometimes overlapping, out of order or out of range."""
    count = draw(st.integers(0, 8))
    chars = sorted(draw(st.lists(st.integers(0, len(text) + 1), min_size=2 * count, max_size=2 * count)))
    time = st.floats(-10, duration_ms * 1.1 + 10)
    times = draw(st.lists(time, min_size=2 * count, max_size=2 * count))
    if draw(st.integers(0, 3)):
        times.sort()
    return [
        Timing(start_char=a, end_char=b, start_ms=s, end_ms=e, exact=draw(st.booleans()))
        for a, b, s, e in zip(chars[::2], chars[1::2], times[::2], times[1::2], strict=True)
    ]


@st.composite
def placements(draw: st.DrawFn, line_id: str, start_ms: int) -> Placement:
    text = draw(texts)
    duration_ms = draw(st.one_of(st.integers(0, 60), st.integers(0, 30_000)))
    spoken = spoken_text(text)
    words = words_from_timings(spoken, draw(timings(spoken, duration_ms)), duration_ms)
    if draw(st.integers(0, 9)) == 0:
        words = ()
    return Placement(
        line_id=line_id,
        role=draw(st.sampled_from(["ANA", "BEN"])),
        speaker_id="spk_1",
        speaker_name=draw(names),
        language=draw(st.sampled_from(["en", "es-MX", "de", "ja", "zh-Hans", "th", "ar", "xx"])),
        text=text,
        start_ms=start_ms,
        end_ms=start_ms + duration_ms,
        words=tuple(word.shifted(start_ms) for word in words),
    )


@st.composite
def reels(draw: st.DrawFn) -> Reel:
    placed: list[Placement] = []
    cursor_ms = duration_ms = 0
    for index in range(draw(st.integers(1, 5))):
        start_ms = max(0, cursor_ms + draw(st.one_of(st.just(0), st.integers(-5000, 2000))))
        placed.append(draw(placements(f"l{index + 1}", start_ms)))
        cursor_ms = placed[-1].end_ms
        duration_ms = max(duration_ms, cursor_ms)
    tail_ms = draw(st.integers(0, 2000))
    return Reel(title="t", language="en", duration_ms=duration_ms + tail_ms, placements=tuple(placed))


styles = st.sampled_from([style for name, style in STYLES.items() if "@" in name])
cuts = st.lists(st.integers(0, 60_000), max_size=40, unique=True).map(sorted)
