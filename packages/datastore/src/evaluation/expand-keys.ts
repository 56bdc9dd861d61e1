/** Names with references in them, such as `FILES:${PN}`, become the names that they stand for. */
import { byText, type Diagnostic } from "@tsbake/base";
import { replacedKey } from "../problems.js";
import { pythonText, type Value } from "../variables/value.js";

/** What of a datastore is needed here. */
interface KeyStore {
  keys(): Iterable<string>;
  expand(text: string): string;
  getVar(name: string, options: { expand: false }): Value | undefined;
  renameVar(from: string, to: string): void;
}

/**
 * Renames in the order of the names as written.
 *
 * @returns a warning for each value that another one replaced
 * @see BitBake 2.19 lib/bb/data.py, expandKeys
 */
export function expandKeys(d: KeyStore): Diagnostic[] {
  const renames: [string, string][] = [];
  for (const key of d.keys()) {
    if (!key.includes("${")) continue;
    const expanded = d.expand(key);
    if (expanded !== key) renames.push([key, expanded]);
  }
  renames.sort(([left], [right]) => byText(left, right));
  const warnings: Diagnostic[] = [];
  for (const [key, expanded] of renames) {
    const replaced = d.getVar(expanded, { expand: false });
    const value = replaced === undefined ? undefined : d.getVar(key, { expand: false });
    if (replaced !== undefined && value !== undefined) {
      warnings.push(replacedKey(key, pythonText(value), expanded, pythonText(replaced)));
    }
    d.renameVar(key, expanded);
  }
  return warnings;
}
