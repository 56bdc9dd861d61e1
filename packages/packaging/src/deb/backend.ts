/** The deb backend: apt solves, dpkg installs, and we carry the database. */
import type { Backend } from "../database/backend.js";
import { databaseChanges } from "../database/changes.js";
import { composeDeb } from "./compose.js";
import { openAhead } from "../contents/index.js";
import { DPKG_FOLDER, readDebDatabase } from "./database.js";
import { scanDebs } from "./file.js";
import { installDeb } from "./install.js";
import { installOnDebDatabase } from "./layer.js";
import { installOnDebTree } from "./merged.js";
import { importDebSnapshot, readDebSnapshot, snapshotDeb } from "./snapshot.js";
import { solveDeb } from "./solve.js";
import { whatFires, whatRuns } from "./what-runs.js";

/** apt and dpkg of this machine; they are looked for when they are needed. */
export function openDebBackend(): Backend {
  return {
    name: "deb",
    databaseFolder: DPKG_FOLDER,
    ownFolders: [DPKG_FOLDER],
    scan: async (folder) => ({ folder, packages: await scanDebs(folder) }),
    solve: solveDeb,
    whatRuns,
    whatFires,
    install: installDeb,
    compose: (request) => composeDeb(request),
    openAhead: ({ packages }, beside) => openAhead(packages, beside),
    installOnDatabase: (request) => installOnDebDatabase(request),
    installOnTree: (request) => installOnDebTree(request),
    readDatabase: readDebDatabase,
    snapshot: snapshotDeb,
    importSnapshot: importDebSnapshot,
    readSnapshot: readDebSnapshot,
    changes: databaseChanges,
  };
}
