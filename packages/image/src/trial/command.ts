/** A command in an image: what it is, and its environment. `@tsbake/image/command` is this file. */

const ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  HOME: "/root",
  USER: "root",
  LOGNAME: "root",
  LANG: "C.UTF-8",
};

/** What a person works with, where nothing else is asked for. */
const SHELL = ["sh", "-c", "if command -v bash >/dev/null; then exec bash -l; else exec sh -l; fi"];

/**
 * Nothing of the caller's environment, but the kind of his terminal.
 *
 * @param command program and arguments; undefined: a shell
 * @param term TERM
 */
export function commandIn(
  command: readonly string[] | undefined,
  term: string | undefined,
): { readonly words: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  return { words: command ?? SHELL, env: { ...ENVIRONMENT, ...(term ? { TERM: term } : {}) } };
}
