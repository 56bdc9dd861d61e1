/** Variable filters: a Python expression over `val`, computed on every expanded read. */

/** What a filter may call besides Python's own pure functions. */
const HELPERS = [
  ["prefix", "lambda val, word: ' '.join(word + v for v in val.split())"],
  ["suffix", "lambda val, word: ' '.join(v + word for v in val.split())"],
  ["sort", "lambda val: ' '.join(sorted(val.split()))"],
  [
    "remove",
    "lambda val, words, sep=None: (sep or ' ').join(" +
      "v for v in val.split(sep) if v not in (words.split(sep) if isinstance(words, str) else words))",
  ],
] as const;

/** @throws PythonError; an Error when there is no Python */
export function filterValue(
  value: string,
  expression: string,
  evaluate: ((expression: string) => string) | undefined,
): string {
  if (expression.trim() === "") return value;
  if (evaluate === undefined) throw new Error("internal: a filter needs Python, and this datastore has none");
  const names = HELPERS.map(([name]) => name).join(", ");
  const values = HELPERS.map(([, text]) => `(${text})`).join(", ");
  // JSON's escapes are Python's too, so a JSON string is a Python literal.
  return evaluate(`(lambda val, ${names}: (${expression.trim()}))(${JSON.stringify(value)}, ${values})`);
}
