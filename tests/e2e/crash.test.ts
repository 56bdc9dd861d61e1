/**
 * Builds that are killed without a word at random moments, with all their processes. Whatever they left, the next run
 * succeeds and its result is that of an undisturbed build.
 *
 * TSBAKE_CRASH_RUNS: how many (default 2). TSBAKE_CRASH_SEED: the number in the name of a test that failed, to repeat it.
 */
import { readdirSync, rmSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listStore, verifyStore } from "@tsbake/sstate";
import { killedBuild } from "../support/killed.js";
import { mulberry } from "../support/random.js";
import { Toy } from "../support/toy.js";
import { buildUndisturbed, greet, type Undisturbed } from "../support/undisturbed.js";

const runs = Number(process.env["TSBAKE_CRASH_RUNS"] ?? 2);
const seed = Number(process.env["TSBAKE_CRASH_SEED"] ?? Date.now() % 1_000_000);
const TARGET = "shout";
const WORDS = ["hello\n", "good evening\n"];

/** What a run finds: what is deleted before it, below the build folder. */
const STARTS = {
  "everything, or what the last run left": [],
  "no outputs": ["tmp"],
  "no outputs and no shared state": ["tmp", "sstate-cache"],
  "no parse cache": ["cache/recipes"],
} as const;

let toy: Toy;
let undisturbed: Undisturbed;

beforeAll(async () => {
  toy = new Toy();
  undisturbed = await buildUndisturbed(toy, TARGET, WORDS);
});
afterAll(() => toy[Symbol.dispose]());

describe("a killed build", () => {
  test(
    `harms nothing that comes after it (${runs} runs, seed ${seed})`,
    async () => {
      const random = mulberry(seed);
      const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!;
      expect(undisturbed.deployed.get(WORDS[0]!)).not.toEqual(undisturbed.deployed.get(WORDS[1]!));
      for (let number = 1; number <= runs; number++) {
        const start = pick(Object.keys(STARTS) as (keyof typeof STARTS)[]);
        const afterMs = random() * undisturbed.wholeMs;
        const word = pick(WORDS);
        const story = `run ${number} on ${start}, killed after ${Math.round(afterMs)} ms`;
        remove(STARTS[start]);
        greet(toy, word);
        await killedBuild(toy.rig.folder, TARGET, afterMs);
        // The one who comes back may want something else.
        const wanted = pick(WORDS);
        greet(toy, wanted);
        const next = await toy.trace([TARGET]);
        expect([story, next.code, next.code === 0 ? "" : next.output]).toEqual([story, 0, ""]);
        const deployed = await toy.rig.digests("build/tmp/deploy");
        expect([story, deployed]).toEqual([story, undisturbed.deployed.get(wanted)]);
        const { stdout } = await toy.tsbake([TARGET]);
        expect([story, stdout.slice(0, 13)]).toEqual([story, "nothing to do"]);
      }
      const store = toy.rig.path("build/sstate-cache");
      const { checked, faults } = await verifyStore(store);
      expect(faults).toEqual([]);
      expect(checked).toBeGreaterThan(0);
      expect((await listStore(store)).filter(({ kind }) => kind === "damaged")).toEqual([]);
    },
    runs * 60_000,
  );
});

/** @param prefixes paths below the build folder; everything that begins so goes */
function remove(prefixes: readonly string[]): void {
  for (const prefix of prefixes) {
    const [folder, name] = prefix.includes("/") ? (prefix.split("/") as [string, string]) : [".", prefix];
    for (const found of readdirSync(toy.rig.path("build", folder)))
      if (found.startsWith(name)) rmSync(toy.rig.path("build", folder, found), { recursive: true });
  }
}
