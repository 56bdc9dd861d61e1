import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { sha256File } from "@tsbake/base";
import { hostArchitecture, parseListing, parseSimulation, poolName, writeClosure } from "@tsbake/packaging";
import { readElf } from "@tsbake/elf";
import { programOf } from "../support/paths.js";
import { run } from "../support/command.js";
import { elfFile } from "../support/elf.js";
import { temporaryFolder } from "../support/temporary.js";

function scratch(): { path: string; [Symbol.dispose](): void } {
  const path = temporaryFolder("packaging-trees");
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

describe("ELF files", () => {
  const wants = { "libc.so.6": ["GLIBC_2.34", "GLIBC_2.2.5"], "libm.so.6": ["GLIBC_2.29"] };
  const bytes = elfFile({
    soname: "libx.so.1",
    needed: ["libc.so.6", "libm.so.6"],
    runpath: "/opt/x:$ORIGIN",
    wants,
    gives: ["X_1", "X_2"],
  });

  test("a library's names", async () => {
    using folder = scratch();
    writeFileSync(join(folder.path, "libx"), bytes);
    expect(await readElf(join(folder.path, "libx"))).toEqual({
      kind: "shared",
      bits: 64,
      isLittle: true,
      machine: 62,
      soname: "libx.so.1",
      needed: ["libc.so.6", "libm.so.6"],
      runpath: ["/opt/x", "$ORIGIN"],
      neededVersions: Object.entries(wants).map(([library, versions]) => ({ library, versions })),
      definedVersions: ["X_1", "X_2"],
      hasSymbols: false,
      hasDebug: false,
    });
  });

  test("the running program has an interpreter and needs a C library", async () => {
    const elf = await readElf(process.execPath);
    expect(elf?.interpreter).toMatch(/^\/lib/);
    expect(elf?.needed.some((name) => name.startsWith("libc.so"))).toBe(true);
    // And versions of its symbols, all of which that library gives.
    const wanted = elf?.neededVersions.find(({ library }) => library.startsWith("libc.so"))?.versions ?? [];
    expect(wanted).toContainEqual(expect.stringMatching(/^GLIBC_2\.\d+$/));
    const { stdout } = await run("ldd", [process.execPath]);
    const libc = /libc\.so\.\d+ => (\S+)/.exec(stdout)?.[1] ?? "";
    expect((await readElf(libc))?.definedVersions).toEqual(expect.arrayContaining([...wanted]));
  });

  test("a part of a file is a file; past its end there is nothing", async () => {
    using folder = scratch();
    const path = join(folder.path, "tar");
    writeFileSync(path, Buffer.concat([Buffer.alloc(512, 1), bytes, Buffer.alloc(512, 1)]));
    const part = { offset: 512, sizeBytes: bytes.length };
    expect((await readElf(path, part))?.soname).toBe("libx.so.1");
    expect(await readElf(path)).toBeUndefined();
    expect(await readElf(path, { ...part, sizeBytes: bytes.length - 1 })).toBeUndefined();
  });

  test("whatever is damaged: no answer or another one, never an error", async () => {
    using folder = scratch();
    const path = join(folder.path, "damaged");
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        fc.nat(bytes.length),
        async (changes, length) => {
          const copy = Buffer.from(bytes);
          for (const [at, value] of changes) copy[at] = value;
          writeFileSync(path, copy.subarray(0, length));
          await readElf(path);
        },
      ),
    );
    writeFileSync(path, "#!/bin/sh\n");
    expect(await readElf(path)).toBeUndefined();
  });
});

describe("what programs print", () => {
  test("apt's simulation", () => {
    const text = [
      "Remv old [1.0]",
      "Inst libx1 (1.2-3 volatile-packages-file [amd64])",
      "Inst tool [1.0] (1:2.0 Debian:12/stable, Debian-Security:12 [all]) []",
      "Inst libx1:i386 (1.2-3 file [i386])",
      "Conf tool (1:2.0 x [all])",
    ].join("\n");
    expect(parseSimulation(text)).toEqual([
      { action: "Remv", name: "old", from: "1.0" },
      { action: "Inst", name: "libx1", to: "1.2-3", architecture: "amd64" },
      { action: "Inst", name: "tool", from: "1.0", to: "1:2.0", architecture: "all" },
      { action: "Inst", name: "libx1", to: "1.2-3", architecture: "i386" },
    ]);
  });

  test.each([
    ["drwxr-xr-x 0/0               0 2025-01-01 00:00 ./usr/", ["./usr/", true, 0o755, "0:0"]],
    ["drwxrwsr-t 0/50              0 2025-01-01 00:00 ./var/mail/", ["./var/mail/", true, 0o3775, "0:50"]],
    [
      "-rwsr-sr-- 0/42           1234 2025-01-01 00:00 ./usr/bin/a b",
      ["./usr/bin/a b", false, 0o6754, "0:42"],
    ],
    ["lrwxrwxrwx 0/0               0 2025-01-01 00:00 ./bin/x -> ../y", ["./bin/x", false, 0o777, "0:0"]],
    [
      "hrwxr-xr-x 0/0               0 2025-01-01 00:00 ./perl5 link to ./perl",
      ["./perl5", false, 0o755, "0:0"],
    ],
    ["crw-rw-rw- 0/0             1,3 2025-01-01 00:00 ./dev/null", ["./dev/null", false, 0o666, "0:0"]],
  ])("tar's line %s", (line, [name, isFolder, mode, owner]) => {
    expect(parseListing(line)).toEqual({ name, isFolder, mode, owner });
  });

  test("a line of another form is no entry", () => {
    expect(parseListing("tar: something")).toBeUndefined();
  });
});

describe("a native tree", () => {
  const main = programOf("packaging");

  /** A package with this machine's `cat`, its loader and its C library, as a closure of one. */
  async function closureOf(folder: string): Promise<void> {
    const tree = join(folder, "tree");
    const elf = await readElf("/bin/cat");
    const libraries = (await run("ldd", ["/bin/cat"])).stdout.matchAll(/=> (\/\S+)/g);
    const interpreter = elf?.interpreter ?? "";
    mkdirSync(join(tree, "DEBIAN"), { recursive: true });
    mkdirSync(join(tree, "bin"));
    mkdirSync(join(tree, "usr/lib/x86_64-linux-gnu"), { recursive: true });
    mkdirSync(join(tree, "usr/share/doc/cat"), { recursive: true });
    mkdirSync(join(tree, interpreter, ".."), { recursive: true });
    for (const [, library = ""] of libraries) {
      cpSync(library, join(tree, "usr/lib/x86_64-linux-gnu", library.slice(library.lastIndexOf("/"))), {
        dereference: true,
      });
    }
    cpSync(interpreter, join(tree, interpreter), { dereference: true });
    cpSync("/bin/cat", join(tree, "bin/cat"), { dereference: true });
    symlinkSync("/bin/cat", join(tree, "bin/link"));
    writeFileSync(join(tree, "usr/share/doc/cat/README"), "");
    writeFileSync(
      join(tree, "DEBIAN/control"),
      "Package: cat\nVersion: 1\nArchitecture: all\nMaintainer: n <n@localhost>\nDescription: x\n",
    );
    const file = "cat_1_all.deb";
    const built = await run("dpkg-deb", ["--root-owner-group", "--build", tree, join(folder, file)]);
    expect(built).toMatchObject({ code: 0 });
    const one = {
      name: "cat",
      version: "1",
      architecture: "all",
      stanza: "Package: cat\n",
      file,
      uri: "file:/x",
      sha256: await sha256File(join(folder, file)),
      sizeBytes: statSync(join(folder, file)).size,
    };
    renameSync(join(folder, file), join(folder, poolName(one)));
    writeFileSync(join(folder, "closure"), writeClosure({ roots: ["cat"], packages: [one] }));
  }

  const unpack = async (folder: string, ...more: readonly string[]) =>
    run(process.execPath, [
      main,
      "feed-unpack",
      "--closure",
      join(folder, "closure"),
      "--pool",
      folder,
      "--into",
      join(folder, "out"),
      "--architecture",
      await hostArchitecture(),
      ...more,
    ]);

  test("runs from another place, by its own name and by a link, with its own loader", async () => {
    using folder = scratch();
    await closureOf(folder.path);
    expect(await unpack(folder.path, "--kind", "native", "--links", "usr/bin/kitty:cat")).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^1 of 1: unpacked \S+\.deb\nunpacked 1 packages, wrapped 1 programs\n$/),
    });
    const moved = join(folder.path, "moved here");
    renameSync(join(folder.path, "out"), moved);
    expect(readlinkSync(join(moved, "usr/bin/link"))).toBe("../../bin/cat");
    expect(readFileSync(join(moved, "usr/bin/cat"), "utf8")).toContain("--library-path");
    expect(statSync(join(moved, "usr/share/doc"), { throwIfNoEntry: false })).toBeUndefined();
    for (const name of ["cat", "link", "kitty"]) {
      const told = await run(join(moved, "usr/bin", name), ["/proc/self/maps"]);
      expect(told.stderr).toBe("");
      const libc = told.stdout.split("\n").find((line) => line.includes("libc.so"));
      expect(libc).toContain(moved);
    }
    const failed = await run(join(moved, "usr/bin/kitty"), ["/nowhere"]);
    expect(failed.stderr).toContain(`${moved}/usr/bin/kitty: /nowhere`);
  });

  test("a package that is not what was signed is refused", async () => {
    using folder = scratch();
    await closureOf(folder.path);
    const [name = ""] = readdirSync(folder.path).filter((one) => one.endsWith(".deb"));
    writeFileSync(join(folder.path, name), "other");
    const done = await unpack(folder.path, "--kind", "target");
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining("error[packaging/bad-deb]")]);
  });

  test("a link that leads out of the tree is refused", async () => {
    using folder = scratch();
    await closureOf(folder.path);
    const done = await unpack(folder.path, "--kind", "native", "--links", "usr/bin/x:../../../etc");
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining("error[packaging/bad-argument]")]);
  });
});
