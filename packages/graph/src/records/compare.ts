/** What two explanations of signatures say of each other: each input that differs, as data. */
import { byText, sortedUnique } from "@tsbake/base";
import type { SignatureExplanation } from "../types.js";

/** Value of a variable: null when it is an input that is not set, undefined when it is no input. */
export type InputValue = string | null | undefined;

/** A variable or function of metadata. */
export interface VariableChange {
  readonly kind: "variable";
  readonly name: string;
  readonly before: InputValue;
  readonly after: InputValue;
  /** Names that depend on it directly, sorted; of the newer side where it is an input there. */
  readonly usedBy: readonly string[];
}
/** A name depends on other names than before, and nothing else of these changed. */
export interface ReferenceChange {
  readonly kind: "references";
  readonly name: string;
  readonly added: readonly string[];
  readonly gone: readonly string[];
}
/** A source file or folder; the values are digests. */
export interface FileChange {
  readonly kind: "file";
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}
/** A package of the archive. */
export interface PackageChange {
  readonly kind: "package";
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  /** The version stayed, the content did not. */
  readonly isOtherContent: boolean;
}
/** A task that is needed; the values are its unihashes. */
export interface TaskChange {
  readonly kind: "task";
  readonly label: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}
/** A forced run, or [nostamp] (`nostamp:…`). */
export interface TaintChange {
  readonly kind: "taint";
  readonly before: string | undefined;
  readonly after: string | undefined;
}
/** The task's own text or variables changed, and one of the records has none of them (a task without a body). */
export interface BaseChange {
  readonly kind: "base";
  readonly before: string;
  readonly after: string;
}

export type InputChange =
  VariableChange | ReferenceChange | FileChange | PackageChange | TaskChange | TaintChange | BaseChange;

/**
 * What of the inputs changed from `before` to `after`: variables first, then files, packages, tasks, taints. Empty when
 * the inputs are the same.
 */
export function compareExplanations(
  before: SignatureExplanation,
  after: SignatureExplanation,
): InputChange[] {
  return [
    ...compareTexts(before, after),
    ...compareRecords(fileDigests(before), fileDigests(after)).map(([name, from, to]): FileChange => ({
      kind: "file",
      name,
      before: from,
      after: to,
    })),
    ...compareFeeds(before.feed, after.feed),
    ...compareRecords(before.runtaskhashes, after.runtaskhashes).map(([label, from, to]): TaskChange => ({
      kind: "task",
      label,
      before: from,
      after: to,
    })),
    ...(before.taint === after.taint
      ? []
      : [{ kind: "taint", before: before.taint, after: after.taint } as const]),
  ];
}

function compareTexts(before: SignatureExplanation, after: SignatureExplanation): InputChange[] {
  const isKnown = (one: SignatureExplanation) => Object.hasOwn(one.varvals, one.task);
  if (!isKnown(before) || !isKnown(after)) {
    if (before.basehash === after.basehash) return [];
    return [{ kind: "base", before: before.basehash, after: after.basehash }];
  }
  const variables = compareVariables(before, after);
  const changed = new Set(variables.map(({ name }) => name));
  return [...variables, ...compareReferences(before.gendeps, after.gendeps, changed)];
}

function compareVariables(before: SignatureExplanation, after: SignatureExplanation): VariableChange[] {
  return compareRecords(before.varvals, after.varvals).map(([name, from, to]) => ({
    kind: "variable",
    name,
    before: from,
    after: to,
    usedBy: usersOf(name, to === undefined ? before.gendeps : after.gendeps),
  }));
}

function usersOf(name: string, needs: SignatureExplanation["gendeps"]): string[] {
  return Object.keys(needs)
    .filter((user) => needs[user]!.includes(name))
    .sort(byText);
}

/** A name that is new or gone, or a name whose value changed, explains what refers to what: the rest is told. */
function compareReferences(
  before: SignatureExplanation["gendeps"],
  after: SignatureExplanation["gendeps"],
  changed: ReadonlySet<string>,
): ReferenceChange[] {
  return compareRecords(joined(before), joined(after)).flatMap(([name]): ReferenceChange[] => {
    const [old, now] = [before[name], after[name]];
    if (!old || !now || changed.has(name)) return [];
    // An input that is new or gone is told with who uses it.
    const added = now.filter((need) => !old.includes(need) && !changed.has(need));
    const gone = old.filter((need) => !now.includes(need) && !changed.has(need));
    return added.length + gone.length === 0 ? [] : [{ kind: "references", name, added, gone }];
  });
}

function joined(needs: SignatureExplanation["gendeps"]): Record<string, string> {
  return Object.fromEntries(Object.entries(needs).map(([name, list]) => [name, list.join(" ")]));
}

function fileDigests({ file_checksum_values: files }: SignatureExplanation): Record<string, string> {
  return Object.fromEntries(files);
}

type Difference<Value> = readonly [name: string, before: Value | undefined, after: Value | undefined];

/** By name, those whose values differ; undefined where a side has no such name. */
function compareRecords<Value>(
  before: Readonly<Record<string, Value>>,
  after: Readonly<Record<string, Value>>,
): Difference<Value>[] {
  return sortedUnique([...Object.keys(before), ...Object.keys(after)]).flatMap((name) => {
    const from = Object.hasOwn(before, name) ? before[name] : undefined;
    const to = Object.hasOwn(after, name) ? after[name] : undefined;
    return from === to ? [] : [[name, from, to] as const];
  });
}

/** `name version sha256` lines, by name. */
function compareFeeds(before: readonly string[], after: readonly string[]): PackageChange[] {
  return compareRecords(byPackage(before), byPackage(after)).map(([name, from, to]) => {
    const [old, now] = [from?.split(" ")[0], to?.split(" ")[0]];
    return { kind: "package", name, before: old, after: now, isOtherContent: old === now };
  });
}

function byPackage(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const space = line.indexOf(" ");
      return [line.slice(0, space), line.slice(space + 1)];
    }),
  );
}
