/**
 * The datastore as Python's `d` calls it (packages/python/lib/bb/data_smart.py): the same methods for the embedded
 * interpreter, which calls them directly, and for task processes, which call them by name through a pipe.
 */
import { words } from "@tsbake/base";
import {
  addTask,
  deleteTask,
  handlersOf,
  listTasks,
  reachedFunctions,
  type Datastore,
  type Value,
} from "@tsbake/datastore";

/** How values cross to one kind of Python and back. */
export interface Codec {
  /** For Python; undefined is None. */
  encode(value: Value | undefined): unknown;
  decode(value: unknown): Value;
  /** A copy made by `d.createCopy()`: what Python holds of it. */
  share(copy: Datastore): unknown;
  /** Called with whatever a method throws, just before Python sees it. */
  failed(error: unknown): void;
}

export class PythonDatastore {
  readonly #access: () => Datastore;
  readonly #codec: Codec;

  constructor(access: () => Datastore, codec: Codec) {
    this.#access = access;
    this.#codec = codec;
  }

  /** Whether Python should tell where it writes, with `place` before each write. */
  get tracksHistory(): boolean {
    return this.#access().trackHistory;
  }

  /** Holds for the next call. */
  place(file: string, line: number, by: string): void {
    this.#access().writtenBy({ file, line, by });
  }

  getVar(name: string, expand: unknown, noWeakDefault: unknown, parsing: unknown): unknown {
    return this.#do((d) => this.#codec.encode(d.getVar(name, reading(expand, noWeakDefault, parsing))));
  }

  /** @param parsing keeps appends and variants, as an assignment does */
  setVar(name: string, value: unknown, parsing?: unknown): void {
    const options = parsing ? { parsing: true } : {};
    this.#do((d) => d.setVar(name, this.#codec.decode(value), options));
  }

  appendVar(name: string, value: string): void {
    this.#do((d) => d.appendVar(name, value));
  }

  prependVar(name: string, value: string): void {
    this.#do((d) => d.prependVar(name, value));
  }

  delVar(name: string): void {
    this.#do((d) => d.delVar(name));
  }

  renameVar(from: string, to: string): void {
    this.#do((d) => d.renameVar(from, to));
  }

  getVarFlag(name: string, flag: string, expand: unknown, noWeakDefault: unknown, parsing: unknown): unknown {
    return this.#do((d) =>
      this.#codec.encode(d.getVarFlag(name, flag, reading(expand, noWeakDefault, parsing))),
    );
  }

  setVarFlag(name: string, flag: string, value: unknown): void {
    this.#do((d) => d.setVarFlag(name, flag, this.#codec.decode(value)));
  }

  appendVarFlag(name: string, flag: string, value: string): void {
    this.#do((d) => d.appendVarFlag(name, flag, value));
  }

  prependVarFlag(name: string, flag: string, value: string): void {
    this.#do((d) => d.prependVarFlag(name, flag, value));
  }

  delVarFlag(name: string, flag: string): void {
    this.#do((d) => d.delVarFlag(name, flag));
  }

  delVarFlags(name: string): void {
    this.#do((d) => d.delVarFlags(name));
  }

  /** @param expand a truth value, or the names of the flags to expand with spaces between */
  getVarFlags(name: string, expand: unknown, internal: unknown): unknown {
    return this.#do((d) => {
      const flags = d.getVarFlags(name, {
        expand: typeof expand === "string" ? words(expand) : Boolean(expand),
        internal: Boolean(internal),
      });
      return flags && [...flags].map(([flag, value]) => [flag, this.#codec.encode(value)]);
    });
  }

  /** Event handlers that listen to a class: [{name, body, file, line}] as JSON. */
  handlers(eventClass: string): string {
    return this.#do((d) =>
      JSON.stringify(
        handlersOf(d, eventClass).map(({ name, body, place: { file, line } }) => ({
          name,
          body,
          file,
          line,
        })),
      ),
    );
  }

  /** A shell function and those that it reaches, itself first; newlines between. */
  shellFunctions(name: string): string {
    return this.#do((d) => [...reachedFunctions(d, name)].join("\n"));
  }

  setVarFilter(name: string, expression: string): void {
    this.#do((d) => d.setVarFilter(name, expression));
  }

  expand(text: string, name?: string | null): string {
    return this.#do((d) => d.expand(text, name ?? undefined));
  }

  expandKeys(): void {
    this.#do((d) => void d.expandKeys());
  }

  has(name: string): boolean {
    return this.#do((d) => d.has(name));
  }

  /** One text with newlines between: one crossing instead of one for each name. */
  names(): string {
    return this.#do((d) => [...d.keys()].join("\n"));
  }

  hasOverrides(name: string): boolean {
    return this.#do((d) => d.hasOverrides(name));
  }

  createCopy(): unknown {
    return this.#do((d) => this.#codec.share(d.createCopy()));
  }

  addTask(task: string, before: unknown, after: unknown): void {
    this.#do((d) => addTask(d, task, texts(this.#codec.decode(before)), texts(this.#codec.decode(after))));
  }

  deleteTask(task: string): void {
    this.#do((d) => deleteTask(d, task));
  }

  taskNames(): string {
    return this.#do((d) => [...listTasks(d).keys()].join("\n"));
  }

  #do<T>(work: (d: Datastore) => T): T {
    const d = this.#access();
    try {
      return work(d);
    } catch (error) {
      this.#codec.failed(error);
      throw error;
    } finally {
      d.writtenBy(undefined);
    }
  }
}

function reading(
  expand: unknown,
  noWeakDefault: unknown,
  parsing: unknown,
): Parameters<Datastore["getVar"]>[1] {
  return { expand: Boolean(expand), noWeakDefault: Boolean(noWeakDefault), parsing: Boolean(parsing) };
}

function texts(value: Value): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
