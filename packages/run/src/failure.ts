/** What was thrown while a task ran, as diagnostics. */
import { BuildError, codeOf, messageOf } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import { PythonError } from "@tsbake/datastore";
import { cannotExpand, systemFailure } from "./problems.js";

/** Undefined for an error of our own code: that must reach the user as such. */
export function diagnosticsOf(error: unknown, label: string): readonly Diagnostic[] | undefined {
  if (error instanceof BuildError) return error.diagnostics;
  if (error instanceof PythonError) return [cannotExpand(label, error.message)];
  return codeOf(error) === undefined ? undefined : [systemFailure(label, messageOf(error))];
}
