/** Every problem of this room, one function each, in the order of their codes. */
import { BOOLEAN_WORDS, namesNear } from "@tsbake/base";
import type { Diagnostic, Note, Span } from "@tsbake/base";

/** What is known of a problem's place: nothing, when it comes from Python code without a file. */
type At = Span | undefined;

function at(span: At): { at?: Span } {
  return span === undefined ? {} : { at: span };
}

/** `addpylib` in a recipe. */
export function addpylibInRecipe(span: At): Diagnostic {
  return {
    severity: "error",
    code: "datastore/addpylib-in-recipe",
    message: "`addpylib` is read in the configuration only",
    ...at(span),
    help: "move it to conf/layer.conf of the layer",
  };
}

/** A builtin fragment for a variable that has a value already. */
export function assignedFragment(span: At, fragment: string, variable: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/assigned-fragment",
    message: `the fragment \`${fragment}\` sets \`${variable}\`, which has a value already`,
    ...at(span),
    help: `remove the fragment, or the assignment of \`${variable}\``,
  };
}

/** A task's `[depends]` word without a colon. */
export function dependsEntry(span: At, task: string, entry: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/depends-entry",
    message: `\`${task}[depends]\` has \`${entry}\`, which is not \`RECIPE:TASK\``,
    ...at(span),
    help: `write \`${entry.split(":")[0]}:do_TASK\`, for instance \`${entry.split(":")[0]}:do_populate_sysroot\``,
  };
}

/** The same file named twice. */
export function duplicateInclusion(span: At, path: string): Diagnostic {
  return {
    severity: "warning",
    code: "datastore/duplicate-inclusion",
    message: `\`${path}\` was read already`,
    ...at(span),
    help: "remove one of the two lines: a second reading repeats its `+=` and `:append`",
  };
}

/** A value that cannot be computed. */
export function expansion(
  span: At,
  message: string,
  more: { chain: readonly string[]; notes: readonly Note[]; help: string | undefined },
): Diagnostic {
  const { chain, notes, help = "correct the expression, or quote what should stay text" } = more;
  return {
    severity: "error",
    code: "datastore/expansion",
    message,
    ...at(span),
    ...(notes.length > 0 ? { notes } : {}),
    help: chain.length > 1 ? `${help}; it was needed along \`${chain.join("` -> `")}\`` : help,
  };
}

/** `EXPORT_FUNCTIONS` in a file that is no class. */
export function exportOutsideClass(span: At): Diagnostic {
  return {
    severity: "error",
    code: "datastore/export-outside-class",
    message: "`EXPORT_FUNCTIONS` stands in a file that is no class",
    ...at(span),
    help: "it gives a class's function a name without the class's: move it to the .bbclass file",
  };
}

/** `EXPORT_FUNCTIONS` of a shell function in a class whose name is no part of a shell name. */
export function exportWithDash(span: At, className: string, name: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/export-with-dash",
    message: `the class name \`${className}\` has a dash, so \`${name}\` cannot be called in a shell`,
    ...at(span),
    help: "rename the class with `_` in place of `-`, or do without EXPORT_FUNCTIONS",
  };
}

/** A file that leads back to itself. */
export function includeLoop(span: At, path: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "datastore/include-loop",
    message: `files include each other in a circle: ${path.join(" -> ")}`,
    ...at(span),
    help: "remove one of these include, require or inherit lines",
  };
}

/** A flag that says yes or no and has another word. */
export function malformedBoolean(span: At, name: string, flag: string, text: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/malformed-boolean",
    message: `\`${name}[${flag}]\` is \`${text}\`, which is neither yes nor no`,
    ...at(span),
    help: `write ${BOOLEAN_WORDS}`,
  };
}

/** `inherit` of a class that is nowhere. */
export function missingClass(span: At, name: string, tried: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "datastore/missing-class",
    message: `there is no class \`${name}\``,
    ...at(span),
    help: `${meant(tried)}it may be one of: ${list(tried)}; correct the name, or add the layer that has it to BBLAYERS`,
  };
}

/** An enabled fragment that no layer has. */
export function missingFragment(span: At, name: string, layers: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "datastore/missing-fragment",
    message: `there is no fragment \`${name}\``,
    ...at(span),
    help: `fragments are looked for in the layer whose name stands before the slash; layers: ${list(layers)}`,
  };
}

/** `addhandler` without the function. */
export function missingHandler(span: At, name: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/missing-handler",
    message: `the event handler \`${name}\` has no function`,
    ...at(span),
    help: `write \`python ${name}() { … }\`, or remove it from addhandler`,
  };
}

/** `require` of a file that is nowhere. */
export function missingInclude(
  span: At,
  name: string,
  tried: readonly string[],
  notes: readonly Note[] = [],
): Diagnostic {
  return {
    severity: "error",
    code: "datastore/missing-include",
    message: `there is no file \`${name}\``,
    ...at(span),
    ...(notes.length > 0 ? { notes } : {}),
    help: `${unset(name)}${meant(tried)}it may be one of: ${list(tried)}; correct the name, add its layer to BBLAYERS, or write \`include\` if it may be missing`,
  };
}

/** What stayed of a reference in a name. */
function unset(name: string): string {
  const variable = /\$\{([^@}]+)\}/.exec(name)?.[1];
  return variable === undefined ? "" : `\`${variable}\` has no value at this place: set it before; `;
}

/** A recipe virtual provider without a choice. */
export function missingPreferredProvider(name: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/missing-preferred-provider",
    message: `\`${name}\` is needed and PREFERRED_PROVIDER_${name} is not set`,
    help: `set \`PREFERRED_PROVIDER_${name}\` in a configuration file`,
  };
}

/** `addpylib` of a Python package that is not there. */
export function missingPythonLibrary(span: At, directory: string, namespace: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/missing-python-library",
    message: `there is no Python package \`${namespace}\` in ${directory}`,
    ...at(span),
    help: `write \`addpylib FOLDER PACKAGE\`, where FOLDER has PACKAGE/__init__.py or PACKAGE.py`,
  };
}

/** `include x.txt`. */
export function notMetadata(span: At, path: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/not-metadata",
    message: `\`${path}\` is no metadata file by its name`,
    ...at(span),
    help: "metadata files end in .bb, .bbclass, .inc or .conf",
  };
}

/** A name spelt as before Yocto 3.4, made by Python code or by key expansion. */
export function oldOverrideName(span: At, name: string): Diagnostic {
  return {
    severity: "error",
    code: "datastore/old-override-name",
    message: `\`${name}\` uses the old override syntax`,
    ...at(span),
    help: "write `:append`, `:prepend` and `:remove` with a colon",
  };
}

/** Several builtin fragments for one variable. */
export function overlappingFragments(span: At, prefix: string, fragments: readonly string[]): Diagnostic {
  return {
    severity: "warning",
    code: "datastore/overlapping-fragments",
    message: `several fragments set what \`${prefix}\` stands for: ${fragments.join(" ")}`,
    ...at(span),
    help: "keep one of them; the last one counts",
  };
}

/** Python code of the metadata raised an exception. @param library the function that raised it, where that is not at `span` */
export function pythonFailed(
  span: At,
  message: string,
  notes: readonly Note[],
  library?: string,
): Diagnostic {
  return {
    severity: "error",
    code: "datastore/python-failed",
    message,
    ...at(span),
    ...(notes.length > 0 ? { notes } : {}),
    help:
      library === undefined
        ? "correct the Python code at this place"
        : `it came up inside \`${library}\`: correct that function, or what this line gives it`,
  };
}

/** Python code called bb.fatal with `text`, or raised BBHandledException after telling why (then it is empty). */
export function pythonGaveUp(span: At, name: string, text: string): Diagnostic {
  const subject = name === "anonymous Python" ? name : `\`${name}\``;
  return {
    severity: "error",
    code: "datastore/python-gave-up",
    message: text === "" ? `${subject} ended the parse; its own message stands above` : text,
    ...at(span),
    help:
      text === ""
        ? "do what the message above asks for"
        : "the metadata itself refuses to go on here: do what it asks for",
  };
}

/** An assignment to a variable that has another name now. */
export function renamedVariable(span: At, name: string, rename: string): Diagnostic {
  const isSentence = rename.includes(" ");
  return {
    severity: "error",
    code: "datastore/renamed-variable",
    message: isSentence ? `\`${name}\` ${rename}` : `\`${name}\` has been renamed to \`${rename}\``,
    ...at(span),
    help: isSentence ? "remove the assignment" : `write \`${rename}\``,
  };
}

/** Two names that become one when their references are expanded. */
export function replacedKey(key: string, value: string, expanded: string, replaced: string): Diagnostic {
  return {
    severity: "warning",
    code: "datastore/replaced-key",
    message: `\`${key}\` (${value}) expands to \`${expanded}\` and replaces its value (${replaced})`,
    help: `assign only one of \`${key}\` and \`${expanded}\``,
  };
}

/** OVERRIDES that depends on itself. */
export function unstableOverrides(span: At, tried: readonly string[]): Diagnostic {
  return {
    severity: "error",
    code: "datastore/unstable-overrides",
    message: `OVERRIDES does not settle: it was ${tried.map((one) => `\`${one}\``).join(", then ")}`,
    ...at(span),
    help: "a variable in OVERRIDES has an override variant that changes OVERRIDES again: remove that variant",
  };
}

function meant(tried: readonly string[]): string {
  const near = namesNear(tried);
  return near.length === 0 ? "" : `is ${near.map((name) => `\`${name}\``).join(" or ")} meant? `;
}

/** At most six names, each once. */
function list(names: readonly string[]): string {
  const unique = [...new Set(names)];
  const shown = unique.slice(0, 6).join(", ");
  return unique.length > 6 ? `${shown} and ${unique.length - 6} more` : shown;
}
