import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readCases, showProject } from "../support/golden-project.js";
import { root } from "../support/paths.js";
import { PythonRig } from "./python-rig.js";

/** Files of cases; what stands after `-->` is what BitBake gave (tests/golden/derive). */
const folder = join(root, "tests/golden/recipe");
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
const all = files.map((name) => ({ name, cases: readCases(readFileSync(join(folder, name), "utf8")) }));

/** `actual`, but where BitBake's history has no place, ours has none either. */
function withoutPlaces(actual: string, expected: string): string {
  const lines = expected.split("\n");
  const strip = (line: string, index: number) =>
    line.startsWith("history ") && !/ @\/\S+:\d+ /.test(lines[index] ?? "")
      ? line.replace(/ @\/\S+:\d+ /, " ")
      : line;
  return actual.split("\n").map(strip).join("\n");
}

describe.each(all)("$name", ({ cases }) => {
  const rig = new PythonRig();
  beforeAll(() => rig.python.open());
  afterAll(() => rig.python.close());

  test.each(cases)("$title", async ({ given, expected }) => {
    const actual = withoutPlaces(await showProject(given, rig), expected);
    // BitBake does not always know where, or why.
    const isVague = /^(--> refused|.*\nskipped)$/.test(expected) && actual.startsWith(`${expected} `);
    expect(isVague ? expected : actual).toBe(expected);
  });
});

test("there are cases", () => {
  expect(all.flatMap(({ cases }) => cases).length).toBeGreaterThan(450);
});
