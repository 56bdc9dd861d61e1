/** The seams of signing: who is told of inputs, and what a handler is. Shapes only. */
import type { FileInput } from "../types.js";

export interface VariableNode {
  readonly name: string;
  /** Undefined for a name that is not set: the name alone counts. */
  readonly value: string | undefined;
  readonly needs: readonly string[];
  /** Of name and value. */
  readonly digest: string;
}

/** Told of the inputs in the order in which they are hashed. */
export interface SignatureWriter {
  variable?(node: VariableNode): void;
  base?(hash: string): void;
  need?(label: string, unihash: string): void;
  file?(file: FileInput): void;
  feed?(line: string): void;
  taint?(text: string): void;
}

export interface HashWriter extends SignatureWriter {
  hash(): string;
}

export interface SignatureHandler {
  /** Name and version. */
  readonly id: string;
  /** `sha256`: one digest of each path. `md5`: BitBake's checksum of each file at and below it. */
  readonly checksums: "sha256" | "md5";
  /** OE's rules on needs that do not count (SIGGEN_EXCLUDERECIPES_ABISAFE, SIGGEN_EXCLUDE_SAFE_RECIPE_DEPS). */
  readonly hasSafeNeeds: boolean;
  /** Only the first `:remove` of a value brings what it refers to. */
  readonly losesRemoves: boolean;
  /** What every body runs in counts, its shell or Python naming it or not: exported variables, default umask, fakeroot. */
  readonly countsEnvironment: boolean;
  /** A password in a URL, and what it is made of, is no input: who may fetch something changes nothing of it. */
  readonly ignoresPasswords: boolean;
  /** Tasks with equal output get equal unihashes. */
  readonly isEquivalent: boolean;
  /** Kept with a name and value, for `variable` of the writer. */
  nodeDigest(name: string, value: string | undefined): string;
  writer(kind: "base" | "task"): HashWriter;
}
