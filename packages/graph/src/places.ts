/** From a place that was kept as file and line back to a span with its text; only on the way to an error message. */
import { spanInFile, type Span } from "@tsbake/base";
import type { FilePlace } from "@tsbake/recipe";

/** Undefined when the file cannot be read any more or has become shorter. */
export function spanOf(place: FilePlace | undefined): Span | undefined {
  return place && spanInFile(place);
}
