/** Packages that go from a base: what may, in which order, and what each leaves behind. */
import { describe, expect, test } from "@jest/globals";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FileEntry, foldersAbove } from "@tsbake/archive";
import { BuildError } from "@tsbake/base";
import {
  explainUnsolvable,
  leftBehind,
  mayStay,
  refuseChanges,
  refuseNames,
  type RemovalView,
} from "@tsbake/image";
import {
  type Change,
  type InstalledPackage,
  openOverrides,
  parseStanzas,
  type Planned,
  readAutomatic,
  removalsOf,
  type SkippedScript,
  statesAfter,
} from "@tsbake/packaging";
import { temporaryFolder } from "../support/temporary.js";

function pkg(name: string, fields = "", files: readonly string[] = []): InstalledPackage {
  const [stanza = new Map<string, string>()] = parseStanzas(`Package: ${name}\n${fields}`).stanzas;
  const empty = new Map<string, string>();
  return {
    name,
    version: "1",
    architecture: "amd64",
    state: "installed",
    stanza,
    files,
    conffiles: empty,
    control: empty,
  };
}

const BASE = [
  pkg("app", "Depends: lib (>= 1), tool | other"),
  pkg("lib", "Depends: libc"),
  pkg("libc"),
  pkg("sh", "Essential: yes"),
  pkg("tool", "Provides: editor"),
];
const wishes = (remove: readonly string[], more = {}) => ({
  baseName: "base",
  install: [],
  remove,
  allowChanged: [],
  ...more,
});
const removed = (name: string): Change => ({
  kind: "removed",
  name,
  architecture: "",
  from: "1",
  chain: [],
});

function said(body: () => void): string[] {
  try {
    body();
  } catch (error) {
    if (error instanceof BuildError)
      return error.diagnostics.map(({ code, message, help }) => `${code}: ${message}\n${help}`);
    throw error;
  }
  return [];
}

describe("what may go", () => {
  test("a name that is not there is told with near ones; what is essential, or asked for, too", () => {
    const found = said(() => refuseNames(wishes(["tol", "sh", "app", "lib"], { install: ["app=2"] }), BASE));
    expect(found).toEqual([
      expect.stringMatching(
        /^image\/cannot-remove: IMAGE_REMOVE has `tol`, and base has.*\ndid you mean `tool`/,
      ),
      expect.stringMatching(/^image\/cannot-remove: IMAGE_REMOVE has `sh`, which is essential/),
      expect.stringMatching(/^image\/cannot-remove: IMAGE_REMOVE has `app`, and IMAGE_INSTALL/),
    ]);
  });

  test("what needs it is told by the shortest chain, ten lines at most", () => {
    const gone = ["app", "lib", "libc"].map(removed);
    expect(said(() => refuseChanges(wishes(["libc"]), BASE, gone))).toEqual([
      expect.stringMatching(
        /^image\/still-needed: .* by 2 that[^\n]*\n`app` needs `lib` needs `libc`\n`lib` needs `libc`\nadd to/,
      ),
    ]);
    expect(said(() => refuseChanges(wishes(["libc", "lib", "app"]), BASE, gone))).toEqual([]);
    const many = Array.from({ length: 30 }, (_, at) => pkg(`many${at}`, "Depends: libc"));
    const [text = ""] = said(() =>
      refuseChanges(
        wishes(["libc"]),
        [...BASE, ...many],
        many.map(({ name }) => removed(name)),
      ),
    );
    expect(text.split("\n").slice(1, -1)).toHaveLength(10);
    expect(text).toContain("\nand 21 more\n");
  });

  test("a solver that finds no way because of it is heard no further", () => {
    const error = new BuildError([
      {
        severity: "error",
        code: "packaging/unsolvable",
        message: "x",
        help: " app : Depends: lib (>= 1) but it is not",
      },
    ]);
    expect(said(() => explainUnsolvable(error, wishes(["lib"]), BASE))[0]).toContain("`app` needs `lib`");
    expect(said(() => explainUnsolvable(error, wishes(["tool"]), BASE))[0]).toMatch(/^packaging\/unsolvable/);
  });

  test("other changes of the base are named with who asks for them, unless they are let", () => {
    const changes: Change[] = [
      {
        kind: "upgraded",
        name: "lib",
        architecture: "amd64",
        from: "1",
        to: "2",
        chain: ["new", "lib (>= 2)"],
      },
      { ...removed("tool"), chain: ["new", "tool (conflict)"] },
      { kind: "added", name: "new", architecture: "amd64", to: "1", chain: [] },
    ];
    expect(said(() => refuseChanges(wishes([]), BASE, changes))).toEqual([
      expect.stringMatching(/template-changed: .*`tool` of base would be removed[^]*IMAGE_REMOVE \+= "tool"/),
      expect.stringMatching(
        /template-changed: .*`lib`.* upgraded from 1 to 2[^]*new → lib[^]*IMAGE_ALLOW_CHANGED/,
      ),
    ]);
    expect(said(() => refuseChanges(wishes(["tool"], { allowChanged: ["lib"] }), BASE, changes))).toEqual([]);
  });

  test.each<[string, string, string, boolean]>([
    ["nothing speaks against it", "", "", false],
    ["the new one's Conflicts", "Conflicts: old, x", "", true],
    ["the new one's Breaks", "Breaks: old (<< 2)", "", true],
    ["a name that it provides", "Conflicts: agent", "Provides: agent", true],
    ["its own Conflicts", "Provides: agent", "Conflicts: agent", true],
  ])("goes before anything is unpacked where that is in its way: %s", (_, fresh, old, isFirst) => {
    const planned = { name: "new", stanza: `Package: new\nDepends: lib\n${fresh}` } as Planned;
    const found = removalsOf({ packages: [planned], changes: [removed("old")] }, [
      pkg("old", old),
      pkg("lib"),
    ]);
    expect(found).toEqual(isFirst ? { first: ["old"], last: [] } : { first: [], last: ["old"] });
  });
});

const file = (path: string, more: Partial<FileEntry> = {}): FileEntry => ({
  path,
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  sha256: "0".repeat(64),
  ...more,
});
const folder = (path: string): FileEntry => file(path, { kind: "directory" });
const link = (path: string, target: string): FileEntry => file(path, { kind: "symlink", target });
const script = (text: string, kind: SkippedScript["script"] = "postinst"): SkippedScript => ({
  package: "gone",
  version: "1",
  script: kind,
  sha256: "",
  text,
});

/** @param shipped paths of the package that went; all other paths are nobody's, but /etc and /var/lib */
function view(
  shipped: readonly FileEntry[],
  other: readonly FileEntry[],
  more: Partial<RemovalView> & { readonly stays?: readonly FileEntry[] } = {},
): RemovalView {
  const folders = ["/etc", "/var/lib", "/usr/bin"].map(folder);
  const whole = (entries: readonly FileEntry[]): FileEntry[] => {
    const paths = new Set(entries.flatMap(({ path }) => foldersAbove(path)));
    const around = [...paths].filter((path) => !entries.some((one) => one.path === path));
    return [...entries, ...around.map(folder)];
  };
  return {
    gone: [
      pkg(
        "gone",
        "",
        shipped.map(({ path }) => path),
      ),
    ],
    scripts: [],
    before: whole([...folders, ...shipped, ...other]),
    after: whole([...folders, ...other, ...(more.stays ?? [])]),
    database: {
      packages: [
        pkg(
          "stays",
          "",
          folders.map(({ path }) => path),
        ),
      ],
      overrides: [],
    },
    accounts: { after: { users: [], groups: [] }, lines: [], isMade: () => false },
    ownFolders: ["/var/lib/dpkg"],
    ...more,
  };
}
const told = (of: RemovalView): string[] =>
  leftBehind(of).map(({ kind, reported }) => `${kind} ${reported.path} ${reported.package ?? ""}`);

describe("what is left behind", () => {
  const unit = file("/usr/lib/systemd/system/gone.service");
  test.each<[string, RemovalView, string[]]>([
    ["nothing", view([file("/usr/bin/gone")], [file("/var/lib/other")]), []],
    [
      "what it shipped",
      view([folder("/srv/gone")], [], { stays: [folder("/srv/gone")] }),
      ["file /srv/gone gone"],
    ],
    [
      "what lies in a folder of its own",
      view([folder("/var/lib/gone")], [file("/var/lib/gone/data/x")], { stays: [folder("/var/lib/gone")] }),
      ["", "/data", "/data/x"].map((path) => `file /var/lib/gone${path} gone`),
    ],
    [
      "what a script of it names",
      view(
        [],
        [
          file("/etc/gone.conf"),
          file("/etc/gone.conf2"),
          file("/var/lib/made/x"),
          file("/var/lib/dpkg/made"),
        ],
        {
          scripts: [
            script("cp x $DPKG_ROOT/etc/gone.conf; mkdir -p /var/lib/made; : /var/lib/dpkg/made /etc"),
          ],
        },
      ),
      ["configuration /etc/gone.conf gone", "file /var/lib/made gone", "file /var/lib/made/x gone"],
    ],
    [
      "links that led to it, as what they are",
      view(
        [unit, file("/usr/bin/gone")],
        [
          link(
            "/etc/systemd/system/multi-user.target.wants/gone.service",
            "/usr/lib/systemd/system/gone.service",
          ),
          link("/etc/alternatives/editor", "/usr/bin/gone"),
          link("/usr/bin/editor", "/etc/alternatives/editor"),
          link("/usr/bin/mine", "gone"),
          link("/usr/bin/broken-before", "nowhere"),
          link("/usr/bin/fine", "/etc"),
        ],
      ),
      [
        "alternative /etc/alternatives/editor gone",
        "unit /etc/systemd/system/multi-user.target.wants/gone.service gone",
        "alternative /usr/bin/editor gone",
        "link /usr/bin/mine gone",
      ],
    ],
    [
      "what helpers keep of its units",
      view([unit], [file("/var/lib/systemd/deb-systemd-helper-enabled/x.wants/gone.service")]),
      ["file /var/lib/systemd/deb-systemd-helper-enabled/x.wants/gone.service gone"],
    ],
    [
      "accounts that nobody else makes",
      view([], [], {
        scripts: [script("#!/bin/sh\nadduser --system --group gone\nadduser --system both\n")],
        accounts: {
          after: {
            users: ["gone", "both", "line"].map((name) => ({
              name,
              uid: 100,
              gid: 100,
              comment: "",
              home: "",
              shell: "",
            })),
            groups: [{ name: "gone", gid: 100 }],
          },
          lines: [
            { file: "/usr/lib/sysusers.d/x.conf", type: "u", users: ["line"], groups: [], package: "gone" },
          ],
          isMade: (_, name) => name === "both",
        },
      }),
      ["group /etc/group gone", "user /etc/passwd gone", "user /etc/passwd gone"],
    ],
    [
      "an override of what is gone",
      view([file("/usr/bin/gone")], [], {
        database: {
          packages: [],
          overrides: ["root mail 2755 /usr/bin/gone", "root mail 2755 /usr/bin/never"],
        },
      }),
      ["override /usr/bin/gone "],
    ],
  ])("%s", (_, of, expected) => expect(told(of)).toEqual(expected));

  test("of one path twice in files of two packages, only the removed one's counts, and folders are followed", () => {
    const of = view([file("/lib/x/shared"), file("/lib/x/own")], [link("/lib", "usr/lib")], {
      stays: [file("/usr/lib/x/shared"), file("/usr/lib/x/own")],
      database: {
        packages: [pkg("stays", "", ["/usr/lib/x/shared", "/etc", "/var/lib", "/usr/bin"])],
        overrides: [],
      },
    });
    expect(told(of)).toEqual(["file /usr/lib/x/own gone"]);
  });

  test("IMAGE_REMOVE_ALLOW takes kind and pattern, names for accounts", () => {
    const [one, other] = leftBehind(
      view([], [file("/var/lib/made/x"), file("/etc/made")], {
        scripts: [script("/var/lib/made /etc/made")],
      }),
    );
    const allowed = mayStay(["file:/var/lib/**", "configuration:/etc/madness"]);
    expect([one, other].map((left) => allowed(left!))).toEqual([false, true]);
    expect(said(() => mayStay(["files:/x", "file:", "user"]))).toEqual([
      expect.stringMatching(
        /^image\/bad-allowance: `files:\/x` of IMAGE_REMOVE_ALLOW.*\n.*alternative, configuration/,
      ),
      expect.stringMatching(/`file:`/),
      expect.stringMatching(/`user`/),
    ]);
  });
});

describe("what is kept beside dpkg's database", () => {
  const inRoot = (files: Readonly<Record<string, string>>): { path: string; [Symbol.dispose](): void } => {
    const path = temporaryFolder("removal");
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(path, name, ".."), { recursive: true });
      writeFileSync(join(path, name), text);
    }
    return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
  };

  test("overrides have numbers while dpkg runs, and what a script takes away or adds stays so", async () => {
    const at = "var/lib/dpkg/statoverride";
    using root = inRoot({
      "etc/passwd": "root:x:0:0::/:/bin/sh\nredis:x:100:101::/:/bin/false\n",
      "etc/group": "root:x:0:\nredis:x:101:\n",
      [at]: "redis redis 640 /etc/a\nroot redis 2755 /usr/bin/b\nnobody-here root 755 /c\nroot root 700 /d\n",
    });
    const overrides = openOverrides(root.path);
    await overrides.toNumbers();
    const numbered = "#100 #101 640 /etc/a\n#0 #101 2755 /usr/bin/b\n#0 #0 700 /d\n";
    expect(readFileSync(join(root.path, at), "utf8")).toBe(numbered);
    writeFileSync(join(root.path, at), numbered.replace(/^.*\n/, "redis root 600 /new\n"));
    await overrides.toNumbers();
    await overrides.toNames();
    expect(readFileSync(join(root.path, at), "utf8")).toBe(
      "redis root 600 /new\nroot redis 2755 /usr/bin/b\nroot root 700 /d\nnobody-here root 755 /c\n",
    );
  });

  test("what came for others stays automatic, what was asked for is not", async () => {
    using root = inRoot({
      "var/lib/apt/extended_states":
        "Package: lib\nArchitecture: amd64\nAuto-Installed: 1\n\nPackage: libc\nAuto-Installed: 1\n\nPackage: gone\nAuto-Installed: 1\n\nPackage: tool\nAuto-Installed: 0\n\n",
    });
    const before = await readAutomatic(root.path);
    expect([...before]).toEqual(["lib", "libc", "gone"]);
    const [app, lib, libc, sh, tool] = BASE as [
      InstalledPackage,
      InstalledPackage,
      InstalledPackage,
      InstalledPackage,
      InstalledPackage,
    ];
    const fresh = pkg("fresh");
    const database = {
      backend: "deb" as const,
      architecture: "amd64",
      packages: [app, fresh, lib, libc, sh, tool],
      diversions: [],
      alternatives: [],
      overrides: [],
      triggers: [],
    };
    const text = statesAfter(before, database, { added: [fresh], wanted: ["lib", "-gone"] });
    expect([...text.matchAll(/^Package: (.*)$/gm)].map(([, name]) => name)).toEqual(["fresh", "libc"]);
  });
});
