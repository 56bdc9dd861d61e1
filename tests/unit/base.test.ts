import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { byText, lockPath, openHasher, run, writeFileAtomic } from "@tsbake/base";
import { temporaryFolder } from "../support/temporary.js";

describe("order", () => {
  test("is by code unit, whatever the locale", () => {
    expect(["b", "A", "a", "B", "ä"].sort(byText)).toEqual(["A", "B", "a", "b", "ä"]);
  });
});

describe("hash", () => {
  test("has 128 bits and tells texts apart", async () => {
    const hasher = await openHasher();
    expect(hasher.digest("a")).toMatch(/^[0-9a-f]{32}$/);
    expect(hasher.digest("a")).not.toBe(hasher.digest("b"));
    expect(hasher.digest64("")).toBe("ef46db3751d8e999");
  });
});

describe("files", () => {
  test("leave nothing beside them", async () => {
    const folder = temporaryFolder("test");
    await writeFileAtomic(join(folder, "a/b"), "text");
    expect(await readdir(join(folder, "a"))).toEqual(["b"]);
    expect(await readFile(join(folder, "a/b"), "utf8")).toBe("text");
  });
});

describe("lock", () => {
  test("makes the second wait, and tells it for whom", async () => {
    const folder = temporaryFolder("test");
    const first = await lockPath(folder, { holder: "the first" });
    const seen: string[] = [];
    const second = lockPath(folder, {
      holder: "the second",
      onWait: (holder) => {
        seen.push(holder);
        void first.release();
      },
    });
    await (await second).release();
    expect(seen).toEqual(["the first"]);
  });
});

describe("process", () => {
  test("keeps output and exit code", async () => {
    const result = await run("sh", ["-c", "cat; echo bad >&2; exit 3"], { input: "good\n" });
    expect(result).toEqual({ code: 3, signal: null, stdout: "good\n", stderr: "bad\n" });
  });
});
