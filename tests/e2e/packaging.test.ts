/**
 * Roots from the host's real archive: solved, downloaded, installed with real maintainer scripts in a sandbox, and an
 * extension on the base's database. As root and as an ordinary user, with equal results demanded.
 * TSBAKE_TEST_DOWNLOADS may name a folder that keeps the downloads from run to run.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { chmodSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BuildError } from "@tsbake/base";
import { downloadClosure, hostArchitecture, openDebBackend, openFeed, writeClosure } from "@tsbake/packaging";
import { openCage } from "@tsbake/sandbox";
import type { Closure, Feed } from "@tsbake/packaging";
import { run } from "../support/command.js";
import { plainEnvironment, temporaryFolder } from "../support/temporary.js";
import { describeUnless, notLong, notRoot, testUnless } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";
import { userProblem } from "../support/user.js";

const MINUTES = 60_000;
const folder = temporaryFolder("packaging-e2e");
const downloads = process.env["TSBAKE_TEST_DOWNLOADS"] ?? join(folder, "downloads");
const pool = join(downloads, "feed/pool");
const EXTENSION = ["htop", "strace"];

interface Result {
  readonly isFake: boolean;
  readonly identity: { readonly count: number; readonly digest: string };
  readonly pictures: readonly string[];
  /** Of the extension on the base's tree: side by side, by dpkg alone. */
  readonly trees: readonly { readonly picture: string; readonly database: string }[];
  readonly states: readonly string[];
  readonly added: readonly string[];
  readonly changes: readonly string[];
  readonly skipped: readonly string[];
  readonly audit: string;
  readonly isBaseKept: boolean;
}

async function openArchive(): Promise<Feed | string> {
  try {
    const feed = await openFeed({ folder: join(downloads, "feed") });
    await feed.closures([{ roots: ["base-files"] }]);
    return feed;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return error.message;
  }
}

const archive = await openArchive();
const noUser = await userProblem();

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const offline = typeof archive === "string" ? archive : undefined;
const cannotInstall = notRoot === undefined ? undefined : await toolsProblem("fakeroot");

describeUnless(offline ?? cannotInstall, "the archive", () => {
  const feed = archive as Feed;
  let base: Closure;
  let extension: Closure;

  beforeAll(async () => {
    [base, extension] = (await feed.closures([
      { roots: ["bash", "dbus", "procps"], essential: true },
      { roots: EXTENSION },
    ])) as [Closure, Closure];
    for (const [name, closure] of Object.entries({ base, extension })) {
      await downloadClosure(closure, pool);
      writeFileSync(join(folder, `${name}.closure`), writeClosure(closure));
    }
    for (const path of [folder, downloads, join(downloads, "feed"), pool]) chmodSync(path, 0o755);
  }, 5 * MINUTES);

  /** @param trees how the extension is installed on the base's tree, too */
  async function build(name: string, user?: string, trees = "side-by-side by-dpkg"): Promise<Result> {
    const at = join(folder, name);
    mkdirSync(at);
    if (user) await run("chown", [user, at]);
    const driver = join(import.meta.dirname, "packaging-driver.js");
    const files = [join(folder, "base.closure"), join(folder, "extension.closure")];
    const command = [process.execPath, driver, at, pool, ...files, ...EXTENSION];
    const [program = "", ...args] = user ? ["runuser", "-u", user, "--", ...command] : command;
    const env = { ...plainEnvironment(), TREES: trees };
    const done = await run(program, args, { cwd: "/", env });
    expect([done.code, done.stderr]).toEqual([0, ""]);
    return JSON.parse(readFileSync(join(at, "result.json"), "utf8")) as Result;
  }

  /** The first lines in which two pictures differ, for a message that helps. */
  function difference(left: string, right: string, index: number): string[] {
    const [a, b] = [left, right].map((name) =>
      readFileSync(join(folder, name, `picture-${index}.txt`), "utf8").split("\n"),
    );
    const there = new Set(b);
    return (a ?? []).filter((line) => !there.has(line)).slice(0, 10);
  }

  let first: Result;

  test(
    "a base root with every script run, an extension with none, and the base as it was",
    async () => {
      first = await build("first");
      expect(first).toMatchObject({
        states: ["installed"],
        changes: ["added"],
        isBaseKept: true,
        audit: "fine\n",
      });
      const [sideBySide, byDpkg] = first.trees;
      expect(sideBySide).toEqual(byDpkg);
      expect(first.added).toEqual(expect.arrayContaining(EXTENSION));
      expect(first.added).not.toContain("libc6");
      const root = join(folder, "first/base");
      expect(readFileSync(join(root, "etc/passwd"), "utf8")).toContain("messagebus:");
      expect(statSync(join(root, "usr/sbin/policy-rc.d"), { throwIfNoEntry: false })).toBeUndefined();
      expect(readdirSync(join(root, "dev"))).toEqual([]);
      expect(readdirSync(join(root, "tmp"))).toEqual([]);
      expect(readdirSync(join(folder, "first/extension/usr/bin")).sort()).toEqual([
        "htop",
        "strace",
        "strace-log-merge",
      ]);
    },
    10 * MINUTES,
  );

  // An ordinary user's build is a second one, too.
  testUnless(
    noUser === undefined ? notLong : undefined,
    "the same bytes, owners, modes and times a second time",
    async () => {
      const second = await build("second", undefined, "");
      expect(difference("first", "second", 0)).toEqual([]);
      expect(difference("first", "second", 1)).toEqual([]);
      expect({ ...second, isFake: first.isFake }).toEqual({ ...first, trees: [] });
    },
    10 * MINUTES,
  );

  describeUnless(noUser, "an ordinary user", () => {
    test(
      "gets the same",
      async () => {
        const user = await build("user", "nobody", "side-by-side");
        expect(user.isFake).toBe(true);
        expect(difference("first", "user", 0)).toEqual([]);
        expect(difference("first", "user", 1)).toEqual([]);
        expect({ ...user, isFake: first.isFake }).toEqual({ ...first, trees: first.trees.slice(0, 1) });
      },
      10 * MINUTES,
    );
  });

  test("an unknown name: near names and who asks", async () => {
    const asked = feed.closures([{ roots: ["stracee"], askedBy: "IMAGE_PREINSTALL of my-image" }]);
    await expect(asked).rejects.toMatchObject({
      diagnostics: [
        {
          code: "packaging/not-in-feed",
          message: "no package `stracee` in the feed, which IMAGE_PREINSTALL of my-image asks for",
          help: expect.stringContaining("`strace`"),
        },
      ],
    });
  });

  test("a package that would change the base is refused with the chain that asks for it", async () => {
    const sources = join(folder, "sources");
    const debs = join(folder, "debs");
    const control = (name: string, version: string, more: string): string =>
      `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: n <n@localhost>\nDescription: x\n${more}`;
    for (const [name, version, more] of [
      ["case-tool", "1", "Depends: case-middle\n"],
      ["case-middle", "1", "Depends: bash (>= 99)\n"],
      ["bash", "99", ""],
      ["case-foe", "1", "Conflicts: dbus\n"],
    ] as const) {
      const tree = join(sources, name, "DEBIAN");
      mkdirSync(tree, { recursive: true });
      mkdirSync(debs, { recursive: true });
      writeFileSync(join(tree, "control"), control(name, version, more));
      await run("dpkg-deb", ["--root-owner-group", "--build", join(sources, name), debs]);
    }
    const backend = openDebBackend();
    const source = await backend.scan(debs);
    const root = join(folder, "refused");
    const identity = await backend.snapshot(join(folder, "first/base"), join(folder, "refused-snapshot"));
    await backend.importSnapshot(join(folder, "refused-snapshot"), root, identity);
    const request = { sources: [source], architecture: await hostArchitecture(), installedIn: root };
    await expect(backend.solve({ ...request, install: ["case-tool"] })).rejects.toMatchObject({
      diagnostics: [
        {
          code: "packaging/base-changed",
          message: expect.stringMatching(/^the base's package `bash` would be upgraded from .* to 99$/),
          help: expect.stringContaining("case-tool → case-middle → bash (>= 99)"),
        },
      ],
    });
    await expect(backend.solve({ ...request, install: ["case-foe"] })).rejects.toThrow(
      "`dbus` would be removed",
    );
    const allowed = await backend.solve({ ...request, install: ["case-tool"], allowChanged: ["bash"] });
    expect(allowed.packages.map(({ name }) => name).sort()).toEqual(["bash", "case-middle", "case-tool"]);
  });

  test("a file that the base owns stops the extension, and both packages are named", async () => {
    const tree = join(folder, "clash");
    mkdirSync(join(tree, "DEBIAN"), { recursive: true });
    mkdirSync(join(tree, "bin"), { recursive: true });
    writeFileSync(join(tree, "bin/bash"), "other");
    writeFileSync(
      join(tree, "DEBIAN/control"),
      "Package: case-clash\nVersion: 1\nArchitecture: all\nMaintainer: n <n@localhost>\nDescription: x\n",
    );
    const debs = join(folder, "clash-debs");
    mkdirSync(debs);
    await run("dpkg-deb", ["--root-owner-group", "--build", tree, debs]);
    const backend = openDebBackend();
    const root = join(folder, "clash-root");
    const identity = await backend.snapshot(join(folder, "first/base"), join(folder, "clash-snapshot"));
    const base = await backend.importSnapshot(join(folder, "clash-snapshot"), root, identity);
    await using sandbox = await openCage({
      ownership: join(folder, "clash-ownership"),
      writable: [root],
      readable: [debs],
    });
    const install = backend.installOnDatabase({
      root,
      seenRoot: root,
      base,
      sandbox,
      install: ["case-clash"],
      sources: [await backend.scan(debs)],
      architecture: await hostArchitecture(),
      epochSeconds: 1735689600,
    });
    await expect(install).rejects.toMatchObject({
      diagnostics: [
        {
          code: "packaging/install-failed",
          message: expect.stringMatching(
            /: `case-clash` brings `\/bin\/bash`, which `bash` \S+ has already$/,
          ),
        },
      ],
    });
  });
});
