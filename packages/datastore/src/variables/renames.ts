/** Variables that BitBake itself renamed or removed; BB_RENAMED_VARIABLES adds to them. */
import { BuildError, type Span } from "@tsbake/base";
import { isOldName } from "@tsbake/language";
import { oldOverrideName, renamedVariable } from "../problems.js";

/** Old name to new name, or to a sentence that follows the old name. */
export const BUILTIN_RENAMES: ReadonlyMap<string, string> = new Map([
  ["BB_ENV_WHITELIST", "BB_ENV_PASSTHROUGH"],
  ["BB_ENV_EXTRAWHITE", "BB_ENV_PASSTHROUGH_ADDITIONS"],
  ["BB_HASHBASE_WHITELIST", "BB_BASEHASH_IGNORE_VARS"],
  ["BB_HASHCONFIG_WHITELIST", "BB_HASHCONFIG_IGNORE_VARS"],
  ["BB_HASHTASK_WHITELIST", "BB_TASKHASH_IGNORE_TASKS"],
  ["BB_SETSCENE_ENFORCE_WHITELIST", "BB_SETSCENE_ENFORCE_IGNORE_TASKS"],
  ["MULTI_PROVIDER_WHITELIST", "BB_MULTI_PROVIDER_ALLOWED"],
  ["BB_STAMP_WHITELIST", "has no effect any more"],
  ["BB_STAMP_POLICY", "has no effect any more"],
]);

/** @throws BuildError for a name that nobody may write: renamed, or in the override syntax of before Yocto 3.4 */
export function refuseName(name: string, renames: ReadonlyMap<string, string>, at: Span | undefined): void {
  if (isOldName(name) && !name.startsWith("__anon_")) throw new BuildError([oldOverrideName(at, name)]);
  const colon = name.indexOf(":");
  const base = colon === -1 ? name : name.slice(0, colon);
  const rename = renames.get(base);
  if (rename !== undefined) throw new BuildError([renamedVariable(at, base, rename)]);
}
