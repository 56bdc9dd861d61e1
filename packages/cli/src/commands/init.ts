/** `tsbake init`: a project to begin with. */
import { resolve } from "node:path";
import { BuildError } from "@tsbake/base";
import { folderNameProblem } from "@tsbake/engine";
import { writeNewProject } from "@tsbake/project";
import { tableText } from "../text/table.js";
import type { Answer, SessionCommand } from "./command.js";

/** Needs no project: it makes one. */
export const init: SessionCommand = {
  async answerAlone({ request, around }): Promise<Answer> {
    const [asked = "."] = request.targets;
    const folder = resolve(around.directory, asked);
    // Before anything is written that could not be built.
    const odd = folderNameProblem("the folder", folder);
    if (odd) throw new BuildError([odd]);
    const { name, files } = await writeNewProject(folder);
    const isHere = folder === resolve(around.directory);
    const text = [
      `${name}: a project of ${files.length} files${isHere ? "" : `, in ${asked}`}\n`,
      tableText(files.map(({ path, about }) => [`  ${path}`, about])),
      `now build it: ${isHere ? "" : `cd ${asked} && `}tsbake\n`,
    ];
    return { text: text.join("\n"), data: { format: 1, folder, name, files } };
  },
};
