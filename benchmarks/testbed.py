"""What the benchmarks of production mode stand on: own databases, processes, and who took which CPU."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psycopg
from bench import machine, server

HERE = Path(__file__).resolve().parent
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_ANY = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
_LIBRARIES = ("flask", "gunicorn", "psycopg", "pydantic", "dramatiq", "fastapi", "uvicorn", "asyncpg")


def conninfo(url: str) -> str:
    """A URL of SQLAlchemy's, as libpq takes it."""
    return url.replace("postgresql+psycopg:", "postgresql:")


@contextmanager
def fresh_database(name: str, *, template: str = "template0") -> Iterator[str]:
    """A database of our own on the server that tests use; its URL. Dropped at the end."""
    base = os.environ.get("VOICEREEL_TEST_DATABASE_URL") or _ANY
    own = f"{name}_{os.getpid()}"
    with psycopg.connect(conninfo(base), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {own} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {own} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield f"{base.rpartition('/')[0]}/{own}"
        finally:
            connection.execute(f"DROP DATABASE {own} WITH (FORCE)")


def database_name(url: str) -> str:
    return url.rpartition("/")[2]


def settings_for(home: Path, **settings: str) -> dict[str, str]:
    """An environment with these settings of ours, and none of the surrounding ones."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("VOICEREEL_")}
    chosen = {f"VOICEREEL_{name.upper()}": value for name, value in settings.items()}
    home.mkdir(parents=True, exist_ok=True)
    return {**clean, "VOICEREEL_HOME": str(home), **chosen}


def command(environment: Mapping[str, str], *arguments: str) -> None:
    subprocess.run(server(*arguments), check=True, env=environment, capture_output=True, timeout=120)


@contextmanager
def running(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own, with whatever it starts; ended with it."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            arguments, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            start_new_session=True, cwd=HERE,
        )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_up(url: str, *, patience_s: float = 60.0) -> None:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url, timeout=2)
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(url)


def cpu_ms(session: int) -> float:
    """CPU time that a session's processes have taken, and those of them that ended."""
    return sum(own + ended for _, own, ended in _processes() if _ == session)


def _processes() -> Iterator[tuple[int, float, float]]:
    """Session, own and waited-for CPU time of every process."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        yield (
            int(fields[3]),
            TICK_MS * (int(fields[11]) + int(fields[12])),
            TICK_MS * (int(fields[13]) + int(fields[14])),
        )


def database_cpu_ms(url: str) -> dict[int, float]:
    """CPU time of each connection's process, by its id; nothing where the server is elsewhere."""
    with psycopg.connect(conninfo(url)) as connection:
        query = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        pids = [row[0] for row in connection.execute(query)]
    found = {}
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except FileNotFoundError:
            continue
        found[pid] = TICK_MS * (int(fields[11]) + int(fields[12]))
    return found


def grown(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    return sum(value - before.get(pid, 0.0) for pid, value in after.items())


def facts() -> dict[str, Any]:
    base = os.environ.get("VOICEREEL_TEST_DATABASE_URL") or _ANY
    with psycopg.connect(conninfo(base)) as connection:
        found = connection.execute(
            "SELECT current_setting('server_version'), current_setting('synchronous_commit'),"
            " current_setting('fsync'), current_setting('shared_buffers')"
        ).fetchone()
    assert found is not None
    postgresql = dict(zip(("version", "synchronous_commit", "fsync", "shared_buffers"), found, strict=True))
    libraries = {name: version(name) for name in _LIBRARIES}
    return {**machine(), "postgresql": postgresql, "libraries": libraries, "load_before": os.getloadavg()[0]}


def heading(title: str, found: Mapping[str, Any]) -> list[str]:
    """The first lines of a report: on what it was measured."""
    libraries = ", ".join(f"{name} {number}" for name, number in found["libraries"].items())
    database = found["postgresql"]
    return [
        f"# {title}, {found['date']}",
        "",
        f"{found['cores']} cores, Python {found['python']}, {found['system']}. PostgreSQL"
        f" {database['version']} (synchronous_commit {database['synchronous_commit']},"
        f" fsync {database['fsync']}, shared_buffers {database['shared_buffers']}). {libraries}.",
        "Everything runs on the same cores: the service, the database and what puts the load on them. Ratios"
        f" are within one run. Load average before it: {found['load_before']:.2f}.",
    ]


def end_tidily() -> None:
    """Asked to stop, stop what was started and drop what was made."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))


def python(*arguments: str) -> list[str]:
    return [sys.executable, *arguments]
