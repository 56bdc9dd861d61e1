import { chmod, mkdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { BuildError } from "@tsbake/base";
import { digestPath } from "@tsbake/graph";
import { temporaryFolder } from "../support/temporary.js";

describe("file digests", () => {
  async function tree(): Promise<string> {
    const root = temporaryFolder("test");
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

  test.each<[string, (root: string) => Promise<void>, boolean]>([
    ["a file's content", (root) => writeFile(join(root, "sub/b"), "c"), true],
    ["a new file", (root) => writeFile(join(root, "sub/c"), ""), true],
    ["a link", (root) => symlink("x", join(root, "sub/c")), true],
    ["an executable bit", (root) => chmod(join(root, "a"), 0o700), true],
    ["version control", (root) => writeFile(join(root, "sub/.git/index"), "y"), false],
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

  test("are remembered by size, time and inode, once a file has settled", async () => {
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

  test("of what cannot be read are an error that says so", async () => {
    for (const path of ["/", "/dev/null"]) {
      const error = await digestPath(path).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(BuildError);
      expect((error as BuildError).diagnostics[0]).toMatchObject({ code: "graph/unreadable-input" });
    }
  });
});
