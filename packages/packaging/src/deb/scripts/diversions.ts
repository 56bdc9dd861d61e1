/** What maintainer scripts divert, read from their text. */
import { literal, shellCommands } from "./shell-words.js";
import { UNKNOWN, isKnownPath } from "./values.js";

const OTHER_DIVERT_ACTIONS = new Set(["--remove", "--list", "--listpackage", "--truename"]);

/** What a script diverts (dpkg-divert(1)): a path of other packages, and where theirs goes. Only what is written out. */
export function diversionsOf(script: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const { words } of script.includes("dpkg-divert") ? shellCommands(script) : []) {
    const texts = words.map((word) => literal(word) ?? UNKNOWN);
    const start = texts.findIndex((text) => text.replace(/^.*\//, "") === "dpkg-divert");
    const args = texts.slice(start + 1);
    if (start < 0 || args.some((text) => OTHER_DIVERT_ACTIONS.has(text))) continue;
    let from = "";
    let to: string | undefined;
    for (let at = 0; at < args.length; at++) {
      const text = args[at] ?? "";
      if (text === "--divert") to = args[(at += 1)];
      else if (text.startsWith("--divert=")) to = text.slice("--divert=".length);
      else if (text === "--package" || text === "--admindir" || text === "--instdir") at += 1;
      else if (!text.startsWith("-")) from = text;
    }
    to ??= `${from}.distrib`;
    if (isKnownPath(from) && isKnownPath(to)) found.set(from, to);
  }
  return found;
}
