/** Text to statements. */
import type { Source } from "@tsbake/base";
import type { FileKind, ParsedFile } from "./statement.js";

/** Parses a whole file; never throws for bad input: what is wrong stands in `diagnostics`, all of it. */
export declare function parseFile(source: Source, kind: FileKind): ParsedFile;
