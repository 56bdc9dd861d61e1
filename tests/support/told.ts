/** What a command said, taken apart: one record an error or warning. */

export interface Told {
  readonly severity: string;
  readonly code: string;
  readonly message: string;
  /** `file:line:column` of the place, of the notes after it; empty without one. */
  readonly places: readonly string[];
  /** The source line of the first place, and what the carets stand under. */
  readonly line: string;
  readonly marked: string;
  readonly help: string;
}

/** @param text standard error of `tsbake --ui plain` */
export function toldIn(text: string): Told[] {
  return text
    .split(/^(?=(?:error|warning)(?:\[|: ))/m)
    .filter((block) => /^(?:error|warning)/.test(block))
    .map((block) => {
      const [, severity = "", code = "", message = ""] = /^(\w+)(?:\[(.*?)\])?: (.*)/.exec(block) ?? [];
      const [, line = "", lead = "", carets = ""] = /^ *\d+ \| (.*)\n *\| ([\s]*)(\^+)$/m.exec(block) ?? [];
      return {
        severity,
        code,
        message,
        places: [...block.matchAll(/^ *--> (.*)$/gm)].map((match) => match[1]!),
        line,
        marked: line.slice(lead.length, lead.length + carets.length),
        help: /^help: ([\s\S]*)/m.exec(block)?.[1]?.trim() ?? "",
      };
    });
}
