/**
 * The configurations of a project: the default one and those that its BBMULTICONFIG names, each read in full. One is read
 * when it is first asked for, since a cached parse may need none of them.
 */
import { BuildError, words } from "@tsbake/base";
import { fireEvent, hasHandler } from "@tsbake/datastore";
import { parseConfiguration, type Configuration } from "./configuration.js";
import { Evaluation } from "./evaluation.js";
import type { FileTable } from "../files/files.js";
import * as problem from "../problems.js";
import type { CompleteOptions } from "../project/types.js";
import type { PythonSession } from "./python-session.js";

const PARSED = "bb.event.MultiConfigParsed";

export class Configurations {
  readonly #options: CompleteOptions;
  readonly #table: FileTable;
  readonly #python: PythonSession;
  readonly #read = new Map<string, Configuration>();
  /** The handlers of MultiConfigParsed have been told. */
  #isComplete = false;

  constructor(options: CompleteOptions, table: FileTable, python: PythonSession) {
    this.#options = options;
    this.#table = table;
    this.#python = python;
  }

  /** @throws BuildError of the metadata; what Python throws when it is not open */
  get(multiconfig: string): Configuration {
    // A handler of MultiConfigParsed may change any of them, and wants to see all.
    if (hasHandler(this.#one("").d, PARSED)) return this.all().get(multiconfig)!;
    return this.#one(multiconfig);
  }

  /** All of them, the default one first, under an empty name. @throws as `get` */
  all(): ReadonlyMap<string, Configuration> {
    const { d } = this.#one("");
    const names = multiconfigNames(d.getText("BBMULTICONFIG"));
    for (const name of names) this.#one(name);
    if (!this.#isComplete && names.length > 0) {
      const mcdata = Object.fromEntries([...this.#read].map(([name, one]) => [name, one.d]));
      const host = new Evaluation(this.#table, this.#python);
      fireEvent({ eventClass: PARSED, attributes: { mcdata } }, d, host);
    }
    this.#isComplete = true;
    return this.#read;
  }

  #one(multiconfig: string): Configuration {
    let one = this.#read.get(multiconfig);
    if (!one) {
      one = parseConfiguration(this.#options, multiconfig, this.#table, this.#python);
      this.#read.set(multiconfig, one);
    }
    return one;
  }
}

/** The words of BBMULTICONFIG, each once. @throws BuildError `recipe/multiconfig-name` */
export function multiconfigNames(text: string | undefined): string[] {
  const names = [...new Set(words(text))];
  // `mc:NAME:recipe` has to be readable, and `*` stands for all of them.
  const wrong = names.filter((name) => /^\d|[:*]/.test(name));
  if (wrong.length > 0) throw new BuildError(wrong.map(problem.multiconfigName));
  return names;
}
