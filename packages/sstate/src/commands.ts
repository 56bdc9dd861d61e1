/** The subcommands of `tsbake-sstate`. */
import type { Command } from "@tsbake/base/program";
import { removeArtifacts } from "./maintenance.js";

export const remove: Command = {
  summary: "deletes the artifacts of a recipe, of all its tasks and signatures",
  options: {
    dir: {
      value: "FOLDER",
      help: "the shared state (SSTATE_DIR); nothing is done where it is not",
      isRequired: true,
    },
    spec: { value: "TEXT", help: "the start of their names (SSTATE_PKGSPEC)", isRequired: true },
  },
  async run(args, say) {
    const removed = await removeArtifacts(args.text("dir"), args.text("spec"));
    say(`${removed} of the shared state deleted`);
  },
};
