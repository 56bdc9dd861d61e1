/** What a project file becomes: `conf/` of a build folder, and the environment in which it is parsed. */
import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { eachLimited, AT_ONCE, BuildError, readTextIfThere, words, writeFileAtomic } from "@tsbake/base";
import * as problem from "./problems.js";
import type { ConfigurationPiece, ProjectFile } from "./project-file.js";

/** First line of every generated file: what does not begin with it belongs to the user. */
const MARK = "# Made by tsbake from ";

/**
 * Makes conf/bblayers.conf and conf/project.conf in `topdir`, each only if its content changes, and conf/local.conf
 * once: that one belongs to the user and is read after project.conf. The first two say what kas' bblayers.conf and
 * local.conf say.
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
  const conf = (name: string): string => join(topdir, "conf", name);
  await writeGenerated(conf("bblayers.conf"), head + bblayersText(project, topdir, coreLayer), project);
  await writeGenerated(conf("project.conf"), head + projectText(project), project);
  await writeAutoConf(conf("auto.conf"), head, project, coreLayer);
  const local = join(topdir, "conf/local.conf");
  if (!existsSync(local)) await writeFileAtomic(local, LOCAL_CONF);
}

/** A core layer of somebody else's, such as OE-core, knows nothing of project.conf, but reads auto.conf before local.conf. */
async function writeAutoConf(
  path: string,
  head: string,
  project: ProjectFile,
  coreLayer: string | undefined,
): Promise<void> {
  if (hasCore(project.layers.filter((layer) => layer !== coreLayer))) {
    await writeGenerated(path, `${head}require conf/project.conf\n`, project);
  } else if ((await readTextIfThere(path))?.startsWith(MARK)) await rm(path);
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

function bblayersText(
  { layers, bblayersConf }: ProjectFile,
  topdir: string,
  coreLayer: string | undefined,
): string {
  const others = layers.filter((layer) => layer !== coreLayer);
  // As everywhere: a layer with a bitbake.conf of its own is the core layer of this project.
  const all = coreLayer === undefined || hasCore(others) ? layers : [coreLayer, ...others];
  // Layers as kas writes them, so that the project can be moved; ours is wherever tsbake is.
  const shown = all.map((layer) =>
    layer === coreLayer ? layer : `\${TOPDIR}/${relative(topdir, layer) || "."}`,
  );
  const list = `BBLAYERS ?= " \\\n    ${shown.join(" \\\n    ")}"\n`;
  return `${pieceTexts(bblayersConf)}${list}BBPATH ?= "\${TOPDIR}"\nBBFILES ??= ""\n`;
}

function hasCore(layers: readonly string[]): boolean {
  return layers.some((layer) => existsSync(join(layer, "conf/bitbake.conf")));
}

function projectText({ machine, distro, localConf, targets }: ProjectFile): string {
  // As kas: a target of a configuration has it read.
  const named = targets.map((target) => /^(?:mc|multiconfig):([^:]*):/.exec(target)?.[1] ?? "");
  const configurations = [...new Set(named)].filter((name) => name !== "" && name !== "*");
  const names = [
    ...(machine === undefined ? [] : [`MACHINE ??= "${machine}"\n`]),
    ...(distro === undefined ? [] : [`DISTRO ??= "${distro}"\n`]),
    `BBMULTICONFIG ?= "${configurations.join(" ")}"\n`,
  ];
  return pieceTexts(localConf) + names.join("");
}

function pieceTexts(texts: readonly ConfigurationPiece[]): string {
  return texts.map(({ name, text }) => `# ${name}\n${text}\n`).join("");
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

/**
 * `environment` with the project's variables let through to the configuration, and MACHINE, as OE's build folders do; what
 * the caller has set wins.
 */
export function projectEnvironment(
  project: ProjectFile,
  environment: Readonly<Record<string, string>>,
): Record<string, string> {
  const merged: Record<string, string> = { ...environment };
  for (const [name, value] of Object.entries(project.env)) merged[name] ??= value;
  const passed = [...project.passed, ...(environment["MACHINE"] ? ["MACHINE"] : [])];
  if (passed.length > 0) {
    const additions = [...words(environment["BB_ENV_PASSTHROUGH_ADDITIONS"]), ...passed];
    merged["BB_ENV_PASSTHROUGH_ADDITIONS"] = [...new Set(additions)].join(" ");
  }
  return merged;
}
