/**
 * Whether the machine has enough to do already. While a limit is exceeded no further task starts, but one always may.
 *
 * The kernel counts for how many µs somebody had to wait for a processor, for a disk, for memory (pressure stall
 * information); a limit is how many of these there may be in a second.
 *
 * @see https://docs.kernel.org/accounting/psi.html, docs/language.md 17.4
 */
import { readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { hasCode } from "@tsbake/base";

export type Resource = "cpu" | "io" | "memory";
const RESOURCES: readonly Resource[] = ["cpu", "io", "memory"];

/** Shortest time, in ms, over which the waiting is measured. */
const INTERVAL_MS = 1000;

export interface PressureLimits {
  /** BB_PRESSURE_MAX_CPU, _IO, _MEMORY: µs of waiting in a second. */
  readonly most: Readonly<Partial<Record<Resource, number>>>;
  /** BB_LOADFACTOR_MAX: load average of one minute, for each processor. Counts only where there is no other limit. */
  readonly load?: number;
}

/** What the machine says of itself. */
export interface Machine {
  /** µs of waiting since the start of the machine, or undefined when it does not say. */
  waited(resource: Resource): number | undefined;
  /** Load average of one minute, for each processor. */
  load(): number;
  /** In ms, from any start. */
  now(): number;
}

export class Pressure {
  readonly #limits: PressureLimits;
  readonly #machine: Machine;
  readonly #resources: readonly Resource[];
  #since: { readonly ms: number; readonly waited: ReadonlyMap<Resource, number> };

  constructor(limits: PressureLimits, machine: Machine = thisMachine) {
    this.#limits = limits;
    this.#machine = machine;
    const known = RESOURCES.filter((one) => limits.most[one] !== undefined);
    this.#resources = known.filter((one) => machine.waited(one) !== undefined);
    this.missing = known.filter((one) => !this.#resources.includes(one));
    this.#since = this.#read();
  }

  /** Resources with a limit of which this machine says nothing. */
  readonly missing: readonly Resource[];

  /** What exceeds its limit now, such as `cpu` or `load`. */
  exceeded(): string[] {
    const { most, load } = this.#limits;
    if (this.#resources.length === 0) {
      return load !== undefined && this.missing.length === 0 && this.#machine.load() > load ? ["load"] : [];
    }
    const now = this.#read();
    const seconds = (now.ms - this.#since.ms) / 1000;
    if (seconds <= 0) return [];
    const found = this.#resources.filter(
      (one) => (now.waited.get(one)! - this.#since.waited.get(one)!) / seconds > most[one]!,
    );
    if (now.ms - this.#since.ms > INTERVAL_MS) this.#since = now;
    return found;
  }

  #read() {
    const waited = new Map(this.#resources.map((one) => [one, this.#machine.waited(one) ?? 0]));
    return { ms: this.#machine.now(), waited };
  }
}

const thisMachine: Machine = {
  waited(resource) {
    try {
      const total = /^some .*\btotal=(\d+)/m.exec(readFileSync(`/proc/pressure/${resource}`, "utf8"));
      return total ? Number(total[1]) : undefined;
    } catch (error) {
      // No such kernel, or one that does not tell.
      if (hasCode(error, "ENOENT", "ENOTDIR", "EACCES", "EPERM", "EOPNOTSUPP", "ENOTSUP")) return undefined;
      throw error;
    }
  },
  load: () => loadavg()[0]! / availableParallelism(),
  now: () => performance.now(),
};
