/**
 * Which tasks run, beside BitBake: both engines get the same commands on BitBake's own run-queue layer, which is read from
 * a checkout and never kept here. `node bench/runqueue.mjs --bitbake DIR`
 */
import { execFileSync, spawn } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { MORE, SCENARIOS } from "./runqueue-scenarios.mjs";

const HELP = `usage: node bench/runqueue.mjs --bitbake DIR [options]

  --bitbake DIR   a checkout of BitBake; its layer lib/bb/tests/runqueue-tests is used by both
  --user NAME     run everything as this user (BitBake is not made for root)
  --more          also the commands that BitBake's own tests do not have
  --only A,B      these scenarios
  --answers FILE  keep what BitBake did, and take it from there the next time
  --keep          leave the temporary folder for inspection
`;
const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STEP_SECONDS = 300;

const { values: options } = parseArgs({
  options: {
    answers: { type: "string" },
    bitbake: { type: "string" },
    help: { type: "boolean", short: "h", default: false },
    keep: { type: "boolean", default: false },
    more: { type: "boolean", default: false },
    only: { type: "string" },
    user: { type: "string" },
  },
});

/** @returns {Promise<{ code: number | null, output: string }>} */
function run(command, args, cwd, env) {
  const words = options.user ? ["runuser", "-u", options.user, "--", command, ...args] : [command, ...args];
  return new Promise((resolve, reject) => {
    const child = spawn(words[0], words.slice(1), {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: STEP_SECONDS * 1000,
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => (output += text));
    }
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, output }));
  });
}

/** Runs all steps of a scenario in one new build folder. What ran is read from the log that the layer's tasks write. */
async function perform({ steps, environment = {} }, program, layer) {
  const topdir = mkdtempSync(join(folder, "build-"));
  if (options.user) await chown(topdir);
  const done = [];
  for (const { args, valid = [], slow = "" } of steps) {
    const extra = { ...environment, SSTATEVALID: valid.join(" "), SLOWTASKS: slow, TOPDIR: topdir };
    const env = {
      PATH: process.env.PATH,
      HOME: topdir,
      LC_ALL: "en_US.UTF-8",
      BBPATH: layer,
      BB_ENV_PASSTHROUGH_ADDITIONS: Object.keys(extra).join(" "),
      ...extra,
    };
    const { code, output } = await run(program, args, topdir, env);
    // BitBake's server outlives the command by a moment.
    const isBusy = () => ["bitbake.lock", "hashserve.sock"].some((name) => existsSync(join(topdir, name)));
    for (let tries = 0; isBusy() && tries < 100; tries++) await sleep(100);
    const log = join(topdir, "task.log");
    const tasks = existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean).sort() : [];
    rmSync(log, { force: true });
    done.push({ failed: code !== 0, tasks, output });
  }
  return done;
}

function chown(path) {
  return new Promise((resolve, reject) => {
    const child = spawn("chown", ["-R", `${options.user}:`, path], { stdio: "inherit" });
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve() : reject(new Error(`chown ${path} failed`))));
  });
}

/** What differs, a sentence each. */
function differences(scenario, ours, theirs) {
  return scenario.steps.flatMap((step, number) => {
    const [mine, peer] = [ours[number], theirs[number]];
    const list = (tasks) => (scenario.each ? tasks : [...new Set(tasks)]);
    const [here, there] = [list(mine.tasks), list(peer.tasks)];
    const found = [];
    const missing = there.filter((task) => !here.includes(task));
    const extra = here.filter((task) => !there.includes(task));
    if (missing.length > 0) found.push(`not run: ${missing.join(" ")}`);
    if (extra.length > 0) found.push(`run too: ${extra.join(" ")}`);
    if (found.length === 0 && here.join() !== there.join()) found.push("other counts");
    if (mine.failed !== peer.failed) {
      found.push(`${mine.failed ? "fails" : "succeeds"} here: ${mine.output.trim().slice(-600)}`);
    }
    if (step.fails && !mine.output.includes(step.fails)) found.push(`does not speak of ${step.fails}`);
    if (/Traceback|KeyError|internal-error/.test(mine.output)) found.push("an internal error is shown");
    return found.map((text) => `${step.args.join(" ")}: ${text}`);
  });
}

async function main() {
  const scenarios = Object.entries({ ...SCENARIOS, ...(options.more || options.only ? MORE : {}) }).filter(
    ([name]) => !options.only || options.only.split(",").includes(name),
  );
  const layer = join(folder, "layer");
  cpSync(join(options.bitbake, "lib/bb/tests/runqueue-tests"), layer, { recursive: true });
  if (options.user) await chown(folder);
  const known =
    options.answers && existsSync(options.answers) ? JSON.parse(readFileSync(options.answers, "utf8")) : {};
  let same = 0;
  for (const [name, scenario] of scenarios) {
    const began = performance.now();
    const ours = await perform(scenario, join(ROOT, "tsbake"), layer);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    const key = JSON.stringify(scenario);
    known[key] ??= await perform(scenario, join(options.bitbake, "bin/bitbake"), layer);
    if (options.answers) writeFileSync(options.answers, JSON.stringify(known));
    const found = differences(scenario, ours, known[key]);
    if (found.length === 0) same++;
    const count = known[key].map(({ tasks }) => new Set(tasks).size).join("+");
    console.log(
      `${found.length === 0 ? "same " : "OTHER"} ${name.padEnd(36)} ${count.padStart(10)} tasks ${seconds.padStart(6)} s`,
    );
    for (const text of found) console.log(`      ${text}`);
  }
  console.log(`${same} of ${scenarios.length} scenarios: the same tasks ran`);
  return same === scenarios.length ? 0 : 1;
}

if (options.help || !options.bitbake) {
  process.stdout.write(HELP);
  process.exit(options.help ? 0 : 2);
}
// What is not compiled yet is compiled by whom it belongs to.
execFileSync(join(ROOT, "tsbake"), ["--version"], { stdio: ["ignore", "ignore", "inherit"] });
const folder = mkdtempSync(join(tmpdir(), "tsbake-runqueue-"));
try {
  process.exitCode = await main();
} finally {
  if (options.keep) console.log(`kept: ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
