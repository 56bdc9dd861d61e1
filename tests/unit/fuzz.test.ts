/**
 * What fuzzing has found stays found; and a short run of it, the same each time, so that it works when it is needed.
 * A long one, of other cases: npm run fuzz -- metadata --count 100000
 */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { PythonError, type PythonHost } from "@tsbake/datastore";
import { run } from "../support/command.js";
import { openMetadataCheck, type Kind } from "../fuzz/metadata-check.js";
import { quickPython } from "../fuzz/metadata-python.js";
import { root } from "../support/paths.js";

const folder = join(root, "tests/fixtures/fuzz");
const fatal: PythonHost = {
  ...quickPython,
  evaluate(expression, d) {
    if (expression.startsWith("bb.fatal")) throw new PythonError("bb.BBHandledException", "no");
    return quickPython.evaluate(expression, d);
  },
};

describe("what fuzzing found", () => {
  test.each(readdirSync(folder))("%s", async (name) => {
    const check = await openMetadataCheck(new Map(), fatal);
    check('A = "1"\n', "bb");
    const before = process.cpuUsage();
    const outcome = check(readFileSync(join(folder, name), "utf8"), extname(name).slice(1) as Kind);
    expect(["accepted", "refused"]).toContain(outcome);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(1000);
  });
});

describe("fuzzing", () => {
  let running = new AbortController();
  beforeEach(() => {
    running = new AbortController();
  });
  // A test that takes too long takes its child with it.
  afterEach(() => running.abort());

  test.each([
    ["metadata", "300", ["accepted", "refused"]],
    ["archives", "100", ["accepted", "refused"]],
  ])("%s, %s cases", async (area, count, outcomes) => {
    const args = [
      join(root, "tests/dist/fuzz/main.js"),
      area,
      "--count",
      count,
      "--seed",
      "1",
      "--workers",
      "1",
    ];
    const { code, stdout, stderr } = await run("node", args, { signal: running.signal });
    // What failed, with its seed, is in what it prints.
    expect([code, code === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
    expect(stdout).toContain(`${area}: ${count} cases in`);
    // The generators must make both kinds, or they prove nothing.
    for (const outcome of outcomes) expect(stdout).toMatch(new RegExp(`[1-9]\\d* ${outcome}`));
  });
});
