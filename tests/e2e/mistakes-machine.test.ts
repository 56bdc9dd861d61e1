/** What the machine and the network do to a build: one clear message, nothing half done, and the next run is right. */
import { chmodSync, existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { run } from "../support/command.js";
import { serveFolder } from "../support/mirror.js";
import { root } from "../support/paths.js";
import { toldIn } from "../support/told.js";
import { describeUnless, notRoot } from "../support/skip.js";
import { Toy } from "../support/toy.js";
import { plainEnvironment } from "../support/temporary.js";

const PATHS = plainEnvironment();
const PROGRAM = join(root, "packages/cli/dist/main.js");

let toy: Toy;
beforeAll(async () => {
  toy = new Toy();
  await toy.built([]);
});
afterEach(() => toy.restore());
afterAll(() => toy[Symbol.dispose]());

const SUM = "0".repeat(64);

describe("sources", () => {
  const cases: readonly (readonly [
    what: string,
    lines: (url: string) => string,
    code: string,
    says: RegExp,
  ])[] = [
    [
      "that are not there",
      (url) => `SRC_URI = "${url}/gone.txt"\nSRC_URI[sha256sum] = "${SUM}"\n`,
      "fetch/download-failed",
      /answers 404/,
    ],
    [
      "of a server that is down",
      () => `SRC_URI = "http://127.0.0.1:9/x.txt"\nSRC_URI[sha256sum] = "${SUM}"\n`,
      "fetch/download-failed",
      /ECONNREFUSED/,
    ],
    [
      "that are not what was expected",
      (url) => `SRC_URI = "${url}/tsbake.yaml"\nSRC_URI[sha256sum] = "${SUM}"\n`,
      "fetch/checksum-mismatch",
      /was expected/,
    ],
    [
      "without a checksum",
      (url) => `SRC_URI = "${url}/tsbake.yaml"\n`,
      "fetch/missing-checksum",
      /SRC_URI\[sha256sum\] = "[0-9a-f]{64}"/,
    ],
    ["of an unknown kind", () => 'SRC_URI = "htp://host/x"\n', "fetch/unsupported-type", /use file:\/\//],
  ];

  test.each(cases)("%s", async (_what, lines, code, says) => {
    await using server = await serveFolder(toy.rig.folder);
    toy.recipe("sources", lines(server.url));
    const failed = await toy.tsbake(["-c", "fetch", "sources"]);
    expect(failed.code).toBe(1);
    expect(toldIn(failed.stderr)).toHaveLength(1);
    expect(failed.stderr).toContain(`| error[${code}]`);
    expect(failed.stderr).toMatch(says);
    const kept = existsSync(toy.rig.path("build/downloads"))
      ? readdirSync(toy.rig.path("build/downloads"))
      : [];
    expect(kept.filter((name) => /gone|x\.txt|tsbake\.yaml$/.test(name))).toEqual([]);
  });
});

describe("a shared-state mirror", () => {
  test.each([
    ["that is down", undefined, /ECONNREFUSED.*the build goes on without this mirror/],
    [
      "that answers rubbish",
      "<html>Please log in</html>",
      /is no checksum but some other page; the build goes on/,
    ],
  ])("%s is told of once, and everything is built", async (_what, answer, says) => {
    await using server = await serveFolder(toy.rig.folder, (_request, response) => {
      response.writeHead(200).end(answer);
      return true;
    });
    const url = answer === undefined ? "http://127.0.0.1:9" : server.url;
    toy.configure(
      `SSTATE_MIRRORS = "file://.* ${url}/PATH"\nSSTATE_DIR = "\${TOPDIR}/other-state"\nTMPDIR = "\${TOPDIR}/other-tmp"\n`,
    );
    const built = await toy.tsbake(["greeting"]);
    for (const name of ["other-state", "other-tmp"]) rmSync(toy.rig.path("build", name), { recursive: true });
    expect(built.code).toBe(0);
    expect(toldIn(built.stderr)).toMatchObject([
      { code: "engine/shared-state", message: expect.stringMatching(says) },
    ]);
  });
});

describe("two build folders with one shared state", () => {
  test("are both right when they build at the same time", async () => {
    using other = new Toy();
    using third = new Toy();
    const state = toy.rig.path("common-state");
    for (const one of [other, third]) one.configure(`SSTATE_DIR = "${state}"\n`);
    await Promise.all([other.built([]), third.built([])]);
    const page = toy.rig.read("build/tmp/deploy/toy/page");
    for (const one of [other, third]) expect(one.rig.read("build/tmp/deploy/toy/page")).toBe(page);
    // Nothing is torn: a third folder restores all of it.
    rmSync(third.rig.path("build/tmp"), { recursive: true });
    const restored = await third.trace([]);
    expect({ code: restored.code, ran: restored.ran }).toEqual({ code: 0, ran: [] });
    expect(third.rig.read("build/tmp/deploy/toy/page")).toBe(page);
    const names = readdirSync(state, { recursive: true, encoding: "utf8" });
    expect(names.filter((name) => /\.(tmp|bad)$/.test(name))).toEqual([]);
  });
});

describe("a Node.js that is too old", () => {
  test("is told before anything else", async () => {
    const preload = toy.rig.path("old.cjs");
    writeFileSync(
      preload,
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.19.0" } });\n',
    );
    const refused = await run("node", ["-r", preload, PROGRAM, "page"], { cwd: toy.rig.folder, env: {} });
    expect(refused.code).toBe(1);
    expect(toldIn(refused.stderr)).toMatchObject([
      { code: "cli/old-node", help: expect.stringContaining("20.20") },
    ]);
  });
});

describeUnless(notRoot, "a file that may not be read", () => {
  test("is named, with who may not", async () => {
    toy.recipe("secret", "");
    const path = toy.rig.path("meta-toy/recipes/extra/secret_1.0.bb");
    chmodSync(path, 0);
    chmodSync(toy.rig.folder, 0o755);
    const environment = { ...plainEnvironment(), HOME: "/" };
    await run("chown", ["-R", "nobody", toy.rig.path("build")], { cwd: "/", env: environment });
    const refused = await run("runuser", ["-u", "nobody", "--", "node", PROGRAM, "page"], {
      cwd: toy.rig.folder,
      env: environment,
    });
    await run("chown", ["-R", "root", toy.rig.path("build")], { cwd: "/", env: environment });
    expect(refused.code).toBe(1);
    const told = toldIn(refused.stderr);
    expect(told.map(({ code }) => code)).toEqual(["recipe/unreadable-file"]);
    expect(told[0]!.message).toBe(`${path} cannot be read: this user may not`);
  });
});

// A container may forbid it even to root.
const trial = 'd=$(mktemp -d) && mount -t tmpfs tmpfs "$d" && umount "$d"; code=$?; rmdir "$d"; exit $code';
const tried = notRoot === undefined ? await run("sh", ["-c", trial], { cwd: "/", env: PATHS }) : undefined;
const cannotMount = tried?.code === 0 ? undefined : (notRoot ?? "root cannot mount a small file system here");

describeUnless(cannotMount, "a full disk", () => {
  test("stops the build with its name, and the next run goes on", async () => {
    const folder = toy.rig.path("build/small");
    toy.configure('TMPDIR = "${TOPDIR}/small"\nSSTATE_DIR = "${TOPDIR}/small-state"\n');
    toy.recipe("big", "do_compile() {\n    head -c 3000000 /dev/zero >big\n}\n");
    toy.rig.write("build/small/.keep", "");
    await run("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], { cwd: "/", env: PATHS });
    const full = await toy.tsbake(["-c", "compile", "big"]);
    await run("umount", [folder], { cwd: "/", env: PATHS });
    expect(full.code).toBe(1);
    const [told, ...more] = toldIn(full.stderr);
    expect(told).toMatchObject({
      code: "base/disk-full",
      message: expect.stringMatching(
        /^big:do_compile: `do_compile` ended with exit code \d+: there is not enough space in .*: of the disk mounted on .*\/small, \d+ KiB of 2048 KiB are free$/,
      ),
    });
    expect(told!.help).toContain("free space");
    expect(more).toEqual([]);
    expect((await toy.tsbake(["-c", "compile", "big"])).code).toBe(0);
  });
});
