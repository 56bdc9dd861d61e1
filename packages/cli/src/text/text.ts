/** Times, names and colours as people read them. Pure. */
import { withoutControls } from "@tsbake/base";

/** `0.3 s`, `12 s`, `1 min 05 s`, `1 h 02 min`. */
export function duration(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** `base-image:do_rootfs` as `base-image do_rootfs`. */
export function taskWords(label: string): string {
  return label.replace(/:(?=[^:]+$)/, " ");
}

/** `1 task`, `2 tasks`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listing(words: readonly string[]): string {
  if (words.length <= 1) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words.at(-1)!}`;
}

export type Colour = "red" | "yellow" | "green" | "cyan" | "bold" | "dim";
/** Dresses a text, or leaves it as it is where there is no colour. */
export type Paint = (colour: Colour, text: string) => string;

const codes: Readonly<Record<Colour, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

export const plainPaint: Paint = (_colour, text) => text;
/** Colours are marks until {@link printableText} has taken everything else out that a terminal would obey. */
export const ansiPaint: Paint = (colour, text) => `${mark(codes[colour])}${text}${mark(0)}`;

/** Private use: no text of a person has them. */
const FIRST_MARK = 0xf0000;
const MARKS = /[\u{F0000}-\u{F00FF}]/gu;

function mark(code: number): string {
  return String.fromCodePoint(FIRST_MARK + code);
}

/**
 * What a terminal may be given: colours that we chose, and nothing else that moves it. Names of variables in a stranger's
 * record, targets as typed, what servers say: all of it passes here.
 */
export function printableText(text: string): string {
  return withoutControls(text).replace(MARKS, (one) => `\u001B[${one.codePointAt(0)! - FIRST_MARK}m`);
}

const barLength = 10;

/** `[####      ]`; @param percent 0 to 100 */
export function bar(percent: number): string {
  const full = Math.floor((percent * barLength) / 100);
  return `[${"#".repeat(full)}${" ".repeat(barLength - full)}]`;
}

/** At most `columns` characters, with `…` where something is missing. */
export function fit(text: string, columns: number): string {
  return text.length <= columns ? text : `${text.slice(0, Math.max(0, columns - 1))}…`;
}
