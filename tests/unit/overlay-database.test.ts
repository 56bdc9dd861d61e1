/** The ten cases of a base that moves under an overlay, as data, for each format: each with the database and the tree that must come of it. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import {
  brokenDependencies,
  type DatabasePackage,
  type DatabaseState,
  mergeAccounts,
  mergeDatabases,
  databaseFiles,
  packageKey,
  packageOf,
  readState,
  parseGroup,
  treeChanges,
  writeGroup,
  type UpperEntry,
} from "@tsbake/overlay";
import { temporaryFolder } from "../support/temporary.js";

/** Content by path; "" removes: a whiteout. */
type Tree = Readonly<Record<string, string>>;

/** `name version [Depends]` and what it brings. */
interface Pack {
  readonly version: string;
  readonly depends?: string;
  readonly files?: Tree;
  readonly state?: string;
  readonly conffiles?: readonly string[];
}
type Packs = Readonly<Record<string, Pack>>;

interface Side {
  readonly packs: Packs;
  readonly alternatives?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly diversions?: Readonly<Record<string, string>>;
}

type Format = DatabaseState["format"];

function stateOf({ packs, alternatives, links, diversions }: Side, format: Format = "deb"): DatabaseState {
  const packages = new Map<string, DatabasePackage>();
  for (const [name, { version, depends, files = {}, state, conffiles }] of Object.entries(packs)) {
    const stanza = new Map([
      ["Package", name],
      ["Status", state ?? "install ok installed"],
      ["Architecture", "amd64"],
      ["Version", version],
    ]);
    if (depends) stanza.set("Depends", depends);
    if (conffiles) stanza.set("Conffiles", conffiles.map((path) => `\n ${path} 0`).join(""));
    const list = ["/.", ...Object.keys(files)].map((path) => `${path}\n`).join("");
    packages.set(packageKey(stanza), packageOf(stanza, new Map([["list", list]])));
  }
  return {
    format,
    packages,
    alternatives: new Map(Object.entries(alternatives ?? {})),
    links: new Map(Object.entries(links ?? {})),
    diversions: new Map(Object.entries(diversions ?? {}).map(([from, to]) => [from, { to, by: ":" }])),
    overrides: new Map(),
    triggers: new Map(),
    automatic: new Map(),
  };
}

function treeOf({ packs, diversions }: Side, more: Tree = {}): Map<string, string> {
  const files = Object.values(packs).flatMap(({ files: own = {}, state }) =>
    state?.endsWith("config-files") ? [] : Object.entries(own),
  );
  const placed = files.map(([path, content]) => [diversions?.[path] ?? path, content] as const);
  return new Map([...placed, ...Object.entries(more)]);
}

const GROUP = (mode: string, ...choices: readonly string[]) =>
  `${mode}\n/usr/bin/editor\n\n${choices.map((one) => `${one.replace(" ", "\n")}\n`).join("")}\n`;

interface Case {
  readonly title: string;
  readonly old: Side;
  readonly own: Side;
  readonly next: Side;
  /** What was changed in the overlay, as overlayfs keeps it. */
  readonly upper: Tree;
  /** Files of packages that were edited by hand. */
  readonly edited?: readonly string[];
  /** `name version` of what is installed, `-name` of what has its configuration left. */
  readonly database: readonly string[];
  readonly fates: readonly string[];
  /** What is to be seen in the overlay, all of it. */
  readonly tree: Tree;
  readonly shadows?: readonly string[];
  readonly broken?: readonly string[];
  readonly diversions?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
}

const A1 = { version: "1", files: { "/usr/bin/a": "a1", "/usr/share/a/old": "old" } };
const A2 = { version: "2", files: { "/usr/bin/a": "a2", "/usr/share/a/new": "new" } };
const A3 = { version: "3", files: { "/usr/bin/a": "a3", "/usr/share/a/newer": "newer" } };
const B1 = { version: "1", files: { "/usr/bin/b": "b1" } };
const CONF1 = { version: "1", files: { "/etc/c.conf": "c1" }, conffiles: ["/etc/c.conf"] };
const CONF2 = { version: "2", files: { "/etc/c.conf": "c2" }, conffiles: ["/etc/c.conf"] };
const same = (packs: Packs): Pick<Case, "old" | "own"> => ({ old: { packs }, own: { packs } });

const CASES: readonly Case[] = [
  {
    title: "base: a package is upgraded",
    ...same({ a: A1 }),
    next: { packs: { a: A2 } },
    upper: {},
    database: ["a 2"],
    fates: [],
    tree: { "/usr/bin/a": "a2", "/usr/share/a/new": "new" },
  },
  {
    title: "base: a package is removed, on which one of the overlay depends",
    old: { packs: { a: A1 } },
    own: { packs: { a: A1, b: { ...B1, depends: "a (>= 1)" } } },
    next: { packs: {} },
    upper: { "/usr/bin/b": "b1" },
    database: ["b 1"],
    fates: ["a: gone from the base 1", "b: kept 1"],
    tree: { "/usr/bin/b": "b1" },
    broken: ["b: a (>= 1)"],
  },
  {
    title: "base: a package is added, which the overlay has, too, and older",
    old: { packs: {} },
    own: { packs: { a: A1 } },
    next: { packs: { a: A2 } },
    upper: { "/usr/bin/a": "a1", "/usr/share/a/old": "old" },
    database: ["a 2"],
    fates: ["a: now in the base 2"],
    tree: { "/usr/bin/a": "a2", "/usr/share/a/new": "new" },
  },
  {
    title: "base: a configuration file is changed, which was edited in the overlay",
    ...same({ c: CONF1 }),
    next: { packs: { c: CONF2 } },
    upper: { "/etc/c.conf": "mine" },
    edited: ["/etc/c.conf"],
    database: ["c 2"],
    fates: [],
    tree: { "/etc/c.conf": "mine" },
    shadows: ["/etc/c.conf of c 2"],
  },
  {
    title: "base: a configuration file is changed, which the overlay left alone",
    ...same({ c: CONF1 }),
    next: { packs: { c: CONF2 } },
    upper: {},
    database: ["c 2"],
    fates: [],
    tree: { "/etc/c.conf": "c2" },
  },
  {
    title: "overlay: another, newer version of a package that the base upgrades less far",
    old: { packs: { a: A1 } },
    own: { packs: { a: A3 } },
    next: { packs: { a: A2 } },
    upper: { "/usr/bin/a": "a3", "/usr/share/a/newer": "newer", "/usr/share/a/old": "" },
    database: ["a 3"],
    fates: ["a: kept 3, base 2"],
    tree: { "/usr/bin/a": "a3", "/usr/share/a/newer": "newer" },
  },
  {
    title: "overlay: another version of a package that the base upgrades beyond it",
    old: { packs: { a: A1 } },
    own: { packs: { a: A2 } },
    next: { packs: { a: A3 } },
    upper: { "/usr/bin/a": "a2", "/usr/share/a/new": "new", "/usr/share/a/old": "" },
    database: ["a 3"],
    fates: ["a: now in the base 3"],
    tree: { "/usr/bin/a": "a3", "/usr/share/a/newer": "newer" },
  },
  {
    title: "overlay: a package is purged that the base upgrades",
    old: { packs: { a: A1, b: B1 } },
    own: { packs: { b: B1 } },
    next: { packs: { a: A2, b: B1 } },
    upper: { "/usr/bin/a": "", "/usr/share/a/old": "" },
    database: ["b 1"],
    fates: ["a: stays removed 1, base 2"],
    tree: { "/usr/bin/b": "b1" },
  },
  {
    title: "overlay: a package is removed, and its configuration stays",
    old: { packs: { c: CONF1 } },
    own: { packs: { c: { ...CONF1, state: "deinstall ok config-files" } } },
    next: { packs: { c: { ...CONF2, files: { ...CONF2.files, "/usr/bin/c": "c" } } } },
    upper: {},
    database: ["-c"],
    fates: ["c: stays removed 1, base 2"],
    tree: { "/etc/c.conf": "c2" },
  },
  {
    title: "overlay: a file of a package is edited, and the package upgraded in the base",
    ...same({ a: A1 }),
    next: { packs: { a: A2 } },
    upper: { "/usr/bin/a": "mine" },
    edited: ["/usr/bin/a"],
    database: ["a 2"],
    fates: [],
    tree: { "/usr/bin/a": "mine", "/usr/share/a/new": "new" },
    shadows: ["/usr/bin/a of a 2"],
  },
  {
    title: "overlay: files made by hand; the base has one of them now, and one with the same content",
    ...same({ a: A1 }),
    next: { packs: { a: A1, b: { ...B1, files: { ...B1.files, "/usr/share/b": "same" } } } },
    upper: { "/usr/local/x": "x", "/usr/bin/b": "mine", "/usr/share/b": "same" },
    database: ["a 1", "b 1"],
    fates: [],
    tree: { ...A1.files, "/usr/local/x": "x", "/usr/bin/b": "mine", "/usr/share/b": "same" },
    shadows: ["/usr/bin/b of b 1"],
  },
  {
    title: "overlay: a file is diverted, and its package upgraded in the base",
    old: { packs: { b: B1 } },
    own: { packs: { b: B1 }, diversions: { "/usr/bin/b": "/usr/bin/b.real" } },
    next: { packs: { b: { version: "2", files: { "/usr/bin/b": "b2" } } } },
    upper: { "/usr/bin/b": "wrapper", "/usr/bin/b.real": "b1" },
    database: ["b 2"],
    fates: [],
    diversions: { "/usr/bin/b": "/usr/bin/b.real" },
    tree: { "/usr/bin/b": "wrapper", "/usr/bin/b.real": "b2" },
  },
  {
    title: "overlay: an alternative is switched, and the base gets another choice",
    old: {
      packs: { a: A1 },
      alternatives: { editor: GROUP("auto", "/bin/nano 40", "/bin/vi 10") },
      links: { editor: "/bin/nano" },
    },
    own: {
      packs: { a: A1 },
      alternatives: { editor: GROUP("manual", "/bin/nano 40", "/bin/vi 10") },
      links: { editor: "/bin/vi" },
    },
    next: {
      packs: { a: A1 },
      alternatives: { editor: GROUP("auto", "/bin/emacs 90", "/bin/nano 40", "/bin/vi 10") },
      links: { editor: "/bin/emacs" },
    },
    upper: { "/etc/alternatives/editor": "-> /bin/vi" },
    database: ["a 1"],
    fates: [],
    tree: { ...A1.files, "/etc/alternatives/editor": "-> /bin/vi" },
    links: { editor: "/bin/vi" },
  },
  {
    title: "overlay: an alternative is switched to what the base has not any more",
    old: {
      packs: { a: A1 },
      alternatives: { editor: GROUP("auto", "/bin/nano 40", "/bin/vi 10") },
      links: { editor: "/bin/nano" },
    },
    own: {
      packs: { a: A1 },
      alternatives: { editor: GROUP("manual", "/bin/nano 40", "/bin/vi 10") },
      links: { editor: "/bin/vi" },
    },
    next: {
      packs: { a: A1 },
      alternatives: { editor: GROUP("auto", "/bin/nano 40") },
      links: { editor: "/bin/nano" },
    },
    upper: { "/etc/alternatives/editor": "-> /bin/vi" },
    database: ["a 1"],
    fates: [],
    tree: { ...A1.files },
    links: { editor: "/bin/nano" },
  },
];

/** What overlayfs shows. */
function seen(
  lower: ReadonlyMap<string, string>,
  upper: ReadonlyMap<string, string>,
): Record<string, string> {
  const all = new Map([...lower, ...upper]);
  return Object.fromEntries([...all].filter(([, content]) => content !== ""));
}

/** As it is read again of the files that it is written in; what opkg writes beside the paths of a list stands there, too. */
async function stored(side: Side, format: Format): Promise<DatabaseState> {
  const state = stateOf(side, format);
  // The real rpmdb is asked elsewhere: here a header is what it stands for.
  if (format === "rpm") return state;
  const root = temporaryFolder("database");
  for (const [path, text] of await databaseFiles(state, { format })) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    const isList = format === "ipk" && path.endsWith(".list");
    writeFileSync(
      join(root, path),
      isList ? text.replaceAll(/(?<=.)$(?=\n)/gm, "\t0100644") : text,
      "latin1",
    );
  }
  for (const [name, target] of state.links) {
    mkdirSync(join(root, "etc/alternatives"), { recursive: true });
    symlinkSync(target, join(root, "etc/alternatives", name));
  }
  const read = await readState([root], { format });
  rmSync(root, { recursive: true });
  return read;
}

const FORMATS: readonly Format[] = ["deb", "ipk", "rpm"];

describe.each(FORMATS)("the base moves, %s", (format) => {
  test.each(CASES)("$title", async (one) => {
    const [old, own, next] = await Promise.all(
      [one.old, one.own, one.next].map((side) => stored(side, format)),
    );
    const merged = mergeDatabases(old!, own!, next!);
    const [oldTree, nextTree] = [treeOf(one.old), treeOf(one.next)];
    const upper = new Map(Object.entries(one.upper));
    const entries = [...upper].map(([path, content]): [string, UpperEntry] => {
      const kind = content === "" ? "whiteout" : content.startsWith("-> ") ? "symlink" : "file";
      return [path, { kind }];
    });
    const changes = treeChanges({
      old: old!,
      own: own!,
      next: next!,
      merged,
      upper: new Map(entries),
      oldTree: (path) => oldTree.get(path),
      nextTree: (path) => nextTree.get(path),
      upperTree: (path) => upper.get(path),
      place: (path) => path,
      isEdited: (path) => one.edited?.includes(path) === true,
    });
    for (const path of changes.drop) upper.delete(path);
    for (const path of changes.remove) upper.set(path, "");
    for (const [to, from] of changes.copies) upper.set(to, nextTree.get(from)!);
    for (const [path, target] of changes.links) upper.set(path, `-> ${target}`);

    const packages = [...merged.state.packages.values()].map(({ stanza }) =>
      stanza.get("Status")!.endsWith(" installed")
        ? `${stanza.get("Package")} ${stanza.get("Version")}`
        : `-${stanza.get("Package")}`,
    );
    expect(packages).toEqual(one.database);
    expect(
      merged.fates.map(({ key, fate, version, baseVersion }) => {
        const base = baseVersion === undefined ? "" : `, base ${baseVersion}`;
        return `${key.replace(/:.*$/, "")}: ${fate} ${version}${base}`;
      }),
    ).toEqual(one.fates);
    expect(seen(nextTree, upper)).toEqual(one.tree);
    expect(changes.shadows.map(({ path, owner }) => `${path} of ${owner}`)).toEqual(one.shadows ?? []);
    expect(brokenDependencies(merged.state).map(({ name, missing }) => `${name}: ${missing}`)).toEqual(
      one.broken ?? [],
    );
    const diversions = [...merged.state.diversions].map(([path, { to }]) => [path, to]);
    expect(Object.fromEntries(diversions)).toEqual(one.diversions ?? {});
    expect(Object.fromEntries(merged.state.links)).toEqual(one.links ?? {});
    // Nothing has moved since: nothing is to be done.
    const again = mergeDatabases(next!, merged.state, next!);
    expect([...again.state.packages.keys()]).toEqual([...merged.state.packages.keys()]);
    expect(again.state.alternatives).toEqual(merged.state.alternatives);
  });
});

/** Status of one package: of the base before, in the overlay, of the base now; and what it must be. */
test.each<[string, Format, string, string | undefined, string, string, string]>([
  [
    "dpkg: hold stays",
    "deb",
    "1",
    "install ok installed",
    "hold ok installed",
    "install ok installed",
    "hold",
  ],
  [
    "opkg: hold stays",
    "ipk",
    "1",
    "install user installed",
    "install hold installed",
    "install user installed",
    "hold",
  ],
  [
    "opkg: who was asked for stays asked for",
    "ipk",
    "1",
    undefined,
    "install user installed",
    "install ok installed",
    "user",
  ],
  [
    "opkg: what another one needs takes nobody's wish away",
    "ipk",
    "1",
    undefined,
    "install ok installed",
    "install user installed",
    "user",
  ],
])("%s", (_title, format, version, old, own, next, word) => {
  const side = (state: string | undefined): Side => ({
    packs: state === undefined ? {} : { a: { version, state } },
  });
  const [before, there, now] = [old, own, next].map((state) => stateOf(side(state), format));
  const { state } = mergeDatabases(before!, there!, now!);
  expect([...state.packages.values()].map(({ stanza }) => stanza.get("Status"))).toEqual([
    format === "deb" ? `${word} ok installed` : `install ${word} installed`,
  ]);
});

test("a package that is of another architecture in the base now is there once", () => {
  const of = (architecture: string, version: string): DatabaseState => {
    const state = stateOf({ packs: {} });
    const stanza = new Map([
      ["Package", "a"],
      ["Status", "install ok installed"],
      ["Architecture", architecture],
      ["Version", version],
    ]);
    return { ...state, packages: new Map([[packageKey(stanza), packageOf(stanza, new Map())]]) };
  };
  const { state, fates } = mergeDatabases(stateOf({ packs: {} }), of("amd64", "1"), of("all", "2"));
  expect([...state.packages.values()].map(({ stanza }) => stanza.get("Architecture"))).toEqual(["all"]);
  expect(fates).toMatchObject([{ fate: "now in the base", version: "2" }]);
});

test("a folder that the overlay made, and the base has now, shows what is in both", () => {
  const state = stateOf({ packs: {} });
  const folder = "directory";
  const changes = treeChanges({
    old: state,
    own: state,
    next: state,
    merged: mergeDatabases(state, state, state),
    upper: new Map(["/made", "/both", "/own"].map((path) => [path, { kind: "directory" as const }])),
    oldTree: (path) => (path === "/both" ? folder : undefined),
    nextTree: (path) => (path === "/own" ? undefined : folder),
    upperTree: () => folder,
    place: (path) => path,
    isEdited: () => false,
  });
  expect(changes.uncover).toEqual(["/made"]);
});

test("a group of alternatives is written as it was read", () => {
  const text =
    "auto\n/usr/bin/awk\nawk.1.gz\n/usr/share/man/man1/awk.1.gz\n\n/usr/bin/mawk\n5\n/usr/share/man/man1/mawk.1.gz\n\n";
  expect(writeGroup(parseGroup(text))).toBe(text);
});

test("accounts of both sides are there once", () => {
  const old = "root:x:0:\ndaemon:x:1:\ngames:x:60:\n";
  const own = "root:x:0:\ndaemon:x:1:\nmine:x:1000:\n";
  const next = "root:x:0:\ndaemon:x:2:\ngames:x:60:\nnew:x:101:\n";
  expect(mergeAccounts(old, own, next)).toBe("root:x:0:\ndaemon:x:2:\nnew:x:101:\nmine:x:1000:\n");
});
