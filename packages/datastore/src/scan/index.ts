/** What a piece of text refers to: the ground of signatures. Pure functions of text. */

export interface ShellScan {
  /** Names of commands run (first words of simple commands), functions defined in the text itself left out. */
  readonly commands: ReadonlySet<string>;
}

export interface PythonScan {
  /** Variables read by literal name (getVar, appendVar, …); `NAME[flag]` for getVarFlag. */
  readonly references: ReadonlySet<string>;
  /** Dotted names called. */
  readonly calls: ReadonlySet<string>;
  /** bb.utils.contains & co: variable to the words asked for. */
  readonly contains: ReadonlyMap<string, ReadonlySet<string>>;
  /** Literal texts given to d.expand. */
  readonly expansions: readonly string[];
}

/** @see BitBake 2.19 lib/bb/codeparser.py, ShellParser; its cases are our golden cases */
export declare function scanShell(text: string): ShellScan;
/** @see BitBake 2.19 lib/bb/codeparser.py, PythonParser. Works on tokens; needs no Python. */
export declare function scanPython(text: string): PythonScan;
