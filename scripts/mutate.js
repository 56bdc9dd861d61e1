/**
 * `npm run mutate`: are the tests worth their time? Changes the compiled code of a copy in one place at a time and runs the
 * unit tests of the room. A change that no test notices is printed: a test is missing there, or the change means nothing.
 *
 *     npm run mutate                                  the changes of tests/mutations.json that must be noticed
 *     npm run mutate -- graph run --count 30 --seed 1  changes at random of these rooms; --record writes the score there
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { mulberry } from "../tests/dist/support/random.js";

/** Room → where its code is, and the tests that must notice. */
const ROOMS = {
  graph: { code: "packages/graph/dist", tests: ["unit/graph"] },
  image: { code: "packages/image/dist", tests: ["unit/image"] },
  packaging: { code: "packages/packaging/dist/split", tests: ["unit/packaging-(split|sysroot|names)"] },
  run: { code: "packages/run/dist/plan", tests: ["unit/run"] },
  sstate: { code: "packages/sstate/dist", tests: ["unit/sstate"] },
};

/** What a slip of the hand makes of an expression. */
const SLIPS = [
  [" === ", " !== "],
  [" !== ", " === "],
  [" < ", " <= "],
  [" > ", " >= "],
  [" <= ", " < "],
  [" >= ", " > "],
  [" && ", " || "],
  [" || ", " && "],
  [" ?? ", " && "],
  [" + 1", " + 2"],
  [" - 1", ""],
  ["return true;", "return false;"],
  ["return false;", "return true;"],
  ["if (!", "if ("],
  [".some(", ".every("],
  [".every(", ".some("],
  ["continue;", ""],
];
/** Longer than this, and it hangs: noticed, too. */
const LIMIT_MS = 300_000;
const LIST = "tests/mutations.json";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    record: { type: "boolean", default: false },
  },
});
const unknown = positionals.find((room) => !Object.hasOwn(ROOMS, room));
if (unknown) {
  console.error(`mutate: no room \`${unknown}\`; there are ${Object.keys(ROOMS).join(", ")}`);
  process.exit(2);
}

const list = JSON.parse(readFileSync(LIST, "utf8"));
const house = mkdtempSync(join(tmpdir(), "tsbake-mutate-"));
try {
  const folders = [
    "packages",
    "tests",
    "conf",
    "classes",
    "recipes",
    "docs",
    "scripts",
    "bench",
    "node_modules",
  ];
  // Links that lead from one into another go along as they are.
  for (const name of folders) cpSync(name, join(house, name), { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(".", { withFileTypes: true }))
    if (name.isFile()) cpSync(name.name, join(house, name.name));
  const missed = positionals.length > 0 ? atRandom(positionals) : chosen();
  process.exitCode = missed > 0 ? 1 : 0;
} finally {
  rmSync(house, { recursive: true, force: true });
}

/** Those that must be noticed. @returns how many were not */
function chosen() {
  let missed = 0;
  for (const { what, file, from, to, tests } of list.mustBeNoticed) {
    const text = readFileSync(file, "utf8");
    if (!text.includes(from)) throw new Error(`mutate: ${file} has no \`${from}\` any more (${LIST})`);
    const began = performance.now();
    const isNoticed = tryOut(file, text.replace(from, to), tests);
    console.log(`${isNoticed ? "noticed" : "MISSED "} ${seconds(began)} ${what}`);
    if (!isNoticed) missed++;
  }
  return missed;
}

function atRandom(rooms) {
  let missed = 0;
  for (const room of rooms) {
    const { code, tests } = ROOMS[room];
    const random = mulberry(Number(values.seed));
    const mutants = pick(mutantsOf(code), Number(values.count), random);
    const survivors = [];
    for (const { file, line, text, was, is } of mutants) {
      const began = performance.now();
      const isNoticed = tryOut(file, text, tests);
      console.log(`${isNoticed ? "noticed" : "MISSED "} ${seconds(began)} ${file}:${line}: ${was} → ${is}`);
      if (!isNoticed) survivors.push(`${file}:${line}`);
    }
    missed += survivors.length;
    const noticed = mutants.length - survivors.length;
    console.log(`${room}: ${noticed} of ${mutants.length} noticed`);
    list.score[room] = { seed: Number(values.seed), mutants: mutants.length, noticed };
  }
  if (values.record) writeFileSync(LIST, `${JSON.stringify(list, null, 2)}\n`);
  return missed;
}

/** @returns whether a test failed */
function tryOut(file, text, tests) {
  const path = join(house, file);
  const before = readFileSync(path);
  writeFileSync(path, text);
  // Tests start programs as tasks do, and these are one file each.
  const bundled = spawnSync("node", ["scripts/bundle.js"], {
    cwd: house,
    encoding: "utf8",
    env: process.env,
  });
  if (bundled.status !== 0) throw new Error(`mutate: ${file} cannot be bundled: ${bundled.stderr}`);
  const run = spawnSync("node_modules/.bin/jest", ["--config", "tests/jest.config.js", "--bail", ...tests], {
    cwd: house,
    encoding: "utf8",
    timeout: LIMIT_MS,
    env: {
      ...process.env,
      NODE_OPTIONS: "--experimental-vm-modules --disable-warning=ExperimentalWarning",
    },
  });
  writeFileSync(path, before);
  if (/No tests found/.test(run.stderr)) throw new Error(`mutate: no tests match ${tests.join(" ")}`);
  return run.status !== 0;
}

/** Each place of the compiled code where a slip is possible; comments, and what the compiler adds, are left out. */
function mutantsOf(folder) {
  const mutants = [];
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".js"),
  );
  for (const file of files.sort().map((name) => join(folder, name))) {
    const lines = readFileSync(file, "utf8").split("\n");
    // Helpers for `using`, at the head of a file, which nobody here has written.
    let isHelper = false;
    for (const [at, line] of lines.entries()) {
      if (line.startsWith("var __")) isHelper = true;
      if (isHelper && line.startsWith("}")) isHelper = !line.endsWith(";");
      if (isHelper || /^\s*(\/?\*|\/\/|import |export )/.test(line)) continue;
      for (const [was, is] of SLIPS) {
        if (!line.includes(was)) continue;
        const text = lines.with(at, line.replace(was, is)).join("\n");
        mutants.push({ file, line: at + 1, text, was: was.trim(), is: is.trim() || "nothing" });
      }
    }
  }
  return mutants;
}

function pick(all, count, random) {
  const rest = [...all];
  const picked = [];
  while (picked.length < count && rest.length > 0)
    picked.push(rest.splice(Math.floor(random() * rest.length), 1)[0]);
  return picked;
}

function seconds(began) {
  return `${((performance.now() - began) / 1000).toFixed(0).padStart(3)} s`;
}
