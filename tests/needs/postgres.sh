#!/usr/bin/env bash
# Prints the URL of a PostgreSQL server for tests: one that runs, else a private one we start.
# Installs PostgreSQL only where VOICEREEL_REQUIRE_SERVICES=1 and we are root; prints nothing where
# there is none to be had.
set -euo pipefail
cd "$(dirname "$0")/../.."
state=$PWD/out/test-postgres
port=${VOICEREEL_TEST_PGPORT:-54329}

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

if answers 5432; then
    echo "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
    exit
fi
find_binaries() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }
binaries=$(find_binaries)
if [ -z "$binaries" ] && [ "${VOICEREEL_REQUIRE_SERVICES:-}" = 1 ] && [ "$(id -u)" = 0 ]; then
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } >&2
    binaries=$(find_binaries)
    if answers 5432; then  # the package may have started its own
        pg_ctlcluster --skip-systemctl-redirect "$(basename "$(dirname "$binaries")")" main stop >&2 || true
    fi
fi
[ -n "$binaries" ] || exit 0
if ! answers "$port"; then
    mkdir -p "$state"
    as=()
    if [ "$(id -u)" = 0 ]; then  # PostgreSQL refuses to run as root
        state=/var/tmp/voicereel-test-postgres
        mkdir -p "$state" && chown postgres "$state"
        as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    fi
    [ -e "$state/data" ] || "${as[@]}" "$binaries/initdb" -D "$state/data" -U postgres -A trust >&2
    "${as[@]}" "$binaries/pg_ctl" -D "$state/data" -l "$state/log" -w -t 30 \
        -o "-p $port -k $state -c listen_addresses=127.0.0.1" start >&2
fi
echo "postgresql+psycopg://postgres@127.0.0.1:$port/postgres"
