/**
 * Python that starts only when it is needed.
 *
 * Pyodide starts asynchronously, expansion is synchronous. So the first use that only an interpreter can serve throws
 * `PythonNeeded`; it passes through the evaluation, and whoever may await does:
 *
 *     for (;;) {
 *       try {
 *         return parse(lazy);          // starts with lazy.reset(), reads variables, ...
 *       } catch (error) {
 *         if (!lazy.needed) throw error; // a real error; `needed` is reliable even if the signal was wrapped on its way
 *         await lazy.open();           // once a process
 *       }
 *     }
 *
 * Nothing is lost by then: what was defined before is defined in the interpreter too, and `mark` stands where it stood.
 * A build whose inline Python is all of the plain forms (inline.ts) never opens an interpreter; then `def`s and function
 * bodies are never compiled either, and a syntax error in one that nothing calls is not told.
 */
import type {
  Datastore,
  LibraryModule,
  MetadataEvent,
  PythonHost,
  PythonPlace,
  VisitedCalls,
} from "@tsbake/datastore";
import type { EmbeddedPython } from "./host.js";
import { evaluateWithoutPython } from "../inline/inline.js";

/** The signal; not an error of anyone. */
export class PythonNeeded extends Error {
  override readonly name = "PythonNeeded";
  constructor() {
    super("internal: the interpreter is needed and not open yet (see LazyPython)");
  }
}

type Step = (python: PythonHost) => void;

export class LazyPython implements PythonHost {
  readonly #start: () => Promise<EmbeddedPython>;
  #python: EmbeddedPython | undefined;
  #opening: Promise<void> | undefined;
  /** What to do once there is an interpreter; the first `#marked` of them come before the mark. */
  #waiting: Step[] = [];
  #marked: number | undefined;
  /** What went wrong with a step after the mark; told at the next use unless a reset comes first. */
  #late: { readonly error: unknown } | undefined;
  #needed = false;

  constructor(start: () => Promise<EmbeddedPython>) {
    this.#start = start;
  }

  /** Whether something asked for the interpreter that is not open yet. */
  get needed(): boolean {
    return this.#needed;
  }

  get isOpen(): boolean {
    return this.#python !== undefined;
  }

  /**
   * Opens the interpreter and brings it to where this object stands. May be called early; a second call is free, and
   * waits for the first. One that has failed is tried again by the next call.
   *
   * @throws PythonError for a `def` or body before the mark that does not compile
   */
  open(): Promise<void> {
    if (this.#opening) return this.#opening;
    const opening: Promise<void> = this.#open(() => this.#opening === opening).catch((error: unknown) => {
      if (this.#opening === opening) this.#opening = undefined;
      throw error;
    });
    return (this.#opening = opening);
  }

  evaluate(expression: string, d: Datastore): string {
    return evaluateWithoutPython(expression, d) ?? this.#use().evaluate(expression, d);
  }

  define(text: string, place: PythonPlace): void {
    this.#soon((python) => python.define(text, place));
  }

  check(name: string, body: string, place: PythonPlace): void {
    this.#soon((python) => python.check(name, body, place));
  }

  execute(name: string, body: string, place: PythonPlace, d: Datastore): void {
    this.#use().execute(name, body, place, d);
  }

  handle(name: string, body: string, place: PythonPlace, event: MetadataEvent, d: Datastore): void {
    this.#use().handle(name, body, place, event, d);
  }

  /** Signatures need to know the library's functions: nothing but an interpreter tells them. */
  addLibrary(directory: string, namespace: string): readonly LibraryModule[] {
    return this.#use().addLibrary(directory, namespace);
  }

  visitCalls(text: string): VisitedCalls {
    return this.#use().visitCalls(text);
  }

  mark(): void {
    if (this.#python) this.#python.mark();
    else this.#marked = this.#waiting.length;
  }

  reset(): void {
    this.#late = undefined;
    if (this.#python) this.#python.reset();
    else this.#waiting.length = this.#marked ?? 0;
  }

  close(): void {
    this.#python?.close();
    this.#python = undefined;
    this.#opening = undefined;
  }

  /** @param isWanted false once this object was closed meanwhile */
  async #open(isWanted: () => boolean): Promise<void> {
    const python = await this.#start();
    if (!isWanted()) return python.close();
    const steps = this.#waiting;
    const marked = this.#marked ?? 0;
    try {
      for (const step of steps.slice(0, marked)) step(python);
    } catch (error) {
      python.close();
      throw error;
    }
    if (this.#marked !== undefined) python.mark();
    this.#late = attempt(steps.slice(marked), python);
    this.#waiting = [];
    this.#python = python;
    this.#needed = false;
  }

  #soon(step: Step): void {
    if (this.#python) step(this.#python);
    else this.#waiting.push(step);
  }

  #use(): EmbeddedPython {
    if (!this.#python) {
      this.#needed = true;
      throw new PythonNeeded();
    }
    if (this.#late) {
      const { error } = this.#late;
      this.#late = undefined;
      throw error;
    }
    return this.#python;
  }
}

/** Runs the steps up to the first that fails. */
function attempt(steps: readonly Step[], python: PythonHost): { readonly error: unknown } | undefined {
  try {
    for (const step of steps) step(python);
    return undefined;
  } catch (error) {
    return { error };
  }
}
