/** TSBAKE_CHECK_READS: a body that reads what none of its needs has left is an error that names file, writer and reader. */
import { rmSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { archiveProblem } from "../support/archive.js";
import { CHECK_READS, Rig } from "../support/rig.js";
import { straceProblem } from "../support/strace.js";
import { Toy } from "../support/toy.js";
import { describeUnless } from "../support/skip.js";

const MINUTES = 60_000;
const CHECKED = { environment: CHECK_READS };

/** Leaves `${WORKDIR}/out/file` as an artifact, and the same in a shared folder. */
const WRITER = `
addtask make after do_install
SSTATETASKS += "do_make"
do_make[cleandirs] = "\${WORKDIR}/out"
do_make[sstate-inputdirs] = "\${WORKDIR}/out"
do_make[sstate-outputdirs] = "\${TMPDIR}/shared/\${PN}"
do_make() {
    printf '#!/bin/sh\\ntrue\\n' >\${WORKDIR}/out/file
    chmod 755 \${WORKDIR}/out/file
    ln -s file \${WORKDIR}/out/link
    # Under a name that comes by a rename alone.
    mv \${WORKDIR}/out/file \${WORKDIR}/moved
    mv \${WORKDIR}/moved \${WORKDIR}/out/file
}
addtask other after do_make
SSTATETASKS += "do_other"
do_other[cleandirs] = "\${WORKDIR}/other"
do_other[sstate-plaindirs] = "\${WORKDIR}/other"
do_other() {
    cat \${WORKDIR}/out/file >\${WORKDIR}/other/file
}
addtask loose after do_make
do_loose() {
    echo it >\${WORKDIR}/loose
}
`;

/** Tasks of one recipe, and `do_all` after all of them. */
function tasks(
  bodies: Readonly<Record<string, string>>,
  depends: Readonly<Record<string, string>> = {},
): string {
  const one = ([name, body]: readonly [string, string]): string => {
    const head = `addtask ${name} after do_configure before do_all\ndo_${name}[depends] = "${depends[name] ?? "writer:do_other"}"\n`;
    if (name.endsWith("python")) return `${head}python do_${name}() {\n    ${body}\n}\n`;
    return `${head}do_${name}() {\n    ${body}\n}\n`;
  };
  const all = 'addtask all\ndo_all[noexec] = "1"\ndo_all() {\n    :\n}\n';
  return Object.entries(bodies).map(one).join("") + all;
}

describeUnless(straceProblem, "a body that reads", () => {
  let toy: Toy;
  const shared = "${TMPDIR}/shared/writer";
  const all = (recipe: string) => toy.answered(["-k", "-c", "all", recipe], CHECKED);

  beforeAll(async () => {
    toy = new Toy();
    toy.rig.write("meta-toy/recipes/extra/writer_1.0.bb", `inherit toy\n${WRITER}`);
    await toy.built(["-c", "other", "writer"], CHECKED);
  }, 5 * MINUTES);
  afterAll(() => toy[Symbol.dispose]());

  test(
    "what it does not need is told, however it comes by it",
    async () => {
      const bodies = {
        plain: `cat ${shared}/file`,
        link: `cat ${shared}/link`,
        run: `${shared}/file`,
        run_here: `cd ${shared}; ./file`,
        hard_link: `rm -f \${WORKDIR}/x; ln ${shared}/file \${WORKDIR}/x`,
        folder: `rm -rf \${WORKDIR}/y; cp -al ${shared} \${WORKDIR}/y`,
        namespace: `unshare --mount cat ${shared}/file`,
        by_python: `open(d.expand('${shared}/file')).read()`,
      };
      toy.recipe("reader", tasks(bodies));
      const first = await all("reader");
      expect(first.code).toBe(1);
      for (const name of Object.keys(bodies)) {
        const told = `run/undeclared-read]: reader:do_${name} has read shared/writer/file`;
        expect(first.output).toContain(told);
      }
      expect(first.output).toContain("of writer:do_make, which it does not need directly");
      // Nothing of them counts as done.
      const again = await all("reader");
      expect(again.output.match(/run\/undeclared-read/g)).toHaveLength(Object.keys(bodies).length);
      toy.restore();
    },
    5 * MINUTES,
  );

  test(
    "what it needs, what is its own, and what is only looked at is right",
    async () => {
      const bodies = {
        direct: `cat ${shared}/file; rm -rf \${WORKDIR}/y; cp -al ${shared} \${WORKDIR}/y`,
        own: "echo x >${TMPDIR}/mine; cat ${TMPDIR}/mine; mv ${TMPDIR}/mine ${TMPDIR}/yours; cat ${TMPDIR}/yours",
        looks: `ls -lR ${shared}; test -e ${shared}/file; find ${shared}`,
      };
      toy.recipe("right", tasks(bodies, { direct: "writer:do_make" }));
      const { code, output } = await all("right");
      expect([code, output.includes("undeclared")]).toEqual([0, false]);
      toy.restore();
    },
    5 * MINUTES,
  );

  test(
    "in its own recipe, what tasks without an artifact brought is right, and beyond an artifact it is not",
    async () => {
      const more = (after: string): string =>
        `inherit toy\n${WRITER}addtask last after ${after}\ndo_last() {\n    cat \${WORKDIR}/out/file\n}\n`;
      toy.change("meta-toy/recipes/extra/writer_1.0.bb", more("do_loose"));
      expect((await toy.answered(["-c", "last", "writer"], CHECKED)).code).toBe(0);
      toy.change("meta-toy/recipes/extra/writer_1.0.bb", more("do_other"));
      const { code, output } = await toy.answered(["-c", "last", "writer"], CHECKED);
      expect(code).toBe(1);
      expect(output).toMatch(/writer:do_last has read .*\/out\/file of writer:do_make/);
      toy.restore();
    },
    5 * MINUTES,
  );

  test(
    "is watched after a restore as well, and only when asked for",
    async () => {
      rmSync(toy.rig.path("build/tmp"), { recursive: true, force: true });
      const { restored } = await toy.trace(["-c", "make", "writer"], CHECKED);
      expect(restored).toEqual(["writer:do_make"]);
      toy.recipe("late", tasks({ plain: `cat ${shared}/file` }, { plain: "" }));
      expect((await all("late")).output).toContain(
        "late:do_plain has read shared/writer/file of writer:do_make",
      );
      expect((await toy.answered(["-c", "all", "late"])).code).toBe(0);
      // What it reads before it writes is somebody else's still.
      const bodies = {
        early: `x=$(cat ${shared}/file); echo "$x" >${shared}/file`,
        late: `echo x >${shared}/link; cat ${shared}/link`,
      };
      toy.recipe("later", tasks(bodies, { early: "", late: "later:do_early" }));
      const { output } = await all("later");
      expect(output).toContain("later:do_early has read");
      expect(output).not.toContain("later:do_late has read");
      toy.restore();
    },
    5 * MINUTES,
  );

  test(
    "the toy layer is right: from nothing, from the cache, and after a change",
    async () => {
      const empty = () => rmSync(toy.rig.path("build/tmp"), { recursive: true, force: true });
      empty();
      await toy.built(["page", "shout"], CHECKED);
      empty();
      await toy.built(["page", "shout"], CHECKED);
      empty();
      toy.change("meta-toy/recipes/page/page_1.0.bbappend", "do_deploy:append() {\n    :\n}\n");
      expect((await toy.built(["page"], CHECKED)).ran).toContain("page:do_deploy");
      toy.restore();
    },
    5 * MINUTES,
  );
});

// Some minutes a case: whole images under strace.
const isLong = process.env["TSBAKE_WATCH_IMAGES"] !== "1";
const problem =
  straceProblem ??
  (isLong ? "TSBAKE_WATCH_IMAGES=1 watches whole images, which takes an hour" : await archiveProblem());

const PROJECT = `header:
  version: 14
machine: generic
distro: debian
target: sysext-image
`;

describeUnless(problem, "the main job, watched", () => {
  let rig: Rig;
  const build = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await rig.tsbake(args, CHECKED);
    if (code !== 0) throw new Error(stdout + stderr);
    return stdout;
  };

  beforeAll(() => {
    rig = new Rig({ "tsbake.yaml": PROJECT });
  });
  afterAll(() => rig[Symbol.dispose]());

  test(
    "reads nothing undeclared, from nothing",
    async () => {
      expect(await build("sysext-image", "base-image")).toMatch(/tasks: \d+ to run/);
      expect(await build("-c", "pkgdb", "base-image")).toContain("do_pkgdb");
    },
    30 * MINUTES,
  );

  /** With an empty TMPDIR and a full shared state, one task of each runs: what it reads has to come with its needs. */
  test.each([
    ["another name of the image", 'IMAGE_LINK_NAME:pn-sysext-image = "other"', ["sysext-image"]],
    ["another name of the base", 'IMAGE_LINK_NAME:pn-base-image = "other"', ["base-image"]],
    ["another type", 'IMAGE_FSTYPES:pn-sysext-image = "squashfs directory tar erofs"', ["sysext-image"]],
    ["another form of the database", 'IMAGE_FSTYPES_PKGDBFS = "tar.zst"', ["-c", "pkgdb", "base-image"]],
    ["another host name", 'IMAGE_HOSTNAME:pn-base-image = "other"', ["base-image"]],
    ["a list of packages", 'do_package_write_deb[vardeps] += "U"\nU = "1"', ["base-image"]],
    ["other packages of a recipe", 'SUMMARY:pn-sysfacts = "other"', ["sysext-image"]],
    ["another recipe's sysroot", "do_populate_sysroot:append:pn-libsysfacts() {\n    :\n}", ["sysext-image"]],
  ])(
    "nor after a change: %s",
    async (_, text, args) => {
      rmSync(rig.path("build/tmp"), { recursive: true, force: true });
      rig.write("build/conf/local.conf", `${text}\n`);
      expect(await build(...args)).not.toMatch(/nothing to do/);
    },
    10 * MINUTES,
  );
});
