/** `tsbake check`: an extension and bases as a person names them, verdicts, exit codes. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { formatFileManifest, inspect, packSnapshot, writeSnapshot, type ContentTree } from "@tsbake/image";
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "../support/command.js";
import { link, program, type Things, treeOf, writeTar } from "../support/content-tree.js";
import { elfFile } from "../support/elf.js";
import { root } from "../support/paths.js";
import { plainEnvironment, temporaryFolder } from "../support/temporary.js";

const work = temporaryFolder("cli-check");
const at = (...names: string[]): string => join(work, ...names);
afterAll(() => rmSync(work, { recursive: true, force: true }));

async function check(...words: string[]) {
  const env = { ...plainEnvironment(), HOME: work };
  return run("node", [join(root, "scripts/start.js"), "check", ...words], { cwd: work, env });
}

const RELEASE = "ID=debian\nVERSION_ID=12\n";
const OLDER = "ID=debian\nVERSION_ID=11\n";
const BASE: Things = {
  "/usr/bin/sh": program(elfFile({ interpreter: "/lib64/ld.so" })),
  "/usr/lib64/ld.so": program(elfFile({})),
  "/lib64": link("usr/lib64"),
  "/usr/lib/os-release": RELEASE,
  "/usr/share/plain": "base",
  "/etc/passwd": "root:x:0:0::/:/x\n",
};
const extension = (things: Things, stamp = `${RELEASE}ARCHITECTURE=x86-64\n`): ContentTree =>
  treeOf({ ...things, "/usr/lib/extension-release.d/extension-release.tools": stamp });

async function snapshot(name: string, things: Things, osRelease: string, digit = "0"): Promise<void> {
  const tree = treeOf(things);
  const identity = { backend: "deb", architecture: "amd64", count: 1, digest: digit.repeat(64) } as const;
  const files = formatFileManifest(tree.entries());
  mkdirSync(at(name, "database"), { recursive: true });
  const rest = { distro: "debian", files, tmpfiles: [], osRelease, inspected: inspect(tree) };
  await writeSnapshot(at(name), identity, rest);
}

beforeAll(async () => {
  await snapshot("base", BASE, RELEASE);
  await snapshot("older", BASE, OLDER);
  await snapshot("smaller", { ...BASE, "/usr/bin/sh": "" }, RELEASE, "1");
  await packSnapshot(at("base"), "tar.gz", at("base.tar.gz"), 0);
  writeTar(treeOf(BASE), at("root.tar"));
  writeTar(
    extension({ "/usr/bin/tool": program("#!/usr/bin/sh\n"), "/usr/bin/sh2": link("sh") }),
    at("tools.tar"),
  );
  writeFileSync(at("tools.tar.gz"), gzipSync(readFileSync(at("tools.tar"))));
  writeTar(extension({ "/usr/bin/bad": program("#!/usr/bin/perl\n") }), at("bad.tar"));
  writeTar(extension({}, "ID=debian\nSYSEXT_LEVEL=pkgdb-0000000000000000\n"), at("tied.tar"));
  writeTar(extension({}, "ID=_any\n"), at("any.tar"));
  writeTar(extension({}, `${RELEASE}ARCHITECTURE=arm64\n`), at("arm.tar"));
  writeTar(extension({ "/usr/share/both": "1" }), at("one.tar"));
  writeTar(extension({ "/usr/share/both": "2" }), at("two.tar"));
  writeTar(treeOf({ "/usr/bin/tool": "" }), at("none.tar"));
  for (const name of ["folder", "of-a-user"]) {
    mkdirSync(at(name));
    await run("tar", ["-C", at(name), "-xf", at("tools.tar")]);
  }
  // Made by an ordinary user, who could give it no owners.
  if (process.getuid?.() === 0) await run("chown", ["-R", "4321:4321", at("of-a-user")]);
});

describe("a verdict", () => {
  test.each([
    ["tools.tar", ["base"], 0, /^ok: tools on base\n$/],
    ["tools.tar.gz", ["base.tar.gz"], 0, /^ok: tools on base.tar.gz\n$/],
    ["of-a-user", ["./root.tar"], 0, /^ok: tools on .\/root.tar\n$/],
    ["folder", ["./root.tar"], 0, /^ok: tools on .\/root.tar\n$/],
    [
      "tools.tar",
      ["older"],
      1,
      /^rebuild: tools on older\n {2}not taken: .* VERSION_ID=12, and the base has 11\n$/,
    ],
    [
      "bad.tar",
      ["base"],
      2,
      /^broken: tools on base\n {2}error: missing-interpreter: \/usr\/bin\/bad: .*\n {4}help: /,
    ],
    ["bad.tar", ["base", "older"], 2, /\nbroken: tools on older\n[^]*2 bases: 0 ok, 0 rebuild, 2 broken\n$/],
    ["tools.tar", ["base", "older", "smaller"], 1, /3 bases: 2 ok, 1 rebuild, 0 broken\n$/],
    ["tied.tar", ["base"], 0, /^ok/],
    ["tied.tar", ["smaller"], 1, /SYSEXT_LEVEL=pkgdb-0{16}, and the base has pkgdb-1{16}/],
    // A root as it is before do_image has no level, and then the version counts.
    ["tied.tar", ["root.tar"], 1, /VERSION_ID=nothing, and the base has 12/],
    ["any.tar", ["base", "older"], 0, /2 ok/],
    ["arm.tar", ["base"], 1, /ARCHITECTURE=arm64, and the base is for x86-64/],
  ])("%s against %s: %s", async (name, bases, code, text) => {
    const result = await check(name, "--against", ...bases);
    expect(result.stderr).toBe("");
    expect(result.stdout).toMatch(text);
    expect(result.code).toBe(code);
  });

  test("two extensions at once", async () => {
    const result = await check("one.tar", "--with", "two.tar", "--against", "base");
    expect(result.stdout).toContain("error: extensions-differ: /usr/share/both");
    expect(result.code).toBe(2);
  });

  test("for programs", async () => {
    const { stdout, code } = await check("bad.tar", "--json", "--against", "base");
    expect(code).toBe(2);
    const finding = { severity: "error", code: "missing-interpreter", path: "/usr/bin/bad" };
    expect(JSON.parse(stdout)).toMatchObject({
      format: 1,
      extension: "tools",
      bases: [{ base: "base", verdict: "broken", refusals: [], findings: [finding] }],
    });
  });

  test.each([
    ["squashfs", "mksquashfs"],
    ["erofs", "mkfs.erofs"],
  ])("of a %s", async (type, tool) => {
    const file = at(`tools-${type}.raw`);
    const args = type === "erofs" ? [file, at("folder")] : [at("folder"), file, "-quiet", "-no-progress"];
    const made = await run(tool, args).catch(() => undefined);
    // A machine without the tool: the other tests are about the same code.
    if (made?.code !== 0) return;
    expect(await check(file, "--against", "base")).toMatchObject({ code: 0, stderr: "" });
    truncateSync(file, type === "erofs" ? 2048 : 300);
    expect((await check(file, "--against", "base")).stderr).toMatch(
      /^error\[image\/(format-failed|no-reader)\]/,
    );
  });
});

describe("of a disk image", () => {
  /** A table with one partition, and `content` in it. */
  function disk(
    content: Buffer,
    change: { first?: bigint; last?: bigint; entryBytes?: number } = {},
  ): Buffer {
    const first = change.first ?? 40n;
    const header = Buffer.alloc(40 * 512);
    header.write("EFI PART", 512, "latin1");
    header.writeBigUInt64LE(2n, 512 + 72);
    header.writeUInt32LE(0xffffffff, 512 + 80);
    header.writeUInt32LE(change.entryBytes ?? 128, 512 + 84);
    header.writeBigUInt64LE(first, 1024 + 32);
    header.writeBigUInt64LE(change.last ?? first + BigInt(content.length) / 512n - 1n, 1024 + 40);
    return Buffer.concat([header, content]);
  }

  const zeros = Buffer.alloc(8192);
  const squashfs = Buffer.from(zeros);
  squashfs.write("hsqs", 0, "latin1");
  const ext4 = Buffer.from(zeros);
  ext4.writeUInt16LE(0xef53, 1080);

  test.each([
    ["its file system is opened", disk(squashfs), /image\/(format-failed|no-reader)\]/],
    ["no file system", disk(zeros), /none of its partitions is a squashfs or erofs/],
    ["a partition behind the end", disk(squashfs, { last: 100n }), /none of its partitions/],
    ["a partition that ends before it begins", disk(squashfs, { last: 3n }), /none of its partitions/],
    ["numbers without measure", disk(squashfs, { first: 2n ** 64n - 1n, last: 2n ** 64n - 1n }), /none of/],
    ["entries of another size", disk(squashfs, { entryBytes: 0 }), /none of its partitions/],
    ["cut after its magic", disk(squashfs).subarray(0, 530), /none of its partitions/],
    ["an ext4 alone", ext4, /it is an ext4, which takes a mount/],
  ])("%s", async (_what, content, expected) => {
    writeFileSync(at("disk.raw"), content);
    const { code, stderr } = await check(at("disk.raw"), "--against", "base");
    expect(stderr).toMatch(expected);
    expect(code).not.toBe(0);
  });
});

describe("what is kept of a base", () => {
  const cache = at("project/build/cache/bases");
  const inProject = (...words: string[]) =>
    run("node", [join(root, "scripts/start.js"), "check", at("tools.tar"), "--against", ...words], {
      cwd: at("project"),
      env: { ...plainEnvironment(), HOME: work },
    });

  test("a second look has it from the cache; a damaged one is made anew", async () => {
    mkdirSync(at("project/build"), { recursive: true });
    writeFileSync(at("project/tsbake.yaml"), "header:\n  version: 14\n");
    expect(await inProject(at("base"), at("base.tar.gz"))).toMatchObject({ code: 0, stderr: "" });
    const kept = readdirSync(cache);
    expect(kept).toHaveLength(2);
    const first = await inProject(at("base"));
    for (const name of kept) writeFileSync(join(cache, name), '{"entries":[]}');
    expect((await inProject(at("base"))).stdout).toBe(first.stdout);
    expect(
      readFileSync(join(cache, kept[0]!), "utf8").length + readFileSync(join(cache, kept[1]!), "utf8").length,
    ).toBeGreaterThan(1000);
    expect(readdirSync(cache)).toHaveLength(2);
  });
});

describe("what cannot be checked", () => {
  test.each([
    ["no base", ["tools.tar"], /^error\[cli\/no-base\][^]*--against BASE/],
    [
      "no such file",
      ["./absent.raw", "--against", "base"],
      /^error\[image\/no-image\]: .*absent.raw cannot be checked: it is not there/,
    ],
    [
      "no extension",
      ["none.tar", "--against", "base"],
      /^error\[image\/no-image\]: .*it has 0 files in .usr.lib.extension-release.d/,
    ],
    [
      "no base at all",
      ["tools.tar", "--against", "project"],
      /^error\[image\/no-image\]: .*neither a root with .usr nor a snapshot/,
    ],
    [
      "a device",
      ["tools.tar", "--against", "/dev/null"],
      /^error\[image\/no-image\]: .*neither a file nor a folder/,
    ],
    [
      "a disk",
      ["disk.raw", "--against", "base"],
      /^error\[image\/no-image\]: .*it is a disk, and none of its partitions/,
    ],
    ["a text", ["text", "--against", "base"], /^error\[archive\//],
  ])("%s", async (_title, words, text) => {
    writeFileSync(
      at("disk.raw"),
      Buffer.concat([Buffer.alloc(512), Buffer.from("EFI PART"), Buffer.alloc(4096)]),
    );
    writeFileSync(at("text"), "no archive at all\n".repeat(100));
    mkdirSync(at("project"), { recursive: true });
    const { code, stderr, stdout } = await check(...words);
    expect(stderr).toMatch(text);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect([code, stdout]).toEqual([1, ""]);
  });

  test("a name, where there is no project", async () => {
    expect((await check("tools", "--against", "base")).stderr).toMatch(/^error\[project\/no-project\]/);
  });
});

test("nothing is left in the temporary folder", async () => {
  const env = { ...plainEnvironment(), HOME: work, TMPDIR: at("tmp") };
  mkdirSync(at("tmp"));
  await run("node", [join(root, "scripts/start.js"), "check", at("tools.tar"), "--against", at("root.tar")], {
    env,
  });
  expect(readdirSync(at("tmp"))).toEqual([]);
});
