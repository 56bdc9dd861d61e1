import { buffer } from "node:stream/consumers";
import { describe, expect, test } from "@jest/globals";
import { openArMember, readAr } from "@tsbake/archive";
import fc from "fast-check";
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  canonicalDatabase,
  closureDigest,
  compareDebVersions,
  databaseDigest,
  mergeClosures,
  openDebBackend,
  parseClosure,
  parseRelations,
  parseStanzas,
  readDebDatabase,
  writeClosure,
  writeStanza,
} from "@tsbake/packaging";
import type { ClosurePackage } from "@tsbake/packaging";
import { programOf } from "../support/paths.js";
import { run } from "../support/command.js";
import { temporaryFolder } from "../support/temporary.js";

function scratch(): { path: string; [Symbol.dispose](): void } {
  const path = temporaryFolder("packaging-test");
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

function write(folder: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

describe("versions", () => {
  test.each([
    ["1.0", "1.0", 0],
    ["1.0", "1.1", -1],
    ["1.10", "1.9", 1],
    ["1:0.1", "2.0", 1],
    ["0:1.0", "1.0", 0],
    ["1.0~rc1", "1.0", -1],
    ["1.0~rc1", "1.0~rc2", -1],
    ["1.0~~", "1.0~", -1],
    ["1.0-1", "1.0-1+b1", -1],
    ["1.0-1", "1.0", 1],
    ["1.0-0", "1.0", 0],
    ["1.0a", "1.0+", -1],
    ["1.0", "1.0a", -1],
    ["2.36-9+deb12u14", "2.36-9+deb12u4", 1],
    ["007", "7", 0],
    ["1.2.3-4-5", "1.2.3-4-6", -1],
  ])("%s against %s is %i", (left, right, expected) => {
    expect(Math.sign(compareDebVersions(left, right))).toBe(expected);
    expect(Math.sign(compareDebVersions(right, left))).toBe(expected === 0 ? 0 : -expected);
  });

  test("is an order: the same both ways, and transitive", () => {
    const version = fc.string({ unit: fc.constantFrom(..."019az.+~-".split("")), maxLength: 8 });
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        expect(Math.sign(compareDebVersions(a, b))).toBe(-Math.sign(compareDebVersions(b, a)) + 0);
        const isChain = compareDebVersions(a, b) <= 0 && compareDebVersions(b, c) <= 0;
        expect(!isChain || compareDebVersions(a, c) <= 0).toBe(true);
      }),
    );
  });

  test("agrees with dpkg", async () => {
    const pairs = [
      ["1.0~rc1-1", "1.0-1"],
      ["2:1.0", "1:9"],
      ["1.0+dfsg1-1.1", "1.0-2"],
      ["9.1-1", "9.1-1+b1"],
    ] as const;
    for (const [left, right] of pairs) {
      const isLess = await run("dpkg", ["--compare-versions", left, "lt", right]);
      expect([left, compareDebVersions(left, right) < 0]).toEqual([left, isLess.code === 0]);
    }
  });
});

describe("stanzas", () => {
  test("fields, continuation lines, several stanzas", () => {
    const { stanzas, faults } = parseStanzas(
      "Package: a\nDescription: short\n long\n .\n more\n\n\n# note\nPackage: b\nConffiles:\n /etc/b 0123\n",
    );
    expect(faults).toEqual([]);
    expect(stanzas.map((one) => [...one])).toEqual([
      [
        ["Package", "a"],
        ["Description", "short\n long\n .\n more"],
      ],
      [
        ["Package", "b"],
        ["Conffiles", "\n /etc/b 0123"],
      ],
    ]);
  });

  test.each([
    [" lost\n", "a continuation line without a field before it"],
    ["Package\n", "no `Name: value`"],
    ["Two words: x\n", "no `Name: value`"],
    ["A: 1\nA: 2\n", "a second field `A`"],
  ])("%j: %s", (text, reason) => {
    expect(parseStanzas(text).faults[0]?.reason).toBe(reason);
  });

  test("what is written is read back", () => {
    const name = fc.stringMatching(/^[A-Z][A-Za-z-]{0,8}$/);
    const line = fc.stringMatching(/^[!-~]([ -~]*[!-~])?$/);
    const value = fc
      .tuple(line, fc.array(line, { maxLength: 3 }))
      .map(([first, more]) => [first, ...more].join("\n "));
    fc.assert(
      fc.property(fc.dictionary(name, value, { minKeys: 1, maxKeys: 5 }), (fields) => {
        const stanza = new Map(Object.entries(fields));
        const { stanzas, faults } = parseStanzas(`${writeStanza(stanza)}\n${writeStanza(stanza)}`);
        expect(faults).toEqual([]);
        expect(stanzas).toEqual([stanza, stanza]);
      }),
    );
  });

  test("never throws", () => {
    expect(() => fc.assert(fc.property(fc.string(), (text) => void parseStanzas(text)))).not.toThrow();
    expect(() => fc.assert(fc.property(fc.string(), (text) => void parseRelations(text)))).not.toThrow();
  });

  test("relations: groups, alternatives, versions; qualifiers are dropped", () => {
    expect(parseRelations("libc6 (>= 2.36), perl:any | python3 [amd64], x (= 1:2)")).toEqual([
      [{ name: "libc6", constraint: ">= 2.36" }],
      [
        { name: "perl", constraint: "" },
        { name: "python3", constraint: "" },
      ],
      [{ name: "x", constraint: "= 1:2" }],
    ]);
    expect(parseRelations(undefined)).toEqual([]);
  });
});

function closurePackage(name: string, version = "1.0"): ClosurePackage {
  return {
    name,
    version,
    architecture: "amd64",
    sha256: (name + version).padEnd(64, "0").replace(/[^0-9a-f]/g, "a"),
    sizeBytes: 1,
    stanza: `Package: ${name}\n`,
    file: `${name}_${version}_amd64.deb`,
    uri: "file:/x",
  };
}

describe("closures", () => {
  const closure = { roots: ["a"], packages: [closurePackage("a"), closurePackage("b")] };

  test("written and read, the same", () => {
    expect(parseClosure(writeClosure(closure), "x.json")).toEqual(closure);
  });

  test("the digest does not see where a package comes from, but its content and the roots", () => {
    const moved = {
      ...closure,
      packages: closure.packages.map((one) => ({ ...one, uri: "https://elsewhere/" })),
    };
    expect(closureDigest(moved)).toBe(closureDigest(closure));
    const other = { ...closure, packages: [closurePackage("a", "1.1"), closurePackage("b")] };
    expect(closureDigest(other)).not.toBe(closureDigest(closure));
    expect(closureDigest({ ...closure, roots: ["a", "b"] })).not.toBe(closureDigest(closure));
  });

  test.each([
    ["{", "it is no JSON"],
    ["[]", "`tsbake-closure`: it is missing"],
    [`{"tsbake-closure":2,"roots":[],"packages":[]}`, "`tsbake-closure`: 2 instead of 1"],
    [`{"tsbake-closure":1,"roots":[1],"packages":[]}`, "`roots.0`: 1 instead of string"],
    [
      writeClosure(closure).replace("a_1.0_amd64.deb", "../a.deb"),
      "`packages.0.file`: it is no plain file name",
    ],
    [
      writeClosure(closure).replace(/"sha256": "[^"]*"/, '"sha256": "12"'),
      "`packages.0.sha256`: it is no SHA-256",
    ],
  ])("wrong file %#", (text, reason) => {
    expect(() => parseClosure(text, "x.json")).toThrow(
      `packaging/bad-closure: the package list \`x.json\` cannot be used: ${reason}`,
    );
  });

  test("merged: one of each; two versions of one package are an error", () => {
    const other = { roots: ["c"], packages: [closurePackage("b"), closurePackage("c")] };
    const merged = mergeClosures([other, closure]);
    expect(merged.roots).toEqual(["a", "c"]);
    expect(merged.packages.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(() => mergeClosures([closure, { roots: [], packages: [closurePackage("b", "2")] }])).toThrow(
      "packaging/closures-disagree",
    );
  });
});

const STATUS = `Package: tool
Status: install ok installed
Architecture: amd64
Version: 1.0-1
Depends: libtool1
Conffiles:
 /etc/tool conf 0123456789abcdef0123456789abcdef
 /etc/old fedcba9876543210fedcba9876543210 obsolete

Package: libtool1
Status: install ok installed
Architecture: amd64
Multi-Arch: same
Version: 1.0-1
`;

function root(folder: string, status = STATUS): string {
  const at = "var/lib/dpkg";
  write(folder, {
    [`${at}/status`]: status,
    [`${at}/info/format`]: "1\n",
    [`${at}/info/tool.list`]: "/.\n/usr\n/usr/bin\n/usr/bin/tool\n",
    [`${at}/info/tool.postinst`]: "#!/bin/sh\n",
    [`${at}/info/libtool1:amd64.list`]: "/.\n/usr\n/usr/lib\n/usr/lib/libtool.so.1\n",
    [`${at}/diversions`]: "/bin/sh\n/bin/sh.distrib\ndash\n",
    [`${at}/statoverride`]: "root daemon 4755 /usr/bin/tool\n",
    [`${at}/triggers/File`]: "/usr/share/x tool/noawait\n",
    [`${at}/triggers/Unincorp`]: "",
    [`${at}/alternatives/awk`]: "auto\n/usr/bin/awk\n\n/usr/bin/mawk\n5\n\n",
    "etc/alternatives/other": "",
  });
  symlinkSync("/usr/bin/mawk", join(folder, "etc/alternatives/awk"));
  symlinkSync("usr/bin", join(folder, "bin"));
  return folder;
}

describe("the dpkg database", () => {
  test("as data", async () => {
    using folder = scratch();
    const database = await readDebDatabase(root(folder.path));
    expect(database.packages.map(({ name, version, state }) => [name, version, state])).toEqual([
      ["libtool1", "1.0-1", "installed"],
      ["tool", "1.0-1", "installed"],
    ]);
    expect(database.packages[0]?.files).toEqual(["/usr", "/usr/lib", "/usr/lib/libtool.so.1"]);
    expect([...(database.packages[1]?.conffiles ?? [])]).toEqual([
      ["/etc/tool conf", "0123456789abcdef0123456789abcdef"],
      ["/etc/old", "fedcba9876543210fedcba9876543210 obsolete"],
    ]);
    expect([...(database.packages[1]?.control.keys() ?? [])]).toEqual(["postinst"]);
    expect(database.diversions).toEqual([{ from: "/bin/sh", to: "/bin/sh.distrib", by: "dash" }]);
    expect(database.alternatives).toMatchObject([
      { name: "awk", isManual: false, link: "/usr/bin/awk", current: "/usr/bin/mawk" },
    ]);
    expect(database.overrides).toEqual(["root daemon 4755 /usr/bin/tool"]);
    expect(database.triggers).toEqual(["File\t/usr/share/x tool/noawait"]);
    expect(database.architecture).toBe("amd64");
  });

  test("the canonical form knows no order of stanzas, fields or lists", async () => {
    using first = scratch();
    using second = scratch();
    const [one, two] = STATUS.trimEnd().split("\n\n");
    root(first.path);
    root(
      second.path,
      `${two}\n\n${one?.replace("Version: 1.0-1\nDepends: libtool1", "Depends: libtool1\nVersion: 1.0-1")}\n`,
    );
    write(second.path, { "var/lib/dpkg/info/tool.list": "/.\n/usr/bin/tool\n/usr\n/usr/bin\n" });
    const [left, right] = [await readDebDatabase(first.path), await readDebDatabase(second.path)];
    expect(canonicalDatabase(right)).toBe(canonicalDatabase(left));
    expect(canonicalDatabase(left).split("\n")[0]).toBe("tsbake-pkgdb 1 deb amd64");
  });

  test.each([
    ["a version", { "var/lib/dpkg/status": STATUS.replace("Version: 1.0-1", "Version: 1.0-2") }],
    ["a file", { "var/lib/dpkg/info/tool.list": "/.\n/usr\n/usr/bin\n/usr/bin/tool\n/usr/bin/more\n" }],
    ["a script", { "var/lib/dpkg/info/tool.postinst": "#!/bin/sh\ntrue\n" }],
    ["a diversion", { "var/lib/dpkg/diversions": "" }],
    ["an alternative", { "var/lib/dpkg/alternatives/awk": "manual\n/usr/bin/awk\n\n/usr/bin/mawk\n5\n\n" }],
    ["an override", { "var/lib/dpkg/statoverride": "" }],
    ["a trigger", { "var/lib/dpkg/triggers/File": "" }],
  ])("the digest changes with %s", async (_, files) => {
    using folder = scratch();
    const before = databaseDigest(await readDebDatabase(root(folder.path)));
    write(folder.path, files);
    expect(databaseDigest(await readDebDatabase(folder.path))).not.toBe(before);
  });

  test.each([
    ["no status file", "var/lib/dpkg/status", undefined, "it is not there"],
    ["a damaged line", "var/lib/dpkg/status", "Package\n", "line 1: no `Name: value`"],
    [
      "a stanza without Status",
      "var/lib/dpkg/status",
      "Package: a\n",
      "a stanza without Package or Status: a",
    ],
    ["a cut diversions file", "var/lib/dpkg/diversions", "/a\n/b\n", "its lines do not come in threes"],
  ])("%s is an error", async (_, name, text, reason) => {
    using folder = scratch();
    root(folder.path);
    if (text === undefined) rmSync(join(folder.path, name));
    else write(folder.path, { [name]: text });
    await expect(readDebDatabase(folder.path)).rejects.toThrow(reason);
  });
});

describe("snapshots", () => {
  const backend = openDebBackend();

  test("taken, imported, the same; links into /usr come along, locks do not", async () => {
    using folder = scratch();
    root(join(folder.path, "root"));
    write(join(folder.path, "root"), { "var/lib/dpkg/lock": "", "var/lib/dpkg/status-old": "x" });
    const [snapshot, copy] = [join(folder.path, "snapshot"), join(folder.path, "copy")];
    const identity = await backend.snapshot(join(folder.path, "root"), snapshot);
    expect(identity).toMatchObject({ backend: "deb", architecture: "amd64", count: 2 });
    const database = await backend.importSnapshot(snapshot, copy, identity);
    expect(databaseDigest(database)).toBe(identity.digest);
    expect(statSync(join(copy, "bin")).isDirectory()).toBe(true);
    for (const name of ["lock", "status-old"]) {
      expect(statSync(join(snapshot, "var/lib/dpkg", name), { throwIfNoEntry: false })).toBeUndefined();
    }
    expect(backend.changes(await backend.readDatabase(join(folder.path, "root")), database)).toEqual([]);
  });

  test.each([
    [
      "a cut status",
      (path: string) => writeFileSync(path, STATUS.slice(0, STATUS.indexOf("\n\n") + 1)),
      "the number of packages is 1, expected 2",
    ],
    [
      "another version",
      (path: string) => writeFileSync(path, STATUS.replace("1.0-1", "1.0-2")),
      "its digest",
    ],
  ])("%s is refused", async (_, damage, reason) => {
    using folder = scratch();
    root(join(folder.path, "root"));
    const snapshot = join(folder.path, "snapshot");
    const identity = await backend.snapshot(join(folder.path, "root"), snapshot);
    damage(join(snapshot, "var/lib/dpkg/status"));
    await expect(backend.importSnapshot(snapshot, join(folder.path, "copy"), identity)).rejects.toThrow(
      reason,
    );
  });

  test("changes: added, removed, upgraded, downgraded, reinstalled", async () => {
    using before = scratch();
    using after = scratch();
    const status = (versions: Readonly<Record<string, string>>): string =>
      Object.entries(versions)
        .map(
          ([name, version]) =>
            `Package: ${name}\nStatus: install ok installed\nArchitecture: all\nVersion: ${version}\n`,
        )
        .join("\n");
    root(before.path, status({ down: "2", gone: "1", same: "1", tool: "1", up: "1" }));
    root(after.path, status({ down: "1", new: "1", same: "1", tool: "1", up: "2" }));
    write(after.path, { "var/lib/dpkg/info/tool.list": "/.\n" });
    const changes = backend.changes(
      await backend.readDatabase(before.path),
      await backend.readDatabase(after.path),
    );
    expect(changes.map(({ name, kind }) => [name, kind])).toEqual([
      ["down", "downgraded"],
      ["gone", "removed"],
      ["new", "added"],
      ["tool", "reinstalled"],
      ["up", "upgraded"],
    ]);
  });
});

describe("a package of ours", () => {
  const program = ["node", programOf("packaging")] as const;
  const call = (...args: readonly string[]) => run(program[0], [program[1], ...args]);

  function recipe(folder: string, files: string): void {
    write(folder, {
      "image/usr/bin/tool": "#!/bin/sh\n",
      "image/usr/share/doc/tool/README": "read\n",
      "image/etc/tool.conf": "x = 1\n",
      "spec.json": JSON.stringify({
        recipe: "tool",
        version: "1:2.0-r0",
        architecture: "all",
        maintainer: "Nobody <nobody@localhost>",
        priority: "optional",
        packages: [
          { name: "tool-doc", files: "/usr/share/doc", summary: "docs", section: "doc" },
          {
            name: "tool",
            files,
            summary: "A tool",
            description: "It does\n\nthings",
            section: "utils",
            relations: { Depends: "foo (>= 1.0) bar | baz" },
            conffiles: "/etc/tool.conf /etc/missing",
            scripts: { postinst: "true\n" },
          },
          { name: "tool-dbg", files: "/usr/lib/debug", summary: "debug", section: "debug" },
        ],
      }),
    });
    chmodSync(join(folder, "image/usr/bin/tool"), 0o755);
  }

  function split(folder: string, into: string): ReturnType<typeof call> {
    const files = { spec: "spec.json", from: "image", into, facts: "facts.json", sysroot: "sysroot" };
    return call(
      "split",
      ...Object.entries(files).flatMap(([option, name]) => [`--${option}`, join(folder, name)]),
    );
  }

  async function build(folder: string, out: string): Promise<void> {
    const at = (name: string): string => join(folder, name);
    expect(await split(folder, `${out}-split`)).toMatchObject({ code: 0, stderr: "" });
    const written = await call(
      "write-deb",
      "--spec",
      at("spec.json"),
      "--facts",
      at("facts.json"),
      "--packages",
      at(`${out}-split`),
      "--out",
      at(out),
      "--epoch",
      "1735689600",
    );
    expect(written).toMatchObject({ code: 0, stderr: "" });
  }

  test("split, written, and read by dpkg; the same bytes twice; an empty package is none", async () => {
    using folder = scratch();
    recipe(folder.path, "/usr /etc");
    await build(folder.path, "one");
    await build(folder.path, "two");
    const { packages } = await openDebBackend().scan(join(folder.path, "one"));
    expect(packages.map(({ name, version, file }) => [name, version, file])).toEqual([
      ["tool-doc", "1:2.0-r0", "tool-doc_2.0-r0_all.deb"],
      ["tool", "1:2.0-r0", "tool_2.0-r0_all.deb"],
    ]);
    for (const { file } of packages) {
      const [one, two] = ["one", "two"].map((name) => readFileSync(join(folder.path, name, file)));
      expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true);
    }
    const deb = join(folder.path, "one/tool_2.0-r0_all.deb");
    const contents = (
      await run("dpkg-deb", ["--contents", deb], { env: { ...process.env, TZ: "UTC" } as never })
    ).stdout;
    expect(contents.split("\n").map((line) => line.replace(/ +/g, " "))).toEqual([
      "drwxr-xr-x root/root 0 2025-01-01 00:00 ./",
      "drwxr-xr-x root/root 0 2025-01-01 00:00 ./etc/",
      "-rw-r--r-- root/root 6 2025-01-01 00:00 ./etc/tool.conf",
      "drwxr-xr-x root/root 0 2025-01-01 00:00 ./usr/",
      "drwxr-xr-x root/root 0 2025-01-01 00:00 ./usr/bin/",
      "-rwxr-xr-x root/root 10 2025-01-01 00:00 ./usr/bin/tool",
      "",
    ]);
    const field = async (...names: string[]) => (await run("dpkg-deb", ["--field", deb, ...names])).stdout;
    expect(await field("Depends")).toBe("foo (>= 1.0), bar | baz\n");
    expect(await field("Description")).toBe("A tool\n It does\n .\n things\n");
    const control = await run("dpkg-deb", ["--info", deb, "conffiles", "postinst"]);
    expect(control.stdout).toBe("/etc/tool.conf\n#!/bin/sh\nset -e\ntrue\n");
    // gzip says so in its header: 2 is level 9 (RFC 1952, XFL).
    const member = (await readAr(deb)).find(({ name }) => name === "control.tar.gz")!;
    expect((await buffer(openArMember(deb, member)))[8]).toBe(2);
  });

  test("a file that no package ships is an error that names it", async () => {
    using folder = scratch();
    recipe(folder.path, "/usr/bin");
    const { code, stderr } = await split(folder.path, "split");
    expect(code).toBe(1);
    expect(stderr).toContain("error[packaging/unshipped-files]");
    expect(stderr).toContain("/etc/tool.conf");
  });

  test.each([
    ["tööl", "1.0", "`tööl` is no Debian package name"],
    ["tool", "1:x:y", "`1:x:y` is no Debian version"],
  ])("name %s, version %s: an error", async (name, version, reason) => {
    using folder = scratch();
    recipe(folder.path, "/");
    const spec = JSON.parse(readFileSync(join(folder.path, "spec.json"), "utf8")) as {
      version: string;
      packages: { name: string }[];
    };
    spec.version = version;
    spec.packages[0] = { ...spec.packages[0], name };
    write(folder.path, { "spec.json": JSON.stringify(spec) });
    const at = (one: string): string => join(folder.path, one);
    const split = await call("shlibs", "--spec", at("spec.json"), "--from", at("image"), "--into", at("out"));
    expect([split.code, split.stderr]).toEqual([1, expect.stringContaining(reason)]);
  });

  test("an index of package files", async () => {
    using folder = scratch();
    recipe(folder.path, "/usr /etc");
    await build(folder.path, "one");
    const done = await call(
      "index",
      "--packages",
      join(folder.path, "one"),
      "--out",
      join(folder.path, "Packages"),
    );
    expect(done).toMatchObject({ code: 0, stdout: "2 packages\n" });
    const { stanzas } = parseStanzas(readFileSync(join(folder.path, "Packages"), "utf8"));
    expect(stanzas.map((one) => one.get("Filename"))).toEqual([
      "tool-doc_2.0-r0_all.deb",
      "tool_2.0-r0_all.deb",
    ]);
  });

  test.each([
    [["nothing"], "there is no subcommand `nothing`"],
    [["feed-fetch"], "feed-fetch needs --closure, --pool"],
    [["split", "--wrong", "x"], "split: Unknown option '--wrong'"],
    [["feed-fetch", "--closure", "/nowhere", "--pool", "/nowhere"], "it is not there"],
  ])("%j is told in one message", async (args, reason) => {
    const done = await call(...args);
    expect([done.code, done.stderr]).toEqual([1, expect.stringContaining(reason)]);
    expect(done.stderr).not.toContain("    at ");
  });
});
