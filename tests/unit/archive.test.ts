import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmod,
  cp,
  link,
  lstat,
  mkdir,
  readFile,
  readdir,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "@jest/globals";
import {
  compressionOfBytes,
  compressionOfName,
  decompress,
  openArMember,
  packTree,
  packTrees,
  readAr,
  readTar,
  tarOf,
  treeManifest,
  unpackTar,
  writeAr,
} from "@tsbake/archive";
import { hasCode } from "@tsbake/base";
import fc from "fast-check";
import { run } from "../support/command.js";
import { paxEntry, rawTar } from "../support/raw-tar.js";
import { root } from "../support/paths.js";
import { testUnless } from "../support/skip.js";
import { plainEnvironment, temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const COMPRESSORS = [
  ["gzip", undefined],
  ["zstd", await toolsProblem("zstd")],
  ["xz", await toolsProblem("xz")],
  ["bzip2", await toolsProblem("bzip2")],
] as const;

const temporary = (): string => temporaryFolder("archive");

type Leaf =
  | { readonly kind: "file"; readonly text: string; readonly mode: number }
  | { readonly kind: "link" | "hard" };

async function plant(root: string, tree: ReadonlyMap<string, Leaf>): Promise<void> {
  await mkdir(root, { recursive: true });
  let last: string | undefined;
  for (const [path, leaf] of tree) {
    const place = join(root, path);
    try {
      await mkdir(dirname(place), { recursive: true });
      if (leaf.kind === "link") await symlink(`../${path}`, place);
      else if (leaf.kind === "hard" && last !== undefined) await link(last, place);
      else if (leaf.kind === "file") {
        await writeFile(place, leaf.text, { flag: "wx" });
        await chmod(place, leaf.mode);
        await utimes(place, 100, leaf.text.length % 2 === 0 ? 100 : 2_000_000_000);
        last = place;
      }
    } catch (error) {
      // Two random paths may want the same name, or one may lead through the other's link: the first wins.
      if (!hasCode(error, "EEXIST", "ENOTDIR", "ENOENT", "ELOOP")) throw error;
    }
  }
}

const name = fc.oneof(
  fc.constantFrom(
    "a",
    "b",
    "A",
    "a-b",
    "ä",
    "日本",
    "with space",
    "-n",
    "@x",
    "back\\slash",
    "star*",
    "[a]",
    "new\nline",
  ),
  fc
    .string({ minLength: 1, maxLength: 120, unit: fc.constantFrom("x", "y", ".", "é") })
    .filter((one) => !/^\.+$/.test(one)),
);
const leaf = fc.oneof(
  fc.record({
    kind: fc.constant("file" as const),
    text: fc.string({ maxLength: 3000 }),
    mode: fc.constantFrom(0o644, 0o755, 0o600, 0o4755, 0o2755, 0o1777),
  }),
  fc.record({ kind: fc.constantFrom("link" as const, "hard" as const) }),
);
const trees = fc
  .array(fc.tuple(fc.array(name, { minLength: 1, maxLength: 4 }), leaf), { maxLength: 25 })
  .map((list) => new Map(list.map(([parts, one]) => [parts.join("/"), one] as const)));

const noCompressors = await toolsProblem("zstd", "xz");

describe("packing and unpacking", () => {
  test("any tree comes back, and packs to the same bytes again", async () => {
    await fc.assert(
      fc.asyncProperty(trees, fc.constantFrom("t.tar", "t.tar.gz"), async (tree, file) => {
        const folder = temporary();
        const [here, there] = [join(folder, "here"), join(folder, "there")];
        await plant(here, tree);
        await packTree(here, join(folder, file), { epochSeconds: 1_700_000_000 });
        await unpackTar(join(folder, file), there);
        expect(await treeManifest(there)).toEqual(await treeManifest(here));
        await packTree(there, join(folder, `again-${file}`), { epochSeconds: 1_700_000_000 });
        expect(await readFile(join(folder, `again-${file}`))).toEqual(await readFile(join(folder, file)));
        expect((await readdir(folder)).sort()).toEqual([`again-${file}`, "here", file, "there"].sort());
      }),
      { numRuns: 60 },
    );
  });

  // The bytes of artifacts are of a level; another one is another artifact under the same signature.
  testUnless(noCompressors, "has the level of each compressor", async () => {
    const folder = temporary();
    await mkdir(join(folder, "tree"));
    await cp(join(root, "docs"), join(folder, "tree"), { recursive: true });
    await packTree(join(folder, "tree"), join(folder, "t.tar"), { epochSeconds: 0 });
    const tar = await readFile(join(folder, "t.tar"));
    const packed = async (name: string): Promise<Buffer> => {
      await packTree(join(folder, "tree"), join(folder, name), { epochSeconds: 0 });
      return readFile(join(folder, name));
    };
    const by = (program: string, ...words: string[]): Buffer =>
      spawnSync(program, [...words, "-c"], { input: tar, maxBuffer: 2 ** 27, env: process.env }).stdout;
    expect(gzipSync(tar, { level: 5 })).not.toEqual(gzipSync(tar, { level: 6 }));
    expect((await packed("t.tar.gz")).equals(gzipSync(tar, { level: 6 }))).toBe(true);
    expect((await packed("t.tar.zst")).equals(by("zstd", "-q", "-T0", "-3"))).toBe(true);
    expect((await packed("t.tar.xz")).equals(by("xz", "-6"))).toBe(true);
  });

  test("clamps times, keeps hard links, and drops owners on request", async () => {
    const folder = temporary();
    await plant(
      join(folder, "tree"),
      new Map([
        ["a", { kind: "file", text: "x", mode: 0o755 }],
        ["b", { kind: "hard" }],
      ]),
    );
    await packTree(join(folder, "tree"), join(folder, "t.tar"), {
      epochSeconds: 500,
      numericOwner: "root",
      prefix: "top",
    });
    const seen = [];
    for await (const { path, type, mode, uid, mtimeSeconds, target } of readTar(join(folder, "t.tar"))) {
      seen.push({ path, type, mode, uid, mtimeSeconds, target });
    }
    expect(seen).toEqual([
      { path: "top", type: "directory", mode: 0o755, uid: 0, mtimeSeconds: 500, target: undefined },
      { path: "top/a", type: "file", mode: 0o755, uid: 0, mtimeSeconds: 500, target: undefined },
      { path: "top/b", type: "link", mode: 0o755, uid: 0, mtimeSeconds: 500, target: "top/a" },
    ]);
  });

  test("several folders, one inside another, with a hard link between them", async () => {
    const folder = temporary();
    const outer = join(folder, "a.b");
    await mkdir(join(outer, "inner"), { recursive: true });
    await writeFile(join(outer, "inner/file"), "text");
    await mkdir(join(folder, "axb"));
    await link(join(outer, "inner/file"), join(folder, "axb/hard"));
    await packTrees(
      [
        { path: join(outer, "inner"), prefix: "one" },
        { path: join(folder, "axb"), prefix: "two&," },
      ],
      join(folder, "t.tar"),
      { epochSeconds: 0 },
    );
    const seen = [];
    for await (const { path, target } of readTar(join(folder, "t.tar"))) seen.push([path, target]);
    expect(seen).toEqual([
      ["one", undefined],
      ["one/file", undefined],
      ["two&,", undefined],
      ["two&,/hard", "one/file"],
    ]);
  });

  test("keeps extended attributes, and not those of the machine", async () => {
    const folder = temporary();
    const wild = "\u0001\u0000\u0000\u0002 bytes";
    await writeFile(
      join(folder, "in.tar"),
      rawTar([
        paxEntry({ "SCHILY.xattr.user.colour": wild, "SCHILY.xattr.user.overlay.opaque": "y" }),
        { name: "file", data: "x" },
      ]),
    );
    await unpackTar(join(folder, "in.tar"), join(folder, "tree"));
    await packTree(join(folder, "tree"), join(folder, "out.tar"), { epochSeconds: 0 });
    const packed = await readFile(join(folder, "out.tar"), "latin1");
    expect(packed).toContain(`SCHILY.xattr.user.colour=${wild}\n`);
    expect(packed).not.toContain("overlay");
  });

  test("a long name that is cut behind a slash is no folder", async () => {
    const folder = temporary();
    const path = `${"x".repeat(99)}/${"y".repeat(30)}`;
    await plant(
      join(folder, "tree"),
      new Map([[path, { kind: "file", text: "z".repeat(2000), mode: 0o644 }]]),
    );
    await packTree(join(folder, "tree"), join(folder, "t.tar"), { epochSeconds: 0 });
    await unpackTar(join(folder, "t.tar"), join(folder, "again"));
    expect(await readFile(join(folder, "again", path), "utf8")).toBe("z".repeat(2000));
    const sizes = [];
    for await (const entry of readTar(join(folder, "t.tar"))) sizes.push((await entry.read()).length);
    expect(sizes).toEqual([0, 0, 2000]);
  });

  test("leaves out what `include` refuses, and stops at devices when told", async () => {
    const folder = temporary();
    await plant(
      join(folder, "tree"),
      new Map([
        ["keep/a", { kind: "file", text: "", mode: 0o644 }],
        ["drop/b", { kind: "file", text: "", mode: 0o644 }],
      ]),
    );
    const options = { epochSeconds: 0, include: (path: string) => path !== "drop" };
    await packTree(join(folder, "tree"), join(folder, "t.tar"), options);
    const paths = [];
    for await (const { path } of readTar(join(folder, "t.tar"))) paths.push(path);
    expect(paths).toEqual([".", "keep", "keep/a"]);
    await run("mkfifo", [join(folder, "tree/pipe")]);
    await expect(
      packTree(join(folder, "tree"), join(folder, "u.tar"), { epochSeconds: 0, devices: "refuse" }),
    ).rejects.toThrow(/archive\/device-entry.*"pipe"/);
    expect(await readdir(folder)).not.toContain("u.tar");
  });

  test("drops leading folders as tar does", async () => {
    const folder = temporary();
    await writeFile(
      join(folder, "t.tar"),
      await tarOf([
        { path: "pkg-1", type: "directory" },
        { path: "pkg-1/src/a", type: "file", data: "a" },
      ]),
    );
    await unpackTar(join(folder, "t.tar"), join(folder, "out"), { strip: 1 });
    expect((await treeManifest(join(folder, "out"))).map(({ path }) => path)).toEqual(["src", "src/a"]);
  });

  test("names that are no UTF-8 stay what they are, and apart", async () => {
    const folder = temporary();
    const tree = Buffer.from(join(folder, "tree/"));
    await mkdir(tree);
    const names = [Buffer.from([0x78, 0xe8]), Buffer.from([0x78, 0xe9]), Buffer.from("xé")];
    for (const one of names) await writeFile(Buffer.concat([tree, one]), one);
    await packTree(join(folder, "tree"), join(folder, "t.tar"), { epochSeconds: 0 });
    await unpackTar(join(folder, "t.tar"), join(folder, "again"));
    const found = await readdir(join(folder, "again"), { encoding: "buffer" });
    expect(found.map((one) => one.toString("hex")).sort()).toEqual(
      names.map((one) => one.toString("hex")).sort(),
    );
  });

  // A file that may not grow is like a full disk, and needs no disk.
  test("a disk that is full is the error, and no file of somebody else is closed", async () => {
    const folder = temporary();
    await mkdir(join(folder, "tree"));
    await writeFile(join(folder, "tree/random"), randomBytes(300_000));
    const script = `
      import { packTree } from ${JSON.stringify(join(root, "packages/archive/dist/index.js"))};
      import { open } from "node:fs/promises";
      const others = [];
      const opening = setInterval(() => open("/dev/null").then((one) => others.push(one)), 0);
      const packing = Array.from({ length: 8 }, (_, at) => packTree("tree", "t" + at + ".tar.gz", { epochSeconds: 0 }));
      const ends = await Promise.allSettled(packing);
      clearInterval(opening);
      const closed = await Promise.allSettled(others.map((one) => one.close()));
      console.log(JSON.stringify([ends, closed].map((all) => [...new Set(all.map(({ reason }) => reason?.code ?? "fine"))])));`;
    const done = spawnSync("sh", ["-c", "trap '' XFSZ; ulimit -f 128; exec node --input-type=module -"], {
      cwd: folder,
      input: script,
      encoding: "utf8",
      env: plainEnvironment(),
    });
    expect(done.stdout + done.stderr).toBe('[["EFBIG"],["fine"]]\n');
  });

  test("an unreadable tree is one problem, and leaves nothing", async () => {
    const folder = temporary();
    const packing = packTree(join(folder, "none"), join(folder, "t.tar"), { epochSeconds: 0 });
    await expect(packing).rejects.toThrow(/archive\/pack-failed.*ENOENT/);
    expect(await readdir(folder)).toEqual([]);
  });
});

describe("compression", () => {
  test.each([
    ["a.tar.gz", "gzip"],
    ["A.TGZ", "gzip"],
    ["a.tar.zst", "zstd"],
    ["a.tar.xz", "xz"],
    ["a.tbz2", "bzip2"],
    ["a.tar", "none"],
    ["zst", "none"],
  ])("%s is %s by name", (file, expected) => {
    expect(compressionOfName(file)).toBe(expected);
  });

  for (const [program, problem] of COMPRESSORS)
    testUnless(problem, `${program} goes by its first bytes, whatever the name`, async () => {
      const folder = temporary();
      const text = "plain text\n".repeat(50_000);
      await writeFile(join(folder, "plain"), text);
      await run("sh", ["-c", `${program} -c plain > packed`], { cwd: folder });
      const packed = await readFile(join(folder, "packed"));
      expect(compressionOfBytes(packed)).toBe(program);
      expect((await buffer(Readable.from(decompress(join(folder, "packed"))))).toString()).toBe(text);
      const half = Readable.from([packed.subarray(0, packed.length >> 1)]);
      await expect(buffer(Readable.from(decompress(half, "half")))).rejects.toThrow("archive/damaged: half");
    });

  test("a reader that stops early leaves nothing running", async () => {
    const packed = Readable.from([gzipSync(Buffer.alloc(5_000_000))]);
    for await (const piece of decompress(packed)) {
      expect(piece[0]).toBe(0);
      break;
    }
    expect(packed.destroyed).toBe(true);
  });
});

/** `work` with a PATH on which only these programs are, as shell scripts. */
async function withPrograms<T>(
  programs: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const [folder, before] = [temporary(), process.env["PATH"]];
  for (const [name, script] of Object.entries(programs))
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  process.env["PATH"] = folder;
  try {
    return await work();
  } finally {
    process.env["PATH"] = before;
  }
}

describe("programs that fail", () => {
  const ZSTD = Buffer.from("28b52ffd0460310000747362616b65fc5d8ede", "hex");

  test.each([
    ["says so", "echo 'no such symbol' >&2; exit 127", "no such symbol"],
    ["does nothing", "", "it gives other bytes back"],
    ["is ended", "kill -SEGV $$", "SIGSEGV ended it"],
  ])("a zstd that %s is no fault of the archive", async (_what, script, why) => {
    await withPrograms({ zstd: script }, async () => {
      const said = `archive/broken-program: the program \`zstd\` does not work: ${why}`;
      await expect(buffer(Readable.from(decompress(Readable.from([ZSTD]), "x")))).rejects.toThrow(said);
      await expect(
        packTree(temporary(), join(temporary(), "x.tar.zst"), { epochSeconds: 0 }),
      ).rejects.toThrow(said);
    });
  });

  test("without tar nothing is packed or unpacked, and nothing stays", async () => {
    const tar = await tarOf([{ path: "a", type: "file", data: "a" }]);
    await withPrograms({}, async () => {
      const folder = temporary();
      for (const name of ["x.tar", "x.tar.gz"])
        await expect(packTree(temporary(), join(folder, name), { epochSeconds: 0 })).rejects.toThrow(
          "archive/no-program: the program `tar`",
        );
      const [into, archive] = [join(folder, "into"), Readable.from([tar])];
      await expect(unpackTar(archive, into)).rejects.toThrow("archive/no-program: the program `tar`");
      expect(await readdir(folder, { recursive: true })).toEqual(["into"]);
    });
  });
});

describe("ar", () => {
  const member = { name: "a", data: Buffer.alloc(100_000) };

  test.each([
    ["into a folder that is not there", (folder: string) => join(folder, "none/x.ar"), [member], "ENOENT"],
    [
      "of a file that is not there",
      (folder: string) => join(folder, "x.ar"),
      [member, { name: "b", data: { file: "/no/such" } }],
      "ENOENT",
    ],
    [
      "of a folder",
      (folder: string) => join(folder, "x.ar"),
      [member, { name: "b", data: { file: "/" } }],
      "EISDIR",
    ],
  ])("%s: the error arrives, and nothing stays", async (_what, at, members, code) => {
    const folder = temporary();
    await expect(writeAr(at(folder), members)).rejects.toMatchObject({ code });
    // Whoever throws out of a stream does it later.
    await sleep(50);
    expect(await readdir(folder)).toEqual([]);
  });

  test("is read as it was written, and by the real ar", async () => {
    const folder = temporary();
    const path = join(folder, "x.ar");
    await writeFile(join(folder, "odd"), "odd");
    const members = [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "control.tar", data: { file: join(folder, "odd") } },
      { name: "empty", data: Buffer.alloc(0) },
    ];
    await writeAr(path, members, 7);
    const read = await readAr(path);
    expect(read.map(({ name: one, sizeBytes, mtimeSeconds }) => [one, sizeBytes, mtimeSeconds])).toEqual([
      ["debian-binary", 4, 7],
      ["control.tar", 3, 7],
      ["empty", 0, 7],
    ]);
    const texts = [];
    for (const member of read) texts.push((await buffer(openArMember(path, member))).toString());
    expect(texts).toEqual(["2.0\n", "odd", ""]);
    expect((await readdir(folder)).sort()).toEqual(["odd", "x.ar"]);
  });

  const good = `!<arch>\n${"a/".padEnd(16)}${"0".padEnd(12)}${"0".padEnd(6)}${"0".padEnd(6)}${"100644".padEnd(8)}${"2".padEnd(10)}\`\nok`;
  test.each([
    ["no magic", "hello", "archive/damaged"],
    ["cut in the header", good.slice(0, 40), "archive/truncated"],
    ["cut in the data", good.slice(0, -1), "archive/truncated"],
    ["rubbish in the size", good.replace("2         `", "2x        `"), "archive/damaged"],
    ["no end mark", good.replace("`\n", "``"), "archive/damaged"],
    ["a path as a name", good.replace("a/ ", "../"), "archive/damaged"],
    ["a long name table", good.replace("a/ ", "// "), "archive/unsupported"],
    ["the same name twice", good + good.slice(8), "archive/damaged"],
  ])("%s is refused", async (_what, text, code) => {
    const path = join(temporary(), "x.ar");
    await writeFile(path, text);
    await expect(readAr(path)).rejects.toThrow(code);
  });

  test("GNU's slash behind a name is no part of it", async () => {
    const path = join(temporary(), "x.ar");
    await writeFile(path, good);
    expect((await readAr(path)).map((member) => member.name)).toEqual(["a"]);
  });
});

describe("manifest", () => {
  test("says what is there", async () => {
    const folder = temporary();
    await plant(
      folder,
      new Map([
        ["d/f", { kind: "file", text: "x", mode: 0o755 }],
        ["d/l", { kind: "link" }],
      ]),
    );
    const { uid, gid } = await lstat(folder);
    const owner = { uid, gid };
    expect(await treeManifest(folder)).toEqual([
      { path: "d", type: "folder", mode: 0o755, ...owner, sizeBytes: 0 },
      {
        path: "d/f",
        type: "file",
        mode: 0o755,
        ...owner,
        sizeBytes: 1,
        sha256: "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
      },
      { path: "d/l", type: "link", mode: 0o777, ...owner, sizeBytes: 0, target: "../d/l" },
    ]);
  });
});
