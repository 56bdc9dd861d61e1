// `npm run lint:code`: oxlint. Rules that need types cost ten times as much as all others, so they look at what has changed
// since origin/main (or the last commit, where there is none) and is not committed; `npm run lint:all`, as CI does, at all.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

const git = (...words) => spawnSync("git", words, { encoding: "utf8" }).stdout.split("\0").filter(Boolean);

const hasOrigin = spawnSync("git", ["rev-parse", "--verify", "--quiet", "origin/main"]).status === 0;
const since = hasOrigin ? "origin/main" : "HEAD";
const changed = new Set([
  ...git("diff", "--name-only", "-z", since),
  ...git("ls-files", "--others", "--exclude-standard", "-z"),
]);
const typed = [...changed].filter((path) => path.endsWith(".ts") && existsSync(path));

const oxlint = (...words) => execFileSync("npx", ["--no-install", "oxlint", ...words], { stdio: "inherit" });
try {
  oxlint();
  if (typed.length > 0) oxlint("--type-aware", ...typed);
} catch (error) {
  // It has said what is wrong.
  process.exitCode = error.status || 1;
}
