/**
 * `bench trace`: what TRACE_WORKDIR costs the tasks of the main job. Both run the same tasks in turns, each in a build folder of its own;
 * what the command costs when there is nothing to do is taken off, since it would hide what a task costs.
 */
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { inTurns, summary, table } from "./measure.mjs";
import { inFolder, openProject, ROOT } from "./project.mjs";

const IMAGE = "sysext-image";
const RECIPES = ["libsysfacts", "sysfacts", "sysfacts-watch"];
const MOST_PERCENT = 20;

export async function trace(options) {
  const runs = options.runs ?? 3;
  const downloads = resolve(options.downloads ?? join(ROOT, "build/downloads"));
  if (!(await readdir(join(downloads, "feed/pool")).catch(() => undefined)))
    throw new Error(`${downloads} holds no package files (feed/pool): build something first`);
  return inFolder(options.keep, async (folder) => {
    const contenders = {
      without: await openProject(join(folder, "without"), downloads),
      with: await openProject(join(folder, "with"), downloads, ['TRACE_WORKDIR = "1"']),
    };
    const parts = [
      { what: "recipes of the project", targets: RECIPES, prepare: cleanRecipes },
      { what: "the whole job, nothing there", targets: [IMAGE], prepare: cleanAll },
    ].filter(({ targets }) => !options.only || (options.only === "recipes") === (targets === RECIPES));
    const rows = [];
    for (const { what, targets, prepare } of parts) {
      for (const project of Object.values(contenders)) await project.run(...targets);
      const idle = await cpuOf(runs, contenders, async (project) => project.run(...targets));
      let count = 0;
      const busy = await cpuOf(runs, contenders, async (project) => {
        await prepare(project);
        const done = await project.run(...targets);
        count = done.tasks.size;
        return done;
      });
      const [plain, traced] = ["without", "with"].map((name) => busy[name] - idle[name]);
      const percent = (traced / plain - 1) * 100;
      rows.push([
        what,
        String(count),
        ...[plain, traced].map((cpu) => `${cpu.toFixed(2)} (${((cpu / count) * 1000).toFixed(0)})`),
        `${percent.toFixed(1)} %`,
        `≤ ${MOST_PERCENT} %`,
      ]);
    }
    console.log(`\nCPU seconds (ms a task) above those of a command with nothing to do, best of ${runs}.\n`);
    console.log(table(["what", "tasks", "without", "with", "more", "bar"], rows));
    return 0;
  });
}

async function cpuOf(runs, contenders, work) {
  const named = Object.entries(contenders).map(([name, project]) => [name, () => work(project)]);
  const times = await inTurns(runs, Object.fromEntries(named));
  return Object.fromEntries(Object.entries(times).map(([name, { cpu }]) => [name, summary(cpu).best]));
}

async function cleanRecipes(project) {
  await project.run("-c", "cleansstate", ...RECIPES);
}

async function cleanAll({ build }) {
  for (const name of ["tmp", "sstate-cache"]) await rm(join(build, name), { recursive: true, force: true });
}
