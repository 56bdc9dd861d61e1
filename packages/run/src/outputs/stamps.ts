/**
 * Stamps: empty files that say "this task is done with this signature", beside each other at `${STAMP}.…`.
 * A folder is listed once; ten thousand checks cost one readdir a recipe.
 *
 * @see BitBake 2.19 lib/bb/build.py (make_stamp, del_stamp), lib/bb/siggen.py (stampfile_base); names are the same
 */
import { readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { byText, hasCode, makeFolderSync } from "@tsbake/base";
import type { RecipeInfo } from "@tsbake/recipe";
import type { StampTimes } from "../plan/currency.js";

/** The part of a recipe that stamps need. */
export type Stamped = Pick<RecipeInfo, "stamp" | "tasks">;

/** The signature that a task of the recipe has now; undefined when nobody has computed it. */
export type WantedSignature = (task: string) => string | undefined;

export interface Stamps {
  /** The text of the taint that `-f` left, or undefined. */
  taint(recipe: Stamped, task: string): string | undefined;
  /** `-f`, `-C`: makes the task's signature new, now and until its stamps are cleaned. */
  addTaint(recipe: Stamped, task: string): void;
  /** Done by a body (`real`), by a restore (`setscene`), or not with this signature. */
  state(recipe: Stamped, task: string, unihash: string): "real" | "setscene" | undefined;
  /** The signature of the task's stamp, whichever it is: what the task was last done with. */
  stamped(recipe: Stamped, task: string): string | undefined;
  /** When it was done, in seconds, by each kind of stamp with this signature. */
  times(recipe: Stamped, task: string, unihash: string): StampTimes;
  /**
   * Called before a task changes anything on disk: takes away its own stamps, and those of later tasks of the recipe that
   * are of another signature than `wanted` says. Otherwise a build that is interrupted and then put back to its old
   * inputs would find old stamps beside new files.
   */
  begin(recipe: Stamped, task: string, wanted: WantedSignature): void;
  /**
   * Called when signatures have changed, which in a run means that an output turned out to be equivalent to a known one:
   * puts back, with their old time, stamps of later tasks that `begin` has taken away and that are wanted again. Only where
   * each earlier task of this run has been restored to its end: what a body leaves is not what was there.
   *
   * @returns whether there were some
   */
  bringBack(recipe: Stamped, wanted: WantedSignature): boolean;
  /** The very last step of a task. */
  finish(recipe: Stamped, task: string, unihash: string, how: "real" | "setscene"): void;
  /** `${STAMP}.<task>.sigdata.<unihash>` */
  sigdataPath(recipe: Stamped, task: string, unihash: string): string;
}

/** A fresh view of the disk; make one a run. */
export function openStamps(): Stamps {
  return new StampFolders();
}

/** What this run has done to the stamps of a recipe. */
interface Changes {
  /** Tasks that have begun, and how they ended. */
  readonly begun: Map<string, "open" | "real" | "setscene">;
  /** Stamps of tasks that have not begun, taken away: when they were made, by the end of their names. */
  readonly aside: Map<string, { readonly task: string; readonly unihash: string; readonly time: Date }>;
}

/** Paths of stamps of the task that are of another signature, in order; what they stand for was made with other inputs. */
export function staleStamps(recipe: Stamped, task: string, unihash: string): string[] {
  const base = basename(recipe.stamp);
  const [real, setscene] = [`${base}.${task}`, `${base}.${task}_setscene`];
  return readFolder(dirname(recipe.stamp))
    .filter((name) => name.startsWith(`${real}.`) || name.startsWith(`${setscene}.`))
    .filter((name) => !/sigdata|sigbasedata|\.taint$/.test(name))
    .filter((name) => name !== `${real}.${unihash}` && name !== `${setscene}.${unihash}`)
    .sort(byText)
    .map((name) => join(dirname(recipe.stamp), name));
}

class StampFolders implements Stamps {
  readonly #folders = new Map<string, Set<string>>();
  readonly #changes = new Map<string, Changes>();

  taint(recipe: Stamped, task: string): string | undefined {
    if (!this.#list(recipe).has(`${basename(recipe.stamp)}.${task}.taint`)) return undefined;
    return readFileSync(`${recipe.stamp}.${task}.taint`, "utf8").trim();
  }

  addTaint(recipe: Stamped, task: string): void {
    this.#write(recipe, `${task}.taint`, randomUUID());
  }

  state(recipe: Stamped, task: string, unihash: string): "real" | "setscene" | undefined {
    const names = this.#list(recipe);
    const base = basename(recipe.stamp);
    if (names.has(`${base}.${task}.${unihash}`)) return "real";
    return names.has(`${base}.${task}_setscene.${unihash}`) ? "setscene" : undefined;
  }

  stamped(recipe: Stamped, task: string): string | undefined {
    const base = basename(recipe.stamp);
    const prefixes = [`${base}.${task}.`, `${base}.${task}_setscene.`];
    for (const name of this.#list(recipe)) {
      const prefix = prefixes.find((one) => name.startsWith(one));
      const rest = prefix === undefined ? undefined : name.slice(prefix.length);
      if (rest !== undefined && /^[0-9a-f]+$/.test(rest)) return rest;
    }
    return undefined;
  }

  times(recipe: Stamped, task: string, unihash: string): StampTimes {
    const timeOf = (name: string) => {
      const suffix = `${name}.${unihash}`;
      if (!this.#list(recipe).has(`${basename(recipe.stamp)}.${suffix}`)) return undefined;
      const stat = statSync(`${recipe.stamp}.${suffix}`, { throwIfNoEntry: false });
      return stat && Math.floor(stat.mtimeMs / 1000);
    };
    return { real: timeOf(task), setscene: timeOf(`${task}_setscene`) };
  }

  begin(recipe: Stamped, task: string, wanted: WantedSignature): void {
    const { begun, aside } = this.#changesOf(recipe);
    begun.set(task, "open");
    this.#remove(recipe, task);
    this.#remove(recipe, `${task}_setscene`);
    for (const [suffix, { task: of }] of aside) if (of === task) aside.delete(suffix);
    for (const later of tasksAfter(recipe, task)) {
      const kept = wanted(later);
      for (const name of [later, `${later}_setscene`]) {
        for (const { unihash, time } of this.#remove(recipe, name, kept)) {
          aside.set(`${name}.${unihash}`, { task: later, unihash, time });
        }
      }
    }
  }

  bringBack(recipe: Stamped, wanted: WantedSignature): boolean {
    const { begun, aside } = this.#changesOf(recipe);
    const again = [...aside].filter(([, { task, unihash }]) => wanted(task) === unihash);
    if (again.length === 0) return false;
    const inDoubt = new Set<string>();
    for (const [task, end] of begun) {
      if (end !== "setscene") for (const later of tasksAfter(recipe, task)) inDoubt.add(later);
    }
    const sure = again.filter(([, { task }]) => !inDoubt.has(task));
    for (const [suffix, { time }] of sure) {
      this.#write(recipe, suffix, "", time);
      aside.delete(suffix);
    }
    return sure.length > 0;
  }

  finish(recipe: Stamped, task: string, unihash: string, how: "real" | "setscene"): void {
    const { begun } = this.#changesOf(recipe);
    // Without a beginning nothing was executed.
    if (begun.has(task)) begun.set(task, how);
    this.#remove(recipe, task);
    this.#remove(recipe, `${task}_setscene`);
    this.#write(recipe, `${how === "real" ? task : `${task}_setscene`}.${unihash}`, "");
  }

  sigdataPath(recipe: Stamped, task: string, unihash: string): string {
    return `${recipe.stamp}.${task}.sigdata.${unihash}`;
  }

  #list(recipe: Stamped): Set<string> {
    const folder = dirname(recipe.stamp);
    let names = this.#folders.get(folder);
    if (!names) {
      names = new Set(readFolder(folder));
      this.#folders.set(folder, names);
    }
    return names;
  }

  #changesOf({ stamp }: Stamped): Changes {
    let changes = this.#changes.get(stamp);
    if (!changes) this.#changes.set(stamp, (changes = { begun: new Map(), aside: new Map() }));
    return changes;
  }

  /** Stamps of one task name but that of one signature; taints and signature data stay. */
  #remove(recipe: Stamped, task: string, kept?: string): { unihash: string; time: Date }[] {
    const names = this.#list(recipe);
    const prefix = `${basename(recipe.stamp)}.${task}.`;
    const removed: { unihash: string; time: Date }[] = [];
    for (const name of names) {
      if (!name.startsWith(prefix)) continue;
      const rest = name.slice(prefix.length);
      if (rest === kept || /^(taint$|sigdata\.|sigbasedata\.)/.test(rest)) continue;
      const path = join(dirname(recipe.stamp), name);
      const time = statSync(path, { throwIfNoEntry: false })?.mtime;
      if (time) removed.push({ unihash: rest, time });
      rmSync(path, { force: true });
      names.delete(name);
    }
    return removed;
  }

  #write(recipe: Stamped, suffix: string, text: string, time = new Date()): void {
    const names = this.#list(recipe);
    const path = `${recipe.stamp}.${suffix}`;
    makeFolderSync(dirname(path));
    writeFileSync(path, text);
    utimesSync(path, time, time);
    names.add(basename(path));
  }
}

/** All tasks of the recipe that come after `task`, directly or not (addtask order). */
function tasksAfter(recipe: Stamped, task: string): Set<string> {
  const later = new Set<string>();
  const queue = [task];
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    for (const other of Object.values(recipe.tasks)) {
      if (other.name === task || later.has(other.name) || !other.after.includes(at)) continue;
      later.add(other.name);
      queue.push(other.name);
    }
  }
  return later;
}

function readFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
