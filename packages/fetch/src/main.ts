#!/usr/bin/env node
/** The program `tsbake-fetch`, which the bodies of do_fetch, do_unpack, do_patch and do_cleanall call. */
import { runProgram } from "@tsbake/base/program";
import { badArgument } from "./problems.js";

await runProgram({
  name: "tsbake-fetch",
  commands: {
    fetch: async () => (await import("./commands.js")).fetch,
    unpack: async () => (await import("./commands.js")).unpack,
    patch: async () => (await import("./commands.js")).patch,
    clean: async () => (await import("./commands.js")).clean,
  },
  refuse: badArgument,
});
