#!/usr/bin/env node
/** The program `tsbake-package`: one subcommand a step; task bodies call it. Each loads only its own code. */
import { runProgram } from "@tsbake/base/program";
import { badArgument } from "./problems.js";

await runProgram({
  name: "tsbake-package",
  commands: {
    fakeroot: async () => (await import("./commands/fakeroot.js")).fakeroot,
    "feed-fetch": async () => (await import("./commands/feed.js")).feedFetch,
    "feed-unpack": async () => (await import("./commands/feed.js")).feedUnpack,
    index: async () => (await import("./commands/deb.js")).index,
    shlibs: async () => (await import("./commands/split.js")).shlibs,
    split: async () => (await import("./commands/split.js")).split,
    sysroot: async () => (await import("./commands/sysroot.js")).sysroot,
    "write-deb": async () => (await import("./commands/deb.js")).writeDeb,
    "write-ipk": async () => (await import("./commands/deb.js")).writeIpk,
    "write-rpm": async () => (await import("./commands/deb.js")).writeRpm,
  },
  refuse: badArgument,
  // What is written is the same for every caller.
  umask: 0o022,
});
