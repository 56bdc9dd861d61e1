/** What the caller gives to an interpreter. */

export type MessageLevel = "debug" | "plain" | "note" | "warning" | "error";

export interface PythonOptions {
  /** Folder for the memory snapshot of the started interpreter (build/cache/python), where the installation takes none. */
  readonly cache: string;
  /** False: nothing is taken from, or left for, other projects of this installation. */
  readonly isShared?: boolean;
  /** Lines that Python prints (`plain`), and bb.note/warn/error/… messages. */
  readonly onMessage: (level: MessageLevel, text: string) => void;
  /** bb.parse.mark_dependency: the parse depends on the file at this absolute path, there or not. */
  readonly onDependency?: (path: string) => void;
  /** bb.event.fire by metadata. */
  readonly onEvent?: (eventClass: string, attributes: Readonly<Record<string, unknown>>) => void;
  /** os.environ inside; default: this process's. */
  readonly env?: Readonly<Record<string, string>>;
}
