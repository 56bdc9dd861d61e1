#!/bin/sh
# Installs tsbake's libraries and compiles it, when something of either changed. Called by ./tsbake and npm test.
set -eu
# Nobody else writes into the programs.
umask 022

root=$(readlink -f -- "$(dirname -- "$0")/..")
installed=$root/node_modules/.tsbake-lock.json
compiled=$root/node_modules/.tsbake-compiled

say() { echo "tsbake: $*" >&2; }

up_to_date() {
  [ -f "$root/packages/cli/dist/main.js" ] && [ -f "$compiled" ] && cmp -s "$root/package-lock.json" "$installed" &&
    [ -z "$(find "$root"/packages/*/src "$root"/packages/*/*.json "$root/tsconfig.base.json" -newer "$compiled" -print -quit)" ] && programs_are_there
}

# An empty program does nothing and ends with 0; a module that others import cannot go unnoticed.
programs_are_there() {
  for program in "$root"/packages/*/dist/main.js "$root"/packages/run/dist/processes/launcher-process.js \
    "$root"/node_modules/.tsbake-programs/cli.js; do
    [ -s "$program" ] || return 1
  done
}

# What a mark says is on the disk before the mark is: a power cut empties what was written last.
to_disk() { sync -f "$1" 2>/dev/null || sync; }

# On a terminal: how long a step has taken so far, each second, until it is killed or we are gone.
count_seconds() {
  seconds=0
  while sleep 1 && kill -0 $$ 2>/dev/null; do
    seconds=$((seconds + 1))
    printf '\rtsbake: %s %s s' "$1" "$seconds" >&2
  done
}

counting=
end_count() {
  [ -n "$counting" ] || return 0
  kill "$counting" 2>/dev/null || :
  wait "$counting" 2>/dev/null || :
  counting=
  echo >&2
}

# Runs a step with its output kept, and shows that output only if the step fails.
step() {
  title=$1
  shift
  if [ -t 2 ]; then
    printf 'tsbake: %s' "$title" >&2
    # Without the lock: whoever waits for it waits for us, and not for what counts.
    count_seconds "$title" </dev/null >/dev/null 9<&- &
    counting=$!
  else
    say "$title"
  fi
  log=$(mktemp)
  failed=
  (cd "$root" && "$@") >"$log" 2>&1 </dev/null || failed=1
  end_count
  if [ -n "$failed" ]; then
    cat "$log" >&2
    rm -f "$log"
    say "this step failed: ${title% ...}"
    exit 1
  fi
  rm -f "$log"
}

install() { npm ci --no-audit --no-fund --loglevel=error && to_disk "$root/node_modules"; }

# The programs only, and the compiler itself: what it has against a file is all that is shown. `npm test` compiles the tests.
# Without a mark nobody knows what became of the last compilation, whatever the compiler has noted of it.
compile() { node scripts/sweep.js && node_modules/.bin/tsc -b --pretty false $forced packages/*/tsconfig.json && node scripts/bundle.js; }
compile_to_disk() { compile && to_disk "$root/packages" && to_disk "$root/node_modules/.tsbake-programs"; }

if up_to_date; then exit 0; fi

if ! command -v npm >/dev/null 2>&1; then
  say "npm is missing; install it beside Node.js 20.20 or later"
  exit 1
fi
if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 20) ? 0 : 1)'; then
  say "Node.js $(node --version) is too old; install version 20.20 or later"
  exit 1
fi
if ! mkdir -p "$root/node_modules" 2>/dev/null || ! [ -w "$root/node_modules" ]; then
  say "cannot write to $root: let its owner run tsbake once"
  exit 1
fi

# Two first uses at once: the second waits, and then finds everything done.
exec 9<"$root"
flock 9
if up_to_date; then exit 0; fi
if ! cmp -s "$root/package-lock.json" "$installed"; then
  step "installing libraries (first use, about half a minute) ..." install
  cp "$root/package-lock.json" "$installed"
fi
# The mark is as old as the start of the compilation: what changes meanwhile is compiled next time.
forced=
if ! [ -f "$compiled" ] || ! programs_are_there; then forced=--force; fi
touch "$compiled.new"
rm -f "$compiled"
if [ "${TSBAKE_UNCHECKED:-}" = 1 ]; then
  # For half a change: what the compiler writes whatever the types are. No mark: the next start compiles again.
  say "compiling, with or without errors of types (TSBAKE_UNCHECKED=1) ..."
  log=$(mktemp)
  if ! (cd "$root" && compile) >"$log" 2>&1 </dev/null; then
    say "errors of types are left, $(grep -c ': error TS' "$log") of them; the first: $(grep -m 1 ': error TS' "$log")"
  fi
  rm -f "$log" "$compiled.new"
  if programs_are_there; then exit 0; fi
  say "it cannot be compiled at all"
  exit 1
fi
step "compiling ..." compile_to_disk
mv "$compiled.new" "$compiled"
