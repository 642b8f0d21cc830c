"""What a take says in any language of Whisper's, by faster-whisper: an extra, with weights of your own.

It transcribes freely: what it writes otherwise than the text (numbers, names) counts as wrong. Hence its
limit.
"""

import unicodedata
from collections.abc import Iterable
from typing import Any, Protocol

import soxr

from workers.audio.clip import Clip
from workers.engines.base import Hearing

NAME = "whisper"

_RATE = 16_000
# Of good takes; not measured here, but what is published of its spelling of clean speech
_LIMIT = 0.2
# Languages written without spaces are compared by character.
_UNSPACED = frozenset({"zh", "ja", "th", "lo", "my", "km", "yue"})
_NAMES = {"cmn": "zh", "nb": "no", "fil": "tl", "iw": "he"}


class _Segment(Protocol):
    @property
    def text(self) -> str: ...


class Transcriber(Protocol):
    """What is used of `faster_whisper.WhisperModel`."""

    @property
    def supported_languages(self) -> list[str]: ...
    def transcribe(self, audio: Any, **options: Any) -> tuple[Iterable[_Segment], Any]: ...  # noqa: ANN401


class ByWhisper:
    """A `Recognizer` with a Whisper model."""

    def __init__(self, model: Transcriber) -> None:
        self._model = model

    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        primary = language.lower().partition("-")[0]
        known = _NAMES.get(primary, primary)
        if known not in self._model.supported_languages:
            return None
        sound = clip.samples if clip.rate == _RATE else soxr.resample(clip.samples, clip.rate, _RATE)
        # The text is no prompt, or it would be heard whatever is said; no temperature: the same each time.
        segments, _ = self._model.transcribe(
            sound, language=known, beam_size=5, temperature=0.0, condition_on_previous_text=False
        )
        said = "".join(segment.text for segment in segments)
        return Hearing(recognizer=NAME, expected=units(text, known), heard=units(said, known), limit=_LIMIT)


def units(text: str, language: str) -> tuple[str, ...]:
    """Words in lower case without punctuation; characters where nothing is between words."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(each if each.isalnum() or unicodedata.combining(each) else _gap(each) for each in folded)
    return tuple(kept.replace(" ", "")) if language in _UNSPACED else tuple(kept.split())


def _gap(character: str) -> str:
    return "" if character in "'’" else " "


def load(model: str) -> ByWhisper:
    """``model`` is a folder, or a name that is in the cache: nothing is fetched while customers wait.

    Raises `ImportError` where the extra is not installed, `OSError` or `ValueError` where the model is not.
    """
    from faster_whisper import WhisperModel

    return ByWhisper(WhisperModel(model, device="auto", compute_type="default", local_files_only=True))
