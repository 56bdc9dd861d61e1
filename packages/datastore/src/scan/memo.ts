/** Answers by text, kept within bounds: the same class function comes back with every recipe. */

/** Entries of one generation; two are alive at a time. */
const GENERATION = 8192;

/**
 * `compute` with its answers remembered. When a generation is full the one before it is dropped, so that what is asked
 * for often stays and the whole never holds more than two generations.
 */
export function memoise<Answer>(
  compute: (text: string) => Answer,
  size = GENERATION,
): (text: string) => Answer {
  let young = new Map<string, Answer>();
  let old = new Map<string, Answer>();
  return (text) => {
    let answer = young.get(text);
    if (answer !== undefined) return answer;
    answer = old.get(text) ?? compute(text);
    if (young.size >= size) {
      old = young;
      young = new Map();
    }
    young.set(text, answer);
    return answer;
  };
}
