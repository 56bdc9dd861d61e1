/** The writer that explains: everything that was hashed, as data. */
import { byText, redact } from "@tsbake/base";
import type { FileInput, SignatureExplanation } from "../types.js";
import type { SignatureWriter, VariableNode } from "../signatures/writer.js";

/** The writer that keeps everything. */
export class ExplanationWriter implements SignatureWriter {
  readonly #needs: Record<string, readonly string[]> = Object.create(null);
  readonly #values: Record<string, string | null> = Object.create(null);
  readonly #labels: string[] = [];
  readonly #hashes: Record<string, string> = Object.create(null);
  readonly #files: (readonly [string, string])[] = [];
  readonly #feed: string[] = [];
  #taint: string | undefined;

  variable({ name, value, needs }: VariableNode): void {
    this.#needs[name] = [...needs].sort(byText);
    // A record travels with the shared state.
    this.#values[name] = value === undefined ? null : redact(value);
  }

  need(label: string, unihash: string): void {
    this.#labels.push(label);
    this.#hashes[label] = unihash;
  }

  file({ name, digest }: FileInput): void {
    this.#files.push([name, digest]);
  }

  feed(line: string): void {
    this.#feed.push(line);
  }

  taint(text: string): void {
    this.#taint = text;
  }

  explanation(
    of: Pick<SignatureExplanation, "task" | "basehash" | "taskhash" | "unihash">,
  ): SignatureExplanation {
    return {
      ...of,
      gendeps: { ...this.#needs },
      varvals: { ...this.#values },
      runtaskdeps: this.#labels,
      runtaskhashes: { ...this.#hashes },
      file_checksum_values: this.#files,
      feed: this.#feed,
      ...(this.#taint === undefined ? {} : { taint: this.#taint }),
    };
  }
}
