/** Signature handlers: what of the inputs is hashed, and with which function. */
import { BuildError, openHasher, sha256 } from "@tsbake/base";
import type { Hasher } from "@tsbake/base";
import { unknownHandler } from "../problems.js";
import type { FileInput } from "../types.js";
import type { HashWriter, SignatureHandler, VariableNode } from "./writer.js";

/**
 * Raise when signatures of the same inputs become others: part of every hash and of the parse-cache key. Guarded by
 * tests/golden/signatures/xxh-1.txt (unit/graph-bitbake), a file for each version.
 */
const VERSION = 1;
/** The same for BitBake's, where it is no part of the hash. */
const BITBAKE_VERSION = 3;

/**
 * `xxh`: two seeded lanes of xxHash64, 32 hex digits. `basic`, `basichash`, `OEBasicHash`, `OEEquivHash`: BitBake's SHA-256.
 *
 * @param name BB_SIGNATURE_HANDLER; default `xxh`
 * @throws BuildError `graph/unknown-handler`
 */
export async function openHandler(name = "xxh"): Promise<SignatureHandler> {
  return (await openHandlers())(name);
}

/** A look-up of handlers by name, for those who learn the name when they cannot wait. */
export async function openHandlers(): Promise<(name: string | undefined) => SignatureHandler> {
  const hasher = await openHasher();
  const handlers: Readonly<Record<string, SignatureHandler>> = {
    xxh: {
      id: `xxh-${VERSION}`,
      checksums: "sha256",
      hasSafeNeeds: false,
      losesRemoves: false,
      countsEnvironment: true,
      ignoresPasswords: true,
      isEquivalent: false,
      nodeDigest: (name, value) => hasher.digest(value === undefined ? name : `${name}\0${value}`),
      writer: (kind) => new LineWriter(hasher, `xxh-${VERSION} ${kind}`),
    },
    basic: bitBakeHandler("basic", false, false),
    basichash: bitBakeHandler("basichash", false, false),
    TestEquivHash: bitBakeHandler("TestEquivHash", false, true),
    OEBasicHash: bitBakeHandler("OEBasicHash", true, false),
    OEEquivHash: bitBakeHandler("OEEquivHash", true, true),
  };
  return (name = "xxh") => {
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (!handler) throw new BuildError([unknownHandler(name, Object.keys(handlers))]);
    return handler;
  };
}

function bitBakeHandler(name: string, hasSafeNeeds: boolean, isEquivalent: boolean): SignatureHandler {
  return {
    id: `${name}-${BITBAKE_VERSION}`,
    checksums: "md5",
    hasSafeNeeds,
    losesRemoves: true,
    countsEnvironment: false,
    ignoresPasswords: false,
    isEquivalent,
    nodeDigest: () => "",
    writer: () => new TextWriter(),
  };
}

/** Ours: every line says what it is, so that no two sets of inputs give the same text. */
class LineWriter implements HashWriter {
  readonly #hasher: Hasher;
  readonly #lines: string[];

  constructor(hasher: Hasher, head: string) {
    this.#hasher = hasher;
    this.#lines = [head];
  }

  variable({ digest }: VariableNode): void {
    this.#lines.push(digest);
  }

  base(hash: string): void {
    this.#lines.push(`base ${hash}`);
  }

  /** The label only sorts: what a need is called changes nothing, and multiconfigs can share artifacts. */
  need(_label: string, unihash: string): void {
    this.#lines.push(`need ${unihash}`);
  }

  file({ name, digest }: FileInput): void {
    this.#lines.push(`file ${digest} ${name}`);
  }

  feed(line: string): void {
    this.#lines.push(`feed ${line}`);
  }

  taint(text: string): void {
    this.#lines.push(`taint ${text}`);
  }

  hash(): string {
    return this.#hasher.digest(this.#lines.join("\n"));
  }
}

/**
 * BitBake's: the texts one after the other, nothing between them. What BitBake does not know (packages of an archive)
 * comes last but for the taint.
 *
 * @see BitBake 2.19 lib/bb/data.py (generate_dependency_hash), lib/bb/siggen.py (get_taskhash)
 */
class TextWriter implements HashWriter {
  #text = "";
  #hasTask = false;

  /** The first is the task itself, whose name is not hashed. */
  variable({ name, value }: VariableNode): void {
    if (this.#hasTask) this.#text += name;
    this.#hasTask = true;
    if (value !== undefined) this.#text += value;
  }

  base(hash: string): void {
    this.#text += hash;
  }

  need(_label: string, unihash: string): void {
    this.#text += unihash;
  }

  /** Where a file lies counts only below a folder that was named as a whole. */
  file({ name, digest }: FileInput): void {
    this.#text += name.startsWith("./") ? name + digest : digest;
  }

  feed(line: string): void {
    this.#text += `feed ${line}\n`;
  }

  taint(text: string): void {
    this.#text += text.replace(/^nostamp:/, "");
  }

  hash(): string {
    return sha256(this.#text);
  }
}
