"""More than the workers can do, at a steady rate, while many listen: everything is accepted, once."""

import itertools
from pathlib import Path

import pytest

from tests.faults.cluster import cluster
from tests.faults.conftest import new_database
from tests.faults.figures import TIMEOUT_S, Figures, times
from tests.faults.load import followed, script, wait_for
from tests.faults.open_loop import OpenLoop, submission
from tests.faults.servers import Server

pytestmark = pytest.mark.timeout(TIMEOUT_S)

RATE, SECONDS, STREAMS = times(50, 500), times(2, 60), times(6, 200)


def test_an_open_loop_is_accepted_whole_and_once(postgres: Server, rabbit: Server, tmp_path: Path) -> None:
    """On a cluster of its own: what it leaves in line would keep the others' workers busy for an hour."""
    with (
        new_database(postgres) as url,
        cluster(
            tmp_path, database_url=url, broker_url=rabbit.url,
            api_workers="3", api_threads="160", max_streams="140",
        ) as found,
    ):  # fmt: skip
        listener = found.make_key("listener")  # a tenant whose jobs are not behind all the others
        measured = []
        for streams in (0, STREAMS):
            figures = Figures(f"open loop, {streams} event streams", jobs=RATE * SECONDS)
            load = OpenLoop(found.port, found.key, RATE)
            before = found.scalar("SELECT count(*) FROM jobs")
            requests = (submission(script(number, slow=0)) for number in itertools.count())
            with followed(found, streams, key=listener) as listening:
                load.run(requests, figures.jobs)
            figures.note = f"{RATE}/s: {load.note}"
            assert dict(load.statuses) == {202: figures.jobs}
            assert len(set(load.accepted)) == figures.jobs
            assert found.scalar("SELECT count(*) FROM jobs") == before + figures.jobs + len(listening)
            if not measured:  # those of later rounds are behind all of the first one's
                assert set(wait_for(found, load.accepted[:5]).values()) == {"succeeded"}
            figures.stop()
            measured.append(figures)
        for name in ("dispatcher", *(unit.name for unit in found.workers())):
            found.remove(name)  # what is looked at must not change meanwhile
        found.check(ended=False)
    for figures in measured:
        figures.write()
