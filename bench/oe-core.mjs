/** `bench oe-core`: tsbake and BitBake read openembedded-core; what each makes of it, how long it takes, where they differ. */
import { accessSync, constants } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { capture, reaped, summary, table } from "./measure.mjs";
import { bitbakeEnvironment } from "./peer.mjs";
import {
  compareFacts,
  compareHashes,
  compareInputs,
  compareValues,
  readAccount,
  shortId,
} from "./oe-core/compare.mjs";
import { inFolder, ROOT } from "./project.mjs";

const OURS = join(ROOT, "bench/oe-core/ours.mjs");
const PEER = join(ROOT, "bench/oe-core/peer.py");
const SHOWN = 5;
/** Both keep what they remember in TOPDIR/cache, BitBake in TMPDIR/cache too. */
const PHASES = [
  { name: "parse, cold", cold: true },
  { name: "parse, cached", cold: false },
];

export async function oeCore(options) {
  if (!options["oe-core"] || !options.bitbake)
    throw new Error("oe-core needs --oe-core DIR and --bitbake DIR");
  const layer = join(resolve(options["oe-core"]), "meta");
  const checkout = resolve(options.bitbake);
  const runs = options.runs ?? 1;
  return inFolder(options.keep, async (folder) => {
    const build = join(folder, "build");
    await writeConfiguration(build, layer);
    // Both get the same environment: parts of it are values.
    const at = { cwd: build, env: { ...bitbakeEnvironment(checkout), PWD: build } };
    const contenders = [
      { by: "tsbake", command: [process.execPath, OURS] },
      { by: "bitbake", command: [join(checkout, "bin/bitbake"), "-p"] },
    ];
    const rows = [];
    for (const phase of PHASES) {
      for (const { by, command } of contenders) rows.push(await row(phase, by, command, at, runs));
    }
    const head = ["what", "by", "files", "targets", "skipped", "errors", "wall s", "CPU s", "peak RSS"];
    console.log(
      `\nmeta of ${layer}, MACHINE qemux86-64; best of ${runs}; memory is that of the largest process\n`,
    );
    console.log(table(head, rows));
    await accounts(folder, checkout, at, Number(options.values ?? 60));
    return 0;
  });
}

async function row({ name, cold }, by, [command, ...args], at, runs) {
  const all = [];
  let said = "";
  for (let turn = 0; turn < runs; turn++) {
    if (cold) {
      for (const name of await readdir(join(at.cwd, "cache")).catch(() => [])) {
        if (/^(recipes\.|python$)/.test(name) === (by === "tsbake")) {
          await rm(join(at.cwd, "cache", name), { recursive: true, force: true });
        }
      }
      if (by === "bitbake") await rm(join(at.cwd, "tmp"), { recursive: true, force: true });
    } else if (by === "bitbake") {
      // What the first run leaves in tmp changes the key of its cache: the second run parses once more.
      await reaped(command, args, at);
    }
    const one = await reaped(command, args, at);
    said = one.stdout;
    all.push(one);
  }
  const far = howFar(said);
  if (!far) throw new Error(`${by} did not say how far it came:\n${said}`);
  const wall = summary(all.map((one) => one.wall)).best;
  const cpu = summary(all.map((one) => one.cpu)).best;
  const memory = `${Math.round(Math.max(...all.map((one) => one.rssKiB)) / 1024)} MiB`;
  process.stderr.write(`  ${by} ${name}: ${wall.toFixed(1)} s, cpu ${cpu.toFixed(1)} s\n`);
  return [name, by, ...far, wall.toFixed(1), cpu.toFixed(1), memory];
}

/** Files, targets, skipped, errors; BitBake tells only the targets when all come from its cache. */
function howFar(said) {
  const parsed =
    /of (\d+) \.bb files complete[^.]*\. (\d+) targets, (\d+) skipped, \d+ masked, (\d+) errors/.exec(said);
  if (parsed) return parsed.slice(1);
  const loaded = /^Loaded (\d+) entries from dependency cache/m.exec(said);
  return loaded ? ["", loaded[1], "", ""] : undefined;
}

/** Facts of all recipes and values of a sample, side by side. */
async function accounts(folder, checkout, at, sample) {
  const [ours, peer, list] = ["ours.jsonl", "peer.jsonl", "sample"].map((name) => join(folder, name));
  await succeed(process.execPath, [OURS, ours], at);
  const ids = [...(await readAccount(ours)).recipes.keys()].sort();
  const count = Math.min(sample, ids.length);
  const chosen = Array.from({ length: count }, (_, nth) => ids[Math.floor((nth * ids.length) / count)]);
  await writeFile(list, chosen.join("\n"));
  await succeed(process.execPath, [OURS, ours, "--values", list], at);
  await succeed("python3", [PEER, checkout, peer, "--values", list], at);
  const [here, there] = [await readAccount(ours), await readAccount(peer)];

  console.log("\nFacts that the task graph is made from:\n");
  const reports = compareFacts(here, there);
  console.log(
    table(
      ["fact", "compared", "differ"],
      reports.map(({ what, compared, differences }) => [what, String(compared), String(differences.length)]),
    ),
  );
  for (const { what, differences } of reports) {
    for (const one of differences.slice(0, SHOWN)) console.log(`${what}: ${one}`);
  }
  for (const part of ["values", "flags"]) {
    const { compared, reordered, byName } = compareValues(here, there, part);
    console.log(
      `\n${part} of ${chosen.length} recipes: ${compared} compared, ${reordered} with the same words in another ` +
        `order, ${byName.size} names differ`,
    );
    const most = [...byName].sort(([, left], [, right]) => right.ids.length - left.ids.length);
    for (const [name, { ids: where, example }] of most)
      console.log(`${name}, ${where.length} recipes: ${example}`);
  }
  signatures(here, there, chosen.length);
}

function signatures(here, there, recipes) {
  const hashes = compareHashes(here, there);
  console.log(`\nbase hashes of all recipes: ${hashes.compared} tasks, ${hashes.equal} equal`);
  for (const [task, ids] of hashes.others) console.log(`${task}: ${ids.length}, ${shortId(ids[0])}`);
  const { compared, equal, causes } = compareInputs(here, there);
  console.log(`\ninputs of base hashes of ${recipes} recipes: ${compared} tasks, ${equal} equal`);
  const most = [...causes].sort(([, left], [, right]) => right.ids.length - left.ids.length);
  for (const [name, { ids, example }] of most) console.log(`${name}, ${ids.length} recipes: ${example}`);
}

async function succeed(command, args, at) {
  const { code, stdout, stderr } = await capture(command, args, {
    ...at,
    env: { ...process.env, ...at.env },
  });
  if (code !== 0)
    throw new Error(`${command} ${args[0]} ended with ${code}:\n${(stderr || stdout).slice(-3000)}`);
}

async function writeConfiguration(build, layer) {
  await mkdir(join(build, "conf"), { recursive: true });
  const layers = [`BBPATH = "\${TOPDIR}"`, 'BBFILES ?= ""', `BBLAYERS = "${layer}"`];
  await writeFile(join(build, "conf/bblayers.conf"), `${layers.join("\n")}\n`);
  const missing = missingTools(await readFile(join(layer, "conf/bitbake.conf"), "utf8"));
  const local = [
    'MACHINE = "qemux86-64"',
    // The clock would be a difference.
    'DATE = "20260101"',
    'TIME = "120000"',
    // Nothing is built, so nothing is needed.
    `HOSTTOOLS:remove = "${missing.join(" ")}"`,
  ];
  await writeFile(join(build, "conf/local.conf"), `${local.join("\n")}\n`);
  // The layer's own switch for checks of the machine (root, umask, versions of tools).
  await writeFile(join(build, "conf/sanity.conf"), "");
}

function missingTools(bitbakeConf) {
  const names = [...bitbakeConf.matchAll(/^HOSTTOOLS \+= "([^"]*)"/gm)].flatMap(([, text]) =>
    text.split(/[\s\\]+/).filter(Boolean),
  );
  const folders = (process.env.PATH ?? "").split(":");
  return names.filter((name) => !folders.some((folder) => isExecutable(join(folder, name))));
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
