/** Every problem this room can report, one function each, in the order of their codes. */
import { nearest, type Diagnostic } from "@tsbake/base";

function error(code: string, message: string, help: string): Diagnostic {
  return { severity: "error", code, message, help };
}

/** A name that no overlay can have. */
export function badName(name: string): Diagnostic {
  return error(
    "overlay/bad-name",
    `\`${name}\` cannot name a shell`,
    "a name has letters, digits, `.`, `_` and `-`, at most 64, and begins with a letter or a digit",
  );
}

/** A name that no recipe and no package can have. */
export function badRecipeName(name: string): Diagnostic {
  return error(
    "overlay/bad-recipe-name",
    `\`${name}\` cannot name a recipe of an extension`,
    "a name has small letters, digits, `+`, `.` and `-`, and begins with a letter or a digit: packages are called by it, too",
  );
}

/** A file beside an overlay that we did not write. */
export function badRecord(path: string, reason: string): Diagnostic {
  return error(
    "overlay/bad-record",
    `${path} is no record of a shell: ${reason}`,
    "the file was changed or cut; `tsbake shell rm NAME` removes the shell with all that is in it",
  );
}

/** The base is made of packages of another format than before. */
export function foreignFormat(name: string, base: string, was: string, now: string): Diagnostic {
  return error(
    "overlay/foreign-format",
    `${base} is made of ${now} packages, and the shell \`${name}\` has ${was} packages in it`,
    `a package database of one format cannot become one of another: \`tsbake shell rm ${name}\`, or open another one with --name`,
  );
}

/** Somebody else has it open. */
export function inUse(name: string, holder: string): Diagnostic {
  return error(
    "overlay/in-use",
    `the shell \`${name}\` is open: ${holder}`,
    "end that one first, or open another one with --name",
  );
}

/** A folder where a layer is wanted. */
export function noLayer(folder: string): Diagnostic {
  return error(
    "overlay/no-layer",
    `${folder} is no layer: it has no conf/layer.conf`,
    "name the folder of one of the project's layers with --layer",
  );
}

/** No overlay has this name. */
export function noOverlay(name: string, names: readonly string[]): Diagnostic {
  const near = nearest(name, names);
  const there = names.length === 0 ? "there is none yet" : `there are ${names.join(", ")}`;
  return error(
    "overlay/no-overlay",
    `there is no shell \`${name}\`${near.length > 0 ? `; is ${near.join(" or ")} meant?` : ""}`,
    `${there}; \`tsbake shell --on IMAGE --name ${name}\` begins one`,
  );
}

/** Nothing of an overlay can be in an extension. @param left how much there is that cannot */
export function nothingToCommit(name: string, left: number): Diagnostic {
  return error(
    "overlay/nothing-to-commit",
    left === 0
      ? `nothing was changed in the shell \`${name}\``
      : `nothing that was changed in the shell \`${name}\` can be in an extension`,
    `\`tsbake shell diff ${name}\` shows what is looked at`,
  );
}

/** The overlay could not be brought onto its base. */
export function notUpdated(base: string, code: number): Diagnostic {
  return error(
    "overlay/not-updated",
    `the shell could not be brought onto ${base} as it is now: what does it ended with ${code}`,
    "what stopped it stands above; the next opening goes on from there, and `tsbake shell reset NAME` begins again",
  );
}

/** The overlay of this name is on another base. */
export function otherBase(name: string, there: string, asked: string): Diagnostic {
  return error(
    "overlay/other-base",
    `the shell \`${name}\` is on ${there}, not on ${asked}`,
    `open it with \`--on ${there}\`, name another one with --name, or take it away with \`tsbake shell rm ${name}\``,
  );
}

/** A recipe of this name is there. */
export function recipeThere(path: string): Diagnostic {
  return error(
    "overlay/recipe-there",
    `${path} is there already, and is not written over`,
    "give another name with --as, or take the file away",
  );
}
