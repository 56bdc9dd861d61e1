/** `tsbake trace RECIPE [TASK]`: what tasks have changed below WORKDIR, of builds with TRACE_WORKDIR. */
import { BuildError, shownName } from "@tsbake/base";
import { taskName, tracedTasks, tracedPatch, traceFolder, type Build, type TracedTask } from "@tsbake/engine";
import { notTraced } from "../problems.js";
import { count } from "../text/text.js";
import type { SessionCommand } from "./command.js";

type Change = TracedTask["changes"][number];

/** Of one task in the list of all; that of the task alone has every line. */
const MOST_LINES = 20;

export const trace: SessionCommand = {
  async answer({ request }, build) {
    const [recipe = "", asked] = request.targets;
    const folder = await folderOf(build, recipe);
    const tasks = await tracedTasks(folder);
    if (asked === undefined) {
      if (tasks.length === 0) throw new BuildError([notTraced(recipe, undefined)]);
      const text = tasks.map((one) => taskText(one, MOST_LINES)).join("");
      return {
        text: `${text}${count(tasks.length, "task")}, in ${folder}\n`,
        data: { recipe, folder, tasks },
      };
    }
    const name = taskName(asked);
    const task = tasks.find((one) => one.task === name);
    if (!task) throw new BuildError([notTraced(recipe, name)]);
    const patch = await tracedPatch(folder, task);
    return { text: `${taskText(task, Infinity)}${patch}`, data: { recipe, folder, ...task, patch } };
  },
};

async function folderOf(build: Pick<Build, "variablesOf">, recipe: string): Promise<string> {
  const values = await build.variablesOf(recipe, ["TMPDIR", "WORKDIR"]);
  return traceFolder(values.get("TMPDIR") ?? "", values.get("WORKDIR") ?? "");
}

function taskText({ task, failed, changes }: TracedTask, most: number): string {
  const counts = (["added", "changed", "deleted"] as const)
    .map((what) => [changes.filter((one) => one.what === what).length, what] as const)
    .filter(([number]) => number > 0)
    .map(([number, what]) => `${number} ${what}`);
  const title = `${task}${failed ? " (failed)" : ""}: ${counts.join(", ") || "nothing changed"}`;
  const lines = changes.slice(0, most).map((one) => `  ${changeText(one)}`);
  if (changes.length > lines.length) lines.push(`  … and ${changes.length - lines.length} more`);
  return [title, ...lines].map((line) => `${line}\n`).join("");
}

function changeText(one: Change): string {
  const [before, now] = [
    one.what === "added" ? undefined : one.before,
    one.what === "deleted" ? undefined : one.now,
  ];
  const modes = both(before && mode(before.mode), now && mode(now.mode));
  const sizes = both(before && String(before.sizeBytes), now && String(now.sizeBytes));
  const { kind } = (now ?? before)!;
  const sign = { added: "+", changed: "~", deleted: "-" }[one.what];
  return `${sign} ${modes} ${sizes.padStart(8)} ${shownName(one.path)}${kind === "folder" ? "/" : ""}${kind === "link" ? "@" : ""}`;
}

/** Four octal digits. */
function mode(bits: number): string {
  return bits.toString(8).padStart(4, "0");
}

/** What was and what is, once where they are the same. */
function both(before: string | undefined, now: string | undefined): string {
  return before === undefined || now === undefined || before === now ? (now ?? before)! : `${before}→${now}`;
}
