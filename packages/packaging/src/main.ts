#!/usr/bin/env node
/** The program `tsbake-package`: one subcommand a step; task bodies call it. Each loads only its own code. */
import {
  eachLimited,
  AT_ONCE,
  BuildError,
  complain,
  OPTION_FILE_HELP,
  say,
  withOptionFiles,
} from "@tsbake/base";
import { helpOf, readArguments } from "./arguments.js";
import type { Command } from "./arguments.js";
import { badArgument } from "./problems.js";

const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  fakeroot: async () => (await import("./commands/fakeroot.js")).fakeroot,
  "feed-fetch": async () => (await import("./commands/feed.js")).feedFetch,
  "feed-unpack": async () => (await import("./commands/feed.js")).feedUnpack,
  index: async () => (await import("./commands/deb.js")).index,
  shlibs: async () => (await import("./commands/split.js")).shlibs,
  split: async () => (await import("./commands/split.js")).split,
  sysroot: async () => (await import("./commands/sysroot.js")).sysroot,
  "write-deb": async () => (await import("./commands/deb.js")).writeDeb,
};

async function main(argv: readonly string[]): Promise<number> {
  const [name = "--help", ...rest] = argv;
  if (name === "--help" || name === "-h") {
    say(await overview());
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) throw new BuildError([badArgument(`there is no subcommand \`${name}\``)]);
  const command = await load();
  if (rest[0] === "--help" || rest[0] === "-h") {
    say(helpOf(name, command));
    return 0;
  }
  return (await command.run(readArguments(name, command, rest), say)) ?? 0;
}

async function overview(): Promise<string> {
  const rows = await eachLimited(
    Object.entries(COMMANDS),
    AT_ONCE,
    async ([name, load]) => `  ${name.padEnd(14)}${(await load()).summary}`,
  );
  return ["tsbake-package SUBCOMMAND --OPTION VALUE …", "", ...rows, "", OPTION_FILE_HELP].join("\n");
}

// What is written is the same for every caller.
process.umask(0o022);

try {
  process.exitCode = await main(withOptionFiles(process.argv.slice(2)));
} catch (error) {
  process.exitCode = complain(error);
}
