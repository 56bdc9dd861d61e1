/** do_rootfs of an extension of whose packages nothing runs, written straight from what is in them. */
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { type FileEntry, type PlacedEntry, TarWriter } from "@tsbake/archive";
import type { Composed } from "@tsbake/packaging";
import type { LayerFacts } from "../facts/facts.js";
import { formatFileManifest } from "../facts/file-manifest.js";
import { ownersOf } from "../formats/tree.js";
import type { Decided } from "./decide.js";
import { narrowing } from "./narrowing.js";
import type { LayerOptions } from "./options.js";
import { FILES_FILE, layerFacts, TREE_FILE, writeLayer } from "./results.js";
import { readSync } from "node:fs";
import { join } from "node:path";

/** How it ended: written, or given up since a trigger has to run; undefined where only dpkg knows what to do. */
export type OnPackages = { readonly facts: LayerFacts } | { readonly running: readonly string[] } | undefined;

/** @throws BuildError `packaging/bad-deb`, … */
export async function composeLayer(options: LayerOptions, decided: Decided): Promise<OnPackages> {
  // What is kept of the database are dpkg's own files.
  if (options.keepDatabase || options.snapshotName !== undefined) return undefined;
  const { snapshot, base, database, solution, sources } = decided;
  const { backend, architecture, allowChanged, work, onProgress } = options;
  await using composed = await backend.compose({
    architecture,
    allowChanged,
    base,
    database,
    solution,
    work,
    onProgress,
  });
  if (composed === undefined) return undefined;
  const { result } = composed;
  const fired = options.scripts === "skip" ? [] : backend.whatFires(result.added, base);
  if (fired.length > 0) return { running: fired };
  const about = { options, sources, osRelease: snapshot.osRelease, base: { ...base, ...snapshot.facts } };
  const entries = owned(composed);
  const { modes, narrowed, warnings } = narrowing(
    result,
    base,
    entries.map(({ entry }) => entry),
  );
  const written = await writeTree(options, entries, modes);
  await writeFile(join(options.output, FILES_FILE), formatFileManifest(written));
  const facts = { ...layerFacts(result, result.database, about), narrowedModes: narrowed, warnings };
  return { facts: await writeLayer(options, snapshot, facts, work) };
}

function owned({ result, entries }: Composed): PlacedEntry[] {
  const added = new Set(result.added.map((one) => one.name));
  const owners = ownersOf(
    result.database,
    entries.map(({ entry }) => entry),
    added,
  );
  return entries.map((one) => {
    const owner = owners.get(one.entry.path);
    return owner === undefined ? one : { ...one, entry: { ...one.entry, package: owner } };
  });
}

/** @returns the entries as they were written, files with their digests */
async function writeTree(
  { output, epochSeconds }: LayerOptions,
  entries: readonly PlacedEntry[],
  modes: ReadonlyMap<string, number>,
): Promise<FileEntry[]> {
  const digests = new Map<string, string>();
  const buffer = Buffer.allocUnsafe(1 << 20);
  using writer = new TarWriter(join(output, TREE_FILE));
  writer.root(epochSeconds);
  const written = entries.map(({ entry, mtimeSeconds, content }) => {
    const { path, kind, hardlink } = entry;
    const isAsShipped = entry.package !== undefined && (kind === "file" || kind === "symlink");
    const settled = { ...entry, mode: modes.get(path) ?? entry.mode };
    writer.begin(settled, isAsShipped ? Math.min(mtimeSeconds, epochSeconds) : epochSeconds);
    if (kind !== "file") return settled;
    if (hardlink !== undefined) return { ...settled, sha256: digests.get(hardlink)! };
    const hash = createHash("sha256");
    for (let done = 0; done < entry.sizeBytes;) {
      const got = readSync(
        content.fd,
        buffer,
        0,
        Math.min(buffer.length, entry.sizeBytes - done),
        content.at + done,
      );
      if (got === 0) throw new Error(`internal: the content of ${path} ends too early`);
      hash.update(buffer.subarray(0, got));
      writer.write(buffer.subarray(0, got));
      done += got;
    }
    writer.pad();
    const sha256 = hash.digest("hex");
    digests.set(path, sha256);
    return { ...settled, sha256 };
  });
  writer.finish();
  return written;
}
