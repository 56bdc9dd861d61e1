/**
 * The invariant of stamps: one is valid only while every file that its task put into a shared folder is there and its own.
 * Random sequences of builds over a project whose recipes, versions, machines and configurations come and go. After each
 * build:
 *
 * - of each stamp of a task that installs, all files are there with what its signature stands for;
 * - a folder that one recipe has for itself holds what a build in an empty folder would leave there, and nothing else; of a
 *   folder that several install into, that holds for the files of what was built, and no file in it is nobody's;
 * - the same build again does nothing.
 *
 * TSBAKE_STAMPS_RUNS: how many sequences (default 12). TSBAKE_STAMPS_SEED: the number in the name of a test that failed, to
 * repeat it.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { byText } from "@tsbake/base";
import { readManifest } from "@tsbake/run";
import { mulberry } from "../support/random.js";
import { KINDS, namesIn, readTree, World } from "./stamps-world.js";
import type { Machine, Metadata, Outcome, Request, Version } from "./stamps-world.js";

const runs = Number(process.env["TSBAKE_STAMPS_RUNS"] ?? 6);
const seed = Number(process.env["TSBAKE_STAMPS_SEED"] ?? Date.now() % 1_000_000);
const STEPS = 10;

function newMetadata(): Metadata {
  const files = new Map<string, number>();
  for (const pn of Object.keys(KINDS)) {
    if (pn === "rival" || pn === "lib-native") continue;
    for (const version of ["1.0", "2.0"]) files.set(`${pn} ${version}`, 0);
  }
  return { files, preferred: new Map() };
}

/** Of a task's manifest: the signatures of the stamps that say its files are there. */
function stampedWith(manifest: string): { output: string; unihashes: string[]; owner: string } | undefined {
  const { owner, folders } = readManifest(manifest)!;
  if (!owner) return undefined;
  const base = basename(owner.stamp);
  const unihashes = namesIn(dirname(owner.stamp)).flatMap((name) => {
    for (const task of [owner.task, `${owner.task}_setscene`]) {
      const prefix = `${base}.${task}.`;
      const [unihash, extra] = name.startsWith(prefix) ? name.slice(prefix.length).split(".") : [];
      if (unihash !== undefined && extra === owner.extra) return [unihash];
    }
    return [];
  });
  // Deepest first, so the last is the output folder itself.
  return { output: folders.at(-1)!, unihashes, owner: `${owner.pn} ${owner.stamp}` };
}

function manifestsIn(world: World): string[] {
  const folder = join(world.tmp, "sstate-control");
  return namesIn(folder)
    .filter((name) => name.startsWith("manifest-"))
    .map((name) => join(folder, name));
}

/** Stamps that say what is not so. */
function lies(world: World): string[] {
  return manifestsIn(world).flatMap((path) => {
    const found = stampedWith(path);
    return (found?.unihashes ?? []).flatMap((unihash) => {
      // Taken away by hand as a whole: such a stamp does not count, see Stamps.state.
      if (!existsSync(found!.output)) return [];
      const files = readTree(found!.output);
      return [...world.expected.get(unihash)!]
        .filter(([name, text]) => files.get(name) !== text)
        .map(([name]) => `${found!.owner} says ${name} is there`);
    });
  });
}

/** What is not as a build in an empty folder would leave it. */
function differences(world: World, { machine, targets, other }: Request): string[] {
  const built = [
    ...targets.map((pn) => [pn, machine] as const),
    ...(other ?? []).map((pn) => [pn, machine === "ma" ? "mb" : "ma"] as const),
  ];
  return built.flatMap(([pn, one]) => {
    const files = new Map(world.wanted(pn, one));
    const folder = world.deploy(KINDS[pn]!.output(one, world.versionOf(pn)!));
    const found = existsSync(folder) ? readTree(folder) : new Map<string, string>();
    const names = KINDS[pn]!.isOwnFolder
      ? [...new Set([...found.keys(), ...files.keys()])]
      : [...files.keys()];
    return names
      .filter((name) => found.get(name) !== files.get(name))
      .map((name) => `${pn} for ${one}: ${name} is ${found.get(name)}, not ${files.get(name)}`);
  });
}

/** Files of shared folders that no manifest lists. */
function nobodys(world: World): string[] {
  const listed = new Set(manifestsIn(world).flatMap((path) => readManifest(path)!.files));
  if (!existsSync(world.deploy())) return [];
  return [...readTree(world.deploy()).keys()].filter((name) => !listed.has(world.deploy(name)));
}

function failures({ summary, problems }: Outcome): readonly string[] {
  return summary.ok ? problems : ["the build fails", ...problems];
}

class Sequence {
  readonly #random: () => number;
  readonly #world: World;
  readonly log: string[] = [];

  constructor(number: number) {
    this.#random = mulberry(number);
    this.#world = new World(newMetadata());
  }

  /** @returns what was wrong after the first step with a fault */
  async play(): Promise<string[]> {
    using world = this.#world;
    let request: Request | undefined;
    for (let step = 0; step < STEPS; step++) {
      for (let count = Math.floor(this.#random() * 3); count > 0; count--) this.#change();
      request = this.#request();
      const faults = await this.#build(request);
      if (faults.length > 0) return faults;
    }
    // What is expected was not built by the queue: now and then it is.
    if (this.#random() > 0.1 || request?.task === "do_clean") return [];
    using fresh = world.fresh();
    await fresh.build(request!);
    return differences(fresh, request!);
  }

  async #build(request: Request): Promise<string[]> {
    const world = this.#world;
    this.log.push(`build ${JSON.stringify(request)}`);
    const outcome = await world.build(request);
    const always = [...failures(outcome), ...lies(world), ...nobodys(world)];
    if (always.length > 0 || request.task === "do_clean") return always;
    const wrong = differences(world, request);
    if (wrong.length > 0) return wrong;
    const again = await world.build(request);
    return [...failures(again), ...again.started.map((one) => `again: ${one}`)];
  }

  #pick<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  #request(): Request {
    const known = Object.keys(KINDS).filter((pn) => this.#isBuildable(pn));
    const some = () => known.filter(() => this.#random() < 0.3);
    const machine = this.#pick<Machine>(["ma", "mb"]);
    const targets = some();
    if (targets.length === 0) targets.push(this.#pick(known));
    if (this.#random() < 0.15) return { machine, targets, task: "do_clean" };
    const isOther = this.#random() < 0.25;
    // What differs by machine in one work folder is refused: another test.
    const other = isOther ? some().filter((pn) => pn !== "leaky") : [];
    return other.length === 0 ? { machine, targets } : { machine, targets, other };
  }

  #isBuildable(pn: string): boolean {
    const { needs } = KINDS[pn]!;
    const isThere = (name: string) => this.#world.versionOf(name) !== undefined;
    return isThere(pn) && (needs === undefined || isThere(needs));
  }

  #change(): void {
    const { files, preferred } = this.#world.metadata;
    const pns = Object.keys(KINDS).filter((pn) => pn !== "lib-native");
    const pn = this.#pick(pns);
    const version = this.#pick<Version>(["1.0", "2.0"]);
    const kind = this.#pick([
      "content",
      "back",
      "prefer",
      "prefer",
      "delete",
      "add",
      "swap",
      "work",
      "deploy",
      "store",
    ]);
    this.log.push(`${kind} ${pn} ${version}`);
    const key = `${pn} ${version}`;
    if (kind === "content" && files.has(key)) files.set(key, files.get(key)! + 1);
    else if (kind === "back" && files.has(key)) files.set(key, 0);
    else if (kind === "prefer") preferred.set(pn, version);
    else if (kind === "delete" && pn !== "lib") files.delete(key);
    else if (kind === "add" && pn !== "rival" && (pn !== "tool" || !files.has("rival 1.0")))
      files.set(key, 0);
    else if (kind === "swap") this.#swap();
    else if (kind === "work") this.#removeBelow(join(this.#world.tmp, "work"));
    else if (kind === "deploy") this.#removeBelow(this.#world.deploy());
    else if (kind === "store") rmSync(join(this.#world.topdir, "sstate"), { recursive: true, force: true });
  }

  /** `tool` is renamed, or gets its name back. */
  #swap(): void {
    const { files } = this.#world.metadata;
    const [from, to] = files.has("rival 1.0") ? ["rival", "tool"] : ["tool", "rival"];
    for (const version of ["1.0", "2.0"]) {
      files.delete(`${from} ${version}`);
      files.set(`${to} ${version}`, 0);
    }
  }

  /** By hand, one folder or all of it. */
  #removeBelow(folder: string): void {
    if (!existsSync(folder)) return;
    const names = readdirSync(folder).sort(byText);
    if (names.length === 0) return;
    const path = this.#random() < 0.3 ? folder : join(folder, this.#pick(names));
    rmSync(path, { recursive: true });
  }
}

describe("stamps and shared folders", () => {
  const path = process.env["PATH"];
  // Without zstd artifacts are packed in this process, and a build of small files takes a third of the time.
  beforeAll(() => {
    process.env["PATH"] = "/nowhere";
  });
  afterAll(() => {
    process.env["PATH"] = path;
  });
  for (let number = seed; number < seed + runs; number++) {
    test(`sequence ${number}`, async () => {
      const sequence = new Sequence(number);
      const faults = await sequence.play();
      expect(faults.length === 0 ? [] : [...sequence.log, ...faults]).toEqual([]);
    });
  }
});
