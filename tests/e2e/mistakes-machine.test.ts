/** What the machine and the network do to a build: one clear message, nothing half done, and the next run is right. */
import { createHash, randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "@jest/globals";
import { join } from "node:path";
import { downloadClosure } from "@tsbake/packaging";
import { run } from "../support/command.js";
import { serveFolder } from "../support/mirror.js";
import { root } from "../support/paths.js";
import { toldIn } from "../support/told.js";
import { describeUnless, notRoot } from "../support/skip.js";
import { builtToy, Toy } from "../support/toy.js";
import { plainEnvironment } from "../support/temporary.js";

const PATHS = plainEnvironment();
const PROGRAM = join(root, "scripts/start.js");

const toy = builtToy();

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

describe("output that goes nowhere", () => {
  const cases: readonly (readonly [what: string, command: string, code: number, says: RegExp | undefined])[] =
    [
      [
        "a build onto a full disk",
        "node $0 greeting >/dev/full",
        1,
        /there is no space left; the build is stopped/,
      ],
      ["its events onto one", "node $0 --ui json greeting >/dev/full", 1, /there is no space left/],
      ["an answer onto one", "node $0 -e greeting >/dev/full", 1, /there is no space left/],
      ["the help onto one", "node $0 --help >/dev/full", 1, /there is no space left/],
      [
        "a build whose reader has gone",
        "node $0 greeting | true",
        1,
        /who read it has ended; the build is stopped/,
      ],
      ["an answer whose reader has seen enough", "node $0 -e greeting | head -n 1", 0, undefined],
      ["a build whose errors go nowhere", "node $0 greeting 2>/dev/full >/dev/null", 0, undefined],
    ];

  test.each(cases)("%s", async (_what, command, code, says) => {
    rmSync(toy.rig.path("build/tmp/stamps"), { recursive: true, force: true });
    const words = ["-o", "pipefail", "-c", command, PROGRAM];
    const done = await run("bash", words, { cwd: toy.rig.folder, env: plainEnvironment() });
    const told = toldIn(done.stderr);
    expect(told.map((one) => one.code)).toEqual(says === undefined ? [] : ["cli/no-output"]);
    expect(done.stderr).toMatch(says ?? /^$/);
    // Who reads an answer may be done before or after all of it is written.
    expect([code, says === undefined ? 1 : code]).toContain(done.code);
    expect(done.stderr).not.toContain("    at ");
  });
});

test.each([["-e greeting"], ["greeting"]])(
  "`%s` whose output is closed is one line and code 1",
  async (words) => {
    const done = await run("sh", ["-c", `"$0" ${words} >&-`, join(root, "tsbake")], {
      cwd: toy.rig.folder,
      env: plainEnvironment(),
    });
    expect([done.code, done.stderr.trim().split("\n")]).toEqual([
      1,
      [expect.stringContaining("tsbake: standard output is closed")],
    ]);
  },
);

describe("a limit of the shell below which Node.js breaks", () => {
  test.each([
    ["-n 16", "the limit of open files is 16 (ulimit -n), and at least 256 are needed"],
    ["-n 64", "the limit of open files is 64 (ulimit -n), and at least 256 are needed"],
    [
      "-v 2000000",
      "the limit of address space in KiB is 2000000 (ulimit -v), and at least 40000000 are needed",
    ],
  ])("ulimit %s is one line", async (limit, says) => {
    const done = await run("sh", ["-c", `ulimit ${limit}; exec "$0" page`, join(root, "tsbake")], {
      cwd: toy.rig.folder,
      env: plainEnvironment(),
    });
    expect([done.code, done.stdout, done.stderr.trim().split("\n")]).toEqual([
      1,
      "",
      [expect.stringContaining(`tsbake: ${says}; raise it: ulimit ${limit.slice(0, 2)} `)],
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

describeUnless(cannotMount, "a disk with noexec", () => {
  test("is told as that, by the first task that starts a program there", async () => {
    const folder = toy.rig.path("build/plain");
    toy.configure('TMPDIR = "${TOPDIR}/plain"\nSSTATE_DIR = "${TOPDIR}/plain-state"\n');
    toy.rig.write("build/plain/.keep", "");
    await run("mount", ["-t", "tmpfs", "-o", "noexec", "tmpfs", folder], { cwd: "/", env: PATHS });
    const failed = await toy.tsbake(["-k", "page"]);
    await run("umount", [folder], { cwd: "/", env: PATHS });
    expect(failed.code).toBe(1);
    expect(toldIn(failed.stderr)).toMatchObject([
      {
        code: "base/disk-noexec",
        message: expect.stringMatching(
          /no program may be started from .*: the disk mounted on .*\/plain has the option noexec$/,
        ),
      },
    ]);
  });
});

describeUnless(cannotMount, "a full disk of downloads", () => {
  test("is no fault of the network, and no wrong content", async () => {
    await using server = await serveFolder(toy.rig.folder);
    const bytes = randomBytes(4_000_000);
    writeFileSync(toy.rig.path("big.deb"), bytes);
    const pool = toy.rig.path("pool");
    mkdirSync(pool);
    await run("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", pool], { cwd: "/", env: PATHS });
    const one = {
      name: "big",
      version: "1",
      architecture: "all",
      sha256: createHash("sha256").update(bytes).digest("hex"),
      sizeBytes: bytes.length,
      stanza: "",
      file: "big_1_all.deb",
      uri: `${server.url}/big.deb`,
    };
    const failure = await downloadClosure({ roots: ["big"], packages: [one] }, pool).catch(
      (error: unknown) => error,
    );
    await run("umount", [pool], { cwd: "/", env: PATHS });
    expect(failure).toMatchObject({
      diagnostics: [
        {
          code: "base/disk-full",
          message: expect.stringContaining("downloading 1 package needs 3906 KiB in"),
        },
      ],
    });
  });
});
