/** Finds a build folder, holds it where it will be written to, and parses it. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { BuildError, makeFolder, reasonOf, toBoolean, words } from "@tsbake/base";
import { openBaseSigner } from "@tsbake/graph";
import { projectEnvironment, readProjectFile, writeConfiguration } from "@tsbake/project";
import type { BuildLocation, ProjectFile } from "@tsbake/project";
import { parseProject } from "@tsbake/recipe";
import type { ParsedProject } from "@tsbake/recipe";
import { openSigner } from "@tsbake/sstate";
import type { OpenOptions } from "../build-types.js";
import { lastTemplates, openTemplates } from "../bundle/template.js";
import { openBuildPython, type BuildPython } from "../metadata/python.js";
import { unwritableBuildFolder } from "../problems.js";
import { openFileDigests } from "../signing/file-digests.js";
import { CACHED_CONFIGURATION, configurationFiles } from "../settings/configuration-input.js";
import { configuredFolderProblems, folderNameProblem } from "../settings/folder-names.js";
import { signedPrograms, type SignedPrograms } from "../settings/programs.js";
import { projectOptions } from "./project.js";

/** Folder of the core layer (conf/, classes/, recipes/): the root of tsbake itself. */
const CORE_LAYER = fileURLToPath(new URL("../../../../", import.meta.url)).replace(/\/$/, "");

/** Debian's and the kernel's word for the processor that Node names. */
const ARCHITECTURES: Readonly<Record<string, readonly [dpkg: string, kernel: string]>> = {
  x64: ["amd64", "x86_64"],
  arm64: ["arm64", "aarch64"],
  ia32: ["i386", "i686"],
  arm: ["armhf", "armv7l"],
  riscv64: ["riscv64", "riscv64"],
  ppc64: ["ppc64el", "ppc64le"],
  s390x: ["s390x", "s390x"],
};

export interface ParsedFolder {
  readonly topdir: string;
  readonly project: ParsedProject;
  /** The caller's, with what the project file adds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly python: BuildPython;
  readonly projectFile: ProjectFile | undefined;
  readonly programs: SignedPrograms;
  /** Ms since epoch, when reading began. */
  readonly parsedAtMs: number;
}

/** @throws BuildError `engine/unwritable-build-folder`, `engine/unusable-path` */
export async function makeBuildFolder({ topdir, isPlain }: BuildLocation): Promise<void> {
  refuseFolderNames([
    ["the build folder", topdir],
    ["the folder of tsbake", CORE_LAYER],
  ]);
  try {
    await makeFolder(isPlain ? topdir : join(topdir, "conf"));
  } catch (error) {
    throw new BuildError([unwritableBuildFolder(topdir, reasonOf(error))], { cause: error });
  }
}

/** @throws BuildError `engine/unusable-path` */
function refuseFolderNames(folders: readonly (readonly [what: string, path: string])[]): void {
  const problems = folders.flatMap(([what, path]) => folderNameProblem(what, path) ?? []);
  if (problems.length > 0) throw new BuildError(problems);
}

/**
 * @param beforeChange called before repositories of the project file are brought where they have to be
 * @throws BuildError with every problem of configuration and recipes
 */
export async function parseFolder(
  location: BuildLocation,
  options: OpenOptions,
  beforeChange: () => Promise<void>,
): Promise<ParsedFolder> {
  const { topdir } = location;
  const parsedAtMs = Date.now();
  let projectFile: ProjectFile | undefined;
  if (location.projectFile !== undefined) {
    projectFile = await readProjectFile(
      location.projectFile,
      await projectOptions(location, options, { beforeChange }),
    );
    options.onEvent({ type: "project", path: projectFile.path, targets: projectFile.targets });
    refuseFolderNames(projectFile.layers.map((path) => ["a layer", path]));
    await writeConfiguration(projectFile, topdir, CORE_LAYER);
  }
  const [dpkg, kernel] = ARCHITECTURES[process.arch] ?? [process.arch, process.arch];
  const python = openBuildPython(join(topdir, "cache/python"), options.onEvent);
  const environment = projectFile
    ? projectEnvironment(projectFile, options.environment)
    : { ...options.environment };
  const tools = await openFileDigests(join(topdir, "cache/tool-digests.json"));
  const programs = await signedPrograms(
    options.environment["PATH"] ?? "",
    join(topdir, "cache/own-code.json"),
    tools,
  );
  await tools.save();
  const started = performance.now();
  const ownLayers = [...(location.isPlain ? [] : [CORE_LAYER]), ...(options.layers ?? [])];
  const project = await parseProject({
    topdir,
    coreLayers: [...ownLayers, ...(await lastTemplates(topdir))],
    coreLayersOf: async (value) => [...ownLayers, ...(await templateLayers(value, topdir, options))],
    environment,
    preFiles: configurationFiles([...options.preFiles, options.environment["BBPRECONF"]], options, topdir),
    postFiles: configurationFiles([...options.postFiles, options.environment["BBPOSTCONF"]], options, topdir),
    ...(options.recipeFile !== undefined && {
      recipeFile: { text: options.recipeFile, directory: options.directory },
    }),
    initial: {
      TSBAKE_DPKG_ARCH: dpkg,
      TSBAKE_KERNEL_ARCH: kernel,
      TSBAKE_CPUS: String(availableParallelism()),
      ...programs.variables,
    },
    trackHistory: options.trackHistory,
    cachedConfig: CACHED_CONFIGURATION,
    // Paths are in what was parsed: a copied build folder must not believe the cache of the original.
    cacheKey: [programs.key, topdir, CORE_LAYER].join(" "),
    python: python.host,
    openPython: python.open,
    watchFiles: python.watchFiles,
    signer: await openBaseSigner(),
    checkConfiguration: (d) =>
      configuredFolderProblems(
        (name) => d.getText(name),
        (name) => d.spanOf(name),
      ),
    onProgress: (done, total, cached) => options.onEvent({ type: "parsing", done, total, cached }),
    onWarning: (diagnostic) => options.onEvent({ type: "engine-warning", diagnostic }),
  });
  const { files, cached } = project.statistics;
  const elapsedMs = performance.now() - started;
  options.onEvent({ type: "parsed", recipes: files, cached, elapsedMs });
  return { topdir, project, environment, python, projectFile, programs, parsedAtMs };
}

/** @throws BuildError of IMAGE_TEMPLATE */
async function templateLayers(
  value: (name: string) => string | undefined,
  topdir: string,
  { onEvent }: OpenOptions,
): Promise<readonly string[]> {
  const text = (name: string): string => value(name)?.trim() ?? "";
  const template = text("IMAGE_TEMPLATE");
  if (template === "") return [];
  return openTemplates(template, {
    topdir,
    onNote: (note) => onEvent({ type: "step", text: note }),
    signer: async () =>
      toBoolean(text("BUNDLE_VERIFY_SIG"))
        ? openSigner({
            key: "",
            passphrase: "",
            trusted: words(text("BUNDLE_VALID_SIGS")),
            program: text("GPG_BIN") || "gpg",
            home: text("GPG_PATH"),
          })
        : undefined,
  });
}
