/** Which bits of a mode the arguments of chmod(1) and chown(1) leave, whatever the mode was before. */
import type { Values } from "./values.js";

/** Whom everything in a package belongs to, unless it says otherwise. */
export function isRoot(owner: string): boolean {
  return /^(?:root|0)?(?:[:.](?:root|0)?)?$/.test(owner);
}

/** The bits that may stay after a chmod; undefined when the mode is not known, 0o7777 when it takes none. */
export function maskOf(modes: Values): number | undefined {
  const masks = modes.map((mode) =>
    /^[0-7]{1,5}$/.test(mode) ? Number.parseInt(mode, 8) : symbolicMask(mode),
  );
  if (masks.length === 0 || masks.includes(undefined)) return undefined;
  return masks.reduce<number>((all, one) => all & (one ?? 0), 0o7777);
}

/** Whether chmod takes the word for a symbolic mode, `-x` too, and not for an option. */
export function isSymbolic(word: string): boolean {
  return (
    /^[ugoa]*[-+=][rwxXstugo]*(?:,[ugoa]*[-+=][rwxXstugo]*)*$/.test(word) && !/^-R$|^-[cfvh]+$/.test(word)
  );
}

const SHIFTS: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function symbolicMask(text: string): number | undefined {
  let mask = 0o7777;
  for (const clause of text.split(",")) {
    const [, who = "", operator, what = ""] = /^([ugoa]*)([-+=])([rwxXstugo]*)$/.exec(clause) ?? [];
    if (operator === undefined) return undefined;
    if (operator === "+") continue;
    const classes = who === "" || who.includes("a") ? "ugo" : who;
    // g=u copies bits that are not known here, so none are taken.
    if (operator === "=" && /[ugo]/.test(what)) continue;
    const bits = (what.includes("r") ? 4 : 0) | (what.includes("w") ? 2 : 0) | (/[xX]/.test(what) ? 1 : 0);
    for (const one of new Set(classes)) {
      const shift = SHIFTS[one] ?? 0;
      const special = one === "u" ? 0o4000 : one === "g" ? 0o2000 : 0;
      if (operator === "-") mask &= ~((bits << shift) | (what.includes("s") ? special : 0));
      else mask &= ~((7 & ~bits) << shift) & (what.includes("s") ? 0o7777 : ~special);
    }
  }
  return mask;
}
