/** Shared-state servers of tests: in this process, or as the program that people start. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { readOptions, startServer, type Server, type ServerOptions } from "@tsbake/server";
import { programOf } from "./paths.js";
import { plainEnvironment, temporaryFolder } from "./temporary.js";

export interface TestServer extends Server, AsyncDisposable {
  readonly folder: string;
  /** With all scopes. */
  readonly token: string;
  /** Names of what it has told, in order. */
  readonly events: string[];
  /** And the whole of it. */
  readonly log: readonly string[];
}

/** On free ports of the loopback. @param folder of the objects; default: a new one */
export async function openServer(
  changes: Partial<ServerOptions> & { readonly argv?: readonly string[]; readonly folder?: string } = {},
): Promise<TestServer> {
  const { argv = [], folder = join(temporaryFolder("server"), "objects"), ...rest } = changes;
  const words = ["--dir", folder, "--port", "0", "--hash-listen", "127.0.0.1:0", "--grace", "2", ...argv];
  const options = { ...readOptions(words, process.env), ...rest };
  const events: string[] = [];
  const log: string[] = [];
  const tell = (event: string, fields: object = {}): void => {
    events.push(event);
    log.push(JSON.stringify({ event, ...fields }));
  };
  const server = await startServer(options, { info: tell, warn: tell, error: tell });
  return {
    ...server,
    folder,
    token: server.firstToken ?? "",
    events,
    log,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

export interface ServerProgram extends AsyncDisposable {
  readonly url: string;
  readonly hashAddress: string;
  /** Undefined when the token file was there before. */
  readonly token: string | undefined;
  readonly process: ChildProcess;
  /** Ends it with a signal, and waits for that. @returns the exit code */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/** The program, started. @param place the folder of the objects, or the options that name another place */
export async function startProgram(
  place: string | readonly string[],
  argv: readonly string[] = [],
  environment: Readonly<Record<string, string>> = {},
): Promise<ServerProgram> {
  const objects = typeof place === "string" ? ["--dir", place] : place;
  // Of a folder that has none yet a token is told, however long that takes on a busy machine.
  const isFirst = typeof place === "string" && !existsSync(join(place, ".server/tokens.json"));
  const program = programOf("server");
  const child = spawn(
    "node",
    [program, ...objects, "--port", "0", "--hash-listen", "127.0.0.1:0", "--grace", "5", ...argv],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...plainEnvironment(), ...environment } },
  );
  let said = "";
  child.stderr.on("data", (piece: Buffer) => (said += piece.toString()));
  let url: string | undefined;
  let hashAddress = "";
  let token: string | undefined;
  const started = new Promise<void>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout });
    let waiting: NodeJS.Timeout | undefined;
    lines.on("line", (line) => {
      if (line.startsWith("token ")) {
        token = line.split(" ").at(-1);
        if (isFirst) resolve();
      }
      if (!line.includes('"event":"started"')) return;
      const facts = JSON.parse(line) as { url: string; hashAddresses: string[] };
      url = facts.url;
      hashAddress = facts.hashAddresses[0] ?? "";
      // The token comes right behind.
      if (!isFirst) waiting = setTimeout(resolve, 50);
    });
    child.once("exit", (code) => {
      clearTimeout(waiting);
      reject(new Error(`the server ended with ${code}: ${said}`));
    });
  });
  await started;
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      const gone = once(child, "exit");
      child.kill(signal);
      await gone;
    }
    return child.exitCode;
  };
  return {
    url: url!,
    hashAddress,
    token,
    process: child,
    end,
    [Symbol.asyncDispose]: async () => void (await end("SIGKILL")),
  };
}
