"""espeak, as if it did not know when its words sound: what an aligner finds can be compared."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from voicereel.domain.speakers import EngineInfo
from workers.engines.base import EngineTake, TakeRequest
from workers.engines.tts.espeak import Espeak


class Unmarked(Espeak):
    @property
    def info(self) -> EngineInfo:
        return replace(super().info, name="unmarked", word_times=False)

    def synthesize(self, requests: Sequence[TakeRequest]) -> Iterator[EngineTake]:
        for take in super().synthesize(requests):
            yield replace(take, marks=())
