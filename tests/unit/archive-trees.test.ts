/** Trees of every kind of file, packed and restored: what comes back is what was there, byte for byte. */
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { checkTar, readTar, unpackTar } from "@tsbake/archive";
import { fsPath, nameBytes, nameOf, nameFs, shownName } from "@tsbake/base";
import { packArtifact, unpackArtifact } from "@tsbake/sstate";
import fc from "fast-check";
import { paxEntry, rawTar } from "../support/raw-tar.js";
import { temporaryFolder } from "../support/temporary.js";

const temporary = (): string => temporaryFolder("archive-trees");
const isRoot = process.getuid?.() === 0;
const hasXattrs = spawnSync("setfattr", ["--version"]).error === undefined;
const EPOCH = 1_700_000_000;
const MIB = 1 << 20;

interface Leaf {
  readonly kind: "file" | "sparse" | "link" | "hard" | "fifo" | "folder" | "device" | "socket";
  readonly mode: number;
  readonly owner: number;
  readonly time: number;
  readonly text: Uint8Array;
  readonly isMarked: boolean;
}

/** Any bytes but `/` and NUL, often awkward ones. */
const byteName = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 12 }),
    fc.constantFrom(
      "-rf",
      "new\nline",
      "quo\"te'",
      "back\\slash\\x2d",
      " sp ace ",
      "*",
      "$(x)",
      "caf\u00e9",
      "\ud83d\ude00",
      "...",
    ),
    fc
      .constantFrom("caf\xe9", "\xff", "\xc3", "a\xed\xa0\x80b", "\xf0\x9f\x98")
      .map((text) => Buffer.from(text, "latin1")),
  )
  .map((one) => Buffer.from(one as Uint8Array))
  .map((bytes) => bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x78 : byte)))
  .filter((bytes) => ![".", ".."].includes(Buffer.from(bytes).toString()))
  .map((bytes) => nameOf(Buffer.from(bytes)));

const leaf: fc.Arbitrary<Leaf> = fc.record({
  kind: fc.constantFrom<Leaf["kind"]>(
    "file",
    "file",
    "sparse",
    "link",
    "hard",
    "fifo",
    "folder",
    ...(isRoot ? (["device"] as const) : []),
  ),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  owner: fc.constantFrom(0, 1, 65_534, 3_000_000, 4_294_967_290),
  time: fc.integer({ min: 0, max: EPOCH }),
  text: fc.uint8Array({ maxLength: 2000 }),
  isMarked: fc.boolean(),
});
const tree = fc.array(fc.tuple(fc.array(byteName, { minLength: 1, maxLength: 3 }), leaf), { maxLength: 15 });

function plant(root: string, entries: readonly (readonly [readonly string[], Leaf])[]): void {
  fs.mkdirSync(root, { recursive: true });
  const made: [string, Leaf][] = [];
  let last: string | undefined;
  for (const [parts, one] of entries) {
    const path = [root, ...parts].join("/");
    // Folders of others' making, or a file in the way: another tree will do.
    try {
      fs.mkdirSync(fsPath([root, ...parts.slice(0, -1)].join("/")), { recursive: true });
      if (nameFs.lstatSync(path, { throwIfNoEntry: false })) continue;
    } catch {
      continue;
    }
    const place = fsPath(path);
    if (one.kind === "file") fs.writeFileSync(place, one.text);
    else if (one.kind === "sparse") {
      fs.writeFileSync(place, one.text);
      fs.truncateSync(place as string, 3 * MIB + one.mode);
      fs.appendFileSync(place, one.isMarked ? one.text : "");
    } else if (one.kind === "link") fs.symlinkSync(fsPath(parts.at(-1)!), place);
    else if (one.kind === "folder") fs.mkdirSync(place);
    else if (one.kind === "hard") {
      if (last === undefined) continue;
      fs.linkSync(fsPath(last), place);
      continue;
    } else {
      // Programs take names as text: made under a plain one.
      const plain = join(root, "..", "node");
      execFileSync("mknod", one.kind === "fifo" ? [plain, "p"] : [plain, "c", "1", "3"]);
      fs.renameSync(plain, place);
    }
    if (one.kind === "file" || one.kind === "sparse") last = path;
    made.push([path, one]);
  }
  for (const [path, one] of made.toReversed()) {
    const place = fsPath(path);
    if (isRoot) fs.lchownSync(place, one.owner, one.owner);
    if (one.kind === "link") fs.lutimesSync(place, one.time, one.time);
    else {
      const mode = isRoot ? one.mode : one.mode | (one.kind === "folder" ? 0o700 : 0o400);
      fs.chmodSync(place, mode);
      fs.utimesSync(place, one.time, one.time);
    }
  }
}

function marks(root: string): void {
  if (!hasXattrs) return;
  const files = execFileSync("find", [root, "-type", "f", "-print0"]);
  spawnSync("xargs", ["-0", "-r", "setfattr", "-n", "user.mark", "-v", "x"], { input: files });
}

/** Everything that an archive could lose. Of folders, size and number of links are the file system's. */
function listing(root: string): string[] {
  const print = [
    "-type",
    "d",
    "-printf",
    "%y %m %U %G - - %l %P\\0",
    "-o",
    "-printf",
    "%y %m %U %G %s %n %l %P %T@\\0",
  ];
  const lines = execFileSync("find", [".", ...print], { cwd: root, encoding: "latin1" })
    .split("\0")
    .sort();
  const sums = spawnSync("sh", ["-c", "find . -type f -print0 | sort -z | xargs -0r sha256sum"], {
    cwd: root,
    encoding: "latin1",
  });
  const attributes = hasXattrs
    ? spawnSync("getfattr", ["-Rhd", "-m", "-", "."], { cwd: root, encoding: "latin1" })
        .stdout.split("\n\n")
        .sort()
    : [];
  return [...lines, sums.stdout, ...attributes];
}

describe("a tree", () => {
  test("comes back as it was: kinds, names, modes, owners, times, links, holes, attributes", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (entries) => {
        const work = temporary();
        const folders = [{ name: "out", path: join(work, "out") }];
        plant(join(work, "out"), entries);
        marks(join(work, "out"));
        const before = listing(join(work, "out"));
        await packArtifact(folders, join(work, "a.tar"), EPOCH);
        await packArtifact(folders, join(work, "b.tar"), EPOCH);
        expect(fs.readFileSync(join(work, "b.tar")).equals(fs.readFileSync(join(work, "a.tar")))).toBe(true);
        await unpackArtifact(join(work, "a.tar"), folders);
        expect(listing(join(work, "out"))).toEqual(before);
        execFileSync("chmod", ["-R", "u+rwX", work]);
        fs.rmSync(work, { recursive: true, force: true });
      }),
      { numRuns: 15 },
    );
  }, 300_000);

  test("keeps its holes, and is packed without them", async () => {
    const work = temporary();
    const out = join(work, "out");
    fs.mkdirSync(out);
    fs.writeFileSync(join(out, "big"), "start");
    fs.truncateSync(join(out, "big"), 8_589_934_600);
    fs.appendFileSync(join(out, "big"), "end");
    fs.closeSync(fs.openSync(join(out, "hole"), "w"));
    fs.truncateSync(join(out, "hole"), 64 * MIB);
    const folders = [{ name: "out", path: out }];
    await packArtifact(folders, join(work, "a.tar"), EPOCH);
    expect(fs.statSync(join(work, "a.tar")).size).toBeLessThan(MIB);
    await unpackArtifact(join(work, "a.tar"), folders);
    for (const name of ["big", "hole"]) expect(fs.statSync(join(out, name)).blocks).toBeLessThan(100);
    expect([fs.statSync(join(out, "big")).size, fs.statSync(join(out, "hole")).size]).toEqual([
      8_589_934_603,
      64 * MIB,
    ]);
    expect(execFileSync("tail", ["-c", "3", join(out, "big")]).toString()).toBe("end");
  });

  test("has its sockets named and left out", async () => {
    const work = temporary();
    const out = join(work, "out");
    fs.mkdirSync(out);
    const { createServer } = await import("node:net");
    const server = createServer();
    // The name of a socket has at most 107 bytes.
    await new Promise<void>((resolve) => server.listen(`/proc/self/fd/${fs.openSync(out, "r")}/s`, resolve));
    const told: string[] = [];
    await packArtifact([{ name: "out", path: out }], join(work, "a.tar"), EPOCH, (path) => told.push(path));
    server.close();
    expect(told).toEqual(["s"]);
    expect((await checkTar(join(work, "a.tar"))).entries).toBe(1);
  });
});

describe("a map of holes", () => {
  const map = (...records: readonly (readonly [string, string | number])[]): string =>
    records.map(([key, value]) => pax(`GNU.sparse.${key}`, String(value))).join("");
  function pax(key: string, value: string): string {
    return String(paxEntry({ [key]: value }).data);
  }
  const entry = { name: "a", data: "abcd" };
  const whole = [
    ["size", 100],
    ["numblocks", 2],
    ["offset", 0],
    ["numbytes", 4],
    ["offset", 100],
    ["numbytes", 0],
  ] as const;

  test("that is whole is taken, and what reads entries one by one refuses it", async () => {
    const bytes = rawTar([{ name: "x", flag: "x", data: map(...whole) }, entry]);
    const folder = temporary();
    const path = join(folder, "a.tar");
    fs.writeFileSync(path, bytes);
    await unpackTar(path, join(folder, "out"));
    expect(fs.readFileSync(join(folder, "out/a"))).toEqual(
      Buffer.concat([Buffer.from("abcd"), Buffer.alloc(96)]),
    );
    await expect(async () => {
      for await (const one of readTar(path)) await one.read();
    }).rejects.toThrow("archive/unsupported");
    // What it becomes counts, not what is in the archive.
    await expect(checkTar(path, { maxBytes: 50 })).rejects.toThrow("archive/too-big");
  });

  test.each<[string, string, object]>([
    ["without a size", "numblocks=1 offset=0 numbytes=4", {}],
    ["with two sizes", "size=4 size=4 numblocks=1 offset=0 numbytes=4", {}],
    ["that has fewer pieces than it says", "size=4 numblocks=2 offset=0 numbytes=4", {}],
    ["that leads behind the end", "size=100 numblocks=1 offset=98 numbytes=4", {}],
    ["that ends before the end", "size=100 numblocks=1 offset=0 numbytes=4", {}],
    ["whose pieces overlap", "size=7 numblocks=2 offset=5 numbytes=2 offset=0 numbytes=2", {}],
    ["of other data than there is", "size=3 numblocks=1 offset=0 numbytes=3", {}],
    ["with a number that is none", "size=-1 numblocks=0", {}],
    ["of a folder", "size=9 numblocks=1 offset=9 numbytes=0", { flag: "5", data: "" }],
  ])("%s is damage", async (_what, records, change) => {
    const pairs = records.split(" ").map((one) => one.split("=") as [string, string]);
    const bytes = rawTar([
      { name: "x", flag: "x", data: map(...pairs) },
      { ...entry, ...change },
    ]);
    const path = join(temporary(), "a.tar");
    fs.writeFileSync(path, bytes);
    await expect(checkTar(path)).rejects.toThrow("archive/damaged");
  });
});

describe("names as text", () => {
  test("give the same bytes back, are two when the bytes are two, and go through JSON", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
        const [one, other] = [nameOf(Buffer.from(left)), nameOf(Buffer.from(right))];
        expect(nameBytes(one)).toEqual(Buffer.from(left));
        expect(one === other).toBe(Buffer.from(left).equals(Buffer.from(right)));
        expect(JSON.parse(JSON.stringify(one))).toBe(one);
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => expect(nameOf(Buffer.from(text))).toBe(text)),
    );
  });

  test("are shown without anything that a terminal obeys", () => {
    expect(shownName(nameOf(Buffer.from('a\xe9\n\x1b[0m\\`"\u00e9', "latin1")))).toBe(
      String.raw`a\xe9\n\x1b[0m\\\`\"\xe9`,
    );
    expect(shownName("caf\u00e9 \ud83d\ude00")).toBe("caf\u00e9 \ud83d\ude00");
  });
});
