/** A project on the layer meta-toy: shell recipes that need no archive and no compiler, and the real `tsbake` on it. */
import { readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect } from "@jest/globals";
import type { RunResult } from "@tsbake/base";
import { root } from "./paths.js";
import { Rig } from "./rig.js";
import type { Trace } from "./rig.js";

const LAYER = join(root, "tests/fixtures/layers/meta-toy");

const PROJECT = `header:
  version: 14
machine: generic
distro: debian
target: page
repos:
  toy:
    path: meta-toy
`;

/** What a recipe does before do_configure, for comparisons with what ran. */
export const EARLY_TASKS = ["fetch", "patch", "prepare_recipe_sysroot", "unpack"];

/** `PN:do_task` of each, sorted as a trace is. */
export function tasksOf(pn: string, names: readonly string[]): string[] {
  return names.map((name) => `${pn}:do_${name}`).toSorted();
}

export type RunOptions = NonNullable<Parameters<Rig["tsbake"]>[1]>;

export class Toy implements Disposable {
  readonly rig: Rig;
  /** Undoes each change, in order of their making. */
  readonly #undo: (() => void)[] = [];

  constructor() {
    const files = readdirSync(LAYER, { recursive: true, encoding: "utf8" }).filter((path) =>
      statSync(join(LAYER, path)).isFile(),
    );
    this.rig = new Rig({
      "tsbake.yaml": PROJECT,
      // These recipes start the interpreter of whoever parses them, and no toy needs them.
      "build/conf/site.conf": 'BBMASK += "/recipes/images/ /recipes/sysfacts/"\n',
      ...Object.fromEntries(
        files.map((path) => [join("meta-toy", path), readFileSync(join(LAYER, path), "utf8")]),
      ),
    });
  }

  /** Writes a file until {@link restore}. */
  change(path: string, text: string | ((before: string) => string)): void {
    const full = this.rig.path(path);
    const before = statSync(full, { throwIfNoEntry: false });
    const old = before && this.rig.read(path);
    this.rig.write(path, typeof text === "string" ? text : text(old ?? ""));
    this.#undo.push(() => {
      if (!before) return rmSync(full, { force: true });
      this.rig.write(path, old!);
      utimesSync(full, before.atime, before.mtime);
    });
  }

  /** A recipe that is there until {@link restore}. */
  recipe(pn: string, text = ""): void {
    this.change(`meta-toy/recipes/extra/${pn}_1.0.bb`, `inherit toy\n${text}`);
  }

  configure(text: string): void {
    this.change("build/conf/local.conf", text);
  }

  restore(): void {
    for (const undo of this.#undo.splice(0).toReversed()) undo();
  }

  /** Runs the command; whatever it is about, no stack trace and no internal error are in what it says. */
  async tsbake(args: readonly string[], options: RunOptions = {}): Promise<RunResult & { output: string }> {
    const result = await this.rig.tsbake(args, options);
    const output = result.stdout + result.stderr;
    expectNoCrash(output);
    return { ...result, output };
  }

  /** As {@link tsbake} in this process. */
  async answered(args: readonly string[], options: RunOptions = {}): Promise<RunResult & { output: string }> {
    const result = await this.rig.answered(args, options);
    const output = result.stdout + result.stderr;
    expectNoCrash(output);
    return { ...result, output };
  }

  /** What a run in this process does: as it is for a library, and as the command has it. */
  async trace(args: readonly string[], options: RunOptions = {}): Promise<Trace> {
    const trace = await this.rig.traced(args, options);
    expectNoCrash(trace.output);
    return trace;
  }

  /** As {@link trace}, of a run that must succeed. */
  async built(args: readonly string[], options: RunOptions = {}): Promise<Trace> {
    const trace = await this.trace(args, options);
    if (trace.code !== 0) throw new Error(trace.output);
    return trace;
  }

  [Symbol.dispose](): void {
    this.rig[Symbol.dispose]();
  }
}

function expectNoCrash(output: string): void {
  expect(output).not.toMatch(/^\s+at .*:\d+:\d+\)?$/m);
  expect(output).not.toContain("internal-error");
}

/** The layer, built once for all tests of the file that calls this; what a test changes is undone after it. */
export function builtToy(): Toy {
  const toy = new Toy();
  beforeAll(async () => {
    await toy.built([]);
  });
  afterEach(() => toy.restore());
  afterAll(() => toy[Symbol.dispose]());
  return toy;
}
