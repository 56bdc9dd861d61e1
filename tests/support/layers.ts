/** Build folders over copies of fixture layers, and a Python that does the little that those ask for. */
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  PythonError,
  type Datastore,
  type PythonHost,
  type PythonPlace,
  type VisitedCalls,
} from "@tsbake/datastore";
import { evaluateWithoutPython } from "@tsbake/python";
import type { ParseOptions } from "@tsbake/recipe";
import { root } from "./paths.js";
import { temporaryFolder } from "./temporary.js";

/** A build folder `build` beside copies of fixture layers, gone at the end of `await using`. */
export class LayerRig implements AsyncDisposable {
  readonly folder: string;
  readonly topdir: string;

  constructor(...layers: readonly string[]) {
    this.folder = temporaryFolder("layers");
    this.topdir = join(this.folder, "build");
    for (const layer of layers) {
      cpSync(join(root, "tests/fixtures/layers", layer), join(this.folder, layer), { recursive: true });
    }
    const paths = layers.map((layer) => join(this.folder, layer));
    this.write(
      "build/conf/bblayers.conf",
      `BBPATH = "\${TOPDIR}"\nBBFILES ?= ""\nBBLAYERS = "${paths.join(" ")}"\n`,
    );
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  remove(name: string): void {
    rmSync(this.path(name));
  }

  [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    return Promise.resolve();
  }
}

/** Understands `raise bb.parse.SkipRecipe("…")`, `raise ValueError("…")` and `d.setVar("…", "…" or True)`, line by line. */
export class LittlePython implements PythonHost {
  /** Names of `def`s that can be called now. */
  defined: string[] = [];
  readonly #marked: string[] = [];

  evaluate(expression: string, d: Datastore): string {
    const call = /^(\w+)\(\)$/.exec(expression)?.[1];
    if (call !== undefined) {
      if (!this.defined.includes(call)) throw new PythonError("NameError", `name '${call}' is not defined`);
      return `called ${call}`;
    }
    const value = evaluateWithoutPython(expression, d);
    if (value === undefined) throw new Error(`LittlePython does not know ${expression}`);
    return value;
  }

  define(text: string): void {
    this.defined.push(/def\s+(\w+)/.exec(text)![1]!);
  }

  check(): void {}

  execute(_name: string, body: string, _place: PythonPlace, d: Datastore): void {
    for (const line of body.split("\n")) {
      const raised = /^\s*raise ([\w.]+)\("(.*)"\)$/.exec(line);
      if (raised) throw new PythonError(raised[1]!, raised[2]!);
      const set = /^\s*d\.setVar\("(.*)", (?:"(.*)"|True)\)$/.exec(line);
      if (set) d.setVar(set[1]!, set[2] ?? true);
    }
  }

  handle(...[name, body, place, , d]: Parameters<PythonHost["handle"]>): void {
    this.execute(name, body, place, d);
  }

  addLibrary(): [] {
    return [];
  }

  visitCalls(): VisitedCalls {
    return { contains: {}, calls: [] };
  }

  mark(): void {
    this.#marked.splice(0, this.#marked.length, ...this.defined);
  }

  reset(): void {
    this.defined = [...this.#marked];
  }
}

/** Parses a rig's build folder with nothing of this machine in it, and with the base hashes that `sign` gives. */
export function parseOptions(
  rig: LayerRig,
  sign: ParseOptions["signer"]["sign"],
  more: Partial<ParseOptions> = {},
): ParseOptions {
  const python = new LittlePython();
  return {
    topdir: rig.topdir,
    coreLayers: [],
    environment: {},
    preFiles: [],
    postFiles: [],
    initial: {},
    python: () => python,
    signer: { name: "unit", sign },
    onProgress: () => {},
    onWarning: () => {},
    ...more,
  };
}
