/** Every problem this room can report, one function each, in the order of their codes. */
import { dirname } from "node:path";
import { shownName } from "@tsbake/base";
import type { Diagnostic, Note, Span } from "@tsbake/base";
import type { DiskShortage } from "./limits/disk.js";

/** What is known of a failed function beside its code. */
export interface BodyFailure {
  /** In place of the code. */
  readonly reason?: string | undefined;
  readonly at?: Span | undefined;
  readonly notes?: readonly Note[];
}

/** A function of a task ended with a code other than 0. */
export function bodyFailed(
  label: string,
  functionName: string,
  code: number,
  { reason, at, notes = [] }: BodyFailure = {},
): Diagnostic {
  const ended = code > 128 ? `was ended by signal ${code - 128}` : `ended with exit code ${code}`;
  const how = reason === undefined ? ended : `failed: ${reason}`;
  return {
    severity: "error",
    code: "run/body-failed",
    // The remedy is in the log and the script, which a failure carries with it.
    message: `${label}: \`${functionName}\` ${how}`,
    ...(at ? { at, help: "correct the Python code at this place" } : {}),
    ...(notes.length > 0 ? { notes } : {}),
  };
}

/** TSBAKE_CHECK_READS is set, and bodies cannot be watched here. */
export function cannotCheckReads(reason: string): Diagnostic {
  return {
    severity: "error",
    code: "run/cannot-check-reads",
    message: `TSBAKE_CHECK_READS is set, and what tasks read cannot be watched: ${reason}`,
    help: "install strace and build as root where processes may be traced, or take TSBAKE_CHECK_READS away",
  };
}

/** A value or body of the task cannot be expanded. */
export function cannotExpand(label: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "run/cannot-expand",
    message: `${label}: ${reason}`,
    help: "`tsbake -e RECIPE` shows the variables of the recipe",
  };
}

/** [dirs], [cleandirs] or the task's own folders cannot be made or emptied. */
export function cannotPrepare(label: string, path: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "run/cannot-prepare",
    message: `${label}: cannot prepare ${path}: ${reason}`,
    help: "free the space or repair the permissions of that folder, or remove it",
  };
}

/** Signature data of a finished task could not be written. */
export function cannotRecord(label: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/cannot-record",
    message: `${label}: its signature data could not be written: ${reason}`,
    help: "the build goes on; a later comparison of signatures will lack this task",
  };
}

/** The artifact of a finished task could not be written to the store. */
export function cannotStore(label: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/cannot-store",
    message: `${label}: its artifact could not be put into the shared state: ${reason}`,
    help: "the build goes on, but the task will run again in the next empty build folder; look at SSTATE_DIR (space, permissions)",
  };
}

/** What is in doubt after a power cut cannot be read. */
export function damagedMark(path: string): Diagnostic {
  return {
    severity: "error",
    code: "run/damaged-mark",
    message: `${path} is damaged, so nobody knows which files were not on the disk when the machine stopped`,
    help: `remove the folder ${dirname(path)}: the next build makes it again from the shared state`,
  };
}

/** BB_DISKMON_DIRS: a disk is filling up. */
export function diskLow(shortage: DiskShortage): Diagnostic {
  const { rule, what, free, least } = shortage;
  const show = (count: number) => (what === "bytes" ? `${Math.floor(count / 1024)} KiB` : `${count} inodes`);
  const then = {
    WARN: "",
    STOPTASKS: "; no further task starts",
    HALT: "; running tasks are killed",
  }[rule.action];
  return {
    severity: rule.action === "WARN" ? "warning" : "error",
    code: "run/disk-low",
    message: `${rule.folder} has ${show(free)} left, less than the ${show(least)} of BB_DISKMON_DIRS${then}`,
    help: "free space there, then start the same command again: what is done stays done",
  };
}

/** A folder of BB_DISKMON_DIRS went away, or its disk; said once. */
export function diskUnwatched(folder: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/disk-unwatched",
    message: `${folder} of BB_DISKMON_DIRS is not watched any more: ${reason}`,
    help: "see whether its disk is still mounted; the build goes on without this limit",
  };
}

/** Two tasks install different files under one name. */
export function fileClash(label: string, owner: string, path: string): Diagnostic {
  return {
    severity: "error",
    code: "run/file-clash",
    message: `${label} and ${owner} both install ${path}, with different content`,
    help: "let one of the two recipes use another name, or not install the file",
  };
}

/** The process that starts the bodies is gone, and with it who would tell how they end. */
export function launcherLost(): Diagnostic {
  return {
    severity: "error",
    code: "run/launcher-lost",
    message: "the process that starts the tasks was killed; what ran has been ended",
    help: "was there enough memory? (dmesg tells); then start the same command again: what is done stays done",
  };
}

/** A failed task has removed its log, and it could not be put back. */
export function logLost(label: string, path: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/log-lost",
    message: `${label}: its log ${path} was removed while it ran, and cannot be put back: ${reason}`,
    help: "do not remove `${T}` in a task, and see that its folder can be written to",
  };
}

/** A flag whose text is not what the flag takes. */
export function malformedFlag(label: string, flag: string, text: string, expected: string): Diagnostic {
  return {
    severity: "error",
    code: "run/malformed-flag",
    message: `${label}: [${flag}] is \`${text}\``,
    help: `write ${expected}`,
  };
}

/** A niceness or an io class that cannot be read. */
export function malformedLevel(
  name: string,
  text: string,
  expected: string,
  at: Span | undefined,
): Diagnostic {
  return {
    severity: "error",
    code: "run/malformed-level",
    message: `${name} is \`${text}\``,
    ...(at && { at }),
    help: `write ${expected}`,
  };
}

/** A task, prefunc or postfunc without a body. */
export function missingFunction(label: string, functionName: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/missing-function",
    message: `${label}: there is no function \`${functionName}\`; nothing was done`,
    help: `define \`${functionName}\`, or take it out of addtask, [prefuncs] or [postfuncs]`,
  };
}

/** BB_SETSCENE_ENFORCE: nothing may run but what BB_SETSCENE_ENFORCE_IGNORE_TASKS names. */
export function mustNotRun(label: string): Diagnostic {
  return {
    severity: "error",
    code: "run/must-not-run",
    message: `${label} would run, and BB_SETSCENE_ENFORCE says that everything is to be restored`,
    help: "fill the shared state with it, or name it in BB_SETSCENE_ENFORCE_IGNORE_TASKS",
  };
}

/** Tasks without [network] have it all the same; said once. */
export function noIsolation(reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/no-isolation",
    message: `tasks without [network] cannot be kept from the network: ${reason}`,
    help: "the build goes on, and what a task fetches by itself is not noticed; have `unshare` (util-linux) on PATH, and let this user make network namespaces (`unshare --user --map-current-user --net true` tries it)",
  };
}

/** This machine does not let us set a niceness or an io class; said once for each. */
export function noNiceness(name: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/no-niceness",
    message: `${name} cannot be followed: ${reason}`,
    help: "tasks run as the engine does; remove the setting, or make it possible here",
  };
}

/** A limit for something that this kernel does not count. */
export function noPressure(resources: readonly string[]): Diagnostic {
  return {
    severity: "warning",
    code: "run/no-pressure",
    message: `this machine does not tell how much is waited for ${resources.join(", ")}: tasks start without that limit`,
    help: "a kernel with pressure stall information has /proc/pressure (boot parameter psi=1)",
  };
}

/** A program in front of a task body (fakeroot, unshare, the shell) cannot be started. */
export function noProgram(label: string, program: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "run/no-program",
    message: `${label}: cannot start \`${program}\`: ${reason}`,
    help: "the program must be on the PATH of the task",
  };
}

/** A body with [interactive], and nobody there. */
export function noTerminal(label: string): Diagnostic {
  return {
    severity: "error",
    code: "run/no-terminal",
    message: `${label} talks to a person, and there is no terminal`,
    help: "start it from a terminal, with standard input and output on it and without `--ui json`",
  };
}

/** The file systems could not be synced. */
export function notSynced(tmpdir: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/not-synced",
    message: `nobody knows whether what lies in ${tmpdir} is on the disk: ${reason}`,
    help: "repair it; should the machine stop before a build could sync, the recipes of this build are done again",
  };
}

/** What a task has installed is gone, or another file is there. */
export function outputChanged(label: string, file: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/output-changed",
    message: `${file} is not as ${label} has left it; ${label} is done again`,
    help: "copy what you want to change out of the build folder; `tsbake verify` lists all such files",
  };
}

/** What a stamp says is done has left nothing. */
export function outputGone(label: string, earlier: string, folder: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/output-gone",
    message: `${label} needs what ${earlier} has left in ${folder}, and that is gone, though a stamp says that it is done; ${earlier} is done again`,
    help: "to remove what a recipe has built, use `-c clean`: it takes the stamps away too",
  };
}

/** The machine has stopped during a build, or soon after one was killed. */
export function powerCut(tmpdir: string, recipes: number): Diagnostic {
  const what = recipes === 1 ? "one recipe is" : `${recipes} recipes are`;
  return {
    severity: "warning",
    code: "run/power-cut",
    message: `the machine stopped before a build in ${tmpdir} was on the disk: ${what} taken from the shared state or done again`,
    help: "nothing has to be done",
  };
}

/** A body has ended, and what it started has not. @param names of the processes */
export function processesLeft(label: string, names: readonly string[]): Diagnostic {
  return {
    severity: "warning",
    code: "run/processes-left",
    message: `${label} left processes behind, which were ended: ${names.map((name) => `\`${shownName(name)}\``).join(", ")}`,
    help: "a task ends when its own process ends; have it stop what it starts, or wait for it",
  };
}

/** An artifact is not what its task makes, and another place has one of this name. */
export function refusedArtifact(label: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/refused-artifact",
    message: `${label}: an artifact of the shared state is refused (${reason}); the next place that has one is asked`,
  };
}

/** An object was in the store when asked and is not, or not whole, when taken. */
export function restoreFailed(label: string, reason: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/restore-failed",
    message: `${label}: cannot be restored from the shared state (${reason}); the task runs instead`,
  };
}

/** Configurations of one build that would do a task in the same folder, with different inputs. */
export function sharedWorkFolder(label: string, other: string): Diagnostic {
  return {
    severity: "error",
    code: "run/shared-work-folder",
    message: `${label} and ${other} have one work folder and different inputs`,
    help: 'give the configurations a TMPDIR each, or what differs by machine `PACKAGE_ARCH = "${MACHINE}"`',
  };
}

/** A socket in a task's output. */
export function socketLeftOut(label: string, path: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/socket-left-out",
    message: `${label}: the socket \`${shownName(path)}\` in its output is left out`,
    help: "a socket is nothing without the process that listens on it; have the task remove it",
  };
}

/** The machine refused something around a body: no permission. */
export function systemFailure(label: string, reason: string): Diagnostic {
  return {
    severity: "error",
    code: "run/system-failure",
    message: `${label}: ${reason}`,
    help: "repair it, then start the same command again: what is done stays done",
  };
}

/** A task that -f or -C has tainted in this or an earlier build. */
export function tainted(label: string): Diagnostic {
  return {
    severity: "warning",
    code: "run/tainted",
    message: `${label} is tainted by a forced run: it and what depends on it share no state with other builds`,
    help: "`-c clean` of the recipe takes the taint away",
  };
}

/** TSBAKE_CHECK_READS: a body has read what no task that it needs has written. */
export function undeclaredRead(label: string, writer: string, file: string, more: number): Diagnostic {
  const others = more === 0 ? "" : ` and ${more} more`;
  return {
    severity: "error",
    code: "run/undeclared-read",
    message: `${label} has read ${file}${others} of ${writer}, which it does not need directly`,
    help: `add the dependency (\`after\` of addtask in the same recipe, [depends] on another), or have a task that it needs keep the file in its own artifact: where ${writer} is not restored, the file is not there`,
  };
}
