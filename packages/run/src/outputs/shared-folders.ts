/**
 * The shared folders in one run: who installs there, who goes, and whose recipes are no more.
 *
 * @see OE-core meta/classes-global/sstate.bbclass, sstate_eventhandler_reachablestamps: what recipes have installed that are
 *   not parsed any more goes before anything else happens
 */
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { byText, hasCode, makeFolderSync, sha256, writeFileAtomic } from "@tsbake/base";
import type { TaskId } from "@tsbake/graph";
import { multiconfigOf } from "@tsbake/recipe";
import type { RecipeInfo } from "@tsbake/recipe";
import { changedFiles, installOutputs, uninstallOutputs } from "./install.js";
import { manifestFolder, manifestPath, readManifest } from "./manifest.js";
import type { Manifest, StampOwner } from "./manifest.js";
import { Owners } from "./owners.js";
import type { OwnerFacts } from "./owners.js";
import type { RunOptions } from "../options.js";

type SharedOptions = Pick<RunOptions, "graph" | "signatures" | "project" | "stamps" | "settings">;

export class SharedFolders {
  readonly #options: SharedOptions;
  readonly #owners = new Map<string, Owners>();
  readonly #facts: OwnerFacts;
  /** Once a run: what this run does stays. */
  readonly #marked = new Set<string>();
  /** Tasks of the graph by what their stamps stand for. */
  #tasks: Map<string, TaskId> | undefined;
  /** Recipes by STAMP. */
  #recipes: Map<string, RecipeInfo[]> | undefined;

  constructor(options: SharedOptions) {
    this.#options = options;
    const { stamps } = options;
    this.#facts = {
      isCurrent: (owner) => this.#isCurrent(owner),
      isKnown: (owner) => this.#isKnown(owner),
      hasStamp: ({ stamp, task }) => stamps.hasAny(stamp, task),
      withdraw: ({ stamp, task }) => void stamps.withdraw(stamp, task),
      onEvict: (tmpdir) => this.#markIn(tmpdir),
    };
  }

  /** Called before stamps are taken away: those of tasks without a body that are older count only when looked at. */
  mark(recipe: RecipeInfo): void {
    this.#markIn(this.#options.settings.tmpdir(recipe.id));
  }

  /** When stamps were last taken away; nobody knows: never said to be long ago. */
  changedMs(): number {
    const { graph, project, settings } = this.#options;
    const tmpdirs = new Set(
      [...new Set(graph.targets.map((task) => graph.node(task).recipe))].map((recipe) =>
        settings.tmpdir(project.recipes.get(recipe)!.id),
      ),
    );
    const times = [...tmpdirs].map((one) => statSync(changedPath(one), { throwIfNoEntry: false })?.mtimeMs);
    return Math.max(0, ...times.map((time) => time ?? Infinity));
  }

  #markIn(tmpdir: string): void {
    if (this.#marked.has(tmpdir)) return;
    this.#marked.add(tmpdir);
    markChanged(tmpdir);
  }

  /** Puts the output of a task where others find it. @throws BuildError `run/file-clash` */
  async install(recipe: RecipeInfo, task: string, label: string): Promise<void> {
    const artifact = recipe.tasks[task]?.artifact;
    if (!artifact) return;
    const owner = ownerOf(recipe, task, configurationOf(this.#options, recipe));
    await installOutputs(this.#ownersOf(recipe), { ...owner, label }, artifact);
  }

  /** Takes away what any task of the recipe has put there, in whichever version, with the stamps. */
  async uninstall(recipe: RecipeInfo): Promise<void> {
    const { pn, stamp } = recipe;
    const configuration = configurationOf(this.#options, recipe);
    await uninstallOutputs(this.#ownersOf(recipe), { pn, stamp, configuration });
  }

  /**
   * Looks at each file that tasks of the targets' recipes have installed. Where one is gone or another, its task has no stamp
   * any more.
   *
   * @returns the first such file of each task
   */
  doubtTargets(): { readonly recipe: RecipeInfo; readonly task: string; readonly file: string }[] {
    const { graph, project, stamps, settings } = this.#options;
    const recipes = new Set(graph.targets.map((target) => graph.node(target).recipe));
    const found = [];
    for (const recipe of [...recipes].map((key) => project.recipes.get(key)!)) {
      for (const task of Object.keys(recipe.tasks).filter((name) => recipe.tasks[name]!.artifact)) {
        const manifest = readManifest(manifestOf(settings.tmpdir(recipe.id), recipe, task));
        const [file] = manifest ? changedFiles(manifest) : [];
        if (file === undefined || !stamps.hasAny(recipe.stamp, task)) continue;
        this.mark(recipe);
        stamps.withdraw(recipe.stamp, task);
        found.push({ recipe, task, file });
      }
    }
    return found;
  }

  /** Takes away what recipes have put there that were among the metadata in the last build for this machine and are not now. */
  async prune(): Promise<void> {
    const { project, settings } = this.#options;
    const reachable = new Map<string, { tmpdir: string; configuration: string; lines: string[] }>();
    for (const recipe of project.recipes.values()) {
      if (recipe.stamp === "") continue;
      const multiconfig = multiconfigOf(recipe.id);
      let part = reachable.get(multiconfig);
      if (!part) {
        part = {
          tmpdir: settings.tmpdir(recipe.id),
          configuration: configurationOf(this.#options, recipe),
          lines: [],
        };
        reachable.set(multiconfig, part);
      }
      part.lines.push(`${recipe.pn}\t${recipe.stamp}\n`);
    }
    for (const { tmpdir, configuration, lines } of reachable.values()) {
      const index = recipeListPath(tmpdir, configuration);
      const text = lines.join("");
      const before = readIfThere(index);
      if (before === text) continue;
      const now = new Set([...reachable.values()].flatMap((one) => one.lines));
      const gone = before.split("\n").filter((line) => line.includes("\t") && !now.has(`${line}\n`));
      await this.#evict(tmpdir, gone);
      await writeFileAtomic(index, text, { sync: false });
    }
  }

  async #evict(tmpdir: string, gone: readonly string[]): Promise<void> {
    const owners = this.#ownersIn(tmpdir);
    for (const line of gone.toSorted(byText)) {
      const [pn, stamp] = line.split("\t") as [string, string];
      for (const found of owners.of(pn)) if (found.owner!.stamp === stamp) await owners.evict(found);
    }
  }

  #ownersOf(recipe: RecipeInfo): Owners {
    return this.#ownersIn(this.#options.settings.tmpdir(recipe.id));
  }

  #ownersIn(tmpdir: string): Owners {
    let owners = this.#owners.get(tmpdir);
    if (!owners) this.#owners.set(tmpdir, (owners = new Owners(tmpdir, this.#facts)));
    return owners;
  }

  #isCurrent(owner: StampOwner): boolean | undefined {
    const { graph, project, signatures, stamps } = this.#options;
    if (!this.#tasks) {
      this.#tasks = new Map();
      for (const id of graph.order) {
        const { recipe, task } = graph.node(id);
        const info = project.recipes.get(recipe)!;
        if (info.tasks[task]?.artifact) this.#tasks.set(keyOf(ownerOf(info, task, "")), id);
      }
    }
    const id = this.#tasks.get(keyOf(owner));
    if (id === undefined) return undefined;
    const { recipe, task } = graph.node(id);
    return stamps.state(project.recipes.get(recipe)!, task, signatures.of(id).unihash) !== undefined;
  }

  #isKnown(owner: StampOwner): boolean {
    if (!this.#recipes) {
      this.#recipes = new Map();
      for (const recipe of this.#options.project.recipes.values()) {
        const same = this.#recipes.get(recipe.stamp);
        if (same) same.push(recipe);
        else this.#recipes.set(recipe.stamp, [recipe]);
      }
    }
    return (this.#recipes.get(owner.stamp) ?? []).some((recipe) => {
      const info = recipe.tasks[owner.task];
      return recipe.pn === owner.pn && info?.artifact !== undefined && info.stampExtra === owner.extra;
    });
  }
}

/** Where the list is of what a task has installed. */
export function manifestOf(tmpdir: string, recipe: RecipeInfo, task: string): string {
  return manifestPath(tmpdir, ownerOf(recipe, task, ""));
}

function ownerOf({ pn, stamp, tasks }: RecipeInfo, task: string, configuration: string): StampOwner {
  const extra = tasks[task]?.stampExtra;
  return { pn, task, stamp, ...(extra !== undefined && { extra }), configuration };
}

function configurationOf({ settings }: SharedOptions, recipe: RecipeInfo): string {
  return settings.configuration?.(recipe.id) ?? "";
}

/** Stamps are about to be taken away, or have been. */
export function markChanged(tmpdir: string): void {
  const path = changedPath(tmpdir);
  makeFolderSync(dirname(path));
  writeFileSync(path, "");
  const now = new Date();
  utimesSync(path, now, now);
}

/** What `prune` compares with, again, from what is left of the manifests: after a power cut. */
export function writeRecipeLists(tmpdir: string, manifests: readonly Manifest[]): void {
  const lines = new Map<string, Set<string>>();
  for (const { owner } of manifests) {
    if (!owner) continue;
    const path = recipeListPath(tmpdir, owner.configuration);
    lines.set(path, (lines.get(path) ?? new Set()).add(`${owner.pn}\t${owner.stamp}\n`));
  }
  for (const [path, list] of lines) writeFileSync(path, [...list].sort(byText).join(""));
}

function recipeListPath(tmpdir: string, configuration: string): string {
  return join(manifestFolder(tmpdir), `recipes-${sha256(configuration).slice(0, 16)}`);
}

function changedPath(tmpdir: string): string {
  return join(manifestFolder(tmpdir), "changed");
}

function keyOf({ stamp, task, extra }: StampOwner): string {
  return `${stamp}\0${task}\0${extra ?? ""}`;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (hasCode(error, "ENOENT")) return "";
    throw error;
  }
}
