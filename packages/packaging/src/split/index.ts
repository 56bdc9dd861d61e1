/**
 * What a recipe installed, divided into packages: which file goes where, which libraries are needed, and what
 * other recipes see of it in their sysroots.
 */
export { parseShlibs, shlibKey } from "./shlibs.js";
export { pattern } from "./assign.js";
export { parseSpec, splitRelations, type PackageSpec, type RecipeSpec } from "./spec.js";
export { stageSysroots } from "./sysroot.js";
