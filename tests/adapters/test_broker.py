"""Whether a broker answers, and what is said of one that does not."""

import socket
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import pytest

from tests.brokers import URL, need_broker
from voicereel.adapters import broker
from voicereel.domain.errors import Unavailable


def test_a_broker_that_is_well_is_reached() -> None:
    need_broker()
    broker.reach(URL)
    assert broker.answers(URL)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda parts: parts._replace(netloc=f"guest:hush-hush@{parts.hostname}:{parts.port}"), "password"),
        (lambda parts: parts._replace(path="/no-such-vhost"), "virtual host"),
    ],
    ids=["password", "virtual host"],
)
def test_what_a_broker_refuses_is_said(change: Callable[[SplitResult], SplitResult], wrong: str) -> None:
    need_broker()
    with pytest.raises(Unavailable) as refused:
        broker.reach(change(urlsplit(URL)).geturl())
    assert wrong in refused.value.detail
    assert "hush" not in refused.value.detail


def test_a_broker_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker, "_GREET_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not broker.answers("amqp://guest:hush@127.0.0.1:{1}".format(*silent.getsockname()))


def test_nobody_listening_is_said_without_the_password() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="does not answer") as refused:
            broker.reach("amqp://guest:hush@127.0.0.1:{1}".format(*deaf.getsockname()))
    assert "hush" not in refused.value.detail
