/** What the configuration says of how tasks run: limits of the machine, watched disks. */
import { BOOLEAN_WORDS, BuildError, toBoolean, words } from "@tsbake/base";
import type { Diagnostic, Span } from "@tsbake/base";
import { IONICE_LEVEL, NICE_LEVEL, SCHEDULERS } from "@tsbake/run";
import type {
  DiskAction,
  DiskRule,
  DiskSettings,
  Level,
  PressureLimits,
  Resource,
  Scheduler,
} from "@tsbake/run";
import { foreignScheduler, malformedSetting, veryHighLimit } from "../problems.js";

/** Variables that are read here: to be cached with the configuration. */
export const RUN_VARIABLES = [
  "BB_DISKMON_DIRS",
  "BB_DISKMON_WARNINTERVAL",
  "BB_HEARTBEAT_EVENT",
  "BB_LOADFACTOR_MAX",
  "BB_NICE_LEVEL",
  "BB_NUMBER_THREADS",
  "BB_PRESSURE_MAX_CPU",
  "BB_PRESSURE_MAX_IO",
  "BB_PRESSURE_MAX_MEMORY",
  "BB_SCHEDULER",
  "BB_SCHEDULERS",
  "BB_TASK_IONICE_LEVEL",
  "BB_TASK_NICE_LEVEL",
  "TSBAKE_CHECK_READS",
] as const;

type Text = (name: (typeof RUN_VARIABLES)[number]) => string | undefined;

const ACTIONS: readonly DiskAction[] = ["WARN", "STOPTASKS", "HALT"];
/** µs in a second: nobody can wait longer. */
const MOST_PRESSURE = 1_000_000;

export interface MachineSettings {
  readonly threads: number;
  readonly taskThreads: ReadonlyMap<string, number>;
  readonly scheduler?: Scheduler;
  readonly nice?: number;
  readonly pressure?: PressureLimits;
  readonly disks?: DiskSettings;
  readonly checkReads?: true;
  readonly warnings: readonly Diagnostic[];
}

/** Where the configuration sets a variable or a flag. */
type PlaceOf = (name: string, flag?: string) => Span | undefined;

/**
 * @param flags `[number_threads]` by task
 * @throws BuildError `engine/malformed-setting` with every value that cannot be read, `engine/foreign-scheduler`
 */
export function readMachineSettings(
  text: Text,
  flags: Readonly<Record<string, string>>,
  placeOf: PlaceOf = () => undefined,
): MachineSettings {
  const reader = new Reader(text, placeOf);
  const taskThreads = new Map(
    Object.entries(flags).map(([task, flag]) => [task, reader.threads(task, flag)]),
  );
  const threads = reader.number("BB_NUMBER_THREADS", 1, "a number from 1") ?? 1;
  const scheduler = reader.scheduler();
  const nice = reader.level("BB_NICE_LEVEL", NICE_LEVEL);
  // Tasks read these themselves, each its own; what all have is told before the first starts.
  reader.level("BB_TASK_NICE_LEVEL", NICE_LEVEL);
  reader.level("BB_TASK_IONICE_LEVEL", IONICE_LEVEL);
  const pressure = reader.pressure();
  const disks = reader.disks();
  const checkReads = reader.switch("TSBAKE_CHECK_READS");
  if (reader.problems.length > 0) throw new BuildError(reader.problems);
  const { warnings } = reader;
  return {
    threads,
    taskThreads,
    ...(scheduler && { scheduler }),
    ...(nice !== undefined && { nice: Number(nice) }),
    ...(pressure && { pressure }),
    ...(disks && { disks }),
    ...(checkReads && { checkReads }),
    warnings,
  };
}

class Reader {
  readonly problems: Diagnostic[] = [];
  readonly warnings: Diagnostic[] = [];
  readonly #text: Text;
  readonly #placeOf: PlaceOf;

  constructor(text: Text, placeOf: PlaceOf) {
    this.#text = text;
    this.#placeOf = placeOf;
  }

  number(name: Parameters<Text>[0], least: number, expected: string): number | undefined {
    const text = this.#text(name)?.trim();
    if (!text) return undefined;
    const value = Number(text);
    if (value >= least) return value;
    this.#malformed(name, text, expected);
    return undefined;
  }

  level(name: Parameters<Text>[0], { holds, expected }: Level): string | undefined {
    const text = this.#text(name)?.trim();
    if (!text || holds(text)) return text || undefined;
    this.#malformed(name, text, expected);
    return undefined;
  }

  switch(name: Parameters<Text>[0]): boolean {
    const text = this.#text(name)?.trim() ?? "";
    const answer = toBoolean(text);
    if (answer === undefined) this.#malformed(name, text, BOOLEAN_WORDS);
    return answer ?? false;
  }

  scheduler(): Scheduler | undefined {
    const text = this.#text("BB_SCHEDULER")?.trim();
    const known = SCHEDULERS.find((one) => one === text);
    if (!text || known) return known;
    const classes = words(this.#text("BB_SCHEDULERS"));
    if (classes.length === 0) this.#malformed("BB_SCHEDULER", text, "`basic`, `speed` or `completion`");
    else this.problems.push(foreignScheduler(text, classes, this.#placeOf("BB_SCHEDULER")));
    return undefined;
  }

  #malformed(name: Parameters<Text>[0], text: string, expected: string): void {
    this.problems.push(malformedSetting(name, text, expected, this.#placeOf(name)));
  }

  threads(task: string, text: string): number {
    const value = Number(text);
    if (Number.isInteger(value) && value >= 1) return value;
    const at = this.#placeOf(task, "number_threads");
    this.problems.push(malformedSetting(`${task}[number_threads]`, text, "a number from 1", at));
    return 1;
  }

  pressure(): PressureLimits | undefined {
    const most: Partial<Record<Resource, number>> = {};
    for (const [resource, name] of [
      ["cpu", "BB_PRESSURE_MAX_CPU"],
      ["io", "BB_PRESSURE_MAX_IO"],
      ["memory", "BB_PRESSURE_MAX_MEMORY"],
    ] as const) {
      const limit = this.number(name, 1, "µs of waiting in a second, from 1 to 1000000");
      if (limit === undefined) continue;
      if (limit > MOST_PRESSURE) this.warnings.push(veryHighLimit(name, String(limit)));
      most[resource] = limit;
    }
    const load = this.number("BB_LOADFACTOR_MAX", Number.MIN_VALUE, "a number above 0");
    if (Object.keys(most).length === 0 && load === undefined) return undefined;
    return { most, ...(load !== undefined && { load }) };
  }

  disks(): DiskSettings | undefined {
    const rules = words(this.#text("BB_DISKMON_DIRS")).flatMap((word) => this.#rule(word) ?? []);
    if (rules.length === 0) return undefined;
    const [bytes = "", inodes = ""] = (this.#text("BB_DISKMON_WARNINTERVAL") ?? "50M,5K").split(",");
    const again = { bytes: amount(bytes), inodes: amount(inodes) };
    if (again.bytes === undefined || again.inodes === undefined) {
      const text = this.#text("BB_DISKMON_WARNINTERVAL")!;
      this.#malformed("BB_DISKMON_WARNINTERVAL", text, "SPACE,INODES, such as `50M,5K`");
    }
    const seconds = this.number("BB_HEARTBEAT_EVENT", Number.MIN_VALUE, "seconds above 0") ?? 1;
    return {
      rules,
      again: { bytes: again.bytes ?? 0, inodes: again.inodes ?? 0 },
      intervalMs: seconds * 1000,
    };
  }

  /** `ACTION,FOLDER,SPACE,INODES`; one of the last two may be missing. */
  #rule(word: string): DiskRule | undefined {
    const [name = "", folder = "", space = "", inodes = "", ...more] = word.split(",");
    const action = ACTIONS.find((one) => one === name);
    const rule = { bytes: amount(space), inodes: amount(inodes) };
    const isEmpty = space.trim() === "" && inodes.trim() === "";
    const isWrong =
      (space.trim() !== "" && rule.bytes === undefined) ||
      (inodes.trim() !== "" && rule.inodes === undefined);
    if (!action || folder === "" || isEmpty || isWrong || more.length > 0) {
      const expected =
        "ACTION,FOLDER,SPACE,INODES with WARN, STOPTASKS or HALT, such as `HALT,/build/tmp,100M,1K`";
      this.#malformed("BB_DISKMON_DIRS", word, expected);
      return undefined;
    }
    return {
      action,
      folder,
      ...(rule.bytes !== undefined && { bytes: rule.bytes }),
      ...(rule.inodes !== undefined && { inodes: rule.inodes }),
    };
  }
}

/** `10`, `10K`, `10M`, `10G`, from 1 on. */
function amount(text: string): number | undefined {
  const match = /^\s*([1-9][0-9]*)([kKmMgG]?)\s*$/.exec(text);
  if (!match) return undefined;
  return Number(match[1]) * 1024 ** ["", "k", "m", "g"].indexOf(match[2]!.toLowerCase());
}
