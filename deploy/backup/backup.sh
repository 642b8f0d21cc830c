#!/usr/bin/env bash
# Copies a VoiceReel that may be at work: backup.sh FOLDER
#
# Makes FOLDER/<time>, with the database (voicereel.db, or voicereel.dump of pg_dump), the files where
# they are in a folder (those that the copy before has are linked to, not copied again) and the secret of
# download URLs. A copy that did not end has a name that ends in ".partial".
#
# It reads the same variables as the service: VOICEREEL_HOME, VOICEREEL_DATABASE_URL, VOICEREEL_STORE.
# It needs voicereel-server and, for PostgreSQL, pg_dump of the server's version or a newer one.
set -euo pipefail
umask 077
cd_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/backup/where.sh
source "$cd_here/where.sh"

[ $# = 1 ] || fail "give the folder in which the copies are kept"
copies=$1
mkdir -p "$copies"
former=$(find "$copies" -mindepth 1 -maxdepth 1 -type d -name '????-??-??T*Z' | sort | tail -n 1)
copy=$copies/$(date -u +%Y-%m-%dT%H%M%SZ)
[ ! -e "$copy" ] || fail "$copy is there already"
mkdir "$copy.partial"

# The database first, then the files: a file without a row does no harm, a row without a file does.
if is_postgresql; then
    postgresql_url
    pg_dump --format=custom --no-owner --no-privileges --file="$copy.partial/voicereel.dump" "$libpq_url"
fi
voicereel-server backup --home "$home" --to "$copy.partial" ${former:+--former "$former"} >&2
sync
mv "$copy.partial" "$copy"
echo "$copy"
