"""A closed loop of connections: `python benchmarks/load.py METHOD URL [KEY] [BODY_FILE]`.

Prints JSON: requests a second, median and 99th percentile in milliseconds, and errors.
"""

import json
import sys
import threading
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS = 16
SECONDS = 8.0


def main() -> None:
    method, url = sys.argv[1:3]
    headers = {"Content-Type": "application/json"}
    if len(sys.argv) > 3:
        headers["Authorization"] = f"Bearer {sys.argv[3]}"
    body = Path(sys.argv[4]).read_bytes() if len(sys.argv) > 4 else None
    latencies: list[float] = []
    errors: list[int] = []
    until = time.perf_counter() + SECONDS
    arguments = (method, url, headers, body, until, latencies, errors)
    threads = [threading.Thread(target=client, args=arguments) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    latencies.sort()
    print(
        json.dumps(
            {
                "per_s": round(len(latencies) / (time.perf_counter() - started), 1),
                "p50_ms": round(1000 * latencies[len(latencies) // 2], 2),
                "p99_ms": round(1000 * latencies[len(latencies) * 99 // 100], 2),
                "errors": len(errors),
            }
        )
    )


def client(
    method: str,
    url: str,
    headers: dict[str, str],
    body: bytes | None,
    until: float,
    latencies: list[float],
    errors: list[int],
) -> None:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    while (started := time.perf_counter()) < until:
        connection.request(method, parts.path, body, headers)
        reply = connection.getresponse()
        reply.read()
        if reply.status >= 400:
            errors.append(reply.status)
        latencies.append(time.perf_counter() - started)


if __name__ == "__main__":
    main()
