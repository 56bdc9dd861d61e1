#!/bin/sh
# Runs a program of tests/: `npm run fuzz`, `npm run sweep`. On a fresh clone it installs and compiles first.
# $1: its folder; the rest is the program's (tests/FOLDER/main.ts says what).
set -eu

root=$(readlink -f -- "$(dirname -- "$0")/..")
program=$1
shift
sh "$root/scripts/prepare.sh"
cd "$root"
export TURBO_TELEMETRY_DISABLED=1
npx --no-install turbo run compile --output-logs=errors-only >/dev/null
exec node --enable-source-maps "tests/dist/$program/main.js" "$@"
