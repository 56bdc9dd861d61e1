/** The deb backend: apt solves, dpkg installs, and we carry the database. */
import type { Backend } from "./backend.js";
import { databaseChanges } from "./changes.js";
import { DPKG_FOLDER, readDebDatabase } from "./deb-database.js";
import { scanDebs } from "./deb-file.js";
import { installDeb } from "./deb-install.js";
import { installOnDebDatabase } from "./deb-layer.js";
import { importDebSnapshot, snapshotDeb } from "./deb-snapshot.js";
import { solveDeb } from "./deb-solve.js";

/** apt and dpkg of this machine; they are looked for when they are needed. */
export function openDebBackend(): Backend {
  return {
    name: "deb",
    databaseFolder: DPKG_FOLDER,
    scan: async (folder) => ({ folder, packages: await scanDebs(folder) }),
    solve: solveDeb,
    install: installDeb,
    installOnDatabase: installOnDebDatabase,
    readDatabase: readDebDatabase,
    snapshot: snapshotDeb,
    importSnapshot: importDebSnapshot,
    changes: databaseChanges,
  };
}
