import { createHash } from "node:crypto";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { chmod, mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BuildError, byText, sha256 } from "@tsbake/base";
import { digestPath, listChecksums } from "@tsbake/graph";
import { editQuietly, QUIET_EDITS } from "../support/quiet-edits.js";
import { temporaryFolder } from "../support/temporary.js";

describe("file digests", () => {
  async function tree(): Promise<string> {
    const root = temporaryFolder("test");
    await chmod(root, 0o755);
    await mkdir(join(root, "sub/.git"), { recursive: true });
    await writeFile(join(root, "a"), "a");
    await writeFile(join(root, "sub/b"), "b");
    await writeFile(join(root, "sub/.git/index"), "x");
    await symlink("sub", join(root, "folder-link"));
    await symlink("a", join(root, "file-link"));
    await symlink("nothing", join(root, "dead-link"));
    return root;
  }

  test("of nothing there are none", async () => {
    const root = await tree();
    expect(await digestPath(join(root, "none"))).toBeUndefined();
    expect(await digestPath(join(root, "a/none"))).toBeUndefined();
    expect(await digestPath(join(root, "none*"))).toBeUndefined();
  });

  test("are of the content, and whether it can be executed", async () => {
    const root = await tree();
    const path = join(root, "a");
    expect(await digestPath(path)).toBe("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb");
    await chmod(path, 0o755);
    expect(await digestPath(path)).toMatch(/\+x$/);
  });

  test("of folders are those of all below, wherever the folder lies", async () => {
    const [one, two] = [await tree(), await tree()];
    const digest = await digestPath(one);
    expect(await digestPath(two)).toBe(digest);
    expect(await digestPath(`${two}/`)).toBe(digest);
  });

  // Another digest of the same files would build everything anew.
  test("of folders list files, what is empty but for version control, and modes that are not the usual one", async () => {
    const root = temporaryFolder("test");
    await chmod(root, 0o755);
    for (const file of ["deep/only/file", "controlled/.git/config", "worktree/.git", "private/file"]) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), file);
    }
    await mkdir(join(root, "empty"));
    await chmod(join(root, "private"), 0o700);
    const lines = [
      `${sha256("deep/only/file")} ./deep/only/file`,
      `${sha256("private/file")} ./private/file`,
      `${sha256("worktree/.git")} ./worktree/.git`,
      "folder 700 ./private",
      "folder 755 ./controlled",
      "folder 755 ./empty",
    ];
    expect(await digestPath(root)).toBe(sha256(lines.sort(byText).join("\n")));
  });

  test.each<[string, (root: string) => Promise<void>, boolean]>([
    ["a file's content", (root) => writeFile(join(root, "sub/b"), "c"), true],
    ["a new file", (root) => writeFile(join(root, "sub/c"), ""), true],
    ["a link", (root) => symlink("x", join(root, "sub/c")), true],
    ["an executable bit", (root) => chmod(join(root, "a"), 0o700), true],
    ["version control", (root) => writeFile(join(root, "sub/.git/index"), "y"), false],
    ["an empty folder", (root) => mkdir(join(root, "sub/empty")).then(() => {}), true],
    ["a file's mode", (root) => chmod(join(root, "sub/b"), 0o600), true],
    ["a set-id bit", (root) => chmod(join(root, "sub/b"), 0o4644), true],
    ["a folder's mode", (root) => chmod(join(root, "sub"), 0o700), true],
    ["its own mode", (root) => chmod(root, 0o1755), true],
    ["who else may write a file", (root) => chmod(join(root, "sub/b"), 0o664), false],
    ["who else may write in a folder", (root) => chmod(join(root, "sub"), 0o775), false],
    ["a folder of version control", (root) => mkdir(join(root, "sub/.svn")).then(() => {}), false],
    ["a time", (root) => utimes(join(root, "a"), 1, 1), false],
  ])("of a folder and %s", async (_, change, isDifferent) => {
    const root = await tree();
    const before = await digestPath(root);
    await change(root);
    expect((await digestPath(root)) !== before).toBe(isDifferent);
  });

  test("of a pattern are those of all that match", async () => {
    const root = await tree();
    await writeFile(join(root, "sub/b2"), "b");
    await writeFile(join(root, "sub/.b"), "hidden");
    const digest = await digestPath(join(root, "s*/b*"));
    expect(digest).toMatch(/^[0-9a-f]{64}$/);
    expect(await digestPath(join(root, "s?b/[a-c]*"))).toBe(digest);
    expect(await digestPath(join(root, "sub/[!x]*"))).toBe(digest);
    await writeFile(join(root, "sub/b3"), "b");
    expect(await digestPath(join(root, "s*/b*"))).not.toBe(digest);
    await writeFile(join(root, "odd[1]"), "a");
    expect(await digestPath(join(root, "odd[1]"))).toBe(await digestPath(join(root, "a")));
  });

  test("are remembered by what `stat` says, once a file has settled", async () => {
    const root = await tree();
    const path = join(root, "a");
    const cache = new Map<string, string>();
    await digestPath(path, { cache });
    expect(cache.size).toBe(0);
    const later = () => Date.now() + 10_000;
    const digest = await digestPath(path, { cache, now: later });
    expect(cache.size).toBe(1);
    cache.set(path, cache.get(path)!.replace(digest!, "remembered"));
    expect(await digestPath(path, { cache, now: later })).toBe("remembered");
    await writeFile(path, "longer");
    expect(await digestPath(path, { cache, now: later })).not.toBe("remembered");
  });

  test("see every change, whatever of size, time and inode it keeps", async () => {
    const edit = fc.record({
      how: fc.constantFrom(...QUIET_EDITS),
      text: fc.constantFrom("one\n", "two\n", "six\n", "three\n"),
      keepsTime: fc.boolean(),
      settles: fc.boolean(),
    });
    const digestOf = (name: string, path: string) =>
      createHash(name).update(readFileSync(path)).digest("hex");
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 8 }), async (edits) => {
        const root = temporaryFolder("quiet");
        const path = join(root, "a");
        await writeFile(path, "one\n");
        await utimes(path, 1000, 1000);
        const cache = new Map<string, string>();
        for (const { how, text, keepsTime, settles } of edits) {
          editQuietly(path, how, text, keepsTime);
          if (settles) await setTimeout(120);
          expect(await digestPath(path, { cache })).toBe(digestOf("sha256", path));
          expect(await listChecksums(path, { cache })).toEqual([
            { name: "a", digest: digestOf("md5", path) },
          ]);
        }
        rmSync(root, { recursive: true });
      }),
      { numRuns: 15 },
    );
  });

  test("of a copied folder are compared by content once, and then remembered", async () => {
    const root = await tree();
    const cache = new Map<string, string>();
    const later = () => Date.now() + 10_000;
    const before = await digestPath(root, { cache, now: later });
    const known = cache.get(join(root, "a"));
    cpSync(root, `${root}.copy`, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    rmSync(root, { recursive: true });
    cpSync(`${root}.copy`, root, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
    expect(await digestPath(root, { cache, now: later })).toBe(before);
    expect(cache.get(join(root, "a"))).not.toBe(known);
  });

  test("of what cannot be read are an error that says so", async () => {
    for (const path of ["/", "/dev/null"]) {
      const error = await digestPath(path).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(BuildError);
      expect((error as BuildError).diagnostics[0]).toMatchObject({ code: "graph/unreadable-input" });
    }
  });
});
