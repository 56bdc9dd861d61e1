/** docs/bb.md: which names the module `bb` has for metadata, read from its sources. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { byText } from "@tsbake/base";
import { root } from "./paths.js";

const LIB = join(root, "packages/python/lib");

interface PublicName {
  /** As a call is written; a class has its name alone. */
  readonly text: string;
  /** First line of its docstring, or nothing. */
  readonly about: string;
}

const HEAD = `# The module \`bb\`

The functions and classes that metadata finds in \`bb\` here: name, parameters, and the first line of what each says of itself. The names of
BitBake's that are not there fail with words when they are used, and \`hasattr\` answers False. The datastore \`d\` is described in
[language.md](language.md#13-the-datastore-as-python-sees-it); classes of events, which are made when they are needed, in
[differences.md](differences.md#metadata).

This page is made from \`packages/python/lib/bb\` by \`UPDATE_GOLDEN=1 npm test -- unit/docs\`; a test compares both.
`;

export function bbPage(): string {
  const files = readdirSync(join(LIB, "bb"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".py") && !/(^|\/)_(?!_init__)/.test(name))
    .map((name) => `bb/${name}`);
  const modules = files
    .map((file) => [file.replace(/(\/__init__)?\.py$/, "").replaceAll("/", "."), file] as const)
    .toSorted(([left], [right]) => byText(left, right));
  const sections = modules.map(([name, file]) => {
    const names = publicNames(file).toSorted((left, right) => byText(left.text, right.text));
    if (names.length === 0) return "";
    const about = docstringAt(readFileSync(join(LIB, file), "utf8"), 0);
    const rows = names.map((one) => `| \`${one.text}\` | ${cell(one.about)} |`);
    return `\n## ${name}\n\n${about === "" ? "" : `${about}\n\n`}| Name | |\n|---|---|\n${rows.join("\n")}\n`;
  });
  return HEAD + sections.join("");
}

/** Own ones, and those that are taken from a neighbour for metadata: the linter is told so. */
function publicNames(file: string): PublicName[] {
  const source = readFileSync(join(LIB, file), "utf8");
  const own = definitions(source).filter(({ text }) => !text.startsWith("_"));
  const imports = source.matchAll(/^from (bb[\w.]*) import (.*# noqa: F401.*)$/gm);
  const taken = [...imports].flatMap(({ 0: line, 1: module, 2: rest, index }) => {
    const after = rest!.startsWith("(") ? source.slice(index + line.length) : rest!;
    return after
      .replaceAll(/#.*$/gm, "")
      .split(")")[0]!
      .split(/[\s,]+/)
      .filter(Boolean)
      .map((name) => found(module!, name));
  });
  return [...own, ...taken];
}

function found(module: string, name: string): PublicName {
  const path = join(LIB, module.replaceAll(".", "/"));
  const file = [`${path}.py`, `${path}/__init__.py`].find((one) => existsSync(one));
  const all = file === undefined ? [] : definitions(readFileSync(file, "utf8"));
  return all.find(({ text }) => text.split("(")[0] === name) ?? { text: name, about: "" };
}

/** Functions and classes in the first column. */
function definitions(source: string): PublicName[] {
  return [...source.matchAll(/^(def|class) (\w+)(?:\(([^]*?)\))?:\s*$/gm)].map((match) => {
    const [whole, kind, name, parameters] = match;
    const text =
      kind === "class"
        ? name!
        : `${name!}(${(parameters ?? "").trim().split(/\s+/).join(" ").replace(/,$/, "")})`;
    return { text, about: docstringAt(source, match.index + whole.length) };
  });
}

/** The first line of the docstring that begins at or after `start`, with nothing but blanks before it. */
function docstringAt(source: string, start: number): string {
  return /^\s*"""(.*?)(?:"""|\n)/.exec(source.slice(start))?.[1]?.trim() ?? "";
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}
