/**
 * What is of one device is not in an image: a base with openssh-server and ssl-cert from the real archive is the same bytes
 * twice, holds no key, and makes its keys at its first boot in systemd-nspawn; extensions with packages whose scripts narrow modes.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { sha256File } from "@tsbake/base";
import { parseFileManifest } from "@tsbake/image";
import { existsSync, mkdirSync, readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { run } from "../support/command.js";
import { archiveProblem } from "../support/archive.js";
import { boot, cannotBoot } from "../support/boot.js";
import { caseProject } from "../support/case-project.js";
import { Rig } from "../support/rig.js";
import { describeUnless, testUnless } from "../support/skip.js";

const MINUTES = 60_000;

const RECIPES = {
  keys: `
inherit image
IMAGE_PREINSTALL = "systemd systemd-sysv dbus openssh-server ssl-cert apt"
IMAGE_FSTYPES = "tar"
IMAGE_GEN_PKGDBFS = "1"
`,
  modes: `
inherit image-sysext
IMAGE_BASE_PKGDB = "keys"
IMAGE_PREINSTALL = "sudo redis-server polkitd"
SYSEXT_SCRIPTS = "skip"
SYSEXT_CHECK = "warn"
IMAGE_FSTYPES = "directory"
`,
  leak: `
inherit image
IMAGE_PREINSTALL = "busybox-static"
IMAGE_FSTYPES = "tar"
ROOTFS_POSTPROCESS_COMMAND = "leak"
leak() {
    mkdir -p \${IMAGE_ROOTFS}/etc/leak
    printf 'a comment\\n-----BEGIN EC PRIVATE KEY-----\\nMHcC\\n' >\${IMAGE_ROOTFS}/etc/leak/tls.key
}
`,
};

// Three images from nothing and a boot.
const obstacle =
  process.env["TSBAKE_FIRST_BOOT"] === "1"
    ? await archiveProblem()
    : "TSBAKE_FIRST_BOOT=1 builds images with keys and boots one, which takes ten minutes";

const nspawnProblem = await cannotBoot();

const images = "build/tmp/deploy/images/generic";

describeUnless(obstacle, "what is of one device", () => {
  const rig = new Rig(caseProject("keys", RECIPES));
  const tarOf = (one: Rig): string => realpathSync(one.path(images, "keys-generic.rootfs.tar"));
  let listing: string;

  beforeAll(async () => {
    const result = await rig.tsbake(["keys", "modes"]);
    if (result.code !== 0) throw new Error(result.stdout + result.stderr);
    listing = (await run("tar", ["tvf", tarOf(rig)])).stdout;
  }, 15 * MINUTES);
  afterAll(() => rig[Symbol.dispose]());

  test("is not in the image, which has what makes it", () => {
    expect(listing).toContain("./etc/ssh/sshd_config");
    expect(listing).not.toMatch(/ssh_host_|snakeoil\.(?:key|pem)\n|random-seed|dbus\/machine-id/);
    expect(listing).toContain("sysinit.target.wants/tsbake-ssh-host-keys.service");
    expect(listing).toContain("sysinit.target.wants/tsbake-ssl-cert-snakeoil.service");
    const summary = rig.read(`${images}/keys-generic.rootfs.summary`);
    expect(summary).not.toContain("warning");
  });

  test(
    "so the image is the same bytes from another folder with nothing shared",
    async () => {
      using other = new Rig(caseProject("keys", RECIPES));
      const result = await other.tsbake(["keys"]);
      expect(result.stdout + result.stderr).not.toContain("error[");
      expect(await sha256File(tarOf(other))).toBe(await sha256File(tarOf(rig)));
    },
    15 * MINUTES,
  );

  test("the image resolves its own name, and apt knows what came by itself", async () => {
    const hosts = await run("tar", ["xOf", tarOf(rig), "./etc/hosts"]);
    expect(hosts.stdout).toMatch(/^127\.0\.0\.1\tlocalhost\n127\.0\.1\.1\tgeneric\n/);
    const states = await run("tar", ["xOf", tarOf(rig), "./var/lib/apt/extended_states"]);
    expect(states.stdout).toContain("Package: openssh-client\n");
    expect(states.stdout).not.toMatch(/^Package: (?:openssh-server|apt|dpkg|bash)$/m);
  });

  testUnless(
    nspawnProblem,
    "the first boot makes it, before sshd",
    async () => {
      const root = rig.path("booted");
      mkdirSync(root);
      await run("tar", ["xf", tarOf(rig), "-C", root]);
      const said = await boot(root, "active tsbake-ssh-host-keys tsbake-ssl-cert-snakeoil ssh");
      expect(said).toBe("active\nactive\nactive\n");
      const made = ["ssh/ssh_host_ed25519_key", "ssh/ssh_host_rsa_key", "ssl/private/ssl-cert-snakeoil.key"];
      expect(made.filter((path) => !existsSync(join(root, "etc", path)))).toEqual([]);
    },
    5 * MINUTES,
  );

  test("modes that scripts of an extension would make narrower ship narrow, and the report names them", () => {
    const path = rig.path("build/tmp/work/generic/modes/1.0/image-tree/files.jsonl");
    const entries = parseFileManifest(readFileSync(path, "utf8"), path);
    const modes = new Map(entries.map((entry) => [entry.path, entry.mode.toString(8)]));
    expect(modes.get("/usr/share/factory/etc/sudoers")).toBe("440");
    expect(modes.get("/usr/share/factory/etc/redis/redis.conf")).toBe("640");
    const report = rig.read(`${images}/modes-generic.rootfs.report`);
    expect(report).toMatch(
      /^mode-narrowed\t\/etc\/sudoers\tfrom 0644 to 0440, as the postinst of sudo would: /m,
    );
    const tmpfiles = rig.read(`${images}/modes-generic.rootfs.directory/usr/lib/tmpfiles.d/modes.conf`);
    expect(tmpfiles).toContain("d /etc/redis 0750 0 0 -\n");
    expect(tmpfiles).not.toMatch(/^d \/etc\/polkit-1\/rules\.d /m);
  });

  test(
    "a private key that post-processing made stops the build, and passes where it is allowed",
    async () => {
      const refused = await rig.tsbake(["leak"]);
      expect(refused.code).toBe(1);
      expect(refused.stdout + refused.stderr).toContain(
        "error[image/private-key]: /etc/leak/tls.key is a private key",
      );
      expect(refused.stdout + refused.stderr).toContain("ROOTFS_POSTPROCESS_COMMAND");
      rig.write("build/conf/local.conf", 'IMAGE_ALLOW_PRIVATE_KEYS = "/etc/leak/*.key"\n');
      const allowed = await rig.tsbake(["leak"]);
      expect(allowed.code).toBe(0);
    },
    5 * MINUTES,
  );
});
