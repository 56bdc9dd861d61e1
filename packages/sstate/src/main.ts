#!/usr/bin/env node
/** The program `tsbake-sstate`, which the body of do_cleansstate calls. */
import { runProgram } from "@tsbake/base/program";
import { badArgument } from "./problems.js";

await runProgram({
  name: "tsbake-sstate",
  commands: { remove: async () => (await import("./commands.js")).remove },
  refuse: badArgument,
});
