/** The display that people read: lines, and on a terminal a live part below them. */
import { every } from "@tsbake/base";
import type { Request } from "../command-line/arguments.js";
import type { Surroundings } from "../surroundings.js";
import { ansiPaint, type Paint, plainPaint, printableText } from "../text/text.js";
import type { Display } from "./display.js";
import { Footer } from "./footer.js";
import { readEnd } from "./log-file.js";
import { outputsText } from "./outputs-text.js";
import { type Line, Reporter } from "./reporter.js";
import { type Output, Screen } from "./screen.js";

/** A log without a line for so long, in ms, gets one that tells what runs. */
const heartbeatMs = 60_000;

/** What is said to be done where it is no targets. */
const COMMANDS: Readonly<Partial<Record<Request["action"], readonly string[]>>> = {
  "feed-update": ["feed update"],
  lock: ["lock"],
};

/** Empty where the project file says it. */
function asked({ recipeFile, targets }: Request): readonly string[] {
  return recipeFile === undefined ? targets : [recipeFile];
}

/** @param output where lines go that are no answers */
export function textDisplay(request: Request, around: Surroundings, output: Output): Display {
  const live = request.ui === "auto" && output.isTTY === true && around.environment["TERM"] !== "dumb";
  const paint: Paint = live && !around.environment["NO_COLOR"] ? ansiPaint : plainPaint;
  const footer = new Footer(paint, live);
  const reporter = new Reporter({
    targets: COMMANDS[request.action] ?? asked(request),
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
      // Work that lets no timer in between is told of all the same.
      screen.drawIfDue();
    },
    conclude(summary, outputs) {
      if (summary) for (const line of reporter.conclude(summary, around.elapsedMs())) say(line);
      for (const text of outputsText(outputs, around.directory)) screen.line(printableText(text));
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

/** Work that a person waits for is told of in a log, too; the answer to a question comes without words around it. */
function isReported(action: Request["action"]): boolean {
  return action === "build" || action === "feed-update" || action === "try" || action === "lock";
}
