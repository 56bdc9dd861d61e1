// `npm run coverage [-- PATTERN…]`: runs the unit tests (or those that match) and prints how many lines of each package ran.
//
// Child processes are not seen: what only runs below a spawned tsbake counts as not covered. Exit code 1 when a package of
// which much is demanded has less.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "..");
const folder = join(root, "node_modules/.cache/tsbake-coverage");
const WANTED = 80;
const DEMANDED = ["base", "language", "datastore", "graph", "run", "sstate"];

const patterns = process.argv.slice(2);
// The patterns come first: options with lists would swallow them.
const chosen = patterns.length > 0 ? patterns : ["unit/"];
const args = [
  "jest",
  ...chosen,
  "--coverage",
  `--coverageDirectory=${folder}`,
  "--coverageReporters=json-summary",
];
const { status } = spawnSync("npx", ["--no-install", ...args], {
  cwd: join(root, "tests"),
  stdio: "inherit",
  env: { ...process.env, NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning" },
});

const summary = JSON.parse(readFileSync(join(folder, "coverage-summary.json"), "utf8"));
const packages = new Map();
const files = [];
for (const [path, { lines }] of Object.entries(summary)) {
  const match = /^packages\/([^/]+)\//.exec(relative(root, path));
  if (!match) continue;
  const sum = packages.get(match[1]) ?? { covered: 0, total: 0 };
  packages.set(match[1], { covered: sum.covered + lines.covered, total: sum.total + lines.total });
  if (DEMANDED.includes(match[1]) && lines.pct < WANTED) files.push(`${relative(root, path)} ${lines.pct}`);
}
const short = [];
console.log("\npackage      lines  covered");
for (const [name, { covered, total }] of [...packages].sort(([one], [other]) => (one < other ? -1 : 1))) {
  const percent = total === 0 ? 100 : (covered / total) * 100;
  console.log(`${name.padEnd(12)} ${String(total).padStart(5)}  ${percent.toFixed(1).padStart(5)} %`);
  if (DEMANDED.includes(name) && percent < WANTED) short.push(name);
}
if (files.length > 0) console.log(`\nfiles below ${WANTED} %:\n${files.map((one) => `  ${one}`).join("\n")}`);
if (short.length > 0) console.log(`\nbelow ${WANTED} %: ${short.join(", ")}`);
process.exitCode = status !== 0 || short.length > 0 ? 1 : 0;
