/**
 * Python as one parse uses it: nothing is asked of it before metadata needs it, and its functions are those of the
 * recipe at hand, on top of the configuration's.
 */
import { hasCode } from "@tsbake/base";
import type { Datastore, LibraryModule, PythonHost, PythonPlace, VisitedCalls } from "@tsbake/datastore";

export interface PythonDefinitionText {
  readonly text: string;
  readonly place: PythonPlace;
}

/** Whether `error`, or what it was made from, says that Python has to be opened first, and the same thing tried again. */
export function needsPython(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  const isSignal = hasCode(error, "python/needed") || ("name" in error && error.name === "PythonNeeded");
  return isSignal || ("cause" in error && needsPython(error.cause));
}

export class PythonSession implements PythonHost {
  readonly #open: () => PythonHost;
  #isUsed = false;
  readonly #checked = new Set<string>();
  #definitions: PythonDefinitionText[] = [];
  #owner: string | undefined;
  /** Folders and namespaces of `addpylib`, in order. */
  readonly libraries: { readonly directory: string; readonly namespace: string }[] = [];

  /** Told of files that Python code says it depends on; whoever evaluates sets it. */
  onFile: (path: string) => void = () => {};

  constructor(open: () => PythonHost) {
    this.#open = open;
  }

  /** Everything defined since `reset`. */
  get definitions(): readonly PythonDefinitionText[] {
    return this.#definitions;
  }

  #host(): PythonHost {
    const host = this.#open();
    if (!this.#isUsed) {
      // The first use may be in a recipe: what was there before it is what `reset` goes back to.
      host.mark();
      this.#isUsed = true;
    }
    return host;
  }

  evaluate(expression: string, d: Datastore): string {
    return this.#host().evaluate(expression, d);
  }

  define(text: string, place: PythonPlace): void {
    this.#host().define(text, place);
    this.#definitions.push({ text, place });
  }

  check(name: string, body: string, place: PythonPlace): void {
    this.#host().check(name, body, place);
  }

  /** `check`, once for each text, and only where Python is in use already. */
  checkLate(name: string, body: string, place: PythonPlace): void {
    if (!this.#isUsed || this.#checked.has(body)) return;
    this.#open().check(name, body, place);
    this.#checked.add(body);
  }

  execute(name: string, body: string, place: PythonPlace, d: Datastore): void {
    this.#host().execute(name, body, place, d);
  }

  handle(...parameters: Parameters<PythonHost["handle"]>): void {
    this.#host().handle(...parameters);
  }

  addLibrary(directory: string, namespace: string): readonly LibraryModule[] {
    const modules = this.#host().addLibrary(directory, namespace);
    this.libraries.push({ directory, namespace });
    return modules;
  }

  visitCalls(text: string): VisitedCalls {
    return this.#host().visitCalls(text);
  }

  mark(): void {
    if (this.#isUsed) this.#open().mark();
    this.#definitions = [];
  }

  reset(): void {
    if (this.#isUsed) this.#open().reset();
    this.#definitions = [];
    this.#owner = undefined;
  }

  /** Says whose functions are there now, until the next `reset`: those of a recipe that was just parsed. */
  claim(owner: string): void {
    this.#owner = owner;
  }

  /** The functions of a recipe that was parsed before; nothing to do while they are there. */
  restore(owner: string, definitions: readonly PythonDefinitionText[]): void {
    if (this.#owner === owner) return;
    this.reset();
    for (const { text, place } of definitions) this.define(text, place);
    this.#owner = owner;
  }
}
