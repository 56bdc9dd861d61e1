/** What a variable may have, by its flags: anything else is told where it is written, before anything is made of it. */
import { BuildError, words, type Diagnostic } from "@tsbake/base";
import { placeOfWord, type Datastore } from "@tsbake/datastore";
import { badPattern, unknownChoice } from "../problems.js";
import { flagText } from "./flag.js";

/**
 * Looks at each variable that CHECKED_VARIABLES names: all words of one with [choices] have to be among them, one with [choice]
 * has to be one of them; likewise by the regular expressions [patterns] and [pattern], but that nothing is right, too.
 *
 * @throws BuildError `recipe/unknown-choice`, `recipe/bad-pattern`
 */
export function checkChoices(d: Datastore): void {
  const problems: Diagnostic[] = [];
  const recipe = d.getText("PN") ?? "";
  for (const name of words(d.getText("CHECKED_VARIABLES"))) {
    const value = (d.getText(name) ?? "").trim();
    const [one, several] = [words(flagText(d, name, "choice")), words(flagText(d, name, "choices"))];
    const odd = [
      ...(one.length === 0 || one.includes(value) ? [] : [value]),
      ...(several.length === 0 ? [] : words(value).filter((word) => !several.includes(word))),
      ...unlike(d, name, "pattern", value === "" ? [] : [value]),
      ...unlike(d, name, "patterns", words(value)),
    ];
    for (const word of new Set(odd)) {
      const place = word === "" ? undefined : placeOfWord(d, [name], word)?.at;
      // Python made it of another variable, of which the same is told already, at its line.
      if (!place && problems.length > 0 && d.pieces(name).some(({ text }) => text.includes("${@"))) continue;
      const said = { name, recipe, word, known: [...one, ...several], form: flagText(d, name, "form") };
      problems.push(unknownChoice(said, place ?? d.spanOf(name)));
    }
  }
  if (problems.length > 0) throw new BuildError(problems);
}

/** Those that the regular expression in a flag does not match as a whole. @throws BuildError `recipe/bad-pattern` */
function unlike(d: Datastore, name: string, flag: string, values: readonly string[]): string[] {
  const pattern = flagText(d, name, flag);
  if (pattern === "" || values.length === 0) return [];
  try {
    const whole = new RegExp(`^(?:${pattern})$`, "u");
    return values.filter((value) => !whole.test(value));
  } catch (error) {
    throw new BuildError([badPattern(name, flag, pattern, d.spanOf(name))], { cause: error });
  }
}

/** Recipes that a message names; of more the number is told. */
const MOST_NAMES = 3;

/** A line that many recipes read, such as one of local.conf, is told once, with the recipes that read it. */
export function onePerPlace(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  const groups = new Map<unknown, [Diagnostic, ...Diagnostic[]]>();
  for (const diagnostic of diagnostics) {
    const { code, at, facts } = diagnostic;
    const isChoice = code === "recipe/unknown-choice" && at !== undefined;
    const key = isChoice
      ? [at.source.path, at.start, facts!["variable"], facts!["word"]].join("\n")
      : diagnostic;
    const group = groups.get(key);
    if (group) group.push(diagnostic);
    else groups.set(key, [diagnostic]);
  }
  return [...groups.values()].map(([first, ...others]) => {
    if (others.length === 0) return first;
    const names = [...new Set([first, ...others].map(({ facts }) => String(facts!["recipe"])))];
    const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : "";
    const all = names.slice(0, MOST_NAMES).join(", ") + more;
    return { ...first, message: first.message.replace(` of ${names[0]!} `, () => ` of ${all} `) };
  });
}
