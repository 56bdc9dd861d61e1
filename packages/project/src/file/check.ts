/** A file held against the table of keys. */
import { nearest, type Diagnostic } from "@tsbake/base";
import * as problem from "../problems.js";
import { VERSIONS, type Shape } from "./schema.js";
import { isList, isMembers, type YamlValue } from "./tree.js";

/** Adds what is wrong with `value` to `problems`. */
export function checkValue(value: YamlValue, shape: Shape, problems: Diagnostic[]): void {
  const { key, at, data } = value;
  const wrong = (expected: string): void => void problems.push(problem.wrongType(key, expected, at));
  switch (shape.kind) {
    case "text":
      if (typeof data === "string" || (data === null && shape.orNone)) return;
      return wrong(typeof data === "number" || typeof data === "boolean" ? "a text, in quotes" : "a text");
    case "match":
      if (typeof data !== "string") return checkValue(value, { kind: "text" }, problems);
      return shape.pattern.test(data) ? undefined : wrong(shape.form);
    case "version": {
      const fault = versionProblem(value);
      if (fault) problems.push(fault);
      return;
    }
    case "number":
      if (typeof data === "number" && Number.isInteger(data) && data >= shape.least && data <= shape.most)
        return;
      return wrong(`a whole number from ${shape.least} to ${shape.most}`);
    case "list":
      if (isList(data)) return data.forEach((one) => checkValue(one, shape.of, problems));
      if (!shape.orOne || isMembers(data) || data === null) return wrong("a list");
      return checkValue(value, shape.of, problems);
    case "words":
      if (data === null && shape.orNone) return;
      if (shape.or && isMembers(data)) return checkMapping(value, shape.or, problems);
      if (shape.words.includes(data)) return;
      if (!shape.or) return wrong(shape.words.map((word) => `\`${String(word)}\``).join(" or "));
      return wrong(`nothing, \`${String(shape.words[0])}\`, or a mapping with \`prio\``);
    case "either":
      if (typeof data === "string") return;
      if (isMembers(data)) return checkMapping(value, shape.mapping, problems);
      return wrong("a path, or a mapping of `repo` and `file`");
    case "refused":
      if (!shape.but?.includes(data))
        problems.push(
          problem.unsupportedKey(key, shape.but?.length ? value.written : undefined, shape.remedy, at),
        );
      return;
    case "mapping":
      return checkMapping(value, shape, problems);
  }
}

function checkMapping(
  { key, keyAt, at, data }: YamlValue,
  shape: Shape & { readonly kind: "mapping" },
  problems: Diagnostic[],
): void {
  if (data === null && shape.orNone) return;
  if (data !== null && !isMembers(data)) {
    problems.push(problem.wrongType(key, "a mapping of keys to values", at));
    return;
  }
  // An empty file lacks its header; of several keys that are missing one is not the thing to tell.
  if (data === null && (shape.required?.length ?? 0) > 1) {
    problems.push(problem.wrongType(key, "a mapping of keys to values", at));
    return;
  }
  const members = data ?? new Map<string, YamlValue>();
  // What is refused is told as that, and not as something that is incomplete.
  const isRefused = [...members.keys()].some((name) => shape.keys?.[name]?.kind === "refused");
  for (const required of isRefused ? [] : (shape.required ?? []))
    if (!members.has(required)) problems.push(problem.missingKey(pathOf(key, required), keyAt));
  // An empty mapping says nothing where something is to be said.
  if (data === null && !shape.required) {
    problems.push(problem.wrongType(key, "a mapping of keys to values", at));
    return;
  }
  for (const [name, member] of members) {
    const own = shape.keys && Object.hasOwn(shape.keys, name) ? shape.keys[name] : shape.each;
    if (own) checkValue(member, own, problems);
    else problems.push(problem.unknownKey(name, nearest(name, Object.keys(shape.keys ?? {})), member.keyAt));
  }
}

function pathOf(key: string, required: string): string {
  return key === "header" ? `header.${required}` : required;
}

function versionProblem({ key, data, written = "", at, keyAt }: YamlValue): Diagnostic | undefined {
  if (data === null) return problem.missingKey(`header.${key}`, keyAt);
  // The first format was called so; it had to be written in quotes.
  if (data === "0.10") return undefined;
  const isNumber = typeof data === "number" && Number.isInteger(data);
  if (!isNumber || data < VERSIONS.least) return problem.projectVersion(written, VERSIONS.most, at);
  return data > VERSIONS.most ? problem.newerVersion(written, VERSIONS.most, at) : undefined;
}
