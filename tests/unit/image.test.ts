import { describe, expect, test } from "@jest/globals";
import type { FileEntry } from "@tsbake/archive";
import { BuildError } from "@tsbake/base";
import {
  EXTENSION_KINDS,
  biggestFiles,
  biggestPackages,
  contentBytes,
  parseMaxSize,
  FileIndex,
  capabilityText,
  extensionRelease,
  formatFileManifest,
  formatManifest,
  formatOsRelease,
  formatReport,
  formatSummary,
  installedClosure,
  levelOf,
  missingAlternatives,
  parseFacts,
  parseFileManifest,
  parseOsRelease,
  anyOf,
  parseRules,
  pathMatcher,
  planExtension,
  isUnit,
  recipePackageFolders,
  ruleFor,
  savedBytes,
  systemdArchitecture,
  tmpfilesLine,
  uuidOf,
  type ExtensionStamp,
  type LayerFacts,
  type ExtensionRequest,
} from "@tsbake/image";
import fc from "fast-check";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../support/paths.js";
import { taskDependency } from "../support/task-dependencies.js";
import { temporaryFolder } from "../support/temporary.js";

/** The codes of what `action` throws. */
function codes(action: () => unknown): string[] {
  try {
    action();
  } catch (error) {
    if (error instanceof BuildError) return error.diagnostics.map((one) => one.code);
    throw error;
  }
  return [];
}

function messages(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof BuildError) return error.diagnostics.map((one) => one.message).join("\n");
    throw error;
  }
  return "";
}

const DIGEST = "0123456789abcdef".repeat(4);

function file(path: string, content: string, more: Partial<FileEntry> = {}): FileEntry {
  const sha256 = Buffer.from(content).toString("hex").padEnd(64, "0").slice(0, 64);
  return { path, kind: "file", mode: 0o644, uid: 0, gid: 0, sizeBytes: content.length, sha256, ...more };
}

function folder(path: string, more: Partial<FileEntry> = {}): FileEntry {
  return { path, kind: "directory", mode: 0o755, uid: 0, gid: 0, sizeBytes: 0, ...more };
}

function link(path: string, target: string, more: Partial<FileEntry> = {}): FileEntry {
  return { path, kind: "symlink", mode: 0o777, uid: 0, gid: 0, sizeBytes: 0, target, ...more };
}

describe("os-release", () => {
  test.each([
    ["ID=debian", "debian"],
    ['ID="two words"', "two words"],
    ["ID='a$b'", "a$b"],
    ['ID="a\\"b\\$c"', 'a"b$c'],
    ["  ID=x  ", "x"],
    ["# c\n\nID=", ""],
  ])("reads %j", (text, id) => {
    expect(parseOsRelease(text, "os-release").get("ID")).toBe(id);
  });

  test.each([["no assignment"], ['ID="open'], ["1D=x"]])("refuses %j with its line", (line) => {
    expect(messages(() => parseOsRelease(`A=b\n${line}\n`, "here"))).toContain("line 2 of here");
  });

  test("what is written reads back", () => {
    const value = fc.string().filter((text) => !/[\n\r]/.test(text) && text === text.trim());
    fc.assert(
      fc.property(value, (text) => {
        expect(parseOsRelease(formatOsRelease(new Map([["KEY", text]])), "x").get("KEY")).toBe(text);
      }),
    );
  });
});

/** SYSEXT_RULES of a class. */
function rulesOf(name: string): string {
  const text = readFileSync(join(root, `classes/${name}.bbclass`), "utf8");
  return /^SYSEXT_RULES \?= "([^"]*)"$/m.exec(text)![1]!.replaceAll("\\\n", " ");
}

describe("extension-release", () => {
  const stamp: ExtensionStamp = {
    name: "tools",
    base: new Map([
      ["ID", "debian"],
      ["VERSION_ID", "12"],
    ]),
    pkgdbDigest: DIGEST,
    policy: "version",
    architecture: "amd64",
    scope: [],
    reloadManager: false,
  };

  test("is tied to ID and VERSION_ID by default", () => {
    expect(extensionRelease(stamp)).toBe("ID=debian\nVERSION_ID=12\nARCHITECTURE=x86-64\n");
  });

  test("by policy pkgdb it has the level and no VERSION_ID, which would let in a base without a level", () => {
    const text = extensionRelease({ ...stamp, policy: "pkgdb" });
    expect(text).toBe("ID=debian\nSYSEXT_LEVEL=pkgdb-0123456789abcdef\nARCHITECTURE=x86-64\n");
    expect(levelOf(DIGEST)).toMatch(/^[a-z0-9._-]+$/);
  });

  test("of a confext has fields of its own", () => {
    const kind = EXTENSION_KINDS.confext;
    const more = { policy: "pkgdb", scope: ["system"], id: "tools", version: "1.2" } as const;
    expect(extensionRelease({ ...stamp, ...more, kind })).toBe(
      [
        "ID=debian",
        "CONFEXT_LEVEL=pkgdb-0123456789abcdef",
        "ARCHITECTURE=x86-64",
        "CONFEXT_SCOPE=system",
        "CONFEXT_ID=tools",
        "CONFEXT_VERSION_ID=1.2",
        "",
      ].join("\n"),
    );
  });

  test("carries scope, own id and version, and the reload flag", () => {
    const more = { scope: ["system", "portable"], id: "tools", version: "1.2", reloadManager: true };
    expect(parseOsRelease(extensionRelease({ ...stamp, ...more }), "x")).toEqual(
      new Map([
        ["ID", "debian"],
        ["VERSION_ID", "12"],
        ["ARCHITECTURE", "x86-64"],
        ["SYSEXT_SCOPE", "system portable"],
        ["SYSEXT_ID", "tools"],
        ["SYSEXT_VERSION_ID", "1.2"],
        ["EXTENSION_RELOAD_MANAGER", "1"],
      ]),
    );
  });

  test.each([
    ["/usr/lib/systemd/system/foo.service", true],
    ["/usr/lib/systemd/system/ssh.service.d/10-local.conf", true],
    ["/usr/lib/systemd/system/multi-user.target.wants/foo.service", true],
    ["/usr/lib/systemd/system/data.automount", true],
    ["/usr/lib/systemd/user/big.swap", true],
    ["/usr/lib/systemd/systemd-oomd", false],
    ["/usr/lib/systemd/system-generators/x", false],
    ["/etc/systemd/system/foo.service", false],
  ])("has the manager read units again for %s: %s", (path, isOne) => {
    expect(isUnit({ kind: "file", path })).toBe(isOne);
    expect(isUnit({ kind: "symlink", path })).toBe(isOne);
    expect(isUnit({ kind: "directory", path })).toBe(false);
  });

  test.each<[string, Partial<ExtensionStamp>]>([
    ["image/no-base-field", { base: new Map([["ID", "debian"]]) }],
    ["image/no-base-field", { base: new Map(), policy: "pkgdb" }],
    ["image/bad-extension-name", { name: "a/b" }],
    ["image/bad-extension-name", { name: "a.raw" }],
    ["image/bad-extension-name", { name: "" }],
    ["image/bad-scope", { scope: ["host"] }],
    ["image/unknown-architecture", { architecture: "x86_64" }],
    ["image/unknown-architecture", { architecture: "constructor" }],
  ])("%s", (code, change) => {
    expect(codes(() => extensionRelease({ ...stamp, ...change }))).toEqual([code]);
  });

  test("a rolling base without VERSION_ID can still be tied to its packages", () => {
    const text = extensionRelease({ ...stamp, base: new Map([["ID", "debian"]]), policy: "pkgdb" });
    expect(text).toContain("SYSEXT_LEVEL=");
  });

  test.each([
    ["amd64", "x86-64"],
    ["i386", "x86"],
    ["arm64", "arm64"],
    ["armhf", "arm"],
    ["ppc64el", "ppc64-le"],
    ["riscv64", "riscv64"],
    ["s390x", "s390x"],
    ["mips64el", "mips64-le"],
    ["loong64", "loongarch64"],
  ])("Debian's %s is systemd's %s", (debian, systemd) => {
    expect(systemdArchitecture(debian)).toBe(systemd);
  });
});

describe("rules", () => {
  test.each([
    ["/etc/**", "/etc/a/b", true],
    ["/etc/**", "/etc", false],
    ["/etc/*", "/etc/a", true],
    ["/etc/*", "/etc/a/b", false],
    ["/usr/lib/x?.so", "/usr/lib/x1.so", true],
    ["/usr/lib/x?.so", "/usr/lib/x/.so", false],
    ["/a.b", "/aXb", false],
    ["/a+(b)", "/a+(b)", true],
    ["/**/x", "/y/z/x", true],
  ])("%s on %s: %s", (glob, path, matches) => {
    expect(pathMatcher(glob)(path)).toBe(matches);
  });

  test.each([
    [[], "/etc/x", false],
    [["/etc/x"], "/etc/x", true],
    [["/usr/*", "/etc/x"], "/etc/x", true],
    [["/etc/x", "/usr/*"], "/etc/x", true],
    [["/usr/*", "/opt/*"], "/etc/x", false],
  ])("any of %j on %s: %s", (globs, path, matches) => {
    expect(anyOf(globs)(path)).toBe(matches);
  });

  test("the first match decides", () => {
    const rules = parseRules("/etc/gdb/**=drop\n /etc/**=factory");
    expect(ruleFor(rules, "/etc/gdb/gdbinit")?.action).toBe("drop");
    expect(ruleFor(rules, "/etc/other")?.text).toBe("/etc/**=factory");
    expect(ruleFor(rules, "/srv/x")).toBeUndefined();
  });

  // As docs/manual.md says of the rules without a change.
  const defaults = parseRules(rulesOf("image-sysext").replace("${SYSEXT_ETC}", "factory"));

  test.each([
    ["/usr/bin/strace", "keep"],
    ["/usr/lib/os-release", "drop"],
    ["/usr/lib/extension-release.d/extension-release.x", "refuse"],
    ["/opt", "keep"],
    ["/opt/x/bin/x", "keep"],
    ["/etc/x.conf", "factory"],
    ["/etc/extension-release.d/extension-release.x", "refuse"],
    ["/etc/os-release", "drop"],
    ["/etc/ld.so.cache", "drop"],
    ["/var/lib/x/state", "factory"],
    ["/var/lib/apt/lists/x", "drop"],
    ["/var/lib/dpkg/status", "drop"],
    ["/var/cache/x/y", "folders"],
    ["/var/log/x", "folders"],
    ["/var/tmp/x", "drop"],
    ["/run/x", "folders"],
    ["/tmp/x", "drop"],
    ["/srv/x", undefined],
    ["/home/x", undefined],
    ["/boot/x", undefined],
    ["/root/x", undefined],
  ])("the class decides for %s: %s", (path, action) => {
    expect(ruleFor(defaults, path)?.action).toBe(action);
  });

  test("every bad word is named", () => {
    const text = messages(() => parseRules("/a=keep etc=drop /b=eat =drop /c keep /=drop /d=x=drop"));
    expect(text.split("\n")).toEqual([
      "`etc=drop` is no rule",
      "`/b=eat` is no rule",
      "`=drop` is no rule",
      "`/c` is no rule",
      "`keep` is no rule",
    ]);
  });
});

describe("tmpfiles.d", () => {
  test.each([
    [folder("/var/lib/x", { mode: 0o1730, uid: 5, gid: 6 }), "d /var/lib/x 1730 5 6 -"],
    [link("/etc/x", "../usr/x"), "L /etc/x - - - - ../usr/x"],
    [file("/etc/a b%c", ""), 'C "/etc/a b%%c" - - - - /usr/share/factory/etc/a\\x20b%%c'],
  ])("%j", (entry, line) => {
    expect(tmpfilesLine(entry, `/usr/share/factory${entry.path}`)).toBe(line);
  });
});

describe("links of update-alternatives", () => {
  test("that nobody has are named, a sentence a package, commands first", () => {
    const link = (owner: string, name: string) => ({
      package: owner,
      link: name,
      path: `${name}.of-${owner}`,
    });
    const pages = Array.from({ length: 9 }, (_, at) => link("many", `/usr/share/man/man1/${at}.1.gz`));
    const found = missingAlternatives(
      [
        link("b", "/bin/x"),
        link("a", "/bin/there"),
        link("a", "/bin/nc"),
        ...pages,
        link("many", "/usr/bin/z"),
      ],
      (path) => path === "/bin/there",
    );
    expect(found).toEqual([
      expect.stringMatching(
        /^update-alternatives did not run for a: not there is \/bin\/nc \(\/bin\/nc\.of-a\);/,
      ),
      expect.stringContaining("/bin/x (/bin/x.of-b)"),
      expect.stringMatching(/not there are \/usr\/bin\/z \(.* and 2 more;/),
    ]);
  });
});

describe("the plan of an extension", () => {
  const RULES =
    "/usr/lib/os-release=drop /usr/**=keep /opt/**=keep /opt=keep /etc/secret=refuse /etc/**=factory " +
    "/var/cache/**=folders /var/**=factory /tmp/**=drop";
  const BASE = [
    folder("/usr"),
    folder("/usr/bin"),
    folder("/usr/lib", { mode: 0o711, package: "libc6" }),
    folder("/etc"),
    folder("/var"),
    link("/bin", "usr/bin"),
    link("/lib", "usr/lib"),
    link("/usr/share/alias", "real"),
    folder("/usr/share"),
    folder("/usr/share/real"),
    file("/usr/bin/tool", "base", { package: "coreutils" }),
    link("/usr/bin/awk", "/etc/alternatives/awk"),
    file("/etc/conf", "base", { package: "base-files" }),
    link("/out", "../../.."),
  ];

  function plan(layer: FileEntry[], change: Partial<ExtensionRequest> = {}) {
    const base = new FileIndex(BASE);
    return planExtension({
      layer,
      base,
      rules: parseRules(RULES),
      mayShadow: () => false,
      name: "tools",
      ...change,
    });
  }
  const paths = (layer: FileEntry[]): string[] => plan(layer).entries.map((one) => one.entry.path);

  describe("of a confext", () => {
    const rules = parseRules(rulesOf("image-confext"));
    const confext = (layer: FileEntry[], more: Partial<ExtensionRequest> = {}) =>
      plan(layer, { rules, kind: EXTENSION_KINDS.confext, ...more });

    test("ships what is below /etc, as it is", () => {
      const { entries, report } = confext([
        folder("/etc"),
        file("/etc/new.d/x", "x", { mode: 0o640, gid: 7 }),
        file("/usr/share/doc/p/copyright", "y", { package: "p" }),
      ]);
      expect(entries.map(({ entry }) => [entry.path, entry.mode, entry.gid])).toEqual([
        ["/etc", 0o755, 0],
        ["/etc/new.d", 0o755, 0],
        ["/etc/new.d/x", 0o640, 7],
      ]);
      expect(report.map(({ path, decision }) => `${decision} ${path}`)).toEqual([
        "dropped /usr/share/doc/p/copyright",
      ]);
    });

    test.each([
      ["any other path", [file("/usr/bin/new", "x")], {}, "image/refused-by-rule", "/usr/bin/new"],
      ["a path of /var", [file("/var/lib/p/x", "x")], {}, "image/refused-by-rule", "/var/lib/p/x"],
      ["a rule that keeps it", [file("/usr/bin/new", "x")], "/usr/**=keep", "image/keep-outside-usr", "/etc"],
      ["a copy to make", [file("/etc/x", "x")], "/etc/**=factory", "image/keep-outside-usr", "/etc/x"],
      ["a file of the base that is another", [file("/etc/conf", "x")], {}, "image/file-clash", "/etc/conf"],
    ] as const)("%s is an error", (_what, layer, given, code, named) => {
      const act = () => confext([...layer], typeof given === "string" ? { rules: parseRules(given) } : given);
      expect(codes(act)).toEqual([code]);
      expect(messages(act)).toContain(named);
    });
  });

  describe("with a confext that comes with it", () => {
    const rules = parseRules(rulesOf("image-sysext").replace("${SYSEXT_ETC}", "confext"));
    const pair = (layer: FileEntry[], more: Partial<ExtensionRequest> = {}) =>
      plan(layer, { rules, hasCompanion: true, ...more });

    test("has what is below /etc there, and no copy of it nor a line for it; ids are fixed for both", () => {
      const { entries, companion, report } = pair(
        [
          file("/usr/bin/new", "x"),
          folder("/etc"),
          folder("/etc/new.d"),
          file("/etc/new.d/x", "x", { mode: 0o640, gid: 407 }),
          file("/etc/new.d/y", "x", { hardlink: "/etc/new.d/x", mode: 0o640, gid: 407 }),
          folder("/var/lib/new"),
        ],
        { accounts: { users: [], groups: [{ name: "new", gid: 407 }], memberships: [] } },
      );
      const shown = (all: typeof entries = []) =>
        all.filter(({ entry }) => entry.kind !== "directory").map(({ entry, text }) => [entry.path, text]);
      expect(shown(entries)).toEqual([
        ["/usr/bin/new", undefined],
        ["/usr/lib/sysusers.d/00-tools.conf", "g new 407\n"],
        ["/usr/lib/tmpfiles.d/tools.conf", "d /var/lib/new 0755 0 0 -\n"],
      ]);
      expect(shown(companion).map(([path]) => path)).toEqual(["/etc/new.d/x", "/etc/new.d/y"]);
      expect(companion?.at(-1)?.entry.hardlink).toBe("/etc/new.d/x");
      expect(report.filter(({ decision }) => decision === "confext").map(({ path }) => path)).toEqual([
        "/etc/new.d",
        "/etc/new.d/x",
        "/etc/new.d/y",
      ]);
    });

    test.each([
      ["a file of the base that is another", [file("/etc/conf", "x")], {}, "image/file-clash"],
      [
        "a path outside of /etc",
        [file("/var/x", "x")],
        { rules: parseRules("/**=confext") },
        "image/keep-outside-usr",
      ],
      ["that does not come", [file("/etc/x", "x")], { hasCompanion: false }, "image/confext-not-made"],
    ] as const)("%s is an error", (_what, layer, more, code) => {
      expect(codes(() => pair([...layer], more))).toEqual([code]);
    });
  });

  test("ships new files with the folders above them", () => {
    expect(
      paths([folder("/usr"), folder("/usr/bin"), file("/usr/bin/new", "x"), file("/opt/a/b", "y")]),
    ).toEqual(["/opt", "/opt/a", "/opt/a/b", "/usr", "/usr/bin", "/usr/bin/new"]);
  });

  test("folders that only the base has content in are not shipped, new empty ones are", () => {
    expect(paths([folder("/usr/lib"), folder("/usr/share"), folder("/usr/newdir")])).toEqual([
      "/usr",
      "/usr/newdir",
    ]);
  });

  test("a folder has the base's mode, and that is reported when a package wants another", () => {
    const { entries, report } = plan([folder("/usr/lib", { package: "new" }), file("/usr/lib/x", "")]);
    expect(entries.find(({ entry }) => entry.path === "/usr/lib")?.entry.mode).toBe(0o711);
    expect(report).toEqual([
      {
        path: "/usr/lib",
        decision: "mode-of-base",
        because: "the base has 0711 0:0, the package 0755 0:0",
        package: "new",
      },
    ]);
  });

  test("the base's merged folders are followed", () => {
    const { entries, report } = plan([folder("/bin"), file("/bin/new", "x", { package: "p" })]);
    expect(entries.at(-1)).toMatchObject({ entry: { path: "/usr/bin/new" }, from: "/bin/new" });
    expect(report[0]).toMatchObject({ path: "/bin/new", decision: "moved" });
  });

  test("a link or a file where the build puts its own files is refused", () => {
    const below = (path: string): FileEntry[] => [
      { ...link("/usr/lib/tmpfiles.d", "../share"), package: "evil" },
      folder("/etc/conf.d"),
      file(path, "x", { package: "p" }),
    ];
    expect(codes(() => plan(below("/etc/conf.d/x")))).toEqual(["image/folder-taken"]);
    expect(messages(() => plan(below("/etc/conf.d/x")))).toContain(
      "/usr/lib/tmpfiles.d of package evil is a symlink",
    );
  });

  test("a name that is no UTF-8 stays what it is, also in a line of tmpfiles.d", () => {
    const name = "/etc/caf\udce9";
    const { entries } = plan([file(name, "x")]);
    expect(entries.some(({ entry }) => entry.path === `/usr/share/factory${name}`)).toBe(true);
    expect(entries.map(({ text }) => text ?? "").join("")).toContain(
      // The path as it is, the argument with escapes, which systemd undoes there.
      `C ${name} - - - - /usr/share/factory/etc/caf\\xe9`,
    );
  });

  test("the same file at both spellings ships once; different ones are an error", () => {
    expect(paths([file("/bin/new", "x"), file("/usr/bin/new", "x")])).toEqual([
      "/usr",
      "/usr/bin",
      "/usr/bin/new",
    ]);
    const clash = [file("/bin/new", "x", { package: "one" }), file("/usr/bin/new", "y", { package: "two" })];
    expect(codes(() => plan(clash))).toEqual(["image/layer-clash"]);
  });

  test("what the base has too is dropped when it is the same, and reported", () => {
    const { entries, report } = plan([file("/usr/bin/tool", "base", { package: "p" })]);
    expect(entries.map(({ entry }) => entry.path)).toEqual(["/usr"]);
    expect(report[0]).toMatchObject({ path: "/usr/bin/tool", decision: "same-as-base", package: "p" });
  });

  test("another content is an error that names both packages", () => {
    const text = messages(() => plan([file("/usr/bin/tool", "other", { package: "busybox" })]));
    expect(text).toBe(
      "/usr/bin/tool of package busybox differs from the file of package coreutils in the base",
    );
  });

  test("another mode is another content", () => {
    expect(codes(() => plan([file("/usr/bin/tool", "base", { mode: 0o4755 })]))).toEqual([
      "image/file-clash",
    ]);
  });

  test("other attributes are another content, but for the notes of overlayfs", () => {
    const capability = { xattrs: ["security.capability=AQAAAg=="] };
    expect(codes(() => plan([file("/usr/bin/tool", "base", capability)]))).toEqual(["image/file-clash"]);
    const noted = { package: "p", xattrs: ["user.overlay.origin=AA=="] };
    const { report } = plan([file("/usr/bin/tool", "base", noted)]);
    expect(report.some(({ decision }) => decision === "same-as-base")).toBe(true);
  });

  test("unless the path may be hidden", () => {
    const { entries, report } = plan([file("/usr/bin/tool", "other")], {
      mayShadow: (path) => path === "/usr/bin/tool",
    });
    expect(entries.at(-1)?.entry.path).toBe("/usr/bin/tool");
    expect(report[0]?.decision).toBe("shadows-base");
  });

  test.each<[string, FileEntry[]]>([
    ["image/kind-clash", [folder("/usr/share/alias"), file("/usr/share/alias/x", "")]],
    ["image/kind-clash", [file("/usr/share/real", "")]],
    ["image/special-file", [{ ...file("/usr/bin/tool", ""), kind: "character", device: "0:0" }]],
    ["image/special-file", [{ ...file("/usr/lib/fifo", ""), kind: "fifo" }]],
    ["image/no-rule", [file("/srv/x", "")]],
    ["image/refused-by-rule", [file("/etc/secret", "")]],
    ["image/file-clash", [file("/etc/conf", "other")]],
    ["image/link-leaves-tree", [file("/out/x", "")]],
  ])("%s", (code, layer) => {
    expect(codes(() => plan(layer))).toEqual([code]);
  });

  test("keep outside of what is merged is an error", () => {
    expect(codes(() => plan([file("/srv/x", "")], { rules: parseRules("/**=keep") }))).toEqual([
      "image/keep-outside-usr",
    ]);
  });

  test("all problems come in one go", () => {
    expect(codes(() => plan([file("/srv/x", ""), file("/srv/y", "")]))).toHaveLength(2);
  });

  test("/etc and /var become factory files and tmpfiles.d lines", () => {
    const { entries, report } = plan([
      folder("/etc/new"),
      file("/etc/new/conf", "x"),
      link("/etc/new/link", "conf"),
      folder("/var/cache/new"),
      file("/var/cache/new/stale", "z"),
    ]);
    expect(entries.map(({ entry }) => entry.path)).toEqual([
      "/usr",
      "/usr/lib",
      "/usr/lib/tmpfiles.d",
      "/usr/lib/tmpfiles.d/tools.conf",
      "/usr/share",
      "/usr/share/factory",
      "/usr/share/factory/etc",
      "/usr/share/factory/etc/new",
      "/usr/share/factory/etc/new/conf",
    ]);
    expect(entries.find(({ text }) => text !== undefined)?.text).toBe(
      "C /etc/new/conf - - - - /usr/share/factory/etc/new/conf\n" +
        "L /etc/new/link - - - - conf\n" +
        "d /etc/new 0755 0 0 -\n" +
        "d /var/cache/new 0755 0 0 -\n",
    );
    expect(report.map(({ path, decision }) => [path, decision])).toEqual([
      ["/etc/new", "factory"],
      ["/etc/new/conf", "factory"],
      ["/etc/new/link", "factory"],
      ["/var/cache/new", "factory"],
      ["/var/cache/new/stale", "dropped"],
    ]);
  });

  test("os-release never ships, whichever package brings it", () => {
    const { entries, report } = plan([file("/usr/lib/os-release", "x", { package: "base-files" })]);
    expect(entries.map(({ entry }) => entry.path)).toEqual(["/usr"]);
    expect(report[0]).toMatchObject({ decision: "dropped", because: "rule /usr/lib/os-release=drop" });
  });

  test("paths that came with the import and are the base's own are no news", () => {
    expect(plan([link("/usr/bin/awk", "/etc/alternatives/awk")]).report).toEqual([]);
    expect(plan([link("/usr/bin/awk", "/etc/alternatives/awk", { package: "gawk" })]).report).toHaveLength(1);
  });

  test("a merged folder of the base is no news, whoever lists it", () => {
    const { entries, report } = plan([link("/lib", "usr/lib", { package: "p" }), file("/usr/lib/x", "")]);
    expect(entries.map(({ entry }) => entry.path)).toEqual(["/usr", "/usr/lib", "/usr/lib/x"]);
    expect(report).toEqual([]);
  });

  test("overlayfs' attributes go, capabilities stay", () => {
    const xattrs = ["security.capability=AQ==", "trusted.overlay.opaque=eQ==", "user.overlay.origin=AA=="];
    const { entries, report } = plan([file("/usr/bin/ping", "x", { xattrs })]);
    expect(entries.at(-1)?.entry.xattrs).toEqual(["security.capability=AQ=="]);
    expect(report[0]?.decision).toBe("xattr-dropped");
  });

  test("of hard links the first that ships carries the content, wherever the group's first lies", () => {
    const first = file("/tmp/first", "x");
    const { entries } = plan([
      first,
      { ...first, path: "/usr/bin/second", hardlink: "/tmp/first" },
      { ...first, path: "/usr/bin/third", hardlink: "/tmp/first" },
    ]);
    expect(entries.slice(-2)).toEqual([
      { entry: { ...first, path: "/usr/bin/second" }, from: "/tmp/first" },
      { entry: { ...first, path: "/usr/bin/third", hardlink: "/usr/bin/second" } },
    ]);
  });

  test("order of the layer does not matter", () => {
    const layer = [
      folder("/etc/new"),
      file("/etc/new/conf", "x"),
      file("/usr/bin/new", "y"),
      file("/opt/z", "z"),
    ];
    fc.assert(
      fc.property(fc.shuffledSubarray(layer, { minLength: layer.length }), (shuffled) => {
        expect(plan(shuffled)).toEqual(plan(layer));
      }),
    );
  });

  test("the extension and the base share folders only", () => {
    const name = fc.constantFrom("a", "b", "tool", "conf");
    const path = fc
      .tuple(fc.constantFrom("/usr/bin", "/usr/lib", "/bin", "/opt"), name)
      .map((parts) => parts.join("/"));
    const layer = fc.uniqueArray(fc.record({ path, content: fc.constantFrom("base", "x") }), {
      selector: (one) => one.path,
    });
    fc.assert(
      fc.property(layer, (files) => {
        const base = new FileIndex(BASE);
        try {
          for (const { entry } of plan(files.map((one) => file(one.path, one.content))).entries) {
            expect(entry.kind === "directory" || base.get(entry.path) === undefined).toBe(true);
          }
        } catch (error) {
          if (!(error instanceof BuildError)) throw error;
        }
      }),
    );
  });
});

describe("file capabilities", () => {
  const bytes = (...words: number[]): string => {
    const data = Buffer.alloc(words.length * 4);
    words.forEach((word, index) => data.writeUInt32LE(word, index * 4));
    return data.toString("base64");
  };
  test.each([
    ["cap_net_raw=ep", bytes(0x02000001, 1 << 13, 0, 0, 0), "13+ep"],
    ["permitted only", bytes(0x02000000, 1 << 13, 0, 0, 0), "13+p"],
    ["two, one of them inheritable", bytes(0x02000001, 1, 2, 0, 0), "0+ep 1+ei"],
    ["above 31", bytes(0x03000001, 0, 0, 1 << 6, 1 << 6, 1000), "38+eip"],
    ["none", bytes(0x02000001, 0, 0, 0, 0), undefined],
    ["an old revision", bytes(0x01000001, 1, 0), undefined],
    ["another attribute", bytes(0x07000001, 1, 0, 0, 0), undefined],
    ["cut", "AQA=", undefined],
  ])("%s", (_what, value, text) => {
    expect(capabilityText(value)).toBe(text);
  });
});

describe("the file manifest", () => {
  const entries: FileEntry[] = [
    file("/usr/bin/x", "x", { package: "p", mode: 0o4755 }),
    folder("/usr"),
    link("/bin", "usr/bin"),
    file("/usr/bin/y", "x", { hardlink: "/usr/bin/x", xattrs: ["user.a=AA=="] }),
    { path: "/dev", kind: "character", mode: 0o600, uid: 1, gid: 2, sizeBytes: 0, device: "1:3" },
  ];

  test("reads back what was written, sorted", () => {
    const text = formatFileManifest(entries);
    expect(parseFileManifest(text, "x").map(({ path }) => path)).toEqual([
      "/bin",
      "/dev",
      "/usr",
      "/usr/bin/x",
      "/usr/bin/y",
    ]);
    expect(formatFileManifest(parseFileManifest(text, "x"))).toBe(text);
    expect(formatFileManifest([...entries].reverse())).toBe(text);
  });

  test.each([
    ["no JSON", "{"],
    ["no object", "3"],
    ["a relative path", '{"path":"usr","kind":"directory","mode":"0755","uid":0,"gid":0,"size":0}'],
    ["a way out", '{"path":"/../x","kind":"directory","mode":"0755","uid":0,"gid":0,"size":0}'],
    ["an unknown kind", '{"path":"/x","kind":"door","mode":"0755","uid":0,"gid":0,"size":0}'],
    ["a bad mode", '{"path":"/x","kind":"directory","mode":"9","uid":0,"gid":0,"size":0}'],
    ["a bad owner", '{"path":"/x","kind":"directory","mode":"0755","uid":-1,"gid":0,"size":0}'],
    ["a file without digest", '{"path":"/x","kind":"file","mode":"0755","uid":0,"gid":0,"size":0}'],
    ["a bad target", '{"path":"/x","kind":"symlink","mode":"0777","uid":0,"gid":0,"size":0,"target":1}'],
  ])("refuses %s with its line", (_what, line) => {
    expect(
      messages(() => parseFileManifest(`${formatFileManifest([folder("/a")])}${line}\n`, "m")),
    ).toContain("line 2 of m");
  });
});

describe("results", () => {
  const stanza = (fields: Record<string, string>) => ({
    name: fields["Package"] ?? "",
    version: "1",
    architecture: "amd64",
    state: "installed",
    stanza: new Map(Object.entries(fields)),
    files: [],
    conffiles: new Map<string, string>(),
    control: new Map<string, string>(),
  });
  const installed = [
    stanza({ Package: "awk-one", Provides: "awk (= 1)" }),
    stanza({ Package: "libc6" }),
    stanza({ Package: "libtool", Depends: "libc6 (>= 2.3)" }),
    stanza({ Package: "other" }),
    stanza({
      Package: "tool",
      Depends: "libtool:any (>= 1) | nothing, missing | awk",
      "Pre-Depends": "libc6",
    }),
  ];

  test("the closure follows dependencies, alternatives and provides, among what is installed", () => {
    expect(installedClosure(installed, ["tool"]).map(({ name }) => name)).toEqual([
      "awk-one",
      "libc6",
      "libtool",
      "tool",
    ]);
    expect(installedClosure(installed, ["nothing"])).toEqual([]);
  });

  const facts: LayerFacts = {
    format: 2,
    backend: "deb",
    architecture: "amd64",
    baseDigest: DIGEST,
    requested: ["bash", "gdb"],
    packages: [
      {
        name: "gdb",
        version: "13",
        architecture: "amd64",
        origin: "archive",
        installedSizeBytes: 10 * 2 ** 20,
        depends: [],
      },
    ],
    inBase: [],
    distribution: { id: "debian", version: "12" },
    closure: { count: 61, installedSizeBytes: 141 * 2 ** 20 },
    skippedScripts: ["postinst", "prerm", "triggers"].map((script) => ({
      package: "gdb",
      version: "13",
      script,
      sha256: DIGEST,
    })),
    narrowedModes: [],
    changedInBase: [],
    warnings: [],
  };
  const extension = {
    name: "tools",
    base: "base-image",
    baseDigest: DIGEST,
    policy: "version",
    release: { ID: "debian", VERSION_ID: "12" },
    report: [
      { path: "/etc/x", decision: "factory" as const, because: "rule /etc/**=factory", package: "gdb" },
    ],
  };
  const request = {
    image: "sysext-image",
    version: "1.0",
    machine: "generic",
    facts,
    files: [file("/usr/bin/gdb", "x".repeat(1024), { package: "gdb" })],
    extension,
    outputs: [{ type: "squashfs", sizeBytes: 3 * 2 ** 20, sha256: DIGEST }],
  };

  test("the summary says what the layering saved", () => {
    expect(savedBytes(facts)).toBe(131 * 2 ** 20);
    expect(formatSummary(request).split("\n")).toEqual([
      "sysext-image on base-image: 1 package, 1 KiB (saves 131 MiB against the full closure of 61 packages)",
      "  gdb 13, in the base already: bash",
      "  fits: ID=debian VERSION_ID=12",
      "  paths that do not ship as they were: 1 factory (see the report)",
      "  did not run: 1 maintainer script of gdb",
      "  biggest packages: gdb 1 KiB",
      "  biggest files: /usr/bin/gdb 1 KiB",
      "  squashfs: 3.0 MiB",
      "",
    ]);
  });

  test("sizes: the biggest first, each content once, and no folder", () => {
    const files = [
      folder("/usr"),
      file("/usr/a", "x".repeat(300), { package: "one" }),
      file("/usr/b", "x".repeat(200), { package: "two" }),
      file("/usr/c", "x".repeat(200), { package: "two" }),
      file("/usr/d", "x".repeat(200), { package: "two", hardlink: "/usr/c" }),
      file("/usr/e", "x".repeat(500)),
    ];
    expect(contentBytes(files)).toBe(1200);
    expect(biggestPackages(files, 2)).toEqual([
      { name: "two", sizeBytes: 400 },
      { name: "one", sizeBytes: 300 },
    ]);
    expect(biggestFiles(files, 3).map(({ name }) => name)).toEqual(["/usr/e", "/usr/a", "/usr/b"]);
  });

  test.each([
    ["100", 102_400],
    ["100K", 102_400],
    [" 3M ", 3 * 2 ** 20],
    ["2G", 2 ** 31],
    ["0", 0],
  ])("IMAGE_ROOTFS_MAXSIZE `%s` is %d bytes", (text, bytes) => {
    expect(parseMaxSize(text)).toBe(bytes);
  });

  test.each(["", "1.5G", "-1", "many", "1KB", "1e9"])("`%s` is no size", (text) => {
    expect(codes(() => parseMaxSize(text))).toEqual(["image/bad-max-size"]);
  });

  test("the manifest is stable JSON with packages, files and decisions", () => {
    const manifest: unknown = JSON.parse(formatManifest(request));
    expect(manifest).toMatchObject({
      image: "sysext-image",
      extension: { base: "base-image", release: { ID: "debian" } },
      savedBytes: 131 * 2 ** 20,
      packages: [{ name: "gdb" }],
      decisions: [{ path: "/etc/x" }],
      files: [{ path: "/usr/bin/gdb", size: 1024, package: "gdb" }],
    });
    expect(formatManifest(request)).toBe(formatManifest(request));
  });

  test("the report has one line a path", () => {
    expect(formatReport(extension.report)).toBe("factory\t/etc/x\trule /etc/**=factory\tgdb\n");
  });

  test.each(["", "{}", "[]", '{"format":1}', JSON.stringify({ ...facts, packages: [{ name: 1 }] })])(
    "package facts that are not ours are refused: %.40s",
    (text) => {
      expect(codes(() => parseFacts(text, "packages.json"))).toEqual(["image/bad-layer-facts"]);
    },
  );

  test("uuids are of version 8 and differ as the digests do", () => {
    expect(uuidOf(DIGEST)).toMatch(/^01234567-89ab-8def-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(uuidOf(DIGEST)).not.toBe(uuidOf("f".repeat(64)));
  });
});

describe("package folders of recipes", () => {
  test("only those of recipes in the dependency tree count", async () => {
    const work = temporaryFolder("image");
    try {
      for (const name of ["lib", "stale", "tool"]) mkdirSync(join(work, "deb", name), { recursive: true });
      const list = join(work, "taskdepdata.json");
      writeFileSync(list, JSON.stringify(["tool", "lib", "unpacked"].map((pn) => taskDependency({ pn }))));
      const deb = join(work, "deb");
      await expect(recipePackageFolders([deb], list)).resolves.toEqual([join(deb, "lib"), join(deb, "tool")]);
      await expect(recipePackageFolders([deb], undefined)).resolves.toEqual([deb]);
      writeFileSync(list, "{}");
      await expect(recipePackageFolders([deb], list)).rejects.toMatchObject({ name: "BuildError" });
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
});
