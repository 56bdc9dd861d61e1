#!/bin/sh
# `npm run sweep -- [NAME…]`: on a fresh clone it installs and compiles first. Options: tests/sweep/main.ts
set -eu

root=$(readlink -f -- "$(dirname -- "$0")/..")
sh "$root/scripts/prepare.sh"
cd "$root"
export TURBO_TELEMETRY_DISABLED=1
npx --no-install turbo run compile --output-logs=errors-only >/dev/null
exec node --enable-source-maps tests/dist/sweep/main.js "$@"
