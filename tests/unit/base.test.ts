import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  BuildError,
  byText,
  diskProblem,
  fullDisk,
  isDiskProblem,
  lockPath,
  makeFolderSync,
  openHasher,
  run,
  writeFileAtomic,
} from "@tsbake/base";
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

describe("a folder", () => {
  test("is made with those above it, and found when it is there", () => {
    const folder = join(temporaryFolder("test"), "a/b");
    expect([makeFolderSync(folder), makeFolderSync(folder)]).toEqual([true, false]);
  });

  test("cannot be made where there are none", () => {
    expect(() => makeFolderSync("/proc/none/at/all")).toThrow(/ENOENT/);
  });
});

describe("a disk that takes nothing more", () => {
  const folder = temporaryFolder("disk");
  const problem = (code: string, path?: string) => Object.assign(new Error(code), { code, path });
  const full =
    /^x: there is not enough space in \/.*: of the disk mounted on \/.*, \d+ [KMGT]iB of \d+ [KMGT]iB are free$/;

  test.each([
    ["ENOSPC", problem("ENOSPC"), full],
    ["what it caused", new BuildError([], { cause: problem("ENOSPC") }), full],
    [
      "EDQUOT",
      problem("EDQUOT"),
      /^x: the quota of this user is used up on the disk mounted on \/.*, where .* is$/,
    ],
    [
      "EROFS",
      problem("EROFS", join(folder, "a/b")),
      /^x: nothing can be written into .*\/a: the disk mounted on \/.* is read-only$/,
    ],
  ])("is told of %s", (_what, error, expected) => {
    const told = diskProblem(error, [folder], "x")!;
    expect(told.message).toMatch(expected);
    expect(isDiskProblem(told)).toBe(true);
  });

  test.each([
    ["another error", problem("EACCES")],
    ["the same words about something else", new Error("unshare failed: No space left on device")],
    ["a program that may not write to /usr", new Error("touch: /usr/x: Read-only file system")],
  ])("is not told of %s", (_what, error) => {
    expect(diskProblem(error, [folder])).toBeUndefined();
    expect(fullDisk([folder], "x", error.message)).toBeUndefined();
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

  test("ends with its own process, whatever that has left with its output", async () => {
    const result = await run("sh", ["-c", "sleep 1000 & echo $!"]);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\n$/) as unknown as string });
    process.kill(Number(result.stdout), "SIGKILL");
  });
});
