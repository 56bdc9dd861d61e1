/** From a place that was kept as file and line back to a span with its text; only on the way to an error message. */
import { readFileSync } from "node:fs";
import { Source, type Span } from "@tsbake/base";
import type { FilePlace } from "@tsbake/recipe";

/** Undefined when the file cannot be read any more or has become shorter. */
export function spanOf(place: FilePlace | undefined): Span | undefined {
  if (!place) return undefined;
  let source: Source;
  try {
    source = new Source(place.file, readFileSync(place.file, "utf8"));
  } catch {
    return undefined;
  }
  let start = 0;
  for (let line = 1; line < place.line; line += 1) {
    const newline = source.text.indexOf("\n", start);
    if (newline === -1) return undefined;
    start = newline + 1;
  }
  const end = source.text.indexOf("\n", start);
  return { source, start, end: end === -1 ? source.text.length : end };
}
