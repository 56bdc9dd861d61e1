/** What was changed in a shell, and the recipes that say so, as data. */
import { describe, expect, test } from "@jest/globals";
import {
  type ChangedFile,
  differenceOf,
  type DatabasePackage,
  type DatabaseState,
  dpkgRuns,
  isDuring,
  packageKey,
  packageOf,
  planCommit,
  recipeTexts,
} from "@tsbake/overlay";
import type { RootEntry } from "@tsbake/sandbox";

function stateOf(
  packs: Readonly<Record<string, { version: string; list?: readonly string[]; md5sums?: string }>>,
  automatic: readonly string[] = [],
): DatabaseState {
  const packages = new Map<string, DatabasePackage>();
  for (const [name, { version, list = [], md5sums = "" }] of Object.entries(packs)) {
    const stanza = new Map([
      ["Package", name],
      ["Status", "install ok installed"],
      ["Architecture", "amd64"],
      ["Version", version],
    ]);
    const info = new Map([
      ["list", list.map((path) => `${path}\n`).join("")],
      ["md5sums", md5sums],
    ]);
    packages.set(packageKey(stanza), packageOf(stanza, info));
  }
  const auto = automatic.map(
    (name) =>
      [
        `${name}:amd64`,
        new Map([
          ["Package", name],
          ["Auto-Installed", "1"],
        ]),
      ] as const,
  );
  const none = new Map<string, never>();
  return {
    format: "deb",
    packages,
    automatic: new Map(auto),
    alternatives: none,
    links: none,
    diversions: none,
    overrides: none,
    triggers: none,
  };
}

/** By kind: content of a file, `-> TARGET`, `dir`, `gone`. */
function entryOf(path: string, text: string): RootEntry {
  const kinds: Readonly<Record<string, RootEntry["kind"]>> = { dir: "directory", gone: "character" };
  const kind = text.startsWith("-> ") ? "symlink" : (kinds[text] ?? "file");
  const mode = kind === "directory" ? 0o755 : 0o644;
  const target = text.startsWith("-> ") ? text.slice(3) : "";
  return { path, kind, mode, uid: 0, gid: 0, sizeBytes: text.length, mtimeSeconds: 0, target, inode: path };
}

const A = "a".repeat(32);
const B = "b".repeat(32);

const UPPER: Readonly<Record<string, string>> = {
  "/usr": "dir",
  "/usr/bin/tool": "as shipped",
  "/usr/share/tool": "dir",
  "/usr/share/tool/data": "edited",
  "/etc/base.conf": "mine",
  "/etc/touched.conf": "same",
  "/etc/by-hand": "x",
  "/etc/link": "-> by-hand",
  "/etc/made-by-script": "x",
  "/etc/passwd": "more",
  "/etc/ld.so.cache": "x",
  "/usr/bin/old": "gone",
  "/usr/bin/other": "gone",
  "/opt/empty": "dir",
  "/opt/full": "dir",
  "/opt/full/file": "x",
  "/root/notes": "x",
  "/root/.bash_history": "x",
  "/var/lib/dpkg/status": "x",
  "/var/cache/x": "x",
};
const BASE: Readonly<Record<string, string>> = {
  "/usr": "directory",
  "/etc/base.conf": "base",
  "/etc/touched.conf": "same",
  "/usr/bin/old": "old",
  "/usr/bin/other": "other",
  "/etc/passwd": "few",
};

const DIFFERENCE = differenceOf({
  base: stateOf({
    base: { version: "1", list: ["/etc/base.conf"] },
    gone: { version: "1", list: ["/usr/bin/old"] },
    up: { version: "1" },
  }),
  own: stateOf(
    {
      base: { version: "1", list: ["/etc/base.conf"] },
      up: { version: "2" },
      tool: {
        version: "3",
        list: ["/usr/bin/tool", "/usr/share/tool", "/usr/share/tool/data"],
        md5sums: `${A}  usr/bin/tool\n${A}  usr/share/tool/data\n`,
      },
      libtool: { version: "3" },
      mine: { version: "1" },
    },
    ["libtool"],
  ),
  upper: new Map(Object.entries(UPPER).map(([path, text]) => [path, entryOf(path, text)])),
  baseTree: (path) => BASE[path],
  upperTree: (path) => (UPPER[path] === "dir" ? "directory" : UPPER[path]),
  digests: new Map([
    ["/usr/bin/tool", A],
    ["/usr/share/tool/data", B],
  ]),
  place: (path) => path,
  isByScripts: (path) => path.endsWith("by-script"),
});

const PLAN = planCommit(DIFFERENCE, (name) => name === "mine");

describe("what was changed", () => {
  test("are packages by the databases", () => {
    const { added, changed, removed } = DIFFERENCE;
    expect(added).toEqual([
      { name: "libtool", version: "3", isAutomatic: true },
      { name: "mine", version: "1", isAutomatic: false },
      { name: "tool", version: "3", isAutomatic: false },
    ]);
    expect(changed).toEqual([{ name: "up", from: "1", to: "2" }]);
    expect(removed).toEqual([{ name: "gone", version: "1" }]);
  });

  test("are files that no package accounts for", () => {
    expect(DIFFERENCE.files.map(({ change, path }) => `${change} ${path}`)).toEqual([
      "edited /etc/base.conf",
      "made /etc/by-hand",
      "made /etc/link",
      "made /opt/empty",
      "made /opt/full/file",
      "made /root/notes",
      "removed /usr/bin/other",
      "edited /usr/share/tool/data",
    ]);
    expect(DIFFERENCE.byScripts).toEqual(["/etc/made-by-script"]);
  });
});

test("what cannot be in an extension stays behind, with the reason", () => {
  expect(PLAN.left.map(({ what }) => what)).toEqual([
    "package gone 1, removed",
    "/etc/base.conf, edited",
    "/root/notes, made",
    "/usr/bin/other, removed",
  ]);
  expect(PLAN.left.every(({ why }) => why !== "")).toBe(true);
});

describe("the recipes", () => {
  const texts = recipeTexts(PLAN, { name: "my-tools", base: "base-image", shell: "try1" });

  test("name packages, those that nobody asked for left out", () => {
    expect(texts.image.split("\n").filter((line) => /^[A-Z]/.test(line))).toEqual([
      'SUMMARY = "What was tried in the shell try1 on base-image"',
      'IMAGE_BASE_PKGDB = "base-image"',
      'IMAGE_PREINSTALL = "tool up"',
      'IMAGE_INSTALL = "mine my-tools-files"',
      'SYSEXT_ALLOW_CHANGED = "up"',
    ]);
    expect(texts.image).toContain("# Not here: package gone 1, removed");
  });

  test("install files as they are", () => {
    const { name, text, sources } = texts.files!;
    expect(name).toBe("my-tools-files");
    expect([...sources.keys()]).toEqual(["etc/by-hand", "opt/full/file", "usr/share/tool/data"]);
    expect(text).toContain('    install -m 0644 "${S}/etc/by-hand" "${D}"/etc/by-hand\n');
    expect(text).toContain('    ln -sf by-hand "${D}"/etc/link\n');
    expect(text).toContain('    install -d -m 0755 "${D}"/opt/empty\n');
    expect(text).toContain('RREPLACES:${PN} = "tool"\n');
  });

  const odd = (path: string, more: Partial<ChangedFile> = {}): string => {
    const file: ChangedFile = { ...PLAN.files.find((one) => one.kind === "file")!, path, ...more };
    const plan = { ...PLAN, files: [file] };
    return recipeTexts(plan, { name: "x", base: "b", shell: "s" }).files!.text;
  };
  test.each([
    ["a blank", "/opt/a b", `"\${D}"'/opt/a b'`],
    ["a quote", "/opt/it's", `"\${D}"'/opt/it'\\''s'`],
    ["what is expanded", "/opt/${PN}`id`", `"\${D}"'/opt/'"$"'{PN}\`id\`'`],
  ])("have a name with %s as a word", (_, path, expected) => {
    expect(odd(path)).toContain(expected);
    expect(odd(path)).toContain("file://file-1");
  });

  test("keep owners", () => {
    const text = odd("/opt/owned", { uid: 100, gid: 65534 });
    expect(text).toContain('chown -h 100:65534 "${D}"/opt/owned');
    expect(text).toContain('do_install[fakeroot] = "1"');
  });
});

test("a run of dpkg has its two ends, and one that was killed counts for nothing", () => {
  const runs = dpkgRuns("begin 10.500\nend 12.250\nbegin 20.000\nbegin 30.000\nend 31.000\nrubbish\n");
  expect(runs).toEqual([
    { fromSeconds: 10.5, toSeconds: 12.25 },
    { fromSeconds: 30, toSeconds: 31 },
  ]);
  expect([10.49, 11, 12.25, 12.26, 25, 30].map((seconds) => isDuring(runs, seconds))).toEqual([
    true,
    true,
    true,
    false,
    false,
    true,
  ]);
});
