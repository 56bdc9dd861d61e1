/**
 * What several do at once with the same folders: builds on one TMPDIR, containers on one volume, a prune beside publishers,
 * equal artifacts restored together. Each is right, and so is what is left.
 *
 * TSBAKE_ROUNDS: how often each (default 1). TSBAKE_ROUNDS_SEED repeats the moments of a run.
 */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { verifyStore } from "@tsbake/sstate";
import { join } from "node:path";
import { run } from "../support/command.js";
import { root } from "../support/paths.js";
import { mulberry } from "../support/random.js";
import { plainEnvironment } from "../support/temporary.js";
import { tasksOf, Toy } from "../support/toy.js";

const rounds = Number(process.env["TSBAKE_ROUNDS"] ?? 1);
const seed = Number(process.env["TSBAKE_ROUNDS_SEED"] ?? Date.now() % 1_000_000);
const random = mulberry(seed);
/** Equal artifacts. */
const MANY = rounds > 1 ? 60 : 6;
const LIMIT = 240_000 + rounds * 120_000;

let toy: Toy;
beforeEach(() => {
  toy = new Toy();
});
afterEach(() => toy[Symbol.dispose]());

/** Calls it once a round; what it expects carries the number and the seed. */
async function eachRound(work: (story: string) => Promise<void>): Promise<void> {
  for (let number = 1; number <= rounds; number++) await work(`round ${number}, seed ${seed}`);
}

const isRight = (done: { code: number | null; stderr: string }) => [done.code, done.stderr];
const RIGHT = [0, ""];

test(
  "two build folders with one TMPDIR build one after the other, and each gets its own",
  async () => {
    toy.recipe(
      "mine",
      "do_deploy() {\n    mkdir -p ${WORKDIR}/out\n    echo ${MINE} >${WORKDIR}/out/mine\n}\n" +
        'addtask deploy before do_build\nSSTATETASKS += "do_deploy"\n' +
        'do_deploy[sstate-inputdirs] = "${WORKDIR}/out"\ndo_deploy[sstate-outputdirs] = "${DEPLOY_DIR}/mine"\n',
    );
    const names = ["one", "two"];
    for (const name of names)
      toy.rig.write(
        `${name}/conf/local.conf`,
        `TMPDIR = "${toy.rig.path("shared-tmp")}"\nSSTATE_DIR = "${toy.rig.path(name)}/sstate"\nMINE = "${name}"\n`,
      );
    const build = (name: string) =>
      toy.rig.tsbake(["-c", "deploy", "mine"], { environment: { TSBAKE_BUILD_DIR: toy.rig.path(name) } });
    const remove = (path: string) => rmSync(toy.rig.path(path), { recursive: true, force: true });
    await eachRound(async (story) => {
      for (const name of names) remove(`${name}/sstate`);
      const both = names.map(async (name) => {
        await sleep(random() * 1000);
        return build(name);
      });
      for (const done of await Promise.all(both))
        expect([story, ...isRight(done)]).toEqual([story, ...RIGHT]);
      for (const name of names) {
        // What each has put into its shared state is its own; so is what it deploys after the other.
        for (const start of ["as it is", "from the shared state"]) {
          if (start !== "as it is") remove("shared-tmp");
          await build(name);
          expect([story, start, toy.rig.read("shared-tmp/deploy/mine/mine")]).toEqual([
            story,
            start,
            `${name}\n`,
          ]);
        }
      }
    });
  },
  LIMIT,
);

test(
  "two containers on one volume build one after the other, and both are right",
  async () => {
    const words = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
    const build = async (targets: readonly string[]) => {
      await sleep(random() * 1000);
      const main = join(root, "scripts/start.js");
      const front = [...words, "--mount", "--net", "--pid", "--fork", "--mount-proc"];
      return run("unshare", [...front, process.execPath, main, ...targets], {
        cwd: toy.rig.folder,
        env: plainEnvironment(),
      });
    };
    await toy.built(["page", "shout"]);
    const wanted = await toy.rig.digests("build/tmp/deploy");
    await eachRound(async (story) => {
      rmSync(toy.rig.path("build/tmp"), { recursive: true });
      if (random() < 0.5) rmSync(toy.rig.path("build/sstate-cache"), { recursive: true });
      for (const done of await Promise.all([build(["page", "shout"]), build(["shout"])]))
        expect([story, ...isRight(done)]).toEqual([story, ...RIGHT]);
      expect([story, await toy.rig.digests("build/tmp/deploy")]).toEqual([story, wanted]);
      expect([story, (await toy.trace(["page", "shout"])).ran]).toEqual([story, []]);
      expect([story, (await verifyStore(toy.rig.path("build/sstate-cache"))).faults]).toEqual([story, []]);
    });
  },
  LIMIT,
);

test(
  "a prune beside publishers takes nothing apart, and fails no build",
  async () => {
    using other = new Toy();
    const both = [toy, other];
    const state = toy.rig.path("common-state");
    for (const one of both) one.configure(`SSTATE_DIR = "${state}"\n`);
    await toy.built(["page"]);
    const wanted = await toy.rig.digests("build/tmp/deploy");
    await eachRound(async (story) => {
      for (const one of both) rmSync(one.rig.path("build/tmp"), { recursive: true, force: true });
      let isBuilding = true;
      const builds = Promise.all(both.map((one) => one.trace(["page"]))).finally(() => (isBuilding = false));
      while (isBuilding) {
        const pruned = await toy.tsbake(["sstate", "prune", "--size", random() < 0.5 ? "0" : "20K"]);
        expect([story, pruned.code, pruned.stderr]).toEqual([story, 0, ""]);
        await sleep(random() * 1000);
      }
      for (const { code, output } of await builds)
        expect([story, code === 0 ? "" : output]).toEqual([story, ""]);
      for (const one of both)
        expect([story, await one.rig.digests("build/tmp/deploy")]).toEqual([story, wanted]);
      expect([story, (await verifyStore(state)).faults]).toEqual([story, []]);
    });
  },
  LIMIT,
);

test(
  `${MANY} equal artifacts restored at once from a mirror are all there`,
  async () => {
    const names = Array.from({ length: MANY }, (_one, at) => `equal-${at}`);
    for (const pn of names) toy.recipe(pn, "do_install() {\n    echo the same >${D}/same-${PN}\n}\n");
    toy.recipe("all", `DEPENDS = "${names.join(" ")}"\n`);
    const target = ["-c", "prepare_recipe_sysroot", "all"];
    await toy.built(target);
    const mirror = toy.rig.path("mirror");
    const moved = await run("mv", [toy.rig.path("build/sstate-cache"), mirror]);
    expect(moved.code).toBe(0);
    toy.configure(`SSTATE_MIRRORS = "file://.* file://${mirror}/PATH"\n`);
    await eachRound(async (story) => {
      for (const part of ["tmp", "sstate-cache"])
        rmSync(toy.rig.path("build", part), { recursive: true, force: true });
      const trace = await toy.built(target);
      expect([story, trace.ran, trace.restored]).toEqual([
        story,
        tasksOf("all", ["fetch", "prepare_recipe_sysroot"]),
        names.map((pn) => `${pn}:do_populate_sysroot`).toSorted(),
      ]);
    });
  },
  LIMIT,
);
