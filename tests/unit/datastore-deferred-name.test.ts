import { describe, expect, test } from "@jest/globals";
import { Datastore } from "@tsbake/datastore";
import fc from "fast-check";

/** The rule as one pattern, right and slow. @see BitBake 2.19 lib/bb/data_smart.py, __setvar_regexp__ */
const PATTERN = /^(.*?)(:append|:prepend|:remove)(?::([^A-Z]*))?$/s;

/** Into which variable `name` goes, by a fresh datastore. */
function baseOf(name: string): string {
  const d = new Datastore();
  d.setVar(name, "value", { parsing: true });
  return [...d.keys()].join(" ");
}

describe("names with :append, :prepend and :remove", () => {
  const part = fc.constantFrom(":append", ":prepend", ":remove", ":", "A", "b", "appendix", "arm", "_x");
  const names = fc.array(part, { minLength: 1, maxLength: 8 }).map((parts) => `V${parts.join("")}`);

  test("are split as the pattern says", () => {
    fc.assert(
      fc.property(names, (name) => {
        expect(baseOf(name)).toBe(PATTERN.exec(name)?.[1] ?? name);
      }),
      { numRuns: 2000 },
    );
  });

  test("of thousands of keywords are split at once, and what they might be variants of is soon known", () => {
    const name = `V${":append".repeat(6000)}X`;
    expect(baseOf(name)).toBe(name);
    const d = new Datastore();
    d.setVar("OVERRIDES", "arm");
    d.setVar(name, "value", { parsing: true });
    expect(d.expandKeys()).toEqual([]);
  });
});
