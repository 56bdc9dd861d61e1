import { mkdir, readFile, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { checkTar, readTar, treeManifest, unpackTar } from "@tsbake/archive";
import { BuildError, removeTree } from "@tsbake/base";
import fc from "fast-check";
import { paxEntry, rawEntry, rawTar, type RawEntry } from "../support/raw-tar.js";
import { notLong } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";

const GENERATED = notLong ? 200 : 1000;
const temporary = (): string => temporaryFolder("hostile");
const dir = (name: string): RawEntry => ({ name, flag: "5", mode: 0o755 });
const soft = (name: string, link: string): RawEntry => ({ name, flag: "2", link });
const hard = (name: string, link: string): RawEntry => ({ name, flag: "1", link });

const cases: readonly (readonly [string, readonly RawEntry[], string])[] = [
  ["an absolute path", [{ name: "/etc/x", data: "x" }], "hostile-entry"],
  ["dots up", [{ name: "../x", data: "x" }], "hostile-entry"],
  ["dots up in the middle", [{ name: "a/../../x", data: "x" }], "hostile-entry"],
  ["dots up in the prefix field", [{ name: "x", prefix: "..", data: "x" }], "hostile-entry"],
  ["dots up in a pax path", [paxEntry({ path: "../x" }), { name: "ok", data: "x" }], "hostile-entry"],
  ["dots up in a GNU long name", [{ name: "L", flag: "L", data: "../x\0" }, { name: "ok" }], "hostile-entry"],
  ["through an absolute link", [soft("l", "/tmp"), { name: "l/x", data: "x" }], "hostile-entry"],
  ["through a link up", [soft("l", ".."), { name: "l/x", data: "x" }], "hostile-entry"],
  ["through two links", [soft("a", "b"), soft("b", "../.."), { name: "a/x" }], "hostile-entry"],
  [
    "through a hard link to a link",
    [dir("d"), soft("d/s", "../.."), hard("t", "d/s"), { name: "t/x" }],
    "hostile-entry",
  ],
  ["links in a ring", [soft("a", "b"), soft("b", "a"), { name: "a/x" }], "hostile-entry"],
  ["a link, then the folder over it", [soft("l", "/tmp"), dir("l"), { name: "l/x" }], "hostile-entry"],
  ["a folder, then a link over it", [dir("l"), soft("l", "/tmp"), { name: "l/x" }], "hostile-entry"],
  [
    "a folder on the way, then a link over it",
    [{ name: "l/a" }, soft("l", "/tmp"), { name: "l/x" }],
    "hostile-entry",
  ],
  ["the same file twice", [{ name: "a" }, { name: "./a" }], "hostile-entry"],
  ["below a file", [{ name: "a" }, { name: "a/b" }], "hostile-entry"],
  ["a hard link out", [hard("a", "../../etc/passwd")], "hostile-entry"],
  ["an absolute hard link", [hard("a", "/etc/passwd")], "hostile-entry"],
  ["a hard link to what is not there", [hard("a", "b")], "hostile-entry"],
  ["a hard link through a link out", [soft("l", "/etc"), hard("a", "l/passwd")], "hostile-entry"],
  ["the folder itself as a link", [soft(".", "/tmp")], "hostile-entry"],
  ["no name", [{ name: "" }], "hostile-entry"],
  ["a NUL in a pax name", [paxEntry({ path: "a\0/../../x" }), { name: "a" }], "hostile-entry"],
  ["a very long component", [paxEntry({ path: "x".repeat(256) }), { name: "a" }], "hostile-entry"],
  ["a very long path", [paxEntry({ path: "x/".repeat(2100) + "y" }), { name: "a" }], "hostile-entry"],
  ["a device", [{ name: "null", flag: "3" }], "device-entry"],
  ["a block device", [{ name: "sda", flag: "4" }], "device-entry"],
  ["a FIFO", [{ name: "pipe", flag: "6" }], "device-entry"],
  ["a sparse file", [{ name: "a", flag: "S" }], "unsupported"],
  [
    "a pax sparse file",
    [paxEntry({ "GNU.sparse.major": "1", "GNU.sparse.name": "../x" }), { name: "a" }],
    "unsupported",
  ],
  ["a volume label", [{ name: "a", flag: "V" }], "unsupported"],
  ["a global path", [paxEntry({ path: "../x" }, "g"), { name: "a" }], "unsupported"],
  ["another character set", [paxEntry({ hdrcharset: "BINARY", path: "a" }), { name: "a" }], "unsupported"],
  ["the star format", [{ name: "a", prefix: "p", tail: "tar\0" }], "unsupported"],
  [
    "two names",
    [{ name: "L", flag: "L", data: "one\0" }, paxEntry({ path: "two" }), { name: "a" }],
    "damaged",
  ],
  [
    "two names the other way",
    [paxEntry({ path: "two" }), { name: "L", flag: "L", data: "one\0" }, { name: "a" }],
    "damaged",
  ],
  ["two pax headers", [paxEntry({ path: "a" }), paxEntry({ path: "b" }), { name: "c" }], "damaged"],
  [
    "two paths in a pax header",
    [{ name: "p", flag: "x", data: "9 path=a\n9 path=b\n" }, { name: "c" }],
    "damaged",
  ],
  ["a pax record of wrong length", [{ name: "p", flag: "x", data: "90 path=a\n" }, { name: "c" }], "damaged"],
  ["an empty pax header", [{ name: "p", flag: "x" }, { name: "c" }], "damaged"],
  ["a pax header of absurd size", [{ name: "p", flag: "x", size: 2 ** 30 }], "damaged"],
  ["a pax header at the end", [paxEntry({ path: "a" })], "damaged"],
  ["data behind a folder", [{ name: "d", flag: "5", data: rawEntry({ name: "../x" }) }], "damaged"],
  ["data behind a link", [{ name: "l", flag: "2", link: "a", data: rawEntry({ name: "../x" }) }], "damaged"],
  ["data behind a slash", [{ name: "d/", data: rawEntry({ name: "../x" }) }], "damaged"],
  ["a size with rubbish", [{ name: "a", size: "0000012x000\0" }], "damaged"],
  ["a negative size", [{ name: "a", size: "\xff".repeat(12) }], "damaged"],
  ["an absurd size", [{ name: "a", size: "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff" }], "damaged"],
  ["a wrong checksum", [{ name: "a", checksum: 1 }], "damaged"],
  ["no tar at all", [{ name: "a", magic: "nonsense" }], "damaged"],
  ["more than is there", [{ name: "a", size: 5000 }], "truncated"],
];

describe("hostile archives", () => {
  test.each(cases)("%s", async (_what, entries, code) => {
    const folder = temporary();
    const archive = join(folder, "in.tar");
    await writeFile(archive, rawTar([{ name: "first", data: "1" }, ...entries]));
    await mkdir(join(folder, "below/root"), { recursive: true });
    const problem = await unpackTar(archive, join(folder, "below/root")).catch((error: unknown) => error);
    expect(problem).toBeInstanceOf(BuildError);
    expect((problem as BuildError).diagnostics.map((one) => one.code)).toEqual([`archive/${code}`]);
    expect((problem as BuildError).message).toContain(archive);
    // Nothing beside the folder, and nothing left in it.
    expect(await readdir(folder)).toEqual(["below", "in.tar"]);
    expect(await readdir(join(folder, "below"))).toEqual(["root"]);
    expect(await readdir(join(folder, "below/root"))).toEqual([]);
    await expect(checkTar(archive)).rejects.toThrow(`archive/${code}`);
  });

  test.each([
    ["nothing at all", Buffer.alloc(0), "truncated"],
    ["no end mark", rawTar([{ name: "a", data: "x" }], 0), "truncated"],
    ["half a header", rawTar([{ name: "a", data: "x" }], 0).subarray(0, 700), "truncated"],
    [
      "an entry behind the end mark",
      Buffer.concat([rawTar([{ name: "a" }], 1), rawTar([{ name: "../x" }])]),
      "damaged",
    ],
    ["rubbish", Buffer.alloc(2048, "rubbish"), "damaged"],
  ])("%s", async (_what, bytes, code) => {
    const folder = temporary();
    await writeFile(join(folder, "in.tar"), bytes);
    await expect(unpackTar(join(folder, "in.tar"), join(folder, "out"))).rejects.toThrow(`archive/${code}`);
    const reading = async (): Promise<void> => {
      for await (const entry of readTar(join(folder, "in.tar"))) await entry.read();
    };
    await expect(reading()).rejects.toThrow(`archive/${code}`);
  });

  test("a link that is already there is not followed out, and nothing of the archive is unpacked", async () => {
    const folder = temporary();
    await mkdir(join(folder, "root"));
    await mkdir(join(folder, "outside"));
    await symlink("../outside", join(folder, "root/l"));
    await writeFile(join(folder, "in.tar"), rawTar([{ name: "fine" }, { name: "l/x", data: "x" }]));
    await expect(unpackTar(join(folder, "in.tar"), join(folder, "root"))).rejects.toThrow(
      "leaves the folder",
    );
    expect(await readdir(join(folder, "root"))).toEqual(["l"]);
    expect(await readdir(join(folder, "outside"))).toEqual([]);
  });

  test("links inside are followed; links out are kept, or refused on request", async () => {
    const folder = temporary();
    const archive = join(folder, "in.tar");
    await writeFile(
      archive,
      rawTar([dir("usr/lib"), soft("lib", "usr/lib"), { name: "lib/x", data: "1" }, soft("o", "../..")]),
    );
    await unpackTar(archive, join(folder, "out"));
    expect(await readFile(join(folder, "out/usr/lib/x"), "utf8")).toBe("1");
    await expect(checkTar(archive, { linksOut: "refuse" })).rejects.toThrow(
      'link to "../..", out of the folder',
    );
  });

  test("a bomb is stopped at the limit", async () => {
    const archive = join(temporary(), "in.tar");
    await writeFile(
      archive,
      rawTar([
        { name: "a", data: "x".repeat(600) },
        { name: "b", data: "x".repeat(600) },
      ]),
    );
    await expect(checkTar(archive, { maxBytes: 1000 })).rejects.toThrow("archive/too-big");
    await expect(checkTar(archive, { maxEntries: 1 })).rejects.toThrow("archive/too-big");
    expect(await checkTar(archive, { maxBytes: 1200 })).toEqual({ entries: 2, bytes: 1200 });
  });

  test("what git and GNU tar write is welcome", async () => {
    const folder = temporary();
    const entries = [
      paxEntry({ comment: "c0ffee" }, "g"),
      { name: "L", flag: "L", data: `${"d/".repeat(80)}f\0` },
      { name: "cut" },
    ];
    await writeFile(join(folder, "in.tar"), rawTar(entries));
    expect(await checkTar(join(folder, "in.tar"))).toEqual({ entries: 1, bytes: 0 });
  });

  test("generated ones never write outside", async () => {
    const folder = temporary();
    const outside = join(folder, "outside");
    await mkdir(outside);
    await writeFile(join(outside, "canary"), "alive");
    const names = fc.constantFrom(
      "a",
      "b",
      "a/b",
      "a/b/c",
      "b/a",
      "./a",
      "a//b",
      "a/../b",
      "../outside/x",
      `${outside}/x`,
      "..",
      ".",
      "a/",
    );
    const targets = fc.oneof(
      names,
      fc.constantFrom("..", "../outside", outside, "/", "../../outside", `${outside}/canary`, "b/.."),
    );
    const entry = fc.record({
      name: names,
      flag: fc.constantFrom("0", "0", "1", "2", "2", "5", "7", "\0", "3", "6"),
      link: targets,
      data: fc.constantFrom("", "evil"),
    });
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: entry.map((one): RawEntry[] => [
          { ...one, data: "0\x007".includes(one.flag) ? one.data : "" },
        ]),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(entry, names).map(([one, path]): RawEntry[] => [paxEntry({ path }), one]),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(entry, targets)
          .map(([one, linkpath]): RawEntry[] => [paxEntry({ linkpath }), one]),
      },
      {
        weight: 1,
        arbitrary: fc
          .tuple(entry, names)
          .map(([one, path]): RawEntry[] => [{ name: "L", flag: "L", data: `${path}\0` }, one]),
      },
      {
        weight: 1,
        arbitrary: fc.tuple(names, entry).map(([path, one]): RawEntry[] => [paxEntry({ path }, "g"), one]),
      },
    );
    let refused = 0;
    let round = 0;
    const before = await treeManifest(outside);
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        async (steps, isUsed) => {
          const root = join(folder, `root-${round++}`);
          await mkdir(root);
          if (isUsed) await symlink("../outside", join(root, "b"));
          await writeFile(join(folder, "in.tar"), rawTar(steps.flat()));
          const problem: unknown = await unpackTar(join(folder, "in.tar"), root).then(
            () => undefined,
            (error: unknown) => error,
          );
          if (problem !== undefined) {
            refused++;
            if (!(problem instanceof BuildError)) throw problem;
          }
          expect(await treeManifest(outside)).toEqual(before);
          await removeTree(root);
          expect((await readdir(folder)).sort()).toEqual(["in.tar", "outside"]);
        },
      ),
      { numRuns: GENERATED },
    );
    // The generator must make both kinds, or it proves nothing.
    expect(refused).toBeGreaterThan(GENERATED / 6);
    expect(refused).toBeLessThan(600);
  }, 180_000);

  test("random damage to a good archive is either harmless or one problem", async () => {
    const folder = temporary();
    const good = rawTar([
      dir("d"),
      { name: "d/a", data: "x".repeat(700) },
      soft("d/l", "a"),
      hard("h", "d/a"),
      paxEntry({ path: "p/q" }),
      { name: "cut" },
    ]);
    const outcomes = { accepted: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        const bytes = Buffer.from(good);
        bytes[at] = bytes[at]! ^ change;
        await writeFile(join(folder, "in.tar"), bytes);
        const problem: unknown = await checkTar(join(folder, "in.tar")).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (problem === undefined) outcomes.accepted++;
        else if (problem instanceof BuildError) outcomes.refused++;
        else throw problem;
      }),
      { numRuns: notLong ? 100 : 500 },
    );
    // Data has no checksum in a tar: damage there is for the store's SHA-256 to find.
    expect(outcomes.accepted).toBeGreaterThan(0);
    expect(outcomes.refused).toBeGreaterThan(0);
  });
});
