/** `tsbake init demo && cd demo && tsbake`, on the real archive: what a person types on the first day. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunResult } from "@tsbake/base";
import { archiveProblem } from "../support/archive.js";
import { cannotJudge, judge } from "../support/judge.js";
import { root } from "../support/paths.js";
import { Rig } from "../support/rig.js";
import { describeUnless, notLong, testUnless } from "../support/skip.js";

const MINUTES = 60_000;
const problem = (await archiveProblem()) ?? notLong;
const noJudge = await cannotJudge();

describeUnless(problem, "a project that `tsbake init` has written", () => {
  let rig: Rig;
  let first: RunResult;
  const tsbake = (...words: string[]) => rig.tsbake(words, { cwd: rig.path("demo") });
  const images = "demo/build/tmp/deploy/images/generic";

  beforeAll(async () => {
    rig = new Rig({});
    const begun = await rig.tsbake(["init", "demo"]);
    if (begun.code !== 0) throw new Error(begun.stderr);
    const downloads = process.env["TSBAKE_TEST_DOWNLOADS"];
    if (downloads) rig.write("demo/build/conf/local.conf", `DL_DIR = "${downloads}"\n`);
    first = await tsbake();
    if (first.code !== 0) throw new Error(first.stdout + first.stderr);
  }, 15 * MINUTES);
  afterAll(() => rig[Symbol.dispose]());

  test("is built by `tsbake` alone, which says what it builds and what it has left", () => {
    expect(first.stdout).toMatch(/^tsbake \S+: demo-tools\n/);
    expect(first.stdout).toMatch(/\ndemo-tools on demo-base: \d+ packages, [^]* {2}demo-tools\.raw\n$/);
    expect(first.stderr).toBe("");
    expect(existsSync(rig.path(images, "demo-tools.raw"))).toBe(true);
  });

  testUnless(
    noJudge,
    "gives an extension that the base merges",
    async () => {
      rig.write(
        "demo/build/conf/local.conf",
        `${rig.read("demo/build/conf/local.conf")}\nIMAGE_FSTYPES:pn-demo-base = "directory"\n`,
      );
      const both = await tsbake("demo-base", "demo-tools");
      expect(both.code).toBe(0);
      const end = both.stdout.slice(both.stdout.indexOf("\ntarget "));
      expect(end).toMatch(
        /^\ntarget +packages +content +deployed\ndemo-base +\d+ +\S+ MiB +\S+directory and \d+ more\ndemo-tools +\d+ +\S+ MiB +demo-tools\.raw and \d+ more\nin build\/tmp\/deploy\/images\/generic\/\n$/,
      );
      const base = rig.path(
        images,
        readdirSync(rig.path(images)).find((name) => /^demo-base-.*\d\.rootfs\.directory$/.test(name))!,
      );
      const extension = rig.path(images, "demo-tools.raw");
      const verdict = await judge({ base, extension, name: "demo-tools", look: "hello && strace -V" });
      expect([verdict.seenCode, verdict.seen]).toEqual([
        0,
        expect.stringMatching(/^hello from the extension\nstrace /),
      ]);
    },
    15 * MINUTES,
  );

  test("another type of image is made without installing anything again", async () => {
    rig.write("demo/build/conf/project-types.conf", 'IMAGE_FSTYPES:append:pn-demo-tools = " erofs"\n');
    const { code, stdout } = await tsbake("-n", "-R", "conf/project-types.conf");
    expect(code).toBe(0);
    expect(stdout).toContain("demo-tools do_image_erofs\n");
    expect(stdout).not.toMatch(/demo-(?:base|tools) do_(?:rootfs|image|image_squashfs)\n/);
  });
});

testUnless(
  problem,
  "README.md has the numbers of recipes and tasks that its first command tells",
  async () => {
    using rig = new Rig({});
    const downloads = process.env["TSBAKE_TEST_DOWNLOADS"];
    if (downloads) rig.write("conf/local.conf", `DL_DIR = "${downloads}"\n`);
    const environment = { TSBAKE_BUILD_DIR: rig.folder };
    const { stdout } = await rig.tsbake(["-n", "sysext-image"], { cwd: root, environment });
    const [, recipes] = /^(\d+) recipes read/m.exec(stdout)!;
    const [line, tasks] = /^(\d+) tasks: \d+ not needed, \d+ to run/m.exec(stdout)!;
    const readme = readFileSync(join(root, "README.md"), "utf8");
    const told = (pattern: RegExp): string[] => [...readme.matchAll(pattern)].map((match) => match[1]!);
    expect(new Set(told(/^(\d+) recipes read/gm))).toEqual(new Set([recipes]));
    expect(new Set(told(/(\d+) tasks(?:: | of sysext-image)/g))).toEqual(new Set([tasks]));
    expect(readme).toContain(`\n${line}\n`);
  },
  5 * MINUTES,
);
