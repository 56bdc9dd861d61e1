/** Reads what one program has written and another reads, by its schema. */
import * as v from "valibot";
import { BuildError, type Diagnostic } from "../diagnostics/diagnostic.js";

const MOST_SHOWN = 60;

/**
 * The data that a text is, by its schema.
 *
 * @param text JSON
 * @param refuse what is wrong as an error of the caller's room; the reason names the first field that is not as it should be
 * @throws BuildError with what `refuse` gives
 */
export function readData<Schema extends v.GenericSchema>(
  schema: Schema,
  text: string,
  refuse: (reason: string) => Diagnostic,
): v.InferOutput<Schema> {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new BuildError([refuse("it is no JSON")]);
  }
  const read = v.safeParse(schema, data, { abortEarly: true });
  if (!read.success) throw new BuildError([refuse(reasonOf(read.issues[0]))]);
  return read.output;
}

/** `packages.2.sha256: it is no SHA-256`. */
function reasonOf(issue: v.BaseIssue<unknown>): string {
  const place = v.getDotPath(issue);
  // Whatever stands in the file would stand in the message.
  const found =
    issue.received.length > MOST_SHOWN ? `${issue.received.slice(0, MOST_SHOWN)}…` : issue.received;
  const kinds = found === "undefined" ? "it is missing" : `${found} instead of ${issue.expected}`;
  const reason = issue.kind === "schema" ? kinds : issue.message;
  return place ? `\`${place}\`: ${reason}` : reason;
}
