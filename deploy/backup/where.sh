# What backup.sh and restore.sh have in common: where the service keeps its things. Sourced, not run.
# shellcheck shell=bash

home=${VOICEREEL_HOME:-$HOME/.local/share/voicereel}
home=${home/#\~/$HOME}
database=${VOICEREEL_DATABASE_URL:-sqlite:///$home/voicereel.db}
store=${VOICEREEL_STORE:-file:$home/artifacts}
store=${store/#file:\~/file:$HOME}

fail() {
    echo "$0: $*" >&2
    exit 1
}

is_postgresql() { [[ $database == postgresql* ]]; }
is_bucket() { [[ $store == s3:* ]]; }

# The URL as PostgreSQL's own programs take it. A password travels in the environment: command lines
# are read by anybody.
postgresql_url() {
    libpq_url=postgresql:${database#postgresql*:}
    if [[ $libpq_url =~ ^(postgresql://[^:/@]*):([^@/]*)@(.*)$ ]]; then
        libpq_url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
        local password=${BASH_REMATCH[2]//\\/\\\\}
        PGPASSWORD=$(printf '%b' "${password//%/\\x}")
        export PGPASSWORD
    fi
}
