/**
 * Extensions of the newest release, judged by its systemd, which is years ahead of that of the other tests: signed disk images, a
 * boot, a confext. It downloads 100 MB and takes three minutes, from a release that moves: only with TSBAKE_TEST_NEWER=1.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cpSync, realpathSync } from "node:fs";
import { machine } from "node:os";
import { join } from "node:path";
import { archiveProblem } from "../support/archive.js";
import { boot, cannotBoot } from "../support/boot.js";
import { caseProject, SIGNS_IMAGES } from "../support/case-project.js";
import { run } from "../support/command.js";
import { cannotJudge, judge } from "../support/judge.js";
import { Rig } from "../support/rig.js";
import { makeSigningPair, SignedImage } from "../support/signed-image.js";
import { describeUnless, testUnless } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";

const MINUTES = 60_000;
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
/** Its lists are valid for a week only, and mirrors may be older. */
const SOURCES = `deb [check-valid-until=no signed-by=${KEYRING}] host: forky main`;

const SETTINGS = [
  `FEED_SOURCES = "${SOURCES}"`,
  `FEED_SOURCES:pn-systemd-tools-native = "${SOURCES}"`,
  SIGNS_IMAGES,
];

const RECIPES = {
  "newer-base": `
inherit image
IMAGE_PREINSTALL = "systemd systemd-sysv dbus"
IMAGE_FSTYPES = "directory"
IMAGE_GEN_PKGDBFS = "1"
`,
  // The release has no VERSION_ID.
  "newer-tools": `
inherit image-sysext
IMAGE_BASE_PKGDB = "newer-base"
IMAGE_PREINSTALL = "redis-server openssh-server"
IMAGE_FSTYPES = "ddi ext4 erofs squashfs directory"
SYSEXT_LEVEL_POLICY = "pkgdb"
`,
  "site-settings": `
inherit package
INHIBIT_DEFAULT_DEPS = "1"
do_install() {
    install -d \${D}\${sysconfdir}/site.d
    echo "zone = 7" >\${D}\${sysconfdir}/site.d/zone.conf
}
`,
  "newer-pair": `
inherit image-sysext
IMAGE_BASE_PKGDB = "newer-base"
IMAGE_PREINSTALL = "netbase nano"
IMAGE_FSTYPES = "erofs"
SYSEXT_LEVEL_POLICY = "pkgdb"
SYSEXT_ETC = "confext"
`,
  "newer-settings": `
inherit image-confext
IMAGE_BASE_PKGDB = "newer-base"
IMAGE_INSTALL = "site-settings"
IMAGE_FSTYPES = "erofs"
SYSEXT_LEVEL_POLICY = "pkgdb"
`,
};

const notWanted = process.env["TSBAKE_TEST_NEWER"] ? undefined : "TSBAKE_TEST_NEWER is not set";
const obstacle = notWanted ?? (await archiveProblem()) ?? (await toolsProblem("openssl"));
const noJudge = await cannotJudge();
const noBoot = await cannotBoot();

describeUnless(obstacle, "on the newest release", () => {
  const rig = new Rig(caseProject("newer-tools", RECIPES, SETTINGS));
  const image = (name: string): string =>
    realpathSync(rig.path("build/tmp/deploy/images/generic", `${name.replace(".", "-generic.rootfs.")}`));

  beforeAll(async () => {
    await makeSigningPair(rig.path("keys"), "images");
    const result = await rig.tsbake(["newer-base", "newer-tools", "newer-pair", "newer-settings"]);
    if (result.code !== 0) throw new Error(result.stdout + result.stderr);
  }, 15 * MINUTES);
  afterAll(() => rig[Symbol.dispose]());

  describe("a signed disk image", () => {
    const tools = () => rig.path("build/tmp/sysroots-components", machine(), "systemd-tools-native/usr/bin");
    const signed = () =>
      new SignedImage({
        image: image("newer-tools.ddi"),
        rootHash: rig.read("build/tmp/deploy/images/generic/newer-tools-generic.rootfs.roothash"),
        certificate: rig.path("keys/images.crt"),
        tools: tools(),
        scratch: rig.path("signed"),
      });

    test("is one for systemd 262 and later, and a byte that is another one is found", async () => {
      const { stdout } = await run(join(tools(), "systemd-dissect"), ["--version"]);
      expect(Number(/^systemd (\d+)/.exec(stdout)?.[1])).toBeGreaterThanOrEqual(262);
      expect(await signed().validated()).toBe("OK");
      expect(await signed().isSigned()).toBe(true);
      expect(await signed().verified()).toBe(0);
      expect(await signed().verified(5000)).not.toBe(0);
    });
  });

  describeUnless(noJudge, "by the real systemd", () => {
    test.each(["ext4", "erofs", "squashfs", "directory"])("%s is merged and works", async (type) => {
      const extension = image(`newer-tools.${type}`);
      const base = image("newer-base.directory");
      const verdict = await judge({ base, extension, name: "newer-tools", look: "redis-server --version" });
      expect(verdict.seen).toContain("Redis server v=");
      expect(verdict.afterwards).not.toContain("Redis server v=");
    });

    test("a confext is merged over /etc", async () => {
      const extension = image("newer-settings.erofs");
      const base = image("newer-base.directory");
      const look = "cat /etc/site.d/zone.conf; cat /etc/passwd | head -n 1";
      const verdict = await judge({ base, extension, name: "newer-settings", look, kind: "confext" });
      expect(verdict.seen).toMatch(/^zone = 7\nroot:/);
      expect(verdict.afterwards).not.toContain("zone = 7");
    });

    test.each(["newer-pair", "newer-pair.confext"])(
      "the confext that comes with an extension is merged as %s.raw",
      async (name) => {
        const extension = realpathSync(
          rig.path("build/tmp/deploy/images/generic/newer-pair-generic.rootfs.confext.erofs"),
        );
        const base = image("newer-base.directory");
        const look = "cat /etc/protocols";
        const verdict = await judge({ base, extension, name, look, kind: "confext" });
        expect(verdict.seen).toMatch(/^tcp\s/m);
        expect(verdict.afterwards).not.toMatch(/^tcp\s/m);
      },
    );

    testUnless(
      noBoot,
      "services of an extension run after a boot, started by nothing but the merge",
      async () => {
        const root = rig.path("booted");
        const copy = { recursive: true, verbatimSymlinks: true };
        cpSync(image("newer-base.directory"), root, copy);
        cpSync(image("newer-tools.directory"), join(root, "var/lib/extensions/newer-tools"), copy);
        // It knows no other cgroups than those of version 2, whatever this machine has.
        const cgroups = { SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" };
        expect(await boot(root, "active redis-server ssh; stat -c %U /var/lib/redis", cgroups)).toBe(
          "active\nactive\nredis\n",
        );
      },
      5 * MINUTES,
    );
  });
});
