/**
 * Builds that end in a power cut at random moments: all processes are killed, what was written last and not synced is
 * damaged, and the next run is of another boot. Its result, and all that the shared state has from then on, is that of an
 * undisturbed build.
 *
 * TSBAKE_POWER_CUT_RUNS: how many (default 1). TSBAKE_POWER_CUT_SEED: the number in the name of a test that failed.
 */
import { existsSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { listStore, verifyStore } from "@tsbake/sstate";
import { killedBuild } from "../support/killed.js";
import { damage } from "../support/power-cut.js";
import { mulberry } from "../support/random.js";
import { Toy } from "../support/toy.js";
import { buildUndisturbed, greet, type Undisturbed } from "../support/undisturbed.js";

const runs = Number(process.env["TSBAKE_POWER_CUT_RUNS"] ?? 1);
const seed = Number(process.env["TSBAKE_POWER_CUT_SEED"] ?? Date.now() % 1_000_000);
const TARGET = "shout";
const WORDS = ["hello\n", "good evening\n"];

/** What is deleted before a run. */
const STARTS = [[], [], ["tmp"], ["tmp", "sstate-cache"], ["cache"], ["sstate-cache"]] as const;
/** How long ago the disk was last in step. */
const SECONDS_LOST = [1, 5, 3600];

let toy: Toy;
let undisturbed: Undisturbed;

beforeAll(async () => {
  toy = new Toy();
  undisturbed = await buildUndisturbed(toy, TARGET, WORDS);
});
afterAll(() => toy[Symbol.dispose]());

describe("a power cut", () => {
  test(
    `harms nothing that comes after it (${runs} runs, seed ${seed})`,
    async () => {
      const random = mulberry(seed);
      const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)]!;
      let boot = 0;
      const inBoot = () => ({ environment: { TSBAKE_BOOT_ID: `boot ${boot}` } });
      for (let number = 1; number <= runs; number++) {
        const start = pick(STARTS);
        remove(start);
        let story = `run ${number} without ${start.join(" ") || "nothing"}`;
        // The one that comes back may lose its power, too.
        for (let cuts = pick([1, 1, 2]); cuts > 0; cuts--) {
          greet(toy, pick(WORDS));
          const afterMs = random() * undisturbed.wholeMs;
          // Else it had ended, and was synced.
          await killedBuild(toy.rig.folder, TARGET, afterMs, inBoot().environment);
          const lost = pick(SECONDS_LOST);
          const sinceMs = Date.now() - lost * 1000;
          const isOpen = existsSync(toy.rig.path("build/tmp/unsynced.json"));
          const damaged = isOpen ? damage(toy.rig.path("build"), { random, sinceMs, isSynced }) : [];
          story += `; cut after ${Math.round(afterMs)} ms, ${damaged.length} files of the last ${lost} s damaged`;
          boot++;
        }
        const wanted = pick(WORDS);
        greet(toy, wanted);
        const next = await toy.trace([TARGET], inBoot());
        expect([story, next.code, next.code === 0 ? "" : next.output]).toEqual([story, 0, ""]);
        expect([story, await toy.rig.digests("build/tmp/deploy")]).toEqual([
          story,
          undisturbed.deployed.get(wanted),
        ]);
        expect([story, existsSync(toy.rig.path("build/tmp/unsynced.json"))]).toEqual([story, false]);
        const { stdout } = await toy.tsbake([TARGET], inBoot());
        expect([story, stdout.slice(0, 13)]).toEqual([story, "nothing to do"]);
        await expectGoodStore(story, wanted);
      }
    },
    runs * 60_000,
  );
});

/** What is in the shared state verifies, and makes the same. */
async function expectGoodStore(story: string, wanted: string): Promise<void> {
  const store = toy.rig.path("build/sstate-cache");
  const { faults } = await verifyStore(store);
  expect([story, faults]).toEqual([story, []]);
  expect((await listStore(store)).filter(({ kind }) => kind === "damaged")).toEqual([]);
  remove(["tmp"]);
  await toy.built([TARGET]);
  expect([story, await toy.rig.digests("build/tmp/deploy")]).toEqual([
    story,
    undisturbed.deployed.get(wanted),
  ]);
}

/** The mark itself, what has its name in the shared state, and what is made once and is then a person's. */
function isSynced(path: string): boolean {
  return (
    /\/tmp\/unsynced\.json$|\/sstate-cache\/.*\/sstate:|\/conf\/local\.conf$/.test(path) &&
    !basename(path).startsWith(".")
  );
}

function remove(names: readonly string[]): void {
  for (const name of names) rmSync(toy.rig.path("build", name), { recursive: true, force: true });
}
