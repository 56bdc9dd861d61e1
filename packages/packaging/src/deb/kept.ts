/** In which form the database stays once dpkg has installed: as dpkg has it, or as a format has it of whose packages dpkg ran the scripts. */
import type { InstallRequest, RootFile } from "../database/backend.js";
import type { PackageDatabase } from "../database/database.js";
import { EXTENDED_STATES, extendedStates } from "./auto-installed.js";

export interface KeptDatabase {
  /** Files beside the database that say which packages nobody asked for. @param wanted names that were asked for */
  extra(database: PackageDatabase, wanted: readonly string[]): readonly RootFile[];
  /**
   * @param seenRoot where this process finds the root
   * @param database as dpkg has it
   * @returns as it stays
   */
  settle(
    seenRoot: string,
    database: PackageDatabase,
    request: Pick<InstallRequest, "architecture" | "epochSeconds" | "install">,
  ): Promise<PackageDatabase>;
}

export const DPKG_KEEPS: KeptDatabase = {
  extra: (database, wanted) => [{ path: `/${EXTENDED_STATES}`, text: extendedStates(database, wanted) }],
  settle: async (_, database) => database,
};
