#!/bin/sh
# `npm test`: on a fresh clone it installs and compiles first. Arguments go to jest: npm test -- unit/base
set -eu

root=$(readlink -f -- "$(dirname -- "$0")/..")
sh "$root/scripts/prepare.sh"
cd "$root"
export TURBO_TELEMETRY_DISABLED=1
exec npx --no-install turbo run test --output-logs=full -- "$@"
