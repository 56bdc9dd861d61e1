/** A base to check on, from its snapshot. */
import { FileIndex } from "../facts/file-manifest.js";
import { type Snapshot, snapshotFiles, snapshotInspected, snapshotTmpfiles } from "../snapshot/snapshot.js";
import type { Base } from "./context.js";

/** @throws BuildError `image/bad-snapshot` */
export async function baseOf(snapshot: Snapshot, name: string): Promise<Base> {
  return {
    name,
    index: new FileIndex(await snapshotFiles(snapshot)),
    tmpfiles: await snapshotTmpfiles(snapshot),
    inspected: await snapshotInspected(snapshot),
    extensions: snapshot.facts.below?.extensions ?? [],
  };
}
