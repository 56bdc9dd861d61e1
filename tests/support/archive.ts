/** Whether the distribution's archive can be asked for real packages from here. */
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BuildError } from "@tsbake/base";
import { openFeed } from "@tsbake/packaging";
import { temporaryFolder } from "./temporary.js";

let asked: Promise<string | undefined> | undefined;

/** Why there can be no build of real packages here, or undefined. That all is well is asked once in a test run. */
export function archiveProblem(): Promise<string | undefined> {
  asked ??= ask();
  return asked;
}

async function ask(): Promise<string | undefined> {
  const answered = join(tmpdir(), "archive-answers");
  if (existsSync(answered)) return undefined;
  const folder = temporaryFolder("probe");
  try {
    await (await openFeed({ folder })).update();
    writeFileSync(answered, "");
    return undefined;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return error.diagnostics[0]?.message ?? "the archive cannot be asked";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
