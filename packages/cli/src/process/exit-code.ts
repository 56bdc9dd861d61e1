/** Exit codes, in one place; the manual has the table. */
import { constants } from "node:os";

export const ALL_WELL = 0;
export const FAILED = 1;
export const WRONG_WORDS = 2;
/** `tsbake try` could not run the command: as docker run, chroot and env say it. */
export const NOT_TRIED = 125;

/** As a shell tells of a program that a signal has ended: SIGINT 130, SIGTERM 143, SIGHUP 129. */
export function endedBy(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Of an aborted build: the signal is the reason of the abort, Ctrl-C where there is none. */
export function codeOfAbort({ reason }: AbortSignal): number {
  return endedBy(reason === "SIGTERM" || reason === "SIGHUP" ? reason : "SIGINT");
}
