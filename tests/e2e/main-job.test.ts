/** `tsbake sysext-image` as a person types it, on the real archive: cold, again, from shared state, after changes. */
import { existsSync, lstatSync, mkdirSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { run } from "../support/command.js";
import { archiveProblem } from "../support/archive.js";
import { Rig } from "../support/rig.js";
import { describeUnless, notLong, notRoot, testUnless } from "../support/skip.js";

/** Cold builds download and compile. */
const MINUTES = 60_000;

const PROJECT = `header:
  version: 14
machine: generic
distro: debian
target: sysext-image
`;

const problem = await archiveProblem();

/** Deployed files by name without the date, so that two builds can be compared. */
async function deployed(rig: Rig): Promise<Map<string, string>> {
  const digests = await rig.digests("build/tmp/deploy");
  return new Map([...digests].map(([name, digest]) => [name.replace(/-\d{14}/, ""), digest]));
}

describeUnless(problem, "the main job", () => {
  let rig: Rig;
  let cold: Map<string, string>;
  let coldNames: string[];

  beforeAll(async () => {
    rig = new Rig({ "tsbake.yaml": PROJECT });
    const first = await rig.trace(["sysext-image", "base-image"]);
    if (first.code !== 0) throw new Error(first.output);
    cold = await deployed(rig);
    coldNames = [...(await rig.digests("build/tmp/deploy")).keys()];
  }, 10 * MINUTES);

  afterAll(() => rig[Symbol.dispose]());

  test("deploys an extension, an image and the packages of recipes", () => {
    const images = rig.path("build/tmp/deploy/images/generic");
    expect(readlinkSync(join(images, "sysext-image.raw"))).toMatch(
      /^sysext-image-generic-\d{14}\.rootfs\.squashfs$/,
    );
    expect(existsSync(join(images, "base-image-generic.rootfs.tar.gz"))).toBe(true);
    expect(readdirSync(rig.path("build/tmp/deploy/deb/libsysfacts"))).toContain(
      "libsysfacts_1.0-r0_amd64.deb",
    );
  });

  test("keeps base and extension disjoint, and the library in the base alone", () => {
    const manifest = (image: string) =>
      JSON.parse(rig.read(`build/tmp/deploy/images/generic/${image}-generic.rootfs.json`)) as {
        files: { path: string; kind: string }[];
      };
    const paths = (image: string) =>
      manifest(image)
        .files.filter(({ kind }) => kind !== "directory")
        .map(({ path }) => path.replace(/^\//, ""));
    const base = new Set(paths("base-image"));
    const extension = paths("sysext-image");
    expect(extension.length).toBeGreaterThan(100);
    expect(extension.filter((path) => base.has(path))).toEqual([]);
    expect(extension.filter((path) => path.includes("libsysfacts"))).toEqual([]);
    expect([...base].filter((path) => path.endsWith("/libsysfacts.so.1"))).toHaveLength(1);
    expect(extension.some((path) => path.endsWith("usr/bin/sysfacts-watch"))).toBe(true);
  });

  test("does nothing the second time, and says so", async () => {
    const again = await rig.tsbake(["sysext-image", "base-image"]);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^nothing to do: all \d+ tasks/m);
  });

  test(
    "runs a task again when told so, though nothing was read anew",
    async () => {
      const forced = await rig.trace(["-f", "-c", "image_complete", "sysext-image"]);
      expect(forced.output).not.toContain("error[");
      expect(forced.code).toBe(0);
      expect(forced.ran).toEqual(["sysext-image:do_image_complete"]);
      expect((await rig.tsbake(["-c", "clean", "sysext-image"])).code).toBe(0);
    },
    MINUTES,
  );

  test(
    "comes back from shared state, byte for byte, without running anything",
    async () => {
      rmSync(rig.path("build/tmp"), { recursive: true });
      const restored = await rig.trace(["sysext-image", "base-image"]);
      expect(restored.code).toBe(0);
      expect(restored.ran).toEqual([]);
      expect(restored.restored).toContain("sysext-image:do_image_complete");
      expect(await deployed(rig)).toEqual(cold);
      expect([...(await rig.digests("build/tmp/deploy")).keys()]).toEqual(coldNames);
    },
    MINUTES,
  );

  test(
    "a changed host name makes the base's image again and not the extension",
    async () => {
      rig.write("build/conf/local.conf", 'IMAGE_HOSTNAME:pn-base-image = "another"\n');
      const changed = await rig.trace(["sysext-image", "base-image"]);
      expect(changed.code).toBe(0);
      expect(changed.ran).toContain("base-image:do_image");
      expect(changed.ran).not.toContain("base-image:do_rootfs");
      expect(
        [...changed.ran, ...changed.restored].filter((task) => /^sysext-image:do_(rootfs|image)/.test(task)),
      ).toEqual([]);
    },
    5 * MINUTES,
  );

  test("another type of image makes that type alone, and installs nothing again", async () => {
    rig.write("build/conf/local.conf", 'IMAGE_FSTYPES:append = " erofs tar.zst"\n');
    const { code, stdout } = await rig.answered(["-n", "sysext-image", "base-image"]);
    rig.write("build/conf/local.conf", "");
    expect(code).toBe(0);
    for (const image of ["base-image", "sysext-image"]) {
      expect(stdout).toContain(`${image} do_image_erofs\n`);
      for (const task of ["do_rootfs", "do_image", "do_image_squashfs"])
        expect(stdout).not.toContain(`${image} ${task}\n`);
    }
  });

  test("an added package of the base makes both again", async () => {
    rig.write("build/conf/local.conf", 'IMAGE_PREINSTALL:append:pn-base-image = " less"\n');
    const { code, stdout } = await rig.answered(["-n", "sysext-image", "base-image"]);
    rig.write("build/conf/local.conf", "");
    expect(code).toBe(0);
    for (const task of ["base-image do_rootfs", "sysext-image do_rootfs"])
      expect(stdout).toContain(`${task}\n`);
  });

  test(
    "`-c pkgdb` in an empty folder makes the snapshot and no image",
    async () => {
      rmSync(rig.path("build/tmp"), { recursive: true });
      const snapshot = await rig.trace(["-c", "pkgdb", "base-image"]);
      expect(snapshot.code).toBe(0);
      const images = readdirSync(rig.path("build/tmp/deploy/images/generic"));
      expect(
        images.filter((name) => lstatSync(rig.path("build/tmp/deploy/images/generic", name)).isFile()),
      ).toHaveLength(1);
      expect(images).toContain("base-image-generic-pkgdb.rootfs.tar.gz");
    },
    5 * MINUTES,
  );

  // That whoever installs packages gets the same is in e2e/packaging.
  testUnless(
    notRoot ?? notLong,
    "an ordinary user in another folder, on another day, gets the same bytes",
    async () => {
      using other = new Rig({ "tsbake.yaml": PROJECT }, { as: "nobody" });
      // Downloads are shared, so that only building is repeated.
      mkdirSync(other.path("build"), { recursive: true });
      await run("cp", ["-al", rig.path("build/downloads"), other.path("build/downloads")]);
      await run("chown", ["-R", "nobody", other.folder]);
      const built = await other.trace(["sysext-image"]);
      expect(built.output).not.toContain("error[");
      expect(built.code).toBe(0);
      expect(built.ran).toEqual(expect.arrayContaining(["base-image:do_rootfs", "sysext-image:do_rootfs"]));
      const theirs = await deployed(other);
      for (const [name, digest] of theirs) expect([name, cold.get(name)]).toEqual([name, digest]);
    },
    10 * MINUTES,
  );
});
