/** All rules over one extension on one base. */
import { byText } from "@tsbake/base";
import { type Base, Context, type Extension } from "./context.js";
import type { Finding } from "./finding.js";
import { RULES } from "./rules/table.js";
import { neededOf, withExtension } from "./with-extension.js";

/** More of one code and severity tell nothing new. */
const MOST_OF_A_KIND = 100;

/**
 * What will not work, sorted: errors first, then by code and path. Pure but for reading the extension's files.
 *
 * @param others extensions that are merged with it; those that it is built on count as the base's
 */
export function checkExtension(
  extension: Extension,
  base: Base,
  others: readonly Extension[] = [],
): Finding[] {
  const below = neededOf(extension, base, others);
  const known = new Set([...(base.extensions ?? []), ...below.map(({ name }) => name)]);
  const beside = others.filter(({ name }) => !known.has(name));
  const whole = below.reduce(withExtension, base);
  const { companion, ...alone } = extension;
  if (companion === undefined) return inOrder(findingsIn(new Context(extension, whole, beside)));
  // Each is checked where the other one is merged: what is required may be in either, and units name files of both.
  const confext: Extension = {
    ...alone,
    tree: companion,
    requiredCommands: [],
    requiredPaths: [],
    needs: [],
  };
  return inOrder([
    ...findingsIn(new Context(extension, withExtension(whole, confext), beside)),
    ...findingsIn(new Context(confext, withExtension(whole, alone), beside)),
  ]);
}

function findingsIn(context: Context): Finding[] {
  const counts = new Map<string, number>();
  const findings: Finding[] = [];
  for (const rule of RULES) {
    for (const one of rule.find(context)) {
      const kind = `${one.severity} ${one.code}`;
      const count = (counts.get(kind) ?? 0) + 1;
      counts.set(kind, count);
      if (count < MOST_OF_A_KIND) findings.push(one);
      else if (count === MOST_OF_A_KIND)
        findings.push({ ...one, message: `${one.message}; more of this kind are left out` });
    }
  }
  return findings;
}

/** Errors first, then by code and path. */
export function inOrder(findings: readonly Finding[]): Finding[] {
  return findings.toSorted(
    (left, right) =>
      byText(left.severity, right.severity) || byText(left.code, right.code) || byText(left.path, right.path),
  );
}
