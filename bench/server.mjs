/** The shared-state server beside nginx, and beside BitBake's hash equivalence server. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clients } from "./server/clients.mjs";
import { dying } from "./server/dying.mjs";
import { hashes } from "./server/hashes.mjs";
import { http } from "./server/http.mjs";
import { medianOf } from "./server/servers.mjs";

/** @returns exit code */
export async function server({ bitbake, only, keep, runs = 3 }) {
  const folder = mkdtempSync(join(tmpdir(), "tsbake-bench-server-"));
  const rows = [];
  try {
    if (only === "clients") {
      await clients(folder);
      return 0;
    }
    if (only === "dying") {
      await dying(folder, runs);
      return 0;
    }
    if (only !== "hashes") rows.push(...(await http(folder, runs)));
    if (only !== "http" && bitbake !== undefined) rows.push(...(await hashes(folder, runs, bitbake)));
    else if (only !== "http") console.log("no --bitbake DIR: hash equivalence is not measured");
  } finally {
    if (!keep) rmSync(folder, { recursive: true, force: true });
  }
  console.log(
    `\n| median of ${runs} | ours | theirs | ours / theirs | processor µs each: ours | theirs | beside |\n|---|---|---|---|---|---|---|`,
  );
  for (const { what, unit, peer, ours, theirs } of rows) {
    const [own, other] = [medianOf(ours), medianOf(theirs)];
    const micro = ({ cpuMs }) => Math.round(cpuMs * 1000);
    console.log(
      `| ${what} | ${Math.round(own.rate)} ${unit} | ${Math.round(other.rate)} ${unit} | ${(own.rate / other.rate).toFixed(2)} | ${micro(own)} | ${micro(other)} | ${peer} |`,
    );
  }
  return 0;
}
