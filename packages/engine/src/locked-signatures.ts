/**
 * Locked signatures: tasks that keep a hash whatever their inputs are, so that their artifacts are used as they are.
 *
 * @see OE-core meta/lib/oe/sstatesig.py (get_locksigs, get_taskhash, dump_lockedsigs): the same variables and file
 */
import { byText, words } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { Signatures, TaskGraph, TaskId } from "@tsbake/graph";
import type { ParsedProject } from "@tsbake/recipe";
import { lockedMismatch } from "./problems.js";

export interface LockedSignatures {
  /** The hash that the task is locked to; undefined when it is not. @param computed of its inputs */
  hash(task: TaskId, computed: string): string | undefined;
  /** What SIGGEN_LOCKEDSIGS_TASKSIG_CHECK has to say of locked tasks whose inputs have another hash. */
  mismatches(): readonly Diagnostic[];
}

/** Undefined when nothing is locked. */
export function openLockedSignatures(
  graph: TaskGraph,
  project: Pick<ParsedProject, "recipes" | "configurationText">,
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
  const found = new Map<TaskId, Diagnostic>();
  const pnOf = (task: TaskId) => project.recipes.get(graph.node(task).recipe)!.pn;
  return {
    hash(task, computed) {
      const pn = pnOf(task);
      const lock = locked.get(`${pn}:${graph.node(task).task}`);
      // What is worked on must not be built with the locked results of what does not know of it.
      const isFree = unlocked.has(pn) || graph.needs(task).some((need) => unlocked.has(pnOf(need)));
      if (!lock || isFree) return undefined;
      if (lock.hash !== computed && (level === "warn" || level === "error")) {
        const severity = level === "warn" ? "warning" : "error";
        found.set(task, lockedMismatch(severity, graph.label(task), computed, lock));
      }
      return lock.hash;
    },
    mismatches: () => [...found.values()],
  };
}

/** The text of `locked-sigs.inc`: every task of the graph that can be restored or run, by the kind of its packages. */
export function lockedSignaturesText(
  graph: TaskGraph,
  signatures: Signatures,
  { recipes }: Pick<ParsedProject, "recipes">,
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
  return [
    ...names.map((type) => `SIGGEN_LOCKEDSIGS_${type} = "\\\n${types.get(type)!.sort(byText).join("\n")}\n"`),
    `SIGGEN_LOCKEDSIGS_TYPES = "${names.join(" ")}"`,
    "",
  ].join("\n");
}
