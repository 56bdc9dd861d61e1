/**
 * What the Trace Event Format asks of a file, field by field; who opens such files passes silently over what is wrong.
 * @see https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
 */

/** `cname`: names that the viewer has a colour for (catapult, tracing/base/color_scheme.html). */
const COLOURS = new Set(
  `thread_state_uninterruptible thread_state_iowait thread_state_running thread_state_runnable thread_state_sleeping
  thread_state_unknown background_memory_dump light_memory_dump detailed_memory_dump vsync_highlight_color generic_work
  good bad terrible black grey white yellow olive rail_response rail_animation rail_idle rail_load startup
  heap_dump_stack_frame heap_dump_object_type heap_dump_child_node_arrow cq_build_running cq_build_passed cq_build_failed
  cq_build_abandoned cq_build_attempt_runnig cq_build_attempt_passed cq_build_attempt_failed`.split(/\s+/),
);

/** Names of metadata events, and what stands in their `args`. */
const METADATA: Readonly<Record<string, readonly [field: string, type: string]>> = {
  process_name: ["name", "string"],
  process_labels: ["labels", "string"],
  process_sort_index: ["sort_index", "number"],
  thread_name: ["name", "string"],
  thread_sort_index: ["sort_index", "number"],
};

/** Fields that an event may have, by its `ph`: `X` a complete event, `M` metadata. Others of the format we do not write. */
const FIELDS: Readonly<
  Record<string, { readonly must: readonly string[]; readonly may: readonly string[] }>
> = {
  X: { must: ["name", "ph", "pid", "tid", "ts", "dur"], may: ["cat", "cname", "args", "tts", "tdur"] },
  M: { must: ["name", "ph", "pid", "args"], may: ["tid", "ts", "cat"] },
};

type Fields = Readonly<Record<string, unknown>>;

/** @returns what is wrong, a line each; empty for a file that is right */
export function traceFaults(text: string): string[] {
  const file = JSON.parse(text) as Fields;
  const faults: string[] = [];
  const odd = Object.keys(file).filter((key) => !["traceEvents", "displayTimeUnit"].includes(key));
  if (odd.length > 0) faults.push(`the file has ${odd.join(", ")}`);
  if (!["ms", "ns"].includes(String(file["displayTimeUnit"]))) faults.push("displayTimeUnit is not ms or ns");
  if (!Array.isArray(file["traceEvents"])) return [...faults, "traceEvents is no list"];
  const events = file["traceEvents"] as readonly Fields[];
  for (const [at, event] of events.entries())
    faults.push(...eventFaults(event).map((fault) => `event ${at}: ${fault}`));
  return [...faults, ...laneFaults(events.filter(({ ph }) => ph === "X"))];
}

function eventFaults(event: Fields): string[] {
  const known = FIELDS[String(event["ph"])];
  if (known === undefined) return [`ph is ${JSON.stringify(event["ph"])}`];
  const isWhole = (field: string): boolean => Number.isSafeInteger(event[field]) && Number(event[field]) >= 0;
  const rules: Readonly<Record<string, () => boolean>> = {
    name: () => typeof event["name"] === "string" && event["name"] !== "",
    ph: () => true,
    cat: () => typeof event["cat"] === "string",
    cname: () => COLOURS.has(String(event["cname"])),
    args: () => argumentsAreRight(event),
    ...Object.fromEntries(
      ["pid", "tid", "ts", "dur", "tts", "tdur"].map((field) => [field, () => isWhole(field)]),
    ),
  };
  return [
    ...known.must.filter((field) => !(field in event)).map((field) => `has no ${field}`),
    ...Object.keys(event)
      .filter((field) => ![...known.must, ...known.may].includes(field))
      .map((field) => `may not have ${field}`),
    ...Object.keys(event)
      .filter((field) => rules[field]?.() === false)
      .map((field) => `${field} is ${JSON.stringify(event[field])}`),
  ];
}

function argumentsAreRight({ ph, name, args }: Fields): boolean {
  if (typeof args !== "object" || args === null || Array.isArray(args)) return false;
  if (ph !== "M") return true;
  const [field = "", type] = METADATA[String(name)] ?? [];
  return type !== undefined && typeof (args as Fields)[field] === type;
}

/** Of one thread a bar ends before the next begins, or lies in it: of others the viewer shows one and drops the other. */
function laneFaults(events: readonly Fields[]): string[] {
  const lanes = new Map<string, { from: number; to: number; name: string }[]>();
  for (const { pid, tid, ts, dur, name } of events) {
    const lane = `${String(pid)}/${String(tid)}`;
    const bar = { from: Number(ts), to: Number(ts) + Number(dur), name: String(name) };
    lanes.set(lane, [...(lanes.get(lane) ?? []), bar]);
  }
  return [...lanes].flatMap(([lane, bars]) =>
    bars.flatMap((one, at) =>
      bars
        .slice(at + 1)
        .filter((other) => one.from < other.to && other.from < one.to)
        .filter((other) => !contains(one, other) && !contains(other, one))
        .map((other) => `lane ${lane}: ${one.name} and ${other.name} overlap`),
    ),
  );
}

function contains(
  outer: { readonly from: number; readonly to: number },
  inner: { readonly from: number; readonly to: number },
): boolean {
  return outer.from <= inner.from && inner.to <= outer.to;
}
