/**
 * Builds that run out of disk space, at any moment: each ends with an error that says so, and when there is space again
 * the next run succeeds and its result is that of an undisturbed build.
 *
 * TSBAKE_CRASH_RUNS: how many (default 4). TSBAKE_CRASH_SEED: the number in the name of a test that failed, to repeat it.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, statfsSync } from "node:fs";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { listStore, verifyStore } from "@tsbake/sstate";
import { mulberry } from "../support/random.js";
import { Toy } from "../support/toy.js";

const runs = Number(process.env["TSBAKE_CRASH_RUNS"] ?? 4);
const seed = Number(process.env["TSBAKE_CRASH_SEED"] ?? Date.now() % 1_000_000);
const TARGET = "shout";
const PLENTY = "256m";

const problem = whyNot();
if (problem !== undefined) console.warn(`skipped: builds on a full disk: ${problem}`);

let toy: Toy;
let build: string;
let undisturbed: Map<string, string>;
let wholeKib = 0;
let leastKib = 0;

/** Why there can be no small file system here. */
function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return "only root can mount one";
  const { status, stderr } = spawnSync("unshare", ["-m", "mount", "-t", "tmpfs", "none", "/mnt"], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : `it cannot be mounted: ${stderr}`;
}

function mount(...options: string[]): void {
  const { status, stderr } = spawnSync("mount", [...options, build], { encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
}

const unmount = (): void => void spawnSync("umount", ["-l", build]);

function usedKib(): number {
  const { bsize, blocks, bfree } = statfsSync(build);
  return Math.ceil(((blocks - bfree) * bsize) / 1024);
}

(problem === undefined ? describe : describe.skip)("a build on a full disk", () => {
  beforeAll(async () => {
    toy = new Toy();
    build = toy.rig.path("build");
    mkdirSync(build, { recursive: true });
    cpSync(build, toy.rig.path("before"), { recursive: true });
    mount("-t", "tmpfs", "-o", `size=${PLENTY}`, "none");
    leastKib = usedKib();
    await toy.built([TARGET]);
    undisturbed = await toy.rig.digests("build/tmp/deploy");
    // The snapshot of Python is most of it, and no build needs it.
    rmSync(toy.rig.path("build/cache/python"), { recursive: true, force: true });
    wholeKib = usedKib();
    unmount();
  });
  afterEach(unmount);
  afterAll(() => toy[Symbol.dispose]());

  test(
    `says so, and harms nothing that comes after it (${runs} runs, seed ${seed})`,
    async () => {
      const random = mulberry(seed);
      let failed = 0;
      for (let number = 1; number <= runs; number++) {
        // Evenly over all that a build writes, so that a short run sees its beginning and its end.
        const part = (number - random()) / runs;
        const sizeKib = leastKib + 4 + Math.floor(part * (wholeKib - leastKib));
        const story = `run ${number}, ${sizeKib} KiB of ${wholeKib}`;
        mount("-t", "tmpfs", "-o", `size=${sizeKib}k`, "none");
        const full = await toy.tsbake([TARGET]);
        if (full.code !== 0) failed++;
        const said = /no space left|ENOSPC/i.test(full.output) || full.code === 0 ? "" : full.output;
        expect([story, said]).toEqual([story, ""]);
        mount("-o", `remount,size=${PLENTY}`);
        const next = await toy.trace([TARGET]);
        expect([story, next.code, next.code === 0 ? "" : next.output]).toEqual([story, 0, ""]);
        expect([story, await toy.rig.digests("build/tmp/deploy")]).toEqual([story, undisturbed]);
        const { stdout } = await toy.tsbake([TARGET]);
        expect([story, stdout.slice(0, 13)]).toEqual([story, "nothing to do"]);
        const store = toy.rig.path("build/sstate-cache");
        expect([story, (await verifyStore(store)).faults]).toEqual([story, []]);
        expect((await listStore(store)).filter(({ kind }) => kind === "damaged")).toEqual([]);
        unmount();
        rmSync(build, { recursive: true, force: true });
        cpSync(toy.rig.path("before"), build, { recursive: true });
      }
      // Else the disks were not small enough.
      expect(failed).toBeGreaterThan(runs / 4);
    },
    runs * 90_000,
  );
});
