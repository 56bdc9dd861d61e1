/**
 * BB_NICE_LEVEL, BB_TASK_NICE_LEVEL and BB_TASK_IONICE_LEVEL: words in front of a task's command. Programs set them, not a
 * system call of ours after the start: what the command has started by then would have kept the old ones.
 *
 * @see BitBake 2.19 lib/bb/build.py, _exec_task; ioprio_set(2)
 */
import { getPriority } from "node:os";
import { BuildError, messageOf, run } from "@tsbake/base";
import type { Datastore } from "@tsbake/datastore";
import type { RunEvent } from "../events.js";
import { findProgram } from "@tsbake/sandbox";
import { malformedLevel, noNiceness } from "../problems.js";

/** What a level is written as. */
export interface Level {
  readonly holds: (text: string) => boolean;
  /** After "write". */
  readonly expected: string;
}

export const NICE_LEVEL: Level = {
  holds: (text) => /^[+-]?\d+$/.test(text) && Number(text) >= -20 && Number(text) <= 19,
  expected: "a whole number from -20 (first) to 19 (last)",
};

export const IONICE_LEVEL: Level = {
  holds: (text) => /^[0-3]\.[0-7]$/.test(text),
  expected: "CLASS.PRIORITY, such as `2.7`: 1 real time, 2 best effort, 3 idle; 0 (first) to 7 (last)",
};

export interface Niceness {
  /** @throws BuildError `run/malformed-level` */
  words(d: Datastore, label: string): Promise<readonly string[]>;
}

/** @param general niceness of tasks that say nothing */
export function openNiceness(general: number | undefined, onEvent: (event: RunEvent) => void): Niceness {
  const tried = new Map<string, Promise<readonly string[]>>();
  /** Undefined while something stands in the way: that is told, and the task runs all the same. */
  const usable = (name: string, command: readonly string[]): Promise<readonly string[]> => {
    const key = command.join(" ");
    let found = tried.get(key);
    if (!found) tried.set(key, (found = probe(name, command)));
    return found;
  };
  const told = new Set<string>();
  const probe = async (name: string, [program, ...args]: readonly string[]): Promise<readonly string[]> => {
    const path = findProgram(program!);
    const reason =
      path === undefined ? `there is no program \`${program}\`` : await refusal([path, ...args, "/bin/true"]);
    if (reason === undefined) return [path!, ...args];
    if (!told.has(name)) onEvent({ type: "warning", diagnostic: noNiceness(name, reason) });
    told.add(name);
    return [];
  };
  return {
    async words(d, label) {
      const level = read(d, "BB_TASK_NICE_LEVEL", NICE_LEVEL, label);
      const io = read(d, "BB_TASK_IONICE_LEVEL", IONICE_LEVEL, label);
      const wanted = level === undefined ? general : Number(level);
      const words: string[] = [];
      // The program takes a difference.
      const more = wanted === undefined ? 0 : wanted - getPriority();
      if (more !== 0) {
        const name = level === undefined ? "BB_NICE_LEVEL" : "BB_TASK_NICE_LEVEL";
        words.push(...(await usable(name, ["nice", "-n", String(more)])));
      }
      if (io !== undefined) {
        const [kind, priority] = io.split(".") as [string, string];
        // The classes "none" and "idle" have no priorities, and the program says so each time.
        const inside = kind === "0" || kind === "3" ? [] : ["-n", priority];
        words.push(...(await usable("BB_TASK_IONICE_LEVEL", ["ionice", "-c", kind, ...inside])));
      }
      return words;
    },
  };
}

function read(d: Datastore, name: string, { holds, expected }: Level, label: string): string | undefined {
  const text = d.getText(name)?.trim() ?? "";
  if (text === "") return undefined;
  if (holds(text)) return text;
  throw new BuildError([malformedLevel(`${label}: ${name}`, text, expected, d.spanOf(name))]);
}

/** What the system says against it: `nice` tells it and runs the command all the same. */
async function refusal([command, ...args]: readonly string[]): Promise<string | undefined> {
  try {
    const { code, stderr } = await run(command!, args, { mayFail: true });
    const said = stderr.trim().split("\n").at(-1)!;
    return code === 0 && said === "" ? undefined : said || `\`${command}\` ended with code ${code}`;
  } catch (error) {
    return messageOf(error);
  }
}
