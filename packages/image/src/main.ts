#!/usr/bin/env node
/** The program `tsbake-image`: one subcommand a step of an image; task bodies call it. Each loads only its own code. */
import { runProgram } from "@tsbake/base/program";
import { badArgument } from "./problems.js";

await runProgram({
  name: "tsbake-image",
  commands: {
    "base-tree": async () => (await import("./commands/install.js")).baseTree,
    check: async () => (await import("./commands/check.js")).check,
    convert: async () => (await import("./commands/tree.js")).convert,
    layer: async () => (await import("./commands/install.js")).layer,
    pack: async () => (await import("./commands/tree.js")).pack,
    pkgdb: async () => (await import("./commands/snapshot.js")).pkgdb,
    "pkgdb-verify": async () => (await import("./commands/snapshot.js")).pkgdbVerify,
    result: async () => (await import("./commands/result.js")).result,
    rootfs: async () => (await import("./commands/install.js")).rootfs,
    sbom: async () => (await import("./commands/sbom.js")).sbom,
    stamp: async () => (await import("./commands/snapshot.js")).stamp,
    template: async () => (await import("./commands/install.js")).template,
    try: async () => (await import("./commands/try.js")).tryOut,
    unpack: async () => (await import("./commands/tree.js")).unpack,
    sysext: async () => (await import("./commands/extension.js")).sysext,
  },
  refuse: badArgument,
  // What is written is the same for every caller.
  umask: 0o022,
});
