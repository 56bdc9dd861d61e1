/** `try`: a command in an extension that is merged on its base. */
import { readFile } from "node:fs/promises";
import { BuildError, lastLines } from "@tsbake/base";
import type { Command } from "@tsbake/base/program";
import * as problems from "../problems.js";
import { openMergedTree, runInTree } from "../trial/index.js";

/** Of what a failed test has said. */
const SHOWN_LINES = 10;

export const tryOut: Command = {
  summary: "runs commands in an extension merged on its base, without network; nothing is left of it",
  options: {
    tree: {
      value: "FILES",
      help: "tar of the extension, and of the confext that comes with it",
      isRequired: true,
    },
    "base-tree": { value: "FILE", help: "tar of the base's tree", isRequired: true },
    script: { value: "FILE", help: "shell commands; without, a shell for whom has the terminal" },
    name: { value: "NAME", help: "what to call the extension", isRequired: true },
    work: { value: "DIR", help: "a folder to work in", isRequired: true },
  },
  async run(args) {
    const path = args.optional("script");
    const script = path === undefined ? undefined : await readFile(path, "utf8");
    const trees = [args.text("base-tree"), ...args.words("tree")];
    await using merged = await openMergedTree({ trees, work: args.text("work") });
    if (script === undefined) return await runInTree(merged, undefined, process.env["TERM"]);
    const { cage, root } = merged;
    const done = await cage.run("chroot", [root, "sh", "-euc", script], {
      mayFail: true,
      onOutput: (text, stream) => process[stream].write(text),
    });
    if (done.code !== 0) {
      const said = lastLines(done.stdout + done.stderr, SHOWN_LINES);
      throw new BuildError([problems.testFailed(args.text("name"), done.code ?? done.signal ?? 1, said)]);
    }
    return 0;
  },
};
