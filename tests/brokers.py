"""The RabbitMQ that tests run on."""

import os

import pika
import pytest
from pika.exceptions import AMQPError

URL = os.environ.get("VOICEREEL_TEST_BROKER_URL", "amqp://guest:guest@127.0.0.1:5672/")


def need_broker() -> None:
    """Skip without a RabbitMQ on a laptop; fail where services are required."""
    try:
        pika.BlockingConnection(pika.URLParameters(URL)).close()
    except (AMQPError, OSError):
        if os.environ.get("VOICEREEL_REQUIRE_SERVICES") == "1":
            pytest.fail("VOICEREEL_REQUIRE_SERVICES=1, but there is no RabbitMQ to test on")
        pytest.skip("no RabbitMQ: set VOICEREEL_TEST_BROKER_URL")
