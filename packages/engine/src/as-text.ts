/** Values of variables as text. */
import type { Value } from "@tsbake/datastore";

/** Empty when there is none. */
export function asText(value: Value | undefined): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
