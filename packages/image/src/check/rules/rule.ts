/** What a rule is: codes that it has, and a pure function from what is checked to findings. */
import type { FileEntry } from "@tsbake/archive";
import type { Context } from "../context.js";
import type { Code, Finding } from "../finding.js";

export interface CheckRule {
  readonly codes: readonly Code[];
  readonly find: (context: Context) => Iterable<Finding>;
}

/** A finding about a path of the extension. @param at the entry, or the path of what is missing */
export function finding(
  code: string,
  severity: Finding["severity"],
  at: Pick<FileEntry, "path" | "package"> | string,
  message: string,
  help: string,
): Finding {
  const { path, package: owner } = typeof at === "string" ? { path: at, package: undefined } : at;
  return { code, severity, path, ...(owner === undefined ? {} : { package: owner }), message, help };
}

/** The entry of a path of the extension, or what stands for it. */
export function entryAt({ extension }: Context, path: string): Pick<FileEntry, "path" | "package"> {
  return extension.tree.index.get(path) ?? { path };
}
