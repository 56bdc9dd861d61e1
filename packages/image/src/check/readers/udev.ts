/** Rules of udev: one line a rule, `KEY{ATTRIBUTE}OPERATOR"VALUE"` with commas between. @see udev(7) */
import type { ContentTree } from "../inspect/tree.js";

export interface UdevAssignment {
  readonly key: string;
  /** What stands in braces; "" without. */
  readonly attribute: string;
  readonly operator: string;
  readonly value: string;
}

export interface UdevLine {
  /** The file. */
  readonly path: string;
  readonly assignments: readonly UdevAssignment[];
}

const FOLDERS = ["/usr/lib/udev/rules.d", "/etc/udev/rules.d", "/usr/share/factory/etc/udev/rules.d"];
/** Bounded, for a line may be long and hostile. */
const ASSIGNMENT =
  /(?<![A-Z])([A-Z]{1,20})(?:\{([^}"]{0,200})\})?\s{0,20}(==|!=|\+=|-=|:=|=)\s{0,20}e?"((?:[^"\\]|\\.)*)"/g;

/** Lines of rules.d with their matches and assignments; continuation lines are joined. */
export function* udevLines(tree: ContentTree): Iterable<UdevLine> {
  for (const folder of FOLDERS) {
    for (const entry of tree.below(folder)) {
      if (!entry.path.endsWith(".rules")) continue;
      const text = tree.textOf(entry).replace(/\\\n/g, " ");
      for (const line of text.split("\n")) {
        if (/^\s*(#|$)/.test(line)) continue;
        const assignments = [...line.matchAll(ASSIGNMENT)].map(
          ([, key = "", attribute = "", operator = "", value = ""]) => ({ key, attribute, operator, value }),
        );
        if (assignments.length > 0) yield { path: entry.path, assignments };
      }
    }
  }
}
