"""The engines of this worker: found by name among the installed ones, each in a process of its own."""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import Protocol

from voicereel.domain.speakers import EngineInfo
from voicereel.domain.words import Timing
from voicereel.telemetry import log
from workers.audio.clip import Clip
from workers.engines.alignment.hosted import AlignerHost
from workers.engines.base import (
    Aligner,
    EngineError,
    Hearing,
    Recognizer,
    Synthesizer,
    Watch,
    unwatched,
)
from workers.engines.hosted import Host

SYNTHESIZERS = "voicereel.synthesizers"


def engine_class(name: str) -> Callable[[], Synthesizer]:
    """What makes an installed engine. ``KeyError``; ``ImportError`` when a package of it is missing."""
    installed = {point.name: point for point in entry_points(group=SYNTHESIZERS)}
    make: Callable[[], Synthesizer] = installed[name].load()
    return make


class EnginePool:
    """The named synthesizers that can be had here; of one pool (``cpu``, ``gpu``) where it is given.

    Once made it knows their facts, and no model is loaded. Hosted engines are not even imported
    here; one that is not ``hosted`` lives in this process, and takes it along when it crashes.
    ``missing`` says why the others cannot be had: by name, one line each.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        hosted: bool = True,
        pool: str | None = None,
        host: Callable[[str], Host] = Host,
        whisper_model: str = "",
    ) -> None:
        self.missing: dict[str, str] = {}
        self._homes: dict[str, _Home] = {}
        self._alignment: _Alignment = (
            AlignerHost(whisper_model=whisper_model) if hosted else _AlignmentHere(whisper_model)
        )
        found = self._find(names, host if hosted else _InProcess)
        for home in found.values():
            home.start()
        for name, home in found.items():
            self._admit(name, home, pool)

    def infos(self) -> tuple[EngineInfo, ...]:
        """What each engine advertises, in the order of the names."""
        return tuple(home.info() for home in self._homes.values())

    def synthesizer(self, name: str, *, watch: Watch = unwatched) -> Synthesizer:
        """The engine, ready to speak. ``KeyError`` when it is not in this pool.

        ``watch`` is called at least every 100 ms while a hosted engine is waited for, and may raise.
        """
        return self._homes[name].synthesizer(watch=watch)

    def aligner(self, *, watch: Watch = unwatched) -> Aligner:
        """What times words that their engine does not. Nothing is started or loaded before its first use."""
        return self._alignment.aligner(watch=watch)

    def recognizer(self, *, watch: Watch = unwatched) -> Recognizer:
        """What listens to whether takes say their text; the same holds for it."""
        return self._alignment.recognizer(watch=watch)

    def warm(self, *, watch: Watch = unwatched) -> None:
        """Load every engine now; one that cannot be is tried again when it is needed."""
        for name, home in self._homes.items():
            try:
                home.load(watch=watch)
            except EngineError as error:
                log().warning("engine_not_warm", engine=name, code=error.code)

    def close(self) -> None:
        """End every engine's process; returns when they are gone, or cannot be made to go."""
        for home in self._homes.values():
            home.end()
        for home in self._homes.values():
            _see_off(home)
        self._alignment.close()

    def _find(self, names: Sequence[str], make: "Callable[[str], _Home]") -> "dict[str, _Home]":
        installed = {point.name for point in entry_points(group=SYNTHESIZERS)}
        wanted = dict.fromkeys(names)
        self.missing |= {
            name: "no engine of this name is installed" for name in wanted if name not in installed
        }
        return {name: make(name) for name in wanted if name in installed}

    def _admit(self, name: str, home: "_Home", pool: str | None) -> None:
        try:
            info = home.info()
        except EngineError as error:
            self.missing[name] = error.detail
        else:
            if pool in (None, info.pool):
                self._homes[name] = home
                return
            self.missing[name] = f"belongs to the pool '{info.pool}'"
        home.end()
        _see_off(home)


class _Home(Protocol):
    """Where an engine lives; the methods of `Host`."""

    def start(self) -> None: ...
    def info(self, *, watch: Watch = unwatched) -> EngineInfo: ...
    def load(self, *, watch: Watch = unwatched) -> None: ...
    def synthesizer(self, *, watch: Watch = unwatched) -> Synthesizer: ...
    def end(self) -> None: ...
    def wait_gone(self, *, watch: Watch = unwatched) -> None: ...


class _InProcess:
    """An engine in this process: nothing watches it, and nothing ends it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._engine: Synthesizer | None = None
        self._is_loaded = False

    def start(self) -> None:
        """There is nothing to start."""

    def info(self, *, watch: Watch = unwatched) -> EngineInfo:  # noqa: ARG002
        return self._made().info

    def load(self, *, watch: Watch = unwatched) -> None:  # noqa: ARG002
        if not self._is_loaded:
            self._made().load()
            self._is_loaded = True

    def synthesizer(self, *, watch: Watch = unwatched) -> Synthesizer:
        self.load(watch=watch)
        return self._made()

    def end(self) -> None:
        """It ends with this process."""

    def wait_gone(self, *, watch: Watch = unwatched) -> None:
        """There is nothing to wait for."""

    def _made(self) -> Synthesizer:
        if self._engine is None:
            try:
                self._engine = engine_class(self._name)()
            except ImportError as error:
                raise EngineError(
                    f"not installed: {error.name or error}", code="engine_unavailable"
                ) from error
        return self._engine


class _Alignment(Protocol):
    """Where the aligner and the recogniser live; the methods of `AlignerHost`."""

    def aligner(self, *, watch: Watch = unwatched) -> Aligner: ...
    def recognizer(self, *, watch: Watch = unwatched) -> Recognizer: ...
    def close(self) -> None: ...


class _AlignmentHere:
    """In this process, as `_InProcess`; each is made at its first use."""

    def __init__(self, whisper_model: str = "") -> None:
        self._whisper_model = whisper_model
        self._aligner: Aligner | None = None
        self._recognizer: Recognizer | None = None

    def aligner(self, *, watch: Watch = unwatched) -> Aligner:  # noqa: ARG002
        return self

    def align(self, clip: Clip, text: str, language: str) -> tuple[Timing, ...]:
        from workers.engines.alignment.aligners import make_aligner

        self._aligner = self._aligner or make_aligner()
        return self._aligner.align(clip, text, language)

    def recognizer(self, *, watch: Watch = unwatched) -> Recognizer:  # noqa: ARG002
        return self

    def hear(self, clip: Clip, text: str, language: str) -> Hearing | None:
        from workers.engines.recognition.recognizers import make_recognizer

        self._recognizer = self._recognizer or make_recognizer(self._whisper_model)
        return self._recognizer.hear(clip, text, language)

    def close(self) -> None:
        """There is nothing to end."""


def _see_off(home: _Home) -> None:
    try:
        home.wait_gone()
    except EngineError as error:
        log().warning("engine_not_gone", code=error.code)
