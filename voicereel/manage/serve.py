"""Run the service: all of it on one machine, or one kind of process."""

import os
import signal
import socket
import sys
from importlib.metadata import version
from pathlib import Path

import click

from voicereel.bootstrap import build, check, prepare
from voicereel.children import Child, keep_running
from voicereel.dispatcher import Dispatcher
from voicereel.domain.account import SCOPES
from voicereel.home import make_home, url_secret
from voicereel.manage.options import HOME_OPTION, read_settings
from voicereel.settings import Settings, SettingsError
from voicereel.supervisor import WORKER_STOP_S, Supervisor, api_command, listen, locked, worker_command
from voicereel.telemetry import configure, log, metrics, start

# How long requests that are being answered have, when the API is asked to stop.
_API_GRACE_S = 30
# What a worker has beyond its own time, to end its process.
_WORKER_GRACE_S = 10


@click.command()
@HOME_OPTION
@click.option("--host", help="Address to listen on [VOICEREEL_HOST].")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes a free one [VOICEREEL_PORT].")
@click.option("--workers", type=click.IntRange(1, 64), help="Worker processes [VOICEREEL_WORKERS].")
def up(home: Path | None, host: str | None, port: int | None, workers: int | None) -> None:
    """Run everything on this machine: API, workers and sweeper. Ctrl-C stops it all."""
    settings = read_settings(home=home, host=host, port=port, workers=workers)
    with locked(settings.home):
        metrics.forget_former(settings.home)
        start(settings, process="supervisor")
        _serve(settings)


def _serve(settings: Settings) -> None:
    click.echo(f"Starting VoiceReel in {settings.home} …")
    prepare(settings)
    listener = _listen(settings)
    supervisor = Supervisor(settings, listener)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, supervisor.stop)
    for url in supervisor.run():
        click.echo(f"VoiceReel is ready at {url}  (API reference: {url}/docs)")
        first_key = _first_key(supervisor)
        if first_key:
            click.echo(f"Your API key, shown this once: {first_key}")
        click.echo("Ctrl-C stops it.")
    click.echo("VoiceReel has stopped.")


def _listen(settings: Settings) -> socket.socket:
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        address = f"{settings.host}:{settings.port}"
        raise click.ClickException(
            f"Cannot listen on {address}: {os.strerror(error.errno or 0)}. Try another --port."
        ) from None


def _first_key(supervisor: Supervisor) -> str | None:
    accounts = supervisor.services.accounts
    if accounts.all_keys():
        return None
    return accounts.create_key("first", tenant="default", scopes=SCOPES).key


@click.command()
@HOME_OPTION
@click.option("--host", help="Address to listen on [VOICEREEL_HOST].")
@click.option("--port", type=click.IntRange(1, 65535), help="Port [VOICEREEL_PORT].")
def api(home: Path | None, host: str | None, port: int | None) -> None:
    """Run the API's processes. SIGTERM lets requests that are being answered end."""
    settings = _ready(read_settings(home=home, host=host, port=port))
    _listen(settings).close()  # said here in one line; gunicorn tries for a while and says more
    bind = f"{settings.host}:{settings.port}"
    _become(api_command(settings, bind=bind, graceful_s=_API_GRACE_S), settings)


@click.command()
@HOME_OPTION
@click.option("--pool", type=click.Choice(("cpu", "gpu")), help="Which pool's work to do [VOICEREEL_POOL].")
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True)
def worker(home: Path | None, pool: str | None, processes: int) -> None:
    """Run workers of one pool. SIGTERM gives back what they are at, within 20 seconds.

    One of several that dies is started again; when none of them lives, this ends with 1.
    """
    settings = _ready(read_settings(home=home, pool=pool))
    if processes > 1 and not settings.broker_url:
        raise click.UsageError("Without VOICEREEL_BROKER_URL start one worker a process.")
    if processes == 1:
        _become(worker_command(settings), settings)
    sys.exit(0 if _watch_workers(settings, processes) else 1)


def _watch_workers(settings: Settings, processes: int) -> bool:
    """A master each: Dramatiq ends all that one master has when it loses one of them."""
    configure(process="workers")
    command, environment = worker_command(settings), settings.environment()
    children = [Child(f"{settings.pool}-{number:02}", command, environment) for number in range(processes)]
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, _: asked.append(got))
    return keep_running(children, asked=lambda: asked, within_s=WORKER_STOP_S + _WORKER_GRACE_S)


@click.command()
@HOME_OPTION
def dispatcher(home: Path | None) -> None:
    """Take wake-ups to the broker, find lost work, remove what is to be removed. Run one or more."""
    settings = _ready(read_settings(home=home))
    start(settings, process="dispatcher")
    services = build(settings)
    if settings.metrics_port:
        metrics.serve(settings.metrics_port, settings.metrics_host)
    log().info("started", version=version("voicereel"))
    running = Dispatcher(services=services, sweep_s=settings.sweep_s)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, running.stop)
    running.run()
    services.close()


def _ready(settings: Settings) -> Settings:
    """Settings that can work, and a home; nothing is migrated here."""
    make_home(settings.home)
    check(settings)
    url_secret(settings)
    return settings


def _become(command: tuple[str, ...], settings: Settings) -> None:
    """Be replaced by the command, so that signals and exit codes are its own."""
    try:
        os.execve(command[0], command, settings.environment())  # noqa: S606 - our own command
    except OSError as error:
        raise SettingsError(f"Cannot run {command[0]}: {os.strerror(error.errno or 0)}") from None
