"""The Dramatiq side of a worker: one thin actor, and what starts and stops with its process.

A message is the pool's name. It says that work may be due; the database says which. Retries live in
the database, where none is lost: Dramatiq's own are left out with the rest of its middleware.
"""

import threading
from collections.abc import Callable
from typing import Any

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.middleware import Middleware

from voicereel.ports import WAKE
from voicereel.settings import Settings
from workers.worker import LOOK_S, Worker


class Lifecycle(Middleware):
    """The worker lives as long as Dramatiq's own does."""

    def __init__(self, make_worker: Callable[[], Worker]) -> None:
        self._make_worker = make_worker
        self._worker: Worker | None = None

    @property
    def worker(self) -> Worker:
        if self._worker is None:
            self._worker = self._make_worker()
        return self._worker

    def before_worker_boot(self, _broker: Any, _worker: Any) -> None:  # noqa: ANN401 - Dramatiq's own
        self.worker.start()
        threading.Thread(target=self._look, name="look", daemon=True).start()

    def before_worker_shutdown(self, _broker: Any, _worker: Any) -> None:  # noqa: ANN401
        """What is being done is to stop at its next checkpoint; Dramatiq waits for it after this."""
        self.worker.runner.stopping.set()

    def after_worker_shutdown(self, _broker: Any, _worker: Any) -> None:  # noqa: ANN401
        self.worker.stop()

    def _look(self) -> None:
        """The poll behind the wake-ups: with no broker at all, work goes on a little later."""
        while not self.worker.runner.stopping.wait(LOOK_S):
            self.worker.drain(wait=False)


def set_up(settings: Settings, make_worker: Callable[[], Worker]) -> None:
    """Make the process's broker with the actor that listens to its pool's queue."""
    lifecycle = Lifecycle(make_worker)
    broker = RabbitmqBroker(url=settings.broker, confirm_delivery=True, middleware=[lifecycle])
    dramatiq.set_broker(broker)
    # One message in hand and none waiting behind it. Dramatiq reads the environment for this when it
    # is imported, which is before we are.
    dramatiq.worker.QUEUE_PREFETCH = 1

    @dramatiq.actor(actor_name=WAKE, queue_name=settings.queue, broker=broker)
    def wake(_pool: str) -> None:
        # Who is at work already goes on until nothing is due: the message need not be held for that.
        lifecycle.worker.drain(wait=False)
