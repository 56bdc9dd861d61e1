/** The writer that explains, and what two explanations say of each other. */
import { byText, sortedUnique } from "@tsbake/base";
import type { VariableNode } from "./variables.js";
import type { FileInput, SignatureExplanation } from "./types.js";
import type { SignatureWriter } from "./walk.js";

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
    this.#values[name] = value ?? null;
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

/**
 * What of the inputs changed from `before` to `after`, a sentence each, variables first. Empty when the inputs are the
 * same.
 */
export function compareExplanations(before: SignatureExplanation, after: SignatureExplanation): string[] {
  return [
    ...compareVariables(before, after),
    ...compareNeeds(before.gendeps, after.gendeps),
    ...compareRecords(
      Object.fromEntries(before.file_checksum_values),
      Object.fromEntries(after.file_checksum_values),
      "file",
    ),
    ...compareFeeds(before.feed, after.feed),
    ...compareTasks(before, after),
    ...compareTaints(before.taint, after.taint),
  ];
}

function compareVariables(before: SignatureExplanation, after: SignatureExplanation): string[] {
  const old = before.varvals;
  const now = after.varvals;
  return sortedUnique([...Object.keys(old), ...Object.keys(now)]).flatMap((name) => {
    const isOld = Object.hasOwn(old, name);
    if (!Object.hasOwn(now, name)) return [`variable ${name} is no longer an input`];
    if (!isOld) return [`variable ${name} is a new input${usedBy(name, after.gendeps)}: ${shown(now[name])}`];
    if (old[name] === now[name]) return [];
    const [from, to] = [old[name] ?? null, now[name] ?? null];
    if (from === null || to === null || !`${from}${to}`.includes("\n")) {
      return [`variable ${name} changed from ${shown(from)} to ${shown(to)}`];
    }
    return [`variable ${name} changed:\n${changedLines(from, to)}`];
  });
}

function shown(value: string | null | undefined): string {
  return value === null || value === undefined ? "unset" : `"${value}"`;
}

function usedBy(name: string, needs: SignatureExplanation["gendeps"]): string {
  const users = Object.keys(needs).filter((user) => needs[user]!.includes(name));
  return users.length === 0 ? "" : ` (of ${users.sort(byText).slice(0, 3).join(", ")})`;
}

/** The lines that differ, between what both texts have at their start and at their end. */
function changedLines(before: string, after: string): string {
  const old = before.split("\n");
  const now = after.split("\n");
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  const most = Math.min(old.length, now.length) - start;
  while (end < most && old[old.length - 1 - end] === now[now.length - 1 - end]) end += 1;
  return [
    ...old.slice(start, old.length - end).map((line) => `  -${line}`),
    ...now.slice(start, now.length - end).map((line) => `  +${line}`),
  ].join("\n");
}

function compareNeeds(
  before: SignatureExplanation["gendeps"],
  after: SignatureExplanation["gendeps"],
): string[] {
  return Object.keys(after)
    .filter((name) => Object.hasOwn(before, name))
    .sort(byText)
    .flatMap((name) => {
      const [old, now] = [before[name]!, after[name]!];
      const added = now.filter((need) => !old.includes(need));
      const gone = old.filter((need) => !now.includes(need));
      return [
        ...(added.length > 0 ? [`${name} now depends on ${added.join(", ")}`] : []),
        ...(gone.length > 0 ? [`${name} no longer depends on ${gone.join(", ")}`] : []),
      ];
    });
}

function compareRecords(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  what: string,
): string[] {
  return sortedUnique([...Object.keys(before), ...Object.keys(after)]).flatMap((name) => {
    if (!Object.hasOwn(after, name)) return [`${what} ${name} is no longer an input`];
    if (!Object.hasOwn(before, name)) return [`${what} ${name} is a new input`];
    return before[name] === after[name] ? [] : [`${what} ${name} changed`];
  });
}

/** `name version sha256` lines, by name. */
function compareFeeds(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [byPackage(before), byPackage(after)];
  return sortedUnique([...old.keys(), ...now.keys()]).flatMap((name) => {
    const [from, to] = [old.get(name), now.get(name)];
    if (!from) return [`package ${name} ${to!.version} was added`];
    if (!to) return [`package ${name} ${from.version} is gone`];
    if (from.version !== to.version) return [`package ${name} went from ${from.version} to ${to.version}`];
    return from.rest === to.rest ? [] : [`package ${name} ${to.version} has other content`];
  });
}

function byPackage(lines: readonly string[]): Map<string, { version: string; rest: string }> {
  return new Map(
    lines.map((line) => {
      const [name = "", version = "", ...rest] = line.split(" ");
      return [name, { version, rest: rest.join(" ") }];
    }),
  );
}

function compareTasks(before: SignatureExplanation, after: SignatureExplanation): string[] {
  return compareRecords(before.runtaskhashes, after.runtaskhashes, "task");
}

function compareTaints(before: string | undefined, after: string | undefined): string[] {
  if (before === after) return [];
  if (after === undefined) return ["the task is no longer tainted by a forced run"];
  if (after.startsWith("nostamp:")) return ["the task has [nostamp]: it runs every time"];
  return ["the task is tainted by a forced run"];
}
