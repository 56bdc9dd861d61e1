/** A private build folder of this checkout's own project, and the real command in it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { timed } from "./measure.mjs";

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Makes a folder that is gone afterwards, unless `keep`. */
export async function inFolder(keep, work) {
  const folder = await mkdtemp(join(tmpdir(), "tsbake-bench-"));
  try {
    return await work(folder);
  } finally {
    if (keep) console.log(`kept: ${folder}`);
    else await rm(folder, { recursive: true, force: true });
  }
}

/** tsbake on this checkout, built into `build`, with its downloads at `downloads`. @param lines more of the configuration */
export async function openProject(folder, downloads, lines = []) {
  const build = join(folder, "build");
  const settings = join(folder, "bench.conf");
  await mkdir(folder, { recursive: true });
  await writeFile(settings, [`DL_DIR = "${downloads}"`, ...lines].map((line) => `${line}\n`).join(""));
  const env = { TSBAKE_BUILD_DIR: build };
  return {
    build,
    /** @returns {Promise<import("./measure.mjs").Timed & {tasks: Map<string, number>}>} tasks: seconds by label */
    async run(...args) {
      const done = await timed("./tsbake", ["--ui", "json", "-r", settings, ...args], { cwd: ROOT, env });
      return { ...done, tasks: taskTimes(done.stdout) };
    },
  };
}

function taskTimes(text) {
  const tasks = new Map();
  for (const line of text.split("\n")) {
    if (!line.startsWith("{")) continue;
    const event = JSON.parse(line);
    if (event.type === "task-finished") tasks.set(event.label, event.elapsedMs / 1000);
  }
  return tasks;
}

/** @throws Error when one of the tasks was not executed */
export function sumOf(tasks, labels) {
  return labels.reduce((sum, label) => {
    const time = tasks.get(label);
    if (time === undefined) throw new Error(`${label} did not run: ${[...tasks.keys()].join(" ")}`);
    return sum + time;
  }, 0);
}
