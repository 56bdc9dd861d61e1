/** JSON that may be broken off, or of somebody else. What must be as it should be is read by `@tsbake/base/data`. */

/**
 * The members of a JSON object, of which nothing is known yet.
 *
 * @returns undefined where there is no text, and for a text that is no object in JSON
 */
export function jsonObject(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (text === undefined) return undefined;
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return typeof data === "object" && data !== null && !Array.isArray(data) ? { ...data } : undefined;
}
