/** Where things that the graph complains of are written; only on the way to an error message. */
import { spanInFile, words, type Span } from "@tsbake/base";
import { placeOfWord, type Datastore, type WordPlace } from "@tsbake/datastore";
import { needsPython, type FilePlace, type RecipeId, type RecipeInfo } from "@tsbake/recipe";

/** Undefined when the file cannot be read any more or has become shorter. */
export function spanOf(place: FilePlace | undefined): Span | undefined {
  return place && spanInFile(place);
}

/** Opens the datastore of a recipe; may throw that Python has to be opened first. */
export type OpenRecipe = (recipe: RecipeId) => Datastore;

/** Graphs know recipes as plain data: for a place the recipe is read once more. */
export class Places {
  readonly #open: OpenRecipe | undefined;

  constructor(open: OpenRecipe | undefined) {
    this.#open = open;
  }

  /** Where `word` got into DEPENDS, RDEPENDS and the like, into variables that these refer to, or into an option of PACKAGECONFIG. */
  word(recipe: RecipeInfo, variables: readonly string[], word: string): WordPlace | undefined {
    const place = this.#ask(recipe, (d) => placeOfWord(d, variables, word));
    // What Python has added has the place of what it was added to.
    if (place && place.at.source.text.slice(place.at.start, place.at.end) === word) return place;
    const option = this.#ask(recipe, (d) => optionThatNames(d, word));
    return option === undefined ? place : this.flag(recipe, "PACKAGECONFIG", option, word);
  }

  /** Where a flag of a task was set, at `word` if that stands there. */
  flag(recipe: RecipeInfo, task: string, flag: string, word = ""): WordPlace | undefined {
    return this.#ask(recipe, (d) => {
      const span = d.spanOf(task, flag);
      if (!span) return undefined;
      const variable = `${task}[${flag}]`;
      const { text } = span.source;
      const end = text.indexOf("\n", span.start);
      const start = word === "" ? -1 : text.slice(span.start, end === -1 ? undefined : end).indexOf(word);
      if (start === -1) return { variable, at: span };
      const from = span.start + start;
      return { variable, at: { source: span.source, start: from, end: from + word.length } };
    });
  }

  #ask<T>(recipe: RecipeInfo, question: (d: Datastore) => T | undefined): T | undefined {
    if (!this.#open) return undefined;
    try {
      return question(this.#open(recipe.id));
    } catch (error) {
      // A message without a place is better than none.
      if (needsPython(error)) throw error;
      return undefined;
    }
  }
}

/** The word of PACKAGECONFIG whose line has `word` among DEPENDS, RDEPENDS and RRECOMMENDS, its third part to its fifth. */
function optionThatNames(d: Datastore, word: string): string | undefined {
  for (const [option, value] of d.getVarFlags("PACKAGECONFIG") ?? []) {
    if (typeof value !== "string") continue;
    const named = value.split(",").slice(2, 5).flatMap(words);
    if (named.includes(word)) return option;
  }
  return undefined;
}
