/** Runs the body of one task: its datastore, its folders, prefuncs, the function, postfuncs, each as shell or Python. */
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  BuildError,
  codeOf,
  fullDisk,
  longStart,
  makeFolderSync,
  messageOf,
  noexecDisk,
  redact,
  sortedUnique,
  words,
} from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import { isFlagTrue, isTruthy } from "@tsbake/datastore";
import type { Datastore } from "@tsbake/datastore";
import { describePython, diagnosticsOf, asWarning } from "../failure.js";
import type { RunEvent, TaskMessage, TaskName } from "../events.js";
import { cleanFolders } from "./folders.js";
import type { Isolation } from "@tsbake/sandbox";
import { holdLocks } from "./locks.js";
import type { Niceness } from "../limits/niceness.js";
import type { ProcessEnd, PythonCall, PythonRunner } from "../options.js";
import {
  bodyFailed,
  cannotPrepare,
  logLost,
  malformedFlag,
  missingFunction,
  noProgram,
  noTerminal,
  processesLeft,
} from "../problems.js";
import type { Processes } from "../processes/processes.js";
import { progressReader } from "./progress.js";
import { withPython } from "./python-needed.js";
import { asText, exportedVariables, shellScript } from "./shell-script.js";
import { linkTo, TaskLog } from "./task-log.js";

/** What all bodies of a run share. */
export interface Executor {
  readonly processes: Processes;
  readonly isolation: Isolation;
  readonly niceness: Niceness;
  readonly runPython: PythonRunner;
  readonly openPython: (() => Promise<void>) | undefined;
  readonly verbose: boolean;
  /** RunSettings.folders */
  readonly folders: readonly string[];
  /** RunSettings.terminal */
  readonly terminal: Readonly<Record<string, string>> | undefined;
  readonly onEvent: (event: RunEvent) => void;
}

export interface Body extends TaskName {
  /** With `do_`. */
  readonly function: string;
  /** From `taskDatastore`. */
  readonly d: Datastore;
  /** What a Python function says it made; see `PythonCall.reportOutput`. */
  readonly reportOutput?: PythonCall["reportOutput"];
  /** TSBAKE_CHECK_READS: words in front of each command, so that what it reads is known. */
  readonly watch?: { words(): readonly string[] } | undefined;
  /** Called with the folder `${T}` before the first function. */
  readonly prepare: (folder: string) => Promise<void>;
}

export interface BodyResult {
  /** Empty when the body did its work. */
  readonly diagnostics: readonly Diagnostic[];
  readonly exitCode?: number;
  readonly logPath?: string;
  /** Of the last function, if it is shell: what is written of Python functions is for reading. */
  readonly scriptPath?: string;
}

/** What a task sees of its recipe: a copy with the weakest override `task-NAME` and the engine's own variables. */
export function taskDatastore(
  recipe: Datastore,
  task: string,
  hashes: { readonly taskHash: string; readonly unihash: string },
): Datastore {
  const d = recipe.createCopy();
  const name = task.replace(/^do_/, "");
  d.setVar(
    "OVERRIDES",
    `task-${name.replaceAll("_", "-")}:${asText(d.getVar("OVERRIDES", { expand: false }))}`,
  );
  d.setVar("BB_RUNTASK", task);
  d.setVar("BB_CURRENTTASK", name);
  d.setVar("BB_TASKHASH", hashes.taskHash);
  d.setVar("BB_UNIHASH", hashes.unihash);
  d.setVar("BB_WORKERCONTEXT", "1");
  return d;
}

/** @throws BuildError and system errors of what comes before the log is open; what comes after is in the result */
export async function executeBody(executor: Executor, body: Body): Promise<BodyResult> {
  const folder = await withPython(
    executor.openPython,
    () => body.d.getText("T") ?? join(body.d.getText("TMPDIR") ?? ".", "work", "temp"),
  );
  await body.prepare(folder);
  const log = new TaskLog(folder, body.function);
  const flag = (name: string) => words(asText(body.d.getVarFlag(body.function, name, { expand: true })));
  let scriptPath: string | undefined;
  try {
    const functions = await withPython(executor.openPython, () => [
      ...flag("prefuncs"),
      body.function,
      ...flag("postfuncs"),
    ]);
    for (const name of functions) {
      const step = new Step(executor, body, name, folder, log);
      // Everything is expanded before a process starts, so trying again repeats nothing that was done.
      const end = await withPython(executor.openPython, () => step.run());
      scriptPath = step.scriptPath;
      if (end.code !== 0) {
        const failed = bodyFailed(body.label, name, end.code, describePython(end, body.d, name));
        const said = log.end();
        const disk =
          fullDisk(folder, executor.folders, failed.message, said) ??
          noexecDisk(folder, failed.message, end.code, said);
        keepLog(log, body, executor);
        const known = { exitCode: end.code, logPath: log.path, ...(scriptPath && { scriptPath }) };
        return { diagnostics: [disk ?? failed], ...known };
      }
    }
    return { diagnostics: [], logPath: log.path, ...(scriptPath && { scriptPath }) };
  } catch (error) {
    const diagnostics = diagnosticsOf(error, body.label, [folder, ...executor.folders]);
    if (!diagnostics) throw error;
    for (const { message } of diagnostics) log.write(`ERROR: ${message}\n`);
    keepLog(log, body, executor);
    return { diagnostics, logPath: log.path, ...(scriptPath && { scriptPath }) };
  } finally {
    log.close();
  }
}

/** A log that cannot be put back (its disk is full) is no reason to lose the reason. */
function keepLog(log: TaskLog, { label }: Body, { folders, onEvent }: Executor): void {
  try {
    log.restore();
  } catch (error) {
    const diagnostic = asWarning(error, label, folders, (reason) => logLost(label, log.path, reason));
    if (diagnostic === undefined) throw error;
    onEvent({ type: "warning", diagnostic });
  }
}

/** One function of a task. */
class Step {
  /** Set when the function is shell and has started. */
  scriptPath: string | undefined;
  readonly #executor: Executor;
  readonly #body: Body;
  readonly #name: string;
  readonly #folder: string;
  readonly #log: TaskLog;

  constructor(executor: Executor, body: Body, name: string, folder: string, log: TaskLog) {
    this.#executor = executor;
    this.#body = body;
    this.#name = name;
    this.#folder = folder;
    this.#log = log;
  }

  /** @param dirs instead of [dirs] */
  async run(dirs?: readonly string[]): Promise<ProcessEnd> {
    const { d, label } = this.#body;
    const folders = dirs ?? this.#flag("dirs");
    const cleaned = this.#flag("cleandirs");
    const mode = this.#folderMode();
    try {
      await cleanFolders(cleaned, mode);
      for (const folder of folders) makeFolderSync(folder, mode);
    } catch (error) {
      throw new BuildError(
        [cannotPrepare(label, sortedUnique([...cleaned, ...folders]).join(" "), messageOf(error))],
        { cause: error },
      );
    }
    if (!asText(d.getVar(this.#name, { expand: false })).trim()) {
      if (d.getVar(this.#name, { expand: false }) === undefined) {
        this.#executor.onEvent({ type: "warning", diagnostic: missingFunction(label, this.#name) });
      }
      return { code: 0 };
    }
    const locks = this.#flag("lockfiles");
    const work = () => this.#execute(folders.at(-1) ?? this.#defaultFolder());
    if (locks.length === 0) return work();
    const onWait = (path: string, holder: string) =>
      this.#executor.onEvent({ type: "lock-wait", ...this.#who(), path, holder });
    return holdLocks(locks, `${label} (process ${process.pid})`, onWait, work);
  }

  async #execute(cwd: string): Promise<ProcessEnd> {
    const { d } = this.#body;
    const python = isTruthy(d.getVarFlag(this.#name, "python"));
    const scriptPath = this.#openScript();
    const environment = Object.fromEntries(exportedVariables(d));
    if (python) {
      return this.#executor.runPython({
        function: this.#name,
        task: this.#body.function,
        d,
        scriptPath,
        cwd,
        umask: this.#umask(),
        environment,
        start: (command, args, options) =>
          this.#start([command, ...args], cwd, { ...environment, ...options?.environment }),
        runFunction: (name, changed, dirs) => this.#nested(name, changed, dirs),
        reportOutput: (task, method, outhash) =>
          this.#body.reportOutput?.(task, method, outhash) ?? Promise.resolve(undefined),
        onMessage: (level, text) => this.#say(level, text),
        onProgress: (percent) => this.#executor.onEvent({ type: "task-progress", ...this.#who(), percent }),
        log: (text) => this.#log.write(text),
      });
    }
    this.scriptPath = scriptPath;
    const text = shellScript(d, {
      function: this.#name,
      title: `${this.#name} of ${d.getText("PN") ?? ""} ${d.getText("PV") ?? ""}`.trim(),
      cwd,
      umask: this.#umask(),
      trace: this.#executor.verbose,
    });
    const shown = redact(text);
    // A password is in it as long as it runs, for nobody else to read.
    writeFileSync(scriptPath, text, { mode: shown === text ? 0o755 : 0o600 });
    if (shown === text) chmodSync(scriptPath, 0o755);
    try {
      return await this.#start(["/bin/sh", scriptPath, "3"], cwd, environment);
    } finally {
      if (shown !== text) this.#showScript(scriptPath, shown);
    }
  }

  /** What stays of a script that had a password in it: a new file, since the old one may be open. */
  #showScript(path: string, text: string): void {
    // The body may have cleaned it away, as do_clean does.
    if (!existsSync(path)) return;
    rmSync(path);
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  }

  async #nested(name: string, d: Datastore, dirs: readonly string[] | undefined): Promise<number> {
    const step = new Step(this.#executor, { ...this.#body, d }, name, this.#folder, this.#log);
    const end = await step.run(dirs);
    if (end.message !== undefined) this.#log.write(`ERROR: ${end.message}\n`);
    return end.code;
  }

  /** `${T}/run.do_x.<pid>`, for other functions `run.do_x.<function>.<pid>`; the task's own gets a link without the pid. */
  #openScript(): string {
    const task = this.#body.function;
    const own = this.#name === task;
    const path = join(this.#folder, `run.${own ? task : `${task}.${this.#name}`}.${process.pid}`);
    // A function before may have cleaned it all away.
    makeFolderSync(this.#folder);
    rmSync(path, { force: true });
    if (own) linkTo(path, `run.${task}`);
    return path;
  }

  async #start(
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
        onMessage: (level, text) => this.#say(level, text),
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

  #say(level: string, text: string): void {
    const known = levels.find((one) => one === level) ?? "plain";
    this.#executor.onEvent({ type: "task-message", ...this.#who(), level: known, text });
  }

  #flag(name: string): string[] {
    return words(asText(this.#body.d.getVarFlag(this.#name, name, { expand: true })));
  }

  #umask(): string | undefined {
    const { d, label } = this.#body;
    const text =
      asText(d.getVarFlag(this.#body.function, "umask", { expand: true })) || d.getText("BB_DEFAULT_UMASK");
    if (!text) return undefined;
    if (!/^[0-7]{1,4}$/.test(text)) {
      throw new BuildError([malformedFlag(label, "umask", text, "octal digits, such as `022`")]);
    }
    return text;
  }

  /** What the umask of the function leaves of a new folder's mode. */
  #folderMode(): number | undefined {
    const text = this.#umask();
    return text === undefined ? undefined : 0o777 & ~Number.parseInt(text, 8);
  }

  /** BitBake's bodies without [dirs] start in the build folder. */
  #defaultFolder(): string {
    const top = this.#body.d.getText("TOPDIR");
    return top !== undefined && existsSync(top) ? top : this.#folder;
  }

  #who(): TaskName {
    return { task: this.#body.task, label: this.#body.label };
  }
}

const levels: readonly TaskMessage["level"][] = ["debug", "note", "plain", "warning", "error"];
