/** Datastores of single recipes, parsed again when somebody asks, the last few kept. */
import type { Datastore } from "@tsbake/datastore";
import { recipeKey } from "../cache/cache.js";
import type { RecipeFile } from "../files/collect.js";
import type { RecipeId, RecipeInfo } from "./info.js";
import { multiconfigOf } from "../configuration/multiconfig.js";
import type { PythonSession } from "../configuration/python-session.js";
import { openVariant, type OpenedRecipe, type RecipeContext } from "./recipe.js";

/** A datastore of a real recipe takes about a megabyte. */
const KEPT = 32;

export class OpenRecipes {
  readonly #recipes: ReadonlyMap<RecipeId, RecipeInfo>;
  /** By `recipeKey`. */
  readonly #files: ReadonlyMap<string, RecipeFile>;
  readonly #python: PythonSession;
  readonly #context: (multiconfig: string) => RecipeContext;
  /** Least recently used first. */
  readonly #opened = new Map<RecipeId, OpenedRecipe>();

  constructor(
    recipes: ReadonlyMap<RecipeId, RecipeInfo>,
    files: ReadonlyMap<string, RecipeFile>,
    python: PythonSession,
    context: (multiconfig: string) => RecipeContext,
  ) {
    this.#recipes = recipes;
    this.#files = files;
    this.#python = python;
    this.#context = context;
  }

  /**
   * A copy whose inline Python sees the functions of this recipe, whichever was opened since.
   *
   * @throws BuildError of parsing; an error with code `python/needed`
   */
  open(id: RecipeId): Datastore {
    const recipe = this.#opened.get(id) ?? this.#parse(id);
    this.#opened.delete(id);
    this.#opened.set(id, recipe);
    if (this.#opened.size > KEPT) this.#opened.delete(this.#opened.keys().next().value!);
    this.#python.restore(id, recipe.definitions);
    return recipe.d.createCopy({
      python: () => {
        this.#python.restore(id, recipe.definitions);
        return this.#python;
      },
    });
  }

  #parse(id: RecipeId): OpenedRecipe {
    const info = this.#recipes.get(id);
    const multiconfig = multiconfigOf(id);
    const file = info && this.#files.get(recipeKey({ multiconfig, path: info.file }));
    if (!file) throw new Error(`internal: no recipe ${id}`);
    const opened = openVariant(file, id, this.#context(multiconfig));
    if (!opened) throw new Error(`internal: ${id} was parsed and is not there now`);
    this.#python.claim(id);
    return opened;
  }
}
