/** The door: `npm run bench -- sysext|graph|oe-core|server|shell|trace [options]`. Says what machine this is, and refuses to measure a busy one. */
import { availableParallelism, cpus, loadavg, release } from "node:os";
import { parseArgs } from "node:util";
import { graph } from "./graph.mjs";
import { oeCore } from "./oe-core.mjs";
import { server } from "./server.mjs";
import { shell } from "./shell.mjs";
import { sysext } from "./sysext.mjs";
import { trace } from "./trace.mjs";

const BENCHES = { graph, "oe-core": oeCore, server, shell, sysext, trace };
const HELP = `usage: npm run bench -- sysext|graph|oe-core|server|shell|trace [--anyway] [--runs N] [options]

  --anyway           measure although the load is above 1 per core
  --runs N           of each row (default: 5; graph: 3, oe-core: 1)
sysext:
  --downloads DIR    package files that are there already (default: build/downloads)
  --only base|sysext|command
graph:
  --recipes N,N      sizes (default: 1000,10000)
  --bitbake DIR      a checkout of BitBake to compare with
oe-core:
  --oe-core DIR      a checkout of openembedded-core
  --bitbake DIR      a checkout of BitBake
  --values N         recipes of which every variable is compared (default: 60)
server (nginx, wrk and ab on PATH):
  --bitbake DIR      a checkout of BitBake, for hash equivalence
  --only http|hashes|clients|dying (how many builds one server holds; what its end costs a build)
shell, trace:
  --downloads DIR    as above
  --only recipes|job (trace)
all:
  --keep             leave the temporary folder for inspection
`;

const OPTIONS = {
  anyway: { type: "boolean", default: false },
  bitbake: { type: "string" },
  downloads: { type: "string" },
  help: { type: "boolean", short: "h", default: false },
  "oe-core": { type: "string" },
  values: { type: "string" },
  keep: { type: "boolean", default: false },
  only: { type: "string" },
  recipes: { type: "string" },
  runs: { type: "string" },
};

/** @returns exit code */
async function main() {
  const { values, positionals } = parseArgs({ options: OPTIONS, allowPositionals: true });
  const bench = BENCHES[positionals[0] ?? ""];
  if (values.help || !bench || positionals.length > 1) {
    process.stdout.write(HELP);
    return values.help ? 0 : 2;
  }
  const runs = values.runs === undefined ? undefined : Number(values.runs);
  if (runs !== undefined && !(Number.isInteger(runs) && runs > 0))
    throw new Error("--runs is a number from 1");
  const [minute = 0] = loadavg();
  const cores = availableParallelism();
  console.log(`load ${minute.toFixed(2)} on ${cores} × ${cpus()[0]?.model.trim() ?? "unknown processor"}`);
  console.log(`Node ${process.version}, Linux ${release()}, ${new Date().toISOString().slice(0, 10)}`);
  if (minute > cores && !values.anyway) {
    console.error("the machine is busy (load above 1 per core): wait, or measure --anyway");
    return 1;
  }
  return bench({ ...values, runs });
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
