/** What can go wrong when sysroots are staged. */
import type { Diagnostic } from "@tsbake/base";

/** Two declared dependencies stage different things under one name. */
export function sysrootClash(path: string, first: string, second: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/sysroot-clash",
    message: `\`${first}\` and \`${second}\` both stage \`/${path}\`, with different content`,
    help: "let one of the two recipes leave it out of SYSROOT_DIRS, or depend on one of them only",
  };
}

/** The folder of a staged dependency is not there. */
export function sysrootMissing(recipe: string, folder: string): Diagnostic {
  return {
    severity: "error",
    code: "packaging/sysroot-missing",
    message: `\`${recipe}\` has staged nothing at \`${folder}\``,
    help: `run its do_populate_sysroot again: tsbake -f -c populate_sysroot ${recipe}`,
  };
}
