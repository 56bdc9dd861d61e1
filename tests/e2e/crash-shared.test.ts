/**
 * Two build folders on one shared state, at the same time, both killed at random moments: whatever is in the shared state
 * afterwards is whole, and the next builds of both are right.
 *
 * TSBAKE_CRASH_RUNS: how many (default 1). TSBAKE_CRASH_SEED: the number in the name of a test that failed, to repeat it.
 */
import { rmSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { verifyStore } from "@tsbake/sstate";
import { killedBuild } from "../support/killed.js";
import { mulberry } from "../support/random.js";
import { Toy } from "../support/toy.js";

const runs = Number(process.env["TSBAKE_CRASH_RUNS"] ?? 1);
const seed = Number(process.env["TSBAKE_CRASH_SEED"] ?? Date.now() % 1_000_000);
const TARGET = "page";

test(
  `two builds that are killed harm no artifact of their common shared state (${runs} runs, seed ${seed})`,
  async () => {
    using first = new Toy();
    using second = new Toy();
    const both = [first, second];
    const state = first.rig.path("common-state");
    for (const toy of both) toy.configure(`SSTATE_DIR = "${state}"\n`);
    const random = mulberry(seed);
    await first.built([TARGET]);
    rmSync(first.rig.path("build/tmp"), { recursive: true });
    rmSync(state, { recursive: true });
    const started = performance.now();
    await Promise.all(both.map((toy) => toy.built([TARGET])));
    const wholeMs = performance.now() - started;
    for (let number = 1; number <= runs; number++) {
      const word = `hello ${number}\n`;
      for (const toy of both) {
        toy.rig.write("meta-toy/recipes/greeting/greeting/greeting.txt", word);
        rmSync(toy.rig.path("build/tmp"), { recursive: true, force: true });
      }
      const moments = both.map(() => random() * wholeMs);
      await Promise.all(both.map((toy, at) => killedBuild(toy.rig.folder, TARGET, moments[at]!)));
      const story = `run ${number}, killed after ${moments.map(Math.round).join(" and ")} ms`;
      expect([story, (await verifyStore(state)).faults]).toEqual([story, []]);
      const built = await Promise.all(both.map((toy) => toy.trace([TARGET])));
      expect([story, ...built.map(({ code, output }) => (code === 0 ? "" : output))]).toEqual([
        story,
        "",
        "",
      ]);
      const [left, right] = await Promise.all(both.map((toy) => toy.rig.digests("build/tmp/deploy")));
      expect([story, left]).toEqual([story, right]);
      expect(first.rig.read("build/tmp/deploy/toy/page")).toContain(`HELLO ${number}`);
      const { checked, faults } = await verifyStore(state);
      expect([story, checked > 0, faults]).toEqual([story, true, []]);
      const names = await readdir(state, { recursive: true });
      expect([story, names.filter((name) => name.endsWith(".bad"))]).toEqual([story, []]);
    }
  },
  (runs + 1) * 120_000,
);
