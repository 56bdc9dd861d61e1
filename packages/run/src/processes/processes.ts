/** The processes of task bodies: one session each, outputs in their order into the log, messages on descriptor 3, ended in groups. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { byText, exitCodeOf } from "@tsbake/base";
import { reaping } from "@tsbake/sandbox";
import { Launcher } from "./launcher.js";
import type { Launch } from "./launcher.js";
import type { ProcessEnd } from "../options.js";
import { LINES, PieceReader, RECORDS } from "./line-reader.js";
import { endGroup, pipeGraceMs, signalGroup } from "./process-group.js";

export interface ProcessStart extends Launch {
  /** Our own standard streams instead of the log, and no session of its own: a person works in it. Default: false. */
  readonly terminal?: boolean;
  /** When given, output passes through us: each line of it is handed on, and it is in the log all the same. */
  readonly onLine?: (line: string) => void;
  /** `LEVEL TEXT` records of descriptor 3. */
  readonly onMessage: (level: string, text: string) => void;
}

const ONE_OUTPUT = 'exec "$@" 2>&1';
/** The level of a message with names of what a body has left (`reaping`). */
const LEFT = "left";

export class Processes {
  readonly #groups = new Set<number>();
  readonly #graceMs: number;
  #launcher: Launcher | undefined;
  #terminal: ChildProcess | undefined;
  #killing = false;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** Whether `kill` was called: what fails from then on did not fail by itself. */
  get killing(): boolean {
    return this.#killing;
  }

  /** @throws system errors of starting it (ENOENT: no such program) */
  start(options: ProcessStart): Promise<ProcessEnd> {
    if (this.#killing) return Promise.resolve({ code: exitCodeOf(null, "SIGTERM") });
    // A shell makes process groups of its own, which only works in the session of the terminal.
    if (options.terminal) return this.#startOnTerminal(options);
    const { onLine, ...rest } = options;
    if (onLine) return this.#startWithLines(rest, onLine);
    this.#launcher ??= new Launcher();
    return this.#launcher.start(options, messageReader(options.onMessage));
  }

  /** Its output comes to us, so it is our own child. */
  #startWithLines(
    { command, args, cwd, environment, logFd, onMessage }: ProcessStart,
    onLine: NonNullable<ProcessStart["onLine"]>,
  ): Promise<ProcessEnd> {
    if (!isThere(command, environment["PATH"])) {
      return Promise.reject(Object.assign(new Error(`spawn ${command} ENOENT`), { code: "ENOENT" }));
    }
    return new Promise((resolve, reject) => {
      // One pipe for both, as when the log is written directly: two would lose the order of lines.
      const [program, ...words] = [...reaping(), "/bin/sh", "-c", ONE_OUTPUT, "sh", command, ...args];
      const child = spawn(program!, words, {
        cwd,
        env: environment,
        stdio: ["ignore", "pipe", "ignore", "pipe"],
        detached: true,
      });
      const group = child.pid;
      if (group !== undefined) this.#add(group);
      let lost: unknown;
      // A body that writes its log itself stops at a full disk; so does one that we write for.
      const onLost = (error: unknown): void => {
        lost ??= error;
        if (group !== undefined) signalGroup(group, "SIGTERM");
      };
      const output = child.stdout as Readable | null;
      if (output) copyLines(output, logFd, onLine, onLost);
      // Null when the program could not be started.
      const messages = child.stdio[3] as Readable | null | undefined;
      const reaped: string[] = [];
      if (messages)
        readMessages(messages, (level, text) =>
          level === LEFT ? void reaped.push(...text.split("/")) : onMessage(level, text),
        );
      let timer: NodeJS.Timeout | undefined;
      let left: readonly string[] = [];
      child.on("error", reject);
      child.on("exit", () => {
        if (group === undefined) return;
        // What the body left in the background would write into folders that are being packed.
        left = endGroup(group);
        this.#remove(group);
        timer = setTimeout(() => {
          for (const stream of child.stdio) stream?.destroy();
        }, pipeGraceMs);
      });
      child.on("close", (code, signal) => {
        clearTimeout(timer);
        if (lost !== undefined) reject(lost);
        else resolve({ code: exitCodeOf(code, signal), left: [...left, ...reaped].sort(byText) });
      });
    });
  }

  #startOnTerminal({ command, args, cwd, environment, onMessage }: ProcessStart): Promise<ProcessEnd> {
    return new Promise((resolve, reject) => {
      const child = spawn(command, args, {
        cwd,
        env: environment,
        stdio: ["inherit", "inherit", "inherit", "pipe"],
      });
      this.#terminal = child;
      const messages = child.stdio[3] as Readable | null | undefined;
      if (messages) readMessages(messages, onMessage);
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        this.#terminal = undefined;
        // Whatever it left in the background keeps its streams.
        messages?.destroy();
        resolve({ code: exitCodeOf(code, signal) });
      });
    });
  }

  /** SIGTERM to every group, SIGKILL after the grace; nothing starts any more. */
  kill(): void {
    if (this.#killing) return;
    this.#killing = true;
    this.#terminal?.kill("SIGHUP");
    this.#signal("SIGTERM");
    setTimeout(() => this.#signal("SIGKILL"), this.#graceMs).unref();
  }

  #signal(signal: NodeJS.Signals): void {
    this.#launcher?.signal(signal);
    for (const group of this.#groups) signalGroup(group, signal);
  }

  /** At the end of a run, when nothing runs any more. */
  close(): void {
    this.#launcher?.close();
    this.#launcher = undefined;
  }

  #add(group: number): void {
    this.#launcher ??= new Launcher();
    this.#launcher.guard(group);
    this.#groups.add(group);
  }

  #remove(group: number): void {
    this.#groups.delete(group);
    this.#launcher?.release(group);
  }
}

/** A shell stands in front, which would only say that it found nothing. */
function isThere(command: string, path = ""): boolean {
  if (command.includes("/")) return existsSync(command);
  return path.split(":").some((folder) => folder !== "" && existsSync(join(folder, command)));
}

function copyLines(
  stream: Readable,
  logFd: number,
  onLine: (line: string) => void,
  onLost: (error: unknown) => void,
): void {
  const lines = new PieceReader(LINES, onLine);
  stream.setEncoding("utf8");
  stream.on("error", () => {});
  stream.on("data", (piece: string) => {
    try {
      writeSync(logFd, piece);
    } catch (error) {
      onLost(error);
    }
    lines.take(piece);
  });
  stream.on("end", () => lines.end());
}

function readMessages(stream: Readable, onMessage: ProcessStart["onMessage"]): void {
  stream.setEncoding("utf8");
  stream.on("error", () => {});
  stream.on("data", messageReader(onMessage));
}

/** Takes the text of descriptor 3 in pieces. */
function messageReader(onMessage: ProcessStart["onMessage"]): (piece: string) => void {
  const records = new PieceReader(RECORDS, (record) => {
    const blank = record.indexOf(" ");
    onMessage(blank < 0 ? record : record.slice(0, blank), blank < 0 ? "" : record.slice(blank + 1));
  });
  return (piece) => records.take(piece);
}
