/**
 * A small project that changes: recipes with versions, machines, configurations and variants, whose bodies are functions
 * here, so that a build takes milliseconds. What a task must leave is known without building it.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { byText, sha256 } from "@tsbake/base";
import { Datastore } from "@tsbake/datastore";
import type { Signatures, TaskGraph, TaskId, TaskSignature } from "@tsbake/graph";
import type { RecipeId, RecipeInfo, TaskInfo } from "@tsbake/recipe";
import { openStamps, runTasks } from "@tsbake/run";
import type { PythonRunner, RunSummary } from "@tsbake/run";
import { openFolderStore } from "@tsbake/sstate";
import { fixedSignature, fixedSignatures } from "../support/signatures.js";
import { temporaryFolder } from "../support/temporary.js";

export type Machine = "ma" | "mb";
export type Version = "1.0" | "2.0";

/** What is the same for all versions of a recipe. */
interface Kind {
  /** `all` and `amd64`: one work folder for both machines. */
  readonly arch: "all" | "amd64" | "machine";
  /** Whether what it makes differs by machine. */
  readonly isMachines: boolean;
  /** Whose installed folder its body reads. */
  readonly needs?: string;
  /** Below deploy. */
  readonly output: (machine: Machine, version: Version) => string;
  /** The folder is read by others as a whole, and only one recipe installs there. */
  readonly isOwnFolder: boolean;
}

export const KINDS: Readonly<Record<string, Kind>> = {
  lib: { arch: "amd64", isMachines: false, output: () => "stage/lib", isOwnFolder: true },
  "lib-native": { arch: "amd64", isMachines: false, output: () => "stage/lib-native", isOwnFolder: true },
  app: {
    arch: "machine",
    isMachines: true,
    needs: "lib",
    output: (machine) => `images/${machine}/app`,
    isOwnFolder: true,
  },
  tool: { arch: "amd64", isMachines: false, needs: "lib-native", output: () => "common", isOwnFolder: false },
  leaky: { arch: "amd64", isMachines: true, output: () => "stage/leaky", isOwnFolder: true },
  firmware: {
    arch: "all",
    isMachines: false,
    output: (machine) => `images/${machine}/firmware`,
    isOwnFolder: true,
  },
  dated: { arch: "all", isMachines: false, output: (_, version) => `dated/${version}`, isOwnFolder: true },
  board: { arch: "machine", isMachines: true, output: () => "boards", isOwnFolder: false },
  // Shares a file with `tool`, of the same content.
  peer: { arch: "all", isMachines: false, output: () => "common", isOwnFolder: false },
  // Installs what `tool` does, and so can only be there when that is not.
  rival: { arch: "amd64", isMachines: false, output: () => "common", isOwnFolder: false },
};

/** What stands in the metadata and in the configuration. */
export interface Metadata {
  /** Content of each recipe's file, by PN and version; absent: there is no such file. */
  readonly files: Map<string, number>;
  readonly preferred: Map<string, Version>;
}

export interface Request {
  readonly machine: Machine;
  /** Of the configuration `x`, whose machine is the other one; it shares TMPDIR. */
  readonly other?: readonly string[];
  readonly targets: readonly string[];
  readonly task?: "do_build" | "do_clean";
}

export interface Outcome {
  readonly summary: RunSummary;
  /** `run pn:do_x`, `restore pn:do_x` of what started. */
  readonly started: readonly string[];
  readonly problems: readonly string[];
}

interface Described {
  readonly info: RecipeInfo;
  readonly machine: Machine;
  readonly version: Version;
  readonly content: number;
  /** The recipe that it needs. */
  readonly below?: string;
}

/** Digits in place of what the room `recipe` makes of the folders. */
const extraOf = (output: string) => sha256(output).slice(0, 12);

export class World implements Disposable {
  readonly topdir: string;
  readonly metadata: Metadata;
  /** What each signature of a do_art must leave, by path below the output folder. */
  readonly expected: Map<string, ReadonlyMap<string, string>>;

  constructor(metadata: Metadata, expected = new Map<string, ReadonlyMap<string, string>>()) {
    this.topdir = temporaryFolder("world");
    this.metadata = metadata;
    this.expected = expected;
  }

  /** The same metadata in an empty build folder. */
  fresh(): World {
    return new World(this.metadata, this.expected);
  }

  get tmp(): string {
    return join(this.topdir, "tmp");
  }

  deploy(path = ""): string {
    return join(this.tmp, "deploy", path);
  }

  [Symbol.dispose](): void {
    rmSync(this.topdir, { recursive: true, force: true });
  }

  versionOf(pn: string): Version | undefined {
    const name = pn === "lib-native" ? "lib" : pn;
    const preferred = this.metadata.preferred.get(name) ?? "2.0";
    const other = preferred === "1.0" ? "2.0" : "1.0";
    return [preferred, other].find((version) => this.metadata.files.has(`${name} ${version}`)) as
      Version | undefined;
  }

  async build(request: Request): Promise<Outcome> {
    const recipes = this.#recipes(request);
    const task = request.task ?? "do_build";
    const targets = [
      ...request.targets.map((pn) => ["", pn] as const),
      ...(request.other ?? []).map((pn) => ["x", pn] as const),
    ].map(([mc, pn]) => `${idOf(mc, pn, this.versionOf(pn)!)}:${task}` as TaskId);
    const graph = makeGraph(recipes, targets);
    const stamps = openStamps();
    const signatures = sign(graph, recipes);
    this.#expect(graph, recipes, signatures);
    const started: string[] = [];
    const problems: string[] = [];
    const summary = await runTasks({
      graph,
      signatures,
      project: { recipes: new Map([...recipes].map(([id, { info }]) => [id, info])) },
      isWhole: true,
      openRecipe: (id) => this.#datastore(recipes.get(id)!),
      store: openFolderStore(join(this.topdir, "sstate"), { onWarning: () => {} }),
      stamps,
      settings: {
        folders: [this.topdir],
        threads: 3,
        tmpdir: () => this.tmp,
        configuration: (id) => `${id.startsWith("mc:") ? "x" : ""}:${recipes.get(id)!.machine}`,
        cache: join(this.topdir, "cache"),
        epochSeconds: 1_700_000_000,
        verbose: false,
      },
      setscene: "on",
      keepGoing: false,
      dryRun: false,
      runPython: this.#runPython(recipes),
      onEvent: (event) => {
        if (event.type === "task-started") started.push(`${event.how} ${event.label}`);
        if (event.type === "task-failed") {
          problems.push(...event.failure.diagnostics.map(({ code, message }) => `${code}: ${message}`));
        }
      },
    });
    return { summary, started, problems };
  }

  /** Every recipe of the metadata in both configurations, whichever version. */
  #recipes({ machine, other }: Request): Map<RecipeId, Described> {
    const recipes = new Map<RecipeId, Described>();
    const configurations: (readonly [string, Machine])[] = [["", machine]];
    if (other) configurations.push(["x", machine === "ma" ? "mb" : "ma"]);
    for (const [mc, one] of configurations) {
      for (const pn of Object.keys(KINDS)) {
        for (const version of ["1.0", "2.0"] as const) {
          const described = this.#describe(mc, one, pn, version);
          if (described) recipes.set(described.info.id, described);
        }
      }
    }
    return recipes;
  }

  #describe(mc: string, machine: Machine, pn: string, version: Version): Described | undefined {
    const kind = KINDS[pn]!;
    const content = this.metadata.files.get(`${pn === "lib-native" ? "lib" : pn} ${version}`);
    if (content === undefined) return undefined;
    const neededVersion = kind.needs === undefined ? undefined : this.versionOf(kind.needs);
    if (kind.needs !== undefined && neededVersion === undefined) return undefined;
    const arch = kind.arch === "machine" ? machine : kind.arch;
    const work = join(this.tmp, "work", arch, pn, version);
    const output = this.deploy(kind.output(machine, version));
    const artifact = { inputs: [join(work, "out")], outputs: [output], plain: [] };
    const task = (name: string, after: string[], more: Partial<TaskInfo> = {}) =>
      [name, { name, after, baseHash: "", ...more }] as const;
    const tasks = [
      task("do_make", []),
      task("do_art", ["do_make"], { artifact, stampExtra: extraOf(output) }),
      task("do_build", ["do_art"], { noexec: true }),
      task("do_clean", [], { nostamp: true }),
    ];
    const info = {
      id: idOf(mc, pn, version),
      pn,
      pv: version,
      stamp: join(this.tmp, "stamps", arch, pn, version),
      sstateSpec: `sstate:${pn}:${arch}:${version}:r0::14:`,
      tasks: Object.fromEntries(tasks),
    } as unknown as RecipeInfo;
    const below = kind.needs === undefined ? undefined : idOf(mc, kind.needs, neededVersion!);
    return { info, machine, version, content, ...(below !== undefined && { below }) };
  }

  /** Files of a recipe, by what it is made of. */
  filesOf({ info: { pn }, machine, version, content }: Described, read: string): Map<string, string> {
    const by = KINDS[pn]!.isMachines ? machine : "any";
    const text = `${pn} ${version} ${content} ${by}\n${read}`;
    if (pn === "peer") {
      return new Map([
        ["peer", text],
        ["same", "the same for both\n"],
      ]);
    }
    if (pn === "tool" || pn === "rival") {
      return new Map([
        ["tool", text],
        ["same", "the same for both\n"],
        [`tool-${version}`, text],
      ]);
    }
    if (pn === "board")
      return new Map([
        [`${by}.bin`, text],
        ["all.txt", "the same for all\n"],
      ]);
    return new Map([
      ["version", text],
      [`only-${version}`, ""],
      [content % 2 === 0 ? "even" : "sub/odd", ""],
    ]);
  }

  /** What the recipe must leave in its output folder. */
  wanted(pn: string, machine: Machine): Map<string, string> {
    const described = this.#describe("", machine, pn, this.versionOf(pn)!)!;
    const { needs } = KINDS[pn]!;
    return this.filesOf(described, needs === undefined ? "" : dump(this.wanted(needs, machine)));
  }

  #expect(graph: TaskGraph, recipes: ReadonlyMap<RecipeId, Described>, signatures: Signatures): void {
    const dumps = new Map<RecipeId, string>();
    for (const id of graph.order) {
      const { recipe, task } = graph.node(id);
      if (task !== "do_art") continue;
      const described = recipes.get(recipe)!;
      const below = described.below as RecipeId | undefined;
      const files = this.filesOf(described, below === undefined ? "" : dumps.get(below)!);
      dumps.set(recipe, dump(files));
      this.expected.set(signatures.of(id).unihash, files);
    }
  }

  #datastore({ info, machine }: Described): Datastore {
    const d = new Datastore();
    const arch = KINDS[info.pn]!.arch === "machine" ? machine : KINDS[info.pn]!.arch;
    const work = join(this.tmp, "work", arch, info.pn, info.pv);
    for (const [name, value] of Object.entries({
      PN: info.pn,
      WORKDIR: work,
      T: join(work, "temp"),
      ID: info.id,
    })) {
      d.setVar(name, value);
    }
    for (const name of ["do_make", "do_art", "do_clean"]) {
      d.setVar(name, "    pass");
      for (const flag of ["func", "python", "task", "network"]) d.setVarFlag(name, flag, "1");
    }
    d.setVarFlag("do_make", "cleandirs", "${WORKDIR}/made");
    d.setVarFlag("do_art", "cleandirs", "${WORKDIR}/out");
    d.setVarFlag("do_clean", "uninstall", "1");
    return d;
  }

  /** do_make reads what the needed recipe has installed; do_art takes what do_make has made; do_clean is that of base.bbclass. */
  #runPython(recipes: ReadonlyMap<RecipeId, Described>): PythonRunner {
    return ({ function: name, d }) => {
      const described = recipes.get(d.getText("ID") as RecipeId)!;
      const work = d.getText("WORKDIR")!;
      if (name === "do_clean") {
        const { stamp } = described.info;
        rmSync(work, { recursive: true, force: true });
        for (const path of namesIn(dirname(stamp))) {
          if (path.startsWith(`${described.version}.do_`)) rmSync(join(dirname(stamp), path));
        }
      } else if (name === "do_make") {
        const below = described.below === undefined ? undefined : recipes.get(described.below as RecipeId);
        const folder = below && this.deploy(KINDS[below.info.pn]!.output(below.machine, below.version));
        const files = this.filesOf(described, folder === undefined ? "" : dump(readTree(folder)));
        for (const [path, text] of files) write(join(work, "made", path), text);
      } else {
        for (const [path, text] of readTree(join(work, "made"))) write(join(work, "out", path), text);
      }
      return Promise.resolve({ code: 0 });
    };
  }
}

function idOf(mc: string, pn: string, version: Version): RecipeId {
  return `${mc === "" ? "" : `mc:${mc}:`}/${pn}_${version}.bb` as RecipeId;
}

/** Files by path, sorted. */
export function readTree(folder: string): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort(byText);
  const files = names.filter((name) => !statSync(join(folder, name)).isDirectory());
  return new Map(files.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function dump(files: ReadonlyMap<string, string>): string {
  return [...files]
    .toSorted(([left], [right]) => byText(left, right))
    .map(([path, text]) => `${path}=${text}|`)
    .join("");
}

function makeGraph(recipes: ReadonlyMap<RecipeId, Described>, targets: readonly TaskId[]): TaskGraph {
  const split = (id: TaskId) => {
    const at = id.lastIndexOf(":");
    return { recipe: id.slice(0, at) as RecipeId, task: id.slice(at + 1) };
  };
  const needs = new Map<TaskId, readonly TaskId[]>();
  const order: TaskId[] = [];
  const visit = (id: TaskId) => {
    if (needs.has(id)) return;
    const { recipe, task } = split(id);
    const { info, below } = recipes.get(recipe)!;
    const own = info.tasks[task]!.after.map((name) => `${recipe}:${name}` as TaskId);
    const others = task === "do_make" && below !== undefined ? [`${below}:do_build` as TaskId] : [];
    needs.set(id, [...own, ...others]);
    for (const need of needs.get(id)!) visit(need);
    order.push(id);
  };
  for (const target of targets) visit(target);
  return {
    get graph(): never {
      throw new Error("the run queue does not make the graph that takes a second");
    },
    node: split,
    has: (id) => needs.has(id),
    targets,
    order,
    label: (id) => id.replaceAll(/[/]|\.bb/g, ""),
    needs: (id) => needs.get(id)!,
  };
}

function sign(graph: TaskGraph, recipes: ReadonlyMap<RecipeId, Described>): Signatures {
  const signed = new Map<TaskId, TaskSignature>();
  for (const id of graph.order) {
    const { recipe, task } = graph.node(id);
    const { info, machine, version, content } = recipes.get(recipe)!;
    const needs = graph.needs(id).map((need) => signed.get(need)!.unihash);
    const by = KINDS[info.pn]!.isMachines ? machine : "";
    const text = JSON.stringify([
      task,
      info.pn,
      version,
      content,
      by,
      needs,
      task === "do_clean" ? Math.random() : "",
    ]);
    const unihash = sha256(text).slice(0, 16);
    signed.set(id, fixedSignature(id, unihash));
  }
  return fixedSignatures(signed);
}
