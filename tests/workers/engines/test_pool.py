from importlib.metadata import EntryPoint

import pytest

from workers.engines import pool
from workers.engines.tts.fake import Fake

INSTALLED = {
    "fake": "workers.engines.tts.fake:Fake",
    "counted": f"{__name__}:Counted",
    "absent": "a_package_that_is_not_there.engine:Engine",
}


class Counted(Fake):
    loads = 0

    def load(self) -> None:
        type(self).loads += 1


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    points = [EntryPoint(name, value, pool.SYNTHESIZERS) for name, value in INSTALLED.items()]
    monkeypatch.setattr(pool, "entry_points", lambda group: points if group == pool.SYNTHESIZERS else [])


def test_only_the_named_engines_are_found():
    assert [info.name for info in pool.EnginePool(["fake"]).infos()] == ["fake"]
    assert pool.EnginePool([]).infos() == ()


def test_an_engine_whose_package_is_missing_is_skipped_and_remembered():
    engines = pool.EnginePool(["absent", "fake", "unheard-of"])
    assert [info.name for info in engines.infos()] == ["fake"]
    assert engines.missing == {
        "absent": "not installed: a_package_that_is_not_there",
        "unheard-of": "no engine of this name is installed",
    }
    with pytest.raises(KeyError):
        engines.synthesizer("absent")


def test_an_engine_is_loaded_once_and_not_for_its_facts():
    engines = pool.EnginePool(["counted", "counted"])
    assert len(engines.infos()) == 1
    assert Counted.loads == 0
    assert engines.synthesizer("counted") is engines.synthesizer("counted")
    assert Counted.loads == 1
