/** Maintainer scripts that do not run. */
import { sha256 } from "@tsbake/base";
import type { Planned, SkippedScript } from "../database/backend.js";

/** Control members that run, or that make others run: `triggers` would mark a package of the base as unfinished. */
export const SCRIPTS: readonly SkippedScript["script"][] = [
  "preinst",
  "postinst",
  "prerm",
  "postrm",
  "config",
  "triggers",
];

/** @param bytes the script */
export function describe(one: Planned, script: SkippedScript["script"], bytes: Buffer): SkippedScript {
  const { name, version } = one;
  return { package: name, version, script, sha256: sha256(bytes), text: bytes.toString("utf8") };
}
