/** Variable filters: a Python expression over `val`, computed on every expanded read. */

/** More results than any project has; a bound for processes that live long. */
const LIMIT = 50_000;

/** Filters are pure, so a result holds for as long as the process lives; shared by a datastore and its copies. */
export class FilterMemo {
  readonly #results = new Map<string, string>();

  /** @param evaluate gives the result of a Python expression */
  apply(value: string, expression: string, evaluate: (code: string) => string): string {
    const key = `${expression}\n${value}`;
    let result = this.#results.get(key);
    if (result === undefined) {
      // JSON's escapes are Python's too, so a JSON string is a Python literal.
      result = evaluate(`bb.filter.apply_filters(${JSON.stringify(value)}, [${JSON.stringify(expression)}])`);
      if (this.#results.size >= LIMIT) this.#results.clear();
      this.#results.set(key, result);
    }
    return result;
  }
}
