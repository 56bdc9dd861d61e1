/**
 * People edit while a build runs. What was signed is what is built: a task whose recipe or source is another one by the
 * time that it reads them fails, and leaves neither stamp nor artifact.
 *
 * TSBAKE_EDIT_RUNS: how many edits at random moments (default 1). TSBAKE_EDIT_SEED repeats a run.
 */
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { verifyStore } from "@tsbake/sstate";
import { mulberry } from "../support/random.js";
import { Toy, type RunOptions } from "../support/toy.js";

const runs = Number(process.env["TSBAKE_EDIT_RUNS"] ?? 1);
const seed = Number(process.env["TSBAKE_EDIT_SEED"] ?? Date.now() % 1_000_000);

const RECIPE = "meta-toy/recipes/extra/slow_1.0.bb";
const SOURCE = "meta-toy/recipes/extra/slow/input.txt";
/** What is deployed: the word of the recipe and that of the source. */
const DEPLOYED = "build/tmp/deploy";

/** Its first task, on which all others wait, ends when the build folder has a file `go`. */
function recipe(word: string, waits = "before do_fetch"): string {
  return `inherit toy
SRC_URI = "file://input.txt"
do_wait() {
    until [ -e \${TOPDIR}/go ]; do sleep 0.05; done
}
addtask wait ${waits}
do_deploy() {
    mkdir -p \${WORKDIR}/words
    echo ${word} >\${WORKDIR}/words/words
    cat \${UNPACKDIR}/input.txt >>\${WORKDIR}/words/words
}
addtask deploy after do_unpack before do_build
SSTATETASKS += "do_deploy"
do_deploy[sstate-inputdirs] = "\${WORKDIR}/words"
do_deploy[sstate-outputdirs] = "\${DEPLOY_DIR}/\${PN}"
do_deploy[cleandirs] = "\${WORKDIR}/words"
`;
}

let toy: Toy;
const write = (word: string) => {
  toy.rig.write(RECIPE, recipe(word));
  toy.rig.write(SOURCE, `${word}\n`);
};
const deployed = (pn = "slow") => readFileSync(toy.rig.path(DEPLOYED, pn, "words"), "utf8");

beforeEach(() => {
  toy = new Toy();
  write("ONE");
});
afterEach(() => toy[Symbol.dispose]());

async function until(isTrue: () => boolean): Promise<void> {
  for (let waits = 0; waits < 2400 && !isTrue(); waits++) await sleep(25);
  expect(isTrue()).toBe(true);
}

/** Begins a build and makes `edit` while its first task waits. @returns how it ended */
async function editedBuild(
  edit: () => void,
  { args = ["-c", "deploy", "slow"], ...options }: RunOptions & { readonly args?: readonly string[] } = {},
): Promise<{ code: number | null; stderr: string }> {
  rmSync(toy.rig.path("build/go"), { force: true });
  const build = toy.rig.tsbake(args, options);
  const waiting = (pn: string) =>
    workFolders().some((folder) => existsSync(`${folder}/${pn}/1.0/temp/log.do_wait`));
  await until(() => args.slice(args.indexOf("deploy") + 1).every(waiting));
  edit();
  toy.rig.write("build/go", "");
  return build;
}

/** Those of each architecture. */
function workFolders(): string[] {
  const work = toy.rig.path("build/tmp/work");
  return existsSync(work) ? readdirSync(work).map((name) => `${work}/${name}`) : [];
}

describe("an edit while a build runs", () => {
  test.each(["before do_fetch", "after do_fetch before do_unpack"])(
    "%s: of a source, one that takes it away, or that puts another one before it: each is told, and keeps nothing of it",
    async (waits) => {
      const edits: Readonly<Record<string, () => void>> = {
        slow: () => toy.rig.write(SOURCE, "TWO\n"),
        gone: () => rmSync(toy.rig.path("meta-toy/recipes/extra/gone/input.txt")),
        before: () => toy.rig.write("meta-toy/recipes/extra/before-1.0/input.txt", "TWO\n"),
      };
      const names = Object.keys(edits);
      // All of them wait at once.
      toy.configure(`BB_NUMBER_THREADS = "${names.length}"\n`);
      const writeSource = (name: string) =>
        toy.rig.write(`meta-toy/recipes/extra/${name}/input.txt`, "ONE\n");
      for (const name of names) {
        toy.rig.write(`meta-toy/recipes/extra/${name}_1.0.bb`, recipe("ONE", waits));
        writeSource(name);
      }
      const args = ["-k", "-c", "deploy", ...names];
      const { code, stderr } = await editedBuild(() => Object.values(edits).forEach((edit) => edit()), {
        args,
      });
      expect(code).toBe(1);
      for (const name of names)
        expect(stderr).toMatch(
          new RegExp(`error\\[engine/changed-meanwhile\\]: ${name}:do_\\w+: .*input\\.txt`),
        );
      rmSync(toy.rig.path("meta-toy/recipes/extra/before-1.0"), { recursive: true });
      names.forEach(writeSource);
      for (const tmp of ["as it is", "gone"]) {
        if (tmp === "gone") rmSync(toy.rig.path("build/tmp"), { recursive: true });
        await toy.built(args);
        expect([tmp, names.map(deployed)]).toEqual([tmp, names.map(() => "ONE\nONE\n")]);
      }
    },
    300_000,
  );

  test("of the recipe is told where it was read after the edit", async () => {
    // Parsed already: the build that is edited opens the recipe only when its first body runs.
    await toy.built(["-p"]);
    const { code, stderr } = await editedBuild(() => toy.rig.write(RECIPE, recipe("TWO")));
    // It may have been read before the edit: then that is what is built.
    const told = /error\[engine\/changed-meanwhile\]: slow:do_\w+: \S*slow_1.0.bb changed/.test(stderr);
    expect(code === 0 ? deployed() : told).toEqual(code === 0 ? "ONE\nONE\n" : true);
    write("ONE");
    await toy.built(["-c", "deploy", "slow"]);
    expect(deployed()).toBe("ONE\nONE\n");
  }, 300_000);

  test("of a compiler that the signature names is told", async () => {
    const gcc = (version: string) => {
      toy.rig.write("bin/gcc", `#!/bin/sh\necho ${version}\n`);
      chmodSync(toy.rig.path("bin/gcc"), 0o755);
    };
    const environment = { PATH: `${toy.rig.path("bin")}:${process.env["PATH"]}` };
    gcc("12");
    toy.rig.write(RECIPE, recipe("${TSBAKE_HOST_TOOLCHAIN}"));
    const { code, stderr } = await editedBuild(() => gcc("13"), { environment });
    expect([code, stderr]).toEqual([1, expect.stringContaining("error[engine/changed-meanwhile]: slow:do_")]);
    expect(stderr).toContain("TSBAKE_HOST_TOOLCHAIN");
  }, 300_000);

  test(
    `never gives an artifact of other inputs than its signature names (${runs} runs, seed ${seed})`,
    async () => {
      const random = mulberry(seed);
      write("ONE");
      toy.rig.write("build/go", "");
      let started = performance.now();
      await toy.built(["-c", "deploy", "slow"]);
      const wholeMs = performance.now() - started;
      for (let number = 1; number <= runs; number++) {
        rmSync(toy.rig.path("build/tmp"), { recursive: true });
        if (random() < 0.5) rmSync(toy.rig.path("build/sstate-cache"), { recursive: true, force: true });
        write("ONE");
        started = performance.now();
        const build = toy.rig.tsbake(["-c", "deploy", "slow"]);
        const [afterMs, backMs] = [random() * wholeMs, random() * 200];
        await sleep(afterMs);
        write("TWO");
        // Some put it back before anybody looks.
        if (random() < 0.5) {
          await sleep(backMs);
          write("ONE");
        }
        await build;
        const story = `run ${number}, edited after ${Math.round(afterMs)} ms`;
        for (const word of ["ONE", "TWO"]) {
          write(word);
          for (const start of ["as it is", "from the shared state"]) {
            if (start !== "as it is") rmSync(toy.rig.path("build/tmp"), { recursive: true, force: true });
            await toy.built(["-c", "deploy", "slow"]);
            expect([story, start, deployed()]).toEqual([story, start, `${word}\n${word}\n`]);
          }
        }
      }
      expect((await verifyStore(toy.rig.path("build/sstate-cache"))).faults).toEqual([]);
    },
    runs * 120_000,
  );
});
