#!/usr/bin/env bash
# tests/needs/program.sh PACKAGE NAME…   prints the path of the first of these programs that is there.
# Installs Debian's PACKAGE only where VOICEREEL_REQUIRE_SERVICES=1 and we are root or may become it without
# a password; prints nothing where there is none to be had.
set -euo pipefail

package="$1"
shift
names=("$@")

find_program() {
    for name in "${names[@]}"; do
        command -v "$name" && return
    done
    return 1
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
install() {
    [ "${VOICEREEL_REQUIRE_SERVICES:-}" = 1 ] && as_root true 2> /dev/null || return 0
    { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "$package"; } >&2
}

find_program || { install && find_program; } || true
