/**
 * `@tsbake/base/program`: the frame of the programs that task bodies call (`tsbake-fetch`, `tsbake-package`, `tsbake-image`,
 * `tsbake-sstate`), which are a table of subcommands each. The engine does not load it.
 */
export {
  Arguments,
  EPOCH,
  type Command,
  type OptionSpec,
  type OptionSpecs,
  type RefuseArgument,
} from "./arguments.js";
export { runProgram, type Program } from "./frame.js";
export { withOptionFiles } from "./option-file.js";
export { reportError, say, warn } from "./output.js";
