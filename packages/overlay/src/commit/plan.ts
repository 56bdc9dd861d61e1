/** What of a difference can be an extension, and what cannot, with the reason. Pure. */
import type { ChangedFile, Difference } from "../difference/difference.js";

export interface CommitPlan {
  /** Names, of the archive and of recipes; what they need comes with them. */
  readonly fromArchive: readonly string[];
  readonly fromRecipes: readonly string[];
  /** Packages of the base that come in another version. */
  readonly changed: readonly string[];
  readonly files: readonly ChangedFile[];
  /** What stays behind: what, and why. */
  readonly left: readonly { readonly what: string; readonly why: string }[];
}

/** @param isOfRecipe whether a package is one that a recipe of the build makes */
export function planCommit(difference: Difference, isOfRecipe: (name: string) => boolean): CommitPlan {
  const names = difference.added.filter(({ isAutomatic }) => !isAutomatic).map(({ name }) => name);
  const changed = difference.changed.map(({ name }) => name);
  const wanted = [...names, ...changed];
  const left: { what: string; why: string }[] = difference.removed.map(({ name, version }) => ({
    what: `package ${name} ${version}, removed`,
    why: "an extension adds to its base, and takes nothing away",
  }));
  const files: ChangedFile[] = [];
  for (const file of difference.files) {
    const why = whyNot(file);
    if (why === undefined) files.push(file);
    else left.push({ what: `${file.path}, ${file.change}`, why });
  }
  return {
    fromArchive: wanted.filter((name) => !isOfRecipe(name)),
    fromRecipes: wanted.filter(isOfRecipe),
    changed,
    files,
    left,
  };
}

/** Why a file cannot be part of an extension; undefined: it can. */
function whyNot({ path, change, kind, isInBase }: ChangedFile): string | undefined {
  if (change === "removed") return "an extension adds to its base, and takes nothing away";
  if (!["file", "symlink", "directory"].includes(kind)) return "it is neither a file nor a folder nor a link";
  if (!/^\/(?:usr|opt|etc|var)\//.test(path))
    return "an extension has /usr and /opt, and puts files into /etc and /var";
  if (isInBase && !/^\/(?:usr|opt)\//.test(path))
    return "the base has it, and an extension puts files into /etc and /var only where none are";
  return undefined;
}

/** Whether a recipe of this plan would bring nothing. */
export function isEmpty({ fromArchive, fromRecipes, files }: CommitPlan): boolean {
  return fromArchive.length + fromRecipes.length + files.length === 0;
}
