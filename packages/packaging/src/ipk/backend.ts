/**
 * The ipk backend: packages of recipes, and the archive's repackaged; solved, laid out and noted here. Maintainer scripts are those of
 * Debian packages: dpkg runs them on a folder of its own, which is there for that long.
 */
import type { Backend, InstallResult, LayerRequest, Solution } from "../database/backend.js";
import { databaseChanges } from "../database/changes.js";
import { composeDeb } from "../deb/compose.js";
import { DPKG_FOLDER } from "../deb/database.js";
import { scanDebs } from "../deb/file.js";
import { installSolved } from "../deb/install.js";
import type { KeptDatabase } from "../deb/kept.js";
import { installOnDebDatabase } from "../deb/layer.js";
import { installOnDebTree } from "../deb/merged.js";
import { whatFires, whatRuns } from "../deb/what-runs.js";
import { openAhead } from "../contents/index.js";
import { solvePackages } from "../solve/index.js";
import { OPKG_KEEPS, raiseAdmin } from "./admin.js";
import { OPKG_FOLDER, readIpkDatabase } from "./database.js";
import { readStanzaIndex } from "../feed/stanza-index.js";
import { ipkFields } from "./fields.js";
import { ipkRepackaging } from "./repackaging.js";
import { importIpkSnapshot, readIpkSnapshot, snapshotIpk } from "./snapshot.js";

const OWN_FOLDERS = [OPKG_FOLDER, DPKG_FOLDER];

export function openIpkBackend(): Backend {
  return {
    name: "ipk",
    databaseFolder: OPKG_FOLDER,
    ownFolders: OWN_FOLDERS,
    readIndex: (index, feed) => readStanzaIndex(index, feed, "ipk", ipkFields),
    repackaging: ipkRepackaging,
    scan: async (folder) => ({ folder, packages: await scanDebs(folder, "ipk") }),
    solve: (request) => solvePackages(request, readIpkDatabase),
    whatRuns,
    whatFires,
    async install(request) {
      const solution = await solvePackages({ ...request, essential: true }, readIpkDatabase);
      const packages = (await request.fetch?.(solution.packages)) ?? solution.packages;
      return installSolved(request, { ...solution, packages }, OPKG_KEEPS);
    },
    compose: (request) => composeDeb(request, OWN_FOLDERS),
    openAhead: ({ packages }, beside) => openAhead(packages, beside),
    installOnDatabase: (request) => onAdmin(request, installOnDebDatabase),
    installOnTree: (request) => onAdmin(request, installOnDebTree),
    readDatabase: readIpkDatabase,
    snapshot: snapshotIpk,
    importSnapshot: importIpkSnapshot,
    readSnapshot: readIpkSnapshot,
    changes: databaseChanges,
  };
}

type InstallOn = (request: LayerRequest, kept: KeptDatabase) => Promise<InstallResult>;

async function onAdmin(request: LayerRequest, install: InstallOn): Promise<InstallResult> {
  const solution = request.solution ?? (await solvedOn(request));
  await raiseAdmin(request.seenRoot);
  return install({ ...request, solution }, OPKG_KEEPS);
}

async function solvedOn(request: LayerRequest): Promise<Solution> {
  const solution = await solvePackages({ ...request, installedIn: request.seenRoot }, readIpkDatabase);
  return { ...solution, packages: (await request.fetch?.(solution.packages)) ?? solution.packages };
}
