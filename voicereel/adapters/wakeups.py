"""Wake-ups for workers. With no broker the workers poll, and nobody needs waking."""

import logging
from collections.abc import Sequence

from voicereel.domain.errors import Unavailable
from voicereel.ports import WAKE
from voicereel.telemetry import log


class NoWakeups:
    """`StageQueue` of the embedded service: losing every hint costs one poll interval."""

    def wake(self, pools: Sequence[str]) -> None:
        """Do nothing: pollers look for themselves."""


class RabbitmqWakeups:
    """`StageQueue` over RabbitMQ, in Dramatiq's own messages; each is confirmed by the broker.

    A message is the pool's name and nothing else: it can be lost, doubled or late without harm.
    Use it from one thread: connections belong to the thread that opened them.
    """

    def __init__(self, url: str, *, prefix: str) -> None:
        # Only who has a broker needs its library.
        from dramatiq.brokers.rabbitmq import RabbitmqBroker

        # What it says of a connection that went while nobody used it is no error of ours.
        logging.getLogger("pika").setLevel(logging.CRITICAL)
        self._broker = RabbitmqBroker(url=url, confirm_delivery=True, middleware=[])
        self._prefix = prefix

    def wake(self, pools: Sequence[str]) -> None:
        """One message for each entry; `Unavailable` when the broker does not take them all."""
        import pika.exceptions
        from dramatiq import Message
        from dramatiq.errors import BrokerError
        from pika.adapters.utils.connection_workflow import AMQPConnectorException

        try:
            for pool in pools:
                queue = f"{self._prefix}.{pool}"
                self._broker.enqueue(
                    Message(queue_name=queue, actor_name=WAKE, args=(pool,), kwargs={}, options={})
                )
        except (BrokerError, pika.exceptions.AMQPError, AMQPConnectorException, OSError) as error:
            log().warning("broker_unavailable", error=type(error).__name__)
            raise Unavailable("The broker does not answer.") from error
