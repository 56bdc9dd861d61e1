#!/bin/sh
# Runs self-contained cases, each a folder with a run.sh that exits 0 when tsbake is right, and prints a table.
#
#   npm run cases -- FOLDER [NAME...]      e.g.  npm run cases -- ../cases 014 015
set -u
root=$(readlink -f -- "$(dirname -- "$0")/..")
[ $# -gt 0 ] || { sed -n 2,4p "$0" >&2; exit 2; }
folder=$(readlink -f -- "$1") && shift || exit 2
[ $# -gt 0 ] || set -- $(cd "$folder" && ls -d [0-9]*/ | tr -d /)
work=$(mktemp -d "${TMPDIR:-/tmp}/tsbake-cases.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$root"
wrong=0
for name; do
  began=$(date +%s)
  TMPDIR=$work timeout 1800 bash "$folder/$name/run.sh" >"$work/$name.log" 2>&1
  code=$?
  [ $code = 0 ] || wrong=$((wrong + 1))
  printf '%s  %3s  %4s s  %s\n' "$name" $code $(($(date +%s) - began)) "$(tail -n 1 "$work/$name.log" | cut -c1-120)"
done
echo "$# cases, $wrong wrong"
[ $wrong = 0 ]
