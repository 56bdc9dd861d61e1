/** The words of `dumpsig`, `diffsigs` and `whatchanged`. */
import type { Diagnostic } from "@tsbake/base";
import type { FoundCommand } from "./commands.js";
import { wrongQuery } from "../problems.js";

export type SignatureQuery =
  /** `dumpsig FILE` */
  | { readonly kind: "dump-file"; readonly path: string }
  /** `dumpsig RECIPE[:do_task]`; without a task: a list of the records that there are. */
  | { readonly kind: "dump-task"; readonly recipe: string }
  /** `diffsigs FILE FILE`, older first */
  | { readonly kind: "diff-files"; readonly before: string; readonly after: string }
  /** `diffsigs -t RECIPE TASK [HASH HASH]` */
  | {
      readonly kind: "diff-task";
      readonly recipe: string;
      readonly task: string;
      readonly hashes: readonly string[];
    }
  /** `whatchanged [TARGET…]` (`last`), `-S printdiff` (`closest`) */
  | { readonly kind: "what-changed"; readonly against: "last" | "closest" };

/**
 * @param recipe of `-t`
 * @returns undefined for other commands
 */
export function readSignatureQuery(
  { action, operands }: Pick<FoundCommand, "action" | "operands">,
  recipe: string | undefined,
): SignatureQuery | Diagnostic | undefined {
  if (action === "whatchanged") return { kind: "what-changed", against: "last" };
  if (action === "dumpsig") {
    return (
      readDump(operands) ??
      wrongQuery(action, "`tsbake dumpsig FILE`, `tsbake dumpsig RECIPE` or `tsbake dumpsig RECIPE:TASK`")
    );
  }
  if (action !== "diffsigs") return undefined;
  return (
    readDiff(operands, recipe) ??
    wrongQuery(action, "`tsbake diffsigs FILE FILE` or `tsbake diffsigs -t RECIPE TASK [HASH HASH]`")
  );
}

function readDump([word, ...more]: readonly string[]): SignatureQuery | undefined {
  if (word === undefined || more.length > 0) return undefined;
  if (word.includes("/") || /\.sig(data|info|basedata)/.test(word)) return { kind: "dump-file", path: word };
  return { kind: "dump-task", recipe: word };
}

function readDiff(words: readonly string[], recipe: string | undefined): SignatureQuery | undefined {
  const [first, second, third] = words;
  if (recipe === undefined) {
    if (first === undefined || second === undefined || third !== undefined) return undefined;
    return { kind: "diff-files", before: first, after: second };
  }
  if (first === undefined || (words.length !== 1 && words.length !== 3)) return undefined;
  return { kind: "diff-task", recipe, task: first, hashes: words.slice(1) };
}
