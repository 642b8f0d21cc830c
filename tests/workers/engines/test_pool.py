import os
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint

import pytest

from tests.workers.engines.odd import command
from workers.engines import pool
from workers.engines.base import TakeRequest
from workers.engines.hosted import Host
from workers.engines.tts.fake import Fake

INSTALLED = {
    "fake": "workers.engines.tts.fake:Fake",
    "counted": f"{__name__}:Counted",
    "absent": "a_package_that_is_not_there.engine:Engine",
    "unloadable": "tests.workers.engines.odd:Unloadable",
}


class Counted(Fake):
    loads = 0

    def load(self) -> None:
        type(self).loads += 1


@pytest.fixture(autouse=True)
def _installed(monkeypatch):
    points = [EntryPoint(name, value, pool.SYNTHESIZERS) for name, value in INSTALLED.items()]
    monkeypatch.setattr(pool, "entry_points", lambda group: points if group == pool.SYNTHESIZERS else [])


@pytest.fixture
def make_pool() -> Iterator[Callable[..., pool.EnginePool]]:
    """Pools of hosted engines; those of tests have no entry point in their processes."""
    made: list[pool.EnginePool] = []

    def make(*names: str, **options: str) -> pool.EnginePool:
        made.append(pool.EnginePool(names, host=lambda name: Host(name, command=command(name)), **options))
        return made[-1]

    yield make
    for engines in made:
        engines.close()


@pytest.mark.parametrize("hosted", [True, False])
def test_only_the_named_engines_are_found(hosted):
    engines = pool.EnginePool(["fake"], hosted=hosted)
    assert engines.infos() == (Fake().info,)
    assert pool.EnginePool([], hosted=hosted).infos() == ()
    engines.close()


def test_an_engine_whose_package_is_missing_is_skipped_and_remembered(make_pool):
    for engines in (
        make_pool("absent", "fake", "unheard-of"),
        pool.EnginePool(["absent", "fake", "unheard-of"], hosted=False),
    ):
        assert [info.name for info in engines.infos()] == ["fake"]
        assert engines.missing == {
            "absent": "not installed: a_package_that_is_not_there",
            "unheard-of": "no engine of this name is installed",
        }
        with pytest.raises(KeyError):
            engines.synthesizer("absent")


def test_engines_of_another_pool_are_left_out(make_pool):
    engines = make_pool("fake", pool="gpu")
    assert engines.infos() == ()
    assert engines.missing == {"fake": "belongs to the pool 'cpu'"}
    assert [info.name for info in make_pool("fake", pool="cpu").infos()] == ["fake"]


def test_an_engine_that_does_not_get_warm_does_not_stop_the_others(make_pool):
    engines = make_pool("unloadable", "fake")
    engines.warm()
    (take,) = engines.synthesizer("fake").synthesize([TakeRequest(text="word", language="en", voice="a")])
    assert take.error is None


def test_a_closed_pool_leaves_no_process():
    hosts = {}
    engines = pool.EnginePool(["fake"], host=lambda name: hosts.setdefault(name, Host(name)))
    engines.warm()
    running = hosts["fake"].pid
    os.kill(running, 0)
    engines.close()
    with pytest.raises(ProcessLookupError):
        os.kill(running, 0)


def test_an_engine_is_loaded_once_and_not_for_its_facts():
    engines = pool.EnginePool(["counted", "counted"], hosted=False)
    assert len(engines.infos()) == 1
    assert Counted.loads == 0
    assert engines.synthesizer("counted") is engines.synthesizer("counted")
    assert Counted.loads == 1
