"""Whether RabbitMQ answers."""

import logging
import socket

from voicereel.domain.errors import Unavailable

# For the connection and for what is said on it: a broker that is well takes some milliseconds.
_CONNECT_S = 2
_GREET_S = 3


def reach(url: str) -> None:
    """Connect and leave again, within seconds; `Unavailable` says what is wrong, without the password."""
    # Only who has a broker needs its library.
    import pika
    from pika import exceptions
    from pika.adapters.utils.connection_workflow import AMQPConnectorException

    # What it says of each failure is told here, in a line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)
    try:
        parameters = pika.URLParameters(url)
        parameters.connection_attempts = 1
        parameters.socket_timeout = _CONNECT_S
        parameters.stack_timeout = parameters.blocked_connection_timeout = _GREET_S
        pika.BlockingConnection(parameters).close()
    except (exceptions.AuthenticationError, exceptions.ProbableAuthenticationError):
        wrong = "it refuses the user or the password"
    except exceptions.ProbableAccessDeniedError:
        wrong = "it refuses the virtual host: there is none of this name, or the user may not use it"
    except socket.gaierror:
        wrong = "its host has no address"
    except (exceptions.AMQPError, AMQPConnectorException, OSError) as error:
        wrong = f"it does not answer ({type(error).__name__})"
    except ValueError:
        wrong = "its URL cannot be read"
    else:
        return
    raise Unavailable(f"The broker cannot be used: {wrong}.")


def answers(url: str) -> bool:
    try:
        reach(url)
    except Unavailable:
        return False
    return True
