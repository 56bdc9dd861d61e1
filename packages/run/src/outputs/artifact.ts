/** The artifact of a task: saved after its body, restored instead of it. */
import { rm } from "node:fs/promises";
import { basename } from "node:path";
import { BuildError } from "@tsbake/base";
import { checkLabel, labelArtifact, packArtifact, unpackArtifact } from "@tsbake/sstate";
import type { ArtifactFolder, ObjectName, Store } from "@tsbake/sstate";
import type { RecipeInfo, TaskInfo } from "@tsbake/recipe";

export type Artifact = NonNullable<TaskInfo["artifact"]>;

/** What the object of a task is called. */
export function objectName(recipe: RecipeInfo, task: string, unihash: string): ObjectName {
  return { spec: recipe.sstateSpec, unihash, task };
}

/** Inputs and plain folders under their last names; a name that comes twice gets a number, in order of declaration. */
function artifactFolders(artifact: Artifact): ArtifactFolder[] {
  const used = new Set<string>();
  return [...artifact.inputs, ...artifact.plain].map((path) => {
    const wanted = basename(path) || "root";
    let name = wanted;
    for (let number = 2; used.has(name); number++) name = `${wanted}.${number}`;
    used.add(name);
    return { name, path };
  });
}

export interface SaveOptions {
  readonly artifact: Artifact;
  /** Where the object is made before the store takes it. */
  readonly temporary: string;
  /** Newest time in the object, seconds. */
  readonly epochSeconds: number;
  /** Told of each socket, which is left out. */
  readonly onSocket?: (path: string) => void;
  /** Says what the object is called and described by, once its bytes are known. */
  readonly settle: (path: string) => Promise<{ readonly name: ObjectName; readonly description: string }>;
}

/** Packs the folders and hands the object to the store. @throws BuildError and system errors: nothing was stored */
export async function saveArtifact(store: Store, options: SaveOptions): Promise<void> {
  try {
    await packArtifact(
      artifactFolders(options.artifact),
      options.temporary,
      options.epochSeconds,
      options.onSocket,
    );
    const { name, description } = await options.settle(options.temporary);
    await labelArtifact(options.temporary, name);
    await store.put(name, options.temporary, description);
  } finally {
    await rm(options.temporary, { force: true });
  }
}

/** Refused artifacts of one task; there are more places of artifacts only where somebody means ill, or has 16 mirrors. */
const MOST_REFUSED = 16;

/**
 * Puts back the input and plain folders; installing is another step. An artifact that is refused is not the end: the next place
 * that has one is asked.
 *
 * @param onRefused told of each that was refused while another one is there
 * @returns the object's local file, or undefined when the store does not have the object any more
 * @throws BuildError `sstate/…` when the object is not what it should be
 */
export async function restoreArtifact(
  store: Store,
  name: ObjectName,
  artifact: Artifact,
  onRefused: (error: unknown) => void,
): Promise<string | undefined> {
  let refused: unknown;
  for (let count = 0; count < MOST_REFUSED; count++) {
    const path = await store.get(name);
    if (path === undefined) break;
    if (refused !== undefined) onRefused(refused);
    try {
      await checkLabel(path, name);
      await unpackArtifact(path, artifactFolders(artifact));
      return path;
    } catch (error) {
      if (!isBadContent(error)) throw error;
      // Its bytes are those of its checksum, so it would fail again and again: another, or what the task makes now, takes its place.
      await store.reject(name);
      refused = error;
    }
  }
  if (refused !== undefined) throw refused;
  return undefined;
}

/** What is wrong with the archive itself, and not with this machine. */
const BAD_CONTENT = [
  "archive/damaged",
  "archive/hostile-entry",
  "archive/too-big",
  "archive/truncated",
  "archive/unsupported",
  "sstate/foreign-content",
  "sstate/other-artifact",
];

function isBadContent(error: unknown): boolean {
  return error instanceof BuildError && error.diagnostics.some(({ code }) => BAD_CONTENT.includes(code));
}
