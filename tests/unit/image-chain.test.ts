/** Extensions on extensions: what the upper one is built on, what it says of that, and whether a device has it. */
import { afterAll, describe, expect, test } from "@jest/globals";
import { type FileEntry, TarFile } from "@tsbake/archive";
import {
  type Base,
  checkExtension,
  type Extension,
  formatFacts,
  formatFileManifest,
  inspect,
  makeExtension,
  openSnapshot,
  parseOsRelease,
  parseRules,
  stacked,
  writeSnapshot,
  writeStackedTree,
} from "@tsbake/image";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { link, program, type Things, treeOf, writeTar } from "../support/content-tree.js";
import { elfFile } from "../support/elf.js";
import { temporaryFolder } from "../support/temporary.js";
import { NO_PACKAGES } from "../support/layer-facts.js";

const work = temporaryFolder("image-chain");
const at = (...names: string[]): string => join(work, ...names);
afterAll(() => rmSync(work, { recursive: true, force: true }));

const entriesOf = (things: Things): FileEntry[] => [...treeOf(things).entries()];
const DATABASE = "/var/lib/dpkg";

describe("a layer over its base", () => {
  const told = (base: readonly FileEntry[], layer: readonly FileEntry[]): string[] =>
    stacked(base, layer)
      .filter(({ entry }) => entry.kind !== "directory")
      .map(({ entry, of, from }) =>
        [entry.path, of, from, ...(entry.hardlink === undefined ? [] : [`= ${entry.hardlink}`])].join(" "),
      )
      .sort();

  test("has what either has; the layer counts, and folders that are links in the base are followed", () => {
    const base = entriesOf({ "/lib": link("usr/lib"), "/usr/lib/a": "1", "/usr/b": "1", "/usr/x/y": "1" });
    const layer = entriesOf({ "/lib/a": "2", "/usr/c": "2" });
    expect(told(base, layer)).toEqual([
      "/lib base /lib",
      "/usr/b base /usr/b",
      "/usr/c layer /usr/c",
      "/usr/lib/a layer /lib/a",
      "/usr/x/y base /usr/x/y",
    ]);
  });

  test("names of one file in the base whose content had the name that the layer took stay one file", () => {
    const [first, ...rest] = entriesOf({ "/a": "1", "/b": "1", "/c": "1" });
    const base = [first!, ...rest.map((entry) => ({ ...entry, hardlink: "/a" }))];
    expect(told(base, entriesOf({ "/a": "2" }))).toEqual(["/a layer /a", "/b base /a", "/c base /a = /b"]);
    expect(told(base, entriesOf({ "/b": "2" }))).toEqual(["/a base /a", "/b layer /b", "/c base /c = /a"]);
  });
});

const ACCOUNTS = {
  users: [{ name: "redis", uid: 588, gid: 588, comment: "", home: "/var/lib/redis", shell: "/bin/false" }],
  groups: [{ name: "redis", gid: 588 }],
  memberships: [
    { user: "redis", group: "adm" },
    { user: "mail", group: "redis" },
  ],
};

test("the tree for scripts of the upper one has the database and accounts of both, and files of both", async () => {
  const base = treeOf({
    "/usr/bin/sh": "1",
    "/usr/share/both": "base",
    "/etc/passwd": "root:x:0:0::/root:/bin/sh",
    "/etc/group": "root:x:0:\nadm:x:4:mail\n",
    "/etc/shadow": "root:*:1::::::\n",
    [`${DATABASE}/status`]: "old",
    [`${DATABASE}/info/gone.list`]: "old",
  });
  writeTar(base, at("base.tar"));
  const layer = treeOf({ "/usr/share/both": "layer", "/usr/bin/new": program("2") });
  writeTar(layer, at("layer.tar"));
  writeFileSync(at("files.jsonl"), formatFileManifest(layer.entries()));
  writeFileSync(at("packages.json"), formatFacts({ ...NO_PACKAGES, accounts: ACCOUNTS }));
  const database = { status: "new", "info/redis.postinst": "#!/bin/sh\n", "triggers/File": "" };
  for (const [name, text] of Object.entries(database)) {
    const path = at("pkgdb", "database", DATABASE, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: name.endsWith("postinst") ? 0o755 : 0o644 });
  }
  const request = {
    baseTree: at("base.tar"),
    tree: at("layer.tar"),
    files: at("files.jsonl"),
    facts: at("packages.json"),
    snapshot: at("pkgdb"),
    backend: "deb",
    epochSeconds: 1,
    output: at("stacked.tar"),
  };
  await writeStackedTree(request);
  using tar = new TarFile(at("stacked.tar"));
  const found = tar.members(false).flatMap((member) => {
    const { entry } = member;
    if (entry.kind !== "file") return [];
    return [[entry.path, entry.mode.toString(8), tar.part(member, 0, entry.sizeBytes).toString()] as const];
  });
  expect(found).toEqual([
    ["/etc/group", "644", "root:x:0:\nadm:x:4:mail,redis\nredis:x:588:mail\n"],
    ["/etc/passwd", "644", "root:x:0:0::/root:/bin/sh\nredis:x:588:588::/var/lib/redis:/bin/false\n"],
    ["/etc/shadow", "644", "root:*:1::::::\nredis:!:::::::\n"],
    ["/usr/bin/new", "755", "2"],
    ["/usr/bin/sh", "644", "1"],
    ["/usr/share/both", "644", "layer"],
    [`${DATABASE}/info/redis.postinst`, "755", "#!/bin/sh\n"],
    [`${DATABASE}/status`, "644", "new"],
    [`${DATABASE}/triggers/File`, "644", ""],
  ]);
});

describe("an extension on an extension", () => {
  const below = { digest: "1".repeat(64), extensions: ["low", "mid"] };
  const COMPILED = "/usr/share/glib-2.0/schemas/gschemas.compiled";

  async function made(name: string, things: Things, isBase = false) {
    const identity = { backend: "deb", architecture: "amd64", count: 1, digest: "0".repeat(64) } as const;
    const files = formatFileManifest(entriesOf({ [COMPILED]: "base", "/etc/passwd": "" }));
    const rest = { distro: "debian", files, tmpfiles: [], osRelease: "ID=debian\nVERSION_ID=12\n" };
    mkdirSync(at("snapshot"), { recursive: true });
    await writeSnapshot(at("snapshot"), identity, { ...rest, below });
    const tree = treeOf(things);
    writeTar(tree, at("own.tar"));
    writeFileSync(at("own.jsonl"), formatFileManifest(tree.entries()));
    return makeExtension({
      tree: at("own.tar"),
      files: at("own.jsonl"),
      base: await openSnapshot(at("snapshot")),
      rules: parseRules("/usr/**=keep /etc/**=factory"),
      mayShadow: () => false,
      stamp: { name, policy: "pkgdb", architecture: "amd64", scope: [] },
      accounts: ACCOUNTS,
      isBase,
      epochSeconds: 1,
      output: at("out.tar"),
    });
  }

  test("is taken where the base is, and names what it needs beside that", async () => {
    const { extensionRelease } = await made("low", { "/usr/bin/x": "" });
    const fields = parseOsRelease(extensionRelease, "extension-release");
    expect(fields.get("SYSEXT_LEVEL")).toBe("pkgdb-1111111111111111");
    expect(fields.get("TSBAKE_NEEDS")).toBe("low mid");
  });

  test("that hides what they may have has to be merged above them", async () => {
    const hiding = { [COMPILED]: "made over all" };
    await expect(made("lib", hiding)).rejects.toMatchObject({
      diagnostics: [{ code: "image/merged-below", message: expect.stringMatching(/below low, mid$/) }],
    });
    await expect(made("midday", hiding)).resolves.toMatchObject({ plan: { report: expect.anything() } });
  });

  test("on which others are built fixes the ids of its accounts", async () => {
    const line = async (isBase: boolean) => {
      await made("low", { "/usr/bin/x": "" }, isBase);
      using tar = new TarFile(at("out.tar"));
      const member = tar.members(false).find(({ entry }) => entry.path.startsWith("/usr/lib/sysusers.d/"))!;
      return tar.part(member, 0, member.entry.sizeBytes).toString().split("\n")[0];
    };
    expect(await line(false)).toMatch(/^u redis - /);
    expect(await line(true)).toMatch(/^u redis 588 /);
  });
});

describe("checked", () => {
  const base = (() => {
    const tree = treeOf({
      "/usr/bin/sh": program(""),
      "/etc/passwd": "root:x:0:0::/:/x\n",
      "/lib64": link("usr/lib"),
    });
    return { name: "device", index: tree.index, tmpfiles: [], inspected: inspect(tree) } satisfies Base;
  })();
  const low: Extension = {
    name: "low",
    tree: treeOf({
      "/usr/lib/x86_64-linux-gnu/liblow.so.1": elfFile({ soname: "liblow.so.1" }),
      "/usr/lib/sysusers.d/low.conf": "u low 588\n",
      "/usr/lib/tmpfiles.d/low.conf": "d /etc/low 0755 low low\n",
      "/usr/share/cache": "low",
      "/var/ignored": "",
    }),
  };
  const top: Extension = {
    name: "top",
    needs: ["low"],
    mayHide: (path) => path === "/usr/share/cache",
    tree: treeOf({
      "/usr/bin/top": program(elfFile({ needed: ["liblow.so.1"] })),
      "/usr/bin/conf": link("/etc/low/top.conf"),
      "/usr/share/cache": "low and top",
      "/usr/share/owned": { text: "", uid: 588 },
    }),
  };
  const codes = (on: Base, others: readonly Extension[] = []): string[] =>
    checkExtension(top, on, others).map(({ code, path }) => `${code} ${path}`);

  test("nothing is found beside what it needs, and not without it", () => {
    expect(codes(base, [low])).toEqual([]);
    expect(codes(base)).toEqual([
      "missing-extension /usr/lib/extension-release.d/extension-release.top",
      "missing-library /usr/bin/top",
      "dangling-link /usr/bin/conf",
      "unknown-owner /usr/share/owned",
    ]);
  });

  test("nor on a base that has it, as a snapshot of both says", () => {
    const both = treeOf({
      "/usr/bin/sh": program(""),
      "/usr/lib/x86_64-linux-gnu/liblow.so.1": elfFile({ soname: "liblow.so.1" }),
      "/etc/low/top.conf": "",
      "/usr/share/cache": "low",
      "/etc/passwd": "low:x:588:588::/:/x\n",
      "/etc/group": "low:x:588:\n",
    });
    const on = {
      name: "low",
      index: both.index,
      tmpfiles: [],
      inspected: inspect(both),
      extensions: ["low"],
    };
    expect(codes(on)).toEqual([]);
    // It is not compared with itself.
    expect(codes(on, [low])).toEqual([]);
  });
});
