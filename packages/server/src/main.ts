#!/usr/bin/env node
/** The program `tsbake-sstate-server`. */
import { BuildError } from "@tsbake/base";
import { reportError, say } from "@tsbake/base/program";
import { main } from "./program.js";

// Objects are read by other users of the machine; what is secret has a mode of its own.
process.umask(0o022);
try {
  process.exitCode = await main(process.argv.slice(2), say);
} catch (error) {
  process.exitCode = reportError(error);
  // Whatever was opened before does not keep a program alive that has failed.
  if (!(error instanceof BuildError)) process.exit();
}
