/** An extension on another base than the one that it was built on: what of it works only there. */
import { isDerived } from "../../rules/derived.js";
import { kindOfRelease } from "../../layer/extension-kind.js";
import { extensionReleasePath } from "../../layer/extension-release.js";
import type { OsRelease } from "../../snapshot/os-release.js";
import { checkExtension } from "../check.js";
import type { Extension } from "../context.js";
import type { Finding } from "../finding.js";
import type { NamedBase } from "./base-source.js";
import { refusals } from "./stamp.js";

/**
 * A file that differs from the base's is an error here: who built the extension has not seen it. So is a cache that was made over
 * the other base.
 *
 * @param stamp fields of its extension-release
 * @param known what was found on the base that it was built on
 */
export function onFurtherBase(
  extension: Extension,
  base: NamedBase,
  stamp: OsRelease,
  known: readonly Finding[],
): Finding[] {
  const mayHide = (path: string): boolean => !isDerived(path) && extension.mayHide?.(path) === true;
  const told = new Set(known.map(keyOf));
  const found = checkExtension({ ...extension, mayHide }, base).map((one) =>
    one.code === "hides-file" ? { ...one, severity: "error" as const } : one,
  );
  const refused = refusals(stamp, base.osRelease, base.inspected?.elf ?? []).map((reason) => ({
    code: "not-taken",
    severity: "error" as const,
    path: extensionReleasePath(extension.name, kindOfRelease(stamp.keys())),
    message: `${base.name} does not take it: ${reason}`,
    help: 'an extension for several bases is tied to their ID and VERSION_ID, which have to be the same (SYSEXT_LEVEL_POLICY = "version"); build another one for a base that differs, or take it out of SYSEXT_ALSO_FOR',
  }));
  return [...refused, ...found.filter((one) => !told.has(keyOf(one)))];
}

/** The message has the base's name. */
function keyOf({ severity, code, path }: Finding): string {
  return `${severity} ${code} ${path}`;
}
