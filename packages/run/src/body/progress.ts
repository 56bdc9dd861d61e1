/** [progress]: how far a body is, read from the lines it prints. @see BitBake 2.19 lib/bb/progress.py */

/** How far a body is. */
export interface Progress {
  /** 0 to 100. */
  readonly percent: number;
  /** What it counts itself, e.g. packages; only from `outof`. */
  readonly done?: number;
  readonly total?: number;
}

/** What a line says of it, if anything. */
export type ProgressReader = (line: string) => Progress | undefined;

/**
 * A reader for the text of the flag: `percent`, `percent:REGEX` (one group), `outof:REGEX` (two groups: done, all).
 *
 * @returns undefined for any other text and for an expression that cannot be read
 */
export function progressReader(flag: string): ProgressReader | undefined {
  const [, kind, text] = /^(percent|outof)(?::(.+))?$/s.exec(flag.trim()) ?? [];
  if (kind === undefined || (kind === "outof" && text === undefined)) return undefined;
  let pattern: RegExp;
  try {
    pattern = new RegExp(text ?? String.raw`(\d+(?:\.\d+)?)%`, "g");
  } catch {
    return undefined;
  }
  return (line) => {
    const last = [...line.matchAll(pattern)].at(-1);
    if (!last) return undefined;
    const [done, total] = [Number(last[1]), Number(last[2])];
    const value = kind === "percent" ? done : (done / total) * 100;
    if (!Number.isFinite(value)) return undefined;
    const percent = Math.min(100, Math.max(0, value));
    return kind === "percent" ? { percent } : { percent, done, total };
  };
}
