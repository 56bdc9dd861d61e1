/**
 * Counters and gauges, and their text for Prometheus.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/ (text format 0.0.4)
 */

interface Family {
  readonly help: string;
  readonly type: "counter" | "gauge";
  /** By the text of their labels; empty for a family without. */
  readonly values: Map<string, number>;
}

type Labels = Readonly<Record<string, string>>;

const PREFIX = "tsbake_sstate_";

export class Metrics {
  readonly #families = new Map<string, Family>();
  readonly #requests = new Map<string, string>();
  readonly #gauges = new Map<string, { readonly help: string; readonly read: () => number }>();

  /** Declares a counter, so that it stands in the text from the start. */
  declare(name: string, help: string): void {
    this.#families.set(name, { help, type: "counter", values: new Map() });
  }

  /** Adds to a counter that was declared. @param labels few values each: a label is no place for what strangers send */
  add(name: string, labels?: Labels, amount = 1): void {
    this.#add(name, labels ? labelText(labels) : "", amount);
  }

  /** One more of `requests_total`, which is counted most often. */
  addRequest(method: string, status: number): void {
    const key = `${method} ${status}`;
    let text = this.#requests.get(key);
    if (text === undefined) this.#requests.set(key, (text = labelText({ method, status: String(status) })));
    this.#add("requests_total", text, 1);
  }

  #add(name: string, key: string, amount: number): void {
    const { values } = this.#families.get(name)!;
    values.set(key, (values.get(key) ?? 0) + amount);
  }

  /** The sum of a counter over all its labels. */
  total(name: string): number {
    return [...(this.#families.get(name)?.values.values() ?? [])].reduce((sum, one) => sum + one, 0);
  }

  /** A value that is read when somebody asks. */
  gauge(name: string, help: string, read: () => number): void {
    this.#gauges.set(name, { help, read });
  }

  text(): string {
    const lines: string[] = [];
    for (const [name, { help, type, values }] of this.#families) {
      lines.push(`# HELP ${PREFIX}${name} ${help}`, `# TYPE ${PREFIX}${name} ${type}`);
      if (values.size === 0) lines.push(`${PREFIX}${name} 0`);
      for (const [labels, value] of values) lines.push(`${PREFIX}${name}${labels} ${value}`);
    }
    for (const [name, { help, read }] of this.#gauges)
      lines.push(
        `# HELP ${PREFIX}${name} ${help}`,
        `# TYPE ${PREFIX}${name} gauge`,
        `${PREFIX}${name} ${read()}`,
      );
    return `${lines.join("\n")}\n`;
  }
}

function labelText(labels: Labels): string {
  const inner = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return `{${inner.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** All counters of the server, at nothing. */
export function openMetrics(): Metrics {
  const metrics = new Metrics();
  metrics.declare("requests_total", "Requests by method and status.");
  metrics.declare("sent_bytes_total", "Bytes of bodies that were sent.");
  metrics.declare("received_bytes_total", "Bytes of bodies that were received.");
  metrics.declare("hits_total", "Artifacts that were asked for and are there.");
  metrics.declare("misses_total", "Artifacts that were asked for and are not there.");
  metrics.declare("uploads_total", "Uploads by what became of them.");
  metrics.declare("refused_logins_total", "Tokens and passwords that nobody has.");
  metrics.declare("pruned_objects_total", "Objects that were deleted.");
  metrics.declare("equivalence_requests_total", "Requests of the hash equivalence protocol by command.");
  metrics.gauge("resident_memory_bytes", "Memory of the process.", () => process.memoryUsage.rss());
  metrics.gauge("uptime_seconds", "Since the start.", () => Math.round(process.uptime()));
  return metrics;
}
