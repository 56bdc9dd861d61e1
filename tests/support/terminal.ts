/** A program on a terminal of its own (util-linux' script), and a person in front of it. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { plainEnvironment } from "./temporary.js";

export interface TerminalEnd {
  readonly code: number | null;
  readonly output: string;
}

export class Terminal implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #end: Promise<TerminalEnd>;
  #output = "";
  /** When something came last, and the longest that nothing did; from the start on. */
  #lastMs = performance.now();
  #largestGapMs = 0;
  #watchers: (() => void)[] = [];

  constructor(
    words: readonly string[],
    options: { readonly cwd: string; readonly environment?: Readonly<Record<string, string>> },
  ) {
    const quoted = words.map((word) => `'${word.replaceAll("'", String.raw`'\''`)}'`).join(" ");
    // The size is set inside: a terminal that nobody looks at has none.
    const command = `stty cols 100 rows 30; exec ${quoted}`;
    this.#child = spawn("script", ["-qefc", command, "/dev/null"], {
      cwd: options.cwd,
      env: {
        ...plainEnvironment(),
        HOME: options.cwd,
        TERM: "xterm",
        SHELL: "/bin/sh",
        ...options.environment,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
        const nowMs = performance.now();
        this.#largestGapMs = Math.max(this.#largestGapMs, nowMs - this.#lastMs);
        this.#lastMs = nowMs;
        for (const watcher of this.#watchers) watcher();
      });
    }
    this.#end = new Promise((resolve) => {
      this.#child.on("close", (code) => resolve({ code, output: this.text() }));
    });
  }

  /** All that was written so far, without the codes that move the cursor and colour. */
  text(): string {
    return this.#output
      .replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;?]*[A-Za-z]`, "g"), "")
      .replaceAll("\r", "");
  }

  /** The longest, in ms, that nothing was written: a person who waits sees nothing move. */
  get largestGapMs(): number {
    return this.#largestGapMs;
  }

  /** Keys; `\u0003` is Ctrl-C. */
  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Waits until the output matches. @throws when it has not after five minutes, or the program ends before */
  async until(pattern: RegExp): Promise<void> {
    const seen = new Promise<void>((resolve) => {
      const look = (): void => {
        if (pattern.test(this.text())) resolve();
      };
      this.#watchers.push(look);
      look();
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => (timer = setTimeout(() => resolve("late"), 300_000)));
    const first = await Promise.race([seen, late, this.#end]);
    clearTimeout(timer);
    if (first !== undefined && !pattern.test(this.text()))
      throw new Error(`no ${pattern} in the output:\n${this.text()}`);
  }

  end(): Promise<TerminalEnd> {
    return this.#end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Closing the terminal hangs up whoever is still on it.
    this.#child.kill("SIGTERM");
    await this.#end;
  }
}
