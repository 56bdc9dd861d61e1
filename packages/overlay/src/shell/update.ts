/**
 * Brings an overlay onto its base as that is now. First what is to be done is worked out and written down; then it is done, in steps
 * that may be done again: who is killed in between goes on from there.
 */
import { chmod, lstat, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BuildError, fullDisk, ifThere } from "@tsbake/base";
import { type Cage, runInOverlay } from "@tsbake/sandbox";
import { mergeAccounts } from "../database/accounts.js";
import { brokenDependencies } from "../database/broken.js";
import { editedBy } from "../database/edited.js";
import { mergeDatabases } from "../database/merge.js";
import { databaseFiles, readState, storageOf, type StoredAs } from "../database/stored/read.js";
import type { Storage } from "../database/stored/storage.js";
import { treeChanges, type TreeChanges, type UpperEntry } from "../database/tree.js";
import { notUpdated } from "../problems.js";
import { fileDigests, type Entries, entriesOf, looking, placing } from "../store/look.js";
import { openOwned } from "../store/owned.js";
import { baseFolder, type OverlayPlaces, treeFromOverlay } from "../store/places.js";
import type { Drift } from "./drift.js";
import { READY } from "./plan.js";

/** Where the update is in the root. */
const UPDATE = "/run/tsbake/update";
const BASE = "/run/tsbake/base";

/** In the overlay, with the programs of its own: overlayfs makes whiteouts and folders as they have to be. */
const APPLY = `
set -eu
cd ${UPDATE}
xargs -0 rm -f -- <remove
xargs -0 -r -n 2 sh -c 'rm -f -- "$1" && cp -a "${BASE}$0" "$1"' <copies
cp -rPf tree/. /
if command -v ldconfig >/dev/null; then ldconfig; fi
`;

/** $@: folders, which become others with the same content: what overlayfs has written on them is not on the new ones. */
const UNCOVER = `
set -eu
for folder; do
    new=$folder.tsbake-new
    if [ -d "$folder" ]; then
        mkdir -p "$new"
        chown --reference="$folder" "$new"
        chmod --reference="$folder" "$new"
        find "$folder" -mindepth 1 -maxdepth 1 -exec mv -t "$new" -- {} +
        rmdir "$folder"
    fi
    [ ! -d "$new" ] || mv -T "$new" "$folder"
done
`;

interface UpdateRequest {
  readonly overlays: string;
  readonly places: OverlayPlaces;
  readonly base: string;
  readonly stored: StoredAs;
  /** Digests of the trees of before and of now. */
  readonly from: string;
  readonly to: string;
}

/** Works out what is to be done, and writes it down. */
export async function planUpdate({
  overlays,
  places,
  base,
  stored,
  from,
  to,
}: UpdateRequest): Promise<Drift> {
  const [oldRoot, nextRoot] = [from, to].map((digest) => join(baseFolder(overlays, digest), "tree"));
  await using cage = await openOwned([places.folder], [oldRoot!, nextRoot!]);
  const [old, own, next] = [
    await readState([oldRoot!], stored),
    await readState([places.upper, oldRoot!], stored),
    await readState([nextRoot!], stored),
  ];
  const merged = mergeDatabases(old, own, next);
  const upper = await entriesOf(cage, places.upper);
  const [oldEntries, nextEntries] = [await entriesOf(cage, oldRoot!), await entriesOf(cage, nextRoot!)];
  const digests = await fileDigests(cage, stored.format, places.upper, upper, upper.keys());
  const paths = new Set([...upper.keys(), ...merged.state.diversions.keys()]);
  const look = async (root: string, entries: Entries) =>
    looking(entries, await fileDigests(cage, stored.format, root, entries, paths));
  const place = placing([upper, nextEntries, oldEntries]);
  const changes = treeChanges({
    old,
    own,
    next,
    merged,
    upper: new Map([...upper].map(([path, entry]) => [path, { kind: kindOf(entry.kind) }])),
    oldTree: await look(oldRoot!, oldEntries),
    nextTree: await look(nextRoot!, nextEntries),
    upperTree: looking(upper, digests),
    place,
    isEdited: editedBy(own, digests, place),
  });
  const roots = { old: oldRoot!, next: nextRoot!, upper: places.upper };
  const database = { ...storageOf(stored), files: await databaseFiles(merged.state, stored) };
  await writeUpdate(places, changes, database, roots);
  const before = new Set(brokenDependencies(own).map(({ name, missing }) => `${name} ${missing}`));
  const broken = brokenDependencies(merged.state).filter(
    ({ name, missing }) => !before.has(`${name} ${missing}`),
  );
  return { base, packages: merged.fates, broken, shadows: changes.shadows };
}

function kindOf(kind: string): UpperEntry["kind"] {
  if (kind === "character") return "whiteout";
  return kind === "file" || kind === "directory" || kind === "symlink" ? kind : "other";
}

const SCRIPTS = /\.(?:config|preinst|postinst|prerm|postrm)$/;

async function writeUpdate(
  places: OverlayPlaces,
  changes: TreeChanges,
  database: Pick<Storage, "folders" | "places"> & { readonly files: ReadonlyMap<string, string> },
  roots: { readonly old: string; readonly next: string; readonly upper: string },
): Promise<void> {
  const { update } = places;
  await rm(update, { recursive: true, force: true });
  const tree = join(update, "tree");
  const put = async (path: string, content: Buffer): Promise<void> => {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
    if (SCRIPTS.test(path)) await chmod(join(tree, path), 0o755);
  };
  for (const folder of database.folders) await mkdir(join(tree, folder), { recursive: true });
  for (const [path, text] of database.files) {
    const content = Buffer.from(text, "latin1");
    const there = await ifThere(readFile(join(roots.next, path)));
    if (there === undefined || !there.equals(content)) await put(path, content);
  }
  for (const path of changes.accounts) {
    const [old, own, next] = [
      await textOf(roots.old, path),
      await textOf(roots.upper, path),
      await textOf(roots.next, path),
    ];
    await put(path.slice(1), Buffer.from(mergeAccounts(old, own, next), "latin1"));
  }
  for (const [path, target] of changes.links) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await symlink(target, join(tree, path));
  }
  const extra = (await databaseNames(roots.next, database.places)).filter(
    (path) => !database.files.has(path.slice(1)),
  );
  const remove = [...changes.remove, ...changes.links.keys(), ...extra];
  await writeFile(join(update, "remove"), zeroEnded(remove));
  await writeFile(join(update, "copies"), zeroEnded([...changes.copies].flatMap(([to, from]) => [from, to])));
  const drop = [...changes.drop, ...database.places.map((path) => `/${path}`), "/etc/ld.so.cache"];
  await writeFile(join(update, "drop"), zeroEnded(drop));
  await writeFile(join(update, "uncover"), zeroEnded(changes.uncover));
  await writeFile(join(update, READY), "");
}

async function textOf(root: string, path: string): Promise<string> {
  return (await ifThere(readFile(join(root, path), "latin1"))) ?? "";
}

/** Absolute paths of what a database has in files, but for locks and copies of before. */
async function databaseNames(root: string, places: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const place of places) {
    const status = await ifThere(lstat(join(root, place)));
    if (status?.isFile()) found.push(`/${place}`);
    if (!status?.isDirectory()) continue;
    const entries = await readdir(join(root, place), { recursive: true, withFileTypes: true });
    for (const entry of entries)
      if (entry.isFile() && !/^(?:lock.*|Lock|arch|.*-old)$/.test(entry.name))
        found.push(join(entry.parentPath, entry.name).slice(root.length));
  }
  return found;
}

function zeroEnded(paths: readonly string[]): string {
  return paths.map((path) => `${path}\0`).join("");
}

/**
 * Does what is written down; the overlay is then one of the base of now.
 *
 * @param lockFd of the overlay
 * @throws BuildError `overlay/not-updated`, `base/disk-full`, `sandbox/…`
 */
export async function applyUpdate(
  { overlays, places, base, to }: Pick<UpdateRequest, "overlays" | "places" | "base" | "to">,
  lockFd: number,
): Promise<void> {
  await using cage = await openOwned([places.folder]);
  await dropFromUpper(cage, places);
  const tree = join(baseFolder(overlays, to), "tree");
  const code = await runInOverlay({
    folder: places.folder,
    lowers: ["session", treeFromOverlay(to)],
    upper: "upper",
    work: "work",
    point: "point",
    binds: [
      { from: places.update, to: UPDATE, isReadOnly: true },
      { from: tree, to: BASE, isReadOnly: true },
    ],
    hostname: "update",
    network: false,
    lockFd,
    command: ["sh", "-c", APPLY],
    env: { LC_ALL: "C.UTF-8" },
  });
  if (code === 0) return;
  const disk = fullDisk(places.folder, [], `bringing the shell onto ${base}`, "");
  throw new BuildError([disk ?? notUpdated(base, code)]);
}

/** On the upper folder itself. */
async function dropFromUpper(cage: Cage, { update, upper }: OverlayPlaces): Promise<void> {
  const listed = async (name: string): Promise<string> => {
    const text = await readFile(join(update, name), "utf8");
    return zeroEnded(text.split("\0").flatMap((path) => (path === "" ? [] : [join(upper, path)])));
  };
  await cage.run("xargs", ["-0", "rm", "-rf", "--"], { input: await listed("drop") });
  const args = ["-0", "-r", "sh", "-c", UNCOVER, "uncover"];
  await cage.run("xargs", args, { input: await listed("uncover") });
}
