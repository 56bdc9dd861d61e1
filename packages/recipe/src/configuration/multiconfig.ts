/**
 * Names across configurations: `mc:NAME:` in front of a recipe's id, a target or a provided name says which configuration
 * of BBMULTICONFIG is meant; nothing in front, or an empty NAME, is the default configuration.
 */
import type { RecipeId, RecipeInfo } from "../recipe/info.js";

export interface ConfiguredName {
  /** Name of the configuration; empty for the default one. */
  readonly multiconfig: string;
  readonly name: string;
}

/** `mc:NAME:rest`, or `multiconfig:NAME:rest`, taken apart; any other text is a name of the default configuration. */
export function splitMulticonfig(text: string): ConfiguredName {
  const match = /^(?:mc|multiconfig):([^:]*):(.+)$/s.exec(text);
  return match ? { multiconfig: match[1]!, name: match[2]! } : { multiconfig: "", name: text };
}

/** The other way round. */
export function withMulticonfig(multiconfig: string, name: string): string {
  return multiconfig === "" ? name : `mc:${multiconfig}:${name}`;
}

/** The configuration that a recipe was read with; empty for the default one. */
export function multiconfigOf(id: RecipeId): string {
  return splitMulticonfig(id).multiconfig;
}

/** A recipe as people name it: PN, or `mc:NAME:PN`. */
export function recipeLabel(recipe: Pick<RecipeInfo, "id" | "pn">): string {
  return withMulticonfig(multiconfigOf(recipe.id), recipe.pn);
}

/** @param word of BBCLASSEXTEND; empty for the recipe itself */
export function recipeId(multiconfig: string, path: string, word: string): RecipeId {
  return withMulticonfig(multiconfig, word === "" ? path : `virtual:${word}:${path}`) as RecipeId;
}

/** `native` of `virtual:native:/path`, `multilib:lib32` of `virtual:multilib:lib32:/path`; empty for a plain path. */
export function variantWord(id: RecipeId): string {
  return /^virtual:(.*?):(?=\/)/.exec(splitMulticonfig(id).name)?.[1] ?? "";
}
