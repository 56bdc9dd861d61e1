/** `fakeroot`: a command as root of its own. */
import { spawn } from "node:child_process";
import type { Command } from "@tsbake/base/program";
import { openSandbox } from "@tsbake/sandbox";
import { exitCodeOf } from "@tsbake/base";

export const fakeroot: Command = {
  summary: "runs a command as root; for an ordinary user in namespaces with remembered owners",
  options: {
    ownership: {
      value: "FILE",
      help: "keeps owners of the files beside and below it; default: $TSBAKE_OWNERSHIP",
    },
    fakeroot: {
      value: "DIR",
      help: "sysroot with fakeroot in it; default: $TSBAKE_FAKEROOT, PATH, the host",
    },
  },
  rest: "COMMAND ARGUMENT…",
  async run(args) {
    const [command = "", ...rest] = args.rest;
    if (process.getuid?.() === 0) return hand(command, rest);
    const ownership = args.optional("ownership") ?? process.env["TSBAKE_OWNERSHIP"];
    const sysroot = args.optional("fakeroot");
    await using sandbox = await openSandbox({
      network: true,
      ...(ownership ? { ownership } : {}),
      ...(sysroot ? { fakeroot: sysroot } : {}),
    });
    // Awaited here: the sandbox ends with this scope.
    return await sandbox.hand(command, rest);
  },
};

/** Root needs nothing: the command itself, with our streams. */
function hand(command: string, rest: readonly string[]): Promise<number> {
  const child = spawn(command, rest, { stdio: "inherit" });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(exitCodeOf(code, signal)));
  });
}
