/** Whether the distribution's archive can be asked for real packages from here. */
import { rmSync } from "node:fs";
import { BuildError } from "@tsbake/base";
import { openFeed } from "@tsbake/packaging";
import { temporaryFolder } from "./temporary.js";

let asked: Promise<string | undefined> | undefined;

/** Why there can be no build of real packages here, or undefined. The lists are fetched once a test file. */
export function archiveProblem(): Promise<string | undefined> {
  asked ??= ask();
  return asked;
}

async function ask(): Promise<string | undefined> {
  const folder = temporaryFolder("probe");
  try {
    await (await openFeed({ folder })).update();
    return undefined;
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    return error.diagnostics[0]?.message ?? "the archive cannot be asked";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
