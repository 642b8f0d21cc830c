"""What workers advertise."""

from dataclasses import asdict, replace

from tests.conftest import fake_engine
from voicereel.adapters.database.database import Database
from voicereel.adapters.database.tables import engine_adverts


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


def test_facts_that_only_a_later_version_knows_are_left_out(sqlite_database: Database) -> None:
    """Workers may be newer than the API that reads what they advertise."""
    info = fake_engine("later")
    with sqlite_database.writing() as tx:
        tx.engines.advertise("w1", pool="cpu", infos=[info])
    facts = {**asdict(info), "flies": True, "voices": [{**asdict(v), "mood": "fine"} for v in info.voices]}
    with sqlite_database.engine.begin() as connection:
        values = {"facts": facts, "facts_sha256": "later"}
        connection.execute(engine_adverts.update().values(values))
    with sqlite_database.reading() as tx:
        assert tx.engines.up(within_s=30) == (info,)


def test_facts_that_an_earlier_version_did_not_know_have_their_defaults(sqlite_database: Database) -> None:
    info = fake_engine("earlier")
    with sqlite_database.writing() as tx:
        tx.engines.advertise("w1", pool="cpu", infos=[replace(info, seeded=True)])
    facts = {name: value for name, value in asdict(info).items() if name not in ("seeded", "ipa")}
    with sqlite_database.engine.begin() as connection:
        connection.execute(engine_adverts.update().values({"facts": facts, "facts_sha256": "earlier"}))
    with sqlite_database.reading() as tx:
        assert tx.engines.up(within_s=30) == (info,)
