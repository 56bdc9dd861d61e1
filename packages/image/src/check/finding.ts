/** What checking an extension brings to light, for people, for a build, and as a file beside the image. */
import { list, readData } from "@tsbake/base/data";
import type { Diagnostic } from "@tsbake/base";
import * as v from "valibot";

export const Finding = v.object({
  /** One of the table of rules. */
  code: v.string(),
  /** `error`: it will not work on the device; `warning`: it may not, or not all of it. */
  severity: v.picklist(["error", "warning"]),
  /** Of the extension; where it is about something that is missing, the path of that. */
  path: v.string(),
  /** Whose the path is; absent where no package brings it. */
  package: v.exactOptional(v.string()),
  /** What is wrong, without the path. */
  message: v.string(),
  help: v.string(),
  /** Of `must-be-rebuilt`: packages of the base, or paths that no package has, and why each. */
  rebuild: v.exactOptional(list(v.object({ package: v.string(), because: list(v.string()) }))),
});
export type Finding = Readonly<v.InferOutput<typeof Finding>>;

/** `NAME.check.json`. */
export const CheckReport = v.object({
  format: v.literal(1),
  /** The extension's name. */
  extension: v.string(),
  base: v.string(),
  /** Sorted: errors first, then by code and path. */
  findings: list(Finding),
  /** Findings that SYSEXT_CHECK_ALLOW silenced. */
  allowed: list(Finding),
});
export type CheckReport = Readonly<v.InferOutput<typeof CheckReport>>;

/** JSON, indented, ending in a newline. */
export function formatCheckReport(report: CheckReport): string {
  return `${JSON.stringify(report, undefined, 1)}\n`;
}

/** @throws BuildError with what `refuse` gives */
export function parseCheckReport(text: string, refuse: (reason: string) => Diagnostic): CheckReport {
  return readData(CheckReport, text, refuse);
}

/** A code in the table of rules. */
export interface Code {
  readonly code: string;
  /** `either`: it depends, and the meaning says on what. */
  readonly severity: "error" | "warning" | "either";
  /** One sentence for the manual. */
  readonly meaning: string;
}
