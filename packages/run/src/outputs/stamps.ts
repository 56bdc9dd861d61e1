/**
 * Stamps: empty files that say "this task is done with this signature", beside each other at `${STAMP}.…`.
 * A folder is listed once; ten thousand checks cost one readdir a recipe.
 *
 * A stamp is valid only while every file that its task put into a shared folder is there and its own. What takes files
 * away takes the stamps of their owner away first (`withdraw`).
 *
 * @see BitBake 2.19 lib/bb/build.py (make_stamp, del_stamp), lib/bb/siggen.py (stampfile_base); names are the same
 */
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { randomUUID } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { byText, makeFolderSync } from "@tsbake/base";
import type { RecipeInfo } from "@tsbake/recipe";
import type { StampTimes } from "../plan/currency.js";
import { listFolder } from "./list-folder.js";

/** The part of a recipe that stamps need. */
export type Stamped = Pick<RecipeInfo, "stamp" | "tasks">;

type Artifact = RecipeInfo["tasks"][string]["artifact"];

/** The signature that a task of the recipe has now; undefined when nobody has computed it. */
export type WantedSignature = (task: string) => string | undefined;

export interface Stamps {
  /** The text of the taint that `-f` left, or undefined. */
  taint(recipe: Stamped, task: string): string | undefined;
  /** `-f`, `-C`: makes the task's signature new, now and until its stamps are cleaned. */
  addTaint(recipe: Stamped, task: string): void;
  /**
   * Done by a body (`real`), by a restore (`setscene`), or not with this signature. A stamp of a task of which an output
   * folder is gone does not count.
   */
  state(recipe: Stamped, task: string, unihash: string): "real" | "setscene" | undefined;
  /** The signature of the task's stamp, whichever it is: what the task was last done with. */
  stamped(recipe: Stamped, task: string): string | undefined;
  /** When a task without a body was stamped, or found to be up to date; undefined without a stamp of this signature. */
  timeMs(recipe: Stamped, task: string, unihash: string): number | undefined;
  /** It is up to date now. */
  refresh(recipe: Stamped, task: string, unihash: string): void;
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
  restamp(recipe: Stamped, wanted: WantedSignature): boolean;
  /**
   * Before files are taken away that a task has put into shared folders: none of its stamps may say any more that they are
   * there, and none may come back.
   *
   * @param stamp STAMP of the recipe that has put them there; it need not be one of this build
   * @returns whether there were some
   */
  withdraw(stamp: string, task: string): boolean;
  /** The task has a stamp, of whatever signature. */
  hasAny(stamp: string, task: string): boolean;
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
  readonly aside: Map<string, { readonly task: string; readonly rest: string; readonly time: Date }>;
}

/** Paths of stamps of the task that are of another signature, in order; what they stand for was made with other inputs. */
export function staleStamps(recipe: Stamped, task: string, unihash: string): string[] {
  const base = basename(recipe.stamp);
  const [real, setscene] = [`${base}.${task}`, `${base}.${task}_setscene`];
  const rest = restOf(recipe, task, unihash);
  return listFolder(dirname(recipe.stamp))
    .filter((name) => name.startsWith(`${real}.`) || name.startsWith(`${setscene}.`))
    .filter((name) => !/sigdata|sigbasedata|\.taint$/.test(name))
    .filter((name) => name !== `${real}.${rest}` && name !== `${setscene}.${rest}`)
    .sort(byText)
    .map((name) => join(dirname(recipe.stamp), name));
}

/** What stands in the place of a signature in the names of taints and signature data. */
const NO_STAMP = /^(taint$|sigdata\.|sigbasedata\.)/;

/** The end of a stamp's name: the signature, and what else it stands for. */
function restOf(recipe: Stamped, task: string, unihash: string): string {
  const extra = recipe.tasks[task]?.stampExtra;
  return extra === undefined ? unihash : `${unihash}.${extra}`;
}

function isOf(rest: string, unihash: string): boolean {
  return rest === unihash || rest.startsWith(`${unihash}.`);
}

class StampFolders implements Stamps {
  readonly #folders = new Map<string, Set<string>>();
  readonly #changes = new Map<string, Changes>();
  /** What lies in the folders around outputs; forgotten when outputs come or go. */
  readonly #parents = new Map<string, Set<string>>();

  taint(recipe: Stamped, task: string): string | undefined {
    if (!this.#list(recipe.stamp).has(`${basename(recipe.stamp)}.${task}.taint`)) return undefined;
    return readFileSync(`${recipe.stamp}.${task}.taint`, "utf8").trim();
  }

  addTaint(recipe: Stamped, task: string): void {
    this.#write(recipe, `${task}.taint`, randomUUID());
  }

  state(recipe: Stamped, task: string, unihash: string): "real" | "setscene" | undefined {
    const names = this.#list(recipe.stamp);
    const base = basename(recipe.stamp);
    const rest = restOf(recipe, task, unihash);
    const found = names.has(`${base}.${task}.${rest}`)
      ? "real"
      : names.has(`${base}.${task}_setscene.${rest}`)
        ? "setscene"
        : undefined;
    return found && this.#areThere(recipe.tasks[task]?.artifact) ? found : undefined;
  }

  stamped(recipe: Stamped, task: string): string | undefined {
    const base = basename(recipe.stamp);
    const prefixes = [`${base}.${task}.`, `${base}.${task}_setscene.`];
    for (const name of this.#list(recipe.stamp)) {
      const prefix = prefixes.find((one) => name.startsWith(one));
      const unihash = prefix === undefined ? undefined : /^[0-9a-f]+(?=\.|$)/.exec(name.slice(prefix.length));
      if (unihash) return unihash[0];
    }
    return undefined;
  }

  timeMs(recipe: Stamped, task: string, unihash: string): number | undefined {
    const suffix = `${task}.${restOf(recipe, task, unihash)}`;
    if (!this.#list(recipe.stamp).has(`${basename(recipe.stamp)}.${suffix}`)) return undefined;
    return statSync(`${recipe.stamp}.${suffix}`, { throwIfNoEntry: false })?.mtimeMs;
  }

  refresh(recipe: Stamped, task: string, unihash: string): void {
    if (this.timeMs(recipe, task, unihash) === undefined) return;
    this.#write(recipe, `${task}.${restOf(recipe, task, unihash)}`, "");
  }

  times(recipe: Stamped, task: string, unihash: string): StampTimes {
    const isThere = this.#areThere(recipe.tasks[task]?.artifact);
    const timeOf = (name: string) => {
      const suffix = `${name}.${restOf(recipe, task, unihash)}`;
      if (!isThere || !this.#list(recipe.stamp).has(`${basename(recipe.stamp)}.${suffix}`)) return undefined;
      const stat = statSync(`${recipe.stamp}.${suffix}`, { throwIfNoEntry: false });
      return stat && Math.floor(stat.mtimeMs / 1000);
    };
    return { real: timeOf(task), setscene: timeOf(`${task}_setscene`) };
  }

  begin(recipe: Stamped, task: string, wanted: WantedSignature): void {
    const { begun, aside } = this.#changesOf(recipe.stamp);
    begun.set(task, "open");
    this.#removeOwn(recipe, task, wanted(task));
    for (const [suffix, { task: of }] of aside) if (of === task) aside.delete(suffix);
    for (const later of tasksAfter(recipe, task)) {
      const unihash = wanted(later);
      const isKept = (rest: string) => unihash !== undefined && isOf(rest, unihash);
      for (const name of [later, `${later}_setscene`]) {
        for (const { rest, time } of this.#remove(recipe.stamp, name, isKept)) {
          aside.set(`${name}.${rest}`, { task: later, rest, time });
        }
      }
    }
  }

  restamp(recipe: Stamped, wanted: WantedSignature): boolean {
    const { begun, aside } = this.#changesOf(recipe.stamp);
    const again = [...aside].filter(([, { task, rest }]) => {
      const unihash = wanted(task);
      return unihash !== undefined && rest === restOf(recipe, task, unihash);
    });
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

  withdraw(stamp: string, task: string): boolean {
    this.#parents.clear();
    const aside = this.#changes.get(stamp)?.aside;
    for (const [suffix, { task: of }] of aside ?? []) if (of === task) aside!.delete(suffix);
    return [task, `${task}_setscene`].map((name) => this.#remove(stamp, name).length > 0).includes(true);
  }

  hasAny(stamp: string, task: string): boolean {
    const prefixes = [`${basename(stamp)}.${task}.`, `${basename(stamp)}.${task}_setscene.`];
    for (const name of this.#list(stamp)) {
      const prefix = prefixes.find((one) => name.startsWith(one));
      if (prefix !== undefined && !NO_STAMP.test(name.slice(prefix.length))) return true;
    }
    return false;
  }

  finish(recipe: Stamped, task: string, unihash: string, how: "real" | "setscene"): void {
    const { begun } = this.#changesOf(recipe.stamp);
    // Without a beginning nothing was executed.
    if (begun.has(task)) begun.set(task, how);
    this.#removeOwn(recipe, task, unihash);
    const name = how === "real" ? task : `${task}_setscene`;
    this.#write(recipe, `${name}.${restOf(recipe, task, unihash)}`, "");
    this.#parents.clear();
  }

  sigdataPath(recipe: Stamped, task: string, unihash: string): string {
    return `${recipe.stamp}.${task}.sigdata.${unihash}`;
  }

  #list(stamp: string): Set<string> {
    const folder = dirname(stamp);
    let names = this.#folders.get(folder);
    if (!names) {
      names = new Set(listFolder(folder));
      this.#folders.set(folder, names);
    }
    return names;
  }

  /** One listing of the folder around them tells of all that are in it. */
  #areThere(artifact: Artifact): boolean {
    if (!artifact) return true;
    return artifact.outputs.slice(0, artifact.inputs.length).every((path) => {
      const parent = dirname(path);
      let names = this.#parents.get(parent);
      if (!names) this.#parents.set(parent, (names = new Set(listFolder(parent))));
      return names.has(basename(path));
    });
  }

  #changesOf(stamp: string): Changes {
    let changes = this.#changes.get(stamp);
    if (!changes) this.#changes.set(stamp, (changes = { begun: new Map(), aside: new Map() }));
    return changes;
  }

  /** All stamps of a task but those of the same signature that stand for other shared folders: their files stay. */
  #removeOwn(recipe: Stamped, task: string, unihash: string | undefined): void {
    const own = unihash === undefined ? undefined : restOf(recipe, task, unihash);
    const isKept = (rest: string) => unihash !== undefined && rest !== own && isOf(rest, unihash);
    this.#remove(recipe.stamp, task, isKept);
    this.#remove(recipe.stamp, `${task}_setscene`, isKept);
  }

  /** Stamps of one task name but those that are kept; taints and signature data stay. */
  #remove(
    stamp: string,
    task: string,
    isKept: (rest: string) => boolean = () => false,
  ): { rest: string; time: Date }[] {
    const names = this.#list(stamp);
    const prefix = `${basename(stamp)}.${task}.`;
    const removed: { rest: string; time: Date }[] = [];
    for (const name of names) {
      if (!name.startsWith(prefix)) continue;
      const rest = name.slice(prefix.length);
      if (NO_STAMP.test(rest) || isKept(rest)) continue;
      const path = join(dirname(stamp), name);
      const time = statSync(path, { throwIfNoEntry: false })?.mtime;
      if (time) removed.push({ rest, time });
      rmSync(path, { force: true });
      names.delete(name);
    }
    return removed;
  }

  #write(recipe: Stamped, suffix: string, text: string, time = new Date()): void {
    const names = this.#list(recipe.stamp);
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
