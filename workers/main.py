"""A worker process: `python -m workers.main --pool cpu --worker-id NAME`."""

import os
import signal
import sys
import threading

import click

from voicereel.bootstrap import build
from voicereel.settings import Settings
from voicereel.telemetry import configure, log
from workers.engines.pool import EnginePool
from workers.poller import Poller
from workers.runner import Runner


@click.command()
@click.option("--pool", default="cpu", show_default=True, help="Which pool's stage runs to claim.")
@click.option("--worker-id", required=True, help="What this worker's name begins with.")
def main(pool: str, worker_id: str) -> None:
    """Run stage runs until SIGTERM; the one at work then is given back."""
    # Each life of a worker has a name of its own: a late one can then not speak for its successor.
    worker_id = f"{worker_id}.{os.getpid()}"
    configure(process=worker_id)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    settings = Settings()
    services = build(settings)
    engines = EnginePool(settings.engine_names)
    for name, reason in engines.missing.items():
        log().warning("engine_missing", engine=name, reason=reason)
    if not engines.infos():
        sys.exit("No engine can be loaded; run 'voicereel-server doctor'.")
    runner = Runner(
        settings=settings,
        work=services.work,
        engines=engines,
        worker_id=worker_id,
        pool=pool,
        stopping=stopping,
    )
    Poller(runner, poll_s=settings.poll_s).run()


if __name__ == "__main__":
    main()
