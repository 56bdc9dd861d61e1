/** The real files that mutation starts from. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { byText } from "@tsbake/base";

export interface CorpusFile {
  readonly path: string;
  readonly text: string;
}

const ENDINGS = new Set([".bb", ".bbclass", ".bbappend", ".inc", ".conf"]);
/** A longer file only makes each case slow. */
const LONGEST = 40_000;

/** The metadata files below `folders`, by path, without what was built or installed. */
export function readCorpus(folders: readonly string[]): CorpusFile[] {
  return folders
    .flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: "utf8" }).map((name) => join(folder, name)),
    )
    .filter((path) => ENDINGS.has(extname(path)) && !/\/(?:node_modules|dist|build)\//.test(path))
    .sort(byText)
    .map((path) => ({ path, text: readFileSync(path, "utf8") }))
    .filter(({ text }) => text.length <= LONGEST);
}

/** The classes among them, by name: what a mutated recipe's `inherit` finds. */
export function classesOf(files: readonly CorpusFile[]): Map<string, string> {
  return new Map(
    files.filter(({ path }) => path.endsWith(".bbclass")).map(({ path, text }) => [basename(path), text]),
  );
}
