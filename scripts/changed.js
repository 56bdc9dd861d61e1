// `node scripts/changed.js SUFFIX… -- COMMAND`: runs COMMAND with the changed files whose name ends so; nothing where there is none.
// Changed is what is not on origin/main yet (where there is none: not in the last commit). `npm run ready` looks at these only,
// since rules that need types, prettier and ruff cost milliseconds a file; `npm run lint:all`, as CI does, looks at everything.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const git = (...words) => spawnSync("git", words, { encoding: "utf8" });
const listed = (...words) =>
  git(...words, "-z")
    .stdout.split("\0")
    .filter(Boolean);

const words = process.argv.slice(2);
const suffixes = words.slice(0, words.indexOf("--"));
const command = words.slice(words.indexOf("--") + 1);

const hasOrigin = git("rev-parse", "--verify", "--quiet", "origin/main").status === 0;
const changed = new Set([
  ...listed("diff", "--name-only", hasOrigin ? "origin/main" : "HEAD"),
  ...listed("ls-files", "--others", "--exclude-standard"),
]);
const paths = [...changed].filter((path) => suffixes.some((end) => path.endsWith(end)) && existsSync(path));
if (paths.length > 0)
  process.exitCode = spawnSync(command[0], [...command.slice(1), ...paths], { stdio: "inherit" }).status ?? 1;
