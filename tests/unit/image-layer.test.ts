/** Steps of an image on packages made on the spot: no network, no archive. */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { type FileEntry, TarFile, TarWriter } from "@tsbake/archive";
import { BuildError } from "@tsbake/base";
import {
  formatFileManifest,
  openSnapshot,
  packSnapshot,
  parseFacts,
  parseFileManifest,
  snapshotFiles,
  snapshotFolder,
  writeSnapshot,
} from "@tsbake/image";
import { openDebBackend } from "@tsbake/packaging";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { run } from "../support/command.js";
import { root as repository, programOf } from "../support/paths.js";
import { describeUnless, notRoot, testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const cannotInstall = notRoot === undefined ? undefined : await toolsProblem("fakeroot");
const SNAPSHOT_TYPES = [
  ["tar", undefined],
  ["tar.gz", undefined],
  ["tar.xz", await toolsProblem("xz")],
  ["tar.zst", await toolsProblem("zstd")],
] as const;

const EPOCH = 1_700_000_000;
const OS_RELEASE = 'ID=debian\nVERSION_ID="12"\n';
const PROGRAM = programOf("image");

const work = temporaryFolder("image-layer");
const base = join(work, "base");
afterAll(() => rmSync(work, { recursive: true, force: true }));

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

async function tsbakeImage(...args: string[]) {
  return run(process.execPath, [PROGRAM, ...args]);
}

function thrownBy(action: () => unknown): string | undefined {
  try {
    action();
  } catch (error) {
    return error instanceof BuildError ? error.name : String(error);
  }
  return undefined;
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

interface Deb {
  readonly name: string;
  readonly fields?: string;
  readonly files: Readonly<Record<string, string>>;
  readonly postinst?: string;
  /** deb-triggers(5). */
  readonly triggers?: string;
  /** What it says that its files take. Default 100. */
  readonly installedKib?: number;
}

async function makeDeb(folder: string, deb: Deb): Promise<void> {
  const tree = join(work, "deb-trees", deb.name);
  rmSync(tree, { recursive: true, force: true });
  const control =
    `Package: ${deb.name}\nVersion: 1.0\nArchitecture: amd64\nMaintainer: Nobody <nobody@localhost>\n` +
    `Installed-Size: ${deb.installedKib ?? 100}\n${deb.fields ?? ""}Description: made for a test\n`;
  put(join(tree, "DEBIAN/control"), control);
  for (const [path, text] of Object.entries(deb.files)) put(join(tree, path), text);
  if (deb.postinst !== undefined) {
    put(join(tree, "DEBIAN/postinst"), deb.postinst);
    await run("chmod", ["755", join(tree, "DEBIAN/postinst")]);
  }
  if (deb.triggers !== undefined) put(join(tree, "DEBIAN/triggers"), deb.triggers);
  mkdirSync(folder, { recursive: true });
  const args = ["--root-owner-group", "--build", tree, join(folder, `${deb.name}_1.0_amd64.deb`)];
  const built = await run("dpkg-deb", args, {
    env: { PATH: process.env["PATH"] ?? "", SOURCE_DATE_EPOCH: "1600000000" },
  });
  if (built.code !== 0) throw new Error(built.stderr);
}

/** A base with one installed package that owns /usr/lib/libbase.so, as a snapshot folder. */
async function makeBase(folder: string, packages: readonly string[]): Promise<void> {
  const tree = join(work, "base-root");
  rmSync(tree, { recursive: true, force: true });
  const stanzas = packages.map(
    (name) =>
      `Package: ${name}\nStatus: install ok installed\nMaintainer: Nobody <nobody@localhost>\nArchitecture: amd64\n` +
      `Version: 1.0\nInstalled-Size: 5000\nDescription: base\n`,
  );
  put(join(tree, "var/lib/dpkg/status"), stanzas.join("\n"));
  for (const name of packages) {
    put(join(tree, `var/lib/dpkg/info/${name}.list`), `/.\n/usr\n/usr/lib\n/usr/lib/${name}.so\n`);
  }
  put(join(tree, "var/lib/dpkg/info/format"), "1\n");
  put(join(tree, "var/lib/dpkg/triggers/File"), "/usr/share/watched libbase/noawait\n");
  for (const name of ["ldconfig", "update-things"])
    put(join(tree, "var/lib/dpkg/triggers", name), "libbase\n");
  put(join(tree, "var/lib/dpkg/arch"), "amd64\n");
  const identity = await openDebBackend().snapshot(tree, join(folder, "database"));
  const directory = (path: string): FileEntry => ({
    path,
    kind: "directory",
    mode: 0o755,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
  });
  const files = formatFileManifest([
    ...["/usr", "/usr/lib", "/usr/bin", "/etc", "/var", "/var/lib", "/usr/share", "/usr/share/doc"].map(
      directory,
    ),
    ...packages.map((name): FileEntry => ({
      path: `/usr/lib/${name}.so`,
      kind: "file",
      mode: 0o644,
      uid: 0,
      gid: 0,
      sizeBytes: 4,
      sha256: sha256("base"),
      package: name,
    })),
    { path: "/lib", kind: "symlink", mode: 0o777, uid: 0, gid: 0, sizeBytes: 0, target: "usr/lib" },
  ]);
  await writeSnapshot(folder, identity, { distro: "debian", files, tmpfiles: [], osRelease: OS_RELEASE });
}

async function layer(name: string, install: string, more: readonly string[] = []) {
  const args = [
    "--pool",
    join(work, "pool"),
    "--backend",
    "deb",
    "--architecture",
    "amd64",
    "--distro",
    "debian",
    "--epoch",
    String(EPOCH),
  ];
  const folders = [
    "--packages",
    join(work, "debs"),
    "--work",
    join(work, `${name}-work`),
    "--output",
    join(work, name),
  ];
  const policy = more.includes("--scripts") ? [] : ["--scripts", "skip"];
  return tsbakeImage("layer", "--base", base, "--install", install, ...policy, ...args, ...folders, ...more);
}

beforeAll(async () => {
  await makeBase(base, ["libbase"]);
  await makeDeb(join(work, "debs"), {
    name: "tool",
    fields: "Depends: libbase, libtool1\n",
    files: { "usr/bin/tool": "tool", "etc/tool.conf": "conf", "lib/tool.so": "x" },
    postinst: "#!/bin/sh\ntouch /made-by-a-script\n",
  });
  await makeDeb(join(work, "debs"), { name: "libtool1", files: { "usr/lib/libtool.so.1": "lib" } });
  const { debs, libraries } = { debs: join(work, "debs"), libraries: "activate-noawait ldconfig\n" };
  await makeDeb(debs, { name: "plain", files: { "usr/lib/plain.so": "x" }, triggers: libraries });
  await makeDeb(debs, { name: "alone", files: { "usr/bin/alone": "x" }, triggers: "activate nobodys\n" });
  await makeDeb(debs, { name: "caller", files: { "usr/x": "x" }, triggers: "activate update-things\n" });
  await makeDeb(debs, { name: "watched", files: { "usr/share/watched/deep/x": "x" } });
  await makeDeb(debs, { name: "near", files: { "usr/share/watched-not/x": "x" } });
  await makeDeb(join(work, "debs"), { name: "thief", files: { "usr/lib/libbase.so": "mine" } });
  await makeDeb(join(work, "debs"), { name: "huge", files: { "usr/bin/huge": "x" }, installedKib: 2 ** 42 });
  await makeDeb(join(work, "debs"), { name: "stranger", files: { "srv/www/index": "x" } });
});

describe("a tar of ours", () => {
  const path = join(work, "x.tar");
  const deep = `/${"long-folder-name/".repeat(12)}file`;
  const file = (at: string, text: string, more: Partial<FileEntry> = {}): FileEntry => ({
    path: at,
    kind: "file",
    mode: 0o4755,
    uid: 7,
    gid: 8,
    sizeBytes: Buffer.byteLength(text),
    ...more,
  });
  const entries: [FileEntry, string?][] = [
    [{ path: "/dir", kind: "directory", mode: 0o1777, uid: 0, gid: 0, sizeBytes: 0 }],
    [file("/dir/a", "content"), "content"],
    [file(deep, "deep"), "deep"],
    [file("/ü", ""), ""],
    [file("/cap", "x", { xattrs: ["security.capability=AQAAAg==", "user.text=aGVsbG8="] }), "x"],
    [{ path: "/link", kind: "symlink", mode: 0o777, uid: 0, gid: 0, sizeBytes: 0, target: "/t".repeat(80) }],
    [{ path: "/dir/b", kind: "file", mode: 0o4755, uid: 7, gid: 8, sizeBytes: 7, hardlink: "/dir/a" }],
    [{ path: "/null", kind: "character", mode: 0o666, uid: 0, gid: 0, sizeBytes: 0, device: "1:3" }],
  ];

  beforeAll(() => {
    using writer = new TarWriter(path);
    writer.root(1000);
    for (const [entry, text] of entries) {
      writer.begin(entry, 1000);
      if (text !== undefined) {
        writer.write(Buffer.from(text));
        writer.pad();
      }
    }
    writer.finish();
  });

  test("reads back as it was written, with digests", () => {
    using tar = new TarFile(path);
    const carrier = sha256("content");
    expect(tar.members().map(({ entry }) => entry)).toEqual(
      entries.map(([entry, text]) => {
        if (entry.hardlink) return { ...entry, sha256: carrier };
        return text === undefined ? entry : { ...entry, sha256: sha256(text) };
      }),
    );
  });

  test("is one for the system's tar", async () => {
    const listed = await run("tar", ["-tf", path]);
    expect(listed).toMatchObject({ code: 0, stderr: "" });
    expect(listed.stdout.split("\n")).toContain(`.${deep}`);
    expect((await run("tar", ["-xOf", path, `.${deep}`])).stdout).toBe("deep");
  });

  test("takes another time in place", () => {
    {
      using tar = new TarFile(path, "r+");
      for (const member of tar.members(false)) tar.setTime(member, 2000);
      tar.setRootTime(2000);
    }
    using tar = new TarFile(path);
    expect(new Set(tar.members(false).map((member) => member.mtimeSeconds))).toEqual(new Set([2000]));
  });

  test("is refused when cut or changed", () => {
    const bytes = readFileSync(path);
    for (const [name, data] of [
      ["cut in a header", bytes.subarray(0, 700)],
      ["cut in content", bytes.subarray(0, 512 * 3 - 100)],
      ["another byte", Buffer.concat([Buffer.from("X"), bytes.subarray(1)])],
      ["empty", Buffer.alloc(0)],
    ] as const) {
      const damaged = join(work, "damaged.tar");
      writeFileSync(damaged, data);
      using tar = new TarFile(damaged);
      expect([name, thrownBy(() => tar.members())]).toEqual([name, "BuildError"]);
    }
  });
});

describeUnless(cannotInstall, "a layer on a base's database", () => {
  test("holds only what the base lacks, and no script has run", async () => {
    const result = await layer("layer", "tool");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const facts = parseFacts(readFileSync(join(work, "layer/packages.json"), "utf8"), "facts");
    expect(facts.packages.map((one) => one.name)).toEqual(["libtool1", "tool"]);
    expect(facts.closure).toEqual({ count: 3, installedSizeBytes: 5200 * 1024 });
    expect(facts.skippedScripts).toMatchObject([{ package: "tool", script: "postinst" }]);
    const files = parseFileManifest(readFileSync(join(work, "layer/files.jsonl"), "utf8"), "files");
    expect(files.filter((one) => one.kind === "file").map((one) => [one.path, one.package])).toEqual([
      ["/etc/tool.conf", "tool"],
      ["/lib/tool.so", "tool"],
      ["/usr/bin/tool", "tool"],
      ["/usr/lib/libtool.so.1", "libtool1"],
    ]);
    expect(existsSync("/made-by-a-script")).toBe(false);
  });

  test.each([
    ["tool", "tool: postinst"],
    ["caller plain", "caller: trigger update-things"],
    ["watched", "watched: trigger /usr/share/watched"],
  ])(
    "of packages of which something would run is refused where that was asked for: %s",
    async (name, what) => {
      const result = await layer(`refused-${name.slice(0, 4)}`, name, ["--scripts", "refuse"]);
      expect(result.code).toBe(1);
      expect(result.stderr).toContain(
        `error[image/scripts-refused]: something would have to run on the device: ${what}\n`,
      );
      expect(readdirSync(join(work, `refused-${name.slice(0, 4)}`))).toEqual([]);
    },
  );

  test("of packages of which nothing runs needs no tree of the base, and is the same with each policy", async () => {
    const install = "plain alone near";
    const results = [];
    await layer("skipping", install);
    for (const policy of ["merged", "refuse"]) {
      // A tree that is not there is not missed.
      const more = ["--scripts", policy, "--base-tree", join(work, "none.tar")];
      results.push((await layer(`nothing-${policy}`, install, more)).stderr);
      expect(readFileSync(join(work, `nothing-${policy}/rootfs.tar`)).equals(tarOfSkipping())).toBe(true);
    }
    expect(results).toEqual(["", ""]);
  });
  const tarOfSkipping = () => readFileSync(join(work, "skipping/rootfs.tar"));

  test("with scripts that are to run needs the base's tree", async () => {
    const result = await layer("treeless", "tool", ["--scripts", "merged"]);
    expect(result.stderr).toContain("error[image/no-base-tree]");
    expect((await layer("wrong", "tool", ["--scripts", "maybe"])).stderr).toContain(
      "SYSEXT_SCRIPTS is `maybe`, not merged or skip or refuse",
    );
  });

  test("is the same when it is made again elsewhere", async () => {
    await layer("again", "tool");
    for (const name of ["rootfs.tar", "files.jsonl", "packages.json"]) {
      expect(readFileSync(join(work, "again", name)).equals(readFileSync(join(work, "layer", name)))).toBe(
        true,
      );
    }
  });

  test("refuses a base of another architecture", async () => {
    const result = await layer("foreign", "tool", ["--architecture", "arm64"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("its architecture is amd64, not arm64");
  });

  test("becomes an extension with stamp, factory file and report", async () => {
    const result = await sysext("layer", "ext");
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const files = parseFileManifest(readFileSync(join(work, "ext/files.jsonl"), "utf8"), "files");
    expect(files.filter((one) => one.kind === "file").map((one) => one.path)).toEqual([
      "/usr/bin/tool",
      "/usr/lib/extension-release.d/extension-release.tools",
      "/usr/lib/libtool.so.1",
      "/usr/lib/tmpfiles.d/tools.conf",
      "/usr/lib/tool.so",
      "/usr/share/factory/etc/tool.conf",
    ]);
    const stamp = "./usr/lib/extension-release.d/extension-release.tools";
    const release = await run("tar", ["-xOf", join(work, "ext/image.tar"), stamp]);
    expect(release.stdout).toBe("ID=debian\nVERSION_ID=12\nARCHITECTURE=x86-64\n");
    const report = readFileSync(join(work, "ext/report.txt"), "utf8");
    expect(report.split("\n").map((line) => line.split("\t").slice(0, 2))).toEqual([
      ["factory", "/etc/tool.conf"],
      ["moved", "/lib/tool.so"],
      [""],
    ]);
    using tar = new TarFile(join(work, "ext/image.tar"));
    expect(tar.members().map(({ entry }) => entry.sha256)).toEqual(files.map((one) => one.sha256));
  });

  test("with a confext beside it: both have a stamp, of one name", async () => {
    const rules = ["--companion", "--rules", "/usr/**=keep /etc/**=confext"];
    expect(await sysext("layer", "ext-pair", rules)).toMatchObject({ code: 0, stderr: "" });
    const pathsOf = (folder: string): string[] =>
      parseFileManifest(readFileSync(join(work, folder, "files.jsonl"), "utf8"), "files")
        .filter(({ kind }) => kind === "file")
        .map(({ path }) => path);
    expect(pathsOf("ext-pair").filter((path) => !/^\/usr\/(bin|lib)\/[^/]+$/.test(path))).toEqual([
      "/usr/lib/extension-release.d/extension-release.tools",
    ]);
    const stamp = "/etc/extension-release.d/extension-release.tools";
    expect(pathsOf("ext-pair/confext")).toEqual([stamp, "/etc/tool.conf"]);
    const tar = join(work, "ext-pair/confext/image.tar");
    const { stdout } = await run("tar", ["-xOf", tar, `.${stamp}`, "./etc/tool.conf"]);
    expect(stdout).toBe("ID=debian\nVERSION_ID=12\nARCHITECTURE=x86-64\nconf");
  });

  test("with the database on request", async () => {
    await layer("keep", "tool", ["--keep-database"]);
    const result = await sysext("keep", "ext-keep", ["--database", join(work, "keep/pkgdb/database")]);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    const listed = await run("tar", ["-tf", join(work, "ext-keep/image.tar")]);
    expect(listed.stdout).toContain("./usr/lib/sysimage/tools/var/lib/dpkg/status\n");
  });

  test("stops on a path without a rule, and leaves no image", async () => {
    await layer("stranger", "stranger");
    const result = await sysext("stranger", "ext-stranger");
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("error[image/no-rule]");
    expect(result.stderr).toContain("/srv/www/index of package stranger");
    expect(readdirSync(join(work, "ext-stranger"))).toEqual([]);
  });

  test("stops on a file of the base, naming both packages", async () => {
    const result = await layer("thief", "thief");
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/thief/);
    expect(result.stderr).toMatch(/libbase/);
  });

  const compresses = [0xef53, 0x5846_5342, 0x0102_1994].includes(statfsSync(work).type)
    ? undefined
    : "this file system may hold more than its free bytes";
  testUnless(compresses, "says that packages cannot fit before it unpacks one", async () => {
    const result = await layer("huge", "huge");
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(
      /error\[base\/disk-full\]: unpacking 1 package needs 4096 TiB in .*: of the disk mounted on \/.*, .* are free/,
    );
    expect(existsSync(join(work, "huge-work/root/usr"))).toBe(false);
  });
});

async function sysext(from: string, to: string, more: readonly string[] = []) {
  const layerArgs = ["--tree", join(work, from, "rootfs.tar"), "--files", join(work, from, "files.jsonl")];
  const baseArgs = ["--base", base, "--base-name", "base-image", "--name", "tools", "--policy", "version"];
  const rules = ["--rules", "/usr/**=keep /etc/**=factory /var/**=factory", "--architecture", "amd64"];
  const folders = ["--work", join(work, `${to}-work`), "--output", join(work, to)];
  const all = [...layerArgs, ...baseArgs, ...rules, "--epoch", String(EPOCH), ...folders, ...more];
  return tsbakeImage("sysext", ...all);
}

describe("a snapshot", () => {
  const copy = join(work, "copy");
  function fresh(): string {
    rmSync(copy, { recursive: true, force: true });
    cpSync(base, copy, { recursive: true });
    return copy;
  }

  test("verifies", async () => {
    const result = await tsbakeImage("pkgdb-verify", "--snapshot", base);
    expect(result).toMatchObject({ code: 0, stderr: "" });
    expect(result.stdout).toMatch(/^deb amd64: 1 packages, 10 paths, digest [0-9a-f]{64}\n$/);
  });

  test("depends on the packages, not on the moment", async () => {
    const other = join(work, "other");
    await makeBase(other, ["libbase"]);
    const facts = (folder: string) => openSnapshot(folder).then((snapshot) => snapshot.facts);
    expect(await facts(other)).toEqual(await facts(base));
    await makeBase(join(work, "more"), ["libbase", "libmore"]);
    expect((await facts(join(work, "more"))).digest).not.toBe((await facts(base)).digest);
  });

  for (const [type, problem] of SNAPSHOT_TYPES)
    testUnless(problem, `travels as ${type} and is the same at the other end`, async () => {
      const archive = join(work, `pkgdb.${type}`);
      await packSnapshot(base, type, archive, EPOCH);
      const first = readFileSync(archive);
      await packSnapshot(base, type, archive, EPOCH);
      expect(readFileSync(archive).equals(first)).toBe(true);
      const folder = await snapshotFolder(archive, join(work, `open-${type}`));
      const [there, here] = [await openSnapshot(folder), await openSnapshot(base)];
      expect(there.facts).toEqual(here.facts);
      expect(await snapshotFiles(there)).toEqual(await snapshotFiles(here));
      expect((await tsbakeImage("pkgdb-verify", "--snapshot", archive)).code).toBe(0);
    });

  test("an unknown type is refused", async () => {
    await expect(packSnapshot(base, "zip", join(work, "x"), EPOCH)).rejects.toThrow("image/unknown-type");
  });

  test.each<[string, (folder: string) => void, RegExp]>([
    ["no facts", (folder) => rmSync(join(folder, "snapshot.json")), /snapshot\.json is missing/],
    [
      "facts of another format",
      (folder) => put(join(folder, "snapshot.json"), '{"format":9}'),
      /not of a snapshot of format 3/,
    ],
    [
      "a changed os-release",
      (folder) => appendFileSync(join(folder, "os-release"), "X=1\n"),
      /os-release is not the one/,
    ],
    [
      "a cut file manifest",
      (folder) => truncateSync(join(folder, "files.jsonl"), 30),
      /files\.jsonl is not the one/,
    ],
    ["a cut status", (folder) => truncateSync(join(folder, "database/var/lib/dpkg/status"), 20), /error\[/],
    [
      "a package more",
      (folder) =>
        appendFileSync(
          join(folder, "database/var/lib/dpkg/status"),
          "\nPackage: evil\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\nMaintainer: x <x@localhost>\nDescription: x\n",
        ),
      /error\[/,
    ],
    ["no database", (folder) => rmSync(join(folder, "database"), { recursive: true }), /error\[/],
  ])("%s: refused, with a remedy", async (_what, spoil, message) => {
    spoil(fresh());
    const result = await tsbakeImage("pkgdb-verify", "--snapshot", copy);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(message);
    expect(result.stderr).toContain("help: ");
    expect(result.stderr).not.toMatch(/\n\s+at /);
  });

  test("a cut archive is refused", async () => {
    const archive = join(work, "cut.tar.gz");
    await packSnapshot(base, "tar.gz", archive, EPOCH);
    truncateSync(archive, 200);
    const result = await tsbakeImage("pkgdb-verify", "--snapshot", archive);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/^error\[/);
  });

  test("stamps the base's os-release once, and refuses one that became another", async () => {
    const tree = join(work, "stamped");
    const osRelease = join(tree, "usr/lib/os-release");
    put(osRelease, OS_RELEASE);
    for (const _time of [1, 2]) {
      expect((await tsbakeImage("stamp", "--snapshot", base, "--root", tree)).code).toBe(0);
      const { digest } = (await openSnapshot(base)).facts;
      expect(readFileSync(osRelease, "utf8")).toBe(
        `${OS_RELEASE}SYSEXT_LEVEL=pkgdb-${digest.slice(0, 16)}\nCONFEXT_LEVEL=pkgdb-${digest.slice(0, 16)}\n`,
      );
    }
    put(osRelease, "ID=debian\nVERSION_ID=13\n");
    const result = await tsbakeImage("stamp", "--snapshot", base, "--root", tree);
    expect(result.stderr).toContain(
      "VERSION_ID in os-release was `12` in the package database snapshot and is `13`",
    );
    expect(readFileSync(osRelease, "utf8")).not.toContain("SYSEXT_LEVEL");
  });
});

describe("the program", () => {
  test.each<[string[], number, RegExp]>([
    [["--help"], 0, /^tsbake-image SUBCOMMAND/],
    [[], 1, /a subcommand is needed/],
    [["layer", "--help"], 0, /--base PATH +the base's snapshot/],
    [["nonsense"], 1, /there is no subcommand `nonsense`/],
    [["layer"], 1, /layer needs --backend, --install, --pool/],
    [["convert", "--frobnicate"], 1, /frobnicate/],
    [["pkgdb-verify", "--snapshot", "/nonexistent"], 1, /\/nonexistent cannot be used: it is not there/],
    [
      ["pkgdb", "--snapshot", "/", "--type", "tar", "--output", "/x", "--epoch", "soon"],
      1,
      /error\[image\/bad-/,
    ],
  ])("%j", async (args, code, output) => {
    const result = await tsbakeImage(...args);
    expect(result.code).toBe(code);
    expect(code === 0 ? result.stdout : result.stderr).toMatch(output);
  });

  test("has the level of gzip in an image", async () => {
    const [tree, output] = [join(work, "levels.tar"), join(work, "levels.tar.gz")];
    writeFileSync(tree, readFileSync(join(repository, "package-lock.json")));
    const places = ["--tree", tree, "--output", output, "--work", work, "--epoch", "0"];
    expect(await tsbakeImage("convert", "--type", "tar.gz", ...places)).toMatchObject({ code: 0 });
    expect(gzipSync(readFileSync(tree), { level: 5 })).not.toEqual(gzipSync(readFileSync(tree)));
    expect(readFileSync(output).equals(gzipSync(readFileSync(tree), { level: 6 }))).toBe(true);
  });
});
