/** do_rootfs of an image from a template: packages come and go on a copy of the base's tree, and the whole of it is the image. */
import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { FileEntry } from "@tsbake/archive";
import { BuildError, sortedUnique } from "@tsbake/base";
import {
  type InstallResult,
  type InstalledPackage,
  type PackageDatabase,
  readAutomatic,
} from "@tsbake/packaging";
import { installedClosure } from "../facts/closure.js";
import { type LayerFacts, parseFacts, type TemplateFacts } from "../facts/facts.js";
import { FileIndex } from "../facts/file-manifest.js";
import { formatReport } from "../facts/result.js";
import * as problems from "../problems.js";
import {
  explainUnsolvable,
  mayStay,
  refuseChanges,
  refuseNames,
  type Left,
  type Wishes,
} from "../removal/index.js";
import { DATABASE_FOLDER, openSnapshot, type Snapshot, snapshotFiles } from "../snapshot/snapshot.js";
import { extraFiles } from "./base.js";
import { unpackBase } from "./base-tree.js";
import { emptyRoot, installCage, offerOf, solveRequest } from "./offer.js";
import type { BaseOptions } from "./options.js";
import { leftOnTree } from "./left-on-tree.js";
import { packWhole } from "./whole-tree.js";

export interface FromTemplateOptions extends BaseOptions, Wishes {
  /** Folder of the base's snapshot. */
  readonly base: string;
  /** The tar of its tree, and what its do_rootfs said of its packages. */
  readonly baseTree: string;
  readonly baseFacts: string;
  /** Words of IMAGE_REMOVE_ALLOW. */
  readonly mayLeave: readonly string[];
  /** What a removal leaves behind is an error. */
  readonly isStrict: boolean;
}

/** In the output folder: a line a path that a removed package left. */
const REPORT_FILE = "report.txt";

/**
 * @throws BuildError `image/bad-snapshot`, `image/cannot-remove`, `image/left-by-removal`, `image/still-needed`,
 *   `image/template-changed`, `image/template-of-extension`, `packaging/install-failed`, `packaging/unsolvable`, …
 */
export async function installOnTemplate(options: FromTemplateOptions): Promise<LayerFacts> {
  const { backend, install, remove, baseName } = options;
  const isAllowed = mayStay(options.mayLeave);
  const snapshot = await openSnapshot(options.base, {
    architecture: options.architecture,
    backend: backend.name,
  });
  if (snapshot.facts.below !== undefined) throw new BuildError([problems.templateOfExtension(baseName)]);
  const said = parseFacts(await readFile(options.baseFacts, "utf8"), options.baseFacts);
  const database = join(snapshot.folder, DATABASE_FOLDER);
  const { packages: before } = await backend.readSnapshot(database, snapshot.facts);
  refuseNames(options, before);
  const root = await emptyRoot(options);
  const { sources, fetch } = await offerOf(options);
  const wishes = [...install, ...remove.map((name) => `-${name}`)];
  const request = {
    ...solveRequest(options, sources),
    install: wishes,
    allowChanged: before.map(({ name }) => name),
  };
  const solved = await backend
    .solve({ ...request, installedIn: database })
    .catch((error: unknown) => explainUnsolvable(error, options, before));
  refuseChanges(options, before, solved.changes);
  const solution = { ...solved, packages: await fetch(solved.packages) };
  const baseTree = resolve(options.baseTree);
  await using _contents = backend.openAhead?.(solution, root);
  await using sandbox = await installCage(options, root, sources, [dirname(baseTree)]);
  options.onProgress("unpacking the base");
  const { seenRoot, base } = await unpackBase({ baseTree, snapshot, backend, root, sandbox, solution });
  const inBase = new FileIndex(await snapshotFiles(snapshot));
  const automaticBefore = await readAutomatic(seenRoot);
  const result = await backend.installOnTree({
    ...request,
    root,
    seenRoot,
    base,
    inRoot: [...inBase.entries()],
    sandbox,
    solution,
    isWhole: true,
    extra: extraFiles(options),
  });
  const removed = new Set(remove);
  const requested = sortedUnique([
    ...said.requested.filter((name) => !removed.has(name)),
    ...install.map((name) => name.replace(/[=/:].*$/, "")),
  ]);
  const whole = { sandbox, root, seenRoot, result, sources, known: said.packages, isKnown: sameAs(inBase) };
  const facts = await packWhole(options, whole, async (after) => {
    const left = await leftOnTree({ backend, snapshot, base, result, seenRoot, after });
    if (options.isStrict) refuseLeft(left.filter((one) => !isAllowed(one)));
    await writeFile(join(options.output, REPORT_FILE), formatReport(left.map(({ reported }) => reported)));
    const wasUnneeded = new Set(unneededOf(base, automaticBefore));
    const unneeded = unneededOf(result.database, await readAutomatic(seenRoot));
    return {
      requested,
      template: {
        ...templateFacts(baseName, snapshot, base, result),
        left: left.map(({ reported }) => reported),
        unneeded: unneeded.filter((name) => !wasUnneeded.has(name)),
      },
    };
  });
  await sandbox.close();
  await rm(root, { recursive: true, force: true });
  return facts;
}

function sameAs(inBase: FileIndex): (entry: FileEntry) => boolean {
  return ({ path, sha256 }) => inBase.get(path)?.sha256 === sha256;
}

function refuseLeft(left: readonly Left[]): void {
  if (left.length > 0) throw new BuildError([problems.leftByRemoval(left)]);
}

/** Names of packages that only came for others, of which none is there. */
function unneededOf({ packages }: PackageDatabase, automatic: ReadonlySet<string>): string[] {
  const manual = packages.map(({ name }) => name).filter((name) => !automatic.has(name));
  const needed = new Set(installedClosure(packages, manual).map(({ name }) => name));
  return packages.map(({ name }) => name).filter((name) => !needed.has(name));
}

function templateFacts(
  base: string,
  snapshot: Snapshot,
  { packages }: PackageDatabase,
  { added, database }: InstallResult,
): Omit<TemplateFacts, "left" | "unneeded"> {
  const named = ({ name, version, architecture }: InstalledPackage) => ({ name, version, architecture });
  const there = new Set(database.packages.map(({ name }) => name));
  return {
    base,
    digest: snapshot.facts.digest,
    added: added.map(named),
    removed: packages.filter(({ name }) => !there.has(name)).map(named),
  };
}
