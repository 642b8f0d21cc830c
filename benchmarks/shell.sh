#!/usr/bin/env bash
# What a person would write: espeak-ng once a line, then sox to join and encode. Needs both.
# Reads lines of "voice<TAB>text" on stdin; writes the file named by the first argument.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
number=0
while IFS=$'\t' read -r voice text; do
    number=$((number + 1))
    espeak-ng -v "$voice" -w "$folder/$(printf %06d "$number").wav" -- "$text"
done
find "$folder" -name '*.wav' | sort > "$folder/list"
if command -v ffmpeg >/dev/null; then
    sed "s/^/file '/; s/$/'/" "$folder/list" > "$folder/concat"
    ffmpeg -nostdin -loglevel error -y -f concat -safe 0 -i "$folder/concat" -ar 44100 -f mp3 "$1"
else
    xargs sox --combine concatenate < <(cat "$folder/list"; echo "-r 44100 $1")
fi
