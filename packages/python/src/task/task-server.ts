/** The engine's end of a Python task: answers what the child asks, line by line. */
import type { Datastore, Value } from "@tsbake/datastore";
import { describeForPython, isHandled, type PythonFailure } from "../failure.js";
import type { MessageLevel } from "../options.js";
import { PythonDatastore, type Codec } from "../interpreter/python-datastore.js";
import type { PythonTaskOptions } from "./task-options.js";

interface Question {
  readonly op: string;
  readonly store?: number;
  readonly args?: readonly unknown[];
  /** Copies of the datastore that the child has forgotten. */
  readonly release?: readonly number[];
  readonly level?: MessageLevel;
  readonly text?: string;
  readonly failure?: PythonFailure | null;
}

/** An object of the child's: it keeps the object, we keep this in its place. */
class PythonObject {
  readonly $python: number;
  readonly text: string;

  constructor(key: number, text: string) {
    this.$python = key;
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

/** Methods of Store that a child may call by name. */
const METHODS = new Set<keyof PythonDatastore>([
  "addTask",
  "appendVar",
  "appendVarFlag",
  "createCopy",
  "delVar",
  "delVarFlag",
  "delVarFlags",
  "deleteTask",
  "expand",
  "expandKeys",
  "getVar",
  "getVarFlag",
  "getVarFlags",
  "handlers",
  "has",
  "hasOverrides",
  "names",
  "prependVar",
  "prependVarFlag",
  "renameVar",
  "setVar",
  "setVarFilter",
  "setVarFlag",
  "shellFunctions",
  "taskNames",
]);

export class TaskServer {
  readonly #options: PythonTaskOptions;
  readonly #stores = new Map<number, { readonly d: Datastore; readonly store: PythonDatastore }>();
  #nextKey = 0;
  #failure: PythonFailure | undefined;
  /** An error that may be the text of the exception that comes next (bb.fatal): that is told once. */
  #held: string | undefined;

  constructor(options: PythonTaskOptions) {
    this.#options = options;
    this.#share(options.d);
  }

  /** Once the child has told that it failed. */
  get failure(): PythonFailure | undefined {
    return this.#failure;
  }

  /** The child has ended. */
  close(): void {
    if (this.#held !== undefined) this.#options.onMessage?.("error", this.#held);
    this.#held = undefined;
  }

  /** The first line for the child. */
  job(): string {
    const {
      name,
      body,
      place,
      cwd,
      umask,
      functions = [],
      libraries = [],
      modules = [],
      onOutput,
    } = this.#options;
    return JSON.stringify({
      name,
      cwd,
      umask: umask ?? null,
      body,
      place: { file: place.file, line: place.line },
      functions: functions.map((one) => ({
        name: one.name,
        text: one.text,
        place: { file: one.place.file, line: one.place.line },
      })),
      libraries: libraries.map(({ directory, namespace }) => ({ directory, namespace })),
      modules,
      // Who reads the output gets the messages too, and not in it.
      echo: onOutput === undefined,
    });
  }

  /** The reply to a line; undefined for what needs none. */
  async answer(line: string): Promise<string | undefined> {
    const question = read(line);
    // What a child wrote when it was killed.
    if (!question) return undefined;
    for (const key of question.release ?? []) this.#stores.delete(key);
    if (question.op === "message") {
      this.close();
      const { level = "plain", text = "" } = question;
      if (level === "error") this.#held = text;
      else this.#options.onMessage?.(level, text);
      return undefined;
    }
    if (question.op === "done") {
      this.#failure = question.failure ?? undefined;
      if (this.#failure && isHandled(this.#failure) && this.#failure.detail === this.#held)
        this.#held = undefined;
      this.close();
      return undefined;
    }
    try {
      return JSON.stringify({ ok: await this.#perform(question) });
    } catch (error) {
      return JSON.stringify({ error: describeForPython(error) });
    }
  }

  async #perform(question: Question): Promise<unknown> {
    const { op, args = [] } = question;
    const { d, store } = this.#storeOf(question.store ?? 0);
    switch (op) {
      case "execFunction":
        return await this.#exec(String(args[0]), d, args[1]);
      case "newStore":
        return this.#share(d.createEmpty());
      case "fire":
        this.#options.onEvent?.(String(args[0]), (args[1] ?? {}) as Record<string, unknown>);
        return null;
      case "reportUnihash":
        return (
          (await this.#options.reportUnihash?.(String(args[0]), String(args[1]), String(args[2]))) ?? null
        );
    }
    if (!METHODS.has(op as keyof PythonDatastore)) throw new Error(`internal: a Python task asked for ${op}`);
    const method = store[op as keyof PythonDatastore] as (...given: readonly unknown[]) => unknown;
    try {
      return method.apply(store, args as unknown[]) ?? null;
    } catch (error) {
      const { lazy } = this.#options;
      if (!lazy?.needed) throw error;
      await lazy.open();
      return method.apply(store, args as unknown[]) ?? null;
    }
  }

  async #exec(name: string, d: Datastore, dirs: unknown): Promise<number> {
    if (!this.#options.execFunction) throw new Error(`the shell function ${name} cannot be run from here`);
    return await this.#options.execFunction(name, d, Array.isArray(dirs) ? dirs.map(String) : undefined);
  }

  #storeOf(key: number): { readonly d: Datastore; readonly store: PythonDatastore } {
    const found = this.#stores.get(key);
    if (!found) throw new Error(`internal: a Python task asked for datastore ${key}`);
    return found;
  }

  #share(d: Datastore): number {
    const key = this.#nextKey++;
    this.#stores.set(key, { d, store: new PythonDatastore(() => d, this.#codec) });
    return key;
  }

  readonly #codec: Codec = {
    encode,
    decode,
    share: (copy) => this.#share(copy),
    failed: () => {},
  };
}

function read(line: string): Question | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "op" in value ? (value as Question) : undefined;
  } catch {
    return undefined;
  }
}

/** A value as JSON can carry it. Objects of the parser's interpreter go as lists and mappings, or at worst as text. */
function encode(value: Value | undefined): unknown {
  if (typeof value !== "object" || value === null || value instanceof PythonObject) return value;
  if (value instanceof Map) return Object.fromEntries(value);
  if (value instanceof Set) return [...(value as Set<unknown>)];
  return "toJs" in value && typeof value.toJs === "function" ? fromInterpreter(value as Convertible) : value;
}

/** The part of pyodide's PyProxy that is used here. */
interface Convertible {
  toJs(options: object): unknown;
  toString(): string;
}

function fromInterpreter(value: Convertible): unknown {
  try {
    return value.toJs({ dict_converter: Object.fromEntries, create_pyproxies: false });
  } catch {
    return value.toString();
  }
}

function decode(value: unknown): Value {
  if (typeof value === "object" && value !== null && "$python" in value && "text" in value) {
    return new PythonObject(Number(value.$python), String(value.text));
  }
  return (value ?? null) as Value;
}
