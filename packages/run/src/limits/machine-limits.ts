/** What of the machine holds tasks back or stops them while a queue runs: pressure, full disks. */
import { BuildError, every, messageOf, reasonOf } from "@tsbake/base";
import { DiskMonitor } from "./disk.js";
import type { Repetition } from "@tsbake/base";
import type { RunEvent } from "../events.js";
import type { RunOptions, RunSettings } from "../options.js";
import { Pressure } from "./pressure.js";
import { cannotPrepare, diskLow, diskUnwatched, noPressure } from "../problems.js";

/** How often, in ms, a queue that is held back looks again. */
const LOOK_MS = 500;

export interface MachineActions {
  /** The queue is to ask `mayStart` again. */
  gate(): void;
  /** No further task starts; `killing`: and those that run are killed. */
  stop(killing: boolean): void;
  onEvent(event: RunEvent): void;
  /** Something broke in a look at the machine. */
  readonly onError: (error: unknown) => void;
  /** RunOptions.onDisks */
  onDisks: RunOptions["onDisks"];
}

export class MachineLimits {
  readonly #settings: RunSettings;
  readonly #actions: MachineActions;
  #pressure: Pressure | undefined;
  #exceeded = "";
  readonly #timers: Repetition[] = [];

  constructor(settings: RunSettings, actions: MachineActions) {
    this.#settings = settings;
    this.#actions = actions;
  }

  /** @throws BuildError `run/cannot-prepare` when a folder to watch cannot be made */
  open(): void {
    const { pressure, machine, disks } = this.#settings;
    if (pressure) {
      this.#pressure = new Pressure(pressure, machine);
      const { missing } = this.#pressure;
      if (missing.length > 0) this.#actions.onEvent({ type: "warning", diagnostic: noPressure(missing) });
      this.#every(LOOK_MS, () => this.#actions.gate());
    }
    if (disks) {
      const monitor = openMonitor(disks, (folder, error) =>
        this.#actions.onEvent({ type: "warning", diagnostic: diskUnwatched(folder, reasonOf(error)) }),
      );
      const look = () => this.#look(monitor);
      look();
      this.#every(disks.intervalMs, look);
    }
  }

  mayStart(): boolean {
    const exceeded = this.#pressure?.exceeded() ?? [];
    const text = exceeded.join(" ");
    if (text !== this.#exceeded) this.#actions.onEvent({ type: "held", exceeded });
    this.#exceeded = text;
    return exceeded.length === 0;
  }

  close(): void {
    for (const timer of this.#timers) timer.stop();
  }

  #every(intervalMs: number, work: () => void): void {
    this.#timers.push(every(intervalMs, work, { onError: this.#actions.onError }));
  }

  #look(monitor: DiskMonitor): void {
    for (const shortage of monitor.look()) {
      this.#actions.onEvent({ type: "warning", diagnostic: diskLow(shortage) });
      const { rule, what, free } = shortage;
      if (rule.action === "WARN") continue;
      this.#actions.onDisks?.({ type: "disk-full", folder: rule.folder, what, free });
      this.#actions.stop(rule.action === "HALT");
    }
    this.#actions.onDisks?.({ type: "disks", disks: monitor.usage() });
  }
}

function openMonitor(
  disks: NonNullable<RunSettings["disks"]>,
  onLost: (folder: string, error: unknown) => void,
): DiskMonitor {
  try {
    return new DiskMonitor(disks, onLost);
  } catch (error) {
    const folders = disks.rules.map(({ folder }) => folder).join(" ");
    throw new BuildError([cannotPrepare("BB_DISKMON_DIRS", folders, messageOf(error))], { cause: error });
  }
}
