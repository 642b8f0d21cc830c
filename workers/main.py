"""A worker process of one pool.

Without a broker: `python -m workers.main`. With one: `dramatiq workers.main:boot --use-spawn
--processes 1 --threads 1`, which calls `boot` in the process it starts.
"""

import ctypes
import os
import signal
import sys
import threading
import time
from importlib.metadata import version

from voicereel.bootstrap import Services, build
from voicereel.settings import Settings
from voicereel.telemetry import log, metrics, start
from workers import gpu
from workers.engines.pool import EnginePool
from workers.runner import Runner
from workers.worker import Worker

_PR_SET_PDEATHSIG = 1


_LOOK_S = 0.05
_GRACE_S = 5.0


def make_worker(settings: Settings, services: Services) -> Worker:
    """A worker with the engines of its pool, each in a process of its own, loaded."""
    engines = EnginePool(settings.engine_names, pool=settings.pool, whisper_model=settings.whisper_model)
    for name, reason in engines.missing.items():
        log().warning("engine_missing", engine=name, reason=reason)
    if not engines.infos():
        sys.exit(f"No engine of the pool '{settings.pool}' can be loaded; run 'voicereel-server doctor'.")
    runner = Runner(
        settings=settings,
        work=services.work,
        engines=engines,
        worker_id=worker_name(settings),
        pool=settings.pool,
    )
    if settings.pool == "gpu":
        gpu.watch(runner.stopping)
    names = " ".join(info.name for info in engines.infos())
    log().info("started", version=version("voicereel"), pool=settings.pool, engine=names)
    return Worker(runner)


def worker_name(settings: Settings) -> str:
    """Each life of a worker has a name of its own: a late one can then not speak for its successor."""
    return f"{settings.worker_id or settings.worker_prefix + settings.pool}.{os.getpid()}"


def begin(settings: Settings) -> Services:
    """What every worker process does first."""
    start(settings, process=worker_name(settings))
    if settings.metrics_port:
        metrics.serve(settings.metrics_port, settings.metrics_host)
    return build(settings)


def boot() -> None:
    """Dramatiq's entry: sets its broker, with the actor of this process's pool."""
    from workers.actors import set_up

    _end_with_master()
    settings = Settings()
    services = begin(settings)
    set_up(settings, lambda: make_worker(settings, services))


def _end_with_master() -> None:
    """Linux only: a master that is killed cannot tell its workers to give back what they are at and end."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main() -> None:
    """Look for work until SIGTERM; what is being done then is given back."""
    settings = Settings()
    services = begin(settings)
    worker = make_worker(settings, services)
    asked: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # A handler may take no lock: it might interrupt the one who holds it.
        signal.signal(number, lambda got, _: asked.append(got))
    working = threading.Thread(target=worker.work, args=(settings.poll_s,), name="work", daemon=True)
    working.start()
    while not asked and working.is_alive():
        time.sleep(_LOOK_S)
    worker.stop()
    working.join(_GRACE_S)
    services.close()


if __name__ == "__main__":
    main()
