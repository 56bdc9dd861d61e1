/**
 * The main job with each package format: one table of formats and cases. Whole builds of the real archive, some ten minutes a format:
 * TSBAKE_TEST_BACKENDS="deb ipk" names those that are run. What needs no whole build stands in tests/contract/backend.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { cpSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { archiveProblem } from "../support/archive.js";
import { run } from "../support/command.js";
import { caseProject, CHANGES_FILE, INCLUDES_CHANGES } from "../support/case-project.js";
import { cannotJudge, judge } from "../support/judge.js";
import { Rig, type Trace } from "../support/rig.js";
import { describeUnless, testUnless } from "../support/skip.js";

const MINUTES = 60_000;
const asked = (process.env["TSBAKE_TEST_BACKENDS"] ?? "").split(" ").filter((word) => word !== "");
const problem =
  asked.length > 0
    ? await archiveProblem()
    : 'whole builds take ten minutes a format: TSBAKE_TEST_BACKENDS="deb ipk" runs them';
const unjudged = await cannotJudge();

const IMAGES = "build/tmp/deploy/images/generic";

const RECIPES = {
  "case-base": `
inherit image
IMAGE_PREINSTALL = "systemd systemd-sysv"
IMAGE_INSTALL = "libsysfacts"
IMAGE_FSTYPES = "directory"
IMAGE_GEN_PKGDBFS = "1"
`,
  "case-tools": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "strace htop"
IMAGE_INSTALL = "sysfacts-watch"
IMAGE_FSTYPES = "squashfs"
`,
  // The other way of dealing with maintainer scripts.
  "case-skip": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "netcat-openbsd"
IMAGE_FSTYPES = "squashfs"
SYSEXT_SCRIPTS = "skip"
`,
  "chain-low": `
inherit image-sysext
IMAGE_BASE_PKGDB = "case-base"
IMAGE_PREINSTALL = "libncursesw6"
IMAGE_FSTYPES = "squashfs"
IMAGE_GEN_PKGDBFS = "1"
`,
  "chain-top": `
inherit image-sysext
IMAGE_BASE_PKGDB = "chain-low"
IMAGE_PREINSTALL = "htop"
IMAGE_FSTYPES = "squashfs"
`,
};

function filesOf(kind: string, ...more: string[]): Record<string, string> {
  const format = `PACKAGE_CLASSES = "package_${kind}"`;
  return caseProject("case-tools", RECIPES, [format, ...more, INCLUDES_CHANGES]);
}

/** Rows of the table: case, then a word for each format. */
const table = new Map<string, Map<string, string>>();

afterAll(() => {
  if (table.size === 0) return;
  const lines = [...table].map(
    ([title, row]) => `| ${title} | ${asked.map((kind) => row.get(kind) ?? "failed").join(" | ")} |`,
  );
  process.stdout.write(
    [`| case | ${asked.join(" | ")} |`, `|---|${asked.map(() => "---|").join("")}`, ...lines, ""].join("\n"),
  );
});

describeUnless(problem, "the main job", () => {
  // Names of what was not asked for, too, so that it is listed as skipped.
  describe.each(asked.length > 0 ? asked : ["deb", "ipk", "rpm"])("with %s", (kind) => {
    let rig: Rig;
    let cold: Trace;

    beforeAll(async () => {
      rig = new Rig(filesOf(kind));
      // The extension alone, in an empty folder: whatever it needs is built.
      cold = await rig.trace(["case-tools"]);
      if (cold.code !== 0) throw new Error(cold.output);
    }, 20 * MINUTES);

    afterAll(() => rig[Symbol.dispose]());

    const inCase = (title: string, body: () => Promise<void> | void, why?: string): void =>
      testUnless(
        why,
        title,
        async () => {
          const row = table.get(title) ?? new Map<string, string>();
          table.set(title, row);
          await body();
          row.set(kind, "passed");
        },
        20 * MINUTES,
      );
    const change = (text: string): void => rig.write(CHANGES_FILE, text);
    const built = async (args: readonly string[], other = rig): Promise<Trace> => {
      const trace = await other.trace(args);
      if (trace.code !== 0) throw new Error(trace.output);
      return trace;
    };
    const refused = async (args: readonly string[]): Promise<string> => {
      const trace = await rig.trace(args);
      expect(trace.code).not.toBe(0);
      return trace.output;
    };
    const manifest = (image: string) =>
      JSON.parse(rig.read(`${IMAGES}/${image}-generic.rootfs.json`)) as {
        files: { path: string; kind: string }[];
      };

    inCase("the extension alone in an empty folder builds its base", () => {
      expect(cold.ran).toEqual(
        expect.arrayContaining(["case-base:do_rootfs", `libsysfacts:do_package_write_${kind}`]),
      );
    });

    inCase("a lean closure: nothing of the base, all that it lacks", async () => {
      await built(["case-base"]);
      const names = (image: string) =>
        rig
          .read(`${IMAGES}/${image}-generic.rootfs.manifest`)
          .split("\n")
          .map((line) => line.split(" ")[0]!);
      const base = new Set(names("case-base"));
      const tools = names("case-tools").filter((name) => name !== "");
      expect(tools.filter((name) => base.has(name))).toEqual([]);
      expect(tools).toEqual(expect.arrayContaining(["htop", "strace", "sysfacts-watch", "libncursesw6"]));
    });

    inCase("files of base and extension are disjoint", () => {
      const base = new Set(manifest("case-base").files.map(({ path }) => path));
      const files = manifest("case-tools").files.filter((one) => one.kind !== "directory");
      expect(files.length).toBeGreaterThan(20);
      expect(files.filter(({ path }) => base.has(path))).toEqual([]);
    });

    inCase("nothing to do the second time", async () => {
      expect((await built(["case-tools"])).ran).toEqual([]);
    });

    inCase("a base without a package database is refused before anything runs", async () => {
      change('IMAGE_GEN_PKGDBFS:pn-case-base = "0"\n');
      expect(await refused(["case-tools"])).toMatch(/IMAGE_GEN_PKGDBFS/);
      change("");
    });

    inCase("a base of another format is refused before anything runs", async () => {
      change(`IMAGE_PKGTYPE:pn-case-base = "${kind === "deb" ? "ipk" : "deb"}"\n`);
      const said = await refused(["case-tools"]);
      expect(said).toMatch(/IMAGE_PKGTYPE/);
      expect(said).not.toContain('"type":"task-started"');
      change("");
    });

    inCase("another hostname of the base: the extension is not built again", async () => {
      change('IMAGE_HOSTNAME:pn-case-base = "other"\n');
      const { ran } = await built(["case-tools", "case-base"]);
      expect(ran).toContain("case-base:do_image");
      expect(ran.filter((label) => label.startsWith("case-tools:"))).toEqual([]);
      change("");
    });

    inCase("the package database is deployed and proved", async () => {
      await built(["-c", "pkgdb", "case-base"]);
      const image = join(rig.path(IMAGES), "case-base-generic-pkgdb.rootfs.tar.gz");
      const listed = (await run("tar", ["-tzf", realpathSync(image)])).stdout;
      const there = { deb: "dpkg/status", ipk: "opkg/status", rpm: "rpm/headers/bash-" }[kind];
      expect(listed).toContain(`database/var/lib/${there}`);
    });

    inCase("no script runs with the policy skip; each is told", async () => {
      await built(["case-skip"]);
      expect(rig.read(`${IMAGES}/case-skip-generic.rootfs.skipped-scripts`)).toMatch(
        /netcat-openbsd \S+ postinst/,
      );
    });

    inCase("an extension on an extension", async () => {
      await built(["chain-top"]);
      const names = rig.read(`${IMAGES}/chain-top-generic.rootfs.manifest`);
      expect(names).toContain("htop");
      expect(names).not.toContain("libncursesw6");
    });

    inCase(
      "merged by the real systemd-sysext: strace, htop and a program of ours run",
      async () => {
        const base = realpathSync(join(rig.path(IMAGES), "case-base-generic.rootfs.directory"));
        const extension = realpathSync(join(rig.path(IMAGES), "case-tools.raw"));
        const look =
          "strace -V | head -1; htop -V | head -1; sysfacts-watch 1 1 >/dev/null && command -v sysfacts-watch";
        const verdict = await judge({ base, extension, name: "case-tools", look });
        expect(verdict.status).toContain("case-tools");
        expect(verdict.seen).toMatch(/strace -- version[^]*htop [^]*sysfacts-watch/);
        expect(verdict.afterwards).not.toMatch(/strace -- version/);
      },
      unjudged,
    );

    inCase(
      "refused on another base",
      async () => {
        const other = rig.path("other-base");
        cpSync(realpathSync(join(rig.path(IMAGES), "case-base-generic.rootfs.directory")), other, {
          recursive: true,
          verbatimSymlinks: true,
        });
        const release = join(other, "usr/lib/os-release");
        writeFileSync(release, readFileSync(release, "utf8").replace(/VERSION_ID=.*/, 'VERSION_ID="99"'));
        const extension = realpathSync(join(rig.path(IMAGES), "case-tools.raw"));
        const verdict = await judge({ base: other, extension, name: "case-tools", look: "strace -V" });
        expect(verdict.seen).not.toMatch(/strace -- version/);
        expect(verdict.log).toMatch(/does not match|No suitable extensions/);
      },
      unjudged,
    );

    inCase("the same bytes from the cache, and made anew in another folder at another time", async () => {
      const digests = async (of: Rig) => {
        const found = await of.digests(IMAGES);
        return [...found]
          .map(([name, digest]) => [name.replace(/-\d{14}/, ""), digest] as const)
          .filter(([name]) => name.endsWith("case-tools-generic.rootfs.squashfs"));
      };
      const cache = rig.path("cache-copy");
      cpSync(rig.path("build/sstate-cache"), cache, { recursive: true });
      using cached = new Rig(filesOf(kind, `SSTATE_DIR = "${cache}"`));
      const restored = await built(["case-tools"], cached);
      expect(restored.ran.filter((label) => /do_rootfs|do_compile/.test(label))).toEqual([]);
      // Tools stay; whatever makes a package or an image of ours runs again.
      for (const name of readdirSync(cache, { recursive: true, encoding: "utf8" }))
        if (/sstate:(case-|libsysfacts|sysfacts)/.test(name))
          rmSync(join(cache, name), { recursive: true, force: true });
      using anew = new Rig(filesOf(kind, `SSTATE_DIR = "${cache}"`));
      const again = await built(["case-tools"], anew);
      expect(again.ran).toEqual(expect.arrayContaining(["case-base:do_rootfs", "case-tools:do_rootfs"]));
      const first = await digests(rig);
      expect(first).toHaveLength(1);
      expect(await digests(cached)).toEqual(first);
      expect(await digests(anew)).toEqual(first);
    });

    inCase("one package more in the base: base and extension are built again", async () => {
      change('IMAGE_PREINSTALL:append:pn-case-base = " libncursesw6"\n');
      const { ran } = await built(["case-tools"]);
      expect(ran).toEqual(expect.arrayContaining(["case-base:do_rootfs", "case-tools:do_rootfs"]));
      expect(rig.read(`${IMAGES}/case-tools-generic.rootfs.manifest`)).not.toContain("libncursesw6");
      change("");
    });

    test("is in the table", () => expect(table.size).toBeGreaterThan(10));
  });
});
