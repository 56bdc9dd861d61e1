/** TSBAKE_CHECK_READS: what a body may read, decided for small graphs with the real strace. */
import { rmSync } from "node:fs";
import { expect, test } from "@jest/globals";
import { straceProblem } from "../support/strace.js";
import { describeUnless } from "../support/skip.js";
import { Rig } from "./run-rig.js";
import type { ProjectSpec } from "./run-rig.js";

const OUT = "${TMPDIR}/out/a";
const read = `    cat ${OUT}/file`;

/** `a:do_make` has an artifact, `a:do_more` has none and needs it, `a:do_kept` has one and needs it. */
function project(body: string, needs: readonly string[], recipe = "b"): ProjectSpec {
  const a: ProjectSpec[string] = {
    tasks: {
      do_make: {
        body: "    echo x >${WORKDIR}/o/tmp; mv ${WORKDIR}/o/tmp ${WORKDIR}/o/file; ln -s file ${WORKDIR}/o/link",
        flags: { cleandirs: "${WORKDIR}/o" },
        inputs: ["o"],
        outputs: ["${TMPDIR}/out/a"],
      },
      do_more: { body: "    echo more >${WORKDIR}/more", needs: ["do_make"] },
      do_kept: {
        body: `${read} >\${WORKDIR}/k/file`,
        flags: { cleandirs: "${WORKDIR}/k" },
        needs: ["do_make"],
        plain: ["k"],
      },
      do_nothing: { noexec: true, needs: ["do_make"] },
    },
  };
  const reader = { do_read: { body, needs } };
  if (recipe === "a") return { a: { tasks: { ...a.tasks, ...reader } } };
  return { a, b: { tasks: reader } };
}

async function told(rig: Rig, made: ProjectSpec, target: string): Promise<string[]> {
  const settings = { ...rig.options({}, []).settings, checkReads: true };
  const { summary } = await rig.run(made, [target], { settings });
  return summary.failed.flatMap(({ diagnostics }) =>
    diagnostics.map(({ code, message }) => `${code}: ${message}`),
  );
}

const undeclared = (file: string, reader: string): string =>
  `run/undeclared-read: ${reader}:do_read has read ${file} of a:do_make, which it does not need directly`;
const file = undeclared("out/a/file", "b");

describeUnless(straceProblem, "a body may read", () => {
  test.each([
    ["what its need wrote", read, ["a:do_make"], "b", []],
    ["what a need without a body stands for", read, ["a:do_nothing"], "b", []],
    ["not what another recipe's need needed", read, ["a:do_more"], "b", [file]],
    ["not what lies behind an artifact", read, ["a:do_kept"], "b", [file]],
    ["in its recipe, what a need without an artifact brought", read, ["do_more"], "a", []],
    [
      "not in its recipe either what lies behind an artifact",
      read,
      ["do_kept"],
      "a",
      [undeclared("out/a/file", "a")],
    ],
    ["not through a link", `    cat ${OUT}/link`, ["a:do_kept"], "b", [file]],
    ["not as a link", `    ln ${OUT}/file \${WORKDIR}/mine`, ["a:do_kept"], "b", [file]],
    [
      "not before it writes there",
      `    x=$(cat ${OUT}/file); echo "$x" >${OUT}/file`,
      ["a:do_kept"],
      "b",
      [file],
    ],
    ["names", `    ls -l ${OUT}; test -s ${OUT}/file`, ["a:do_kept"], "b", []],
    [
      "what it wrote itself",
      "    cd ${TMPDIR}; echo x >f; mv f g; cat g; echo y >h; cat h",
      ["a:do_kept"],
      "b",
      [],
    ],
  ])("%s", async (_, body, needs, recipe, expected) => {
    using rig = new Rig();
    const made = project(body, needs, recipe);
    await rig.run(made, ["a:do_kept", "a:do_more"], {
      settings: { ...rig.options({}, []).settings, checkReads: true },
    });
    expect(await told(rig, made, `${recipe}:do_read`)).toEqual(expected);
  });

  test("whoever wrote it in an earlier run, or had it restored", async () => {
    using rig = new Rig();
    const made = project(read, ["a:do_kept"]);
    // The first build is not watched: whose its files are, nobody knows.
    await rig.run(made, ["a:do_kept"]);
    expect(await told(rig, project(`${read} # again`, ["a:do_kept"]), "b:do_read")).toEqual([]);
    rmSync(rig.tmp, { recursive: true });
    expect(await told(rig, made, "a:do_make")).toEqual([]);
    expect(await told(rig, made, "b:do_read")).toEqual([file]);
  });
});

describeUnless(straceProblem, "a machine where bodies cannot be watched", () => {
  test("is an error before anything runs", async () => {
    using rig = new Rig();
    const path = process.env["PATH"];
    process.env["PATH"] = "/nowhere";
    try {
      const settings = { ...rig.options({}, []).settings, checkReads: true };
      const run = rig.run(project(read, ["a:do_make"]), ["b:do_read"], { settings });
      await expect(run).rejects.toThrow("there is no program `strace`");
    } finally {
      process.env["PATH"] = path;
    }
  });
});
