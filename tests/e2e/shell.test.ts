/**
 * The overlay shell, its story from start to end with real packages: what is tried, what becomes of it when the base moves, and the
 * extension that it ends as, merged on the base and run.
 */
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { RunResult } from "@tsbake/base";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { archiveProblem } from "../support/archive.js";
import { caseProject } from "../support/case-project.js";
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
const RECIPES = { "case-base": base("less"), hello: own("one"), greet: own("one") };

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
      rig.write(`${recipes}/greet_2.0.bb`, own("two"));
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
      const images = "build/tmp/deploy/images/generic";
      const manifest = rig.read(`${images}/my-tools-generic.rootfs.manifest`);
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
});
