/** What the parts of one parse share: the options, the files that were read, Python, the configurations, the warnings. */
import type { Diagnostic, Hasher } from "@tsbake/base";
import { fireEvent, type Datastore, type MetadataEvent } from "@tsbake/datastore";
import type { Configuration } from "../configuration/configuration.js";
import { Configurations } from "../configuration/configurations.js";
import { Evaluation } from "../configuration/evaluation.js";
import { needsPython, PythonSession } from "../configuration/python-session.js";
import { FileTable } from "../files/files.js";
import type { RecipeContext } from "../recipe/recipe.js";
import type { CompleteOptions } from "./types.js";

export class Reading {
  readonly options: CompleteOptions;
  readonly hasher: Hasher;
  readonly files: FileTable;
  readonly python: PythonSession;
  readonly #configurations: Configurations;
  readonly #diagnostics: Diagnostic[] = [];
  readonly #warned = new Set<string>();
  #opening: Promise<void> | undefined;

  constructor(options: CompleteOptions, hasher: Hasher) {
    this.options = options;
    this.hasher = hasher;
    this.files = new FileTable(hasher);
    this.python = new PythonSession(options.python);
    this.#configurations = new Configurations(options, this.files, this.python);
    options.watchFiles?.((path) => this.python.onFile(path));
  }

  /** All warnings so far. */
  get diagnostics(): readonly Diagnostic[] {
    return this.#diagnostics;
  }

  /** Configurations share most of their files: what is the same in several is said once. */
  warn(diagnostics: readonly Diagnostic[]): void {
    for (const diagnostic of diagnostics) {
      const { code, message, at } = diagnostic;
      const key = [code, message, at?.source.path, at?.start].join("\n");
      if (this.#warned.has(key)) continue;
      this.#warned.add(key);
      this.#diagnostics.push(diagnostic);
      this.options.onWarning(diagnostic);
    }
  }

  /** A configuration's datastore; parsed at most once. @throws BuildError; an error with code `python/needed` */
  configuration(multiconfig: string): Datastore {
    return this.#configurations.get(multiconfig).d;
  }

  /** All configurations, the default one first, opening Python if they need it. @throws BuildError */
  allConfigurations(): Promise<ReadonlyMap<string, Configuration>> {
    return this.withPython(() => this.#configurations.all());
  }

  /** What recipes of a configuration start from. @throws as `configuration` */
  context(multiconfig: string): RecipeContext {
    return {
      configuration: this.configuration(multiconfig),
      table: this.files,
      python: this.python,
      signer: this.options.signer,
    };
  }

  /** Runs `action`, and once more with Python open if it asked for that. Others may be waiting for the same. */
  async withPython<T>(action: () => T): Promise<T> {
    try {
      return action();
    } catch (error) {
      if (!needsPython(error) || !this.options.openPython) throw error;
      await this.openPython();
      return action();
    }
  }

  /** One opening, awaited by all who ask; one that has failed is tried again by the next. */
  openPython(): Promise<void> {
    this.#opening ??= (this.options.openPython?.() ?? Promise.resolve()).catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Calls the configuration's handlers with `d` and the functions of Python that are there. @throws BuildError of a handler */
  fire(event: MetadataEvent, d: Datastore): void {
    fireEvent(event, d, new Evaluation(this.files, this.python));
  }
}
