/**
 * Base and extension from real packages of the archive, by the whole engine, judged by the real systemd-sysext.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { sha256File } from "@tsbake/base";
import { parseCheckReport, parseFileManifest, parseOsRelease } from "@tsbake/image";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { machine } from "node:os";
import { join } from "node:path";
import { archiveProblem } from "../support/archive.js";
import { boot, cannotBoot } from "../support/boot.js";
import { caseProject, CHANGES_FILE, INCLUDES_CHANGES, SIGNS_IMAGES } from "../support/case-project.js";
import { run } from "../support/command.js";
import { commandLines } from "../support/command-lines.js";
import { cannotJudge, judge } from "../support/judge.js";
import { programOf } from "../support/paths.js";
import { Rig } from "../support/rig.js";
import { makeSigningPair, SignedImage } from "../support/signed-image.js";
import { describeUnless, testUnless } from "../support/skip.js";
import { toolsProblem } from "../support/tools.js";
import { temporaryFolder } from "../support/temporary.js";
import { userProblem } from "../support/user.js";
import { PACKAGES } from "../sweep/packages.js";

/** Of the packages that `npm run sweep` builds one by one, small ones of each kind of script. */
const SWEPT = [
  "netcat-openbsd",
  "less",
  "tcpdump",
  "redis-server",
  "openssh-server",
  "rpcbind",
  "lldpd",
  "sudo",
  "ca-certificates",
  "logrotate",
  "iputils-ping",
  "cron",
].map((name) => PACKAGES.find(({ install }) => install === name)!);

const MINUTES = 60_000;

const RECIPES = {
  "case-base": `
inherit image
IMAGE_PREINSTALL = "systemd systemd-sysv"
IMAGE_INSTALL = "libsysfacts"
IMAGE_FSTYPES = "directory"
IMAGE_GEN_PKGDBFS = "1"
`,
  // One package more.
  "bigger-base": `
require recipes/case-base_1.0.bb
IMAGE_PREINSTALL += "tree"
`,
  "case-tools": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "strace htop"
IMAGE_INSTALL = "sysfacts-watch"
IMAGE_FSTYPES = "squashfs erofs ext4 ddi tar.gz directory"
SYSEXT_ALSO_FOR = "bigger-base"
REQUIRED_COMMANDS = "strace htop systemctl"
REQUIRED_PATHS = "/usr/share/doc/htop /etc/passwd"
`,
  // Every kind of maintainer script: users, alternatives, configuration, enabled units, keys of a device, capabilities, caches.
  "case-merged": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "${SWEPT.map(({ install }) => install).join(" ")}"
IMAGE_FSTYPES = "directory"
SYSEXT_TEST() {
    nc -h 2>&1 | grep -q OpenBSD
    su -s /bin/sh redis -c 'touch /var/lib/redis/x'
    ! ip route 2>/dev/null | grep .
}
`,
  // What is below /etc as a confext, which the base's systemd is too old for.
  "case-settings": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "netbase"
IMAGE_FSTYPES = "squashfs directory"
SYSEXT_ETC = "confext"
SYSEXT_CHECK_ALLOW = "missing-confext:/etc/extension-release.d/*"
SYSEXT_TEST() {
    grep -q ^tcp /etc/protocols
}
`,
  // An extension on an extension: a library of the lower one, and a maintainer script.
  "chain-low": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "libncursesw6"
IMAGE_FSTYPES = "directory"
IMAGE_GEN_PKGDBFS = "1"
`,
  "chain-top": `
inherit image-sysext
IMAGE_BASE_PKGDB = "chain-low"
IMAGE_PREINSTALL = "htop nano"
IMAGE_FSTYPES = "directory"
SYSEXT_LEVEL_POLICY = "pkgdb"
SYSEXT_TEST() {
    htop --version
}
`,
  "case-failing": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "strace"
IMAGE_FSTYPES = "directory"
SYSEXT_TEST() {
    strace -V | head -n 1
    starce -V
}
`,
  "case-refusing": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "tcpdump"
IMAGE_FSTYPES = "directory"
SYSEXT_SCRIPTS = "refuse"
`,
  // Its scripts would make the user.
  "case-faulty": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "redis-server"
IMAGE_FSTYPES = "directory"
SYSEXT_SCRIPTS = "skip"
SYSEXT_CHECK = "\${CASE_CHECK}"
CASE_CHECK ?= "error"
REQUIRED_COMMANDS = "redis-server nosuch"
`,
  "case-pinned": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "strace"
IMAGE_FSTYPES = "directory"
SYSEXT_LEVEL_POLICY = "pkgdb"
`,
};

const obstacle = (await archiveProblem()) ?? (await toolsProblem("openssl"));
const noJudge = await cannotJudge();
const noBoot = await cannotBoot();
const noUser = await userProblem();

describeUnless(obstacle, "an extension of real packages", () => {
  const rig = new Rig(caseProject("case-tools", RECIPES, [INCLUDES_CHANGES, SIGNS_IMAGES]));
  const images = "build/tmp/deploy/images/generic";
  const image = (name: string): string => realpathSync(rig.path(images, name));

  beforeAll(async () => {
    for (const name of ["images", "others"]) await makeSigningPair(rig.path("keys"), name);
    const extensions = [
      "case-tools",
      "case-merged",
      "case-pinned",
      "case-settings",
      "chain-low",
      "chain-top",
    ];
    const result = await rig.tsbake(["case-base", "bigger-base", ...extensions]);
    if (result.code !== 0) throw new Error(result.stdout + result.stderr);
  }, 15 * MINUTES);
  afterAll(() => rig[Symbol.dispose]());

  function filesOf(recipe: string): string[] {
    const path = rig.path(`build/tmp/work/generic/${recipe}/1.0/image-tree/files.jsonl`);
    return parseFileManifest(readFileSync(path, "utf8"), path)
      .filter((entry) => entry.kind !== "directory")
      .map((entry) => entry.path);
  }

  test("shares nothing with its base but folders", () => {
    const base = new Set(filesOf("case-base"));
    const extension = filesOf("case-tools");
    expect(extension.filter((path) => base.has(path))).toEqual([]);
    expect(extension).toContain("/usr/bin/strace");
    expect(extension).toContain("/usr/bin/sysfacts-watch");
    const library = (path: string): boolean => path.includes("libsysfacts");
    expect(extension.filter(library)).toEqual([]);
    expect([...base].filter(library)).not.toEqual([]);
  });

  describe("what will not work", () => {
    const findings = (recipe: string): { code: string; severity: string; path: string }[] => {
      const text = rig.read(`${images}/${recipe}-generic.rootfs.check.json`);
      const { findings: all } = parseCheckReport(text, (message) => {
        throw new Error(message);
      });
      return [...all];
    };

    test.each(["case-tools", "case-merged", "case-pinned", "case-settings", "chain-top"])(
      "nothing in %s",
      (recipe) => {
        expect(findings(recipe)).toEqual([]);
      },
    );

    test(
      "a user that nobody makes and a command that is missing stop the build; told only, it is deployed",
      async () => {
        const failed = await rig.answered(["case-faulty"]);
        expect(failed.code).toBe(1);
        const output = failed.stdout + failed.stderr;
        expect(output).toContain("case-faulty:do_check");
        expect(output).toMatch(/missing-user: \S+redis-server.service of package redis-server: User= names/);
        expect(output).toContain("missing-command: nosuch: REQUIRED_COMMANDS names it");
        rig.write(CHANGES_FILE, 'CASE_CHECK = "warn"\n');
        const told = await rig.answered(["case-faulty"]);
        rmSync(rig.path(CHANGES_FILE));
        expect(told.code).toBe(0);
        expect(told.stdout + told.stderr).toContain("missing-command: nosuch");
        const codes = findings("case-faulty").map(({ severity, code }) => `${severity} ${code}`);
        expect(codes).toEqual(expect.arrayContaining(["error missing-user", "warning never-started"]));
      },
      5 * MINUTES,
    );

    test("the same by `tsbake check`, and what another base makes of it", async () => {
      const ok = await rig.answered(["check", "case-tools", "--against", "case-base", "bigger-base"]);
      expect(ok).toMatchObject({ code: 0, stdout: expect.stringContaining("2 ok") });
      const tied = await rig.answered(["check", "case-pinned", "--against", "case-base", "bigger-base"]);
      expect(tied.stdout).toMatch(/^ok: case-pinned on case-base\nrebuild: case-pinned on bigger-base\n/);
      expect(tied.code).toBe(1);
      const faulty = await rig.answered(["check", "case-faulty"]);
      expect(faulty.stdout).toMatch(/^broken: case-faulty on case-base\n/);
      expect(faulty.code).toBe(2);
    });
  });

  test("holds nothing but /usr, and no database", () => {
    const extension = filesOf("case-tools");
    expect(extension.filter((path) => !path.startsWith("/usr/"))).toEqual([]);
    expect(extension.filter((path) => /dpkg|os-release$/.test(path))).toEqual([]);
  });

  test("deploys the confext that comes with it beside it, and a check knows both", async () => {
    expect(readlinkSync(rig.path(images, "case-settings.confext.raw"))).toMatch(
      /^case-settings-generic-\d+\.rootfs\.confext\.squashfs$/,
    );
    const settings = image("case-settings-generic.rootfs.confext.directory");
    expect(readdirSync(join(settings, "etc/extension-release.d"))).toEqual([
      "extension-release.case-settings",
    ]);
    expect(existsSync(join(settings, "etc/protocols"))).toBe(true);
    expect(filesOf("case-settings").filter((path) => /factory|tmpfiles/.test(path))).toEqual([]);
    expect(rig.read(`${images}/case-settings-generic.rootfs.summary`)).toContain(
      "  with case-settings.confext.raw for /etc: ",
    );
    const { stdout, code } = await rig.answered(["check", "case-settings"]);
    expect([code, stdout.match(/error: \S+/g)]).toEqual([2, ["error: missing-confext:"]]);
  });

  test("deploys one name for systemd-sysext, and says what it is", () => {
    expect(readlinkSync(rig.path(images, "case-tools.raw"))).toMatch(
      /^case-tools-generic-\d+\.rootfs\.squashfs$/,
    );
    const summary = rig.read(`${images}/case-tools-generic.rootfs.summary`);
    expect(summary).toMatch(/^case-tools on case-base: \d+ packages, [\d.]+ MiB \(saves [\d.]+ MiB against/);
    expect(summary).toContain("VERSION_ID=");
  });

  describeUnless(noJudge, "with the real systemd-sysext", () => {
    const name = "case-tools";
    const look = "strace -V && sysfacts-watch 1 1 && ldd /usr/bin/sysfacts-watch";

    test.each([
      ["squashfs", "case-tools.raw"],
      ["erofs", "case-tools-generic.rootfs.erofs"],
      ["ext4", "case-tools-generic.rootfs.ext4"],
      ["a folder", "case-tools-generic.rootfs.directory"],
    ])("%s is merged, works, and is gone after unmerge", async (_kind, file) => {
      const base = image("case-base-generic.rootfs.directory");
      const verdict = await judge({ base, extension: image(file), name, look });
      expect(verdict.log).toContain("matches host");
      expect(verdict.seen).toContain("strace -- version");
      expect(verdict.seen).toContain("libsysfacts.so.1 => ");
      expect(verdict.seen).not.toContain("not found");
      expect(verdict.afterwards).toContain("strace: not found");
    });

    test("what maintainer scripts do on a device is there after the merge, sysusers and tmpfiles", async () => {
      const base = rig.path("device");
      cpSync(image("case-base-generic.rootfs.directory"), base, { recursive: true, verbatimSymlinks: true });
      const verdict = await judge({
        base,
        extension: image("case-merged-generic.rootfs.directory"),
        name: "case-merged",
        look: `systemd-sysusers; systemd-tmpfiles --create --prefix=/etc --prefix=/var
id -un tcpdump redis sshd; nc -h 2>&1 | head -n 1; readlink /usr/bin/nc
stat -c '%A %U:%G %n' /etc/redis/redis.conf /var/lib/redis /usr/bin/ssh-agent
grep -c . /etc/ssh/sshd_config >/dev/null && echo configured
export HOME=/root
${SWEPT.map(({ install, use }) => `(${use}) >/dev/null 2>&1 </dev/null && echo "works ${install}"`).join("\n")}
cd /usr/lib/systemd/system && echo */redis-server.service */ssh.service */*keys.service
ls /etc/ssh/*key* /usr/share/factory/etc/ssh/*key*`,
      });
      expect(verdict.seen.split("\n")).toEqual(
        expect.arrayContaining([
          "tcpdump",
          "redis",
          "sshd",
          expect.stringContaining("OpenBSD netcat"),
          "nc.openbsd",
          "-rw-r----- redis:redis /etc/redis/redis.conf",
          "drwxr-x--- redis:redis /var/lib/redis",
          "-rwxr-sr-x root:_ssh /usr/bin/ssh-agent",
          "configured",
          ...SWEPT.map(({ install }) => `works ${install}`),
          "multi-user.target.wants/redis-server.service multi-user.target.wants/ssh.service sysinit.target.wants/tsbake-ssh-host-keys.service",
          // No key of the build is anybody's key.
          expect.stringContaining("cannot access '/etc/ssh/*key*'"),
        ]),
      );
    });

    testUnless(
      noBoot,
      "its services run after a boot, started by nothing but the merge",
      async () => {
        const root = rig.path("booted");
        cpSync(image("case-base-generic.rootfs.directory"), root, {
          recursive: true,
          verbatimSymlinks: true,
        });
        const extension = image("case-merged-generic.rootfs.directory");
        cpSync(extension, join(root, "var/lib/extensions/case-merged"), {
          recursive: true,
          verbatimSymlinks: true,
        });
        // sshd has its keys by then, made at this boot.
        expect(await boot(root, "active redis-server ssh; stat -c %U /var/lib/redis")).toBe(
          "active\nactive\nredis\n",
        );
      },
      5 * MINUTES,
    );

    test("another name is refused", async () => {
      const base = image("case-base-generic.rootfs.directory");
      const verdict = await judge({ base, extension: image("case-tools.raw"), name: "other", look });
      expect(verdict.seen).toContain("strace: not found");
      expect(verdict.log).toContain("extension-release.other");
    });

    test("another VERSION_ID is refused", async () => {
      const base = rig.path("another-version");
      cpSync(image("case-base-generic.rootfs.directory"), base, { recursive: true, verbatimSymlinks: true });
      const osRelease = join(base, "usr/lib/os-release");
      writeFileSync(osRelease, readFileSync(osRelease, "utf8").replace(/^VERSION_ID=.*$/m, "VERSION_ID=999"));
      const verdict = await judge({ base, extension: image("case-tools.raw"), name, look });
      expect(verdict.seen).toContain("strace: not found");
      expect(verdict.log).toContain("incompatible version");
    });

    test("tied to the package database it is merged there, and refused on a base with one package more", async () => {
      const extension = image("case-pinned-generic.rootfs.directory");
      const pinned = { extension, name: "case-pinned", look: "strace -V" };
      const own = await judge({ ...pinned, base: image("case-base-generic.rootfs.directory") });
      expect(own.seen).toContain("strace -- version");
      const other = await judge({ ...pinned, base: image("bigger-base-generic.rootfs.directory") });
      expect(other.seen).toContain("strace: not found");
      expect(other.log).toContain("incompatible version");
    });
  });

  describe("a signed disk image", () => {
    const work = () => rig.path("build/tmp/work/generic/case-tools/1.0");
    const tools = (recipe: string) => rig.path("build/tmp/sysroots-components", machine(), recipe, "usr/bin");
    const signed = (name = "images") =>
      new SignedImage({
        image: image("case-tools-generic.rootfs.ddi"),
        rootHash: rig.read(`${images}/case-tools-generic.rootfs.roothash`),
        certificate: rig.path(`keys/${name}.crt`),
        tools: tools("systemd-tools-native"),
        scratch: rig.path("signed"),
      });

    test("is one for systemd, by its policy and by its signature", async () => {
      expect(await signed().validated()).toBe("OK");
      expect(await signed().isSigned()).toBe(true);
      expect(await signed("others").isSigned()).toBe(false);
    });

    test("a byte that is another one is found", async () => {
      expect(await signed().verified()).toBe(0);
      expect(await signed().verified(5000)).not.toBe(0);
    });

    test("the key is in nothing that the build has left", async () => {
      const secret = rig.read("keys/images.key").split("\n")[3]!;
      const left = ["build/tmp/stamps", "build/tmp/deploy", "build/tmp/work/generic/case-tools"];
      const { stdout } = await run("grep", ["-rlF", secret, ...left.map((path) => rig.path(path))]);
      expect(stdout).toBe("");
    });

    test("a key of another certificate is refused before anything runs", async () => {
      rig.write(
        CHANGES_FILE,
        `IMAGE_VERITY_KEY:pn-case-tools = "${rig.path("keys/others.key")}"\nEXTRA_IMAGECMD:pn-case-tools = "-x1"\n`,
      );
      const { code, output, ran } = await rig.trace(["case-tools"]);
      rmSync(rig.path(CHANGES_FILE));
      expect([code, ran]).toEqual([1, []]);
      expect(output).toContain("base/bad-signing-key");
      expect(output).toContain("it is not the key of the certificate");
    });

    testUnless(
      noUser,
      "an ordinary user makes the same bytes in another folder, and so of ext4",
      async () => {
        const shared = temporaryFolder("same-bytes");
        for (const [from, name] of [
          [join(work(), "image-tree/image.tar"), "image.tar"],
          [rig.path("keys/images.key"), "key"],
          [rig.path("keys/images.crt"), "certificate"],
        ] as const)
          copyFileSync(from, join(shared, name));
        chmodSync(rig.folder, 0o755);
        await run("chmod", ["-R", "a+rwX", shared]);
        const script = readFileSync(join(work(), "temp/run.do_image_ddi"), "utf8");
        const epoch = /--epoch=(\d+)/.exec(script)![1]!;
        for (const [type, extra] of [
          ["ddi", "-zlz4hc"],
          ["ext4", ""],
        ] as const) {
          const options = {
            tree: "image.tar",
            output: type,
            work: "work",
            key: "key",
            certificate: "certificate",
          };
          const args = Object.entries(options).map(([name, file]) => `--${name}=${join(shared, file)}`);
          const more = [`--type=${type}`, `--epoch=${epoch}`, `--extra=${extra}`, "--architecture=amd64"];
          const path = `PATH=${tools("systemd-tools-native")}:${tools("erofs-utils-native")}:${process.env["PATH"]}`;
          const program = [process.execPath, programOf("image"), "convert"];
          const words = ["-u", "nobody", "--", "env", path, ...program, ...args, ...more, "--verity=signed"];
          const made = await run("runuser", words);
          expect(made.stderr).toBe("");
          expect(await sha256File(join(shared, type))).toBe(
            await sha256File(image(`case-tools-generic.rootfs.${type}`)),
          );
        }
        rmSync(shared, { recursive: true });
      },
    );
  });

  test("its bills of materials have its packages, and those of the base are told by the digest", () => {
    const manifest = rig.read(`${images}/case-tools-generic.rootfs.manifest`).trimEnd().split("\n");
    const bill = JSON.parse(rig.read(`${images}/case-tools-generic.rootfs.cdx.json`)) as {
      components: { name: string; version: string; purl: string; hashes?: object[] }[];
      metadata: { component: { externalReferences: { url: string }[] } };
    };
    const named = bill.components.map(({ name, version }) => `${name} ${version}`);
    const sorted = manifest.map((line) => line.replace(/^(\S+) \S+/, "$1"));
    expect(named.sort()).toEqual(sorted.sort());
    expect(bill.components.filter(({ hashes }) => hashes?.length !== 1)).toEqual([]);
    const purls = bill.components.map(({ purl }) => purl);
    expect(purls.filter((purl) => purl.startsWith("pkg:generic/"))).toEqual([
      expect.stringMatching(/^pkg:generic\/sysfacts-watch@1\.0-r0\?arch=/),
    ]);
    const base = JSON.parse(rig.read(`${images}/case-base-generic.rootfs.packages.json`)) as {
      databaseDigest: string;
    };
    const page = rig.read(`${images}/case-tools-generic.rootfs.html`);
    expect([...named, base.databaseDigest].filter((word) => !page.includes(word.split(" ")[0]!))).toEqual([]);
    const digest = Buffer.from(base.databaseDigest, "hex").toString("base64url");
    const urls = bill.metadata.component.externalReferences.map(({ url }) => url);
    expect(urls).toContain(`ni:///sha-256;${digest}`);
    // The same identifier in both bills.
    const id = `pkgdb-${base.databaseDigest}/image"`;
    for (const name of ["case-tools", "case-base"])
      expect(rig.read(`${images}/${name}-generic.rootfs.spdx.json`)).toContain(id);
  });

  test("why says what a package is there for", async () => {
    const why = async (name: string, image: string) => {
      const { code, stdout } = await rig.answered(["why", name, "--in", image]);
      return [code, stdout];
    };
    expect(await why("libunwind8", "case-tools")).toEqual([0, "requested: strace → libunwind8\n"]);
    expect(await why("libsysfacts", "case-tools")).toEqual([0, expect.stringMatching(/ is in the base\n$/)]);
    expect(await why("libsysfacts", "case-base")).toEqual([0, "requested: libsysfacts\n"]);
    expect(await why("gdb", "case-tools")).toEqual([1, ""]);
  });

  describe("published", () => {
    const publish = () => rig.answered(["publish", "case-tools", "case-pinned", "--to", "published"]);

    test("it has a version, and sums that are right; again, nothing changes", async () => {
      // case-pinned is a folder only.
      expect((await publish()).stderr).toContain("image/nothing-to-publish");
      const first = await rig.answered(["publish", "case-tools", "--to", "published"]);
      expect([first.code, first.stdout]).toEqual([0, expect.stringMatching(/^new: case-tools 1\.0 /)]);
      const before = await rig.digests("published");
      const again = await rig.answered(["publish", "case-tools", "--to", "published"]);
      expect(again.stdout).toMatch(/^as it was: case-tools 1\.0 /);
      expect(await rig.digests("published")).toEqual(before);
      const { code } = await run("sha256sum", ["--check", "SHA256SUMS"], { cwd: rig.path("published") });
      expect(code).toBe(0);
    });

    testUnless(noJudge, "it is merged by the real systemd-sysext", async () => {
      const name = readdirSync(rig.path("published")).find((file) => file.endsWith(".raw"))!;
      const base = image("case-base-generic.rootfs.directory");
      const extension = rig.path("published", name);
      const verdict = await judge({ base, extension, name: "case-tools", look: "strace -V" });
      expect(verdict.seen).toContain("strace -- version");
    });
  });

  test("the level is in the os-release of the base's image", () => {
    const level = (base: string): string | undefined => {
      const path = join(image(`${base}-generic.rootfs.directory`), "usr/lib/os-release");
      return parseOsRelease(readFileSync(path, "utf8"), path).get("SYSEXT_LEVEL");
    };
    expect(level("case-base")).toMatch(/^pkgdb-[0-9a-f]{16}$/);
    expect(level("bigger-base")).not.toBe(level("case-base"));
  });

  describe("on another extension", () => {
    test("it has nothing of that, is taken where the base is, and says what it needs", async () => {
      const below = new Set([...filesOf("case-base"), ...filesOf("chain-low")]);
      const own = filesOf("chain-top");
      expect(own.filter((path) => below.has(path))).toEqual([]);
      expect([...below].filter((path) => path.includes("libncursesw"))).not.toEqual([]);
      const summary = rig.read(`${images}/chain-top-generic.rootfs.summary`);
      expect(summary).toMatch(
        /^chain-top on chain-low: .*\n.*\n.* TSBAKE_NEEDS=chain-low\n {2}needs on the device: chain-low\n/,
      );
      const check = async (...words: string[]) => {
        const { code, stdout } = await rig.answered(["check", "chain-top", ...words]);
        return [code, stdout];
      };
      expect(await check()).toEqual([0, "ok: chain-top on chain-low\n"]);
      expect(await check("--with", "chain-low", "--against", "case-base")).toEqual([
        0,
        "ok: chain-top on case-base\n",
      ]);
      expect(await check("--against", "case-base")).toEqual([
        2,
        expect.stringContaining("it needs the extension chain-low, and case-base has it not"),
      ]);
    });

    test("it comes with that, and not with the base's image", async () => {
      expect((await rig.answered(["-g", "chain-top"])).code).toBe(0);
      const graph = rig.read("task-depends.dot");
      expect(graph).toContain('-> "chain-low.do_image_complete"');
      expect(graph).not.toMatch(/"case-base\.do_image[_"]/);
    });

    test("it is made again for other packages of that, and not for other rules", async () => {
      const planned = async (change: string): Promise<string> => {
        rig.write(CHANGES_FILE, change);
        const { stdout } = await rig.answered(["-n", "chain-top"]);
        rmSync(rig.path(CHANGES_FILE));
        return stdout;
      };
      const rules = await planned('SYSEXT_RULES:prepend:pn-chain-low = "/usr/share/doc/**=drop "\n');
      // What is to be on the device beside it is made anew, with those rules.
      expect(rules).toContain("chain-low do_image\n");
      expect(rules).not.toMatch(/chain-top do_(?!build)/);
      const more = await planned('IMAGE_PREINSTALL:append:pn-chain-low = " tree"\n');
      for (const task of ["chain-low do_rootfs", "chain-top do_rootfs"]) expect(more).toContain(`${task}\n`);
    });

    test("that goes round is an error that names both", async () => {
      rig.write(CHANGES_FILE, 'IMAGE_BASE_PKGDB:pn-chain-low = "chain-top"\n');
      const { code, stderr } = await rig.answered(["chain-top"]);
      rmSync(rig.path(CHANGES_FILE));
      expect(code).toBe(1);
      expect(stderr).toContain("chain-top");
      expect(stderr).toMatch(/chain-low/);
    });
  });

  describe("tried", () => {
    test("a command runs on the merged tree, with its own words, streams and exit code, and nothing of ours", async () => {
      const look = "strace -V | head -n 1; redis-server -v >&2; env; ls -d $1 /run/*; exit 7";
      const words = ["case-tools", "--with", "case-merged", "--", "sh", "-c", look, "sh", rig.folder];
      const environment = { SECRET: "of the caller" };
      const { code, stdout, stderr } = await rig.tsbake(["try", ...words], { environment });
      expect([code, stdout]).toEqual([7, expect.stringMatching(/^strace -- version [\d.]+\n/)]);
      expect(stderr).toMatch(/^Redis server v=\S+ .*\nls: cannot access /);
      expect(stdout).not.toContain("SECRET");
    });

    test.each([
      ["a program that is not there", ["case-tools", "--", "nosuch"], 127, /nosuch/],
      ["a recipe that is no extension", ["case-base", "--", "ls"], 125, /cli\/no-extension/],
    ])("%s", async (_title, words, code, message) => {
      const result = await rig.tsbake(["try", ...words]);
      expect([result.code, result.stdout]).toEqual([code, ""]);
      expect(result.stderr).toMatch(message);
    });

    testUnless(
      noBoot,
      "in the booted base its services run, and an extension on another finds that",
      async () => {
        // What is told from every other program of this machine.
        const staying = `sleep ${86_400 + process.pid}`;
        const look = `${staying} & systemctl is-active redis-server ssh; htop --version; readlink /usr/bin/editor; exit 9`;
        const words = ["chain-top", "--with", "case-merged", "--boot", "--", "sh", "-c", look];
        const { code, stdout } = await rig.tsbake(["try", ...words]);
        expect(commandLines()).not.toContain(staying);
        expect([code, stdout]).toEqual([9, expect.stringMatching(/^active\nactive\nhtop [\d.]+\nnano\n$/)]);
      },
      3 * MINUTES,
    );
  });

  test("the matrix of an extension and two bases says which fits, with the images that were built for them", async () => {
    const { stdout } = await rig.answered(["matrix", "case-tools", "--against", "bigger-base", "--json"]);
    const { bases, extensions } = JSON.parse(stdout);
    expect(bases).toEqual(["bigger-base", "case-base"]);
    expect(extensions).toMatchObject([
      {
        extension: "case-tools",
        bases: [
          { base: "bigger-base", image: "case-tools", isOwn: false, verdict: "ok" },
          { base: "case-base", image: "case-tools", isOwn: true, verdict: "ok" },
        ],
      },
    ]);
  });

  testUnless(
    noBoot,
    "an overlay over the base boots, what is written in it stays, and the exit code is that of the command",
    async () => {
      const words = (...more: string[]) => ["-q", "shell", "--on", "case-base", ...more, "--", "sh", "-c"];
      const look =
        "systemctl is-active systemd-journald; hostname; ls /sys/class/net; echo mine >/root/mine; exit 9";
      const booted = await rig.tsbake([...words("--boot"), look]);
      expect([booted.code, booted.stdout]).toEqual([9, "active\ncase-base\nlo\n"]);
      const { stdout } = await rig.tsbake([...words(), "cat /root/mine"]);
      expect(stdout).toBe("mine\n");
      expect(readFileSync("/proc/mounts", "utf8")).not.toContain(rig.folder);
    },
    3 * MINUTES,
  );

  describe("what a change in the base means", () => {
    async function planned(change: string, ...targets: string[]): Promise<string> {
      rig.write(CHANGES_FILE, change);
      try {
        return (await rig.answered(["-n", ...targets])).stdout;
      } finally {
        rmSync(rig.path(CHANGES_FILE));
      }
    }

    test("another hostname: the base's images, not the extension", async () => {
      const change = 'IMAGE_HOSTNAME:pn-case-base = "other"\n';
      expect(await planned(change, "case-tools")).toContain("nothing to do");
      const output = await planned(change, "case-base", "case-tools");
      expect(output).toContain("case-base do_image\n");
      expect(output).not.toContain("do_rootfs");
      expect(output).not.toContain("case-tools do_");
    });

    test("another post-process function: the same", async () => {
      const change = 'ROOTFS_POSTPROCESS_COMMAND:append:pn-case-base = " true"\n';
      const output = await planned(change, "case-base", "case-tools");
      expect(output).toContain("case-base do_image\n");
      expect(output).not.toContain("do_rootfs");
    });

    test("a package more: both", async () => {
      const output = await planned('IMAGE_PREINSTALL:append:pn-case-base = " tree"\n', "case-tools");
      for (const task of ["case-base do_rootfs", "case-base do_pkgdb_snapshot", "case-tools do_rootfs"]) {
        expect(output).toContain(`${task}\n`);
      }
    });
  });

  describe("a base that cannot be one is an error before any task", () => {
    test.each([
      ["no such recipe", 'IMAGE_BASE_PKGDB:pn-case-tools = "nowhere"\n', /nowhere/],
      ["no database", 'IMAGE_GEN_PKGDBFS:pn-case-base = "0"\n', /IMAGE_GEN_PKGDBFS/],
      ["another architecture", 'TARGET_ARCH:pn-case-base = "m68k"\n', /TARGET_ARCH/],
      ["another distribution", 'DISTRO:pn-case-base = "other"\n', /DISTRO/],
      ["another package format", 'IMAGE_PKGTYPE:pn-case-base = "ipk"\n', /IMAGE_PKGTYPE/],
    ])("%s", async (_what, change, message) => {
      rig.write(CHANGES_FILE, change);
      const result = await rig.answered(["case-tools"]);
      rmSync(rig.path(CHANGES_FILE));
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(message);
      expect(result.stdout + result.stderr).not.toMatch(/do_rootfs` (ended|failed)/);
    });
  });

  test("whose own test fails, or in which something would run where it must not, is not built", async () => {
    const result = await rig.answered(["-k", "case-failing", "case-refusing"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(
      "error[image/test-failed]: SYSEXT_TEST of case-failing ended with 127: strace -- version",
    );
    expect(result.stderr).toMatch(/starce: not found/);
    expect(result.stderr).toMatch(/error\[image\/scripts-refused\]: something would .*; tcpdump: postinst;/);
    expect(existsSync(rig.path(images, "case-failing-generic.rootfs.directory"))).toBe(false);
  });

  test("-c pkgdb deploys the snapshot alone, under a dated and a stable name", async () => {
    const result = await rig.answered(["-c", "pkgdb", "case-base"]);
    expect(result.code).toBe(0);
    const names = readdirSync(rig.path(images)).filter((name) => name.includes("-pkgdb"));
    expect(names.sort()).toEqual([
      expect.stringMatching(/^case-base-generic-\d+-pkgdb\.rootfs\.tar\.gz$/),
      "case-base-generic-pkgdb.rootfs.tar.gz",
    ]);
  });

  test(
    "the same bytes from shared state",
    async () => {
      const before = await rig.digests(images);
      rmSync(rig.path("build/tmp"), { recursive: true });
      const trace = await rig.traced(["case-base", "case-tools", "case-pinned", "bigger-base"]);
      expect([trace.code, trace.ran.filter((task) => /do_(rootfs|image|compile)/.test(task))]).toEqual([
        0,
        [],
      ]);
      const after = await rig.digests(images);
      for (const [path, digest] of after) expect([path, digest]).toEqual([path, before.get(path)]);
      expect(after.size).toBeGreaterThan(10);
    },
    3 * MINUTES,
  );
});
