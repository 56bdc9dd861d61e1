/**
 * When dpkg (opkg, rpm) was at work in an overlay: what was changed meanwhile, packages and their maintainer scripts have changed, and not a
 * person. dpkg's own log counts whole seconds, so a session has hooks of dpkg that write a log of ours.
 *
 * @see dpkg(1), --pre-invoke
 */

export interface DpkgRun {
  readonly fromSeconds: number;
  readonly toSeconds: number;
}

/** In the root. */
export const RUNS_LOG = "var/log/tsbake-dpkg.log";

/** The clock of files is behind that of processes by up to a tick. */
const TICK_SECONDS = 0.02;

/** For /etc/dpkg/dpkg.cfg.d. The pauses keep what a person did just before, and does just after, out of the run. */
export const RUN_HOOKS = [
  `pre-invoke=sleep ${TICK_SECONDS}; echo begin $(date +%s.%N) >>/${RUNS_LOG} || :`,
  `post-invoke=echo end $(date +%s.%N) >>/${RUNS_LOG} || :; sleep ${TICK_SECONDS}`,
  "",
].join("\n");

/**
 * A program in front of a package manager that has no such hooks: it notes when that was at work, and ends as it does.
 *
 * @param program absolute, in the root
 */
export function runsNoted(program: string): string {
  return [
    "#!/bin/sh",
    `log=/${RUNS_LOG}`,
    `sleep ${TICK_SECONDS}`,
    "echo begin $(date +%s.%N) >>$log || :",
    `${program} "$@"`,
    "code=$?",
    `echo end $(date +%s.%N) >>$log || :; sleep ${TICK_SECONDS}`,
    "exit $code",
    "",
  ].join("\n");
}

/** A run without an end, of a dpkg that was killed, counts for nothing. */
export function dpkgRuns(log: string): DpkgRun[] {
  const runs: DpkgRun[] = [];
  let from: number | undefined;
  for (const line of log.split("\n")) {
    const [, word, seconds] = /^(begin|end) (\d+\.\d+)$/.exec(line) ?? [];
    if (word === "begin") from = Number(seconds);
    else if (word === "end" && from !== undefined) {
      runs.push({ fromSeconds: from, toSeconds: Number(seconds) });
      from = undefined;
    }
  }
  return runs;
}

/** @param seconds since epoch */
export function isDuring(runs: readonly DpkgRun[], seconds: number): boolean {
  return runs.some(
    ({ fromSeconds, toSeconds }) => seconds >= fromSeconds - TICK_SECONDS && seconds <= toSeconds,
  );
}
