/** What the scanners of this folder answer; shapes only. */

export interface ShellScan {
  /** Names of commands run (first words of simple commands), functions defined in the text itself left out. */
  readonly commands: ReadonlySet<string>;
  /** The first thing that is no POSIX shell, when there is one; `line` counts from 1. What was found is there all the same. */
  readonly problem?: ScanProblem;
}

export interface ScanProblem {
  readonly message: string;
  readonly line: number;
}

export interface PythonScan {
  /**
   * Variables read by literal name (getVar, appendVar, …) and those that literal texts of `d.expand` refer to;
   * `NAME[flag]` for getVarFlag.
   */
  readonly references: ReadonlySet<string>;
  /** Dotted names called, and the literal names given to bb.build.exec_func and exec_task. */
  readonly calls: ReadonlySet<string>;
  /** bb.utils.contains & co: variable to the texts asked for (words of one contains() stay together). */
  readonly contains: ReadonlyMap<string, ReadonlySet<string>>;
  /** Literal texts given to d.expand; their references are among `references` already. */
  readonly expansions: readonly string[];
}
