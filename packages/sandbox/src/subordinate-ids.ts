/** Ids beside his own that a user may give to files, for namespaces in which packages have all of their owners. */
import { userInfo } from "node:os";
import { BuildError, readTextIfThere } from "@tsbake/base";
import { findProgram } from "./isolation.js";
import { noSubordinateIds } from "./problems.js";

/** Debian's system accounts go up to 65534 (nobody). */
const FEWEST = 65_535;
const FILES = ["/etc/subuid", "/etc/subgid"];
const TOOLS = ["newuidmap", "newgidmap"];

/** @see subuid(5), newuidmap(1) @throws BuildError `sandbox/no-subordinate-ids` */
export async function demandSubordinateIds(): Promise<void> {
  const { username, uid } = userInfo();
  for (const path of FILES) {
    const lines = ((await readTextIfThere(path)) ?? "").split("\n").map((line) => line.split(":"));
    const own = lines.filter(([who]) => who === username || who === String(uid));
    if (!own.some(([, , count]) => Number(count) >= FEWEST))
      throw new BuildError([noSubordinateIds(`${path} gives ${username} none`, username)]);
  }
  for (const tool of TOOLS)
    if (findProgram(tool) === undefined)
      throw new BuildError([noSubordinateIds(`there is no program \`${tool}\``, username)]);
}
