/** Inputs of signatures that changed, as people read them. */
import type { InputChange, InputValue } from "@tsbake/graph";
import { createTwoFilesPatch, OMIT_HEADERS } from "diff";
import { printable } from "@tsbake/base";
import { taskWords } from "../../text/text.js";
import type { Paint } from "../../text/text.js";

/** Lines that stay, shown around those that changed. */
const CONTEXT = 2;
/** A list of at least so many words is told by the words that came and went, too. */
const LONG_LIST = 4;
/** Digits of a digest that are enough to tell two apart. */
const SHORT = 12;

/** What changed, in a line, and the lines below it. */
export function changeLines(change: InputChange, paint: Paint): string[] {
  switch (change.kind) {
    case "variable":
      return variableLines(change, paint);
    case "references": {
      const parts = [
        change.added.length > 0 ? `now refers to ${change.added.join(", ")}` : "",
        change.gone.length > 0 ? `no longer refers to ${change.gone.join(", ")}` : "",
      ];
      return [`${change.name} ${parts.filter((part) => part !== "").join(", ")}`];
    }
    case "file":
      return fileLines(change);
    case "package":
      return [packageLine(change)];
    case "task":
      return [taskLine(change)];
    case "taint":
      return [taintLine(change)];
    case "base":
      return [
        `its own text or variables changed (base hash ${short(change.before)} to ${short(change.after)})`,
      ];
  }
}

function variableLines(change: Extract<InputChange, { kind: "variable" }>, paint: Paint): string[] {
  const { name, before, after, usedBy } = change;
  const users = usedBy.filter((user) => user !== name);
  const of = users.length > 0 ? `, of ${some(users)}` : "";
  if (after === undefined)
    return [`variable ${name} is no longer an input${of}`, ...marked("-", before, paint)];
  if (before === undefined) return [`variable ${name} is a new input${of}`, ...marked("+", after, paint)];
  const isOwnCode = /^TSBAKE_\w+_DIGEST$/.test(name);
  const head = `variable ${name} changed${isOwnCode ? ": tsbake's own code is another" : ""}`;
  if (before !== null && after !== null && `${before}${after}`.includes("\n")) {
    return [head, ...patchLines(before, after, paint)];
  }
  return [head, ...marked("-", before, paint), ...marked("+", after, paint), ...wordLines(before, after)];
}

function marked(mark: "-" | "+", value: InputValue, paint: Paint): string[] {
  const lines = value === null || value === undefined ? ["(not set)"] : quoted(value);
  return lines.map((line) => paint(mark === "-" ? "red" : "green", `  ${mark}${line}`));
}

function quoted(value: string): string[] {
  const text = printable(value);
  return text.includes("\n") ? text.replace(/\n$/, "").split("\n") : [`"${text}"`];
}

function patchLines(before: string, after: string, paint: Paint): string[] {
  // A text that ends without a line end would be told of in a line of its own.
  const [old, now] = [before, after].map((text) => (text.endsWith("\n") ? text : `${text}\n`));
  const patch = createTwoFilesPatch("", "", old!, now!, "", "", {
    context: CONTEXT,
    headerOptions: OMIT_HEADERS,
  });
  return patch
    .split("\n")
    .filter((line) => /^[-+ @]/.test(line))
    .map((line) => `  ${printable(line)}`)
    .map((line) => {
      if (line.startsWith("  @")) return paint("cyan", line);
      if (line.startsWith("  -")) return paint("red", line);
      return line.startsWith("  +") ? paint("green", line) : line;
    });
}

/** Of a long list: which words came and went. */
function wordLines(before: string | null, after: string | null): string[] {
  const [old, now] = [before, after].map((text) => text?.split(/\s+/).filter((word) => word !== "") ?? []);
  if (Math.max(old!.length, now!.length) < LONG_LIST) return [];
  const added = now!.filter((word) => !old!.includes(word));
  const gone = old!.filter((word) => !now!.includes(word));
  const parts = [
    added.length > 0 ? `added: ${printable(added.join(" "))}` : "",
    gone.length > 0 ? `removed: ${printable(gone.join(" "))}` : "",
  ].filter((part) => part !== "");
  if (parts.length === 0) return ["  the words are the same, their order or number is not"];
  return added.length + gone.length < old!.length + now!.length ? [`  ${parts.join("; ")}`] : [];
}

function fileLines({ name, before, after }: Extract<InputChange, { kind: "file" }>): string[] {
  if (after === undefined) return [`file ${name} is no longer an input`];
  if (before === undefined) return [`file ${name} is a new input (checksum ${short(after)})`];
  const [old, now] = [before, after].map((digest) => digest.replace(/\+x$/, ""));
  if (old === now)
    return [`file ${name} ${after.endsWith("+x") ? "is executable now" : "is not executable any more"}`];
  return [`file ${name} changed (checksum ${short(before)} to ${short(after)})`];
}

function packageLine({
  name,
  before,
  after,
  isOtherContent,
}: Extract<InputChange, { kind: "package" }>): string {
  if (before === undefined) return `package ${name} ${after} was added`;
  if (after === undefined) return `package ${name} ${before} is gone`;
  return isOtherContent
    ? `package ${name} ${after} has other content`
    : `package ${name} went from ${before} to ${after}`;
}

function taskLine({ label, before, after }: Extract<InputChange, { kind: "task" }>): string {
  const words = taskWords(label);
  if (after === undefined) return `task ${words} is no longer needed`;
  if (before === undefined) return `task ${words} is needed now`;
  return `task ${words} changed from ${short(before)} to ${short(after)}; there is no record that says why`;
}

function taintLine({ before, after }: Extract<InputChange, { kind: "taint" }>): string {
  if (after === undefined) return "a forced run (-f, -C) does not count any more";
  if (after.startsWith("nostamp:")) return "it has [nostamp]: it runs every time";
  return before === undefined
    ? "it is tainted by a forced run (-f, -C)"
    : "it is tainted by another forced run";
}

/** As much of a hash as tells it from others on a screen. */
export function short(hash: string): string {
  return hash.length > SHORT ? hash.slice(0, SHORT) : hash;
}

/** At most three of them. */
function some(names: readonly string[]): string {
  const more = names.length - 3;
  return `${names.slice(0, 3).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
