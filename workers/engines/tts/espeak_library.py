"""libespeak-ng in this process: the C calls and nothing else.

The library keeps its whole state in globals and is not thread-safe (two threads crash it), so
there is one `Library` a process and every call into it holds its lock.
"""

import ctypes
import fcntl
import functools
import multiprocessing.util
import os
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import espeakng_loader
import numpy as np
import numpy.typing as npt

from workers.engines.base import EngineError
from workers.engines.tts.espeak_voices import build_overlay, write_variant

SAMPLE_RATE = 22_050

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _IPA, _DONT_EXIT = 1, 2, 0x8000
_UTF8 = 1
# of espeak_TextToPhonemes: IPA, with this between two phonemes
_SEPARATOR = "_"
_SEPARATED_IPA = 2 | ord(_SEPARATOR) << 8
# "[[...]]" in a text is then phonemes by espeak's own names
_PHONEME_INPUT = 0x100
# of espeak_TextToPhonemes: answer in IPA
_AS_IPA = 2
_RATE, _VOLUME = 1, 2
# (parameter, value): pitch, range, punctuation, capitals, word gap; what one call set, the next finds
_SETTINGS = ((3, 50), (4, 50), (5, 0), (6, 0), (7, 0))
_WORD, _PHONEME = 1, 7
_OK = 0
# the library writes its data folder's name into 160 bytes without looking
_MAX_PATH_BYTES = 140
_MAX_VARIANT_FILES = 1000


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)


@dataclass(frozen=True, slots=True)
class WordEvent:
    """A word starts to sound at ``sample``; ``char`` is its first character, from 0."""

    char: int
    sample: int


@dataclass(frozen=True, slots=True)
class PhonemeEvent:
    """A phoneme, or a pause when ``sounds`` is false, starts at ``sample``."""

    sounds: bool
    sample: int


@dataclass(frozen=True, slots=True)
class Spoken:
    """``pcm`` is int16 of shape (n,) at `SAMPLE_RATE`; events are in the order of their samples."""

    pcm: npt.NDArray[np.int16]
    events: tuple[WordEvent | PhonemeEvent, ...]


class Library:
    """The loaded library with its data folder. Made once a process by `library()`."""

    def __init__(self, overlay: Path) -> None:
        if len(os.fsencode(overlay)) > _MAX_PATH_BYTES:
            raise EngineError("The folder for temporary files has too long a name for espeak-ng.")
        self.overlay = overlay
        self._variants: dict[str, str] = {}
        self._lock = threading.Lock()
        self._pcm: list[bytes] = []
        self._events: list[WordEvent | PhonemeEvent] = []
        self._c = _declared(ctypes.CDLL(espeakng_loader.get_library_path()))
        self._libc = ctypes.CDLL(None)
        options = _PHONEME_EVENTS | _IPA | _DONT_EXIT
        rate = self._c.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(overlay), options)
        if rate != SAMPLE_RATE:
            raise EngineError("espeak-ng could not be initialised.")
        self._callback = _Callback(self._collect)  # kept: C holds a bare pointer to it
        self._c.espeak_SetSynthCallback(self._callback)

    def speak(
        self,
        text: str,
        *,
        voice: str,
        variant_text: str,
        rate_wpm: int,
        seed: int,
        phonemes: bool = False,
    ) -> Spoken:
        """Speak plain text with a voice, changed as the text of a variant file says.

        With ``phonemes``, what stands in double brackets is phonemes by espeak's names.
        A short quiet sound goes before, unheard, to bring the library's state (gain control,
        echo, resonators) to where it always is: without it one call in ten differs.
        """
        with self._lock:
            name = f"{voice}+{self._variant_named(variant_text)}"
            self._utter("a", voice=name, rate_wpm=175, volume=30, seed=0)
            flags = _UTF8 | (_PHONEME_INPUT if phonemes else 0)
            return self._utter(text, voice=name, rate_wpm=rate_wpm, volume=100, seed=seed, flags=flags)

    def phonemes(self, words: Sequence[str], *, voice: str) -> tuple[tuple[str, ...], ...]:
        """How a voice pronounces each word by itself: phonemes in IPA, with their stress marks."""
        with self._lock:
            # Only speech brings a change of voice about.
            self._utter("a", voice=voice, rate_wpm=175, volume=30, seed=0)
            return tuple(self._pronounced(word) for word in words)

    def _pronounced(self, word: str) -> tuple[str, ...]:
        text = ctypes.create_string_buffer(word.replace("\0", " ").encode(errors="replace"))
        rest, found = ctypes.c_void_p(ctypes.addressof(text)), []
        while rest.value:  # the library moves it on, a clause at a time
            clause = self._c.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _SEPARATED_IPA).decode()
            found += [name for name in clause.replace(" ", _SEPARATOR).split(_SEPARATOR) if name]
        # "(en)" says that the next ones are another language's
        return tuple(name for name in found if not name.startswith("("))

    def heard(self, texts: Sequence[str], *, voice: str) -> list[str]:
        """How a voice would say each text, which may hold phonemes: IPA, with stress marks."""
        with self._lock:
            # Only speech brings a change of voice about, and has phonemes read as such from here on.
            flags = _UTF8 | _PHONEME_INPUT
            self._utter("[[a]]", voice=voice, rate_wpm=175, volume=30, seed=0, flags=flags)
            return [self._heard(each) for each in texts]

    def _heard(self, text: str) -> str:
        buffer = ctypes.create_string_buffer(text.encode(errors="replace"))
        rest, found = ctypes.c_void_p(ctypes.addressof(buffer)), []
        while rest.value:  # the library moves it on, a clause at a time
            clause = self._c.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _AS_IPA)
            found.append(clause.decode() if clause else "")
        return " ".join(found).strip()

    def _utter(
        self, text: str, *, voice: str, rate_wpm: int, volume: int, seed: int, flags: int = _UTF8
    ) -> Spoken:
        """Each voice change must be followed by speech: changes queue up, at the cost of events."""
        if self._c.espeak_SetVoiceByName(voice.encode()) != _OK:
            raise EngineError("espeak-ng does not know this voice.", code="unknown_voice")
        for parameter, value in ((_RATE, rate_wpm), (_VOLUME, volume), *_SETTINGS):
            self._c.espeak_SetParameter(parameter, value, 0)
        self._libc.srand(seed & 0x7FFFFFFF)  # breathy variants draw noise, from both generators
        self._c.espeak_ng_SetRandSeed(seed & 0x7FFFFFFF)
        self._pcm, self._events = [], []
        encoded = text.replace("\0", " ").encode(errors="replace")
        if self._c.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, flags, None, None) != _OK:
            raise EngineError("espeak-ng could not speak this line.", retryable=True)
        return Spoken(np.frombuffer(b"".join(self._pcm), dtype=np.int16), tuple(self._events))

    def _variant_named(self, text: str) -> str:
        """The name of a variant file with this text, written at its first use."""
        if len(self._variants) >= _MAX_VARIANT_FILES:
            self._variants.clear()
        if text not in self._variants:
            name = f"v{len(self._variants)}"
            try:
                write_variant(self.overlay, name=name, text=text)
            except OSError as error:
                # spoken all the same, but without the variant, if this went on
                raise EngineError("A voice file could not be written.", retryable=True) from error
            self._variants[text] = name
        return self._variants[text]

    def _collect(
        self, wave: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        if wave and count:
            self._pcm.append(ctypes.string_at(wave, count * 2))
        index = 0
        while kind := (event := events[index]).type:
            if kind == _WORD:
                self._events.append(WordEvent(event.text_position - 1, event.sample))
            elif kind == _PHONEME:
                self._events.append(PhonemeEvent(bool(event.id.string), event.sample))
            index += 1
        return 0


def _declared(c: ctypes.CDLL) -> ctypes.CDLL:
    """Tell ctypes what it cannot guess: a wrong width here is a crash."""
    c.espeak_Info.restype = ctypes.c_char_p
    c.espeak_Info.argtypes = (ctypes.c_void_p,)
    c.espeak_Initialize.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
    c.espeak_SetVoiceByName.argtypes = (ctypes.c_char_p,)
    c.espeak_SetParameter.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int)
    c.espeak_SetSynthCallback.argtypes = (_Callback,)
    c.espeak_ng_SetRandSeed.argtypes = (ctypes.c_long,)
    c.espeak_TextToPhonemes.restype = ctypes.c_char_p
    c.espeak_TextToPhonemes.argtypes = (ctypes.c_void_p, ctypes.c_int, ctypes.c_int)
    c.espeak_Synth.argtypes = (
        ctypes.c_char_p,
        ctypes.c_size_t,
        ctypes.c_uint,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_uint,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    return c


def library_version() -> str:
    """The library's version; it is loaded for this, but not initialised."""
    c = _declared(ctypes.CDLL(espeakng_loader.get_library_path()))
    return str(c.espeak_Info(None).decode()).split()[0]


def data_folder() -> Path:
    """The data that came with the library."""
    return Path(espeakng_loader.get_data_path())


@functools.cache
def library() -> Library:
    """This process's only `Library`, on an overlay folder that goes away with the process."""
    folder = Path(tempfile.mkdtemp(prefix="espeak-"))
    # unlike atexit, this also runs when a child made by multiprocessing ends
    multiprocessing.util.Finalize(None, _remove, args=(folder, os.getpid()), exitpriority=0)
    # systemd-tmpfiles, which empties /tmp of what lies unused for days, leaves a locked folder alone
    fcntl.flock(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH)
    build_overlay(data_folder(), overlay=folder)
    return Library(folder)


def _remove(folder: Path, owner: int) -> None:
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
