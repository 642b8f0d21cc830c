#!/usr/bin/env bash
# Prints the path of a Chromium for tests. Installs Debian's only where VOICEREEL_REQUIRE_SERVICES=1 and
# we are root or may become it without a password; prints nothing where there is none to be had.
set -euo pipefail

find_browser() {
    for name in chromium chromium-browser google-chrome-stable google-chrome; do
        command -v "$name" && return
    done
    return 1
}
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
install() {
    [ "${VOICEREEL_REQUIRE_SERVICES:-}" = 1 ] && as_root true 2> /dev/null || return 0
    { as_root apt-get update && as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends chromium; } >&2
}

find_browser || { install && find_browser; } || true
