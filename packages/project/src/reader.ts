/** YAML with positions: every value knows where it stands, and what is wrong is collected, not thrown. */
import { nearest, Source, type Diagnostic, type Span } from "@tsbake/base";
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document, type Node } from "yaml";
import * as problem from "./problems.js";

/** One value of the file; `node` is undefined for a key without a value. */
export interface Entry {
  readonly key: string;
  readonly keyAt: Span;
  readonly node: Node | undefined;
  readonly at: Span;
}

export class YamlReader {
  readonly source: Source;
  readonly problems: Diagnostic[] = [];
  readonly #document: Document.Parsed;

  constructor(path: string, text: string) {
    this.source = new Source(path, text);
    this.#document = parseDocument(text, { lineCounter: new LineCounter(), prettyErrors: false });
    for (const { message, pos } of this.#document.errors) {
      const at = { source: this.source, start: pos[0], end: Math.max(pos[1], pos[0] + 1) };
      this.problems.push(problem.projectSyntax(firstLine(message), at));
    }
  }

  get root(): Entry {
    const at = { source: this.source, start: 0, end: 1 };
    return { key: "the project file", keyAt: at, node: this.#document.contents ?? undefined, at };
  }

  /** Keys and values of a mapping; an empty value has none. A key that is not in `known` is a problem. */
  map(entry: Entry, known?: readonly string[]): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    const node = this.#resolve(entry.node);
    if (isEmpty(node)) return entries;
    if (!isMap(node)) {
      this.problems.push(problem.wrongType(entry.key, "a mapping of keys to values", entry.at));
      return entries;
    }
    for (const pair of node.items) {
      const keyNode = pair.key as Node;
      const keyAt = this.#span(keyNode);
      const key = isScalar(keyNode) ? String(keyNode.value) : "";
      if (known && !known.includes(key)) {
        this.problems.push(problem.unknownKey(key, nearest(key, known), keyAt));
        continue;
      }
      const value = (pair.value ?? undefined) as Node | undefined;
      entries.set(key, { key, keyAt, node: value, at: value && !isEmpty(value) ? this.#span(value) : keyAt });
    }
    return entries;
  }

  /** A text, number or boolean as text; undefined when there is none. */
  text(entry: Entry | undefined): string | undefined {
    const node = entry && this.#resolve(entry.node);
    if (!entry || isEmpty(node)) return undefined;
    if (isScalar(node) && ["string", "number", "boolean"].includes(typeof node.value)) {
      // 1.10 and 014 are what was written, not the number they make.
      return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
    }
    this.problems.push(problem.wrongType(entry.key, "a text", entry.at));
    return undefined;
  }

  /** A list, or one value for a list of one. */
  list(entry: Entry | undefined): Entry[] {
    const node = entry && this.#resolve(entry.node);
    if (!entry || isEmpty(node)) return [];
    if (!isSeq(node)) return [entry];
    return node.items.map((item) => ({ ...entry, node: item as Node, at: this.#span(item as Node) }));
  }

  isMapping(entry: Entry): boolean {
    return isMap(this.#resolve(entry.node));
  }

  #resolve(node: Node | undefined): Node | undefined {
    return isAlias(node) ? node.resolve(this.#document) : node;
  }

  #span(node: Node): Span {
    const [start, end] = node.range ?? [0, 1];
    const newline = this.source.text.indexOf("\n", start);
    return {
      source: this.source,
      start,
      end: Math.max(start + 1, newline === -1 ? end : Math.min(end, newline)),
    };
  }
}

function isEmpty(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null);
}

function firstLine(message: string): string {
  const line = message.split("\n")[0]!.replace(/[.:]+$/, "");
  return line.charAt(0).toLowerCase() + line.slice(1);
}
