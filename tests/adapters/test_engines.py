"""What workers advertise."""

from dataclasses import replace

from tests.conftest import fake_engine
from voicereel.adapters.database.database import Database


def up(database: Database) -> set[tuple[str, str]]:
    with database.reading() as tx:
        return {(info.name, info.version) for info in tx.engines.up(within_s=30)}


def test_a_worker_that_comes_back_with_other_engines_offers_those(sqlite_database: Database) -> None:
    for info in (fake_engine("old"), fake_engine("new"), replace(fake_engine("new"), version="2")):
        with sqlite_database.writing() as tx:
            tx.engines.advertise("w1", pool="cpu", infos=[info])
        assert up(sqlite_database) == {(info.name, info.version)}


def test_dead_workers_of_a_machine_offer_nothing_and_others_still_do(sqlite_database: Database) -> None:
    with sqlite_database.writing() as tx:
        tx.engines.advertise("here_:cpu-00.1", pool="cpu", infos=[fake_engine("a")])
        tx.engines.advertise("hereX:cpu-00.1", pool="cpu", infos=[fake_engine("b")])
        tx.engines.withdraw_all("here_:")
    assert up(sqlite_database) == {("b", "1")}
