/** `sysroot`: the private sysroots of a recipe, from what its dependencies staged. */
import { readFile } from "node:fs/promises";
import { BuildError } from "@tsbake/base";
import { readData, TaskDependencies } from "@tsbake/base/data";
import type { Command } from "@tsbake/base/program";
import { badArgument } from "../problems.js";
import { stageSysroots } from "../split/sysroot.js";

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
    const dependencies = readData(
      TaskDependencies,
      await readFile(args.text("taskdepdata"), "utf8"),
      (reason) => badArgument(`--taskdepdata is no list of task dependencies: ${reason}`),
    );
    const [asking] = dependencies;
    if (!asking) throw new BuildError([badArgument("--taskdepdata is an empty list")]);
    const { native, target } = stageSysroots({
      asking,
      ready: args.optional("ready") ?? "do_sysroot_ready",
      dependencies,
      components: args.text("components"),
      target: args.text("target"),
      native: args.text("native"),
    });
    say(`staged ${native} native and ${target} target files`);
  },
};
