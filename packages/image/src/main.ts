#!/usr/bin/env node
/** The program `tsbake-image`: one subcommand a step of an image; task bodies call it. Each loads only its own code. */
import { helpOf, readArguments } from "./arguments.js";
import type { Command } from "./commands/command.js";
import * as problems from "./problems.js";
import {
  eachLimited,
  AT_ONCE,
  BuildError,
  complain,
  OPTION_FILE_HELP,
  say,
  withOptionFiles,
} from "@tsbake/base";

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  convert: async () => (await import("./commands/tree.js")).convert,
  layer: async () => (await import("./commands/install.js")).layer,
  pack: async () => (await import("./commands/tree.js")).pack,
  pkgdb: async () => (await import("./commands/snapshot.js")).pkgdb,
  "pkgdb-verify": async () => (await import("./commands/snapshot.js")).pkgdbVerify,
  result: async () => (await import("./commands/result.js")).result,
  rootfs: async () => (await import("./commands/install.js")).rootfs,
  stamp: async () => (await import("./commands/snapshot.js")).stamp,
  unpack: async () => (await import("./commands/tree.js")).unpack,
  sysext: async () => (await import("./commands/extension.js")).sysext,
};

async function main(argv: readonly string[]): Promise<void> {
  const [name = "--help", ...rest] = argv;
  if (name === "--help" || name === "-h") return say(await overview());
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) throw new BuildError([problems.badArgument(`there is no subcommand \`${name}\``)]);
  const command = await load();
  if (rest.includes("--help") || rest.includes("-h"))
    return say(helpOf(name, command.summary, command.options));
  await command.run(readArguments(name, command.options, rest), say);
}

async function overview(): Promise<string> {
  const rows = await eachLimited(
    Object.entries(COMMANDS),
    AT_ONCE,
    async ([name, load]) => `  ${name.padEnd(14)}${(await load()).summary}`,
  );
  return ["tsbake-image SUBCOMMAND --OPTION VALUE …", "", ...rows, "", OPTION_FILE_HELP].join("\n");
}

// What is written is the same for every caller.
process.umask(0o022);

try {
  await main(withOptionFiles(process.argv.slice(2)));
} catch (error) {
  process.exitCode = complain(error);
}
