/** The folders of the tests themselves. */
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { makeRunFolder, removeRunFolder, temporaryFolder } from "../support/temporary.js";

describe("the folder of a test run", () => {
  test("is where everything temporary goes", () => {
    expect(tmpdir()).toMatch(/\/tsbake-tests-\w+$/);
    expect(temporaryFolder("one")).toMatch(/\/tsbake-tests-\w+\/tsbake-one-\w+$/);
  });

  test("goes with all in it, also what nobody may write to", async () => {
    const folder = makeRunFolder();
    mkdirSync(join(folder, "closed"));
    writeFileSync(join(folder, "closed/file"), "");
    chmodSync(join(folder, "closed"), 0o555);
    await removeRunFolder(folder);
    expect(existsSync(folder)).toBe(false);
  });

  test.each(["/tmp", "/", "/tmp/other"])("is not taken for %s", async (path) => {
    await expect(removeRunFolder(path)).rejects.toThrow(`not a folder of a test run: ${path}`);
  });
});
