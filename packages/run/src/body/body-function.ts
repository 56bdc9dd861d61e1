/** One function of a task: prefunc, body or postfunc, as shell or Python. */
import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BuildError, makeFolderSync, messageOf, redact, sortedUnique, words } from "@tsbake/base";
import { isTruthy, type Datastore } from "@tsbake/datastore";
import type { TaskName } from "../events.js";
import type { ProcessEnd } from "../options.js";
import { cannotPrepare, malformedFlag, missingFunction } from "../problems.js";
import { BodyProcess } from "./body-process.js";
import { cleanFolders } from "./folders.js";
import { holdLocks } from "./locks.js";
import { asText, exportedVariables, shellScript } from "./shell-script.js";
import { linkTo, type TaskLog } from "./task-log.js";
import type { Body, Executor } from "./types.js";

/** What the functions of one task share. */
export interface BodyFunctionParts {
  readonly executor: Executor;
  readonly body: Body;
  /** `${T}` */
  readonly folder: string;
  readonly log: TaskLog;
}

/** One function of a task: its folders, its locks, then shell or Python. */
export class BodyFunction {
  /** Set when the function is shell and has started. */
  scriptPath: string | undefined;
  readonly #executor: Executor;
  readonly #body: Body;
  readonly #name: string;
  readonly #folder: string;
  readonly #log: TaskLog;
  readonly #process: BodyProcess;

  constructor(parts: BodyFunctionParts, name: string) {
    const { executor, body, folder, log } = parts;
    this.#executor = executor;
    this.#body = body;
    this.#name = name;
    this.#folder = folder;
    this.#log = log;
    this.#process = new BodyProcess(executor, body, log);
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
          this.#process.start([command, ...args], cwd, { ...environment, ...options?.environment }),
        runFunction: (name, changed, dirs) => this.#nested(name, changed, dirs),
        reportOutput: (task, method, outhash) =>
          this.#body.reportOutput?.(task, method, outhash) ?? Promise.resolve(undefined),
        onMessage: (level, text) => this.#process.say(level, text),
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
      return await this.#process.start(["/bin/sh", scriptPath, "3"], cwd, environment);
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
    const parts = {
      executor: this.#executor,
      body: { ...this.#body, d },
      folder: this.#folder,
      log: this.#log,
    };
    const part = new BodyFunction(parts, name);
    const end = await part.run(dirs);
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
