/** `41 ms`, `3.2 s`, `12 min`. */
export function elapsedText(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  if (ms < 100_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
