/** Files of which each line is an account's, by its first field: both sides add lines. @see passwd(5), group(5), shadow(5), gshadow(5) */

export const ACCOUNT_FILES = ["/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow"];

/** The base's lines of now, with what the overlay did to those of before. */
export function mergeAccounts(old: string, own: string, next: string): string {
  const [before, there, now] = [old, own, next].map(byName);
  const lines: string[] = [];
  for (const [name, line] of now!) {
    const isChanged = there!.get(name) !== before!.get(name);
    const kept = isChanged ? there!.get(name) : line;
    if (kept !== undefined) lines.push(kept);
  }
  for (const [name, line] of there!) if (!now!.has(name) && before!.get(name) !== line) lines.push(line);
  return lines.map((line) => `${line}\n`).join("");
}

function byName(text: string): Map<string, string> {
  const lines = text.split("\n").filter((line) => line !== "");
  return new Map(lines.map((line) => [line.slice(0, Math.max(line.indexOf(":"), 0)) || line, line]));
}
