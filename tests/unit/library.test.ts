/** The programs of docs/library.md are run, in a folder with the files that it shows. */
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { temporaryFolder } from "../support/temporary.js";

const text = readFileSync(join(root, "docs/library.md"), "utf8");
/** A path in code type, then a block; after a program, the block of what it prints. */
const files = [...text.matchAll(/^`([\w./-]+)`\n\n```\w+\n(.*?)^```\n(?:\n```text\n(.*?)^```)?/gms)].map(
  ([, path, content, output]) => ({ path: path!, content: content!, output }),
);
const programs = files.filter(({ path }) => path.endsWith(".mjs"));

describe("docs/library.md", () => {
  const folder = temporaryFolder("library");
  beforeAll(() => {
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const { path, content } of files) {
      mkdirSync(dirname(join(folder, path)), { recursive: true });
      writeFileSync(join(folder, path), content);
    }
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("has a program for each of its subjects, and what it prints", () => {
    expect(programs.map(({ path }) => path)).toEqual([
      "statements.mjs",
      "datastore.mjs",
      "values.mjs",
      "tasks.mjs",
    ]);
    expect(programs.filter(({ output }) => output === undefined)).toEqual([]);
  });

  test.each(programs)("$path prints what stands below it", async ({ path, output }) => {
    const { stdout, stderr } = await run(process.execPath, [path], { cwd: folder });
    expect(stderr).toBe("");
    expect(stdout).toBe(output);
  });

  test.each([...new Set(text.match(/@tsbake\/\w+/g))])("%s is a package", (name) => {
    expect(readFileSync(join(root, "packages", name.split("/")[1]!, "package.json"), "utf8")).toContain(name);
  });
});
