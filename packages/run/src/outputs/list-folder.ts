/** What is in a folder that a build may have made. */
import { readdirSync } from "node:fs";
import { hasCode } from "@tsbake/base";

/** Names of its entries; none where there is no such folder. @throws system errors of reading */
export function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return [];
    throw error;
  }
}
