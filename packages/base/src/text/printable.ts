/** Text of strangers as a terminal may have it. */
import { redact } from "./redact.js";

// Built from their numbers, so that none stands in this source.
const [escape, bell] = [String.fromCharCode(27), String.fromCharCode(7)];
/** Colours and movements of the cursor; titles of the window and links, which end with a bell or an escape. */
const escapeSequence = new RegExp(
  `${escape}\\[[0-9;?]*[A-Za-z]|${escape}\\][^${bell}${escape}\\n]*(?:${bell}|${escape}\\\\)`,
  "g",
);

/** Control characters of foreign text taken out: a log must not move the cursor. Tabs and line ends stay. */
export function withoutControls(text: string): string {
  return Array.from(text.replaceAll(escapeSequence, ""))
    .filter(
      (letter) =>
        letter === "\t" || letter === "\n" || (letter >= " " && !(letter >= "\u007F" && letter <= "\u009F")),
    )
    .join("");
}

/** Any text as a terminal, or a log that others read, may have it: no control characters, no password of a URL. */
export function printable(text: string): string {
  return redact(withoutControls(text));
}

/** The last lines of what a program said, for a message. */
export function lastLines(text: string, lines: number): string {
  return text.trim().split("\n").slice(-lines).join("\n");
}
