/** REQUIRED_COMMANDS and REQUIRED_PATHS: what a recipe promises of its extension, merged. */
import type { Context } from "../context.js";
import { PATH_FOLDERS } from "./folders.js";
import { finding, type CheckRule } from "./rule.js";

export const required: CheckRule = {
  codes: [
    {
      code: "missing-command",
      severity: "error",
      meaning: "a name of REQUIRED_COMMANDS is no program in a folder of PATH",
    },
    {
      code: "missing-path",
      severity: "error",
      meaning: "a path of REQUIRED_PATHS is neither in the extension nor in the base",
    },
  ],
  *find(context) {
    const { extension, merged, base } = context;
    for (const name of extension.requiredCommands ?? []) {
      if (PATH_FOLDERS.some((folder) => isProgram(context, `${folder}/${name}`))) continue;
      yield finding(
        "missing-command",
        "error",
        name,
        `REQUIRED_COMMANDS names it, and no folder of PATH has a program of that name (${PATH_FOLDERS.join(":")})`,
        "add the package that has it, or take the name out of REQUIRED_COMMANDS",
      );
    }
    for (const path of extension.requiredPaths ?? []) {
      if (merged.has(path)) continue;
      yield finding(
        "missing-path",
        "error",
        path,
        `REQUIRED_PATHS names it, and neither the extension nor ${base.name} has it`,
        "add the package that has it, or take the path out of REQUIRED_PATHS",
      );
    }
  },
};

function isProgram({ merged }: Context, path: string): boolean {
  const place = merged.find(path);
  return place.kind === "there" && place.entry.kind === "file" && (place.entry.mode & 0o111) !== 0;
}
