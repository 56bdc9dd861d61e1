/**
 * What an unexpanded text refers to, when that can be told without expanding it. Most values are like that, most are
 * the same in every recipe, and nothing has to be evaluated (or Python started) for them.
 */
import { replaceInline, scanPython, type Datastore, type PythonScan } from "@tsbake/datastore";

export interface TextReferences {
  readonly references: ReadonlySet<string>;
  /** Names called by inline Python. */
  readonly calls: ReadonlySet<string>;
  readonly contains: PythonScan["contains"];
}

/** `${NAME}`. @see BitBake 2.19 lib/bb/data_smart.py, __expand_var_regexp__ */
const REFERENCE = /\$\{([a-zA-Z0-9\-_+./~:]+)\}/g;

/** Stands for what expansion puts in; no metadata has it. */
const PUT_IN = "\0";

const NOTHING: TextReferences = { references: new Set(), calls: new Set(), contains: new Map() };
/** Distinct texts are as many as the metadata has; beyond this many the memory is given back and filled again. */
const MOST = 50_000;

/** Kept over recipes: analysing the same text again costs a look-up. */
export class TextAnalysis {
  #known = new Map<string, TextReferences | "dynamic">();

  /**
   * @param name what holds the text, for messages of expansion
   * @throws errors of expanding (inline Python) when the text cannot be understood without
   */
  references(text: string, name: string, d: Datastore): TextReferences {
    if (!text.includes("${")) return NOTHING;
    let known = this.#known.get(text);
    if (known === undefined) {
      known = readStatically(text) ?? "dynamic";
      if (this.#known.size >= MOST) this.#known = new Map();
      this.#known.set(text, known);
    }
    if (known !== "dynamic") return known;
    const { references, inline } = d.expandWithReferences(text, name);
    return merge(references, inline);
  }
}

/** Undefined when a name or a piece of Python is itself put together by expansion. */
function readStatically(text: string): TextReferences | undefined {
  const inline: string[] = [];
  const plain = replaceInline(text, (code) => {
    inline.push(code);
    return PUT_IN;
  });
  if (plain.includes("${@") || inline.some((code) => code.includes("${"))) return undefined;
  const references = new Set<string>();
  const rest = plain.replace(REFERENCE, (_, name: string) => {
    references.add(name);
    return PUT_IN;
  });
  // `${${A}}` and the like: what is left looks like a reference only after the inner one was put in.
  if (isNested(rest)) return undefined;
  return merge(references, inline);
}

/** Whether something was put in between `${` and the next `}`. */
function isNested(text: string): boolean {
  return text.split("}").some((part) => {
    const open = part.indexOf("${");
    return open !== -1 && part.includes(PUT_IN, open);
  });
}

/** `references` together with what the Python texts refer to. */
export function merge(references: ReadonlySet<string>, inline: readonly string[]): TextReferences {
  if (inline.length === 0) return { references, calls: NOTHING.calls, contains: NOTHING.contains };
  const all = new Set(references);
  const calls = new Set<string>();
  const contains = new Map<string, Set<string>>();
  for (const scan of inline.map(scanPython)) {
    for (const name of scan.references) all.add(name);
    for (const name of scan.calls) calls.add(name);
    for (const [name, items] of scan.contains) {
      contains.set(name, new Set([...(contains.get(name) ?? []), ...items]));
    }
  }
  return { references: all, calls, contains };
}
