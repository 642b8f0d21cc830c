#!/usr/bin/env bash
# Prints the URL of a RabbitMQ for tests: one that runs, else a private one we start.
# Installs RabbitMQ only where VOICEREEL_REQUIRE_SERVICES=1 and we are root; prints nothing where
# there is none to be had.
#
#   rabbitmq.sh                             any server
#   rabbitmq.sh --private NAME              one of its own, started if it is not running
#   rabbitmq.sh --private NAME stop|kill|remove
#   rabbitmq.sh --private NAME ctl …        rabbitmqctl on that one
set -euo pipefail
cd "$(dirname "$0")/../.."

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
# The package's own wrapper only runs as root or its user: these are what it calls.
binaries=/usr/lib/rabbitmq/bin

install() {
    [ "${VOICEREEL_REQUIRE_SERVICES:-}" = 1 ] && [ "$(id -u)" = 0 ] || return 0
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends rabbitmq-server; } >&2
    /usr/sbin/rabbitmqctl stop > /dev/null 2>&1 || true  # the package may have started its own
}
free_port() {
    local port
    while port=$((20000 + RANDOM % 10000)); answers "$port"; do :; done
    echo "$port"
}
settings() {  # everything by which two nodes of one machine could meet
    state=$PWD/out/needs/rabbitmq-$1
    mkdir -p "$state"
    [ -e "$state/ports" ] || echo "$(free_port) $(free_port) $(free_port)" > "$state/ports"
    read -r port dist_port epmd_port < "$state/ports"
    export HOME=$state RABBITMQ_NODENAME=$1@localhost RABBITMQ_NODE_IP_ADDRESS=127.0.0.1
    export RABBITMQ_NODE_PORT=$port RABBITMQ_DIST_PORT=$dist_port ERL_EPMD_PORT=$epmd_port
    export ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_MNESIA_BASE=$state/mnesia RABBITMQ_LOG_BASE=$state/log
    export RABBITMQ_PID_FILE=$state/pid RABBITMQ_CONF_ENV_FILE=$state/none RABBITMQ_CONFIG_FILE=$state/rabbitmq
    export RABBITMQ_ENABLED_PLUGINS_FILE=$state/plugins RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="+S 1 +sbwt none"
    export ERL_FLAGS="-kernel inet_dist_use_interface {127,0,0,1}"
    touch "$state/none" "$state/rabbitmq.conf"
    echo "[]." > "$state/plugins"
}
alive() { [ -s "$state/pid" ] && kill -0 "$(cat "$state/pid")" 2>/dev/null; }
start() {
    # Nothing of it may hold the pipe that the URL is read from.
    { alive || setsid "$binaries/rabbitmq-server"; } > "$state/out" 2>&1 < /dev/null &
    for _ in $(seq 600); do answers "$port" && return; sleep 0.1; done
    echo "RabbitMQ did not start: see $state/out" >&2
    return 1
}
gone() {
    for _ in $(seq 300); do alive || return 0; sleep 0.1; done
    kill -KILL "$(cat "$state/pid")"
}
stop() { alive || return 0; kill -"$1" "$(cat "$state/pid")" && gone; }

if [ "${1:-}" = --private ]; then
    name=$2 do=${3:-start}
    [ -x "$binaries/rabbitmq-server" ] || install
    [ -x "$binaries/rabbitmq-server" ] || exit 0
    settings "$name"
    case $do in
        start) start; echo "amqp://guest:guest@127.0.0.1:$port/" ;;
        stop) stop TERM ;;
        kill) stop KILL ;;
        ctl) exec "$binaries/rabbitmqctl" "${@:4}" ;;
        remove) stop KILL; epmd -port "$epmd_port" -kill > /dev/null 2>&1 || true; rm -rf "$state" ;;
        *) echo "unknown: $do" >&2; exit 2 ;;
    esac
    exit
fi
if answers 5672; then
    echo "amqp://guest:guest@127.0.0.1:5672/"
    exit
fi
exec "$0" --private test
