/** The longest way through the graph by the times of its tasks: no number of threads makes a build shorter than that. */

export interface TimedTask {
  readonly name: string;
  /** Names of tasks before it. */
  readonly needs: readonly string[];
  readonly elapsedMs: number;
}

export interface CriticalPath {
  /** In the order in which they run. Empty where no task took any time. */
  readonly tasks: readonly string[];
  /** Sum of their times. */
  readonly elapsedMs: number;
}

/** @param tasks needed ones before those that need them; of ways that are equally long the first one counts */
export function criticalPath(tasks: readonly TimedTask[]): CriticalPath {
  const ways = new Map<string, { readonly elapsedMs: number; readonly from: string | undefined }>();
  let last: string | undefined;
  for (const { name, needs, elapsedMs } of tasks) {
    let from: string | undefined;
    for (const need of needs)
      if (ways.has(need) && (from === undefined || ways.get(need)!.elapsedMs > ways.get(from)!.elapsedMs))
        from = need;
    const before = from === undefined ? 0 : ways.get(from)!.elapsedMs;
    ways.set(name, { elapsedMs: before + elapsedMs, from: before > 0 ? from : undefined });
    if (last === undefined || ways.get(name)!.elapsedMs > ways.get(last)!.elapsedMs) last = name;
  }
  const whole = last === undefined ? 0 : ways.get(last)!.elapsedMs;
  const path: string[] = [];
  for (let at = whole > 0 ? last : undefined; at !== undefined; at = ways.get(at)!.from) path.unshift(at);
  return { tasks: path, elapsedMs: whole };
}
