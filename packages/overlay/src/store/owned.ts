/** Files of an overlay and of bases, whose owners an ordinary user sees only in a namespace of his. */
import { rm } from "node:fs/promises";
import { type Cage, openCage } from "@tsbake/sandbox";

/** A cage that sees these folders, with real owners. @throws BuildError `sandbox/…` */
export function openOwned(writable: readonly string[], readable: readonly string[] = []): Promise<Cage> {
  return openCage({ writable, readable, subordinateIds: true });
}

/** @param folder what is there; the tree below it may be of any owner. Nothing is there afterwards. */
export async function removeOwned(within: string, folders: readonly string[]): Promise<void> {
  if (process.getuid?.() !== 0 && folders.length > 0) {
    await using cage = await openOwned([within]);
    await cage.run("rm", ["-rf", "--", ...folders]);
    return;
  }
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
}
