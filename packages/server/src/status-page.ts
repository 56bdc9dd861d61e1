/** The page at `/`: what there is and how it is used, in one file of HTML without scripts or anything from elsewhere. */
import { html, htmlPage, type Markup } from "@tsbake/base/page";
import type { StoredObject } from "@tsbake/sstate";
import type { Metrics } from "./metrics.js";
import { SLOT_MS, SLOTS, type HitSlot, type Usage } from "./usage.js";

/** Of the last count. */
export interface StatusFacts {
  readonly objects: readonly StoredObject[];
  /** ms since 1970; undefined before the first count. */
  readonly countedMs: number | undefined;
}

const SHOWN = 10;
/** Of the drawing, in its own units; a slot is as wide as its bar and a gap. */
const [BAR, STEP, HEIGHT] = [4, 5, 80];

const STYLE = `
td.name { word-break: break-all }
svg { display: block; width: 100%; height: 6rem; border-bottom: 1px solid var(--line) } .asked { fill: #8885 } .hits { fill: #2a7 }
p.axis { display: flex; justify-content: space-between; margin: 0 }
`;

/** @param nowMs ms since 1970 */
export function statusPage(
  { objects, countedMs }: StatusFacts,
  metrics: Metrics,
  usage: Usage,
  nowMs = Date.now(),
): string {
  const all = objects.filter(({ kind }) => kind === "object");
  const slots = usage.hits();
  const facts: [string, string][] = [
    ["Objects", String(all.length)],
    ["Size", size(all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))],
    ["Hit rate since the start", rate(metrics.total("hits_total"), metrics.total("misses_total"))],
    ["Hit rate of the last hour", rateOf(slots.filter(({ startMs }) => startMs > nowMs - 3_600_000))],
    ["Sent", size(metrics.total("sent_bytes_total"))],
    ["Received", size(metrics.total("received_bytes_total"))],
    ["Questions on hashes", String(metrics.total("equivalence_requests_total"))],
    ["Counted", countedMs === undefined ? "not yet" : new Date(countedMs).toISOString()],
  ];
  const ofObjects = (some: readonly StoredObject[]): string[][] =>
    some.slice(0, SHOWN).map(({ path, sizeBytes, usedMs }) => [path, size(sizeBytes), minute(usedMs)]);
  const newest = usage.newest().map(({ path, bytes, cameMs }) => [path, size(bytes), minute(cameMs)]);
  const slowest = usage
    .slowest()
    .map(({ method, path, tookMs, bytes, startedMs }) => [
      `${method} ${path}`,
      size(bytes),
      `${(tookMs / 1000).toFixed(3)} s`,
      minute(startedMs),
    ]);
  const parts: readonly (readonly [string, Markup])[] = [
    ["Hit rate over the last day", chart(slots, nowMs)],
    ["Newest", list(["Upload since the start", "Size", "Came"], newest)],
    [
      "Last used",
      list(["Object", "Size", "Used"], ofObjects(all.toSorted((left, right) => right.usedMs - left.usedMs))),
    ],
    [
      "Largest",
      list(
        ["Object", "Size", "Used"],
        ofObjects(all.toSorted((left, right) => right.sizeBytes - left.sizeBytes)),
      ),
    ],
    ["Slowest answers of the last day", list(["Request", "Size", "Took", "At"], slowest)],
  ];
  return htmlPage({
    title: "Shared state",
    style: STYLE,
    body: html`<main class="page">
      <h1>Shared state</h1>
      <section class="card">
        <table>
          ${facts.map(
            ([name, value]) =>
              html`<tr>
                <th>${name}</th>
                <td>${value}</td>
              </tr>`,
          )}
        </table>
      </section>
      ${parts.map(
        ([title, body]) =>
          html`<section class="card">
            <h2>${title}</h2>
            ${body}
          </section>`,
      )}
    </main>`,
  });
}

/** A bar for ten minutes: its height is the hit rate, and where nothing was asked there is none. */
function chart(slots: readonly HitSlot[], nowMs: number): Markup {
  const firstMs = (Math.floor(nowMs / SLOT_MS) - SLOTS + 1) * SLOT_MS;
  const bars = slots.map(({ startMs, hits, misses }) => {
    const height = ((HEIGHT * hits) / (hits + misses)).toFixed(1);
    const x = ((startMs - firstMs) / SLOT_MS) * STEP;
    return html`<g>
      <title>${minute(startMs)}: ${rate(hits, misses)}</title>
      <rect class="asked" x="${x}" y="0" width="${BAR}" height="${HEIGHT}" />
      <rect
        class="hits"
        x="${x}"
        y="${(HEIGHT - Number(height)).toFixed(1)}"
        width="${BAR}"
        height="${height}"
      />
    </g>`;
  });
  const label = `Hit rate in steps of ten minutes; all together ${rateOf(slots)}`;
  return html`<svg
      role="img"
      aria-label="${label}"
      viewBox="0 0 ${SLOTS * STEP} ${HEIGHT}"
      preserveAspectRatio="none"
    >
      ${bars}
    </svg>
    <p class="axis"><span>${minute(firstMs)}</span><span>${minute(nowMs)}</span></p>`;
}

function rateOf(slots: readonly HitSlot[]): string {
  const sum = (field: "hits" | "misses"): number => slots.reduce((all, one) => all + one[field], 0);
  return rate(sum("hits"), sum("misses"));
}

function rate(hits: number, misses: number): string {
  const all = hits + misses;
  return all === 0 ? "nothing was asked for" : `${Math.floor((100 * hits) / all)} % (${hits} of ${all})`;
}

/** The first column is a name, the others are numbers. */
function list(heads: readonly string[], rows: readonly (readonly string[])[]): Markup {
  if (rows.length === 0) return html`<p>none</p>`;
  const kind = (at: number): string => (at === 0 ? "name" : "number");
  return html`<table>
    <thead>
      <tr>
        ${heads.map((text, at) => html`<th scope="col" class="${kind(at)}">${text}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (row) =>
          html`<tr>
            ${row.map((text, at) => html`<td class="${kind(at)}">${text}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}

/** In UTC, as the log has it. */
function minute(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16)}Z`;
}

function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const at = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** at;
  return `${at === 0 ? value : value.toFixed(1)} ${units[at]!}`;
}
