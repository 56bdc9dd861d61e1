/**
 * The story of a build, line by line: what a log of it should say, and what stands above the live part of a terminal.
 * A function of events; nothing is printed here.
 */
import type { Diagnostic } from "@tsbake/base";
import type { EngineEvent } from "@tsbake/engine";
import type { PlanMade, RunSummary, TaskFailure, TaskMessage } from "@tsbake/run";
import { DiskNews } from "./disk-news.js";
import { Repeats } from "./repeats.js";
import { trafficText } from "./traffic-text.js";
import { diagnosticText, failureText, sortDiagnostics } from "./failure-text.js";
import { printable } from "@tsbake/base";
import { count, duration, listing, taskWords } from "../text/text.js";
import type { Paint } from "../text/text.js";

export interface ReporterOptions {
  /** What is built, e.g. `sysext-image`; empty when the project file says it. */
  readonly targets: readonly string[];
  readonly version: string;
  readonly paint: Paint;
  /** Start lines; a live display shows ends instead, since it shows what runs all the time. */
  readonly live: boolean;
  readonly quiet: boolean;
  readonly verbose: boolean;
  readonly debug: boolean;
  readonly dryRun: boolean;
  /** The text of a log, for the tail below a failure. */
  readonly readLog: (path: string) => string | undefined;
}

/** A line, and whether it tells of trouble. */
export interface Line {
  readonly text: string;
  readonly trouble: boolean;
}

/** A body that took less, in ms, leaves no line on a live display. */
const worthTellingMs = 1000;
const slowestShown = 3;
const recipesShown = 6;

export class Reporter {
  readonly #options: ReporterOptions;
  /** Whether the first line is said: it is kept back until there is something to do, and a build without work says one line. */
  #isBegun = false;
  /** As asked for, or as the project file has them. */
  #targets: readonly string[];
  #parsed: string | undefined;
  readonly #disk = new DiskNews();
  readonly #repeats = new Repeats();
  #step = "";
  /** By recipe, in the order of their first end. */
  readonly #ranOf = new Map<string, number>();
  readonly #restoredOf = new Map<string, number>();
  #toRestore = 0;
  #restored = 0;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#targets = options.targets;
  }

  /** The lines that an event adds, often none. */
  tell(event: EngineEvent): Line[] {
    const { paint, verbose } = this.#options;
    switch (event.type) {
      case "project":
        return this.#name(event.targets);
      case "parsing":
        if (event.done === event.total) this.#parsed = readText(event.total, event.cached);
        return [];
      case "parsed":
        this.#parsed = readText(event.recipes, event.cached, event.elapsedMs);
        return [];
      case "step":
        if (event.text === this.#step) return [];
        this.#step = event.text;
        return this.#options.live ? [] : this.#say(event.text);
      case "build-lock-wait":
        return this.#say(`waiting for ${event.holder}, which works in this build folder`);
      case "engine-warning":
      case "warning":
      case "restore-failed":
        if (event.type === "restore-failed" && this.#repeats.isKnown(event)) return [];
        if (event.diagnostic.severity === "warning" && this.#disk.hold(event.diagnostic)) return [];
        if (!this.#repeats.isNew(event.diagnostic)) return [];
        return this.#trouble(diagnosticText(event.diagnostic, paint));
      case "plan":
        return this.#plan(event);
      case "task-started":
        if (event.how === "restore" ? !this.#options.dryRun : this.#options.live) return [];
        return this.#say(
          `[${event.number}/${event.of}] ${taskWords(event.label)}${event.how === "restore" ? " (restore)" : ""}`,
        );
      case "task-finished":
        add(this.#ranOf, event.label);
        if (!this.#options.live || event.elapsedMs < worthTellingMs) return [];
        return this.#say(
          `${paint("green", "done")} ${taskWords(event.label)} ${paint("dim", duration(event.elapsedMs))}`,
        );
      case "task-skipped":
        if (event.reason !== "restored") return [];
        add(this.#restoredOf, event.label);
        return this.#restore();
      case "task-failed":
        if (event.failure.stopped) return this.#trouble(`stopped: ${taskWords(event.label)}`);
        return this.#failure(event.failure);
      case "task-output":
        return verbose
          ? this.#say(`${paint("dim", `${taskWords(event.label)} |`)} ${printable(event.line)}`)
          : [];
      case "task-message":
      case "metadata-message":
        return this.#message(event, event.type === "task-message" ? `${taskWords(event.label)}: ` : "");
      case "lock-wait":
        return this.#say(`${taskWords(event.label)} waits for ${event.holder}, which holds ${event.path}`);
      case "held":
        return this.#held(event.exceeded);
      case "stopping":
        return this.#stopping(event.reason, event.killing, event.running);
      case "shared-state":
        return this.#say(trafficText(event));
      case "task-progress":
      case "terminal":
      case "finished":
        return [];
    }
  }

  /**
   * The last words: what was done, what was slow, what is missing.
   *
   * @param elapsedMs of the whole command
   */
  conclude(summary: RunSummary, elapsedMs: number): Line[] {
    const { paint, dryRun } = this.#options;
    const time = duration(elapsedMs);
    if (summary.ok && summary.ran + summary.restored === 0) {
      this.#isBegun = true;
      const all = summary.total === 1 ? "the only task" : `all ${summary.total} tasks`;
      const of = this.#targets.length > 0 ? ` of ${listing(this.#targets)}` : "";
      return [said(`nothing to do: ${all}${of} ${summary.total === 1 ? "is" : "are"} up to date (${time})`)];
    }
    const lines = this.#flush();
    const killed = summary.failed.filter(({ stopped }) => stopped).length;
    const failed = summary.failed.length - killed;
    const parts = [
      failed > 0 ? `${failed} failed` : "",
      killed > 0 ? `${killed} killed` : "",
      summary.ran > 0 ? `${summary.ran} ${dryRun ? "would run" : "run"}` : "",
      summary.restored > 0 ? `${summary.restored} ${dryRun ? "would be restored" : "restored"}` : "",
      summary.current > 0 ? `${summary.current} up to date` : "",
      summary.notStarted.length > 0 ? `${summary.notStarted.length} not started` : "",
    ].filter((part) => part !== "");
    const head = conclusion(summary, dryRun);
    lines.push(said(`${paint(summary.ok ? "green" : "red", head)} after ${time}: ${parts.join(", ")}`));
    if (!dryRun) {
      for (const [what, counts] of [
        ["run", this.#ranOf],
        ["restored", this.#restoredOf],
      ] as const) {
        const text = recipesText(counts);
        if (text !== undefined) lines.push(said(paint("dim", `${what}: ${text}`)));
      }
    }
    const slow = summary.slowest
      .filter(({ elapsedMs }) => elapsedMs >= worthTellingMs)
      .slice(0, slowestShown);
    if (slow.length > 0 && summary.ran > 1) {
      const texts = slow.map(({ label, elapsedMs }) => `${taskWords(label)} ${duration(elapsedMs)}`);
      lines.push(said(paint("dim", `slowest: ${texts.join(", ")}`)));
    }
    if (failed > 1) {
      const names = summary.failed.filter(({ stopped }) => !stopped).map(({ label }) => taskWords(label));
      lines.push(bad(`failed: ${names.join(", ")}`));
    }
    if (summary.ok || summary.failed.length > 0 || summary.errorMessages === 0) return lines;
    lines.push(bad(`${count(summary.errorMessages, "error message")} of tasks that succeeded: see above`));
    return lines;
  }

  /** Errors that end the command, but those that were told before. */
  fail(diagnostics: readonly Diagnostic[], stack: string | undefined): Line[] {
    const { paint } = this.#options;
    const texts = sortDiagnostics(this.#disk.news(diagnostics)).map((one) => diagnosticText(one, paint));
    if (stack !== undefined) texts.push(stack);
    return texts.length > 0 ? [bad(texts.join("\n\n"))] : [];
  }

  /** Called last. */
  end(): Line[] {
    const rest = this.#disk.rest();
    const repeats = this.#repeats.rest().map(bad);
    return rest ? [...repeats, bad(diagnosticText(rest, this.#options.paint))] : repeats;
  }

  #plan(event: PlanMade): Line[] {
    this.#toRestore = event.toRestore;
    if (event.toRun + event.toRestore === 0) return [];
    // A task without a body is nothing that a person waits for.
    const idle = event.covered + event.noexec;
    const parts = [
      event.current > 0 ? `${event.current} up to date` : "",
      idle > 0 ? `${idle} not needed` : "",
      event.toRestore > 0 ? `${event.toRestore} to restore` : "",
      event.toRun > 0 ? `${event.toRun} to run` : "",
    ].filter((part) => part !== "");
    const about = event.estimateMs === undefined ? "" : `, about ${duration(event.estimateMs)}`;
    return this.#say(`${count(event.total, "task")}: ${parts.join(", ")}${about}`);
  }

  #restore(): Line[] {
    this.#restored++;
    if (this.#restored !== this.#toRestore || this.#options.dryRun) return [];
    return this.#say(`${count(this.#restored, "task")} restored from the shared state`);
  }

  /** @param from who says it, with a colon; empty for metadata that is read */
  #message(event: Pick<TaskMessage, "level" | "text">, from: string): Line[] {
    const { paint, verbose, debug } = this.#options;
    const text = printable(event.text);
    switch (event.level) {
      case "plain":
        return this.#say(text);
      case "note":
        return verbose ? this.#say(`${from}${text}`) : [];
      case "debug":
        return debug ? this.#say(paint("dim", `${from}${text}`)) : [];
      case "warning":
        return this.#trouble(`${paint("yellow", "warning")}: ${from}${text}`);
      case "error":
        return this.#trouble(`${paint("red", "error")}: ${from}${text}`);
    }
  }

  /** Nothing of a task that a disk failed which was told of before. */
  #failure(failure: TaskFailure): Line[] {
    const diagnostics = this.#disk.news(failure.diagnostics);
    if (diagnostics.length === 0 && failure.diagnostics.length > 0) return [];
    const log = failure.logPath === undefined ? undefined : this.#options.readLog(failure.logPath);
    return this.#trouble(failureText({ ...failure, diagnostics }, log, this.#options.paint));
  }

  #held(exceeded: readonly string[]): Line[] {
    if (exceeded.length === 0) return this.#say("the machine has time again: tasks start");
    return this.#say(`no further task starts: above its limit is ${exceeded.join(", ")}`);
  }

  #stopping(reason: "interrupted" | "failure", killing: boolean, running: readonly string[]): Line[] {
    const names = listing(running.map(taskWords));
    if (killing) return this.#trouble(running.length > 0 ? `killing ${names}` : "stopping");
    if (running.length === 0) return this.#trouble("stopping");
    const again = reason === "interrupted" ? " (Ctrl-C again kills)" : "";
    return this.#trouble(`stopping: waiting for ${names}${again}`);
  }

  #say(text: string): Line[] {
    return this.#options.quiet ? [] : [...this.#flush(), said(text)];
  }

  #trouble(text: string): Line[] {
    return [...this.#flush(), bad(text)];
  }

  #flush(): Line[] {
    if (this.#isBegun || this.#options.quiet) return [];
    this.#isBegun = true;
    const head = `tsbake ${this.#options.version}: ${this.#targets.join(" ") || "the project's targets"}`;
    return [head, this.#parsed].filter((line) => line !== undefined).map(said);
  }

  /** What is built where nobody has said it: in the first line, or below it where repositories had to be there to know. */
  #name(targets: readonly string[]): Line[] {
    if (this.#targets.length > 0 || targets.length === 0) return [];
    this.#targets = targets;
    return this.#isBegun ? this.#say(`targets: ${targets.join(" ")}`) : [];
  }
}

function add(counts: Map<string, number>, label: string): void {
  const recipe = label.slice(0, label.lastIndexOf(":"));
  counts.set(recipe, (counts.get(recipe) ?? 0) + 1);
}

/** `gcc-native 3, libc 2 and 4 other recipes`, the last first: targets come last. Nothing of one task. */
function recipesText(counts: ReadonlyMap<string, number>): string | undefined {
  const all = [...counts].toReversed();
  if (all.reduce((sum, [, tasks]) => sum + tasks, 0) < 2) return undefined;
  const shown = all.slice(0, recipesShown).map(([recipe, tasks]) => `${recipe} ${tasks}`);
  const more = all.length - shown.length;
  return `${shown.join(", ")}${more > 0 ? ` and ${count(more, "other recipe")}` : ""}`;
}

function conclusion(summary: RunSummary, dryRun: boolean): string {
  if (summary.interrupted) return "stopped";
  if (dryRun) return "dry run";
  return summary.ok ? "done" : "failed";
}

function readText(recipes: number, cached: number, elapsedMs?: number): string {
  const time = elapsedMs === undefined ? "" : ` in ${duration(elapsedMs)}`;
  return `${count(recipes, "recipe")} read${time}${cached > 0 ? `, ${cached} from the cache` : ""}`;
}

function said(text: string): Line {
  return { text, trouble: false };
}

function bad(text: string): Line {
  return { text, trouble: true };
}
