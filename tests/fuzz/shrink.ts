/** The smallest part of a text that still fails. */

/** A failure is worth so much time; a hang needs seconds a try. */
const MOST_MS = 45_000;

/**
 * Delta debugging, first by lines, then by characters.
 *
 * @param fails whether a text shows the same failure
 */
export async function shrink(text: string, fails: (text: string) => Promise<boolean>): Promise<string> {
  const end = performance.now() + MOST_MS;
  const attempt = async (candidate: string): Promise<boolean> =>
    performance.now() < end && (await fails(candidate));
  const byLines = await reduce(text.split(/(?<=\n)/), attempt);
  return (await reduce(byLines.join("").split(""), attempt)).join("");
}

async function reduce(
  parts: readonly string[],
  fails: (text: string) => Promise<boolean>,
): Promise<readonly string[]> {
  let now = parts;
  for (let size = Math.ceil(now.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = 0; at < now.length;) {
      const rest = [...now.slice(0, at), ...now.slice(at + size)];
      if (rest.length > 0 && (await fails(rest.join("")))) now = rest;
      else at += size;
    }
  }
  return now;
}
