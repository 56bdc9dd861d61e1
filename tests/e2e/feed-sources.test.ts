/** Recipes with package sources of their own, by the whole engine; the archives are folders, and no network is needed. */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { createReadStream, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { openBackend } from "@tsbake/packaging";
import { archiveProblem } from "../support/archive.js";
import { caseProject, CHANGES_FILE, INCLUDES_CHANGES } from "../support/case-project.js";
import { run } from "../support/command.js";
import { flatArchive } from "../support/flat-archive.js";
import { Rig } from "../support/rig.js";
import { describeUnless } from "../support/skip.js";
import { listening } from "../support/listening.js";

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

const isRoot = process.getuid?.() === 0;
/** An ordinary user takes fakeroot of the real archive. */
const noFeeds = hasApt ? (isRoot ? undefined : await archiveProblem()) : "there is no apt on this machine";

describeUnless(noFeeds, "feeds of .ipk files on a server", () => {
  const image = `inherit image
DEPENDS:remove = "${isRoot ? "fakeroot-native" : ""}"
FEED_SOURCES = "deb [trusted=yes] file:\${TOPDIR}/../usual ./"
IMAGE_PREINSTALL = "extra"
`;
  const settings = ['PACKAGE_CLASSES = "package_ipk"', INCLUDES_CHANGES];
  const rig = new Rig(caseProject("case-device", { "case-device": image }, settings));
  const folder = rig.path("feed");
  const asked: string[] = [];
  const server = createServer((request, answer) => {
    asked.push(request.url!);
    const path = join(folder, request.url!);
    if (existsSync(path)) createReadStream(path).pipe(answer);
    else answer.writeHead(404).end();
  });
  /** The feed anew, with one package of this version. */
  async function offer(version: string): Promise<void> {
    await flatArchive(folder, `extra ${version} of-${version}`);
    renameSync(join(folder, `extra_${version}_all.deb`), join(folder, `extra_${version}_all.ipk`));
    const { packages } = await openBackend("ipk").scan(folder);
    writeFileSync(join(folder, "Packages"), packages.map(({ stanza }) => `${stanza}\n`).join(""));
  }
  const contents = async (): Promise<string> => {
    const tree = "build/tmp/work/generic/case-device/1.0/rootfs-output/rootfs.tar";
    return (await run("tar", ["-xOf", rig.path(tree), "./f"])).stdout;
  };
  const build = () => rig.trace(["-c", "rootfs", "case-device"]);

  beforeAll(async () => {
    mkdirSync(folder);
    await flatArchive(rig.path("usual"), "hello 1 usual");
    await offer("1");
    rig.write(CHANGES_FILE, `IPK_FEED_URIS = "${(await listening(server)).url}"\n`);
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
    rig[Symbol.dispose]();
  });

  test("an image gets its package of one; only `feed update` brings another version", async () => {
    const first = await build();
    if (first.code !== 0) throw new Error(first.output);
    expect(first.output).not.toContain('"severity"');
    expect(await contents()).toBe("of-1");
    await offer("2");
    asked.length = 0;
    expect((await build()).ran).toEqual([]);
    expect(asked).toEqual([]);
    expect((await rig.tsbake(["feed", "update"])).stdout).toContain("the package lists changed");
    expect((await build()).ran).toEqual(["case-device:do_rootfs"]);
    expect(await contents()).toBe("of-2");
  });

  test("a key whose signature it lacks is an error before anything runs", async () => {
    rig.write(
      "device.pub",
      `untrusted comment: x\n${Buffer.concat([Buffer.from("Ed"), Buffer.alloc(40)]).toString("base64")}\n`,
    );
    const before = rig.read(CHANGES_FILE);
    rig.write(CHANGES_FILE, `${before}IPK_FEED_KEYS = "\${TOPDIR}/../device.pub"\n`);
    const refused = await build();
    expect(refused.output).toMatch(/packaging\/feed-not-signed[^]*it has no signature/);
    expect(refused.output).not.toContain('"type":"task-started"');
    rig.write(CHANGES_FILE, before);
    expect((await build()).ran).toEqual([]);
  });

  test("a login in an address is refused", async () => {
    const before = rig.read(CHANGES_FILE);
    rig.write(CHANGES_FILE, 'IPK_FEED_URIS = "https://me:secret@example.org/feed"\n');
    expect((await build()).output).toMatch(/without a login/);
    rig.write(CHANGES_FILE, before);
  });
});
