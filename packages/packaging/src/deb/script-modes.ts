/**
 * Which modes maintainer scripts make narrower, and which links of update-alternatives they make, read from their text: what
 * is done where they do not run, so that nothing ships with a wider mode than it has after an ordinary installation, and
 * commands that are not there are named. Every branch of a script counts, since narrower than
 * usual is a fault that shows, and wider one that does not. What cannot be read is named.
 */
import type { SkippedScript } from "../database/backend.js";
import { type ShellCommand, type Word, shellCommands } from "./shell-words.js";

/** A mode that a script takes bits from. */
export interface ModeRule {
  readonly matches: (path: string) => boolean;
  /** Only these kinds; both when absent. */
  readonly only?: "file" | "directory";
  /** Bits that stay. */
  readonly mask: number;
  /** Set-user-id and set-group-id bits, made for another owner than the one that ships. */
  readonly dropsSetId: boolean;
  /** Of the script. A pattern with an unknown part counts for this package's paths only. */
  readonly package: string;
  readonly isOwnOnly: boolean;
  readonly script: string;
  /** The command, as written. */
  readonly text: string;
}

export interface UnreadMode {
  readonly package: string;
  readonly script: string;
  readonly text: string;
}

/** A link that `update-alternatives --install` or its `--slave` makes (update-alternatives(1)). */
export interface AlternativeLink {
  readonly package: string;
  /** What people call, e.g. `/bin/nc`. */
  readonly link: string;
  /** What it would lead to, e.g. `/bin/nc.openbsd`. */
  readonly path: string;
}

export interface ScriptModes {
  readonly rules: readonly ModeRule[];
  readonly alternatives: readonly AlternativeLink[];
  /** Commands that make a mode narrower on paths that only running the script would tell. */
  readonly unread: readonly UnreadMode[];
}

const INSTALLING = new Set(["preinst", "postinst", "config"]);

export function scriptModes(scripts: readonly SkippedScript[]): ScriptModes {
  const rules: ModeRule[] = [];
  const alternatives: AlternativeLink[] = [];
  const unread: UnreadMode[] = [];
  for (const script of scripts) {
    if (!INSTALLING.has(script.script) || !/chmod|chown|chgrp|statoverride|install/.test(script.text))
      continue;
    if (/^#!\s*\S*\/(?:env\s+)?(?:ba|da|k|z)?sh\b/.test(script.text) || !script.text.startsWith("#!")) {
      const reader = new ScriptReader(script);
      reader.run(shellCommands(script.text));
      rules.push(...reader.rules);
      alternatives.push(...reader.alternatives);
      unread.push(...reader.unread);
    } else if (/\b(?:chmod|chown|statoverride)\b/.test(script.text)) {
      const [text = ""] = script.text.split("\n").filter((line) => /chmod|chown|statoverride/.test(line));
      unread.push({ package: script.package, script: script.script, text: text.trim() });
    }
  }
  return { rules, alternatives, unread };
}

/** Stands for what is not known, and for a temporary file, in a value. */
const UNKNOWN = "\uE000";
const TEMPORARY = "\uE001";

/** More possible values than that are none. */
const MOST_VALUES = 64;
/** Functions that call each other. */
const DEEPEST = 4;

function isKnownPath(text: string): boolean {
  return text.startsWith("/") && !text.includes(UNKNOWN) && !text.includes(TEMPORARY);
}

/** What a script diverts (dpkg-divert(1)): a path of other packages, and where theirs goes. Only what is written out. */
export function diversionsOf(script: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const { words } of script.includes("dpkg-divert") ? shellCommands(script) : []) {
    const texts = words.map((word) => literal(word) ?? UNKNOWN);
    const start = texts.findIndex((text) => text.replace(/^.*\//, "") === "dpkg-divert");
    const args = texts.slice(start + 1);
    if (start < 0 || args.some((text) => OTHER_DIVERT_ACTIONS.has(text))) continue;
    let from = "";
    let to: string | undefined;
    for (let at = 0; at < args.length; at++) {
      const text = args[at] ?? "";
      if (text === "--divert") to = args[(at += 1)];
      else if (text.startsWith("--divert=")) to = text.slice("--divert=".length);
      else if (text === "--package" || text === "--admindir" || text === "--instdir") at += 1;
      else if (!text.startsWith("-")) from = text;
    }
    to ??= `${from}.distrib`;
    if (isKnownPath(from) && isKnownPath(to)) found.set(from, to);
  }
  return found;
}

const OTHER_DIVERT_ACTIONS = new Set(["--remove", "--list", "--listpackage", "--truename"]);

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

type Values = readonly string[];

class ScriptReader {
  readonly rules: ModeRule[] = [];
  readonly alternatives: AlternativeLink[] = [];
  readonly unread: UnreadMode[] = [];
  readonly #script: SkippedScript;
  readonly #variables = new Map<string, Values>([["DPKG_ROOT", [""]]]);
  readonly #functions = new Map<string, readonly ShellCommand[]>();
  #depth = 0;
  /** What the last `find` may print. */
  #found: Values = [];

  constructor(script: SkippedScript) {
    this.#script = script;
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
      case "update-alternatives":
        this.#alternative(args);
        return;
      case "xargs": {
        const start = args.findIndex(([word = ""]) => /^(?:chmod|chown|chgrp)$/.test(word));
        if (start >= 0)
          this.#setMode(args[start]?.[0] ?? "", [...args.slice(start + 1), this.#found], command);
        return;
      }
      default:
        if (this.#functions.has(name)) this.#call(name, args);
        else this.#setMode(name, args, command);
    }
  }

  /** `--install LINK NAME PATH PRIORITY [--slave LINK NAME PATH]…` */
  #alternative(args: readonly Values[]): void {
    for (const [at, [word]] of args.entries()) {
      if (word !== "--install" && word !== "--slave") continue;
      const paths = args[at + 3] ?? [];
      for (const link of args[at + 1] ?? []) {
        const [path] = paths.length === 1 ? paths : paths.filter((one) => one.startsWith(link));
        if (!isKnownPath(link) || path === undefined || !isKnownPath(path)) continue;
        this.alternatives.push({ package: this.#script.package, link, path });
      }
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
    this.#setMode(words[0]?.[0] ?? "", [...words.slice(1), this.#found], command, only);
  }

  #setMode(name: string, args: readonly Values[], command: ShellCommand, only?: ModeRule["only"]): void {
    const words = args.filter(([word = ""]) => !/^-[a-zA-Z-]+$/.test(word) || isSymbolic(word));
    const flags = args.flat().filter((word) => word.startsWith("-") && !isSymbolic(word));
    const below = flags.some((flag) => flag === "--recursive" || /^-[a-zA-Z]*R/.test(flag));
    if (name === "chmod") {
      const [modes = [], ...paths] = words;
      this.#add(paths.flat(), maskOf(modes), { below, only, command });
    } else if (name === "chown" || name === "chgrp") {
      const dropsSetId = !(words[0] ?? []).every(isRoot);
      this.#add(words.slice(1).flat(), 0o7777, { below, only, command, dropsSetId });
    } else if (name === "dpkg-statoverride" && flags.includes("--add")) {
      const [users = [], groups = [], modes = [], paths = []] = words;
      const dropsSetId = ![...users, ...groups].every(isRoot);
      this.#add(paths, maskOf(modes), { below: false, only, command, dropsSetId });
    } else if (name === "install") this.#install(args, command);
  }

  /** `install -m MODE … PATH`, `install -d -m MODE PATH…`. */
  #install(args: readonly Values[], command: ShellCommand): void {
    const paths: Values[] = [];
    let modes: Values | undefined;
    let isFolder = false;
    for (let at = 0; at < args.length; at++) {
      const word = args[at]?.[0] ?? "";
      if (/^--(?:mode|owner|group)=/.test(word)) {
        if (word.startsWith("--mode=")) modes = [word.slice(7)];
      } else if (
        /^-[a-zA-Z]*[mogS]$/.test(word) ||
        word === "--mode" ||
        word === "--owner" ||
        word === "--group"
      ) {
        at += 1;
        if (word.endsWith("m") || word === "--mode") modes = args[at];
        if (/^-[a-zA-Z]*d/.test(word)) isFolder = true;
      } else if (/^-m./.test(word)) modes = [word.slice(2)];
      else if (word.startsWith("-")) isFolder ||= /^-[a-zA-Z]*d|^--directory/.test(word);
      else paths.push(args[at] ?? []);
    }
    if (modes === undefined) return;
    const targets = isFolder ? paths.flat() : (paths.at(-1) ?? []);
    this.#add(targets, maskOf(modes), { below: false, only: isFolder ? "directory" : "file", command });
  }

  #add(
    paths: Values,
    mask: number | undefined,
    about: { below: boolean; only?: ModeRule["only"]; command: ShellCommand; dropsSetId?: boolean },
  ): void {
    const { below, only, command, dropsSetId = false } = about;
    const { package: owner, script } = this.#script;
    const { text } = command;
    if (mask === 0o7777 && !dropsSetId) return;
    for (const path of new Set(paths)) {
      if (path.includes(TEMPORARY)) continue;
      const isOwnOnly = path.includes(UNKNOWN);
      // Of a path that begins with something unknown nothing is known; of one with a known folder, the folder.
      const known = /^\/[^/\uE000]+\/[^/\uE000]/.test(path);
      if (!path.startsWith("/") && !isOwnOnly) continue;
      if (mask === undefined || (isOwnOnly && !known)) {
        if (mask !== 0o7777) this.unread.push({ package: owner, script, text });
        continue;
      }
      const matches = globMatcher(path.replaceAll(UNKNOWN, "**"), below);
      this.rules.push({
        matches,
        ...(only && { only }),
        mask,
        dropsSetId,
        package: owner,
        isOwnOnly,
        script,
        text,
      });
    }
  }
}

/** Whom everything in a package belongs to, unless it says otherwise. */
function isRoot(owner: string): boolean {
  return /^(?:root|0)?(?:[:.](?:root|0)?)?$/.test(owner);
}

/** The bits that may stay after a chmod; undefined when the mode is not known, 0o7777 when it takes none. */
function maskOf(modes: Values): number | undefined {
  const masks = modes.map((mode) =>
    /^[0-7]{1,5}$/.test(mode) ? Number.parseInt(mode, 8) : symbolicMask(mode),
  );
  if (masks.length === 0 || masks.includes(undefined)) return undefined;
  return masks.reduce<number>((all, one) => all & (one ?? 0), 0o7777);
}

function isSymbolic(word: string): boolean {
  return (
    /^[ugoa]*[-+=][rwxXstugo]*(?:,[ugoa]*[-+=][rwxXstugo]*)*$/.test(word) && !/^-R$|^-[cfvh]+$/.test(word)
  );
}

const SHIFTS: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };

function symbolicMask(text: string): number | undefined {
  let mask = 0o7777;
  for (const clause of text.split(",")) {
    const [, who = "", operator, what = ""] = /^([ugoa]*)([-+=])([rwxXstugo]*)$/.exec(clause) ?? [];
    if (operator === undefined) return undefined;
    if (operator === "+") continue;
    const classes = who === "" || who.includes("a") ? "ugo" : who;
    // g=u copies bits that are not known here, so none are taken.
    if (operator === "=" && /[ugo]/.test(what)) continue;
    const bits = (what.includes("r") ? 4 : 0) | (what.includes("w") ? 2 : 0) | (/[xX]/.test(what) ? 1 : 0);
    for (const one of new Set(classes)) {
      const shift = SHIFTS[one] ?? 0;
      const special = one === "u" ? 0o4000 : one === "g" ? 0o2000 : 0;
      if (operator === "-") mask &= ~((bits << shift) | (what.includes("s") ? special : 0));
      else mask &= ~((7 & ~bits) << shift) & (what.includes("s") ? 0o7777 : ~special);
    }
  }
  return mask;
}

/** Folders at the root that lead into /usr count as there. */
function globMatcher(glob: string, below: boolean): (path: string) => boolean {
  const plain = glob
    .replace(/\/+/g, "/")
    .replace(/(.)\/$/, "$1")
    .replace(/^\/(bin|sbin|lib|lib32|lib64|libx32)\//, "/usr/$1/");
  if (!/[*?[]/.test(plain)) return (path) => path === plain || (below && path.startsWith(`${plain}/`));
  const source = plain.replace(/\*\*|\[[^\]]*\]|[*?]|[\\^$.|+()[\]{}]/g, (part) =>
    part === "**"
      ? ".*"
      : part === "*"
        ? "[^/]*"
        : part === "?"
          ? "[^/]"
          : part.length > 1
            ? "[^/]"
            : `\\${part}`,
  );
  const pattern = new RegExp(`^${source}${below ? "(?:/.*)?" : ""}$`, "s");
  return (path) => pattern.test(path);
}

/** The text of a word that is nothing but text. */
function literal(word: Word | undefined): string | undefined {
  if (word === undefined || word.some(({ kind }) => kind !== "text")) return undefined;
  return textBefore(word);
}

/** The text with which a word begins. */
function textBefore(word: Word): string {
  let text = "";
  for (const part of word) {
    if (part.kind !== "text") break;
    text += part.text;
  }
  return text;
}

/** The word without its first characters, which are text. */
function dropText(word: Word, count: number): Word {
  const left: Word[number][] = [];
  let skip = count;
  for (const part of word) {
    if (part.kind !== "text" || skip === 0) left.push(part);
    else {
      if (part.text.length > skip) left.push({ kind: "text", text: part.text.slice(skip) });
      skip = Math.max(0, skip - part.text.length);
    }
  }
  return left;
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
