/** `-e`, `-g`, `-s`, `-p`, `-c listtasks`: what a project says, and its graph. */
import { tableText } from "../text/table.js";
import type { SessionCommand } from "./command.js";
import { buildRequest } from "./build.js";

export const environment: SessionCommand = {
  async answer({ request }, build) {
    return { text: await build.showEnvironment(request.targets[0]) };
  },
};

export const graph: SessionCommand = {
  async answer({ request, around }, build) {
    const paths = await build.writeGraph(buildRequest(request, around));
    return paths.map((path) => ({ text: `${path}\n` }));
  },
};

export const versions: SessionCommand = {
  async answer(_asked, build) {
    const rows = await build.showVersions();
    const head = ["Recipe Name", "Latest Version", "Preferred Version", "Required Version"];
    const cells = rows.map(({ pn, latest, preferred, required }) => [pn, latest, preferred, required]);
    return { text: tableText([head, head.map((word) => "=".repeat(word.length)), ...cells]) };
  },
};

export const parse: SessionCommand = {
  async answer(_asked, build) {
    const { recipes, files, cached, skipped, masked } = await build.parseOnly();
    return {
      text: `${recipes} recipes from ${files} files: ${cached} files from the cache, ${skipped} recipes skipped, ${masked} files masked\n`,
    };
  },
};

export const tasks: SessionCommand = {
  async answer({ request }, build) {
    return request.targets.map((target) => ({
      text: tableText(build.listTasks(target).map(({ name, doc }) => [name, doc])),
    }));
  },
};
