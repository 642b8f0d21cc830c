"""Timecode of a reel: OpenTimelineIO counts, this says from where."""

from opentimelineio import opentime

from voicereel.domain.delivery import FRAME_RATES

MIDNIGHT = "00:00:00:00"


class FrameClock:
    """Counts frames of a rate in `FRAME_RATES` from the timecode of a reel's first sample."""

    def __init__(self, fps: str, start_timecode: str | None = None) -> None:
        self._rate = FRAME_RATES[fps]
        self._fps = self._rate.frames / self._rate.seconds
        start = start_timecode or MIDNIGHT
        # OpenTimelineIO tells drop-frame timecode by its semicolon alone
        written = f"{start[:8]};{start[9:]}" if self._rate.drop else start
        self._start = round(opentime.from_timecode(written, self._fps).value)

    @property
    def start(self) -> opentime.RationalTime:
        return opentime.RationalTime(self._start, self._fps)

    def at(self, position_ms: int) -> str:
        """The timecode of the frame that begins nearest to a position; it wraps at midnight."""
        frames, seconds = self._rate.frames, self._rate.seconds
        frame = (2 * position_ms * frames + 1000 * seconds) // (2000 * seconds)
        time = opentime.RationalTime(self._start + frame, self._fps)
        return str(opentime.to_timecode(time, self._fps, self._rate.drop))

    def samples_since_midnight(self, rate_hz: int) -> int:
        """Where the reel's first sample is, as the time reference of Broadcast Wave counts."""
        frames, seconds = self._rate.frames, self._rate.seconds
        reference: int = (2 * self._start * seconds * rate_hz + frames) // (2 * frames)
        return reference
