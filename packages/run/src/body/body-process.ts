/** Processes of a body: what stands in front of their commands, and what is read of their output. */
import { BuildError, codeOf, longStart, makeFolderSync, messageOf, words } from "@tsbake/base";
import { isFlagTrue } from "@tsbake/datastore";
import type { TaskMessage, TaskName } from "../events.js";
import type { ProcessEnd } from "../options.js";
import { noProgram, noTerminal, processesLeft } from "../problems.js";
import { progressReader } from "./progress.js";
import { asText } from "./shell-script.js";
import type { TaskLog } from "./task-log.js";
import type { Body, Executor } from "./types.js";

const LEVELS: readonly TaskMessage["level"][] = ["debug", "note", "plain", "warning", "error"];

/** Starts commands as a task: in its limits, under fakeroot and without network as its flags say, with its log. */
export class BodyProcess {
  readonly #executor: Executor;
  readonly #body: Body;
  readonly #log: TaskLog;

  constructor(executor: Executor, body: Body, log: TaskLog) {
    this.#executor = executor;
    this.#body = body;
    this.#log = log;
  }

  /** @param command its words @throws BuildError `run/no-terminal`, `run/no-program`, `base/too-long` */
  async start(
    command: readonly string[],
    cwd: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<ProcessEnd> {
    const { d, label } = this.#body;
    const task = this.#body.function;
    const withPath = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...environment };
    const outer = isFlagTrue(d, task, "fakeroot") ? this.#fakeroot() : undefined;
    const full = { ...withPath, ...outer?.environment };
    const front = outer?.command ?? [];
    const inner = isFlagTrue(d, task, "network") ? [] : await this.#executor.isolation.wrap(front, full);
    const nice = await this.#executor.niceness.words(d, label);
    const isInteractive = isFlagTrue(d, task, "interactive");
    const watch = isInteractive ? [] : (this.#body.watch?.words() ?? []);
    const [program, ...args] = [...nice, ...watch, ...front, ...inner, ...command];
    const onLine = this.#lineReader();
    const { terminal } = this.#executor;
    if (isInteractive && !terminal) throw new BuildError([noTerminal(label)]);
    if (isInteractive) this.#executor.onEvent({ type: "terminal", ...this.#who(), taken: true });
    try {
      const end = await this.#executor.processes.start({
        command: program!,
        args,
        cwd,
        environment: isInteractive ? { ...terminal, ...full } : full,
        terminal: isInteractive,
        logFd: this.#log.fd,
        onMessage: (level, text) => this.say(level, text),
        ...(onLine && { onLine }),
      });
      if (end.left && end.left.length > 0 && !this.#executor.processes.killing)
        this.#executor.onEvent({ type: "warning", diagnostic: processesLeft(label, end.left) });
      // The code of a person's last command says nothing of the task.
      return isInteractive ? { code: 0 } : end;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      const long = longStart(error, { command: program!, args, environment: full }, label);
      if (long) throw new BuildError([long], { cause: error });
      throw new BuildError([noProgram(label, program!, messageOf(error))], { cause: error });
    } finally {
      if (isInteractive) this.#executor.onEvent({ type: "terminal", ...this.#who(), taken: false });
    }
  }

  /** With [fakeroot]: words in front of the command, and what is in its environment. */
  #fakeroot(): { command: string[]; environment: Record<string, string> } {
    const { d } = this.#body;
    for (const folder of words(d.getText("FAKEROOTDIRS"))) makeFolderSync(folder);
    const environment: Record<string, string> = {};
    for (const pair of words(d.getText("FAKEROOTENV"))) {
      const equals = pair.indexOf("=");
      if (equals > 0) environment[pair.slice(0, equals)] = pair.slice(equals + 1);
    }
    return { command: words(d.getText("FAKEROOTCMD")), environment };
  }

  /** What reads lines of output: for -v, and for [progress]. */
  #lineReader(): ((line: string) => void) | undefined {
    const flag = asText(this.#body.d.getVarFlag(this.#body.function, "progress", { expand: true }));
    const read = flag === "" ? undefined : progressReader(flag);
    const { verbose, onEvent } = this.#executor;
    if (!read && !verbose) return undefined;
    let last = "";
    return (line) => {
      if (verbose) onEvent({ type: "task-output", ...this.#who(), line });
      // The trace of `set -x` shows the numbers before they are true.
      const found = line.startsWith("+") ? undefined : read?.(line);
      if (!found) return;
      const progress = { ...found, percent: Math.floor(found.percent) };
      const key = `${progress.percent} ${progress.done} ${progress.total}`;
      if (key !== last) onEvent({ type: "task-progress", ...this.#who(), ...progress });
      last = key;
    };
  }

  /** A message of the body, for people. @param level as the body has written it */
  say(level: string, text: string): void {
    const known = LEVELS.find((one) => one === level) ?? "plain";
    this.#executor.onEvent({ type: "task-message", ...this.#who(), level: known, text });
  }

  #who(): TaskName {
    return { task: this.#body.task, label: this.#body.label };
  }
}
