/** Recipes with package sources of their own, by the whole engine; the archives are folders, and no network is needed. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { caseProject } from "../support/case-project.js";
import { run } from "../support/command.js";
import { flatArchive } from "../support/flat-archive.js";
import { Rig } from "../support/rig.js";
import { describeUnless } from "../support/skip.js";

const hasApt = await run("apt-get", ["--version"]).then(
  ({ code }) => code === 0,
  () => false,
);

const USUAL = 'FEED_SOURCES = "deb [trusted=yes] file:${TOPDIR}/../usual ./"';
const RECIPES = {
  "usual-native": 'inherit feed native\nFEED_PACKAGES = "hello"\n',
  "newer-native":
    'inherit feed native\nFEED_PACKAGES = "hello"\nFEED_SOURCES = "deb [trusted=yes] file:${TOPDIR}/../newer ./"\n',
  "newer-library":
    'inherit feed\nFEED_PACKAGES = "hello"\nFEED_SOURCES = "deb [trusted=yes] file:${TOPDIR}/../newer ./"\n',
  "case-image": 'inherit image\nIMAGE_INSTALL = "newer-library"\n',
};

describeUnless(hasApt ? undefined : "there is no apt on this machine", "FEED_SOURCES of a recipe", () => {
  const rig = new Rig(caseProject("usual-native", RECIPES, [USUAL]));
  beforeAll(async () => {
    await flatArchive(rig.path("usual"), "hello 1 usual");
    await flatArchive(rig.path("newer"), "hello 2 newer");
  });
  afterAll(() => rig[Symbol.dispose]());

  const contentOf = (recipe: string) => {
    const arch = process.arch === "arm64" ? "aarch64" : "x86_64";
    return rig.read(`build/tmp/sysroots-components/${arch}/${recipe}/f`);
  };
  const build = (...targets: string[]) => rig.trace(["-c", "populate_sysroot", ...targets]);

  test("each recipe gets packages of its sources, and `feed update` reads what builds have read", async () => {
    expect((await rig.tsbake(["-c", "populate_sysroot", "usual-native"])).code).toBe(0);
    // No build has asked for them: an archive that is away is no mistake.
    const early = await rig.tsbake(["feed", "update"]);
    expect(early.stdout).toContain("the package lists are as they were");
    expect((await build("usual-native", "newer-native")).code).toBe(0);
    expect([contentOf("usual-native"), contentOf("newer-native")]).toEqual(["usual", "newer"]);

    await flatArchive(rig.path("newer"), "hello 3 newest");
    expect((await build("newer-native")).ran).toEqual([]);
    expect((await rig.tsbake(["feed", "update"])).stdout).toContain("the package lists changed");
    const { ran } = await build("usual-native", "newer-native");
    expect(ran.filter((label) => !label.startsWith("newer-native:"))).toEqual([]);
    expect([contentOf("usual-native"), contentOf("newer-native")]).toEqual(["usual", "newest"]);
  });

  test("an image with packages of two sources is refused before anything runs", async () => {
    const refused = await rig.tsbake(["case-image"]);
    expect(refused.code).toBe(1);
    expect(refused.stdout + refused.stderr).toMatch(
      /engine\/mixed-feeds\W+`case-image` takes packages of the archive from other sources than `newer-library`/,
    );
  });
});
