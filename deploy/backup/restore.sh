#!/usr/bin/env bash
# Puts a copy that backup.sh made in the place of what was lost: restore.sh FOLDER/<time>
#
# Stop the service first. Database and folders must be new or empty: nothing is ever overwritten. It reads
# the same variables as the service, and needs voicereel-server and, for PostgreSQL, pg_restore and psql.
# It ends with `voicereel-server recover`, without which workers of before could still write.
set -euo pipefail
umask 077
cd_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/backup/where.sh
source "$cd_here/where.sh"

[ $# = 1 ] || fail "give the copy to restore"
copy=$1
[ -d "$copy" ] || fail "there is no copy $copy"
[[ $copy != *.partial ]] || fail "$copy did not end"

is_empty() { [ -z "$(find "$1" -mindepth 1 -not -name .incoming -print -quit 2> /dev/null)" ]; }

files=${store#file:}
if ! is_bucket; then
    [ -d "$copy/artifacts" ] || fail "$copy holds no files; was the store a bucket?"
    is_empty "$files" || fail "$files is not empty"
fi
if is_postgresql; then
    [ -f "$copy/voicereel.dump" ] || fail "$copy holds no dump of PostgreSQL"
    postgresql_url
    tables=$(psql --no-psqlrc --tuples-only --no-align "$libpq_url" \
        --command="SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
    [ "$tables" = 0 ] || fail "the database is not empty: restore into a new one"
else
    file=${database#sqlite:///}
    [ -f "$copy/voicereel.db" ] || fail "$copy holds no database of SQLite"
    for left in "$file" "$file-wal" "$file-shm"; do
        [ ! -e "$left" ] || fail "$left is there already: move it away, it may be worth a look"
    done
fi

mkdir -p "$home"
if ! is_bucket; then
    mkdir -p "$files"
    cp -a "$copy/artifacts/." "$files/"
fi
if [ -f "$copy/url_secret" ] && [ ! -e "$home/url_secret" ]; then
    cp -p "$copy/url_secret" "$home/"
fi
if is_postgresql; then
    pg_restore --exit-on-error --single-transaction --no-owner --no-privileges --dbname="$libpq_url" \
        "$copy/voicereel.dump"
else
    mkdir -p "$(dirname "$file")"
    cp -p "$copy/voicereel.db" "$file"
fi
sync
voicereel-server migrate --home "$home"
voicereel-server recover --home "$home"
