/** Every problem this room can report, one function each, in the order of their codes. */
import type { Diagnostic, RunResult } from "@tsbake/base";

function error(code: string, message: string, help: string): Diagnostic {
  return { severity: "error", code: `packaging/${code}`, message, help };
}

/** The last lines of what a program said. */
function tail(text: string, lines = 12): string {
  return text.trim().split("\n").slice(-lines).join("\n");
}

/** A database that cannot be read, or not as one. */
export function badDatabase(path: string, reason: string): Diagnostic {
  return error(
    "bad-database",
    `the package database \`${path}\` is damaged: ${reason}`,
    "remove the root or snapshot that holds it and build it again",
  );
}

/** A file name that is not UTF-8. */
export function badName(path: string): Diagnostic {
  return error(
    "bad-name",
    `the file name \`${path}\` is not valid UTF-8`,
    "rename the file in the package that ships it",
  );
}

/** A program of the host failed where none should. */
export function commandFailed(command: string, result: RunResult): Diagnostic {
  const how = result.code === null ? `was ended by ${result.signal}` : `failed with exit code ${result.code}`;
  return error(
    "command-failed",
    `\`${command}\` ${how}`,
    `it said:\n${tail(result.stderr || result.stdout) || "nothing"}`,
  );
}

/** An ordinary user without the library that remembers owners. */
export function noFakeroot(folder: string): Diagnostic {
  return error(
    "no-fakeroot",
    `no fakeroot in \`${folder}\`, and an ordinary user cannot give files to other owners`,
    "add fakeroot-native to the recipe's DEPENDS, install the package fakeroot, or build as root",
  );
}

/** The kernel or a container forbids what a private root needs. */
export function noNamespaces(reason: string): Diagnostic {
  return error(
    "no-namespaces",
    `cannot make private namespaces: ${tail(reason, 3) || "no reason given"}`,
    "build as root, or let users have namespaces: `sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000` and, where AppArmor restricts them, `sysctl kernel.apparmor_restrict_unprivileged_userns=0`; a container needs CAP_SYS_ADMIN",
  );
}
