/** Summaries of runs that nobody made. */
import type { RunSummary } from "@tsbake/run";

/** Nothing failed, nothing is left; all counts are 0 unless told. */
export function summaryOf(change: Partial<RunSummary> = {}): RunSummary {
  return {
    total: 0,
    ran: 0,
    restored: 0,
    current: 0,
    covered: 0,
    noexec: 0,
    failed: [],
    notStarted: [],
    interrupted: false,
    errorMessages: 0,
    warnings: 0,
    slowest: [],
    elapsedMs: 1,
    ok: true,
    ...change,
  };
}
