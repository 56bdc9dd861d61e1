/** What `tsbake init` writes: the files of templates/project, with the name of the project in them. */
import { readdir, readFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError, byText, hasCode, makeFolder, reasonOf, removeTree, writeFileAtomic } from "@tsbake/base";
import * as problem from "./problems.js";

const TEMPLATE = fileURLToPath(new URL("../../../templates/project", import.meta.url));
/** Stands for the name of the project, in texts and in names of files. */
const NAME = /__NAME__/g;
/** Who makes a repository first has an empty folder for all that. */
const NOBODYS = [".git"];

export interface NewProject {
  /** By which its layer and images are called. */
  readonly name: string;
  readonly files: readonly NewFile[];
}

interface NewFile {
  /** Below the folder. */
  readonly path: string;
  /** What it is for: its first comment. */
  readonly about: string;
}

/**
 * Writes a project to build and to change. What cannot be written in full is not there at all.
 *
 * @param folder absolute; it is made if need be
 * @throws BuildError `project/folder-not-empty`, `project/unwritable-project`
 */
export async function writeNewProject(folder: string): Promise<NewProject> {
  const name = nameFor(folder);
  const found = (await namesIn(folder)).filter((one) => !NOBODYS.includes(one));
  if (found.length > 0) throw new BuildError([problem.folderNotEmpty(folder, found)]);
  const paths = (await readdir(TEMPLATE, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => relative(TEMPLATE, join(entry.parentPath, entry.name)))
    .sort((left, right) => depth(left) - depth(right) || byText(left, right));
  const files: NewFile[] = [];
  try {
    for (const template of paths) {
      const path = template.replaceAll(NAME, name);
      const text = (await readFile(join(TEMPLATE, template), "utf8")).replaceAll(NAME, name);
      files.push({ path, about: firstComment(text) });
      await makeFolder(dirname(join(folder, path)));
      await writeFileAtomic(join(folder, path), text);
    }
  } catch (error) {
    const own = new Set(files.map(({ path }) => join(folder, path.split("/")[0]!)));
    for (const path of own) await removeTree(path);
    throw new BuildError([problem.unwritableProject(folder, reasonOf(error))], { cause: error });
  }
  return { name, files };
}

/** Of the folder's name what recipes, layers and packages may be called: `Device 7` is `device-7`. */
function nameFor(folder: string): string {
  const words = basename(folder)
    .toLowerCase()
    .split(/[^a-z0-9]+/);
  return words.filter((word) => word !== "").join("-") || "my";
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw new BuildError([problem.unwritableProject(folder, reasonOf(error))], { cause: error });
  }
}

/** What is in few folders is what one sees first. */
function depth(path: string): number {
  return path.split("/").length;
}

/** `# text`, or as C writes it. */
function firstComment(text: string): string {
  const [line = ""] = text.split("\n");
  return line.replace(/^(?:#|\/\*) /, "").replace(/ \*\/$/, "");
}
