/** What a session shows: as text, as one JSON object a line, and either of them with a file beside it. */
import type { Diagnostic } from "@tsbake/base";
import type { BuildOutput, EngineEvent } from "@tsbake/engine";
import type { RunSummary } from "@tsbake/run";

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
