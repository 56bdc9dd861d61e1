// `node scripts/python.js [--write] FILE…`: Python by ruff, which checks it and says how it is formatted; with --write it is formatted.
import { readFileSync, writeFileSync } from "node:fs";
import ruff from "@astral-sh/ruff-wasm-nodejs";

const OPTIONS = {
  "line-length": 110,
  "target-version": "py311", // the oldest that runs it: the host's, for tasks (Debian 12)
  lint: {
    // pyflakes, pycodestyle, likely bugs, comprehensions, needless code, old forms.
    select: ["F", "E", "W", "B", "C4", "PIE", "RET", "SIM", "UP"],
    // The formatter decides on lines; a datastore is no dict; files of the host stay open; `%` is how BitBake's code formats.
    ignore: ["E501", "SIM118", "SIM115", "SIM905", "B905", "UP031"],
  },
};

const isWriting = process.argv[2] === "--write";
const paths = process.argv.slice(isWriting ? 3 : 2);
const workspace = new ruff.Workspace(OPTIONS, ruff.PositionEncoding.Utf16);

let faults = 0;
for (const path of paths) {
  const text = readFileSync(path, "utf8");
  for (const { code, message, start_location: at } of workspace.check(text)) {
    console.error(`${path}:${at.row}:${at.column}: ${code ?? "syntax"} ${message}`);
    faults++;
  }
  const formatted = workspace.format(text);
  if (formatted === text) continue;
  if (isWriting) writeFileSync(path, formatted);
  else {
    console.error(`${path}: not formatted (npm run format)`);
    faults++;
  }
}
process.exitCode = faults > 0 ? 1 : 0;
