/** What was thrown while a task ran, as diagnostics. */
import { BuildError, codeOf, diskProblem, messageOf, spanInFile } from "@tsbake/base";
import type { Diagnostic, Span } from "@tsbake/base";
import { placeOfBodyLine, PythonError, type Datastore, type PythonFrame } from "@tsbake/datastore";
import type { ProcessEnd } from "./options.js";
import { cannotExpand, systemFailure, type BodyFailure } from "./problems.js";

/**
 * Undefined for an error of our own code: that must reach the user as such.
 *
 * @param folders where a run writes to
 */
export function diagnosticsOf(
  error: unknown,
  label: string,
  folders: readonly string[],
): readonly Diagnostic[] | undefined {
  const disk = diskProblem(error, folders, label);
  if (disk) return [disk];
  if (error instanceof BuildError) return error.diagnostics;
  if (error instanceof PythonError) return [cannotExpand(label, error.message)];
  return codeOf(error) === undefined ? undefined : [systemFailure(label, messageOf(error))];
}

/** A warning that something could not be kept, or that a disk is full, which is worth more. */
export function asWarning(
  error: unknown,
  label: string,
  folders: readonly string[],
  other: (reason: string) => Diagnostic,
): Diagnostic | undefined {
  const disk = diskProblem(error, folders, label);
  if (disk) return { ...disk, severity: "warning" };
  const reason = diagnosticsOf(error, label, folders)
    ?.map(({ message }) => message)
    .join("; ");
  return reason === undefined ? undefined : other(reason);
}

/** A Python exception of the function `name`, with the lines of metadata it came through. */
export function describePython(end: ProcessEnd, d: Datastore, name: string): BodyFailure {
  const { failure, message } = end;
  if (failure === undefined) return { reason: message };
  const places = failure.frames.flatMap((frame) => {
    const at = placeOfFrame(frame, d, name);
    return at ? [{ frame, at }] : [];
  });
  const inner = places.pop();
  // Nothing of metadata may be on the way: what was told before still says where.
  if (inner === undefined) return { reason: message };
  // The place stands below; what Python says of it counts lines in another way.
  const detail = failure.detail.replace(/ \([^()]*, line \d+\)$/, "");
  return {
    reason: failure.type === "bb.BBHandledException" ? detail : `${failure.type}: ${detail}`,
    at: inner.at,
    notes: places.map(({ frame, at }) => ({ message: `called in \`${frame.function}\``, at })),
  };
}

/** What was appended to a function stands elsewhere than Python thinks: it knows where the function begins only. */
function placeOfFrame(
  { file, line, function: inside }: PythonFrame,
  d: Datastore,
  name: string,
): Span | undefined {
  const text = d.getVar(name, { expand: false });
  const before = Number(d.getVarFlag(name, "lineno", { expand: false }));
  const isOwn = file === d.getVarFlag(name, "filename", { expand: false });
  const mayBe = inside === name || inside === "<syntax>";
  const own =
    isOwn && mayBe && typeof text === "string" && Number.isSafeInteger(before)
      ? placeOfBodyLine(d, name, text, line - before)
      : undefined;
  return own ?? spanInFile({ file, line });
}
