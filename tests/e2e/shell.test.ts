/**
 * The overlay shell, its story from start to end with real packages: what is tried, what becomes of it when the base moves, and the
 * extension that it ends as, merged on the base and run. Then the base as a bundle, in a project that has none of its recipes: a whole
 * image from it, and other types of what is stored.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { RunResult } from "@tsbake/base";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { archiveProblem } from "../support/archive.js";
import { caseProject } from "../support/case-project.js";
import { run } from "../support/command.js";
import { commandLines } from "../support/command-lines.js";
import { cannotJudge } from "../support/judge.js";
import { Rig } from "../support/rig.js";
import { describeUnless } from "../support/skip.js";
import { Terminal } from "../support/terminal.js";
import { root } from "../support/paths.js";

const MINUTES = 60_000;
/** What a person types to open the shell of these tests. */
const OPEN = ["node", join(root, "scripts/start.js"), "-q", "shell", "--on", "case-base", "--name", "try1"];

const base = (preinstall: string): string => `
inherit image
IMAGE_PREINSTALL = "bash ${preinstall}"
IMAGE_INSTALL = "hello greet"
IMAGE_FSTYPES = "directory"
IMAGE_GEN_PKGDBFS = "1"
`;
/** A package with a file and a configuration file, both with this content. */
const own = (content: string): string => `
inherit package
INHIBIT_DEFAULT_DEPS = "1"
do_install() {
    install -d \${D}/usr/share/\${PN} \${D}/etc
    echo ${content} >\${D}/usr/share/\${PN}/text
    echo ${content} >\${D}/etc/\${PN}.conf
}
`;
/** What its script makes is no file of the package. */
const greet = (content: string): string => `${own(content)}
pkg_postinst:\${PN}() {
    mkdir -p /var/lib/greet
}
`;
const RECIPES = { "case-base": base("less"), hello: own("one"), greet: greet("one") };

/** The same text where the base is a recipe and where it is a bundle. */
const PRODUCT = `
inherit image-template
IMAGE_TEMPLATE_BASE = "case-base"
IMAGE_PREINSTALL = "nano"
IMAGE_REMOVE = "greet"
IMAGE_FSTYPES = "directory"
IMAGE_GEN_PKGDBFS = "1"
`;
const ON_PRODUCT = `
inherit image-sysext
IMAGE_BASE_PKGDB = "product"
IMAGE_PREINSTALL = "htop"
IMAGE_FSTYPES = "directory"
`;
const IMAGES = "build/tmp/deploy/images/generic";

describeUnless((await archiveProblem()) ?? (await cannotJudge()), "the overlay shell", () => {
  let rig: Rig;
  const shell = (...words: readonly string[]): Promise<RunResult> => rig.tsbake(["-q", "shell", ...words]);
  const inside = (script: string, ...words: readonly string[]): Promise<RunResult> =>
    shell("--on", "case-base", "--name", "try1", ...words, "--", "sh", "-ec", script);

  beforeAll(async () => {
    rig = new Rig(caseProject("case-base", RECIPES));
    mkdirSync(rig.path("shared"));
    writeFileSync(rig.path("shared/x"), "shared\n");
    const built = await inside("true");
    if (built.code !== 0) throw new Error(built.stdout + built.stderr);
  }, 15 * MINUTES);
  afterAll(() => rig?.[Symbol.dispose]());

  test("hands on the exit code, and has nothing of the host in sight but what is bound", async () => {
    const bind = `${rig.path("shared")}:/mnt/shared:ro`;
    const look = `cat /mnt/shared/x; ls ${rig.folder} 2>&1 || :; touch /mnt/shared/y 2>&1 || :; id -u
mount -t tmpfs x /mnt 2>&1 || :; mknod /disk b 7 0; cat /disk 2>&1 || :; rm /disk; grep CapBnd /proc/self/status; exit 7`;
    const done = await inside(look, "--bind", bind);
    expect(done.code).toBe(7);
    expect(done.stdout).toMatch(
      /^shared\n.*No such file.*\n.*Read-only.*\n0\n[^]*(?:permission denied|mount: not found)[^]*Permission denied\nCapBnd:\t0{8}888401fb\n$/i,
    );
    expect(done.stderr).toBe("");
  });

  test(
    "packages of the archive come and go, and the base stays as it is",
    async () => {
      const before = await rig.digests("build/overlays/.bases");
      const done = await inside(`
apt-get install -y -qq htop tree nano >/dev/null 2>&1
apt-get purge -y -qq greet >/dev/null
echo mine >>/etc/hello.conf
printf '#!/bin/sh\\necho my tool\\n' >/usr/local/bin/mytool
chmod 755 /usr/local/bin/mytool
htop --version
dpkg --audit`);
      expect({ ...done, stdout: done.stdout.split("\n")[0] }).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^htop \d/),
        stderr: "",
      });
      expect(await rig.digests("build/overlays/.bases")).toEqual(before);
      const listed = await shell("list");
      expect(listed.stdout).toMatch(/^try1 +case-base +\+[4-9] -1 +[\d.]+ \w+ +0 min ago$/m);
      const diff = await shell("diff", "try1");
      expect(diff.stdout).toMatch(/^\+ +htop +/m);
      expect(diff.stdout).toMatch(/^- +greet +/m);
      expect(diff.stdout).toMatch(/^edited +\/etc\/hello.conf +of hello$/m);
      expect(diff.stdout).toMatch(/^made +\/usr\/local\/bin\/mytool$/m);
      expect(diff.stdout).not.toContain("/usr/bin/htop");
    },
    5 * MINUTES,
  );

  test(
    "a person at a terminal has job control, Ctrl-C and the size of it",
    async () => {
      await using terminal = new Terminal(OPEN, { cwd: rig.folder });
      await terminal.until(/root@case-base:\/# /);
      // What is in the foreground, and not a shell that is about to start it.
      const sleep = "sh -c 'echo up; exec sleep 1000'\n";
      terminal.type(`stty size; echo TERM=$TERM; ${sleep}`);
      await terminal.until(/30 100\nTERM=xterm\nup\n$/);
      await wait(1000);
      terminal.type("\u0003");
      await terminal.until(/up\n\^C[^]*# $/);
      terminal.type(sleep);
      await terminal.until(/1000'\nup\n$/);
      await wait(1000);
      terminal.type("\u001A");
      await terminal.until(/Stopped [^]*# $/);
      terminal.type("fg\n");
      await terminal.until(/fg\nsh -c .*\n$/);
      await wait(1000);
      terminal.type("\u0003");
      await terminal.until(/fg\n[^]*# $/);
      terminal.type("exit 5\n");
      expect((await terminal.end()).code).toBe(5);
    },
    2 * MINUTES,
  );

  test(
    "one opener a name; who is killed leaves nothing, and it opens again",
    async () => {
      await using first = new Terminal([...OPEN, "--", "sh", "-c", "echo up; sleep 987"], {
        cwd: rig.folder,
      });
      await first.until(/^up$/m);
      for (const second of [await inside("true"), await shell("rm", "try1")]) {
        expect(second.code).not.toBe(0);
        expect(second.stderr).toMatch(/the shell `try1` is open: process \d+, since \d{4}-/);
      }
      const [, pid] = /open: process (\d+)/.exec((await shell("list")).stdout)!;
      process.kill(Number(pid), "SIGKILL");
      await first.end();
      // The kernel ends one process after the other.
      const left = (): string[] => commandLines().filter((line) => line.endsWith("sleep 987"));
      for (let tries = 50; tries > 0 && left().length > 0; tries--) await wait(100);
      expect(left()).toEqual([]);
      expect(readFileSync("/proc/mounts", "utf8")).not.toContain(rig.folder);
      expect((await inside("exit 3")).code).toBe(3);
    },
    2 * MINUTES,
  );

  test(
    "the base moves: the shell says what became of it, and database and tree agree",
    async () => {
      const recipes = "meta-case/recipes";
      for (const name of ["hello", "greet"]) rmSync(rig.path(recipes, `${name}_1.0.bb`));
      rig.write(`${recipes}/hello_2.0.bb`, own("two"));
      rig.write(`${recipes}/greet_2.0.bb`, greet("two"));
      rig.write(`${recipes}/case-base_1.0.bb`, base("tree"));
      const look =
        "cat /etc/hello.conf /usr/share/hello/text; dpkg --audit; dpkg -V; apt-get check -qq; ls /etc/greet.conf";
      const stayed = await inside(look, "--no-database-update", "--offline");
      expect(stayed.stdout).toContain("one\nmine\none\n");
      const moved = await inside(
        `${look} 2>/dev/null || :; dpkg-query -W hello greet tree less htop 2>/dev/null || :`,
      );
      const table = moved.stderr.split("\n").map((line) => line.trim().replaceAll(/ {2,}/g, "; "));
      expect(table).toEqual(
        expect.arrayContaining([
          "case-base has been built anew since this shell was open:",
          "stays removed; greet 1.0-r0; the base has 2.0-r0",
          expect.stringMatching(/^gone from the base; less /),
          expect.stringMatching(/^kept; htop /),
          expect.stringMatching(/^now in the base; tree /),
          "shadows a newer file; /etc/hello.conf; of hello 2.0-r0",
        ]),
      );
      expect(moved.stdout).toMatch(/^one\nmine\ntwo\n\?\?5\?{6} +\/etc\/hello.conf\nhello\t2.0-r0\n/);
      expect(moved.stdout).toMatch(/^htop\t\d[^]*^tree\t\d/m);
      // A name that another package suggests has a line, too; of what is installed it has a version.
      expect(moved.stdout).not.toMatch(/^(?:greet|less)\t\S/m);
      // It is said once, and the tree of before is gone.
      expect((await inside("dpkg --audit")).stderr).toBe("");
      expect(readdirSync(rig.path("build/overlays/.bases"))).toHaveLength(2);
    },
    10 * MINUTES,
  );

  test(
    "becomes an extension with the same packages at the same versions",
    async () => {
      const versions = (await inside("dpkg-query -W htop nano")).stdout;
      const refused = await shell("commit", "try1", "--as", "my-tools", "--layer", rig.path("shared"));
      expect(refused.stderr).toContain("shared is no layer: it has no conf/layer.conf");
      const done = await shell("commit", "try1", "--as", "my-tools", "--layer", "meta-case");
      expect(done.code).toBe(0);
      expect(done.stdout).toContain("package greet 2.0-r0, removed");
      expect(rig.read("meta-case/recipes/my-tools_1.0.bb")).toContain('IMAGE_PREINSTALL = "htop nano"\n');
      const again = await shell("commit", "try1", "--as", "my-tools", "--layer", "meta-case");
      expect(again.stderr).toContain("is there already, and is not written over");
      const built = await rig.tsbake(["my-tools"]);
      expect(built.code).toBe(0);
      const manifest = rig.read(`${IMAGES}/my-tools-generic.rootfs.manifest`);
      for (const line of versions.trim().split("\n")) {
        const [name, version] = line.split("\t");
        expect(manifest).toMatch(
          new RegExp(`^${name} \\S+ ${version!.replaceAll(/[.+]/g, String.raw`\$&`)}$`, "m"),
        );
      }
      expect(manifest).not.toMatch(/^(?:tree|hello|greet) /m);
      const look = "mytool; htop --version; nano --version";
      const tried = await rig.tsbake(["-q", "try", "my-tools", "--", "sh", "-c", look]);
      expect(tried.stdout).toMatch(/^my tool\nhtop \d[^]*GNU nano/);
    },
    10 * MINUTES,
  );

  test(
    "nothing is committed of a shell in which nothing was done; what is taken away is gone",
    async () => {
      expect((await shell("--on", "case-base", "--name", "idle", "--", "true")).code).toBe(0);
      const nothing = await shell("commit", "idle", "--as", "none", "--layer", "meta-case");
      expect(nothing).toMatchObject({
        code: 1,
        stderr: expect.stringContaining("nothing was changed in the shell"),
      });
      expect((await shell("--on", "case-base", "--name", "a/b", "--", "true")).stderr).toContain(
        "cannot name a shell",
      );
      expect((await shell("reset", "try1")).code).toBe(0);
      expect((await inside("ls /usr/local/bin/mytool 2>/dev/null || echo gone")).stdout).toBe("gone\n");
      for (const name of ["try1", "idle"]) expect((await shell("rm", name)).code).toBe(0);
      expect((await shell("rm", "try1")).stderr).toContain("there is no shell `try1`");
      expect((await shell("list")).stdout).toContain("no shell is kept");
      expect(existsSync(rig.path("build/overlays/try1"))).toBe(false);
      expect(readdirSync(rig.path("build/overlays/.bases"))).toEqual(["lock"]);
    },
    5 * MINUTES,
  );

  describe("the base as a bundle", () => {
    let product: Rig;
    beforeAll(async () => {
      rig.write("meta-case/recipes/product_1.0.bb", PRODUCT);
      const made = await rig.tsbake(["bundle", "case-base", "--to", rig.path("base.tar")]);
      if (made.code !== 0) throw new Error(made.stdout + made.stderr);
      const settings = [
        `IMAGE_TEMPLATE = "${rig.path("base.tar")}"`,
        'BB_NO_NETWORK = "1"',
        ...(process.env["TSBAKE_TEST_DOWNLOADS"] ? [] : [`DL_DIR = "${rig.path("build/downloads")}"`]),
      ];
      product = new Rig(caseProject("product", { product: PRODUCT, "on-product": ON_PRODUCT }, settings));
    }, 10 * MINUTES);
    afterAll(() => product?.[Symbol.dispose]());

    test(
      "a whole image from it, without its recipes and without a network, and an extension on that",
      async () => {
        const { code, ran, output } = await product.trace(["product", "on-product"]);
        expect({ code, output: code === 0 ? "" : output }).toEqual({ code: 0, output: "" });
        expect(ran.filter((label) => /^(?:case-base|hello|greet):/.test(label))).toEqual([]);
        const tree = product.path(IMAGES, "product-generic.rootfs.directory");
        const manifest = product.read(`${IMAGES}/product-generic.rootfs.manifest`);
        expect(manifest).toMatch(/^hello .*\n[^]*^nano /m);
        expect(manifest).not.toMatch(/^greet /m);
        expect(["usr/share/greet", "etc/greet.conf"].filter((path) => existsSync(join(tree, path)))).toEqual(
          [],
        );
        const audit = await run("dpkg", [`--root=${realpathSync(tree)}`, "--audit"]);
        expect(audit).toMatchObject({ code: 0, stdout: "" });
        expect(product.read(`${IMAGES}/product-generic.rootfs.report`)).toBe(
          "left-file\t/var/lib/greet\tthe postinst of the package names /var/lib/greet\tgreet\n",
        );
        expect(product.read(`${IMAGES}/product-generic.rootfs.summary`)).toMatch(
          /from case-base: \d+ added, 1 removed\n[^]*left behind: 1 left-file/,
        );
        expect(product.read(`${IMAGES}/on-product-generic.rootfs.manifest`)).toMatch(/^htop /m);
      },
      10 * MINUTES,
    );

    test(
      "has the same bytes where the base is a recipe, and comes from the cache",
      async () => {
        const built = await rig.tsbake(["product:do_rootfs"]);
        expect(built.code).toBe(0);
        const output = "build/tmp/work/generic/product/1.0/rootfs-output";
        const digests = await product.digests(output);
        expect(await rig.digests(output)).toEqual(digests);
        rmSync(product.path("build/tmp"), { recursive: true });
        const { ran, restored } = await product.trace(["product"]);
        expect(ran).toEqual([]);
        expect(restored).toContain("product:do_image_complete");
      },
      10 * MINUTES,
    );

    test.each<[string, string, RegExp]>([
      ["a name that the base does not have", 'IMAGE_REMOVE = "gret"', /image\/cannot-remove[^]*mean `greet`/],
      ["what others need", 'IMAGE_REMOVE = "libc6"', /image\/still-needed[^]*`bash` needs `libc6`/],
      ["another format", 'IMAGE_PKGTYPE = "ipk"', /recipe\/unknown-choice[^]*IMAGE_PKGTYPE of product/],
    ])(
      "is refused: %s",
      async (_, line, expected) => {
        product.write("meta-case/recipes/product_1.0.bb", `${PRODUCT}${line}\n`);
        const refused = await product.tsbake(["product:do_rootfs"]);
        product.write("meta-case/recipes/product_1.0.bb", PRODUCT);
        expect(refused.code).toBe(1);
        expect(refused.stdout + refused.stderr).toMatch(expected);
      },
      5 * MINUTES,
    );

    test(
      "other types are made of what is stored alone, where the layers are those that made it",
      async () => {
        // Both projects call their layer `case`, and it is another one.
        const foreign = ["imaging", "case-base", "--type", "tar", "--to", product.path("out")];
        const refused = await product.tsbake(foreign);
        expect(refused.stdout + refused.stderr).toMatch(
          /engine\/other-layers[^]*the layer case is at files \w+, and was at files/,
        );
        const { code, ran } = await product.trace([...foreign, "--other-layers"]);
        expect({ code, ran }).toEqual({
          code: 0,
          ran: ["case-base-imaging:do_image_complete", "case-base-imaging:do_image_tar"],
        });
        const listed = await run("tar", ["-tf", product.path("out/case-base-generic.imaging.tar")]);
        expect(listed.stdout).toContain("./usr/share/greet/text");
        expect(listed.stdout).not.toContain("nano");
        // Of its own recipe, whose inputs are then others.
        const mine = ["imaging", "product", "--type", "tar"];
        const again = await product.trace(mine);
        expect(again.ran).toEqual([
          "product-imaging:do_image_complete",
          "product-imaging:do_image_tar",
          "product:do_finished_tree",
        ]);
        expect(existsSync(product.path("build/tmp/deploy/imaging/product-generic.imaging.tar"))).toBe(true);
        product.write("meta-case/recipes/product_1.0.bb", PRODUCT.replace("nano", "nano tree"));
        const other = await product.tsbake(mine);
        expect(other.stdout + other.stderr).toMatch(/engine\/other-layers[^]*product:do_rootfs would run/);
        expect((await product.trace([...mine, "--other-layers"])).code).toBe(0);
      },
      10 * MINUTES,
    );
  });
});
