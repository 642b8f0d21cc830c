"""When cues come and go: with their words, later or earlier for reading, for gaps and for shot cuts."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace

from voicereel.captions.cue import Cue
from voicereel.captions.shots import begin_near, ends_near
from voicereel.captions.style import CaptionStyle


def limit_ms(starts_ms: Sequence[int], words_end_ms: int, duration_ms: int, style: CaptionStyle) -> int:
    """Until when a cue may stay: a gap before the next cue that begins after its words, or the end."""
    index = bisect_left(starts_ms, words_end_ms)
    return min(duration_ms, starts_ms[index] - style.gap_ms) if index < len(starts_ms) else duration_ms


def timed(
    drafts: Sequence[Cue], *, duration_ms: int, style: CaptionStyle, cuts_ms: Sequence[int]
) -> Iterator[Cue]:
    """Drafts, which begin and end with their words, sorted by start; as they are to be shown."""
    spoken_ms = [cue.words_start_ms for cue in drafts]
    starts_ms = _starts(drafts, duration_ms, style, cuts_ms) if cuts_ms else spoken_ms
    for draft, start_ms in zip(drafts, starts_ms, strict=True):
        following = bisect_left(spoken_ms, draft.words_end_ms)
        is_followed = following < len(starts_ms)
        until_ms = min(duration_ms, starts_ms[following] - style.gap_ms) if is_followed else duration_ms
        cue = replace(draft, start_ms=start_ms)
        end_ms = _chained_ms(cue, _out_ms(cue, until_ms, style), until_ms, style, is_followed=is_followed)
        if cuts_ms:
            end_ms = _out_at_cut_ms(cue, end_ms, until_ms, style, cuts_ms)
        yield replace(cue, end_ms=end_ms)


def _out_ms(cue: Cue, until_ms: int, style: CaptionStyle) -> int:
    """When a cue goes: after its words, later if it is too short or too fast and there is room."""
    characters = style.measure(cue.text.rstrip(), cue.language)
    reading_ms = int(1000 * characters / style.cps_for(cue.language)) + 1
    longest_ms = min(until_ms, cue.start_ms + style.max_ms)
    trailed_ms = max(cue.words_end_ms + style.trail_ms, cue.start_ms + style.min_ms)
    wanted_ms = max(cue.words_end_ms, cue.start_ms + max(style.min_ms, reading_ms))
    return max(cue.start_ms + 1, min(wanted_ms, longest_ms, trailed_ms))


def _chained_ms(cue: Cue, out_ms: int, until_ms: int, style: CaptionStyle, *, is_followed: bool) -> int:
    """The same where the next cue is so near that the gap between them is closed."""
    is_near = until_ms - out_ms <= style.chain_for(cue.language) - style.gap_ms
    if is_followed and is_near and until_ms <= cue.start_ms + style.max_ms:
        return max(out_ms, until_ms)
    return out_ms


def _out_at_cut_ms(cue: Cue, out_ms: int, until_ms: int, style: CaptionStyle, cuts_ms: Sequence[int]) -> int:
    """The same where a shot cut is near; as it was where that would break a rule that comes first."""
    least_ms = min(cue.start_ms + style.min_ms, out_ms)
    most_ms = min(until_ms, cue.start_ms + style.max_ms)
    wanted = ends_near(out_ms, cuts_ms, gap_ms=style.gap_ms)
    return next((end_ms for end_ms in wanted if least_ms <= end_ms <= most_ms), out_ms)


def _starts(
    drafts: Sequence[Cue], duration_ms: int, style: CaptionStyle, cuts_ms: Sequence[int]
) -> list[int]:
    """When each cue comes: with its first word, or at a shot cut that is near and where there is room."""
    spoken_ms = [cue.words_start_ms for cue in drafts]
    starts_ms: list[int] = []
    heard_ms = -1
    for index, draft in enumerate(drafts):
        wanted_ms = begin_near(draft.words_start_ms, cuts_ms)
        earliest_ms = latest_ms = draft.words_start_ms
        if wanted_ms < earliest_ms:
            earliest_ms = max(heard_ms, draft.words_end_ms - style.max_ms)
            if starts_ms:
                earliest_ms = max(earliest_ms, starts_ms[-1] + style.min_ms + style.gap_ms)
        elif wanted_ms > latest_ms:
            room_ms = limit_ms(spoken_ms, draft.words_end_ms, duration_ms, style) - style.min_ms
            latest_ms = min(draft.words_end_ms - 1, room_ms, *spoken_ms[index + 1 : index + 2])
        fits = earliest_ms <= wanted_ms <= latest_ms
        starts_ms.append(wanted_ms if fits else draft.words_start_ms)
        heard_ms = max(heard_ms, draft.words_end_ms)
    return starts_ms
