"""The engines of this process: found by name among the installed ones, loaded once."""

from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points

from voicereel.domain.speakers import EngineInfo
from workers.engines.base import Synthesizer

SYNTHESIZERS = "voicereel.synthesizers"


class EnginePool:
    """The named synthesizers that can be had here.

    ``missing`` says why the others cannot: by name, one line each.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.missing: dict[str, str] = {}
        self._engines: dict[str, Synthesizer] = {}
        self._loaded: set[str] = set()
        installed = {point.name: point for point in entry_points(group=SYNTHESIZERS)}
        for name in dict.fromkeys(names):
            self._find(name, installed.get(name))

    def infos(self) -> tuple[EngineInfo, ...]:
        """What each engine advertises, in the order of the names; nothing is loaded for it."""
        return tuple(engine.info for engine in self._engines.values())

    def synthesizer(self, name: str) -> Synthesizer:
        """The engine, ready to speak. ``KeyError`` when it is not in this pool."""
        engine = self._engines[name]
        if name not in self._loaded:
            engine.load()
            self._loaded.add(name)
        return engine

    def _find(self, name: str, point: EntryPoint | None) -> None:
        if point is None:
            self.missing[name] = "no engine of this name is installed"
            return
        try:
            self._engines[name] = point.load()()
        except ImportError as error:
            self.missing[name] = f"not installed: {error.name or error}"
