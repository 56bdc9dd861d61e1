/**
 * Walks through a shell script without running it: every branch is taken, a variable is all that it is ever assigned, and a
 * function is read with the arguments of each call. So what is reported is at least what an execution does.
 */
import { type ShellCommand, type Word, dropText, literal, textBefore } from "./shell-words.js";
import { TEMPORARY, UNKNOWN, type Values } from "./values.js";

/** A command that the script may run, by itself or through `find -exec` and xargs. */
export interface StartedCommand {
  /** Without the folder. */
  readonly name: string;
  readonly args: readonly Values[];
  /** As the script has it. */
  readonly command: ShellCommand;
  /** Only these kinds of files: `find -type`. */
  readonly only?: "file" | "directory";
}

/** More possible values than that are none. */
const MOST_VALUES = 64;
/** Functions that call each other. */
const DEEPEST = 4;

/** Words before a command that change nothing of what it is. */
const PREFIXES = new Set([
  "if",
  "then",
  "else",
  "elif",
  "do",
  "while",
  "until",
  "!",
  "{",
  "exec",
  "command",
  "time",
]);

export class ScriptReader {
  readonly #onCommand: (started: StartedCommand) => void;
  readonly #variables = new Map<string, Values>([["DPKG_ROOT", [""]]]);
  readonly #functions = new Map<string, readonly ShellCommand[]>();
  #depth = 0;
  /** What the last `find` may print. */
  #found: Values = [];

  /** @param onCommand told of each command that is none of the shell's own and no function, in the order of the text */
  constructor(onCommand: (started: StartedCommand) => void) {
    this.#onCommand = onCommand;
  }

  run(commands: readonly ShellCommand[]): void {
    for (let at = 0; at < commands.length; at++) {
      const name = this.#functionAt(commands, at);
      if (name !== undefined) {
        const end = endOfBlock(commands, at + 1);
        this.#functions.set(name, withoutBraces(commands.slice(at + 1, end)));
        at = end - 1;
        continue;
      }
      const command = commands[at];
      if (command !== undefined) this.#one(command);
    }
  }

  /** `name` `{`: the reader makes a command of a name before parentheses. */
  #functionAt(commands: readonly ShellCommand[], at: number): string | undefined {
    const words = commands[at]?.words ?? [];
    const next = commands[at + 1]?.words[0];
    const [name] = words.length === 1 || literal(words[0]) === "function" ? words.slice(-1) : [];
    const text = literal(name);
    return text !== undefined && /^\w+$/.test(text) && literal(next) === "{" ? text : undefined;
  }

  #one(command: ShellCommand): void {
    let words = command.words.filter((word) => word.length > 0);
    while (words.length > 0 && PREFIXES.has(literal(words[0]) ?? "")) words = words.slice(1);
    while (words.length > 0 && this.#assigns(words[0] ?? [])) words = words.slice(1);
    const [first, ...rest] = words;
    const name = literal(first)?.replace(/^.*\//, "");
    if (name === undefined) return;
    const args = rest.map((word) => this.#valuesOf(word));
    switch (name) {
      case "local":
      case "export":
      case "readonly":
        for (const word of rest) this.#assigns(word);
        return;
      case "for":
        if (args[0]?.[0] !== undefined) this.#assign(args[0][0], args.slice(2).flat());
        return;
      case "read":
        for (const [variable] of args)
          if (variable !== undefined && !variable.startsWith("-")) this.#assign(variable, this.#found);
        return;
      case "find":
        this.#find(args, command);
        return;
      case "xargs": {
        const start = args.findIndex(([word = ""]) => /^(?:chmod|chown|chgrp)$/.test(word));
        const started = args[start]?.[0];
        if (started !== undefined)
          this.#onCommand({ name: started, args: [...args.slice(start + 1), this.#found], command });
        return;
      }
      default:
        if (this.#functions.has(name)) this.#call(name, args);
        else this.#onCommand({ name, args, command });
    }
  }

  #call(name: string, args: readonly Values[]): void {
    if (this.#depth >= DEEPEST) return;
    this.#depth += 1;
    const before = new Map(this.#variables);
    for (let at = 0; at < 9; at++) this.#variables.set(String(at + 1), args[at] ?? []);
    // What the function assigns is of this call; unions over calls would mix their arguments.
    this.run(this.#functions.get(name) ?? []);
    this.#variables.clear();
    for (const [variable, values] of before) this.#variables.set(variable, values);
    this.#depth -= 1;
  }

  #assigns(word: Word): boolean {
    const [, name, start = ""] = /^(\w+)=(.*)$/s.exec(textBefore(word)) ?? [];
    if (name === undefined) return false;
    const rest = dropText(word, textBefore(word).length - start.length);
    this.#assign(name, this.#valuesOf(rest, true));
    return true;
  }

  #assign(name: string, values: Values): void {
    const all = [...new Set([...(this.#variables.get(name) ?? []), ...values])];
    this.#variables.set(name, all.length > MOST_VALUES ? [UNKNOWN] : all);
  }

  /** Every text that the word can be; unquoted variables are split at blanks. */
  #valuesOf(word: Word, isWhole = false): Values {
    let values: string[] = [""];
    for (const part of word) {
      const next =
        part.kind === "text"
          ? [part.text]
          : part.kind === "variable"
            ? this.#variable(part.name, part.isQuoted || isWhole)
            : [part.kind === "temporary" ? TEMPORARY : UNKNOWN];
      values = values.flatMap((head) => next.map((tail) => head + tail));
      if (values.length > MOST_VALUES) return [UNKNOWN];
    }
    return values;
  }

  #variable(name: string, isWhole: boolean): Values {
    const values = this.#variables.get(name);
    if (values === undefined || values.length === 0) return [UNKNOWN];
    return isWhole ? values : values.flatMap((value) => value.split(/\s+/));
  }

  #find(args: readonly Values[], command: ShellCommand): void {
    const end = args.findIndex(([word = ""]) => /^[-(!]/.test(word));
    const roots = args.slice(0, end < 0 ? undefined : end).flat();
    this.#found = roots.flatMap((root) => [root, `${root.replace(/\/$/, "")}/**`]);
    const start = args.findIndex(([word = ""]) => word.startsWith("-exec") || word.startsWith("-ok"));
    if (start < 0) return;
    const type = args[args.findIndex(([word]) => word === "-type") + 1]?.[0];
    const words = args.slice(start + 1).filter(([word = ""]) => !/^(?:\{\}|;|\+)$/.test(word));
    const only = type === "f" ? "file" : type === "d" ? "directory" : undefined;
    this.#onCommand({
      name: words[0]?.[0] ?? "",
      args: [...words.slice(1), this.#found],
      command,
      ...(only && { only }),
    });
  }
}

/** The index after the `}` that closes the block at `start`. */
function endOfBlock(commands: readonly ShellCommand[], start: number): number {
  let depth = 0;
  for (let at = start; at < commands.length; at++) {
    const words = commands[at]?.words.map(literal) ?? [];
    if (words[0] === "{") depth += 1;
    // `{ a; b; }` on the right of something: the brace is the last word of no command of ours.
    if (words[0] === "}") depth -= 1;
    if (depth === 0) return at + 1;
  }
  return commands.length;
}

function withoutBraces(commands: readonly ShellCommand[]): ShellCommand[] {
  return commands.flatMap((command) => {
    const [first, ...rest] = command.words;
    if (literal(first) === "{") return rest.length > 0 ? [{ ...command, words: rest }] : [];
    return literal(first) === "}" ? [] : [command];
  });
}
