/** What an extension leaves for extensions on it: the snapshot of base and extension together. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { TarFile } from "@tsbake/archive";
import { byText } from "@tsbake/base";
import type { Backend } from "@tsbake/packaging";
import { type BaseFacts, sysusersOf } from "../check/inspect/base-facts.js";
import { elfFacts } from "../check/inspect/elf-facts.js";
import type { Inspected } from "../check/inspect/inspect.js";
import { tarTree } from "../check/inspect/tree.js";
import type { Accounts } from "../layer/merged/accounts.js";
import { formatFileManifest, parseFileManifest } from "../facts/file-manifest.js";
import { stacked } from "../layer/stacked.js";
import { parseTmpfiles } from "../layer/tmpfiles.js";
import { formatOsRelease } from "../snapshot/os-release.js";
import {
  clearSnapshot,
  DATABASE_FOLDER,
  type Snapshot,
  snapshotFiles,
  snapshotInspected,
  snapshotTmpfiles,
  writeSnapshot,
} from "../snapshot/snapshot.js";

export interface StackRequest {
  readonly backend: Backend;
  readonly base: Snapshot;
  readonly distro: string;
  /** The extension's name, by which a device knows it. */
  readonly name: string;
  /** The layer's tar and file manifest. */
  readonly tree: string;
  readonly files: string;
  /** Accounts that its scripts made, with the ids that files which ship carry. */
  readonly accounts: Accounts | undefined;
  /** The root in which the packages of both are. */
  readonly root: string;
  /** The snapshot's folder. */
  readonly output: string;
}

/** @returns the digest of the package database of both @throws BuildError `image/bad-snapshot`, `packaging/bad-database` */
export async function writeStackedSnapshot(request: StackRequest): Promise<string> {
  const { base, files, name, output } = request;
  await clearSnapshot(output);
  const identity = await request.backend.snapshot(request.root, join(output, DATABASE_FOLDER));
  const layer = parseFileManifest(await readFile(files, "utf8"), files);
  const entries = stacked(await snapshotFiles(base), layer);
  const inspected = await snapshotInspected(base);
  using tar = new TarFile(request.tree);
  const tree = tarTree(tar, layer);
  const tmpfiles = [...tree.below("/usr/lib/tmpfiles.d")]
    .filter(({ path }) => path.endsWith(".conf"))
    .flatMap((entry) => parseTmpfiles(tree.textOf(entry), entry.path));
  const ofBase = await snapshotTmpfiles(base);
  const known = new Set(ofBase.map(({ path }) => path));
  const { digest, extensions } = base.facts.below ?? { digest: base.facts.digest, extensions: [] };
  await writeSnapshot(output, identity, {
    distro: request.distro,
    files: formatFileManifest(entries.map(({ entry }) => entry)),
    tmpfiles: [...ofBase, ...tmpfiles.filter(({ path }) => !known.has(path))],
    osRelease: formatOsRelease(base.osRelease),
    below: { digest, extensions: [...extensions, name] },
    ...(inspected && { inspected: together(inspected, tree, entries, request.accounts) }),
  });
  return identity.digest;
}

/** Facts of the base as far as they hold still, and those of the layer. Folders of the loader are the base's: its cache is not made anew. */
function together(
  before: Inspected,
  tree: ReturnType<typeof tarTree>,
  entries: ReturnType<typeof stacked>,
  accounts: Accounts | undefined,
): Inspected {
  const paths = new Map(entries.map(({ entry, of, from }) => [`${of} ${from}`, entry.path]));
  const at = (of: "base" | "layer", path: string): string | undefined => paths.get(`${of} ${path}`);
  const elf = [
    ...before.elf.flatMap((fact) => {
      const path = at("base", fact.path);
      return path === undefined ? [] : [{ ...fact, path }];
    }),
    ...elfFacts(tree).map((fact) => ({ ...fact, path: at("layer", fact.path) ?? fact.path })),
  ];
  const base: BaseFacts = {
    ...before.base,
    users: [...before.base.users, ...(accounts?.users ?? []).map(({ name, uid }) => ({ name, id: uid }))],
    groups: [...before.base.groups, ...(accounts?.groups ?? []).map(({ name, gid }) => ({ name, id: gid }))],
    sysusers: [...before.base.sysusers, ...sysusersOf(tree, ["/usr/lib/sysusers.d"])],
  };
  return { elf: elf.sort((left, right) => byText(left.path, right.path)), base };
}
