/** What went into signatures, kept beside stamps and in the store, for `tsbake diffsigs`. */
import { diskProblem, messageOf, writeFileAtomic, type Diagnostic } from "@tsbake/base";
import { objectName } from "../outputs/artifact.js";
import type { RunEvent } from "../events.js";
import type { RunOptions } from "../options.js";
import { cannotRecord } from "../problems.js";
import type { PlannedTask } from "./planned-task.js";

/** Written behind the tasks' backs, one after the other; what cannot be written is a warning. */
export class Records {
  readonly #options: Pick<RunOptions, "stamps" | "store" | "settings">;
  readonly #emit: (event: RunEvent) => void;
  #written: Promise<void> = Promise.resolve();
  /** The store does not take descriptions: said once. */
  #isStoreClosed = false;

  constructor(options: Pick<RunOptions, "stamps" | "store" | "settings">, emit: (event: RunEvent) => void) {
    this.#options = options;
    this.#emit = emit;
  }

  /**
   * Keeps the record of a task that is done, for bodies without an artifact in the store too.
   *
   * @param describe gives the record's text; undefined when there is none
   */
  add(task: PlannedTask, describe: () => Promise<string | undefined>): void {
    this.#written = this.#written.then(async () => {
      try {
        await this.#write(task, await describe());
      } catch (error) {
        const { label } = task;
        const disk = diskProblem(error, this.#options.settings.folders, label);
        const diagnostic: Diagnostic = disk
          ? { ...disk, severity: "warning" }
          : cannotRecord(label, messageOf(error));
        this.#emit({ type: "warning", diagnostic });
      }
    });
  }

  async #write(
    { recipe, name, info, signature: { unihash } }: PlannedTask,
    text: string | undefined,
  ): Promise<void> {
    if (text === undefined) return;
    // Unsynced: a record that is broken off counts as none.
    const path = this.#options.stamps.sigdataPath(recipe, name, unihash);
    await writeFileAtomic(path, text, { sync: false });
    // Nobody looks in the store for what has nothing to execute.
    if (info.artifact || info.noexec || this.#isStoreClosed) return;
    await this.#options.store.describe(objectName(recipe, name, unihash), text).catch((error: unknown) => {
      this.#isStoreClosed = true;
      throw error;
    });
  }

  /** Waits for all of them. */
  async close(): Promise<void> {
    await this.#written;
  }
}
