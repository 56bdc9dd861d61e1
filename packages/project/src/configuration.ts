/** What a project file becomes: `conf/` of a build folder, and the environment in which it is parsed. */
import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { eachLimited, AT_ONCE, BuildError, readTextIfThere, words, writeFileAtomic } from "@tsbake/base";
import * as problem from "./problems.js";
import type { ConfigurationPiece, ProjectFile } from "./project-file.js";

/** First line of every generated file: what does not begin with it belongs to the user. */
const MARK = "# Made by tsbake from ";

/**
 * Makes conf/bblayers.conf and conf/project.conf in `topdir`, each only if its content changes, and conf/local.conf
 * once: that one belongs to the user and is read after project.conf.
 *
 * @param coreLayer stands first in BBLAYERS, unless another layer has a conf/bitbake.conf
 * @throws BuildError `project/foreign-configuration` when a file to be written was not made here and has something in it
 */
export async function writeConfiguration(
  project: ProjectFile,
  topdir: string,
  coreLayer?: string,
): Promise<void> {
  const head = `${MARK}${relative(join(topdir, "conf"), project.path)}; changes here are lost, make them there or in local.conf.\n`;
  await writeGenerated(join(topdir, "conf/bblayers.conf"), head + bblayersText(project, coreLayer), project);
  await writeGenerated(join(topdir, "conf/project.conf"), head + projectText(project), project);
  const local = join(topdir, "conf/local.conf");
  if (!existsSync(local)) await writeFileAtomic(local, LOCAL_CONF);
}

async function writeGenerated(path: string, text: string, project: ProjectFile): Promise<void> {
  const before = await readTextIfThere(path);
  // What others may not read in a project file is not for them here.
  const modes = await eachLimited(project.files, AT_ONCE, async (file) => (await stat(file)).mode);
  const isSecret = modes.some((mode) => (mode & 0o044) === 0);
  if (before === text && (!isSecret || ((await stat(path)).mode & 0o077) === 0)) return;
  if (before !== undefined && !before.startsWith(MARK) && !isBlank(before)) {
    throw new BuildError([problem.foreignConfiguration(path, project.path)]);
  }
  await writeFileAtomic(path, text, isSecret ? { mode: 0o600 } : {});
}

/** Nobody's work: what the loss of power leaves of a file is empty, or full of zeros. */
function isBlank(text: string): boolean {
  return text.replaceAll("\0", "").trim() === "";
}

function bblayersText({ layers, bblayersConf }: ProjectFile, coreLayer: string | undefined): string {
  // As everywhere: a layer with a bitbake.conf of its own is the core layer of this project.
  const hasCore = layers.some((layer) => layer !== coreLayer && existsSync(join(layer, "conf/bitbake.conf")));
  const all =
    coreLayer === undefined || hasCore
      ? layers
      : [coreLayer, ...layers.filter((layer) => layer !== coreLayer)];
  const list = all.map((layer) => `  ${layer} \\\n`).join("");
  return `${pieceTexts(bblayersConf)}BBPATH = "\${TOPDIR}"\nBBFILES ?= ""\nBBLAYERS = " \\\n${list}"\n`;
}

function projectText({ machine, distro, localConf, targets }: ProjectFile): string {
  // As kas: a target of a configuration has it read.
  const named = targets.map((target) => /^(?:mc|multiconfig):([^:]*):/.exec(target)?.[1] ?? "");
  const configurations = [...new Set(named)].filter((name) => name !== "" && name !== "*");
  const names = [
    ...(configurations.length > 0 ? [`BBMULTICONFIG ?= "${configurations.join(" ")}"\n`] : []),
    ...(machine === undefined ? [] : [`MACHINE ?= "${machine}"\n`]),
    ...(distro === undefined ? [] : [`DISTRO ?= "${distro}"\n`]),
  ];
  return pieceTexts(localConf) + names.join("");
}

function pieceTexts(texts: readonly ConfigurationPiece[]): string {
  return texts.map(({ name, text }) => `# ${name}\n${text.trimEnd()}\n`).join("");
}

const LOCAL_CONF = `# Settings of this build folder only. tsbake made this file once and does not touch it again.
# It is read after conf/project.conf, so what stands here wins over the project file.

# How many tasks run at the same time, and how many processes a compiler may start:
#BB_NUMBER_THREADS = "4"
#PARALLEL_MAKE = "-j 4"

# Folders that several builds can share:
#DL_DIR = "/srv/tsbake/downloads"
#SSTATE_DIR = "/srv/tsbake/sstate-cache"
`;

/** `environment` with the project's variables let through to the configuration; what the caller has set wins. */
export function projectEnvironment(
  project: ProjectFile,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const merged: Record<string, string> = { ...environment };
  for (const [name, value] of Object.entries(project.env)) merged[name] ??= value;
  if (project.passed.length > 0) {
    const additions = [...words(environment["BB_ENV_PASSTHROUGH_ADDITIONS"]), ...project.passed];
    merged["BB_ENV_PASSTHROUGH_ADDITIONS"] = [...new Set(additions)].join(" ");
  }
  return merged;
}
