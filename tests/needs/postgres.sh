#!/usr/bin/env bash
# Prints the URL of a PostgreSQL server for tests: one that runs, else a private one we start.
# Installs PostgreSQL only where VOICEREEL_REQUIRE_SERVICES=1 and we are root; prints nothing where
# there is none to be had.
#
#   postgres.sh                             any server
#   postgres.sh --private NAME              one of its own, started if it is not running
#   postgres.sh --private NAME stop|kill|remove       kill: "immediate", as if the machine had lost power
set -euo pipefail
cd "$(dirname "$0")/../.."

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
find_binaries() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1; }
install() {
    binaries=$(find_binaries)
    [ -z "$binaries" ] && [ "${VOICEREEL_REQUIRE_SERVICES:-}" = 1 ] && [ "$(id -u)" = 0 ] || return 0
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql; } >&2
    binaries=$(find_binaries)
    if answers 5432; then  # the package may have started its own
        pg_ctlcluster --skip-systemctl-redirect "$(basename "$(dirname "$binaries")")" main stop >&2 || true
    fi
}
free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); answers "$port"; do :; done
    echo "$port"
}
settings() {
    state=$PWD/out/needs/postgres-$1
    as=()
    if [ "$(id -u)" = 0 ]; then  # PostgreSQL refuses to run as root
        state=/var/tmp/voicereel-test-postgres-$1
        mkdir -p "$state" && chown postgres "$state"
        as=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    fi
    mkdir -p "$state"
    [ -e "$state/port" ] || free_port > "$state/port"
    port=$(cat "$state/port")
}
start() {
    [ -e "$state/data" ] || "${as[@]}" "$binaries/initdb" -D "$state/data" -U postgres -A trust --no-sync > /dev/null
    answers "$port" || "${as[@]}" "$binaries/pg_ctl" -D "$state/data" -l "$state/log" -w -t 60 \
        -o "-p $port -k $state -c listen_addresses=127.0.0.1 -c max_connections=200" start > /dev/null
}
stop() { ! answers "$port" || "${as[@]}" "$binaries/pg_ctl" -D "$state/data" -m "$1" -w stop > /dev/null; }

if [ "${1:-}" = --private ]; then
    name=$2 do=${3:-start}
    install
    [ -n "$binaries" ] || exit 0
    settings "$name"
    case $do in
        start) start; echo "postgresql+psycopg://postgres@127.0.0.1:$port/postgres" ;;
        stop) stop fast ;;
        kill) stop immediate ;;
        remove) stop immediate; rm -rf "$state" ;;
        *) echo "unknown: $do" >&2; exit 2 ;;
    esac
    exit
fi
if answers 5432; then
    echo "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
    exit
fi
exec "$0" --private test
