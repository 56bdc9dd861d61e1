/** What every Store must do, whatever it is made of. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import { objectPath, type ObjectName, type Store } from "@tsbake/sstate";
import { sha256 } from "@tsbake/base";

export interface StoreRig extends AsyncDisposable {
  readonly store: Store;
  /** Where the objects lie that the store is to find. */
  readonly folder: string;
  readonly warnings: string[];
}

export const nameOf = (unihash: string, task = "do_install"): ObjectName => ({
  spec: "sstate:lib+c~%41 x:x86_64-pc-linux:1.0:r0:x86_64:14:",
  unihash,
  task,
});

/** Lays an object into a folder as another tool would: object, checksum, description. */
export async function seed(
  folder: string,
  name: ObjectName,
  bytes: string | Uint8Array,
  sidecar: string | null = `${sha256(bytes)}  whatever\n`,
  path = objectPath(name),
): Promise<string> {
  const object = join(folder, path);
  await mkdir(dirname(object), { recursive: true });
  await writeFile(object, bytes);
  await writeFile(`${object}.siginfo`, `about ${name.unihash}`);
  if (sidecar !== null) await writeFile(`${object}.sha256`, sidecar);
  return object;
}

export function storeContract(kind: string, make: () => Promise<StoreRig>): void {
  describe(`${kind} as a store`, () => {
    test("has nothing at first, and says so without a warning", async () => {
      await using rig = await make();
      expect(await rig.store.find([nameOf("abcd")])).toEqual(new Set());
      expect(await rig.store.get(nameOf("abcd"))).toBeUndefined();
      expect(await rig.store.find([])).toEqual(new Set());
      expect(rig.warnings).toEqual([]);
    });

    test("finds what is there, in one batch and the order asked, and hands it over whole", async () => {
      await using rig = await make();
      const names = Array.from({ length: 40 }, (_one, at) => nameOf(`${(at + 16).toString(16)}ff${at}`));
      const there = names.filter((_one, at) => at % 3 === 0);
      for (const one of there) await seed(rig.folder, one, `bytes of ${one.unihash}`);
      expect([...(await rig.store.find(names))]).toEqual(there);
      for (const one of there.slice(0, 3)) {
        const file = await rig.store.get(one);
        expect(await readFile(file!, "utf8")).toBe(`bytes of ${one.unihash}`);
      }
      expect(await rig.store.get(names[1]!)).toBeUndefined();
      expect(rig.warnings).toEqual([]);
    });

    test("finds what a host without zstd has left, under its own name", async () => {
      await using rig = await make();
      const name = nameOf("aabbcc");
      const bytes = gzipSync("text");
      await seed(rig.folder, name, bytes, null, objectPath(name).replace(/zst$/, "gz"));
      expect(await rig.store.find([name])).toEqual(new Set([name]));
      expect(await rig.store.get(name)).toBeUndefined();
      await seed(rig.folder, name, bytes, `${sha256(bytes)}\n`, objectPath(name).replace(/zst$/, "gz"));
      expect(await readFile((await rig.store.get(name))!)).toEqual(bytes);
    });

    test.each([
      ["other bytes than its checksum says", `${"0".repeat(64)}  x\n`],
      ["no checksum", null],
      ["an empty checksum", ""],
      ["rubbish for a checksum", "<html>not found</html>"],
    ])("an object with %s is not handed out, and reported once", async (_what, sidecar) => {
      await using rig = await make();
      await seed(rig.folder, nameOf("abcd"), "bytes", sidecar);
      expect(await rig.store.get(nameOf("abcd"))).toBeUndefined();
      expect(rig.warnings).toHaveLength(1);
      expect(rig.warnings[0]).toContain("is not used");
    });
  });
}
