import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
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

async function unpack(...contents: readonly (readonly NewTarEntry[])[]): Promise<void> {
  const packages = [];
  for (const [number, entries] of contents.entries()) {
    const name = `p${number}`;
    const file = `${name}.deb`;
    const control = "Package: x\nVersion: 1\nArchitecture: all\n";
    await writeAr(join(folder, "pool", file), [
      { name: "debian-binary", data: Buffer.from("2.0\n") },
      { name: "control.tar", data: await tarOf([{ path: "./control", type: "file", data: control }]) },
      { name: "data.tar", data: await tarOf(entries) },
    ]);
    const sha256 = await sha256File(join(folder, "pool", file));
    const one = { name, version: "1", architecture: "all", sha256, sizeBytes: 1, stanza: "", file, uri: "" };
    renameSync(join(folder, "pool", file), join(folder, "pool", poolName(one)));
    packages.push(one);
  }
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
