/** What the kernel takes of arguments and environment: lists are cut in time, and E2BIG is told as what it is. @see execve(2) */
import { readFileSync } from "node:fs";
import type { Diagnostic } from "../diagnostics/diagnostic.js";
import { hasCode } from "../diagnostics/errno.js";
import { tooLong, type LongStart } from "../problems.js";

/** What the kernel takes for one argument or variable: 32 pages. */
const LONGEST = 32 * 4096;

/**
 * What E2BIG means: the kernel's limit, and what is beyond it. Undefined for any other error.
 *
 * @param who whose process it is, for the message
 */
export function longStart(
  error: unknown,
  { command, args, environment }: Start,
  who?: string,
): Diagnostic | undefined {
  if (!hasCode(error, "E2BIG")) return undefined;
  const words: LongStart["longest"][] = [
    ...Object.entries(environment).map(([name, value]) => ({ name, bytes: bytesOf(`${name}=${value}`) })),
    ...args.map((text) => ({ bytes: bytesOf(text), begins: text.slice(0, 40) })),
  ];
  const longest = words.reduce((one, other) => (other.bytes > one.bytes ? other : one));
  const bytes = words.reduce((sum, one) => sum + one.bytes + 8, 0);
  const isOne = longest.bytes > LONGEST;
  return tooLong({ command, longest, bytes, limit: isOne ? LONGEST : totalLimit(), isOne }, who);
}

interface Start {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** With the NUL at its end. */
function bytesOf(text: string): number {
  return Buffer.byteLength(text) + 1;
}

/** For arguments and environment together: a quarter of the stack, at most 6 MiB (execve(2)). */
function totalLimit(): number {
  const stack = /^Max stack size\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
  return Math.min(stack === undefined ? Infinity : Number(stack) / 4, 6 * 1024 * 1024);
}

/** `items` in groups whose words together stay well below what the kernel takes for one command. */
export function batches<T>(items: readonly T[], wordsOf: (item: T) => readonly string[]): T[][] {
  const groups: T[][] = [];
  let room = 0;
  for (const item of items) {
    const bytes = wordsOf(item).reduce((sum, word) => sum + bytesOf(word) + 8, 0);
    if (bytes > room || groups.length === 0) {
      groups.push([]);
      room = 4 * LONGEST;
    }
    groups.at(-1)!.push(item);
    room -= bytes;
  }
  return groups;
}
