/** Statements that begin with a word of their own: `inherit`, `addtask`, `include`, `unset` and the rest. */
import { words, type Diagnostic, type Span } from "@tsbake/base";
import type { LogicalLine } from "./lines.js";
import { badClause, taskKeyword, unsetName } from "./problems.js";
import type { Statement } from "./statement.js";

export type Outcome = Statement | Diagnostic | undefined;

interface Words {
  readonly line: LogicalLine;
  readonly keyword: string;
  /** What follows the keyword and the blanks after it; never empty. */
  readonly argument: string;
  /** Span of the argument. */
  readonly at: Span;
}

/** Splits `keyword argument`; undefined when the line is not of that shape. */
export function splitDirective(line: LogicalLine): Words | undefined {
  const match = /^([A-Za-z_]+)\s+/.exec(line.text);
  if (match === null || match[0].length === line.text.length) return undefined;
  const argument = line.text.slice(match[0].length);
  return { line, keyword: match[1]!, argument, at: line.span(match[0].length, argument.length) };
}

const RECIPE_ONLY: ReadonlySet<string> = new Set([
  "EXPORT_FUNCTIONS",
  "addhandler",
  "addtask",
  "deltask",
  "inherit",
  "inherit_defer",
]);

export function isRecipeOnly(keyword: string): boolean {
  return RECIPE_ONLY.has(keyword);
}

/** The directives that only recipes and classes know; they come before assignments. */
export function recipeDirective(directive: Words): Outcome {
  const { keyword, argument, at } = directive;
  switch (keyword) {
    case "inherit":
    case "inherit_defer":
      return { kind: "inherit", deferred: keyword === "inherit_defer", argument, at };
    case "EXPORT_FUNCTIONS":
      return { kind: "EXPORT_FUNCTIONS", functions: words(argument), at };
    case "addhandler":
      return { kind: "addhandler", handlers: words(argument), at };
    case "addtask":
      return addTask(directive);
    case "deltask": {
      const tasks = withoutComment(argument);
      if (tasks === "") return badClause(at, "`deltask` names no task");
      return { kind: "deltask", argument: tasks, at };
    }
    default:
      return undefined;
  }
}

/** The directives that every file knows; they come after assignments. */
export function commonDirective(directive: Words, isConf: boolean): Outcome {
  const { keyword, argument, at } = directive;
  switch (keyword) {
    case "include":
    case "require":
    case "include_all":
      return { kind: "include", form: keyword, argument, at };
    case "export":
      if (!NAME.test(argument)) return unsetName(at, keyword, argument);
      return { kind: "export", name: argument, at };
    case "unset":
      return unset(directive);
    case "addpylib":
      return isConf ? addPythonLibrary(directive) : undefined;
    case "addfragments":
      return addFragments(directive);
    default:
      return undefined;
  }
}

const NAME = /^[a-zA-Z0-9\-_+.${}/~]+$/;
const NAME_WITH_FLAG = /^([a-zA-Z0-9\-_+.${}/~]+)\[([a-zA-Z0-9\-_+.][a-zA-Z0-9\-_+.@]+)\]$/;

function unset({ argument, at }: Words): Outcome {
  if (NAME.test(argument)) return { kind: "unset", name: argument, at };
  const match = NAME_WITH_FLAG.exec(argument);
  if (match === null) return unsetName(at, "unset", argument);
  return { kind: "unset", name: match[1]!, flag: match[2]!, at };
}

function addPythonLibrary({ argument, at }: Words): Outcome {
  const parts = words(argument);
  const namespace = parts.pop();
  if (namespace === undefined || parts.length === 0) return undefined;
  return {
    kind: "addpylib",
    directory: argument.slice(0, argument.lastIndexOf(namespace)).trimEnd(),
    namespace,
    at,
  };
}

function addFragments({ argument, at }: Words): Outcome {
  const [pathPrefix, fragmentsVariable, flaggedVariablesVariable, builtinVariable, ...more] = words(argument);
  if (flaggedVariablesVariable === undefined || more.length > 0) return undefined;
  return {
    kind: "addfragments",
    pathPrefix: pathPrefix!,
    fragmentsVariable: fragmentsVariable!,
    flaggedVariablesVariable,
    ...(builtinVariable === undefined ? {} : { builtinVariable }),
    at,
  };
}

function withoutComment(text: string): string {
  const comment = text.indexOf("#");
  return (comment === -1 ? text : text.slice(0, comment)).trim();
}

/** `a b after x before y …`: several tasks, any number of clauses in any order. */
function addTask({ line, argument, at }: Words): Outcome {
  const lists = { tasks: [] as string[], after: [] as string[], before: [] as string[] };
  let list: keyof typeof lists = "tasks";
  let isEmpty = true;
  const spanOfEmpty = () =>
    list === "tasks" ? at : line.spanOf(list, line.text.search(new RegExp(`\\b${list}\\b`)));
  for (const word of words(withoutComment(argument))) {
    if (/:(?:append|prepend|remove)_/.test(word)) return taskKeyword(line.spanOf(word), word);
    if (word !== "after" && word !== "before") {
      lists[list].push(word);
      isEmpty = false;
    } else if (isEmpty) {
      break;
    } else {
      list = word;
      isEmpty = true;
    }
  }
  if (!isEmpty) return { kind: "addtask", ...lists, at };
  return badClause(
    spanOfEmpty(),
    list === "tasks" ? "`addtask` names no task" : `nothing follows \`${list}\``,
  );
}
