/**
 * Folders of tests. All of them, and whatever the code under test leaves in TMPDIR, lie in one folder of the run, which
 * goes when the run ends (`tests/begin.js`, `tests/end.js`). TSBAKE_KEEP=1 keeps it.
 */
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { removeFolder } from "@tsbake/run";

const RUN_FOLDER = "tsbake-tests-";

/** A new empty folder. A test may remove it when it is large; else the end of the run does. */
export function temporaryFolder(name: string): string {
  return mkdtempSync(join(tmpdir(), `tsbake-${name}-`));
}

/** Makes the folder of a run, which other users may write to as in /tmp: some tests run as somebody else. */
export function makeRunFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), RUN_FOLDER));
  chmodSync(folder, 0o1777);
  return folder;
}

/** @throws a folder that `makeRunFolder` did not make: never is the machine's own TMPDIR removed */
export async function removeRunFolder(folder: string): Promise<void> {
  if (!basename(folder).startsWith(RUN_FOLDER)) throw new Error(`not a folder of a test run: ${folder}`);
  await removeFolder(folder);
}

/** What a command of a test gets of our environment: its programs, and where it may leave things. */
export function plainEnvironment(): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", TMPDIR: tmpdir() };
}
