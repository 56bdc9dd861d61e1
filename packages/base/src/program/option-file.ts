/**
 * `--options FILE`: further arguments of a program, one a line. A list on a command line ends at 128 KiB, which is what the
 * kernel takes for one argument; a file, and standard input (`-`), have no such end.
 */
import { readFileSync } from "node:fs";

const OPTION = "--options";

/** For the help of each program. */
export const OPTION_FILE_HELP =
  "--options FILE is replaced by the arguments in FILE (`-`: standard input), one a line; a line without `--` at its start continues the one before";

/**
 * `argv` with every `--options FILE` before `--` replaced by what stands in FILE. Blanks around a line are no part of it.
 *
 * @throws system errors of reading a file
 */
export function withOptionFiles(
  argv: readonly string[],
  read: (path: string) => string = readText,
): string[] {
  const end = argv.indexOf("--");
  const stop = end < 0 ? argv.length : end;
  const all: string[] = [];
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at]!;
    const path = at < stop ? pathOf(word, argv[at + 1]) : undefined;
    if (path === undefined) all.push(word);
    else {
      all.push(...argumentsOf(read(path)));
      if (word === OPTION) at += 1;
    }
  }
  return all;
}

function pathOf(word: string, next: string | undefined): string | undefined {
  if (word === OPTION) return next;
  return word.startsWith(`${OPTION}=`) ? word.slice(OPTION.length + 1) : undefined;
}

function argumentsOf(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split("\n").map((one) => one.trim())) {
    if (line.startsWith("--")) found.push(line);
    else if (line !== "") found.push(found.length === 0 ? line : `${found.pop()!}\n${line}`);
  }
  return found;
}

function readText(path: string): string {
  return readFileSync(path === "-" ? 0 : path, "utf8");
}
