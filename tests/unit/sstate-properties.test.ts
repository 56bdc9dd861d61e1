/** What holds for every name and every manifest. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { manifestPath, readManifest, writeManifest } from "@tsbake/run";
import { gzipPath, listStore, objectPath, openFolderStore } from "@tsbake/sstate";
import { temporaryFolder } from "../support/temporary.js";

/** What may stand between two colons of a spec. */
const field = (maxLength: number) => fc.stringMatching(/^[A-Za-z0-9.+~%^_-]*$/, { maxLength });
const hash = fc.stringMatching(/^[0-9a-f]{32,64}$/);
const task = fc.stringMatching(/^[a-z][a-z0-9_]{0,24}$/).filter((text) => !text.startsWith("do_"));

const name = fc
  .tuple(
    fc.stringMatching(/^[a-z0-9][a-z0-9.+-]{0,40}$/),
    field(120),
    field(200),
    field(120),
    field(20),
    hash,
    task,
  )
  .map(([pn, arch, pv, pr, pkgarch, unihash, one]) => ({
    fields: [arch, pv, pr],
    spec: `sstate:${pn}:${arch}:${pv}:${pr}:${pkgarch}:14:`,
    unihash,
    task: one,
  }));

describe("the name of an object", () => {
  test("is short enough, says what the object is, and is the whole spec when that fits", () => {
    fc.assert(
      fc.property(name, ({ spec, unihash, task: one, fields }) => {
        const path = objectPath({ spec, unihash, task: one });
        const [above, below, file, ...more] = path.split("/");
        expect([above, below, more]).toEqual([unihash.slice(0, 2), unihash.slice(2, 4), []]);
        expect(`${file}.siginfo`.length).toBeLessThanOrEqual(254);
        const parts = file!.split(":");
        const whole = spec.split(":");
        expect(parts).toHaveLength(8);
        for (const at of [0, 1, 5, 6]) expect(parts[at]).toBe(whole[at]);
        expect(parts[7]).toBe(`${unihash}_${one}.tar.zst`);
        const isCut = spec.length + parts[7]!.length > 246;
        expect(file === `${spec}${parts[7]!}`).toBe(
          !isCut || fields.every((text, at) => parts[at + 2] === text),
        );
        for (const [at, text] of fields.entries()) expect(text.startsWith(parts[at + 2]!)).toBe(true);
        // Those that lost something are equally long, and no other is longer.
        const lengths = fields.flatMap((text, at) => (parts[at + 2] === text ? [] : [parts[at + 2]!.length]));
        expect(new Set(lengths).size).toBeLessThan(2);
        for (const [at] of fields.entries())
          expect(parts[at + 2]!.length).toBeLessThanOrEqual(lengths[0] ?? Infinity);
      }),
    );
  });

  test("is another one for another recipe, signature or task", () => {
    fc.assert(
      fc.property(name, name, (left, right) => {
        const isSame = [left, right].map((one) => [one.spec.split(":")[1], one.unihash, one.task].join(":"));
        fc.pre(isSame[0] !== isSame[1]);
        expect(objectPath(left)).not.toBe(objectPath(right));
      }),
    );
  });

  test("is the same with `do_` before the task, and has one sister with gzip", () => {
    fc.assert(
      fc.property(name, (one) => {
        const path = objectPath(one);
        expect(objectPath({ ...one, task: `do_${one.task}` })).toBe(path);
        expect(gzipPath(path)).toBe(path.replace(/zst$/, "gz"));
      }),
    );
  });

  test("says the task again when a store is listed, and leads back to the object", async () => {
    await fc.assert(
      fc.asyncProperty(name, fc.string(), async (one, bytes) => {
        const folder = temporaryFolder("name");
        const made = join(temporaryFolder("made"), "made");
        writeFileSync(made, bytes);
        const store = openFolderStore(folder, { onWarning: () => {} });
        await store.put(one, made, "");
        expect(await store.find([one])).toEqual(new Set([one]));
        expect(await store.get(one)).toBe(join(folder, objectPath(one)));
        expect(await listStore(folder)).toMatchObject([
          { path: objectPath(one), kind: "object", task: one.task },
        ]);
      }),
      { numRuns: 20 },
    );
  }, 60_000);
});

describe("a manifest", () => {
  const owner = { pn: "pn", task: "do_install", stamp: "/stamps/pn/1.0", extra: "x", configuration: "" };
  const path = fc
    .array(
      fc.string({ minLength: 1, unit: "binary" }).map((text) => text.replace(/[/\0]/g, "x")),
      { minLength: 1, maxLength: 4 },
    )
    .map((parts) => `/${parts.join("/")}`);

  test("is read as it was written, whatever the paths", () => {
    const place = manifestPath(temporaryFolder("manifest"), owner);
    fc.assert(
      fc.property(fc.uniqueArray(path), fc.uniqueArray(path), (files, folders) => {
        writeManifest(place, { owner, files, folders });
        const read = readManifest(place)!;
        expect(read.owner).toEqual(owner);
        expect(new Set(read.files)).toEqual(new Set(files));
        expect(new Set(read.folders)).toEqual(new Set(folders));
        // Folders can be removed in their order.
        for (const [at, folder] of read.folders.entries())
          expect(read.folders.slice(at + 1).filter((later) => later.startsWith(`${folder}/`))).toEqual([]);
      }),
    );
  });

  test("that is rubbish is read without an error, and names nothing but absolute paths", () => {
    const place = join(temporaryFolder("manifest"), "manifest");
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        writeFileSync(place, text);
        const { files, folders } = readManifest(place)!;
        expect([...files, ...folders].filter((one) => !one.startsWith("/") && one !== "")).toEqual([]);
      }),
    );
  });
});
