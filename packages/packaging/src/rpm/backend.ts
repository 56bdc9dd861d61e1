/**
 * The rpm backend: packages of recipes, and the archive's repackaged. Solved here, as rpm's own tools solve for a running system only;
 * installed by the real rpm, which looks at every relation once more.
 */
import type { Backend, LayerRequest, Solution, SolveRequest } from "../database/backend.js";
import { databaseChanges } from "../database/changes.js";
import { composeDeb } from "../deb/compose.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { whatFires, whatRuns } from "../deb/what-runs.js";
import { readStanzaIndex } from "../feed/stanza-index.js";
import { solvePackages } from "../solve/index.js";
import { readRpmDatabase, readRpmHeaders } from "./database.js";
import { installRpm } from "./install.js";
import { installOnRpmDatabase, installOnRpmTree } from "./on-base.js";
import { rpmRepackaging } from "./repackaging.js";
import { scanRpms } from "./scan.js";
import { importRpmSnapshot, readRpmSnapshot, snapshotRpm } from "./snapshot.js";
import { findRpm, RPM_FOLDER } from "./tool.js";

const OWN_FOLDERS = [RPM_FOLDER, DPKG_FOLDER];

export function openRpmBackend(): Backend {
  return {
    name: "rpm",
    databaseFolder: RPM_FOLDER,
    ownFolders: OWN_FOLDERS,
    // Nothing of another machine's can be installed: a repository often has several architectures.
    readIndex: (index, feed, architecture) =>
      readStanzaIndex(index, feed, "rpm").filter((one) => ["all", architecture].includes(one.architecture)),
    repackaging: rpmRepackaging,
    toolFolders,
    scan: async (folder) => ({ folder, packages: await scanRpms(folder) }),
    solve: (request) => solvePackages(request, readRpmHeaders),
    whatRuns,
    whatFires,
    async install(request) {
      const solution = await solvePackages({ ...request, essential: true }, readRpmHeaders);
      return installRpm(request, await fetched(request, solution));
    },
    compose: (request) => composeDeb(request, OWN_FOLDERS, "sha256"),
    installOnDatabase: async (request) => installOnRpmDatabase(request, await solutionOf(request)),
    installOnTree: async (request) => installOnRpmTree(request, await solutionOf(request)),
    readDatabase: readRpmDatabase,
    snapshot: snapshotRpm,
    importSnapshot: importRpmSnapshot,
    readSnapshot: readRpmSnapshot,
    changes: databaseChanges,
  };
}

/** One of the machine itself is in sight of every cage. */
async function toolFolders(): Promise<readonly string[]> {
  const { tree } = await findRpm();
  return tree === "/" ? [] : [tree];
}

async function solutionOf(request: LayerRequest): Promise<Solution> {
  if (request.solution) return request.solution;
  const solution = await solvePackages({ ...request, installedIn: request.seenRoot }, readRpmDatabase);
  return fetched(request, solution);
}

async function fetched(
  request: SolveRequest & Pick<LayerRequest, "fetch">,
  solution: Solution,
): Promise<Solution> {
  return { ...solution, packages: (await request.fetch?.(solution.packages)) ?? solution.packages };
}
