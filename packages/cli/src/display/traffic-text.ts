/** What went to and came from mirrors and a shared-state server, in one line. */
import type { EngineEvent } from "@tsbake/engine";
import { sizeText } from "../text/quantities.js";
import { count } from "../text/text.js";

type Traffic = Extract<EngineEvent, { type: "shared-state" }>;

/** `shared state: 40 of 52 artifacts were there (77 %), 31 fetched (120 MiB); 12 pushed to http://host:8685/sstate (34 MiB)` */
export function trafficText(traffic: Traffic): string {
  const { url, wanted, found, fetched, fetchedBytes, pushed, bytes, known, conflicts, left } = traffic;
  const rate = wanted === 0 ? "" : ` (${Math.floor((100 * found) / wanted)} %)`;
  const parts = [
    `${pushed} pushed to ${url}${pushed > 0 ? ` (${sizeText(bytes)})` : ""}`,
    known > 0 ? `${known} known to it` : "",
    conflicts > 0 ? `${conflicts} left out: it has others of these names` : "",
    left > 0 ? `${left} left for the next build` : "",
  ].filter((part) => part !== "");
  const came = fetched > 0 ? `, ${fetched} fetched (${sizeText(fetchedBytes)})` : "";
  const sent = url === undefined ? "" : `; ${parts.join(", ")}`;
  return `shared state: ${found} of ${count(wanted, "artifact")} were there${rate}${came}${sent}`;
}
