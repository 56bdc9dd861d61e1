/**
 * What every name that a recipe's tasks reach contributes to signatures: a value text and the names it depends on.
 *
 * @see docs/language.md 21; BitBake 2.19 lib/bb/data.py, build_dependencies
 */
import { byText, redact, sha256, words } from "@tsbake/base";
import {
  exportedNames,
  isFlagTrue,
  isTruthy,
  librariesOf,
  scanPython,
  scanShell,
  type Datastore,
  type PythonScan,
  type Value,
} from "@tsbake/datastore";
import { libraryFunctions, type LibraryEntry } from "./library-functions.js";
import { NameOrder } from "./name-order.js";
import { checkShell } from "./shell-check.js";
import { Reach } from "./reach.js";
import { merge, TextAnalysis, type TextReferences } from "./text-references.js";
import type { SignatureHandler, VariableNode } from "./writer.js";

/** Flags that are read expanded; the others count unexpanded, where they count at all. */
const EXPANDED_FLAGS = ["vardeps", "vardepvalue", "vardepsexclude", "exports", "postfuncs", "prefuncs"];

/** How a task with [fakeroot] is started. */
const FAKEROOT = ["FAKEROOTCMD", "FAKEROOTENV", "FAKEROOTDIRS"];

/** What all recipes share: answers that depend on text only. */
export class SharedAnalysis {
  readonly handler: SignatureHandler;
  readonly texts = new TextAnalysis();
  readonly order = new NameOrder();
  /** By text. */
  readonly visited = new Map<string, PythonScan>();
  /** The last node of a name: mostly the configuration's, the same in the next recipe. */
  readonly #last = new Map<string, VariableNode>();

  constructor(handler: SignatureHandler) {
    this.handler = handler;
  }

  node(name: string, value: string | undefined, needs: readonly string[]): VariableNode {
    const last = this.#last.get(name);
    const digest = last && last.value === value ? last.digest : this.handler.nodeDigest(name, value);
    const node = { name, value, needs, digest };
    this.#last.set(name, node);
    return node;
  }
}

/** The nodes of one datastore, made when they are first asked for. */
export class RecipeVariables {
  readonly #d: Datastore;
  readonly #shared: SharedAnalysis;
  readonly #numbers = new Map<string, number>();
  readonly #nodes: VariableNode[] = [];
  readonly #reach: Reach<VariableNode>;
  readonly #library: ReadonlyMap<string, LibraryEntry>;
  readonly #ignored: ReadonlySet<string>;
  /** BB_SIGNATURE_EXCLUDE_FLAGS; empty: no flag is an input of its own. */
  readonly #excludedFlags: ReadonlySet<string>;
  #exported: readonly string[] | undefined;
  #standIns: Datastore | undefined;

  constructor(d: Datastore, shared: SharedAnalysis) {
    this.#d = d;
    this.#shared = shared;
    this.#reach = new Reach(this.#nodes, (name) => this.#number(name), shared.order);
    this.#library = libraryFunctions(librariesOf(d));
    this.#ignored = new Set(words(d.getText("BB_BASEHASH_IGNORE_VARS")));
    this.#excludedFlags = new Set(words(d.getText("BB_SIGNATURE_EXCLUDE_FLAGS")));
  }

  node(name: string): VariableNode {
    return this.#nodes[this.#number(name)]!;
  }

  /** Every node that `name` needs, directly or not, sorted by name; itself only when it stands in a circle. */
  reached(name: string): VariableNode[] {
    return this.#reach.from(this.#number(name));
  }

  #number(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    const node = this.#make(name);
    const number = this.#nodes.push(node) - 1;
    this.#numbers.set(name, number);
    return number;
  }

  #make(name: string): VariableNode {
    if (name.endsWith("]")) return this.#flagNode(name);
    const library = this.#library.get(name);
    return library ? this.#libraryNode(name, library) : this.#variableNode(name);
  }

  /** A function of a library that `addpylib` named. @see BitBake 2.19 lib/bb/codeparser.py, add_module_functions */
  #libraryNode(name: string, { code, module }: LibraryEntry): VariableNode {
    const scan = this.#scan(code.text);
    const needs = new Set([...scan.references, ...code.vardeps]);
    for (const excluded of code.vardepsexclude) needs.delete(excluded);
    const calls = [...scan.calls].map((call) =>
      module.callables.includes(call) ? `${module.name}.${call}` : call,
    );
    this.#addKnown(needs, new Set(calls));
    const exclusions = words(textOf(this.#d.getVarFlag(name, "vardepsexclude")));
    const value = code.digest + this.#containsLines(scan.contains, []);
    return this.#shared.node(name, value, this.#kept(needs, exclusions));
  }

  /** `var[flag]`. */
  #flagNode(name: string): VariableNode {
    const open = name.indexOf("[");
    const flag = name.slice(open + 1, -1);
    if (open <= 0 || flag === "vardepvalueexclude") return this.#shared.node(name, "", []);
    const value = textOf(this.#d.getVarFlag(name.slice(0, open), flag, { expand: false }));
    const needs = new Set<string>();
    if (value !== undefined) this.#addReferences(needs, this.#shared.texts.references(value, name, this.#d));
    return this.#shared.node(name, value, this.#kept(needs, []));
  }

  #variableNode(name: string): VariableNode {
    const flags = this.#d.getVarFlags(name, { expand: EXPANDED_FLAGS });
    const flag = (one: string) => words(textOf(flags?.get(one)));
    const exclusions = flag("vardepsexclude");
    const needs = new Set<string>();
    let value: string | undefined;
    if (flags?.has("vardepvalue")) value = this.#shown(textOf(flags.get("vardepvalue")));
    else if (isTruthy(flags?.get("func"))) {
      value = isTruthy(flags?.get("python"))
        ? this.#pythonFunction(name, needs, exclusions)
        : this.#shellFunction(name, needs, exclusions);
      for (const one of ["prefuncs", "postfuncs", "exports"]) for (const word of flag(one)) needs.add(word);
    } else value = this.#plainVariable(name, needs, exclusions);
    for (const text of textOf(flags?.get("vardepvalueexclude"))?.split("|") ?? []) {
      if (text !== "") value = value?.replaceAll(text, "");
    }
    if (this.#excludedFlags.size > 0 && flags) {
      for (const one of flags.keys()) if (!this.#excludedFlags.has(one)) needs.add(`${name}[${one}]`);
    }
    if (isTruthy(flags?.get("task")) && this.#shared.handler.countsEnvironment)
      this.#addSurroundings(name, needs);
    for (const word of flag("vardeps")) needs.add(word);
    return this.#shared.node(name, value, this.#kept(needs, exclusions));
  }

  /** What the engine runs a task's body in, whatever the body reads. BitBake's hashes have it for shell only, and in part. */
  #addSurroundings(task: string, needs: Set<string>): void {
    for (const exported of this.#exportedNames()) needs.add(exported);
    if (!isTruthy(this.#d.getVarFlag(task, "umask", { expand: false }))) needs.add("BB_DEFAULT_UMASK");
    if (isFlagTrue(this.#d, task, "fakeroot")) for (const one of FAKEROOT) needs.add(one);
  }

  #pythonFunction(name: string, needs: Set<string>, exclusions: readonly string[]): string | undefined {
    const value = textOf(this.#raw(name).value);
    if (value === undefined) return undefined;
    const scan = this.#scan(value);
    this.#addReferences(needs, scan);
    return value + this.#containsLines(scan.contains, exclusions);
  }

  /** What a function's text reads. Where it calls a library function that says itself what it reads, that one is asked. */
  #scan(text: string): PythonScan {
    const scan = scanPython(text);
    const visited = [...scan.calls].filter((name) => this.#library.get(name)?.code.visited);
    if (visited.length === 0) return scan;
    let known = this.#shared.visited.get(text);
    if (!known) {
      const { calls, contains } = this.#library.get(visited[0]!)!.library.visitCalls(text);
      const called = new Set([...scan.calls].filter((name) => !visited.includes(name)).concat(calls));
      const asked = Object.entries(contains).map(([name, items]) => [name, new Set(items)] as const);
      known = { ...scan, calls: called, contains: new Map([...scan.contains, ...asked]) };
      this.#shared.visited.set(text, known);
    }
    return known;
  }

  /** The value is the unexpanded text; what it runs is seen in the expanded one. */
  #shellFunction(name: string, needs: Set<string>, exclusions: readonly string[]): string | undefined {
    const { value: raw, removes } = this.#raw(name);
    const value = textOf(raw);
    for (const exported of this.#exportedNames()) needs.add(exported);
    if (value === undefined) return undefined;
    const expanded = value.includes("${")
      ? this.#shellData().expandWithReferences(value, name)
      : { value, references: new Set<string>(), inline: [] };
    const found = merge(expanded.references, expanded.inline);
    this.#addReferences(needs, found);
    const { commands, problem } = scanShell(expanded.value);
    if (problem) checkShell(this.#d, name, expanded.value, problem);
    this.#addKnown(needs, commands);
    const lines = this.#containsLines(found.contains, exclusions);
    return value + lines + this.#removeLines(removes, needs, exclusions);
  }

  /**
   * What shell text is expanded with: BB_HASH_CODEPARSER_VALS has stand-ins for values that say where the build lies, for
   * a name such as `HOME:-/build/tmp` would bring them into the hash.
   */
  #shellData(): Datastore {
    if (this.#standIns) return this.#standIns;
    const pairs = words(this.#d.getText("BB_HASH_CODEPARSER_VALS"));
    const d = pairs.length === 0 ? this.#d : this.#d.createCopy();
    for (const pair of pairs) {
      const [name = "", ...value] = pair.split("=");
      d.setVar(name, value.join("="));
    }
    return (this.#standIns = d);
  }

  #plainVariable(name: string, needs: Set<string>, exclusions: readonly string[]): string | undefined {
    const { value: raw, removes } = this.#raw(name);
    const value = this.#shown(textOf(raw));
    if (value === undefined) return undefined;
    const found = this.#shared.texts.references(value, name, this.#d);
    this.#addReferences(needs, found);
    const lines = this.#containsLines(found.contains, exclusions);
    return value + lines + this.#removeLines(removes, needs, exclusions);
  }

  /** What counts of a value: no login, but another query may fetch something else. */
  #shown(value: string | undefined): string | undefined {
    if (value === undefined || !this.#shared.handler.ignoresPasswords) return value;
    return redact(value, (secret) => sha256(secret).slice(0, 16));
  }

  /** Where no `:remove` can be, the value is not expanded for it: that would evaluate all inline Python there is. */
  #raw(name: string): ReturnType<Datastore["rawWithRemoves"]> {
    const d = this.#d;
    if (d.getVarFlag(name, ":remove", { expand: false }) === undefined && !d.hasOverrides(name)) {
      return { value: d.getVar(name, { expand: false }), removes: [] };
    }
    return d.rawWithRemoves(name);
  }

  #addReferences(needs: Set<string>, found: Pick<TextReferences, "references" | "calls">): void {
    for (const reference of found.references) needs.add(reference);
    this.#addKnown(needs, found.calls);
  }

  /** Of all that is called, what metadata defines. */
  #addKnown(needs: Set<string>, names: ReadonlySet<string>): void {
    for (const name of names) {
      if (!name.startsWith("__") && (this.#d.isKnown(name) || this.#library.has(name))) needs.add(name);
    }
  }

  /** `VAR{words} = Set` or `Unset` for each membership that was asked for: the rest of VAR does not matter. */
  #containsLines(contains: PythonScan["contains"], exclusions: readonly string[]): string {
    let lines = "";
    for (const name of [...contains.keys()].sort(byText)) {
      if (this.#ignored.has(name) || exclusions.includes(name)) continue;
      const present = new Set(words(this.#d.getText(name)));
      for (const item of [...contains.get(name)!].sort(byText)) {
        const isThere = words(item).every((word) => present.has(word));
        lines += `\n${name}{${item}} = ${isThere ? "Set" : "Unset"}`;
      }
    }
    return lines;
  }

  /**
   * A line for each `:remove` that took something away.
   *
   * @see BitBake 2.19 lib/bb/data.py, handle_remove: what the second one refers to is lost there
   */
  #removeLines(removes: readonly string[], needs: Set<string>, exclusions: readonly string[]): string {
    let lines = "";
    for (const [index, text] of removes.entries()) {
      const found = this.#shared.texts.references(text, "", this.#d);
      if (index === 0 || !this.#shared.handler.losesRemoves) {
        for (const reference of found.references) needs.add(reference);
      }
      lines += `\n_remove of ${text}${this.#containsLines(found.contains, exclusions)}`;
    }
    return lines;
  }

  #kept(needs: Set<string>, exclusions: readonly string[]): string[] {
    for (const name of exclusions) needs.delete(name);
    if (this.#ignored.size > 0) for (const name of needs) if (this.#ignored.has(name)) needs.delete(name);
    return [...needs];
  }

  /** Exported variables are the environment of every shell function. */
  #exportedNames(): readonly string[] {
    if (!this.#exported) {
      const names = exportedNames(this.#d);
      // BitBake's list does not have names with a weak default only.
      const isListed = (name: string) =>
        ["export", "unexport"].some(
          (flag) => this.#d.getVarFlag(name, flag, { expand: false, noWeakDefault: true }) !== undefined,
        );
      this.#exported = this.#shared.handler.countsEnvironment ? names : names.filter(isListed);
    }
    return this.#exported;
  }
}

function textOf(value: Value | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
