/** Stanzas: `Name: value` fields with folded lines, as control files, the status file and package indexes have them (deb-control(5)). */

/** Fields of one stanza in their order, by the name as written; continuation lines keep their newline and leading blank. */
export type Stanza = ReadonlyMap<string, string>;

export interface StanzaFault {
  /** 1-based. */
  readonly line: number;
  readonly reason: string;
}

export interface Stanzas {
  readonly stanzas: readonly Stanza[];
  /** Lines that are no field; the rest is read all the same. */
  readonly faults: readonly StanzaFault[];
}

/** Reads any number of stanzas, separated by blank lines. Never throws. */
export function parseStanzas(text: string): Stanzas {
  const stanzas: Stanza[] = [];
  const faults: StanzaFault[] = [];
  let current = new Map<string, string>();
  let field: string | undefined;
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    if (line.trim() === "") {
      if (current.size > 0) stanzas.push(current);
      current = new Map();
      field = undefined;
    } else if (line.startsWith(" ") || line.startsWith("\t")) {
      if (field === undefined)
        faults.push({ line: index + 1, reason: "a continuation line without a field before it" });
      else current.set(field, `${current.get(field) ?? ""}\n${line.trimEnd()}`);
    } else if (!line.startsWith("#")) {
      const colon = line.indexOf(":");
      const name = line.slice(0, colon);
      if (colon < 1 || /\s/.test(name)) {
        faults.push({ line: index + 1, reason: "no `Name: value`" });
        field = undefined;
      } else if (current.has(name)) {
        faults.push({ line: index + 1, reason: `a second field \`${name}\`` });
        field = undefined;
      } else {
        field = name;
        current.set(name, line.slice(colon + 1).trim());
      }
    }
  }
  if (current.size > 0) stanzas.push(current);
  return { stanzas, faults };
}

/** One stanza as text, final newline included. A value that begins with a newline is written right after the colon. */
export function writeStanza(stanza: Stanza): string {
  let text = "";
  for (const [name, value] of stanza) {
    text += value === "" || value.startsWith("\n") ? `${name}:${value}\n` : `${name}: ${value}\n`;
  }
  return text;
}

/** One alternative of a relation: `libc6 (>= 2.36) [amd64]` → name and the rest. */
export interface Relation {
  readonly name: string;
  /** `>= 2.36`, or "". */
  readonly constraint: string;
}

/** `Depends`, `Provides`, …: groups joined by `,`, alternatives by `|`. Qualifiers (`:any`, `[arch]`, `<profile>`) are dropped. */
export function parseRelations(text: string | undefined): Relation[][] {
  const groups: Relation[][] = [];
  for (const group of text?.split(",") ?? []) {
    const alternatives: Relation[] = [];
    for (const one of group.split("|")) {
      const match = /^\s*([a-zA-Z0-9][a-zA-Z0-9+.-]*)(?::[a-z0-9-]+)?\s*(?:\(([^)]*)\))?/.exec(one);
      if (match) alternatives.push({ name: match[1] ?? "", constraint: (match[2] ?? "").trim() });
    }
    if (alternatives.length > 0) groups.push(alternatives);
  }
  return groups;
}

/** Fields that name other packages. @see deb-control(5) */
export const RELATION_FIELDS = [
  "Pre-Depends",
  "Depends",
  "Recommends",
  "Suggests",
  "Enhances",
  "Provides",
  "Replaces",
  "Conflicts",
  "Breaks",
] as const;
