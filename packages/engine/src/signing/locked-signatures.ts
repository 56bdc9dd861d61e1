/**
 * Locked signatures: tasks that keep a hash whatever their inputs are, so that their artifacts are used as they are.
 *
 * @see OE-core meta/lib/oe/sstatesig.py (sstate_lockedsigs, get_taskhash, checkhashes, dump_lockedsigs): the same variables
 *   and file
 */
import { BuildError, byText, words } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";
import type { ObjectName, Store } from "@tsbake/sstate";
import { lockedMismatch, lockedMissing } from "../problems.js";

export interface LockedSignatures {
  /** The hash that the task is locked to; undefined when it is not. @param computed of its inputs */
  hash(task: TaskId, computed: string): string | undefined;
  /** What SIGGEN_LOCKEDSIGS_TASKSIG_CHECK has to say of locked tasks whose inputs have another hash. */
  mismatches(): readonly Diagnostic[];
  /** With SIGGEN_LOCKEDSIGS_TASKSIG_CHECK at `info`: which recipes have locked tasks. */
  note(): string | undefined;
  /** What SIGGEN_LOCKEDSIGS_SSTATE_EXISTS_CHECK has to say of an artifact that the shared state does not have. */
  missing(name: ObjectName): Diagnostic | undefined;
}

/** More recipes than these are counted, not named. */
const MOST_NAMES = 10;

/**
 * Undefined when nothing is locked.
 *
 * @param unihashOf what equivalence makes of a task hash: a task that is locked to that is as it should be
 */
export function openLockedSignatures(
  graph: TaskGraph,
  project: Pick<ParsedProject, "recipes" | "configurationText">,
  unihashOf: (taskHash: string) => string | undefined = () => undefined,
): LockedSignatures | undefined {
  const list = (name: string) => words(project.configurationText(name));
  const locked = new Map<string, { hash: string; variable: string }>();
  for (const type of list("SIGGEN_LOCKEDSIGS_TYPES")) {
    const variable = `SIGGEN_LOCKEDSIGS_${type}`;
    for (const word of list(variable)) {
      const [pn, task, hash] = word.split(":");
      if (pn && task && hash) locked.set(`${pn}:${task}`, { hash, variable });
    }
  }
  if (locked.size === 0) return undefined;
  const unlocked = new Set(list("SIGGEN_UNLOCKED_RECIPES"));
  const level = project.configurationText("SIGGEN_LOCKEDSIGS_TASKSIG_CHECK") ?? "none";
  const existence = project.configurationText("SIGGEN_LOCKEDSIGS_SSTATE_EXISTS_CHECK") ?? "none";
  const found = new Map<TaskId, Diagnostic>();
  const pnOf = (task: TaskId) => project.recipes.get(graph.node(task).recipe)!.pn;
  return {
    hash(task, computed) {
      const pn = pnOf(task);
      const lock = locked.get(`${pn}:${graph.node(task).task}`);
      // What is worked on must not be built with the locked results of what does not know of it.
      const isFree = unlocked.has(pn) || graph.needs(task).some((need) => unlocked.has(pnOf(need)));
      if (!lock || isFree) return undefined;
      const isOther = lock.hash !== computed && lock.hash !== unihashOf(computed);
      if (isOther && ["info", "warn", "error"].includes(level)) {
        const severity = level === "error" ? "error" : "warning";
        found.set(task, lockedMismatch(severity, graph.label(task), computed, lock));
      }
      return lock.hash;
    },
    mismatches: () => [...found.values()],
    note() {
      if (level !== "info") return undefined;
      const recipes = new Set([...locked.keys()].map((key) => key.slice(0, key.indexOf(":"))));
      if (recipes.size <= MOST_NAMES)
        return `recipes with locked tasks: ${[...recipes].sort(byText).join(" ")}`;
      return `${recipes.size} recipes have locked tasks, ${found.size} tasks have other inputs`;
    },
    missing({ spec, task, unihash }) {
      const label = `${spec.split(":")[1]}:do_${task.replace(/^do_/, "")}`;
      if (locked.get(label)?.hash !== unihash || (existence !== "warn" && existence !== "error"))
        return undefined;
      return lockedMissing(existence === "warn" ? "warning" : "error", label, unihash);
    },
  };
}

/**
 * The store, with a word on every locked task whose artifact it does not have: what its body makes of other inputs would
 * go by the locked signature from then on.
 */
export function checkLocked(
  store: Store,
  locked: LockedSignatures,
  onWarning: (diagnostic: Diagnostic) => void,
): Store {
  const told = new Set<string>();
  return {
    /** @throws BuildError `engine/locked-missing` */
    async find(names) {
      const found = await store.find(names);
      const all = names.filter((name) => !found.has(name)).map((name) => locked.missing(name));
      const missing = all.filter((one) => one !== undefined).filter(({ message }) => !told.has(message));
      const errors = missing.filter(({ severity }) => severity === "error");
      if (errors.length > 0) throw new BuildError(errors);
      for (const one of missing) onWarning(one);
      for (const { message } of missing) told.add(message);
      return found;
    },
    get: (name) => store.get(name),
    put: (name, path, description, signature) => store.put(name, path, description, signature),
    reject: (name) => store.reject(name),
    describe: (name, description) => store.describe(name, description),
  };
}

/** The text of `locked-sigs.inc`: every task of the graph that can be restored or run, by the kind of its packages. */
export function lockedSignaturesText(
  graph: TaskGraph,
  signatures: Signatures,
  { recipes, configurationText }: Pick<ParsedProject, "recipes" | "configurationText">,
): string {
  const types = new Map<string, string[]>();
  for (const task of graph.order) {
    const { recipe, task: name } = graph.node(task);
    const { pn, sstateSpec } = recipes.get(recipe)!;
    const type = `t-${(sstateSpec.split(":")[5] || "none").replaceAll("_", "-")}`;
    const lines = types.get(type) ?? [];
    types.set(type, lines);
    lines.push(`    ${pn}:${name}:${signatures.of(task).unihash} \\`);
  }
  const names = [...types.keys()].sort(byText);
  // Files of several machines may be included together.
  const machine = configurationText("MACHINE") ?? "";
  const isOverride = (configurationText("OVERRIDES") ?? "").split(":").includes(machine);
  return [
    ...names.map((type) => `SIGGEN_LOCKEDSIGS_${type} = "\\\n${types.get(type)!.sort(byText).join("\n")}\n"`),
    `SIGGEN_LOCKEDSIGS_TYPES${isOverride && machine !== "" ? `:${machine}` : ""} = "${names.join(" ")}"`,
    "",
  ].join("\n");
}
