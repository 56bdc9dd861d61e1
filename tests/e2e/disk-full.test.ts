/**
 * Builds whose disk takes nothing more, from any moment on: no space, no inodes, or read-only. Each ends with one error that
 * says so, and when the disk is well again the next run succeeds and its result is that of an undisturbed build.
 *
 * TSBAKE_CRASH_RUNS: how many (default 3). TSBAKE_CRASH_SEED: the number in the name of a test that failed, to repeat it.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync, statfsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { listStore, verifyStore } from "@tsbake/sstate";
import { mulberry } from "../support/random.js";
import { describeUnless, notRoot } from "../support/skip.js";
import { toldIn } from "../support/told.js";
import { Toy } from "../support/toy.js";

const runs = Number(process.env["TSBAKE_CRASH_RUNS"] ?? 2);
const seed = Number(process.env["TSBAKE_CRASH_SEED"] ?? Date.now() % 1_000_000);
const TARGET = "shout";
const PLENTY = "size=256m,nr_inodes=100k";

const problem = whyNot();

let toy: Toy;
let build: string;
let undisturbed: Map<string, string>;
/** What an empty build folder and a whole build take: KiB, inodes, and the time in ms. */
let least: Used;
let whole: Used;
let wholeMs = 0;

interface Used {
  readonly kib: number;
  readonly inodes: number;
}

/** Why there can be no small file system here. */
function whyNot(): string | undefined {
  if (notRoot !== undefined) return notRoot;
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

function used(): Used {
  const { bsize, blocks, bfree, files, ffree } = statfsSync(build);
  return { kib: Math.ceil(((blocks - bfree) * bsize) / 1024), inodes: files - ffree };
}

/** What goes wrong with the disk. @param part how far the build gets, from 0 to 1 */
const TROUBLES: Readonly<
  Record<string, (part: number) => { size: string; story: string; afterMs?: number }>
> = {
  "no space": (part) => {
    const kib = least.kib + 4 + Math.floor(part * (whole.kib - least.kib));
    return { size: `size=${kib}k`, story: `${kib} KiB of ${whole.kib}` };
  },
  "no inodes": (part) => {
    const inodes = least.inodes + 1 + Math.floor(part * (whole.inodes - least.inodes));
    return { size: `size=256m,nr_inodes=${inodes}`, story: `${inodes} inodes of ${whole.inodes}` };
  },
  "read-only": (part) => {
    const afterMs = part * wholeMs;
    return { size: PLENTY, story: `read-only after ${Math.round(afterMs)} ms`, afterMs };
  },
};

/** A build on a disk that turns read-only; nobody may be writing in that very moment. */
async function disturbed(afterMs: number | undefined) {
  const building = toy.tsbake([TARGET]);
  if (afterMs === undefined) return building;
  let isOver = false;
  void building.finally(() => (isOver = true));
  await sleep(afterMs);
  while (!isOver && spawnSync("mount", ["-o", "remount,ro", build]).status !== 0) await sleep(1);
  return building;
}

describeUnless(problem, "a build on a disk that takes nothing more", () => {
  beforeAll(async () => {
    toy = new Toy();
    build = toy.rig.path("build");
    mkdirSync(build, { recursive: true });
    cpSync(build, toy.rig.path("before"), { recursive: true });
    mount("-t", "tmpfs", "-o", PLENTY, "none");
    least = used();
    const started = performance.now();
    await toy.built([TARGET]);
    wholeMs = performance.now() - started;
    undisturbed = await toy.rig.digests("build/tmp/deploy");
    // The snapshot of Python is most of it, and no build needs it.
    rmSync(toy.rig.path("build/cache/python"), { recursive: true, force: true });
    whole = used();
    unmount();
  });
  afterEach(unmount);
  afterAll(() => toy[Symbol.dispose]());

  test(
    `says so once, and harms nothing that comes after it (${runs} runs, seed ${seed})`,
    async () => {
      const random = mulberry(seed);
      const names = Object.keys(TROUBLES);
      let failed = 0;
      for (let number = 1; number <= runs; number++) {
        const name = names[number % names.length]!;
        // Evenly over all that a build writes, so that a short run sees its beginning and its end.
        const { size, story: details, afterMs } = TROUBLES[name]!((number - random()) / runs);
        const story = `run ${number}, ${details}`;
        mount("-t", "tmpfs", "-o", size, "none");
        const full = await disturbed(afterMs);
        const told = toldIn(full.output).map(({ code }) => code);
        if (full.code !== 0) failed++;
        const code = name === "read-only" ? "base/disk-read-only" : "base/disk-full";
        const isTold = full.code === 0 ? told.length <= 1 : told.join(" ") === code;
        expect([story, isTold ? "" : full.output]).toEqual([story, ""]);
        mount("-o", `remount,rw,${PLENTY}`);
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
