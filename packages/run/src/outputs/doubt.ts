/**
 * What is not sure to be on the disk yet. A stamp promises files, and files that are not synced can come back from a power
 * cut empty, full of zeros or cut off, while the stamp is there. To sync every file would cost more than the tasks do, so:
 *
 *     TMPDIR/unsynced.json    the boot of the machine, and the recipes of which this build does something
 *
 * It is on the disk before the first task of such a recipe begins, and goes when the file systems are synced: at the end of
 * the build, and for recipes that are finished by then every quarter of a minute. Who finds it in another boot (power-cut.ts)
 * believes nothing of these recipes.
 *
 * No times are compared, so a clock that jumps does no harm; nothing is written per task.
 */
import { readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Repetition } from "@tsbake/base";
import {
  BuildError,
  every,
  hasCode,
  messageOf,
  readTextIfThere,
  run,
  writeFileSynced,
  jsonObject,
} from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
import type { RecipeId, RecipeInfo } from "@tsbake/recipe";
import type { RunEvent } from "../events.js";
import type { RunOptions } from "../options.js";
import { damagedMark, notSynced } from "../problems.js";
import { manifestOf } from "./shared-folders.js";

/** How often what is finished becomes sure, in ms. */
const SYNC_EVERY_MS = 15_000;
const MARK = "unsynced.json";

/** What goes when the machine stopped before all of a recipe was synced. */
export interface Doubtful {
  /** STAMP */
  readonly stamp: string;
  /** WORKDIR */
  readonly workFolder?: string;
  /** Output folders that a task installs into, by the path of its manifest. */
  readonly outputs: Readonly<Record<string, readonly string[]>>;
}

export interface Mark {
  readonly boot: string;
  readonly recipes: readonly Doubtful[];
}

/** The file of a TMPDIR that says what is in doubt there. */
export function markPath(tmpdir: string): string {
  return join(tmpdir, MARK);
}

/** Undefined when nothing is in doubt. @throws BuildError `run/damaged-mark` */
export async function readMark(tmpdir: string): Promise<Mark | undefined> {
  const text = await readTextIfThere(markPath(tmpdir));
  if (text === undefined) return undefined;
  const { boot, recipes } = jsonObject(text) ?? {};
  if (typeof boot === "string" && Array.isArray(recipes)) return { boot, recipes: recipes as Doubtful[] };
  throw new BuildError([damagedMark(markPath(tmpdir))]);
}

/**
 * What tells this start of the machine from all others; in a container it is the host's. TSBAKE_BOOT_ID is for tests, which
 * cannot start the machine again. Empty: nobody knows, and then every killed build is taken for a power cut.
 */
export function bootId(): string {
  const given = process.env["TSBAKE_BOOT_ID"];
  if (given) return given;
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch (error) {
    if (!hasCode(error, "ENOENT", "EACCES", "EPERM")) throw error;
    return "";
  }
}

/** syncfs(2) of the file systems that the folders are on. @returns why it could not be, or undefined */
export async function syncFolders(folders: Iterable<string>): Promise<string | undefined> {
  const byDevice = new Map<number, string>();
  for (const folder of folders) {
    const device = statSync(folder, { throwIfNoEntry: false })?.dev;
    if (device !== undefined && !byDevice.has(device)) byDevice.set(device, folder);
  }
  if (byDevice.size === 0) return undefined;
  try {
    const { code, stderr } = await run("sync", ["-f", "--", ...byDevice.values()], { mayFail: true });
    return code === 0 ? undefined : stderr.trim() || `sync ended with ${code}`;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "there is no `sync` (coreutils) on PATH";
    throw error;
  }
}

/** Everything of a mark whose bytes have to be on the disk. */
export function foldersOf(tmpdir: string, recipes: readonly Doubtful[]): Set<string> {
  const paths = recipes.flatMap(({ stamp, workFolder, outputs }) => [
    dirname(stamp),
    ...(workFolder === undefined ? [] : [workFolder]),
    ...Object.values(outputs).flat(),
  ]);
  return new Set([tmpdir, ...paths]);
}

type DoubtOptions = Pick<RunOptions, "graph" | "project" | "settings">;

/** The recipes of which this build does something, until they are synced. */
export class Doubts {
  readonly #options: DoubtOptions;
  readonly #emit: (event: RunEvent) => void;
  readonly #boot = bootId();
  /** By TMPDIR. */
  readonly #inDoubt = new Map<string, Map<RecipeId, Doubtful>>();
  #timer: Repetition | undefined;
  /** Syncs and marks, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #isTold = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: DoubtOptions, emit: (event: RunEvent) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /** @param openTasks what runs or will run */
  open(openTasks: () => readonly TaskId[]): void {
    const recipes = this.#recipesOf(openTasks());
    this.#add([...recipes].map((id) => this.#options.project.recipes.get(id)!));
    const settle = (): void => this.#settle(() => this.#recipesOf(openTasks()));
    this.#timer = every(SYNC_EVERY_MS, settle, { onError: (error) => this.#fail(error), keepsAlive: false });
  }

  /** Before anything of the recipe changes. Most were known when the build began. */
  begin(recipe: RecipeInfo): void {
    const known = this.#inDoubt.get(this.#options.settings.tmpdir(recipe.id));
    const entry = known?.get(recipe.id);
    if (!entry) this.#add([recipe]);
    // A sync that has begun says nothing of what comes now.
    else known!.set(recipe.id, { ...entry });
  }

  /** When nothing runs any more: all is synced. */
  async close(): Promise<void> {
    this.#timer?.stop();
    this.#settle(() => new Set());
    await this.#turn;
    if (this.#failure) throw this.#failure.error;
  }

  /** Nothing is executed of a task without a body: what its stamp stands for are others' files. */
  #recipesOf(tasks: readonly TaskId[]): Set<RecipeId> {
    const { graph, project } = this.#options;
    const nodes = tasks.map((task) => graph.node(task));
    return new Set(
      nodes.flatMap(({ recipe, task }) => (project.recipes.get(recipe)?.tasks[task]?.noexec ? [] : recipe)),
    );
  }

  #add(recipes: readonly RecipeInfo[]): void {
    const changed = new Set<string>();
    for (const recipe of recipes) {
      const tmpdir = this.#options.settings.tmpdir(recipe.id);
      if (tmpdir === "") continue;
      const known = this.#inDoubt.get(tmpdir) ?? new Map<RecipeId, Doubtful>();
      this.#inDoubt.set(tmpdir, known);
      known.set(recipe.id, doubtful(tmpdir, recipe));
      changed.add(tmpdir);
    }
    for (const tmpdir of changed) this.#write(tmpdir);
  }

  #write(tmpdir: string): void {
    const mark: Mark = { boot: this.#boot, recipes: [...this.#inDoubt.get(tmpdir)!.values()] };
    writeFileSynced(markPath(tmpdir), JSON.stringify(mark));
  }

  #settle(open: () => Set<RecipeId>): void {
    const work = async (): Promise<void> => {
      const stillOpen = open();
      for (const [tmpdir, recipes] of this.#inDoubt) {
        const finished = new Map([...recipes].filter(([id]) => !stillOpen.has(id)));
        if (finished.size === 0) continue;
        const failure = await this.#sync(tmpdir, recipes, finished).catch(messageOf);
        if (failure === undefined || this.#isTold) continue;
        this.#isTold = true;
        this.#emit({ type: "warning", diagnostic: notSynced(tmpdir, failure) });
      }
    };
    // Nobody waits for it before the end.
    this.#turn = this.#turn.then(work).catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
  }

  async #sync(
    tmpdir: string,
    recipes: Map<RecipeId, Doubtful>,
    finished: ReadonlyMap<RecipeId, Doubtful>,
  ): Promise<string | undefined> {
    const failure = await syncFolders(foldersOf(tmpdir, [...finished.values()]));
    if (failure !== undefined) return failure;
    // What has begun again meanwhile has another entry.
    for (const [id, one] of finished) if (recipes.get(id) === one) recipes.delete(id);
    if (recipes.size > 0) this.#write(tmpdir);
    else rmSync(markPath(tmpdir), { force: true });
    return undefined;
  }
}

function doubtful(tmpdir: string, recipe: RecipeInfo): Doubtful {
  const outputs: Record<string, string[]> = {};
  for (const { name, artifact } of Object.values(recipe.tasks)) {
    const installed = artifact?.outputs.filter((to, index) => {
      const from = artifact.inputs[index];
      return from !== undefined && from !== to;
    });
    if (installed?.length) outputs[manifestOf(tmpdir, recipe, name)] = installed;
  }
  const { stamp, workFolder } = recipe;
  return { stamp, ...(workFolder !== undefined && { workFolder }), outputs };
}
