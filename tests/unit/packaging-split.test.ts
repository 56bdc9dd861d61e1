/** What a recipe installed, divided into packages: which file goes where and how, and which libraries are needed. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parseShlibs, pattern, shlibKey, splitRelations } from "@tsbake/packaging";
import { run } from "../support/command.js";
import { programOf } from "../support/paths.js";
import { testUnless } from "../support/skip.js";
import { writeStaged, type Staged } from "../support/staged.js";
import { temporaryFolder } from "../support/temporary.js";

const PROGRAM = programOf("packaging");

/** Stand-ins that write down how they are called: which of them there are on a host makes no difference. */
const TOOL = `#!/bin/sh
echo "$(basename "$0") $*" >>"$(dirname "$0")/calls"
case $1 in
  --only-keep-debug) echo "debug of $2" >"$3" ;;
  --add-gnu-debuglink=*) cat "\${1#*=}" >>"$2" ;;
  *) while [ "$1" != -o ]; do shift; done; echo stripped >"$2" ;;
esac
`;

interface Division {
  readonly packages: Readonly<Record<string, string | readonly string[]>>;
  readonly installed: Readonly<Record<string, Staged>>;
  /** `usr/share/tsbake/shlibs` of the sysroot. */
  readonly shlibs?: string;
  readonly into?: string;
  readonly isEmptyAllowed?: boolean;
}

/** Below a folder: path → mode, and what it holds (without a prefix of names) or is. */
function treeOf(folder: string, prefix: string): Record<string, string> {
  const found = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    found.map((path) => {
      const info = lstatSync(join(folder, path));
      const mode = (info.mode & 0o7777).toString(8);
      if (info.isSymbolicLink()) return [path, `→ ${readlinkSync(join(folder, path))}`];
      if (info.isDirectory()) return [path, mode];
      if (!info.isFile()) return [path, "special"];
      const text = readFileSync(join(folder, path), "latin1").replaceAll(prefix, "");
      return [path, `${mode} ${text.startsWith("\x7fELF") ? "ELF" : text.trim().replaceAll("\n", ", ")}`];
    }),
  );
}

async function divide(division: Division) {
  const folder = temporaryFolder("packaging-split");
  const at = (...parts: string[]): string => join(folder, ...parts);
  writeStaged(at("image"), division.installed);
  for (const tool of ["strip", "objcopy"]) {
    writeFileSync(at(tool), TOOL);
    chmodSync(at(tool), 0o755);
  }
  writeFileSync(at("calls"), "");
  mkdirSync(at("sysroot/usr/share/tsbake/shlibs"), { recursive: true });
  writeFileSync(at("sysroot/usr/share/tsbake/shlibs/other"), division.shlibs ?? "");
  const packages = Object.entries(division.packages).map(([name, files]) => ({
    name,
    files: [files].flat().join(" "),
    summary: "x",
    section: "x",
    allowEmpty: division.isEmptyAllowed ?? false,
  }));
  const head = { recipe: "demo", version: "1:2.0-r0", architecture: "all", maintainer: "n <n@localhost>" };
  writeFileSync(at("spec.json"), JSON.stringify({ ...head, priority: "optional", packages }));
  const into = division.into ?? at("packages");
  const places = [
    "--spec",
    at("spec.json"),
    "--from",
    at("image"),
    "--into",
    into,
    "--sysroot",
    at("sysroot"),
  ];
  const tools = ["--strip", at("strip"), "--objcopy", at("objcopy"), "--facts", at("facts.json")];
  const { code, stderr } = await run("node", [PROGRAM, "split", ...places, ...tools]);
  const calls = readFileSync(at("calls"), "utf8").replaceAll(`${folder}/`, "");
  type Facts = { packages: { name: string; depends: string[]; shlibs: string[] }[] };
  return {
    code,
    stderr,
    at,
    calls: calls.split("\n").filter((line) => line !== ""),
    tree: code === 0 ? treeOf(into, `${folder}/`) : {},
    facts: code === 0 ? (JSON.parse(readFileSync(at("facts.json"), "utf8")) as Facts).packages : [],
    /** The shlibs that its sysroot gets. */
    staged: async (): Promise<string> => {
      const places = ["--spec", at("spec.json"), "--from", at("image"), "--into", at("staged")];
      await run("node", [PROGRAM, "shlibs", ...places]);
      return readFileSync(at("staged/usr/share/tsbake/shlibs/demo"), "utf8");
    },
  };
}

const SYMBOLS = [".symtab"];
const DEBUG = [".symtab", ".debug_info"];

describe("a file", () => {
  const NOTES = "--enable-deterministic-archives --remove-section=.comment --remove-section=.note";
  const strip = (how: string, name: string): string =>
    `strip ${how} -o packages/tool/usr/${name} image/usr/${name}`;
  const debug = (name: string): string[] => [
    `objcopy --only-keep-debug image/usr/${name} packages/.debug/usr/${name}.debug`,
    `objcopy --add-gnu-debuglink=packages/.debug/usr/${name}.debug packages/tool/usr/${name}`,
  ];

  /** What it is, its name, what is installed, what ships, the calls that are made for it. */
  const files: readonly (readonly [string, string, Staged, string, readonly string[]])[] = [
    ["text", "text", { text: "text", mode: 0o755 }, "755 text", []],
    ["a set-id script", "set-id", { text: "text", mode: 0o4711 }, "4711 text", []],
    ["a link to nowhere", "nowhere", { link: "void" }, "→ void", []],
    ["a link to a program", "to-program", { link: "program" }, "→ program", []],
    ["a link with the name of a library", "link.a", { link: "program" }, "→ program", []],
    ["a FIFO", "fifo", { isFifo: true }, "special", []],
    ["an empty folder", "folder", { folder: 0o2751 }, "2751", []],
    ["less than an ELF header", "short", { text: "\x7fELF\x02\x01" }, "644 ELF", []],
    ["a program without symbols", "plain", { elf: { kind: "executable" }, mode: 0o755 }, "755 ELF", []],
    [
      "a program with symbols",
      "program",
      { elf: { kind: "executable", sections: SYMBOLS }, mode: 0o2755 },
      "2755 stripped",
      [strip(`--strip-unneeded ${NOTES}`, "program")],
    ],
    [
      "a program with debug information",
      "debug",
      { elf: { kind: "executable", sections: DEBUG }, mode: 0o4755 },
      "4755 stripped, debug of image/usr/debug",
      [...debug("debug"), strip(`--strip-unneeded ${NOTES}`, "debug")],
    ],
    [
      "a library with debug information",
      "lib.so",
      { elf: { sections: DEBUG } },
      "644 stripped, debug of image/usr/lib.so",
      [...debug("lib.so"), strip(`--strip-unneeded ${NOTES}`, "lib.so")],
    ],
    [
      "an object file with debug information",
      "file.o",
      { elf: { kind: "relocatable", sections: DEBUG } },
      "644 stripped",
      [strip(`--strip-debug ${NOTES}`, "file.o")],
    ],
    [
      "a static library",
      "lib.a",
      { text: "!<arch>" },
      "644 stripped",
      [strip("--strip-debug --enable-deterministic-archives", "lib.a")],
    ],
  ];
  const debugged = files.filter(([, name, , , calls]) => calls.includes(debug(name)[0]!));
  let made: Awaited<ReturnType<typeof divide>>;

  beforeAll(async () => {
    made = await divide({
      packages: { "tool-dbg": "/usr/lib/debug", tool: "/usr" },
      installed: Object.fromEntries(files.map(([, name, installed]) => [`usr/${name}`, installed])),
    });
  });

  test.each(files)("that is %s ships as it should", (_what, name, _installed, expected, calls) => {
    expect([made.stderr, made.tree[`tool/usr/${name}`]]).toEqual(["", expected]);
    expect(
      made.calls.filter((line) => line.split(/[ =]/).includes(`packages/tool/usr/${name}`)).sort(),
    ).toEqual(calls.filter((line) => !line.includes("--only-keep-debug")).toSorted());
  });

  test("leaves its debug information in the package for that, and nothing anywhere else", () => {
    const folder = "tool-dbg/usr/lib/debug/usr";
    expect(Object.entries(made.tree).filter(([path]) => path.startsWith(`${folder}/`))).toEqual(
      debugged.map(([, name]) => [`${folder}/${name}.debug`, `644 debug of image/usr/${name}`]),
    );
    expect(made.calls.filter((line) => line.includes("--only-keep-debug"))).toEqual(
      debugged.map(([, name]) => debug(name)[0]),
    );
    expect(readdirSync(made.at("packages")).sort()).toEqual(["tool", "tool-dbg"]);
  });

  test("goes into the first package that wants it, below folders with the modes that they have", async () => {
    const made = await divide({
      packages: { first: ["/usr/share/doc", "/opt/*.x"], second: "/usr", none: "/usr/share" },
      installed: {
        "usr/share/doc/a": { text: "a" },
        "usr/share/b": { text: "b" },
        "opt/c.x": { text: "c" },
        "usr/share": { folder: 0o2775 },
      },
    });
    expect(made.tree).toEqual({
      first: "755",
      "first/opt": "755",
      "first/opt/c.x": "644 c",
      "first/usr": "755",
      "first/usr/share": "2775",
      "first/usr/share/doc": "755",
      "first/usr/share/doc/a": "644 a",
      second: "755",
      "second/usr": "755",
      "second/usr/share": "2775",
      "second/usr/share/b": "644 b",
    });
    expect(made.facts.map(({ name }) => name)).toEqual(["first", "second"]);
    expect(statSync(made.at("packages/second/usr/share/b")).ino).toBe(
      statSync(made.at("image/usr/share/b")).ino,
    );
  });

  test("that nothing is in makes no package, but where it may be empty", async () => {
    const packages = { tool: "/usr", "tool-doc": "/usr/share/doc" };
    const installed = { "usr/bin/tool": { text: "tool" } };
    const names = async (isEmptyAllowed: boolean) =>
      (await divide({ packages, installed, isEmptyAllowed })).facts.map(({ name }) => name);
    expect(await names(false)).toEqual(["tool"]);
    expect(await names(true)).toEqual(["tool", "tool-doc"]);
  });

  test.each([["usr/two\nlines"], ["usr/folder\n/file"], ["usr/\udcff"]])(
    "with the name %j is an error, before anything is made",
    async (path) => {
      const made = await divide({ packages: { tool: "/usr" }, installed: { [path]: { text: "" } } });
      expect([made.code, made.calls]).toEqual([1, []]);
      expect(made.stderr).toContain("error[packaging/bad-name]");
    },
  );

  const memory = statSync("/dev/shm", { throwIfNoEntry: false });
  const isOtherDisk = memory !== undefined && memory.dev !== statSync(temporaryFolder("disk")).dev;
  testUnless(
    isOtherDisk ? undefined : "/dev/shm is on the disk of the temporary folder",
    "is copied where it cannot be linked",
    async () => {
      const into = mkdtempSync("/dev/shm/tsbake-split-");
      try {
        const installed = { "usr/it": { text: "text", mode: 0o4755 } };
        const made = await divide({ packages: { tool: "/usr" }, installed, into });
        expect([made.stderr, made.tree["tool/usr/it"]]).toEqual(["", "4755 text"]);
      } finally {
        rmSync(into, { recursive: true });
      }
    },
  );
});

describe("a library", () => {
  const lib = (soname: string, ...needed: string[]): Staged => ({ elf: { soname, needed } });
  const shlibs = "libc 6 libc6 (>= 2.36)\nlibz 1 zlib1g, zlib-data\n";

  test("of another package is needed in this version, of this one not, of another recipe as its shlibs say", async () => {
    const made = await divide({
      packages: { libdemo: "/usr/lib", demo: "/usr/bin" },
      shlibs,
      installed: {
        "usr/lib/libdemo.so.1": lib("libdemo.so.1", "libc.so.6"),
        "usr/lib/libmore.so.2": lib("libmore.so.2", "libdemo.so.1"),
        "usr/lib/libdemo.so": { link: "libdemo.so.1" },
        "usr/bin/demo": { elf: { kind: "executable", needed: ["libdemo.so.1", "libz.so.1"] } },
        "usr/bin/other": { elf: { kind: "executable", needed: ["libmore.so.2", "libdemo.so.1"] } },
      },
    });
    expect(made.facts).toEqual([
      {
        name: "libdemo",
        depends: ["libc6 (>= 2.36)"],
        shlibs: ["libdemo 1 libdemo (>= 1:2.0-r0)", "libmore 2 libdemo (>= 1:2.0-r0)"],
      },
      { name: "demo", depends: ["libdemo (= 1:2.0-r0)", "zlib-data", "zlib1g"], shlibs: [] },
    ]);
    expect(await made.staged()).toBe("libdemo 1 libdemo (>= 1:2.0-r0)\nlibmore 2 libdemo (>= 1:2.0-r0)\n");
  });

  test("of this recipe comes before one of the same name elsewhere", async () => {
    const made = await divide({
      packages: { libz: "/usr/lib", demo: "/usr/bin" },
      shlibs,
      installed: {
        "usr/lib/libz.so.1": lib("libz.so.1"),
        "usr/bin/demo": { elf: { needed: ["libz.so.1"] } },
      },
    });
    expect(made.facts[1]?.depends).toEqual(["libz (= 1:2.0-r0)"]);
  });

  test("that nobody has is an error that says who needs it, each", async () => {
    const installed = {
      "usr/bin/demo": { elf: { needed: ["libgone.so.1", "libc.so.6"] } },
      "usr/lib/plugin.so": { elf: { needed: ["odd.so"] } },
    };
    const made = await divide({ packages: { demo: "/usr" }, shlibs, installed });
    expect(made.code).toBe(1);
    expect(made.stderr.match(/error\[.*/g)).toEqual([
      "error[packaging/no-library-provider]: `/usr/bin/demo` of demo needs `libgone.so.1`, which no package in its sysroot provides",
      "error[packaging/no-library-provider]: `/usr/lib/plugin.so` of demo needs `odd.so`, which no package in its sysroot provides",
    ]);
  });

  test("may be linked by others where the loader looks for it, when its name has a version", async () => {
    const known = {
      "usr/lib/liba.so.1": "liba.so.1",
      "lib/libb.so.1.2.3": "libb.so.1",
      "usr/lib64/libc.so.1": "libc.so.1",
      "lib64/libd.so.1": "libd.so.1",
      "usr/lib/x86_64-linux-gnu/libe-1.2.so": "libe-1.2.so",
    };
    const others = {
      "usr/lib/demo/libf.so.1": "libf.so.1",
      "opt/lib/libg.so.1": "libg.so.1",
      "usr/lib/libh.so": "libh.so",
      "usr/lib/libi.sock": "libi.so.1",
      "usr/bin/libj.so.1": "libj.so.1",
    };
    const all = Object.entries({ ...known, ...others });
    const made = await divide({
      packages: { demo: "/" },
      installed: Object.fromEntries(all.map(([path, soname]) => [path, lib(soname)])),
    });
    expect([made.stderr, made.facts[0]?.shlibs]).toEqual([
      "",
      Object.values(known).map((soname) => `${shlibKey(soname)} demo (>= 1:2.0-r0)`),
    ]);
  });
});

describe("a pattern of FILES", () => {
  test.each([
    ["/usr/bin", "/usr/bin/tool", true],
    ["/usr/bin/", "/usr/bin", true],
    ["/usr/bin", "/usr/binary", false],
    ["/usr/lib/lib*.so.*", "/usr/lib/libx.so.1", true],
    ["/usr/lib/lib*.so.*", "/usr/lib/deep/libx.so.1", false],
    ["/usr/lib/lib?.so", "/usr/lib/libx.so", true],
    ["/usr/lib/lib[!xy].so", "/usr/lib/libx.so", false],
    ["/usr/c++", "/usr/c++", true],
    ["/usr/c++", "/usr/ccc", false],
    ["/usr/[ab]", "/usr/b/c", true],
    ["/usr/[ab]", "/usr/c", false],
    ["/usr/[!ab]", "/usr/c", true],
    ["/usr/[^ab]", "/usr/^", true],
    ["/usr/[^ab]", "/usr/c", false],
    ["/usr/[!^]", "/usr/^", false],
    ["/usr/[!]]", "/usr/]", false],
    ["/usr/[!]", "/usr/[!]", true],
    ["/usr/[a-]", "/usr/-", true],
    ["/usr/[!c-a]", "/usr/x", true],
    ["/usr/x[a/]b", "/usr/x/b", false],
    ["/usr/[]a]x", "/usr/]x", true],
    ["/usr/[a-c]", "/usr/b", true],
    ["/usr/[c-a]", "/usr/b", false],
    ["/usr/[a-a]", "/usr/a", true],
    ["/usr/[--/]", "/usr/.", true],
    ["/usr/x[!a]b", "/usr/x/b", false],
    ["/usr/[\\]x", "/usr/\\x", true],
    ["/usr/[", "/usr/[", true],
    ["/usr/[]", "/usr/[]", true],
    ["/usr/a[b", "/usr/a[b", true],
    ["/usr/*.so", "/usr/a.so", true],
    ["/usr/*.so", "/usr/aXso", false],
    ["/", "/usr", true],
    ["/usr//", "/usr/x", true],
    ["/usr/?", "/usr/😀", true],
    ["/usr/?", "/usr/", false],
  ])("%s and %s: %s", (text, path, expected) => {
    expect(pattern(text).test(path)).toBe(expected);
  });

  test("is one whatever it is, and what has nothing special in it is the path itself", () => {
    const odd = fc.string({ unit: fc.constantFrom(..."[]!^-\\/*?.+(){}|$ab😀".split("")), maxLength: 8 });
    fc.assert(fc.property(fc.oneof(odd, fc.string()), (text) => pattern(text).test("/usr") || true));
    const plain = fc.string().filter((text) => !/[[*?/]/.test(text));
    fc.assert(
      fc.property(plain, plain, (left, right) => {
        expect(pattern(`/usr/${left}`).test(`/usr/${right}`)).toBe(left === "" || left === right);
      }),
    );
  });
});

describe("libraries and packages", () => {
  test.each([
    ["libc.so.6", "libc 6"],
    ["libfoo.so.1.2", "libfoo 1.2"],
    ["libfoo-1.2.so", "libfoo 1.2"],
    ["ld-linux-x86-64.so.2", "ld-linux-x86-64 2"],
    ["plugin.so", undefined],
  ])("%s is %s", (soname, key) => {
    expect(shlibKey(soname)).toBe(key);
  });

  test("shlibs lines", () => {
    expect([
      ...parseShlibs(
        "# note\n# libc 6 a note\n  #libm 6 note\nlibc 6 libc6 (>= 2.36)\nudeb: libc 6 libc6-udeb\ndeb: libm 6 libc6, x\n\n",
      ),
    ]).toEqual([
      ["libc 6", "libc6 (>= 2.36)"],
      ["libm 6", "libc6, x"],
    ]);
  });

  test.each([
    ["a b", ["a", "b"]],
    ["a (>= 1.0) b (= 2)", ["a (>= 1.0)", "b (= 2)"]],
    ["a,b,  c", ["a", "b", "c"]],
    ["a | b (>= 1) | c d", ["a | b (>= 1) | c", "d"]],
    ["", []],
  ])("relations %j", (text, expected) => {
    expect(splitRelations(text)).toEqual(expected);
  });
});
