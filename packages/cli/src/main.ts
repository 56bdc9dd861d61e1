#!/usr/bin/env node
/** The program `tsbake`: words in, exit code out. What only a build needs is loaded when there is one. */
import { readFileSync } from "node:fs";
import { parseCommand } from "./command-line/arguments.js";
import type { Request } from "./command-line/arguments.js";
import { closeInherited } from "./process/descriptors.js";
import { FAILED, WRONG_WORDS } from "./process/exit-code.js";
import { Signals } from "./process/signals.js";

/** As in package.json. */
const leastNode = [20, 20] as const;

// Nobody else writes into what we make, whatever the caller allows; a task has the umask that its metadata asks for.
process.umask(0o022);

let isBuilding = false;
let isOutputLost = false;
process.stdout.on("error", (error) => void loseOutput(error));
// Nobody can be told; the exit code tells how it ended.
process.stderr.on("error", () => undefined);

const words = process.argv.slice(2);
closeInherited(words);
const command = parseCommand(words);
// Said at the end, 0 too: who ends without has done nothing (scripts/start.js).
process.exitCode = await perform();

async function perform(): Promise<number> {
  switch (command.kind) {
    case "help": {
      const { helpText } = await import("./command-line/help.js");
      process.stdout.write(helpText());
      return 0;
    }
    case "version":
      process.stdout.write(`tsbake ${version()}\n`);
      return 0;
    case "wrong": {
      const { render } = await import("@tsbake/base");
      process.stderr.write(`${render(command.diagnostic)}\n`);
      return WRONG_WORDS;
    }
    case "completion":
      process.stdout.write(await complete(command.what));
      return 0;
    case "request":
      return isOld() ? refuse() : start(command.request);
  }
}

/** What runs is killed by its launcher, which sees us go. */
async function loseOutput(error: unknown): Promise<void> {
  if (isOutputLost) return;
  isOutputLost = true;
  const [{ hasCode, reasonOf, render }, { noOutput }] = await Promise.all([
    import("@tsbake/base"),
    import("./problems.js"),
  ]);
  if (isBuilding || !hasCode(error, "EPIPE"))
    process.stderr.write(`${render(noOutput(reasonOf(error), isBuilding))}\n`);
  process.exit(FAILED);
}

function isOld(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  return major < leastNode[0] || (major === leastNode[0] && minor < leastNode[1]);
}

/** Before anything is loaded that an old Node.js would stumble over. */
async function refuse(): Promise<number> {
  const [{ render }, { oldNode }] = await Promise.all([import("@tsbake/base"), import("./problems.js")]);
  process.stderr.write(`${render(oldNode(process.versions.node, leastNode.join(".")))}\n`);
  return FAILED;
}

async function start(request: Request): Promise<number> {
  const signals = new Signals();
  // The cursor is hidden while there is a live part.
  process.on("exit", () => {
    if (process.stdout.isTTY && process.env["TERM"] !== "dumb") process.stdout.write("\u001B[?25h");
  });
  isBuilding = request.action === "build";
  const [{ runSession }, { lockBuild, openBuild }] = await Promise.all([
    import("./session.js"),
    import("@tsbake/engine"),
  ]);
  return runSession(request, {
    stdout: process.stdout,
    stderr: process.stderr,
    environment: environment(),
    directory: process.cwd(),
    version: version(),
    // Its zero is the start of the process.
    elapsedMs: () => performance.now(),
    words,
    openBuild,
    lockBuild,
    stop: signals.stop.signal,
    kill: signals.kill.signal,
    onTasks: () => signals.answer(),
    hasTerminal: process.stdin.isTTY && process.stdout.isTTY,
    onTerminal: (taken) => (signals.isLent = taken),
  });
}

/** @param what a shell, or what its script asks for: `targets`, `tasks` */
async function complete(what: string): Promise<string> {
  if (what === "bash" || what === "zsh" || what === "fish") {
    const { completionScript } = await import("./command-line/completion.js");
    return completionScript(what);
  }
  const { completionNames } = await import("@tsbake/engine");
  const { targets, tasks } = await completionNames(process.cwd(), environment());
  const names = what === "tasks" ? tasks : targets;
  return names.map((name) => `${name}\n`).join("");
}

function environment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
  );
}

function version(): string {
  const text = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const data: unknown = JSON.parse(text);
  const found = typeof data === "object" && data !== null && "version" in data ? data.version : undefined;
  return typeof found === "string" ? found : "unknown";
}
