/** YAML or JSON as a tree in which every value knows where it stands; what is wrong is collected, not thrown. */
import { Source, type Diagnostic, type Span } from "@tsbake/base";
import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { Document, Node, Pair, YAMLMap } from "yaml";
import * as problem from "../problems.js";

export interface YamlValue {
  /** Name of its key; that of the list for what is in one. */
  readonly key: string;
  readonly keyAt: Span;
  /** The key's where there is no value. */
  readonly at: Span;
  /** Undefined: something that no key takes, such as a date. */
  readonly data: null | string | number | boolean | undefined | readonly YamlValue[] | Members;
  /** A scalar as it is written. */
  readonly written?: string;
}

export type Members = ReadonlyMap<string, YamlValue>;

/** Aliases of aliases can stand for more than a machine holds. */
const MOST_VALUES = 100_000;

/** @returns undefined where the text is no YAML; `problems` has why */
export function readTree(path: string, text: string, problems: Diagnostic[]): YamlValue | undefined {
  const source = new Source(path, text);
  // As kas reads it: `no` and `off` are false, 014 is twelve, and `<<` merges.
  const document = parseDocument(text, {
    version: "1.1",
    lineCounter: new LineCounter(),
    prettyErrors: false,
  });
  const all = document.errors.map(({ message, pos }) => {
    const at = { source, start: pos[0], end: Math.max(pos[1], pos[0] + 1) };
    return problem.projectSyntax(firstLine(message), at);
  });
  problems.push(...all);
  return all.length > 0 ? undefined : new TreeReader(source, document, problems).root();
}

/** A text; undefined for anything else. */
export function yamlText(value: YamlValue | undefined): string | undefined {
  return typeof value?.data === "string" ? value.data : undefined;
}

export function isMembers(data: YamlValue["data"]): data is Members {
  return data instanceof Map;
}

export function isList(data: YamlValue["data"]): data is readonly YamlValue[] {
  return Array.isArray(data);
}

class TreeReader {
  readonly #source: Source;
  readonly #document: Document.Parsed;
  readonly #problems: Diagnostic[];
  /** Those that are being read, outermost first. */
  readonly #above: Node[] = [];
  #count = 0;

  constructor(source: Source, document: Document.Parsed, problems: Diagnostic[]) {
    this.#source = source;
    this.#document = document;
    this.#problems = problems;
  }

  root(): YamlValue {
    const at = { source: this.#source, start: 0, end: 1 };
    const contents = this.#document.contents ?? undefined;
    return this.#value("the project file", at, contents, contents && !isEmpty(contents) ? undefined : at);
  }

  #value(key: string, keyAt: Span, written: Node | undefined, place?: Span): YamlValue {
    const node = isAlias(written) ? (written.resolve(this.#document) as Node | undefined) : written;
    const at = place ?? (written && !isEmpty(node) ? this.#span(written) : keyAt);
    const own = { key, keyAt, at };
    if (node === undefined || isEmpty(node)) return { ...own, data: null };
    this.#count += 1;
    if (this.#above.includes(node) || this.#count > MOST_VALUES) {
      const isFirst = this.#count <= MOST_VALUES + 1;
      if (isFirst) this.#problems.push(problem.projectSyntax("its aliases stand for too much", at));
      return { ...own, data: null };
    }
    this.#above.push(node);
    try {
      if (isMap(node)) return { ...own, data: this.#members(node) };
      if (isSeq(node)) {
        const items = node.items as Node[];
        return { ...own, data: items.map((item) => this.#value(key, keyAt, item, this.#span(item))) };
      }
      return { ...own, ...scalarOf(node) };
    } finally {
      this.#above.pop();
    }
  }

  #members(node: YAMLMap): Members {
    const members = new Map<string, YamlValue>();
    const merged = new Map<string, YamlValue>();
    for (const pair of node.items) {
      if (!isPair(pair)) continue;
      const { key: keyNode, value } = pair as Pair<Node, Node | null>;
      const keyAt = this.#span(keyNode);
      // A key is what is written: `on` is the name of a layer as good as any.
      const key = isScalar(keyNode) ? (keyNode.source ?? String(keyNode.value)) : "";
      const found = this.#value(key, keyAt, value ?? undefined);
      if (key !== "<<") members.set(key, found);
      else {
        for (const one of isList(found.data) ? found.data : [found])
          for (const [name, member] of isMembers(one.data) ? one.data : [])
            if (!merged.has(name)) merged.set(name, member);
      }
    }
    return merged.size === 0 ? members : new Map([...merged, ...members]);
  }

  #span(node: Node): Span {
    const [start, end] = node.range ?? [0, 1];
    const newline = this.#source.text.indexOf("\n", start);
    const last = newline === -1 ? end : Math.min(end, newline);
    return { source: this.#source, start, end: Math.max(start + 1, last) };
  }
}

function isEmpty(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null);
}

/** @see YAML 1.1, int and float; a sign in an exponent is not left out */
const NUMBER = new RegExp(
  [
    String.raw`^[-+]?0b[01_]+$`,
    String.raw`^[-+]?0[0-7_]*$`,
    String.raw`^[-+]?0x[\da-fA-F_]+$`,
    String.raw`^[-+]?[1-9][\d_]*(:[0-5]?\d)*$`,
    String.raw`^[-+]?\d[\d_]*(:[0-5]?\d)*\.[\d_]*([eE][-+]\d+)?$`,
    String.raw`^[-+]?\.\d[\d_]*([eE][-+]\d+)?$`,
    String.raw`^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$`,
  ].join("|"),
);

function scalarOf(node: Node): Pick<YamlValue, "data" | "written"> {
  if (!isScalar(node)) return { data: undefined };
  const { value, source } = node;
  const written = source ?? String(value);
  const isNumber = typeof value === "number" || typeof value === "bigint";
  // The library knows more numbers than YAML 1.1 has (`.`, 1e3, 08), and booleans that nobody else reads as such (y, n).
  if (node.type === "PLAIN" && ((isNumber && !NUMBER.test(written)) || /^[yn]$/i.test(written)))
    return { data: written, written };
  if (typeof value === "bigint") return { data: Number(value), written };
  const isPlain = typeof value === "string" || typeof value === "number" || typeof value === "boolean";
  return { data: isPlain ? value : undefined, written };
}

function firstLine(message: string): string {
  const line = message.split("\n")[0]!.replace(/[.:]+$/, "");
  return line.charAt(0).toLowerCase() + line.slice(1);
}

/**
 * `later` over `earlier`: mappings key by key, at every depth; anything else as a whole.
 *
 * @see kas: the order of keys is that of the first file that has them
 */
export function mergeTrees(earlier: YamlValue, later: YamlValue): YamlValue {
  if (!isMembers(earlier.data) || !isMembers(later.data)) return later;
  const members = new Map(earlier.data);
  for (const [key, value] of later.data) {
    const before = members.get(key);
    members.set(key, before ? mergeTrees(before, value) : value);
  }
  return { ...later, data: members };
}
