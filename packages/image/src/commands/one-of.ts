/** An option that is one word of a list. */
import { BuildError } from "@tsbake/base";
import * as problems from "../problems.js";

/**
 * @param variable what a recipe calls it, for the message
 * @throws BuildError `image/bad-argument`
 */
export function oneOf<Word extends string>(variable: string, word: string, known: readonly Word[]): Word {
  const found = known.find((one) => one === word);
  if (found !== undefined) return found;
  throw new BuildError([problems.badArgument(`${variable} is \`${word}\`, not ${known.join(" or ")}`)]);
}
