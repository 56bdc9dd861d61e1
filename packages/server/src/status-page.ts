/** The page at `/`: what there is and how it is used, in one file of HTML without scripts or anything from elsewhere. */
import type { StoredObject } from "@tsbake/sstate";
import type { Metrics } from "./metrics.js";

/** Of the last count. */
export interface StatusFacts {
  readonly objects: readonly StoredObject[];
  /** ms since 1970; undefined before the first count. */
  readonly countedMs: number | undefined;
}

const SHOWN = 10;

export function statusPage({ objects, countedMs }: StatusFacts, metrics: Metrics): string {
  const all = objects.filter(({ kind }) => kind === "object");
  const [hits, misses] = [metrics.total("hits_total"), metrics.total("misses_total")];
  const rate =
    hits + misses === 0 ? "nothing was asked for yet" : `${Math.floor((100 * hits) / (hits + misses))} %`;
  const bytes = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const facts: [string, string][] = [
    ["Objects", String(all.length)],
    ["Size", size(bytes)],
    ["Hit rate since the start", `${rate} (${hits} of ${hits + misses})`],
    ["Sent", size(metrics.total("sent_bytes_total"))],
    ["Received", size(metrics.total("received_bytes_total"))],
    ["Questions on hashes", String(metrics.total("equivalence_requests_total"))],
    ["Counted", countedMs === undefined ? "not yet" : new Date(countedMs).toISOString()],
  ];
  const newest = all.toSorted((left, right) => right.usedMs - left.usedMs).slice(0, SHOWN);
  const largest = all.toSorted((left, right) => right.sizeBytes - left.sizeBytes).slice(0, SHOWN);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Shared state</title>
<meta name="viewport" content="width=device-width"><style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .2rem .8rem .2rem 0; vertical-align: top }
td.number { text-align: right; white-space: nowrap } td.name { word-break: break-all; font-family: ui-monospace, monospace }
</style></head><body><h1>Shared state</h1>
<table>${facts.map(([name, value]) => `<tr><th>${escaped(name)}</th><td>${escaped(value)}</td></tr>`).join("\n")}</table>
<h2>Last used</h2>${list(newest)}
<h2>Largest</h2>${list(largest)}
</body></html>
`;
}

function list(objects: readonly StoredObject[]): string {
  if (objects.length === 0) return "<p>none</p>";
  const rows = objects.map(
    ({ path, sizeBytes, usedMs }) =>
      `<tr><td class="name">${escaped(path)}</td><td class="number">${size(sizeBytes)}</td><td class="number">${new Date(usedMs).toISOString().slice(0, 16)}</td></tr>`,
  );
  return `<table>${rows.join("\n")}</table>`;
}

function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const at = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** at;
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]!}`;
}

/** Names come from whoever may upload. */
function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (one) => `&#${one.charCodeAt(0)};`);
}
