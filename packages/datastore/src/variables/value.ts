/** What a variable can hold, and how Python would print it. */

/** What a variable or flag can hold. Metadata Python may store other objects; they pass through untouched. */
export type Value = string | number | boolean | null | object;

/** `str(value)` of Python for the values that have a counterpart there. */
export function pythonText(value: Value): string {
  return typeof value === "string" ? value : pythonRepr(value);
}

/** `value` as text to join with others; nothing and None are empty. */
export function textOrEmpty(value: Value | undefined): string {
  return value === undefined || value === null ? "" : pythonText(value);
}

function pythonRepr(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  if (value === null || value === undefined) return "None";
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(", ")}]`;
  if (value instanceof Set) return value.size === 0 ? "set()" : `{${[...value].map(pythonRepr).join(", ")}}`;
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${pythonRepr(key)}: ${pythonRepr(item)}`).join(", ")}}`;
  }
  // Objects of Python say themselves what `str()` makes of them.
  return (value as { toString(): string }).toString();
}

function quoted(text: string): string {
  const escaped = text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
  if (!escaped.includes("'")) return `'${escaped}'`;
  return escaped.includes('"') ? `'${escaped.replaceAll("'", "\\'")}'` : `"${escaped}"`;
}

/** The texts of a list-like value: an array, any iterable, or words of a string. */
export function textsOf(value: Value | undefined): readonly string[] {
  if (value === undefined || value === null) return [];
  if (typeof value === "string") return value.split(/\s+/).filter((word) => word !== "");
  if (typeof value === "object" && Symbol.iterator in value)
    return Array.from(value as Iterable<unknown>, String);
  return [];
}
