/** What maintainer scripts made in the merged view: how it is found, and as what an extension can carry it. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import type { FileEntry } from "@tsbake/archive";
import {
  type AccountLine,
  type Accounts,
  changedPaths,
  FileIndex,
  markTree,
  newAccounts,
  parseAccounts,
  parseRules,
  planExtension,
  stableIds,
  sysusersText,
  translate,
} from "@tsbake/image";
import { openSandbox } from "@tsbake/sandbox";
import fc from "fast-check";
import { describeUnless, notRoot, testUnless } from "../support/skip.js";
import { temporaryFolder } from "../support/temporary.js";
import { toolsProblem } from "../support/tools.js";

const cannotInstall = notRoot === undefined ? undefined : await toolsProblem("fakeroot");

const BASE = parseAccounts(
  "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
  "root:x:0:\nadm:x:4:\nnogroup:x:65534:\n",
);
const AFTER = parseAccounts(
  `root:x:0:0:root:/root:/bin/bash
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
redis:x:104:110::/var/lib/redis:/usr/sbin/nologin
same:x:105:105:One "word" of 100%,,,:/home/same:/bin/sh
sshd:x:106:65534::/run/sshd:/usr/sbin/nologin
`,
  "root:x:0:\nadm:x:4:redis\nnogroup:x:65534:\nredis:x:110:\nsame:x:105:\n_ssh:x:111:\n",
);

const file = (path: string, more: Partial<FileEntry> = {}): FileEntry => ({
  path,
  kind: "file",
  mode: 0o644,
  uid: 0,
  gid: 0,
  sizeBytes: 1,
  sha256: "0".repeat(64),
  ...more,
});
const link = (path: string, target: string): FileEntry => ({
  ...file(path),
  kind: "symlink",
  target,
  mode: 0o777,
});
const folder = (path: string, more: Partial<FileEntry> = {}): FileEntry => ({
  path,
  kind: "directory",
  mode: 0o755,
  uid: 0,
  gid: 0,
  sizeBytes: 0,
  ...more,
});

describe("accounts that scripts made", () => {
  const made = newAccounts(BASE, AFTER);

  test("are what is new: users, groups, memberships", () => {
    expect([
      made.users.map(({ name }) => name),
      made.groups.map(({ name }) => name),
      made.memberships,
    ]).toEqual([["redis", "same", "sshd"], ["_ssh", "redis", "same"], [{ user: "redis", group: "adm" }]]);
    expect(newAccounts(AFTER, AFTER)).toEqual({ users: [], groups: [], memberships: [] });
  });

  test("become sysusers.d lines, and the device chooses ids but for those that files carry", () => {
    expect(sysusersText(made, (kind, id) => kind === "group" && id === 111)).toBe(
      `g _ssh 111
g redis -
u redis - - /var/lib/redis /usr/sbin/nologin
u same - "One \\"word\\" of 100%%" /home/same /bin/sh
u sshd -:65534 - /run/sshd /usr/sbin/nologin
m redis adm
`,
    );
    expect(sysusersText(made, (kind, id) => kind === "user" && id === 105)).toContain("g same -\nu redis");
  });

  test("that a package's own sysusers.d file makes have no second line, unless files carry their id", () => {
    const isShipped = ({ kind, name }: AccountLine): boolean =>
      ["user redis", "group redis", "group _ssh", "user same", "group same"].includes(`${kind} ${name}`);
    expect(sysusersText(made, (kind, id) => kind === "group" && id === 111, isShipped)).toBe(
      "g _ssh 111\nu sshd -:65534 - /run/sshd /usr/sbin/nologin\nm redis adm\n",
    );
  });

  const account = fc.record({
    name: fc.stringMatching(/^[a-z]{1,3}$/),
    uid: fc.oneof(fc.integer({ min: 100, max: 999 }), fc.integer({ min: 60_000, max: 60_100 })),
  });
  const accountsOf = (all: readonly { name: string; uid: number }[]): Accounts => ({
    users: all.map(({ name, uid }) => ({ name, uid, gid: uid, comment: "", home: "/", shell: "" })),
    groups: all.map(({ name, uid }) => ({ name, gid: uid })),
    memberships: [],
  });
  const distinct = { selector: ({ uid }: { uid: number }) => uid, maxLength: 12 };

  test("have ids that follow from their names, that nobody of the base has, and no two of them share", () => {
    fc.assert(
      fc.property(fc.uniqueArray(account, distinct), fc.uniqueArray(account, distinct), (some, base) => {
        const mine = [...new Map(some.map((one) => [one.name, one])).values()];
        const before = accountsOf(base);
        const { accounts, user } = stableIds(accountsOf(mine), before);
        const ids = accounts.users.map(({ uid }) => uid);
        expect(new Set(ids).size).toBe(ids.length);
        expect(mine.map(({ uid }) => user(uid))).toEqual(ids);
        // Numbers that Debian gave to a name stay.
        const isGiven = (one: { uid: number }): boolean => one.uid >= 60_000;
        expect(ids.filter((_, at) => isGiven(mine[at]!))).toEqual(mine.filter(isGiven).map(({ uid }) => uid));
        const chosen = ids.filter((_, at) => !isGiven(mine[at]!));
        expect(base.filter(({ uid }) => chosen.includes(uid))).toEqual([]);
        expect(accounts.groups.map(({ gid }) => gid)).toEqual(ids);
        // Whatever numbers adduser came up with.
        const moved = mine.map((one) => ({ ...one, uid: isGiven(one) ? one.uid : 1099 - one.uid }));
        expect(stableIds(accountsOf(moved), before).accounts.users.map(({ uid }) => uid)).toEqual(ids);
      }),
    );
    const two = (name: string) => stableIds(accountsOf([{ name, uid: 101 }]), accountsOf([])).user(101);
    expect(two("avahi")).toBe(two("avahi"));
    expect(two("avahi")).not.toBe(two("redis"));
  });

  test("lines that are none are left out", () => {
    expect(parseAccounts("+::::::\nhalf\na b:x:1:1::/:/\nx:x:one:1::/:/\n", "+:::\n:x:1:\n")).toEqual({
      users: [],
      groups: [],
      memberships: [],
    });
  });
});

describe("what scripts changed", () => {
  const base = new FileIndex([
    link("/bin", "usr/bin"),
    folder("/usr/bin"),
    file("/usr/bin/vim.tiny"),
    link("/usr/bin/vi", "/etc/alternatives/vi"),
    link("/etc/alternatives/vi", "/usr/bin/vim.tiny"),
    file("/etc/shells"),
    file("/usr/share/glib-2.0/schemas/gschemas.compiled"),
  ]);

  test("links through /etc/alternatives become direct ones, those of the base, too, and through /bin", () => {
    const { layer, report, isDerived } = translate(
      [
        file("/usr/bin/vim.basic", { package: "vim" }),
        link("/etc/alternatives/vi", "/usr/bin/vim.basic"),
        link("/etc/alternatives/nc", "/bin/nc.openbsd"),
        link("/usr/bin/nc", "/etc/alternatives/nc"),
        link("/etc/alternatives/editor", "/etc/alternatives/vi"),
        link("/usr/share/editor", "/etc/alternatives/editor"),
      ],
      base,
    );
    expect(Object.fromEntries(layer.map(({ path, target }) => [path, target]))).toEqual({
      "/usr/bin/vim.basic": undefined,
      "/usr/bin/vi": "vim.basic",
      "/usr/bin/nc": "nc.openbsd",
      "/usr/share/editor": "../bin/vim.basic",
    });
    expect(report.map(({ decision, path }) => `${decision} ${path}`)).toEqual([
      "dropped /etc/alternatives/vi",
      "dropped /etc/alternatives/nc",
      "dropped /etc/alternatives/editor",
      "direct-link /usr/bin/vi",
      "direct-link /usr/bin/nc",
      "direct-link /usr/share/editor",
    ]);
    expect([isDerived("/usr/bin/vi"), isDerived("/usr/bin/vim.tiny")]).toEqual([true, false]);
  });

  test("units that were enabled are enabled below /usr; what a package ships in /etc stays there", () => {
    const wants = "/etc/systemd/system/multi-user.target.wants/x.service";
    const shipped = { ...link("/etc/systemd/system/y.service", "/x"), package: "y" };
    const { layer } = translate([link(wants, "/lib/systemd/system/x.service"), shipped], base);
    expect(layer.map(({ path }) => path)).toEqual([
      "/usr/lib/systemd/system/multi-user.target.wants/x.service",
      "/etc/systemd/system/y.service",
    ]);
  });

  test("a changed file of the base stays where only /usr is merged, and a derived cache may hide the old one", () => {
    const { layer, report, isDerived } = translate(
      [
        file("/etc/shells", { sha256: "1".repeat(64) }),
        file("/usr/share/glib-2.0/schemas/gschemas.compiled", { sha256: "1".repeat(64) }),
      ],
      base,
    );
    expect(layer.map(({ path }) => path)).toEqual(["/usr/share/glib-2.0/schemas/gschemas.compiled"]);
    expect(report).toEqual([
      {
        path: "/etc/shells",
        decision: "dropped",
        because: expect.stringContaining("stays as it is") as unknown,
      },
    ]);
    expect(isDerived("/usr/share/glib-2.0/schemas/gschemas.compiled")).toBe(true);
  });
});

test("files of new accounts: by name where a line makes them, by a fixed id where they ship", () => {
  const { entries, report } = planExtension({
    layer: [
      file("/usr/bin/agent", { mode: 0o2755, gid: 111, package: "ssh" }),
      folder("/etc/redis", { mode: 0o2770, uid: 104, gid: 110, package: "redis" }),
      file("/etc/redis/redis.conf", { mode: 0o640, uid: 104, gid: 110, package: "redis" }),
    ],
    base: new FileIndex([]),
    rules: parseRules("/usr/**=keep /etc/**=factory"),
    mayShadow: () => false,
    name: "x",
    accounts: newAccounts(BASE, AFTER),
  });
  const texts = new Map(entries.map(({ entry, text }) => [entry.path, text]));
  expect(texts.get("/usr/lib/tmpfiles.d/x.conf")).toBe(
    `C /etc/redis/redis.conf 0640 redis redis - /usr/share/factory/etc/redis/redis.conf
d /etc/redis 2770 redis redis -
`,
  );
  expect(texts.get("/usr/lib/sysusers.d/00-x.conf")).toContain("g _ssh 111\ng redis -\n");
  // The copy that ships is root's, and as closed as the original.
  const copies = entries.filter(({ entry }) => entry.path.startsWith("/usr/share/factory/etc/redis"));
  expect(copies.map(({ entry: { mode, uid, gid } }) => [mode, uid, gid])).toEqual([
    [0o2770, 0, 0],
    [0o640, 0, 0],
  ]);
  expect(report.filter(({ decision }) => decision === "fixed-id").map(({ path }) => path)).toEqual([
    "/usr/bin/agent",
  ]);
});

/** In memory the kernel keeps a file's time when its mapping was read before. */
const MAPPED = `
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    view = mmap.mmap(file.fileno(), 0)
    view[:1]
    view[:1] = b"X"
`;

describeUnless(cannotInstall, "what is not as it was in a tree", () => {
  /** Undefined: so that all has to be packed. */
  const changes: readonly [what: string, script: string, paths: readonly string[] | undefined][] = [
    ["nothing", ":", []],
    [
      "content of the same length, with its time put back",
      "printf B >a/file && touch -d @1 a/file",
      ["/a/file"],
    ],
    ["a mode", "chmod 600 a/file", ["/a/file"]],
    ["an owner", "chown 7:8 a/file", ["/a/file"]],
    ["a link's target", "ln -sfn other link", ["/link"]],
    ["a new file, and its folder", "echo >a/new", ["/a", "/a/new"]],
    ["another file under a name", "cp a/file x && mv x a/file", ["/a", "/a/file"]],
    ["a second name of a file", "ln a/file b", ["/a/file", "/b"]],
    ["one name of two", "rm twin", ["/a/sub.d/twin"]],
    ["a folder that became a link", "rm -r a/sub && ln -s sub.d a/sub", ["/a", "/a/sub"]],
    ["content under a name with a line end", "printf B >'a/two\nlines'", undefined],
  ];

  const noPython = spawnSync("python3", ["-V"], { env: process.env }).status !== 0;
  testUnless(
    noPython ? "there is no python3 on this machine" : undefined,
    "content in a mapping",
    async () => {
      expect(await changedBy(`python3 -c '${MAPPED}' a/file`)).toEqual(["/a/file"]);
    },
  );

  test.each(changes)("%s", async (_what, script, paths) => {
    expect(await changedBy(script)).toEqual(paths);
  });

  async function changedBy(script: string): Promise<string[] | undefined> {
    const scratch = temporaryFolder("changed");
    const [root, tar] = [join(scratch, "root"), join(scratch, "root.tar")];
    await using sandbox = await openSandbox({ ownership: join(scratch, "ownership") });
    const make = `
      mkdir -p "$1/a/sub.d" "$1/a/sub" && mount -t tmpfs none "$1" && mkdir -p "$1/a/sub.d" "$1/a/sub" && cd "$1" &&
      printf A >a/file && printf A >'a/two\nlines' && ln -s a link && printf A >twin && ln twin a/sub.d/twin &&
      find . -exec touch -hd @1 {} + && tar -cf "$2" . && sleep 0.02`;
    await sandbox.run("sh", ["-c", make, "sh", root, tar]);
    const before = await markTree(sandbox, root);
    await sandbox.run("sh", ["-c", `cd "$1" && ${script}`, "sh", root]);
    const after = await markTree(sandbox, root);
    return await changedPaths(sandbox, root, { before: before!, after: after!, tar });
  }
});
