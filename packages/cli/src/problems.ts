/** Every problem this room can report, one function each, in the order of their codes. */
import { nearest } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";

/** Two options that exclude each other. */
export function conflictingOptions(one: string, other: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/conflicting-options",
    message: `${one} and ${other} cannot be used together`,
    help: "leave one of them out",
  };
}

/** An error of our own code. */
export function internalError(message: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/internal-error",
    message: `internal error: ${message}`,
    help: "please report it, with the output of the same command and -D",
  };
}

/** An option at the end of the line, or before another option, that needs a value. */
export function missingValue(option: string, value: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/missing-value",
    message: `${option} needs a value`,
    help: `write \`${option} ${value}\``,
  };
}

/** Neither the command line nor the project file names a target. */
export function noTarget(): Diagnostic {
  return {
    severity: "error",
    code: "cli/no-target",
    message: "nothing to build: no target was given and the project file names none",
    help: "name a recipe, e.g. `tsbake sysext-image`; `tsbake -s` lists the recipes",
  };
}

/** The machine refused something outside a task. */
export function systemError(message: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/system-error",
    message,
    help: "free space or repair permissions, then start the same command again: what is done stays done",
  };
}

/** An option that does not exist. */
export function unknownOption(option: string, known: readonly string[]): Diagnostic {
  const near = nearest(option, option.startsWith("--") ? known.filter((name) => name.startsWith("--")) : []);
  return {
    severity: "error",
    code: "cli/unknown-option",
    message: `there is no option ${option}`,
    help: near.length > 0 ? `did you mean ${near.join(" or ")}?` : "`tsbake --help` lists the options",
  };
}

/** An option with a value that it does not take. */
export function wrongValue(option: string, value: string, expected: string): Diagnostic {
  return {
    severity: "error",
    code: "cli/wrong-value",
    message: `${option} cannot be \`${value}\``,
    help: `it takes ${expected}`,
  };
}
