/** Package files of rpm: what is written and read again, what the real rpm says of it, and what a stranger's file tries. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BuildError, sha256 } from "@tsbake/base";
import {
  compareDebVersions,
  compareEvr,
  compareRpm,
  evrOfDebian,
  evrText,
  openRpm,
  parseRelations,
  readRpm,
  rpmRelations,
  scriptlet,
  type RpmSpec,
  splitHeaders,
  verifyPayload,
  writeRpm,
} from "@tsbake/packaging";
import { run } from "../support/command.js";
import { notRoot, testUnless } from "../support/skip.js";
import { rpmFile } from "../support/rpm-file.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const noRpm = await toolsProblem("rpm");
const folder = temporaryFolder("rpm");
let count = 0;
const freshPath = (): string => join(folder, `${(count += 1)}.rpm`);

const SPEC: RpmSpec = {
  ...evrOfDebian("1:2.3~rc1-4+deb12u1"),
  name: "hello",
  architecture: "x86_64",
  summary: "says hello",
  description: "It says hello.\n\nIn many languages: é.",
  license: "MIT",
  group: "utils",
  packager: "A Person <person@example.org>",
  url: "https://example.org/",
  source: "hello",
  buildSeconds: 1_700_000_000,
  relations: {
    require: [
      { name: "(a or b >= 1-0)", operator: "", version: "" },
      { name: "libc6", operator: ">=", version: "2.36-9" },
      { name: "dpkg", operator: "", version: "", forScript: "preInstall" },
    ],
    provide: [{ name: "greeter", operator: "", version: "" }],
    conflict: [{ name: "x", operator: "<", version: "1:2-0" }],
    obsolete: [{ name: "hallo", operator: "<=", version: "2-1" }],
    recommend: [{ name: "y", operator: "", version: "" }],
  },
  scripts: { preInstall: 'echo before "$1"\n', postTransaction: "echo after\n" },
  files: [
    rpmFile("/etc/hello.conf", "a=1\n", { mode: 0o640, group: "shadow", isConfig: true }),
    rpmFile("/usr/bin/hello", "hello", { mode: 0o4755, capabilities: "cap_net_raw=ep" }),
    // Between hard links: rpm links what follows each other in the payload.
    rpmFile("/usr/bin/hi", "hi", { mode: 0o755 }),
    rpmFile("/usr/bin/hullo", "hello", { mode: 0o4755, hardlink: "/usr/bin/hello" }),
    rpmFile("/usr/share/hello", "", { kind: "directory", mode: 0o750 }),
    rpmFile("/usr/share/hello/empty", ""),
    rpmFile("/usr/share/hello/link", "", { kind: "symlink", mode: 0o777, target: "../é" }),
    rpmFile("/usr/share/hello/é x", "ü"),
  ],
};

async function written(spec: RpmSpec = SPEC): Promise<string> {
  const path = freshPath();
  await writeRpm(spec, path, { level: 6 });
  return path;
}

async function rpm(...args: string[]): Promise<string> {
  const [program = "", ...words] = args;
  const done = await run(program, ["--root=/", `--dbpath=${join(folder, "db")}`, ...words]);
  if (done.code !== 0) throw new Error(`${args.join(" ")}\n${done.stdout}${done.stderr}`);
  return done.stdout;
}

/** What reading all of it says, or undefined. */
async function faultOf(path: string): Promise<unknown> {
  const fd = openSync(`${path}.plain`, "w+");
  try {
    await openRpm(path, fd, () => true);
    return undefined;
  } catch (error) {
    return error;
  } finally {
    closeSync(fd);
  }
}

function codesOf(error: unknown): string[] {
  return error instanceof BuildError ? error.diagnostics.map(({ code }) => code) : [String(error)];
}

describe("a package file", () => {
  test("is the same bytes at another time and place", async () => {
    const [one, other] = [await written(), await written()];
    expect(sha256(readFileSync(one))).toBe(sha256(readFileSync(other)));
  });

  test("whatever files it has, they are read again as they were written", async () => {
    const name = fc.stringMatching(/^[A-Za-z0-9é ._+-]{1,12}$/).filter((one) => !/^\.\.?$/.test(one));
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join("/")}`);
    const made = fc.record({
      path,
      kind: fc.constantFrom("file", "symlink", "directory"),
      mode: fc.integer({ min: 0, max: 0o7777 }),
      text: fc.string(),
      isConfig: fc.boolean(),
    });
    const files = fc.uniqueArray(made, { selector: (one) => one.path, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(files, async (all) => {
        const spec = all.map(({ path: at, kind, mode, text, isConfig }) =>
          kind === "file"
            ? rpmFile(at, text, { mode, isConfig })
            : rpmFile(at, "", {
                kind,
                mode: kind === "symlink" ? 0o777 : mode,
                isConfig,
                ...(kind === "symlink" && { target: `t${text.replaceAll("\0", "")}` }),
              }),
        );
        const rpmPath = await written({ ...SPEC, files: spec });
        const fd = openSync(`${rpmPath}.plain`, "w+");
        const entries = await openRpm(rpmPath, fd, () => true);
        const found = entries.map(({ entry, contentAt }) => {
          const bytes = Buffer.alloc(entry.sizeBytes);
          readSync(fd, bytes, 0, bytes.length, contentAt);
          return {
            path: entry.path,
            kind: entry.kind,
            mode: entry.mode,
            target: entry.target,
            text: bytes.toString(),
          };
        });
        closeSync(fd);
        const expected = spec.map((one) => ({
          path: one.path,
          kind: one.kind,
          mode: one.mode,
          target: one.target,
          text: Buffer.concat([...((one.content?.() ?? []) as Buffer[])]).toString(),
        }));
        const byPath = (left: { path: string }, right: { path: string }): number =>
          Buffer.compare(Buffer.from(left.path), Buffer.from(right.path));
        expect(found).toEqual(expected.sort(byPath));
      }),
      { numRuns: 40 },
    );
  });

  testUnless(noRpm, "is a good one to rpm, which reads in it what was written", async () => {
    mkdirSync(join(folder, "db"), { recursive: true });
    const path = await written();
    expect(await rpm("rpmkeys", "-Kv", path)).toMatch(
      /Header SHA256 digest: OK[^]*Payload SHA256 digest: OK/,
    );
    const asked = await rpm(
      "rpm",
      "-qp",
      "--qf",
      "%{EVR}|%{arch}|%{license}|%{summary}\\n",
      "--requires",
      "--provides",
      path,
    );
    expect(asked).toContain("1:2.3~rc1-4+deb12u1|x86_64|MIT|says hello");
    expect(await rpm("rpm", "-qp", "--requires", path)).toMatch(
      /^\(a or b >= 1-0\)\nlibc6 >= 2\.36-9\ndpkg\nrpmlib/,
    );
    expect(await rpm("rpm", "-qp", "--provides", path)).toBe("greeter\nhello = 1:2.3~rc1-4+deb12u1\n");
    expect(await rpm("rpm", "-qp", "--conflicts", "--obsoletes", "--recommends", path)).toBe(
      "x < 1:2-0\nhallo <= 2-1\ny\n",
    );
    expect(await rpm("rpm", "-qp", "--scripts", path)).toMatch(
      /preinstall scriptlet \(using \/bin\/sh\):\necho before/,
    );
    const each =
      "[%{filenames} %{filemodes:perms} %{fileusername}:%{filegroupname} %{filecaps} %{fileflags:fflags}\n]";
    expect(await rpm("rpm", "-qp", "--qf", each, path)).toBe(
      [
        "/etc/hello.conf -rw-r----- root:shadow  cn",
        "/usr/bin/hello -rwsr-xr-x root:root cap_net_raw=ep ",
        "/usr/bin/hi -rwxr-xr-x root:root  ",
        "/usr/bin/hullo -rwsr-xr-x root:root  ",
        "/usr/share/hello drwxr-x--- root:root  ",
        "/usr/share/hello/empty -rw-r--r-- root:root  ",
        "/usr/share/hello/link lrwxrwxrwx root:root  ",
        "/usr/share/hello/é x -rw-r--r-- root:root  \n",
      ].join("\n"),
    );
  });
});

testUnless(noRpm ?? notRoot, "rpm unpacks what was written: contents, hard links, modes", async () => {
  const [root, path] = [
    join(folder, "root"),
    await written({ ...SPEC, files: SPEC.files.filter(({ group }) => group === "root") }),
  ];
  mkdirSync(join(root, "var/tmp"), { recursive: true });
  const done = await run("rpm", [
    `--root=${root}`,
    "--dbpath=/db",
    "-i",
    "--nodeps",
    "--noscripts",
    "--ignorearch",
    path,
  ]);
  expect([done.code, done.stderr.replace(/^rpm: .*\n/gm, "")]).toEqual([0, ""]);
  const read = (name: string): string => readFileSync(join(root, "usr/bin", name), "utf8");
  expect([read("hello"), read("hi"), read("hullo")]).toEqual(["hello", "hi", "hello"]);
  const inode = (name: string): number => statSync(join(root, "usr/bin", name)).ino;
  expect(inode("hello")).toBe(inode("hullo"));
  expect(inode("hello")).not.toBe(inode("hi"));
  expect((statSync(join(root, "usr/bin/hello")).mode & 0o7777).toString(8)).toBe("4755");
});

test.each([
  ["preinst", "1", "install"],
  ["preinst", "2", "upgrade 1.0-1 2.0-1"],
  ["postinst", "1", "configure "],
  ["prerm", "0", "remove"],
  ["prerm", "1", undefined],
  ["postrm", "0", "remove\npurge"],
  ["postrm", "1", undefined],
] as const)("%s, called by rpm with %s, is called as by dpkg: %s", async (script, argument, expected) => {
  const admin = join(folder, `admin-${script}-${argument}`);
  const text = `#!/bin/sh\necho "$DPKG_MAINTSCRIPT_PACKAGE $DPKG_MAINTSCRIPT_NAME: $*" >>${admin}/called\n`;
  for (const name of ["info", "status.d"]) mkdirSync(join(admin, name), { recursive: true });
  writeFileSync(join(admin, "status.d/hello"), "Package: hello\nVersion: 1.0-1\n\n");
  writeFileSync(join(admin, "info", `hello.${script}`), text, { mode: 0o755 });
  const one = { name: "hello", version: "2.0-1", architecture: "amd64" };
  const body = scriptlet(script, text, one).replaceAll("/var/lib/dpkg", admin);
  const done = await run("sh", ["-c", body, "sh", argument]);
  expect([done.code, done.stderr]).toEqual([0, ""]);
  const called = existsSync(join(admin, "called")) ? readFileSync(join(admin, "called"), "utf8") : undefined;
  const lines = expected?.split("\n").map((one) => `hello ${script}: ${one}\n`);
  expect(called).toBe(lines?.join(""));
});

describe("a stranger's file", () => {
  const REFUSED = ["packaging/bad-rpm"];
  /** Codes of the errors; none where it can be read. */
  const codesFor = async (bytes: Buffer): Promise<string[]> => {
    const path = freshPath();
    writeFileSync(path, bytes);
    const fault = await faultOf(path);
    return fault === undefined ? [] : codesOf(fault);
  };

  test("cut off anywhere is refused", async () => {
    const bytes = readFileSync(await written());
    const places = [
      0,
      3,
      95,
      96,
      110,
      200,
      bytes.length - 1,
      ...Array.from({ length: 40 }, (_, at) => at * Math.floor(bytes.length / 40)),
    ];
    for (const length of places) expect(await codesFor(bytes.subarray(0, length))).toEqual(REFUSED);
  });

  test("with one other byte behind its lead and signature is refused", async () => {
    const path = await written();
    const bytes = readFileSync(path);
    const { payloadAt, headerBytes } = await readRpm(path);
    const at = fc.integer({ min: payloadAt - headerBytes.length, max: bytes.length - 1 });
    await fc.assert(
      fc.asyncProperty(at, fc.integer({ min: 1, max: 255 }), async (place, change) => {
        const other = Buffer.from(bytes);
        other[place]! ^= change;
        expect(await codesFor(other)).toEqual(REFUSED);
      }),
      { numRuns: 60 },
    );
  });

  test("whatever its bytes are, ends in that one error", async () => {
    const bytes = readFileSync(await written());
    const place = fc.tuple(
      fc.integer({ min: 0, max: bytes.length - 1 }),
      fc.uint8Array({ minLength: 1, maxLength: 8 }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(place, { minLength: 1, maxLength: 4 }), async (changes) => {
        const other = Buffer.from(bytes);
        for (const [at, some] of changes) Buffer.from(some).copy(other, at);
        expect([[], REFUSED]).toContainEqual(await codesFor(other));
      }),
      { numRuns: 100 },
    );
  });

  test("whose header says that it has 100 MB takes no memory for it", async () => {
    const bytes = Buffer.from(readFileSync(await written()));
    bytes.writeUInt32BE(100 << 20, 96 + 12);
    expect(await codesFor(bytes)).toEqual(REFUSED);
  });

  test.each(["/../etc/passwd", "/a/../../b", "//a", "/a/./b", "/a\nb"])(
    "with the path %j is refused",
    async (path) => {
      expect(await codesFor(readFileSync(await written({ ...SPEC, files: [rpmFile(path, "x")] })))).toEqual(
        REFUSED,
      );
    },
  );

  test("with an owner who has another number on each machine is refused", async () => {
    expect(
      await codesFor(readFileSync(await written({ ...SPEC, files: [rpmFile("/a", "x", { user: "eve" })] }))),
    ).toEqual(REFUSED);
  });

  test("that is none is refused", async () => {
    expect(await codesFor(Buffer.from("!<arch>\ndebian-binary"))).toEqual(REFUSED);
    expect(await codesFor(Buffer.alloc(0))).toEqual(REFUSED);
  });
});

describe("versions", () => {
  const digits = fc.integer({ min: 0, max: 120 }).map(String);
  const piece = fc.oneof(
    digits,
    fc.constantFrom("~rc", "~", "+deb", "+b", "u", ".", "+", "^", "-", "a", "Z", "dfsg", "git"),
  );
  const text = fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => pieces.join(""));

  test.each([
    ["1:2.3-4+deb12u1", "1:2.3-4+deb12u1"],
    ["2.36", "2.36-0"],
    ["0.9-1-2", "0.9_1-2"],
    ["1.0~rc1-1", "1.0~rc1-1"],
  ])("%s is %s", (debian, expected) => {
    expect(evrText(evrOfDebian(debian))).toBe(expected);
  });

  testUnless(noRpm, "are in rpm's order", async () => {
    // It takes `-` for the beginning of a release.
    const part = text.map((one) => one.replaceAll("-", "."));
    const pairs = fc.sample(fc.tuple(part, part), { numRuns: 2000, seed: 7 });
    const [script, answers] = [join(folder, "order.lua"), join(folder, "order.txt")];
    const lines = pairs.map(([left, right]) => `out:write(rpm.vercmp("${left}", "${right}"), "\\n")`);
    writeFileSync(script, [`local out = io.open("${answers}", "w")`, ...lines, "out:close()"].join("\n"));
    await rpm("rpm", "--eval", `%{lua:dofile("${script}")}`);
    const order = readFileSync(answers, "utf8").trimEnd().split("\n").map(Number);
    expect(pairs.map(([left, right]) => Math.sign(compareRpm(left, right)))).toEqual(order);
  });

  test("of one form are in the same order in both", () => {
    // The forms that successive versions of a package have: numbers change, what stands between them stays.
    const forms = [
      "E:N.N-N",
      "N.N.N-N+debNuN",
      "N.N~rcN-N",
      "N.N+dfsg-N",
      "NaN-N",
      "N.N-NubuntuN.N",
      "N~debNuN",
      "N.N.gitN-N",
    ];
    const pair = fc.tuple(fc.constantFrom(...forms), fc.array(digits, { minLength: 12, maxLength: 12 }));
    const fill = (form: string, numbers: readonly string[]): string => {
      let at = 0;
      return form.replace(/[NE]/g, () => numbers[(at += 1)] ?? "0");
    };
    fc.assert(
      fc.property(pair, ([form, numbers]) => {
        const [left, right] = [fill(form, numbers), fill(form, numbers.toReversed())];
        const debian = Math.sign(compareDebVersions(left, right));
        expect(Math.sign(compareEvr(evrText(evrOfDebian(left)), evrText(evrOfDebian(right))))).toBe(debian);
      }),
      { numRuns: 3000 },
    );
  });
});

test("relations of Debian in rpm's words", () => {
  const none = {
    preDepends: [],
    depends: [],
    recommends: [],
    suggests: [],
    enhances: [],
    provides: [],
    replaces: [],
    conflicts: [],
    breaks: [],
  };
  const found = rpmRelations({
    isEssential: true,
    relations: {
      ...none,
      preDepends: parseRelations("dpkg (>= 1.17.14~)"),
      depends: parseRelations("libc6 (>= 2.34), a (<< 2-1) | b"),
      provides: parseRelations("greeter (= 1.0)"),
      conflicts: parseRelations("old, older (<< 3)"),
      breaks: parseRelations("broken (<= 1:2)"),
      replaces: parseRelations("old, files-only"),
    },
  });
  const lines = Object.entries(found).flatMap(([kind, all]) =>
    all.map(({ name, operator, version, forScript = "" }) =>
      [kind, name, operator, version, forScript].filter((word) => word !== "").join(" "),
    ),
  );
  expect(lines).toEqual([
    "require dpkg >= 1.17.14~-0 preInstall",
    "require libc6 >= 2.34-0",
    "require (a < 2-1 or b)",
    "provide greeter = 1.0-0",
    "provide debian(essential)",
    "conflict old",
    "conflict older < 3-0",
    "conflict broken <= 1:2-0",
    "obsolete old",
  ]);
});

test("headers of a database: what is cut off, or there twice, is no database", async () => {
  const { headerBytes } = await readRpm(await written());
  expect(splitHeaders(headerBytes, "db").map(({ key }) => key)).toEqual(["hello-2.3~rc1-4+deb12u1.x86_64"]);
  for (const bytes of [
    Buffer.concat([headerBytes, headerBytes]),
    headerBytes.subarray(0, -1),
    Buffer.alloc(20),
  ])
    expect(() => splitHeaders(bytes, "db")).toThrow(BuildError);
  await verifyPayload(await written(), await readRpm(await written()));
});
