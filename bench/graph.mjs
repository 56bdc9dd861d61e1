/** `bench graph`: parsing, the task graph and signatures on made-up layers, and whether time grows with the number of recipes. */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { generateLayer, TARGET, TASKS } from "./generate.mjs";
import { reaped, summary, table, timed } from "./measure.mjs";
import { bitbakeEnvironment } from "./peer.mjs";
import { inFolder, ROOT } from "./project.mjs";

const LAST = `s${TASKS - 1}`;
/** Below the build folder: makes every task one that is done when its stamp is there. */
const NOEXEC = "conf/noexec.conf";

/**
 * What is measured: a name, what it needs first, and the arguments of the command. `mostTasks` spares BitBake, whose dry
 * run takes about 0.1 s a task.
 */
const PHASES = [
  { name: "parse, cold", cold: true, args: ["-p"] },
  { name: "parse, cached", args: ["-p"] },
  { name: "+ graph, written (-g)", args: ["-g", "-c", LAST, TARGET] },
  { name: "+ graph, signatures, plan (-n)", args: ["-q", "-n", "-c", LAST, TARGET], mostTasks: 10_000 },
  {
    name: "no change, all stamps there",
    args: ["-q", "-R", NOEXEC, "-c", LAST, TARGET],
    prepare: true,
    by: "tsbake",
  },
];

export async function graph(options) {
  const runs = options.runs ?? 3;
  const sizes = (options.recipes ?? "1000,10000").split(",").map(Number);
  if (!sizes.every((size) => Number.isInteger(size) && size > 0))
    throw new Error("--recipes is like 1000,10000");
  return inFolder(options.keep, async (folder) => {
    const layers = [];
    for (const size of sizes) {
      const layer = join(folder, `layer${size}`);
      await generateLayer(layer, size);
      layers.push({ size, layer });
    }
    const rows = await rowsOf("tsbake", layers, runs, (one) => tsbakeProject(folder, one));
    if (options.bitbake) {
      const checkout = resolve(options.bitbake);
      rows.push(...(await rowsOf("bitbake", layers, runs, (one) => bitbakeProject(folder, one, checkout))));
    }
    const head = ["what", "by", ...sizes.map((size) => `${size} recipes`), "linear", "peak RSS"];
    console.log(
      `\nSeconds of whole commands, best of ${runs} (CPU); ${TASKS} tasks a recipe. linear: 1.0 = time grows as recipes do.\n`,
    );
    console.log(table(head, rows));
    return 0;
  });
}

async function rowsOf(by, layers, runs, open) {
  const projects = [];
  for (const one of layers) projects.push({ ...one, ...(await open(one)) });
  const rows = [];
  for (const phase of PHASES) {
    const bests = [];
    for (const project of projects) {
      if (by !== "tsbake" && (phase.by || project.size * TASKS > (phase.mostTasks ?? Infinity))) continue;
      if (phase.prepare) await project.run(phase.args);
      const all = [];
      for (let turn = 0; turn < runs; turn++) {
        if (phase.cold) await rm(project.cache, { recursive: true, force: true });
        all.push(await project.run(phase.args));
      }
      const wall = summary(all.map((one) => one.wall)).best;
      const cpu = summary(all.map((one) => one.cpu)).best;
      const rssKiB = Math.max(...all.map((one) => one.rssKiB));
      process.stderr.write(
        `  ${by} ${project.size} ${phase.name}: ${wall.toFixed(2)} s, cpu ${cpu.toFixed(2)} s\n`,
      );
      bests.push({ wall, cpu, rssKiB, size: project.size });
    }
    if (bests.length === 0) continue;
    const [first, last] = [bests[0], bests[bests.length - 1]];
    const linear = last.cpu / first.cpu / (last.size / first.size);
    const cells = bests.map(({ wall, cpu }) => `${wall.toFixed(2)} (${cpu.toFixed(2)})`);
    rows.push([
      phase.name,
      by,
      ...projects.map((_, at) => cells[at] ?? "not run"),
      bests.length > 1 ? linear.toFixed(2) : "",
      memory(bests),
    ]);
  }
  return rows;
}

/** Peak of the largest process, for each size. */
function memory(bests) {
  if (bests.some(({ rssKiB }) => Number.isNaN(rssKiB))) return "no GNU time";
  return `${bests.map(({ rssKiB }) => Math.round(rssKiB / 1024)).join(", ")} MiB`;
}

async function tsbakeProject(folder, { size, layer }) {
  const build = join(folder, `tsbake${size}`);
  await writeConfiguration(build, [join(ROOT), layer], []);
  return {
    cache: join(build, "cache"),
    run: (args) => timed(join(ROOT, "tsbake"), ["-u", "plain", ...args], { cwd: build }),
  };
}

/** BitBake needs a bitbake.conf and a base.bbclass, and gets the smallest; its server stays up unless told otherwise. */
async function bitbakeProject(folder, { size, layer }, checkout) {
  const build = join(folder, `bitbake${size}`);
  const core = join(folder, "bitbake-core");
  await mkdir(join(core, "conf"), { recursive: true });
  await mkdir(join(core, "classes"), { recursive: true });
  await writeFile(join(core, "conf/bitbake.conf"), BITBAKE_CONF);
  await writeFile(join(core, "classes/base.bbclass"), "addtask build\ndo_build() {\n    :\n}\n");
  await writeConfiguration(build, [layer], [`BBPATH .= ":${core}"`, 'LAYERSERIES_CORENAMES = "first"']);
  const env = { ...bitbakeEnvironment(checkout), BBPATH: `${build}:${core}` };
  return {
    cache: join(build, "cache"),
    run: (args) => reaped(join(checkout, "bin/bitbake"), args, { cwd: build, env }),
  };
}

async function writeConfiguration(build, layers, lines) {
  await mkdir(join(build, "conf"), { recursive: true });
  const text = [`BBPATH = "\${TOPDIR}"`, 'BBFILES ?= ""', `BBLAYERS = "${layers.join(" ")}"`, ...lines];
  await writeFile(join(build, "conf/bblayers.conf"), `${text.join("\n")}\n`);
  const noexec = Array.from({ length: TASKS }, (_, task) => `do_s${task}[noexec] = "1"\n`);
  await writeFile(join(build, NOEXEC), noexec.join(""));
  await writeFile(join(build, "conf/local.conf"), 'MACHINE = "generic"\nDISTRO = "debian"\n');
}

const BITBAKE_CONF = `TMPDIR = "\${TOPDIR}/tmp"
CACHE = "\${TOPDIR}/cache"
PERSISTENT_DIR = "\${TOPDIR}/cache"
STAMP = "\${TMPDIR}/stamps/\${PN}"
T = "\${TMPDIR}/work/\${PN}/temp"
B = "\${TMPDIR}/work/\${PN}"
PN = "\${@bb.parse.vars_from_file(d.getVar('FILE', False), d)[0] or 'defaultpkgname'}"
PV = "\${@bb.parse.vars_from_file(d.getVar('FILE', False), d)[1] or '1.0'}"
PF = "\${PN}-\${PV}"
PROVIDES = "\${PN}"
BB_SIGNATURE_HANDLER = "basichash"
require conf/local.conf
`;
