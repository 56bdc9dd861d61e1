/** `sysroot`: the private sysroots of a recipe, from what its dependencies staged. */
import { readFile } from "node:fs/promises";
import { BuildError } from "@tsbake/base";
import type { Command } from "@tsbake/base/program";
import { badArgument } from "../problems.js";
import { stageSysroots } from "../split/sysroot.js";
import type { StagedDependency } from "../split/sysroot.js";

export const sysroot: Command = {
  summary: "links what the dependencies of a recipe staged into its two sysroots",
  options: {
    taskdepdata: {
      value: "FILE",
      help: "the tasks below the asking one, which comes first",
      isRequired: true,
    },
    components: { value: "DIR", help: "one staged tree a recipe", isRequired: true },
    target: { value: "DIR", help: "what to compile against", isRequired: true },
    native: { value: "DIR", help: "what to run", isRequired: true },
    ready: { value: "TASK", help: "the task whose edges are DEPENDS; default: do_sysroot_ready" },
    depends: { value: "NAMES", help: "DEPENDS, for the log" },
  },
  async run(args, say) {
    const dependencies = parseDependencies(await readFile(args.text("taskdepdata"), "utf8"));
    const [asking] = dependencies;
    if (!asking) throw new BuildError([badArgument("--taskdepdata is an empty list")]);
    const { native, target } = stageSysroots({
      recipe: asking.pn,
      task: asking.task,
      ready: args.optional("ready") ?? "do_sysroot_ready",
      dependencies,
      components: args.text("components"),
      target: args.text("target"),
      native: args.text("native"),
    });
    say(`staged ${native} native and ${target} target files`);
  },
};

function parseDependencies(text: string): StagedDependency[] {
  const bad = (): BuildError =>
    new BuildError([badArgument("--taskdepdata is no list of task dependencies")]);
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw bad();
  }
  if (!Array.isArray(data)) throw bad();
  return data.map((one: unknown) => {
    if (typeof one !== "object" || one === null) throw bad();
    const { id, pn, task, depends, outputs } = one as Readonly<Record<string, unknown>>;
    if (typeof id !== "string" || typeof pn !== "string" || typeof task !== "string") throw bad();
    if (!Array.isArray(depends) || !depends.every((need) => typeof need === "string")) throw bad();
    const folders = Array.isArray(outputs) ? outputs.filter((path) => typeof path === "string") : [];
    return { id, pn, task, depends, outputs: folders };
  });
}
