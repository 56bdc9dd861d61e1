/** What the tests of the room `python` share: a started interpreter, a datastore over it, and recorded messages. */
import { join } from "node:path";
import { Datastore, PythonError, type PythonPlace } from "@tsbake/datastore";
import { LazyPython, openPython, type MessageLevel } from "@tsbake/python";
import { root } from "../support/paths.js";
import { thrownBy } from "../support/problem-of.js";

/** Snapshots are named after their content, so the test files, and later runs, may share them. */
export const CACHE = join(root, "node_modules/.cache/tsbake-python");

export class PythonRig {
  readonly messages: [MessageLevel, string][] = [];
  readonly dependencies: string[] = [];
  readonly events: [string, Readonly<Record<string, unknown>>][] = [];
  readonly python: LazyPython;
  readonly d: Datastore;

  constructor(cache = CACHE) {
    this.python = new LazyPython(() =>
      openPython({
        cache,
        onMessage: (level, text) => this.messages.push([level, text]),
        onDependency: (path) => this.dependencies.push(path),
        onEvent: (name, attributes) => this.events.push([name, attributes]),
      }),
    );
    this.d = this.datastore({});
  }

  datastore(variables: Readonly<Record<string, string>>): Datastore {
    const d = new Datastore({ python: () => this.python });
    for (const [name, value] of Object.entries(variables)) d.setVar(name, value);
    return d;
  }

  /** Runs statements as the body of a function; each line is indented by four spaces here. */
  run(lines: readonly string[], d = this.d, place: PythonPlace = { file: "/layer/a.bb", line: 10 }): void {
    this.python.execute("do_test", lines.map((line) => `    ${line}\n`).join(""), place, d);
  }

  /** What was said since the last call. */
  said(): [MessageLevel, string][] {
    return this.messages.splice(0);
  }
}

/** The exception that `work` ends with. */
export function raised(work: () => unknown): PythonError {
  return thrownBy(work, PythonError);
}
