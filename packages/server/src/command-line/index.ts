/** The command line of `tsbake-sstate-server`: `table.ts` has its options, `options.ts` what they mean. */
export { readOptions, type ServerOptions } from "./options.js";
export { serverHelp } from "./table.js";
export { readWords, refuseWords, stateFolder } from "./words.js";
