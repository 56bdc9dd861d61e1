/**
 * `npm run fuzz -- metadata|archives [--count N] [--seed N] [--from N] [--corpus DIR]… [--python-every N] [--workers N]`
 *
 * Exit code 1 when a case fails; its text is printed as small as it can be made, and the command that repeats it.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../support/paths.js";
import { openArea } from "./areas.js";
import type { Setup } from "./types.js";
import { runOne, runPool, type Failure } from "./pool.js";
import { shrink } from "./shrink.js";

const OWN = ["classes", "conf", "recipes", "tests/golden", "tests/fixtures"];
const LIMITS_MS = { metadata: 1000, archives: 5000 } as const;
/** Different failures that are shown; the rest is counted. */
const SHOWN = 10;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: "string" },
    seed: { type: "string" },
    from: { type: "string", default: "0" },
    corpus: { type: "string", multiple: true, default: [] },
    "python-every": { type: "string", default: "50" },
    dump: { type: "boolean", default: false },
    workers: { type: "string", default: "2" },
  },
});
const [area] = positionals;
if (area !== "metadata" && area !== "archives") {
  console.error(
    "usage: npm run fuzz -- metadata|archives [--count N] [--seed N] [--from N] [--corpus DIR]… [--python-every N] [--workers N]",
  );
  process.exit(2);
}
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const count = Number(values.count ?? (area === "metadata" ? 10_000 : 1000));
const folder = mkdtempSync(join(tmpdir(), "tsbake-fuzz-"));
mkdirSync(folder, { recursive: true });
const home = process.cwd();
// Archives that lead a program out of its folder often lead it here.
mkdirSync(join(folder, "cwd"));
process.chdir(join(folder, "cwd"));
const setup: Setup = {
  area,
  seed,
  corpus: [...OWN.map((one) => join(root, one)), ...values.corpus.map((one) => resolve(home, one))],
  pythonEvery: area === "metadata" ? Number(values["python-every"]) : 0,
  folder,
};
const limitMs = LIMITS_MS[area];
if (values.dump) {
  process.stdout.write((await openArea(setup)).describe(Number(values.from)).text);
  process.exit(0);
}
const started = performance.now();
let told = started;
try {
  console.log(`${area}: ${count} cases, seed ${seed}`);
  const { failures, outcomes, slowest } = await runPool({
    setup,
    from: Number(values.from),
    count,
    workers: Number(values.workers),
    limitMs,
    onProgress(done) {
      if (performance.now() - told < 10_000) return;
      told = performance.now();
      console.log(`${done} of ${count}`);
    },
  });
  await show(failures);
  const seconds = (performance.now() - started) / 1000;
  const how = Object.entries(outcomes).map(([name, number]) => `${number} ${name}`);
  console.log(
    `${area}: ${count} cases in ${seconds.toFixed(0)} s: ${[...how, `${failures.length} failed`].join(", ")}`,
  );
  console.log(`slowest: case ${slowest.index}, ${slowest.ms.toFixed(0)} ms`);
  process.exitCode = failures.length > 0 ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** All by their title, and one of each kind made small. */
async function show(failures: readonly Failure[]): Promise<void> {
  const kinds = new Map(failures.toReversed().map((one) => [kindOf(one.reason), one]));
  const cases =
    kinds.size > 0 ? await openArea({ ...setup, pythonEvery: 0, folder: join(folder, "show") }) : undefined;
  for (const { index, reason } of failures) {
    console.log(`failed: case ${index}, ${cases!.describe(index).title}: ${reason.split("\n")[0]}`);
  }
  for (const { index, reason } of [...kinds.values()].toReversed().slice(0, SHOWN)) {
    const { title, text, canShrink } = cases!.describe(index);
    const same = async (candidate: string): Promise<boolean> => {
      const now = await runOne({ setup, index, limitMs, text: candidate });
      return now !== undefined && kindOf(now) === kindOf(reason);
    };
    const small = canShrink ? await shrink(text, same) : text;
    console.log(
      `\nFAILED case ${index}, ${title}\n${reason}\n--- ${small.length} characters:\n${shown(small)}\n---`,
    );
    // The same corpus, else the same number is another case.
    const corpus = values.corpus.map((one) => ` --corpus ${one}`).join("");
    console.log(
      `again: npm run fuzz -- ${area} --seed ${seed} --from ${index} --count 1 --workers 1${corpus}`,
    );
  }
}

/** Where it came from tells failures apart; what it says has names in it. */
function kindOf(reason: string): string {
  if (reason.startsWith("it hangs")) return "hang";
  const places = reason.split("\n").slice(1, 3).join("\n");
  return places === "" ? reason.replace(/\d+/g, "N") : places;
}

function shown(text: string): string {
  const visible = text.length > 3000 ? `${text.slice(0, 3000)}…` : text;
  return visible.replace(/[^\n\x20-\x7e]/gu, (character) =>
    JSON.stringify(character)
      .slice(1, -1)
      .replace(/^[^\\]$/u, escaped),
  );
}

function escaped(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
