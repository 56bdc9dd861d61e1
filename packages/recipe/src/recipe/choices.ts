/** What words a variable may have, by its flags: another one is told where it is written, before anything is made of it. */
import { BuildError, words, type Diagnostic } from "@tsbake/base";
import { placeOfWord, type Datastore } from "@tsbake/datastore";
import { unknownChoice } from "../problems.js";
import { flagText } from "./flag.js";

/**
 * Looks at each variable that CHECKED_VARIABLES names: all words of one with [choices] have to be among them, and one with [choice]
 * has to be one of them.
 *
 * @throws BuildError `recipe/unknown-choice`
 */
export function checkChoices(d: Datastore): void {
  const problems: Diagnostic[] = [];
  for (const name of words(d.getText("CHECKED_VARIABLES"))) {
    const value = (d.getText(name) ?? "").trim();
    const [one, several] = [words(flagText(d, name, "choice")), words(flagText(d, name, "choices"))];
    const odd = [
      ...(one.length === 0 || one.includes(value) ? [] : [value]),
      ...(several.length === 0 ? [] : new Set(words(value).filter((word) => !several.includes(word)))),
    ];
    for (const word of odd) {
      const place = word === "" ? undefined : placeOfWord(d, [name], word)?.at;
      const recipe = d.getText("PN") ?? "";
      problems.push(
        unknownChoice({ name, recipe, word, known: [...one, ...several] }, place ?? d.spanOf(name)),
      );
    }
  }
  if (problems.length > 0) throw new BuildError(problems);
}
