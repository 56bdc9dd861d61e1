/** Whether what tasks have installed into shared folders is still there and the same. */
import { join } from "node:path";
import { byText } from "@tsbake/base";
import { changedFiles } from "./install.js";
import { manifestFolder, manifestNames, readManifest } from "./manifest.js";

export interface VerifiedOutputs {
  /** Tasks that have installed something. */
  readonly tasks: number;
  readonly files: number;
  /** Files that are gone, or are not what was installed, with `PN:do_task` of who installed them; sorted. */
  readonly changed: readonly { readonly path: string; readonly task: string }[];
}

/** Compares mode, size and inode of each file with what its manifest says. Reads no content. */
export function verifyOutputs(tmpdir: string): VerifiedOutputs {
  const manifests = manifestNames(tmpdir).flatMap((name) => {
    const manifest = readManifest(join(manifestFolder(tmpdir), name));
    return manifest ? [{ name, manifest }] : [];
  });
  const changed = manifests.flatMap(({ name, manifest }) => {
    const { owner } = manifest;
    const task = owner ? `${owner.pn}:${owner.task}` : name;
    return changedFiles(manifest).map((path) => ({ path, task }));
  });
  return {
    tasks: manifests.length,
    files: manifests.reduce((sum, { manifest }) => sum + manifest.files.length, 0),
    changed: changed.sort((left, right) => byText(left.path, right.path)),
  };
}
