/** Functions of libraries that `addpylib` named, as signatures need them: by dotted name, with a digest of their text. */
import { createHash } from "node:crypto";
import type { LibraryFunction, LibraryModule, PythonLibrary } from "@tsbake/datastore";

export interface LibraryEntry {
  readonly library: PythonLibrary;
  readonly module: LibraryModule;
  /** `digest`: SHA-256 in hexadecimal digits. */
  readonly code: LibraryFunction & { readonly digest: string };
}

const tables = new WeakMap<readonly PythonLibrary[], ReadonlyMap<string, LibraryEntry>>();

/** The list is the configuration's, so one table serves all recipes. */
export function libraryFunctions(libraries: readonly PythonLibrary[]): ReadonlyMap<string, LibraryEntry> {
  let table = tables.get(libraries);
  if (table === undefined) {
    const made = new Map<string, LibraryEntry>();
    for (const library of libraries) {
      for (const module of library.modules) {
        for (const code of module.functions) {
          const entry = { library, module, code: { ...code, digest: digestOf(code) } };
          made.set(`${module.name}.${code.name}`, entry);
        }
      }
    }
    tables.set(libraries, (table = made));
  }
  return table;
}

/** The line counts, as in BitBake: the text is compiled with as many empty lines before it. */
function digestOf({ line, text }: LibraryFunction): string {
  return createHash("sha256")
    .update("\n".repeat(line) + text)
    .digest("hex");
}
