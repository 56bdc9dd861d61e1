/** PythonHost over one started pyodide. */
import {
  Datastore,
  PythonError,
  type LibraryModule,
  type MetadataEvent,
  type VisitedCalls,
  type PythonHost,
  type PythonPlace,
  type Value,
} from "@tsbake/datastore";
import type { Bridge } from "./bridge.js";
import { isHandled, readFailure, toPythonError } from "../failure.js";
import { PythonDatastore, type Codec } from "./python-datastore.js";

/** An interpreter that is open. */
export interface EmbeddedPython extends PythonHost {
  /** Forgets the interpreter; its memory (about 150 MB) goes when nothing else refers to it. */
  close(): void;
}

/** Functions of packages/python/lib/tsbake/interpreter.py; those that return undefined failed. */
export interface Interpreter {
  store(adapter: PythonDatastore): unknown;
  evaluate(text: string, d: unknown): string | undefined;
  define(text: string, file: string, line: number): true | undefined;
  check(name: string, body: string, file: string, line: number): true | undefined;
  execute(name: string, body: string, file: string, line: number, d: unknown): true | undefined;
  handle(
    name: string,
    body: string,
    file: string,
    line: number,
    eventClass: string,
    attributes: unknown,
    d: unknown,
  ): true | undefined;
  /** The modules as JSON. */
  add_library(directory: string, name: string): string | undefined;
  visit_calls(text: string): string | undefined;
  mark(): void;
  reset(): void;
  failure(): string;
  failed(): unknown;
}

/** The part of pyodide's API that values need. */
export interface Conversions {
  toPy(value: unknown): unknown;
  isPythonObject(value: unknown): boolean;
}

/**
 * Python calls the datastore, the datastore calls Python, and each turn takes stack of both. At this depth there is
 * plenty left; beyond the stack's end the interpreter would be lost for good.
 */
const MAX_DEPTH = 100;

export class PyodideHost implements EmbeddedPython {
  readonly #bridge: Bridge;
  readonly #conversions: Conversions;
  #open: Interpreter | undefined;
  #data = new WeakMap<Datastore, unknown>();
  #depth = 0;

  constructor(interpreter: Interpreter, bridge: Bridge, conversions: Conversions) {
    this.#open = interpreter;
    this.#bridge = bridge;
    this.#conversions = conversions;
    bridge.newStore = () => {
      const d = new Datastore({ python: () => this });
      return new PythonDatastore(() => d, this.#codec);
    };
  }

  evaluate(expression: string, d: Datastore): string {
    const result = this.#nested((python) => python.evaluate(expression, this.#dataOf(d)));
    if (typeof result !== "string") throw this.#failure(true);
    this.#settle();
    return result;
  }

  define(text: string, place: PythonPlace): void {
    this.#demand((python) => python.define(text, place.file, place.line));
  }

  check(name: string, body: string, place: PythonPlace): void {
    this.#demand((python) => python.check(name, body, place.file, place.line));
  }

  execute(name: string, body: string, place: PythonPlace, d: Datastore): void {
    this.#demand((python) => python.execute(name, body, place.file, place.line, this.#dataOf(d)));
  }

  handle(name: string, body: string, place: PythonPlace, event: MetadataEvent, d: Datastore): void {
    const attributes = this.#conversions.toPy(this.#withData({ ...event.attributes }));
    this.#demand((python) =>
      python.handle(name, body, place.file, place.line, event.eventClass, attributes, this.#dataOf(d)),
    );
  }

  addLibrary(directory: string, namespace: string): readonly LibraryModule[] {
    const modules = this.#nested((python) => python.add_library(directory, namespace));
    if (modules === undefined) throw this.#failure(false);
    return JSON.parse(modules) as LibraryModule[];
  }

  visitCalls(text: string): VisitedCalls {
    const found = this.#nested((python) => python.visit_calls(text));
    if (found === undefined) throw this.#failure(false);
    return JSON.parse(found) as VisitedCalls;
  }

  mark(): void {
    this.#python().mark();
  }

  reset(): void {
    this.#python().reset();
  }

  close(): void {
    this.#open = undefined;
    this.#data = new WeakMap();
  }

  #python(): Interpreter {
    if (!this.#open) throw new Error("internal: this interpreter is closed");
    return this.#open;
  }

  #demand(call: (python: Interpreter) => true | undefined): void {
    if (this.#nested(call) === undefined) throw this.#failure(false);
    this.#settle();
  }

  /** Messages of the outermost call only: what an inner one raised may be caught by an outer one. */
  #settle(told?: string): void {
    if (this.#depth === 0) this.#bridge.settle(told);
  }

  #nested<T>(call: (python: Interpreter) => T): T {
    if (this.#depth >= MAX_DEPTH) throw tooDeep();
    this.#depth++;
    try {
      return call(this.#python());
    } catch (error) {
      // The stack ended before the limit, since the caller was deep already.
      throw error instanceof RangeError ? tooDeep() : error;
    } finally {
      this.#depth--;
    }
  }

  /**
   * The exception as an error. `through`: an error that an inline expression's own read met is not Python's, and is
   * thrown on as it was; out of functions it is the cause of a PythonError, which knows the line.
   */
  #failure(through: boolean): unknown {
    const python = this.#python();
    const failure = readFailure(python.failure());
    this.#settle(isHandled(failure) ? failure.detail : undefined);
    const exception = python.failed();
    const cause = this.#bridge.errorOf(failure.key);
    if (through && cause !== undefined) return cause;
    const error = toPythonError(failure, cause);
    this.#bridge.keep(error, exception);
    return error;
  }

  /**
   * Python's `d`. It must not keep the datastore alive: neither garbage collector sees a loop through both heaps. So it
   * refers to it weakly, while whoever calls us holds it; copies that Python makes are Python's own.
   */
  #dataOf(d: Datastore): unknown {
    let data = this.#data.get(d);
    if (data === undefined) {
      const weak = new WeakRef(d);
      const access = (): Datastore => {
        const held = weak.deref();
        if (!held) throw new Error("metadata kept `d` for longer than its recipe");
        return held;
      };
      data = this.#python().store(new PythonDatastore(access, this.#codec));
      this.#data.set(d, data);
    }
    return data;
  }

  /** An event's attributes, with `d` for each datastore in them (`mcdata` of MultiConfigParsed). */
  #withData(value: unknown): unknown {
    if (value instanceof Datastore) return this.#dataOf(value);
    if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype)
      return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#withData(inner)]));
  }

  readonly #codec: Codec = {
    encode: (value) => this.#encode(value),
    decode: (value) => value ?? null,
    share: (copy) => new PythonDatastore(() => copy, this.#codec),
    failed: (error) => this.#bridge.failed(error),
  };

  #encode(value: Value | undefined): unknown {
    if (value === null) return undefined;
    if (typeof value !== "object" || this.#conversions.isPythonObject(value)) return value;
    return this.#conversions.toPy(value);
  }
}

function tooDeep(): PythonError {
  return new PythonError("RecursionError", "variables and Python code refer to each other without end");
}
