/** `-w FILE` and `--timeline FILE`: the session in a file, whatever is shown beside that. */
import { closeSync, openSync, writeSync } from "node:fs";
import type { BuildOutput, EngineEvent } from "@tsbake/engine";
import type { Diagnostic } from "@tsbake/base";
import { Timeline } from "./timeline.js";
import { endEvent, errorEvent, jsonLine } from "./json-lines.js";

/** The part of a display that is recorded. */
interface Recorded {
  see(event: EngineEvent): void;
  conclude(summary: never, outputs: readonly BuildOutput[]): void;
  fail(diagnostics: readonly Diagnostic[], stack: string | undefined): void;
  close(code: number): void;
}

/**
 * The same display, with a record of every event, in the lines of `--ui json`.
 *
 * @param begin its first line
 * @throws system errors: the file cannot be opened
 */
export function recordEvents<Shown extends Recorded>(display: Shown, path: string, begin: object): Shown {
  const file = openSync(path, "w");
  const write = (event: object) => writeSync(file, `${jsonLine(event, Date.now())}\n`);
  write(begin);
  return {
    ...display,
    see(event: EngineEvent) {
      write(event);
      display.see(event);
    },
    conclude(...[summary, outputs]: Parameters<Shown["conclude"]>) {
      write({ type: "outputs", outputs });
      display.conclude(summary, outputs);
    },
    fail(diagnostics: readonly Diagnostic[], stack: string | undefined) {
      write(errorEvent(diagnostics));
      display.fail(diagnostics, stack);
    },
    close(code: number) {
      write(endEvent(code));
      closeSync(file);
      display.close(code);
    },
  };
}

/**
 * The same display, which writes the timeline of the session when it ends.
 *
 * @throws system errors: the file cannot be opened
 */
export function recordTimeline<Shown extends Recorded>(display: Shown, path: string): Shown {
  // Now, not after hours: a folder that is not there is a mistake of the command line.
  const file = openSync(path, "w");
  const timeline = new Timeline(performance.now());
  return {
    ...display,
    see(event: EngineEvent) {
      timeline.see(event, performance.now());
      display.see(event);
    },
    close(code: number) {
      writeSync(file, timeline.text(performance.now()));
      closeSync(file);
      display.close(code);
    },
  };
}
