"""The recognisers of this installation: what is here is used, and what is not is done without."""

from collections.abc import Sequence

from voicereel.telemetry import log
from workers.audio.clip import Clip
from workers.engines.base import Hearing, Recognizer


class FirstToTell:
    """Each is asked in turn, until one can tell."""

    def __init__(self, recognizers: Sequence[Recognizer]) -> None:
        self._recognizers = recognizers

    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        answers = (each.hear(clip, text, language) for each in self._recognizers)
        return next((answer for answer in answers if answer is not None), None)


def make_recognizer(whisper_model: str = "") -> Recognizer:
    """What is installed: Whisper if there is a model; espeak's readings; pocketsphinx for English."""
    return FirstToTell([*_whisper(whisper_model), *_by_text()])


def _whisper(model: str) -> list[Recognizer]:
    if not model:
        return []
    try:
        from workers.engines.recognition.whisper import load

        return [load(model)]
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        log().warning("whisper_not_loaded", error=type(error).__name__)
        return []


def _by_text() -> list[Recognizer]:
    """Those that know the text. pocketsphinx cannot hear what sounds like the readings: see `ByLikeness`."""
    try:
        from workers.engines.alignment.aligners import READERS
        from workers.engines.alignment.by_reading import ByReading
        from workers.engines.recognition.by_likeness import ByLikeness
        from workers.engines.tts.espeak import Espeak
    except ImportError:
        return []
    reader = Espeak()
    reader.load()
    readings = ByReading(reader, voices=READERS)
    try:
        from workers.engines.recognition.by_network import ByNetwork
    except ImportError:
        return [ByLikeness(readings)]

    def pronounce(words: Sequence[str]) -> Sequence[Sequence[str]]:
        return reader.pronounce(words, language="en-US")

    return [ByLikeness(readings, ByNetwork(pronounce))]
