/** Text to statements. */
import type { Diagnostic, Source } from "@tsbake/base";
import { ConfParser } from "./conf.js";
import { RecipeParser } from "./recipe.js";
import type { FileKind, ParsedFile, Statement } from "./statement.js";

/** Parses a whole file; never throws for bad input: what is wrong stands in `diagnostics`, all of it. */
export function parseFile(source: Source, kind: FileKind): ParsedFile {
  const statements: Statement[] = [];
  const diagnostics: Diagnostic[] = [];
  const sink = { statements, diagnostics };
  if (kind === "conf") new ConfParser(source, sink).parse();
  else new RecipeParser(source, sink).parse();
  return { source, kind, statements, diagnostics };
}
