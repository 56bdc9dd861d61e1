/**
 * What the path of a folder must not have in it. Recipes, makefiles and our own classes write `${WORKDIR}` without quotes, as
 * everybody does; lists of folders have their separators. Such a path is refused at the start, by name, instead of a
 * shell's word about half of it in the middle of a build.
 */
import type { Diagnostic, Span } from "@tsbake/base";
import { unusablePath } from "../problems.js";

/** Which characters, and who takes them as their own. */
const MEANINGS: readonly (readonly [characters: RegExp, reason: string])[] = [
  [/[\p{Zs}\t\n\r\v\f]/u, "it separates words in lists and in commands"],
  [/\p{Cc}/u, "it is a control character"],
  [/["'`\\]/, "shells quote with it"],
  [/\$/, "it begins a variable"],
  [/[&|<>();]/, "it ends a command or redirects it"],
  [/[*?[\]{}]/, "shells make other names of it"],
  [/[#%]/, "makefiles and the compiler's specs take it as their own"],
  [/=/, "the compiler would cut the path there (-ffile-prefix-map=OLD=NEW)"],
  [/:/, "it separates folders in lists such as PATH and FILESPATH"],
];

/** Variables of the configuration that hold the path of a folder which tasks write to or read from. */
const FOLDERS = ["TMPDIR", "DL_DIR", "SSTATE_DIR", "DEPLOY_DIR", "STAMPS_DIR", "CACHE"] as const;

/** @param what whose path it is, such as `the build folder` */
export function folderNameProblem(what: string, path: string, at?: Span): Diagnostic | undefined {
  for (const [characters, reason] of MEANINGS) {
    const found = characters.exec(path)?.[0];
    if (found !== undefined) return unusablePath(what, path, { character: found, reason }, at);
  }
  return undefined;
}

/** The folders that a configuration names. A path below one that is refused already is not told again. */
export function configuredFolderProblems(
  text: (name: string) => string | undefined,
  placeOf: (name: string) => Span | undefined,
): Diagnostic[] {
  const problems: Diagnostic[] = [];
  const refused: string[] = [];
  for (const name of FOLDERS) {
    const path = text(name)?.trim() ?? "";
    if (refused.some((folder) => path.startsWith(`${folder}/`))) continue;
    const problem = folderNameProblem(name, path, placeOf(name));
    if (!problem) continue;
    problems.push(problem);
    refused.push(path);
  }
  return problems;
}
