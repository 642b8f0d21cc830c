"""A plug-in for xdist: one worker has all tests that run a cluster, so that there is one at a time.

`-p tests.faults.scheduling`. (`--dist loadgroup` of xdist 3.8 does nothing with pytest 9.2: the ids that it
adds its groups to are not read any more.)
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

_ALONE = ("test_figures.py", "test_hints.py", "test_model.py", "test_mutants.py")


class OneCluster(LoadScopeScheduling):
    """Every test by itself, but those on a cluster together."""

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return "cluster" if path.startswith("tests/faults/") and not path.endswith(_ALONE) else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> OneCluster:
    return OneCluster(config, log)
