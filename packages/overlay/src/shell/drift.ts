/** What a base that was built anew means for an overlay, as a person reads it. */
import type { BrokenDependency } from "../database/broken.js";
import type { PackageFate } from "../database/merge.js";
import type { Shadow } from "../database/tree.js";

export interface Drift {
  readonly base: string;
  /** Sorted by name. */
  readonly packages: readonly PackageFate[];
  readonly broken: readonly BrokenDependency[];
  readonly shadows: readonly Shadow[];
}

/** What, of whom, and more of it: a row each. */
export function driftRows({ packages, broken, shadows }: Drift): string[][] {
  return [
    ...packages.map(({ key, fate, version, baseVersion }) => {
      const more = baseVersion === undefined ? "" : `the base has ${baseVersion}`;
      return [fate, `${key.replace(/:[^:]*$/, "")} ${version}`, more];
    }),
    ...broken.map(({ name, missing }) => ["broken", name, `needs ${missing}`]),
    ...shadows.map(({ path, owner, isRemoved }) => [
      isRemoved ? "hides a newer file" : "shadows a newer file",
      path,
      owner === undefined ? "" : `of ${owner}`,
    ]),
  ];
}
