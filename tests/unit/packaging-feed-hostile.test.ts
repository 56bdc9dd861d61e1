import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { tarOf, writeAr, type NewTarEntry } from "@tsbake/archive";
import { BuildError, sha256File } from "@tsbake/base";
import { poolName, unpackFeed } from "@tsbake/packaging";
import { temporaryFolder } from "../support/temporary.js";

let folder: string;
beforeEach(() => {
  folder = temporaryFolder("feed");
  mkdirSync(join(folder, "outside"));
  mkdirSync(join(folder, "pool"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Content {
  readonly entries: readonly NewTarEntry[];
  /** More fields of its control file, e.g. `Replaces: p0\n`. */
  readonly fields?: string;
  readonly preinst?: string;
}

async function unpack(...contents: readonly (readonly NewTarEntry[] | Content)[]): Promise<void> {
  const packages = [];
  for (const [number, content] of contents.entries()) {
    const {
      entries,
      fields = "",
      preinst,
    } = Array.isArray(content) ? { entries: content } : (content as Content);
    const name = `p${number}`;
    const file = `${name}.deb`;
    const control = `Package: ${name}\nVersion: 1\nArchitecture: all\n${fields}`;
    const scripts =
      preinst === undefined ? [] : [{ path: "./preinst", type: "file", data: preinst } as const];
    const members = [{ path: "./control", type: "file", data: control } as const, ...scripts];
    await writeAr(join(folder, "pool", file), [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "control.tar", data: await tarOf(members) },
      { name: "data.tar", data: await tarOf(entries) },
    ]);
    const sha256 = await sha256File(join(folder, "pool", file));
    const one = { name, version: "1", architecture: "all", sha256, sizeBytes: 1, stanza: "", file, uri: "" };
    renameSync(join(folder, "pool", file), join(folder, "pool", poolName(one)));
    packages.push(one);
  }
  rmSync(join(folder, "tree"), { recursive: true, force: true });
  await unpackFeed({
    closure: { roots: ["p0"], packages },
    pool: join(folder, "pool"),
    into: join(folder, "tree"),
    kind: "target",
    links: new Map(),
    exclude: [],
    architecture: "amd64",
  });
}

test.each(["absolute", "relative"])("no package writes through an %s link of another one", async (kind) => {
  const target = kind === "absolute" ? join(folder, "outside") : "../outside";
  const packages = [
    [{ path: "./a", type: "symlink", target }],
    [{ path: "./a/x", type: "file", data: "evil" }],
  ] as const;
  // Side by side: which of the two comes first is a matter of luck.
  const problem: unknown = await unpack(...packages).catch((error: unknown) => error);
  expect(readdirSync(join(folder, "outside"))).toEqual([]);
  expect(problem === undefined || problem instanceof BuildError).toBe(true);
});

test("links are what they were when all is unpacked, absolute ones inside the tree", async () => {
  await unpack(
    [
      { path: "./usr/lib/real", type: "file", data: "1" },
      { path: "./usr/lib/up", type: "symlink", target: "../lib/real" },
      { path: "./usr/lib/absolute", type: "symlink", target: "/usr/lib/real" },
      { path: "./usr/lib/beside", type: "symlink", target: "real" },
      { path: "./usr/lib/hard", type: "link", target: "./usr/lib/real" },
    ],
    // Through a link that stays inside, as merged folders are.
    [{ path: "./lib/other", type: "file", data: "2" }],
  );
  const at = (name: string) => join(folder, "tree/usr/lib", name);
  expect(readlinkSync(at("up"))).toBe("../lib/real");
  expect(readlinkSync(at("absolute"))).toBe("real");
  expect(readlinkSync(at("beside"))).toBe("real");
  expect(lstatSync(at("hard")).ino).toBe(lstatSync(at("real")).ino);
  expect(readFileSync(at("other"), "utf8")).toBe("2");
});

test("no device node is made: the package is refused, by name", async () => {
  const node = { path: "./usr/disk", type: "block-device", mode: 0o666 } as const;
  await expect(unpack([{ path: "./usr/a", type: "file", data: "1" }, node])).rejects.toThrow(
    /`p0` brings the device node \/usr\/disk/,
  );
  expect(() => lstatSync(join(folder, "tree/usr/disk"))).toThrow("ENOENT");
});

test("no program is set-id", async () => {
  await unpack([{ path: "./usr/su", type: "file", data: "1", mode: 0o6755 }]);
  expect(lstatSync(join(folder, "tree/usr/su")).mode & 0o7777).toBe(0o755);
});

const file = (path: string, data: string, mode = 0o644): NewTarEntry => ({ path, type: "file", data, mode });
const folderOf = (path: string, mode = 0o755): NewTarEntry => ({ path, type: "directory", mode });
/** So many times chance could decide otherwise. */
const ROUNDS = 6;

describe("a path that two packages bring", () => {
  test.each<{ name: string; packages: Content[]; path: string }>([
    {
      name: "and nothing decides",
      packages: [{ entries: [file("./usr/x", "0")] }, { entries: [file("./usr/x", "1")] }],
      path: "/usr/x",
    },
    {
      name: "with two modes",
      packages: [{ entries: [file("./usr/x", "0")] }, { entries: [file("./usr/x", "0", 0o755)] }],
      path: "/usr/x",
    },
    {
      name: "through a link into /usr",
      packages: [{ entries: [file("./usr/lib/x", "0")] }, { entries: [file("./lib/x", "1")] }],
      path: "/usr/lib/x",
    },
    {
      name: "as a file and as a folder",
      packages: [{ entries: [file("./usr/x", "0")] }, { entries: [file("./usr/x/y", "1")] }],
      path: "/usr/x",
    },
    {
      name: "of which one replaces another version",
      packages: [
        { entries: [file("./usr/x", "0")] },
        { entries: [file("./usr/x", "1")], fields: "Replaces: p0 (<< 1)\n" },
      ],
      path: "/usr/x",
    },
  ])("$name: is refused", async ({ packages, path }) => {
    const clash = `the packages \`p0\` and \`p1\` both bring \`${path}\`, with different content`;
    for (let round = 0; round < ROUNDS; round++) await expect(unpack(...packages)).rejects.toThrow(clash);
    expect(readdirSync(folder).sort()).toEqual(["outside", "pool", "tree"]);
  });

  test.each<{ name: string; packages: Content[]; expected: Record<string, string> }>([
    {
      name: "with the same content",
      packages: [{ entries: [file("./usr/x", "0")] }, { entries: [file("./usr/x", "0")] }],
      expected: { "usr/x": "0" },
    },
    {
      name: "of which the first replaces the other",
      packages: [
        { entries: [file("./usr/x", "0")], fields: "Replaces: p9, p1 (<< 2)\n" },
        { entries: [file("./usr/x", "1"), file("./usr/y", "1")] },
      ],
      expected: { "usr/x": "0", "usr/y": "1" },
    },
    {
      name: "of which the second replaces the first",
      packages: [
        { entries: [file("./usr/x", "0")] },
        { entries: [file("./usr/x", "1")], fields: "Replaces: p0\n" },
      ],
      expected: { "usr/x": "1" },
    },
    {
      name: "of which one diverts the other's",
      packages: [
        {
          entries: [file("./bin/x", "0")],
          preinst: "#!/bin/sh\nset -e\ndpkg-divert --package p0 --add --rename --divert /bin/x.real /bin/x\n",
        },
        { entries: [file("./usr/bin/x", "1")] },
      ],
      expected: { "usr/bin/x": "0", "usr/bin/x.real": "1" },
    },
    {
      name: "of which one has a hard link to its own",
      packages: [
        { entries: [file("./usr/x", "0"), { path: "./usr/hard", type: "link", target: "./usr/x" }] },
        { entries: [file("./usr/x", "1")], fields: "Replaces: p0\n" },
      ],
      expected: { "usr/x": "1", "usr/hard": "0" },
    },
  ])("$name: is always the same", async ({ packages, expected }) => {
    for (let round = 0; round < ROUNDS; round++) {
      await unpack(...packages);
      const found = Object.keys(expected).map((path) => [
        path,
        readFileSync(join(folder, "tree", path), "utf8"),
      ]);
      expect(Object.fromEntries(found)).toEqual(expected);
    }
    expect(readdirSync(folder).sort()).toEqual(["outside", "pool", "tree"]);
  });

  test("where tar fails beside another one, they are unpacked one after the other", async () => {
    // As it does when its file is away for a moment, while the other puts its own in the place, and a hard link is to be made.
    const tar = process.env["PATH"]!.split(":")
      .map((one) => join(one, "tar"))
      .find((path) => existsSync(path))!;
    mkdirSync(join(folder, "bin"));
    const alone = `#!/bin/sh\nmkdir "${folder}/alone" || exit 2\nsleep 0.3\n${tar} "$@"\ncode=$?\nrmdir "${folder}/alone"\nexit $code\n`;
    writeFileSync(join(folder, "bin/tar"), alone, { mode: 0o755 });
    const before = process.env["PATH"];
    process.env["PATH"] = `${join(folder, "bin")}:${before}`;
    try {
      await unpack([file("./usr/x", "0"), { path: "./usr/hard", type: "link", target: "./usr/x" }], {
        entries: [file("./usr/x", "1")],
        fields: "Replaces: p0\n",
      });
    } finally {
      process.env["PATH"] = before;
    }
    expect(readFileSync(join(folder, "tree/usr/x"), "utf8")).toBe("1");
    expect(readFileSync(join(folder, "tree/usr/hard"), "utf8")).toBe("0");
  });

  test("as folders of two modes has what either gives it, in whatever order they come", async () => {
    for (let round = 0; round < ROUNDS; round++) {
      await unpack([folderOf("./usr/d", 0o710)], [folderOf("./usr/d", 0o705)]);
      expect(lstatSync(join(folder, "tree/usr/d")).mode & 0o777).toBe(0o715);
    }
  });

  test("as the link into /usr that is there: it stays", async () => {
    const links: NewTarEntry[] = [{ path: "./lib", type: "symlink", target: "usr/lib" }];
    const many = Array.from({ length: 50 }, (_, at) => file(`./lib/f${at}`, "1"));
    for (let round = 0; round < ROUNDS; round++) {
      await unpack(links, many, links, [file("./usr/lib/x", "2")]);
      expect(readlinkSync(join(folder, "tree/lib"))).toBe("usr/lib");
      expect(readdirSync(join(folder, "tree/usr/lib"))).toHaveLength(51);
    }
  });
});
