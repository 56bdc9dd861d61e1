/** One command from the opened build to the exit code. Everything from outside is handed in. */
import { basename, dirname, relative, resolve } from "node:path";
import { BuildError, codeOf, diskProblem, every, messageOf } from "@tsbake/base";
import type { Diagnostic } from "@tsbake/base";
import type { Build, BuildOutput, BuildRequest, EngineEvent, LockedBuild, OpenOptions } from "@tsbake/engine";
import type { RunSummary } from "@tsbake/run";
import { unusedTargets } from "./arguments.js";
import type { Request } from "./arguments.js";
import { deployedFile, deployFolderOf, isPath } from "./deployed.js";
import { recordEvents, recordTimeline } from "./event-log.js";
import { maintain, verifiedText } from "./maintenance.js";
import { sortDiagnostics } from "./failure-text.js";
import { Footer } from "./footer.js";
import { beginEvent, endEvent, errorEvent, jsonLine } from "./json-lines.js";
import { readEnd } from "./log-file.js";
import { Reporter } from "./reporter.js";
import type { Line } from "./reporter.js";
import { internalError, noMemory, noTarget, systemError, unusedWords } from "./problems.js";
import { Screen } from "./screen.js";
import type { Output } from "./screen.js";
import { ALL_WELL, codeOfAbort, FAILED, NOT_TRIED } from "./exit-code.js";
import { tableText } from "./table.js";
import { ansiPaint, plainPaint, printableText } from "./text.js";
import type { Paint } from "./text.js";

export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly version: string;
  /** Since the command was started, in ms. */
  readonly elapsedMs: () => number;
  /** The words of the command line. */
  readonly words: readonly string[];
  readonly openBuild: (options: OpenOptions) => Promise<Build>;
  readonly lockBuild: (options: OpenOptions, holds: "build folder" | "everything") => Promise<LockedBuild>;
  /** Ctrl-C once and twice; the reason of an abort is the signal. */
  readonly stop: AbortSignal;
  readonly kill: AbortSignal;
  /** Tasks may be running from now on: until then a signal ends us at once. */
  readonly onTasks: () => void;
  /** Standard input and output are a terminal that a task may have. Default: false. */
  readonly hasTerminal?: boolean;
  /** A task has it, or has given it back: meanwhile Ctrl-C is for that task. */
  readonly onTerminal?: (taken: boolean) => void;
}

/** A log without a line for so long, in ms, gets one that tells what runs. */
const heartbeatMs = 60_000;

/** What a session shows, in one of three ways. */
export interface Display {
  see(event: EngineEvent): void;
  conclude(summary: RunSummary | undefined, outputs: readonly BuildOutput[]): void;
  fail(diagnostics: readonly Diagnostic[], stack: string | undefined): void;
  /** The answer to a query; goes to standard output whatever the display is. @param data the same for programs */
  answer(text: string, data?: object): void;
  /** A program has the terminal from now on, or has given it back. */
  lend(taken: boolean): void;
  /** @param code the exit code */
  close(code: number): void;
}

/** @returns the exit code */
export async function runSession(request: Request, around: Surroundings): Promise<number> {
  let display = openDisplay(request, around);
  const failed = request.trial ? NOT_TRIED : FAILED;
  let code: number = failed;
  try {
    const eventLog = request.eventLog ?? around.environment["BBEVENTLOG"];
    if (eventLog)
      display = recordEvents(
        display,
        resolve(around.directory, eventLog),
        beginEvent(around.version, around.words),
      );
    if (request.timeline !== undefined)
      display = recordTimeline(display, resolve(around.directory, request.timeline));
    const unused = unusedTargets(request);
    if (unused)
      display.see({ type: "engine-warning", diagnostic: unusedWords(unused.option, unused.targets) });
    const answer = await answerWithoutProject(request, around);
    if (answer !== undefined) {
      display.answer(answer.text, answer.data);
      return (code = ALL_WELL);
    }
    const options: OpenOptions = {
      directory: around.directory,
      environment: around.environment,
      preFiles: request.preFiles,
      postFiles: request.postFiles,
      ...(request.recipeFile !== undefined && { recipeFile: request.recipeFile }),
      assumeProvided: request.assumeProvided,
      command: ["tsbake", ...around.words].join(" "),
      trackHistory: request.action === "environment",
      onEvent(event) {
        if (event.type === "plan") around.onTasks();
        display.see(event);
      },
    };
    if (request.check) {
      const { answerCheck } = await import("./check-answer.js");
      const { text, data, code: worst } = await answerCheck(request.check, around, options);
      display.answer(text, data);
      return (code = worst);
    }
    if (request.trial) {
      const { tryExtension } = await import("./try-extension.js");
      const asked = buildRequest(request, around);
      const ended = await tryExtension(request.trial, { around, options, request: asked, display });
      return (code = around.kill.aborted ? codeOfAbort(around.kill) : (ended ?? failed));
    }
    const done = await performIn(request, options, display, around);
    return (code = done ? ALL_WELL : around.kill.aborted ? codeOfAbort(around.kill) : FAILED);
  } catch (error) {
    const stack = request.debug > 0 && hasStack(error) ? error.stack : undefined;
    display.fail(diagnosticsOf(error, around.directory), stack);
    return (code = around.kill.aborted ? codeOfAbort(around.kill) : failed);
  } finally {
    display.close(code);
  }
}

/** Loaded when there is a question: what shows differences takes a part of the time that a build without changes takes. */
function signatureAnswers() {
  return import("./signature-answers.js");
}

async function answerWithoutProject(
  request: Request,
  around: Surroundings,
): Promise<{ readonly text: string; readonly data?: object } | undefined> {
  if (request.action === "explain") {
    const { explainCode } = await import("./explain.js");
    return explainCode(request.targets[0]);
  }
  const image = request.images.in;
  if (request.action === "why" && image !== undefined && isPath(image)) {
    const { whyInImage } = await import("./why.js");
    return whyInImage(request.targets[0]!, image, resolve(around.directory, image));
  }
  if (!request.query) return undefined;
  const { answerAboutFiles } = await signatureAnswers();
  const text = await answerAboutFiles(request.query, answerPaint(request, around));
  return text === undefined ? undefined : { text };
}

/** Opens the build folder as the command needs it. @returns whether all went well */
async function performIn(
  request: Request,
  options: OpenOptions,
  display: Display,
  around: Surroundings,
): Promise<boolean> {
  if (request.action !== "build" && request.action !== "whatchanged") {
    const build = await around.openBuild(options);
    return closing(build, () => answer(request, build, display, around));
  }
  const isMarking = request.force || request.invalidate.length > 0;
  const isWriting = request.action === "build" && !request.dryRun && !request.signaturesOnly;
  const build = await around.lockBuild(options, isWriting || isMarking ? "everything" : "build folder");
  return closing(build, () => perform(request, build, display, around));
}

async function closing(build: Build, work: () => Promise<boolean>): Promise<boolean> {
  try {
    return await work();
  } finally {
    await build.close();
  }
}

/** What needs the folders of the build for itself. */
async function perform(
  request: Request,
  build: LockedBuild,
  display: Display,
  around: Surroundings,
): Promise<boolean> {
  if (request.action === "whatchanged") {
    const { answerWhatChanged } = await signatureAnswers();
    display.answer(
      await answerWhatChanged(
        request.query!,
        build,
        buildRequest(request, around),
        answerPaint(request, around),
      ),
    );
    return true;
  }
  const result = await build.build(buildRequest(request, around));
  if (result.summary?.total === 0 && request.targets.length === 0) {
    display.fail([noTarget()], undefined);
    return false;
  }
  if (request.signaturesOnly)
    display.answer("signature data is written beside the stamps, as STAMP.TASK.sigdata.HASH\n");
  if (request.lockedSignatures) display.answer("the signatures are locked by locked-sigs.inc, here\n");
  display.conclude(result.summary, result.outputs);
  return result.summary?.ok ?? true;
}

async function answer(
  request: Request,
  build: Build,
  display: Display,
  around: Surroundings,
): Promise<boolean> {
  const { action, targets } = request;
  switch (action) {
    case "build":
    case "whatchanged":
    case "check":
    case "explain":
    case "try":
      throw new Error(`internal: ${action} asks nothing of a project`);
    case "environment":
      display.answer(await build.showEnvironment(targets[0]));
      return true;
    case "graph":
      for (const path of await build.writeGraph(buildRequest(request, around))) display.answer(`${path}\n`);
      return true;
    case "versions": {
      const rows = await build.showVersions();
      const head = ["Recipe Name", "Latest Version", "Preferred Version", "Required Version"];
      const cells = rows.map(({ pn, latest, preferred, required }) => [pn, latest, preferred, required]);
      display.answer(tableText([head, head.map((word) => "=".repeat(word.length)), ...cells]));
      return true;
    }
    case "parse": {
      const { recipes, files, cached, skipped, masked } = await build.parseOnly();
      display.answer(
        `${recipes} recipes from ${files} files: ${cached} files from the cache, ${skipped} recipes skipped, ${masked} files masked\n`,
      );
      return true;
    }
    case "diffsigs":
    case "dumpsig": {
      const { answerAboutProject } = await signatureAnswers();
      display.answer(await answerAboutProject(request.query!, build, answerPaint(request, around)));
      return true;
    }
    case "feed-update":
      display.answer(
        (await build.updateFeed()) ? "the package lists changed\n" : "the package lists are as they were\n",
      );
      return true;
    case "verify": {
      const found = build.verifyOutputs();
      display.answer(verifiedText(found), { folders: Object.fromEntries(found) });
      return [...found.values()].every(({ changed }) => changed.length === 0);
    }
    case "why": {
      const { whyInImage } = await import("./why.js");
      const image = request.images.in!;
      const path = deployedFile(await deployFolderOf(build, image), "packages.json");
      const { text, data } = await whyInImage(targets[0]!, image, path);
      display.answer(text, data);
      return true;
    }
    case "publish": {
      const { publishImages } = await import("./publish.js");
      const { to, keep } = request.images;
      const where = { folder: resolve(around.directory, to!), keep };
      const say = (text: string) => void around.stderr.write(`${printableText(text)}\n`);
      const { text, data } = await publishImages(build, targets, where, say);
      display.answer(text, data);
      return true;
    }
    case "sstate-stats":
    case "sstate-verify":
    case "sstate-prune": {
      const answer = await maintain(build.sharedState(), action, request, Date.now());
      display.answer(answer.text, answer.data);
      return answer.ok;
    }
    case "tasks":
      for (const target of targets) {
        display.answer(tableText(build.listTasks(target).map(({ name, doc }) => [name, doc])));
      }
      return true;
  }
}

/** Answers go to standard output, in colour when a person reads them there. */
function answerPaint(request: Request, { stdout, environment }: Surroundings): Paint {
  const isSeen = request.ui === "auto" && stdout.isTTY === true && environment["TERM"] !== "dumb";
  return isSeen && !environment["NO_COLOR"] ? ansiPaint : plainPaint;
}

function buildRequest(request: Request, around: Surroundings): BuildRequest {
  const { targets, task, force, invalidate, keepGoing, dryRun, verbose, runAll, runOnly, setscene } = request;
  return {
    targets,
    ...(task !== undefined && { task }),
    force,
    invalidate,
    keepGoing,
    dryRun,
    verbose,
    runAll,
    runOnly,
    setscene,
    signaturesOnly: request.signaturesOnly,
    lockedSignatures: request.lockedSignatures,
    ...(around.hasTerminal && request.ui !== "json" && { terminal: terminalEnvironment(around) }),
    stop: around.stop,
    kill: around.kill,
  };
}

/** What a shell on the terminal needs of the caller's environment; all else comes from the task. */
function terminalEnvironment({ environment }: Surroundings): Record<string, string> {
  const found = ["TERM", "COLORTERM", "SHELL", "USER", "LOGNAME"].flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { SHELL: "/bin/sh", ...(Object.fromEntries(found) as Record<string, string>) };
}

function openDisplay(request: Request, around: Surroundings): Display {
  if (request.ui === "json") return jsonDisplay(around);
  // A query's answer must be alone on standard output.
  const output = request.action === "build" ? around.stdout : around.stderr;
  return textDisplay(request, around, output);
}

function textDisplay(request: Request, around: Surroundings, output: Output): Display {
  const live = request.ui === "auto" && output.isTTY === true && around.environment["TERM"] !== "dumb";
  const paint: Paint = live && !around.environment["NO_COLOR"] ? ansiPaint : plainPaint;
  const footer = new Footer(paint);
  const reporter = new Reporter({
    targets: request.action === "feed-update" ? ["feed update"] : request.targets,
    version: around.version,
    paint,
    live,
    quiet: request.quiet || !isReported(request.action),
    verbose: request.verbose,
    debug: request.debug > 0,
    dryRun: request.dryRun,
    readLog: (path) => readEnd(path),
  });
  const screen = new Screen(
    output,
    live
      ? (columns, rows) => footer.lines(performance.now(), { columns, rows }).map(printableText)
      : undefined,
  );
  // In a log: a word when nothing has been said for a while.
  let quietSince = performance.now();
  const beat = (): void => {
    const now = performance.now();
    if (now - quietSince < heartbeatMs) return;
    quietSince = now;
    for (const line of footer.lines(now, { columns: 200, rows: 40 }))
      output.write(`${printableText(line)}\n`);
  };
  let failure: { readonly error: unknown } | undefined;
  const onError = (error: unknown): void => void (failure ??= { error });
  const heartbeat =
    live || request.quiet ? undefined : every(heartbeatMs / 4, beat, { onError, keepsAlive: false });
  // On one terminal everything must go through the screen, or the live part would be torn.
  const say = ({ text, trouble }: Line) => {
    quietSince = performance.now();
    if (trouble && !live) around.stderr.write(`${printableText(text)}\n`);
    else screen.line(printableText(text));
  };
  const lend = (taken: boolean): void => {
    screen.suspend(taken);
    around.onTerminal?.(taken);
  };
  return {
    lend,
    see(event) {
      if (event.type === "plan") screen.hideCursor();
      if (event.type === "terminal") lend(event.taken);
      footer.see(event, performance.now());
      for (const line of reporter.tell(event)) say(line);
    },
    conclude(summary, outputs) {
      if (summary) for (const line of reporter.conclude(summary, around.elapsedMs())) say(line);
      for (const text of outputs.flatMap((one) => outputText(one, around.directory)))
        screen.line(printableText(text));
    },
    fail(diagnostics, stack) {
      for (const line of reporter.fail(diagnostics, stack)) say(line);
    },
    answer(text) {
      // On one terminal the live part would be drawn over the answer.
      screen.clear();
      around.stdout.write(printableText(text));
    },
    close() {
      heartbeat?.stop();
      for (const line of reporter.end()) say(line);
      screen.close();
      if (failure) throw failure.error;
    },
  };
}

function jsonDisplay(around: Surroundings): Display {
  const { stdout, version, words } = around;
  const write = (event: object) => void stdout.write(`${jsonLine(event, Date.now())}\n`);
  write(beginEvent(version, words));
  return {
    see: write,
    conclude: (_summary, outputs) => write({ type: "outputs", outputs }),
    fail: (diagnostics) => write(errorEvent(sortDiagnostics(diagnostics))),
    answer: (text, data) => write({ type: "answer", text, ...(data && { data }) }),
    lend: (taken) => around.onTerminal?.(taken),
    close: (code) => write(endEvent(code)),
  };
}

/** Work that a person waits for is told of in a log, too; the answer to a question comes without words around it. */
function isReported(action: Request["action"]): boolean {
  return action === "build" || action === "feed-update" || action === "try";
}

/** What a target left: its own words, and its files, a folder at a time, as a person in `directory` would name them. */
function outputText({ files, text }: BuildOutput, directory: string): string[] {
  const lines = text !== undefined && text.trim() !== "" ? ["", text.trimEnd()] : [];
  let folder: string | undefined;
  for (const file of files) {
    if (dirname(file) !== folder) {
      folder = dirname(file);
      const near = relative(directory, folder);
      lines.push(`${near.startsWith("..") ? folder : near}/`);
    }
    lines.push(`  ${basename(file)}`);
  }
  return lines;
}

function diagnosticsOf(error: unknown, directory: string): readonly Diagnostic[] {
  if (error instanceof BuildError) return error.diagnostics;
  const disk = diskProblem(error, [directory]);
  if (disk) return [disk];
  const message = messageOf(error);
  if (codeOf(error) !== undefined) return [systemError(message)];
  // V8's words, of whatever could not be had.
  if (/out of memory|allocation failed/i.test(message)) return [noMemory(message)];
  return [internalError(message.replace(/^internal: /, ""))];
}

function hasStack(error: unknown): error is { readonly stack: string } {
  return typeof error === "object" && error !== null && "stack" in error && typeof error.stack === "string";
}
