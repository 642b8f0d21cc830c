"""A cue sheet as OpenTimelineIO: a track a role, a clip a line, times in milliseconds."""

from collections.abc import Iterator, Sequence

import opentimelineio as otio
from opentimelineio.opentime import RationalTime, TimeRange

from workers.sheets.sheet import CueSheet, Entry, row_of

# what a clip's or marker's own facts are kept under
METADATA = "voicereel"
_MS_PER_SECOND = 1000


def to_otio(sheet: CueSheet) -> str:
    """The timeline as an ``.otio`` file. A role whose lines overlap has a track for each that sounds at once.

    A clip refers to its line's own file, or to the reel where there is none; a line without sound is a
    marker on its role's first track.
    """
    timeline = otio.schema.Timeline(
        name=sheet.title, global_start_time=sheet.clock.start if sheet.clock else None
    )
    for role in dict.fromkeys(entry.role for entry in sheet.entries):
        timeline.tracks.extend(_tracks(role, [entry for entry in sheet.entries if entry.role == role], sheet))
    return str(timeline.to_json_string(indent=1))


def _tracks(role: str, entries: Sequence[Entry], sheet: CueSheet) -> Iterator[otio.schema.Track]:
    heard = sorted((entry for entry in entries if entry.out_ms > entry.in_ms), key=lambda entry: entry.in_ms)
    lanes: list[list[Entry]] = [[]]
    for entry in heard:
        lane = next((each for each in lanes if not each or each[-1].out_ms <= entry.in_ms), None)
        if lane is None:
            lanes.append(lane := [])
        lane.append(entry)
    for number, lane in enumerate(lanes, 1):
        track = otio.schema.Track(
            name=role if number == 1 else f"{role} {number}", kind=otio.schema.TrackKind.Audio
        )
        track.extend(list(_items(lane, sheet)))
        yield track
        if number == 1:
            track.markers.extend([_marker(entry, sheet) for entry in entries if entry.out_ms == entry.in_ms])


def _items(lane: Sequence[Entry], sheet: CueSheet) -> Iterator[otio.core.Item]:
    at_ms = 0
    for entry in lane:
        if entry.in_ms > at_ms:
            yield otio.schema.Gap(source_range=_range(0, entry.in_ms - at_ms))
        yield _clip(entry, sheet)
        at_ms = entry.out_ms


def _clip(entry: Entry, sheet: CueSheet) -> otio.schema.Clip:
    file = entry.clip
    media = otio.schema.ExternalReference(
        target_url=file.name if file else sheet.media,
        available_range=TimeRange(RationalTime(0, sheet.rate), RationalTime(file.samples, sheet.rate))
        if file
        else _range(0, sheet.duration_ms),
    )
    length_ms = entry.out_ms - entry.in_ms
    return otio.schema.Clip(
        name=entry.line_id,
        media_reference=media,
        source_range=_range(0 if file else entry.in_ms, length_ms),
        metadata={METADATA: row_of(entry, sheet.clock)},
    )


def _marker(entry: Entry, sheet: CueSheet) -> otio.schema.Marker:
    return otio.schema.Marker(
        name=entry.line_id,
        marked_range=_range(entry.in_ms, 0),
        metadata={METADATA: row_of(entry, sheet.clock)},
    )


def _range(start_ms: int, length_ms: int) -> TimeRange:
    return TimeRange(RationalTime(start_ms, _MS_PER_SECOND), RationalTime(length_ms, _MS_PER_SECOND))
