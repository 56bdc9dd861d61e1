/**
 * Shells in writable overlays over the trees of images: their life, their package database after the base has moved, what was
 * changed in them, and how that becomes a recipe. Nothing here writes to a base.
 */
export { listOverlays, removeOverlay, resetOverlay, type KeptOverlay } from "./store/kept.js";
export { mergeAccounts } from "./database/accounts.js";
export { parseGroup, writeGroup } from "./database/alternatives.js";
export { brokenDependencies } from "./database/broken.js";
export { mergeDatabases, type PackageFate } from "./database/merge.js";
export { type DatabasePackage, type DatabaseState, packageKey } from "./database/state.js";
export { databaseFiles, readState } from "./database/stored/read.js";
export { packageOf } from "./database/stored/storage.js";
export { treeChanges, type TreeChanges, type UpperEntry } from "./database/tree.js";
export { commitOverlay, diffOverlay, type Committed, type CommitRequest } from "./commit/commit.js";
export { type CommitPlan, planCommit } from "./commit/plan.js";
export { recipeTexts } from "./commit/recipe.js";
export { type ChangedFile, type Difference, differenceOf } from "./difference/difference.js";
export { dpkgRuns, isDuring } from "./difference/dpkg-runs.js";
