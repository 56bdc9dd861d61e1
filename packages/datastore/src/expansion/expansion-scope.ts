/** One expansion of one text: what it reads, what it evaluates, what it left as it was, and why it failed. */
import { BuildError, spanInFile, type Span } from "@tsbake/base";
import { ExpansionError } from "./expansion-error.js";
import { EndlessExpansion, expandText, type ExpansionContext } from "./expansion.js";
import { PythonError } from "../python/error.js";
import { SkipRecipe } from "../python/skip-recipe.js";
import { placeOfPart } from "./text-place.js";
import type { Value } from "../variables/value.js";
import type { Piece } from "../variables/variable.js";

/** Values within values. More is a loop that went unnoticed, or soon the end of the stack. */
const DEPTH_LIMIT = 400;
let depth = 0;

const LOOP = "take one of these variables out of the circle";
const SELF = "write `+=`, `:append` or `:prepend` to add to a value, or `:=` to use its old one";

/** What an expansion reads. */
export interface ExpansionSource {
  getVar(name: string): Value | undefined;
  spanOf(name: string, flag?: string): Span | undefined;
  pieces(name: string): readonly Piece[];
}

export class ExpansionScope implements ExpansionContext {
  /** Variable, or `variable[flag]`, whose text is expanded. */
  readonly #label: string | undefined;
  readonly #d: ExpansionSource;
  readonly #evaluate: ((expression: string) => string) | undefined;
  /** Names read through `${…}`. */
  readonly references: string[] = [];
  /** Inline expressions that were evaluated, after substitution. */
  readonly inline: string[] = [];
  #text = "";

  constructor(
    label: string | undefined,
    d: ExpansionSource,
    evaluate: ((expression: string) => string) | undefined,
  ) {
    this.#label = label;
    this.#d = d;
    this.#evaluate = evaluate;
  }

  /** @param expanding what the same datastore is expanding already, by label */
  expand(text: string, expanding: Map<string, string>): string {
    const label = this.#label;
    this.#text = text;
    const outer = label === undefined ? undefined : expanding.get(label);
    if (outer === text) throw this.#needed(this.#failure("it needs its own value", { help: LOOP }));
    if (depth >= DEPTH_LIMIT)
      throw this.#needed(this.#failure(`more than ${DEPTH_LIMIT} values need each other`));
    if (label !== undefined) expanding.set(label, text);
    depth++;
    try {
      return expandText(text, this);
    } catch (error) {
      throw this.#translate(error);
    } finally {
      depth--;
      if (label !== undefined) {
        if (outer === undefined) expanding.delete(label);
        else expanding.set(label, outer);
      }
    }
  }

  read(name: string): string | undefined {
    if (name === this.#label) throw this.#failure("it refers to itself", { help: SELF });
    const value = this.#d.getVar(name);
    this.references.push(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.#failure(`\`${name}\` holds no text but an object of Python`);
  }

  evaluate(code: string): string | undefined {
    if (this.#evaluate === undefined)
      throw this.#failure("there is no Python to evaluate it", { expression: `\${@${code}}` });
    try {
      const value = this.#evaluate(code.trim());
      this.inline.push(code);
      return value;
    } catch (error) {
      if (!(error instanceof PythonError)) throw error;
      if (isUnterminated(error)) return undefined;
      throw this.#fromPython(error, code);
    }
  }

  /** The result of a Python expression that must have one. */
  call(code: string): string {
    this.#text = code;
    try {
      const result = this.evaluate(code);
      if (result === undefined) throw this.#failure("it is no Python expression");
      return result;
    } catch (error) {
      throw this.#translate(error);
    }
  }

  #fromPython(error: PythonError, code: string): Error {
    if (isSkip(error)) return new SkipRecipe(error.detail);
    if (error.type === "bb.BBHandledException") {
      error.at ??= this.#place(`\${@${code}}`);
      return error;
    }
    const frame = error.frames.at(-1);
    const inside = frame && spanInFile(frame);
    return ExpansionError.of(
      {
        // Python numbers the lines of the expression; the metadata knows nothing of them.
        reason: `${error.type}: ${error.detail.replace(/ \(<inline>, line \d+\)$/, "")}`,
        expression: `\${@${code}}`,
        ...(inside ? { inside: { name: frame.function, at: inside } } : {}),
      },
      error,
    );
  }

  #failure(
    reason: string,
    { expression = this.#text, help, cause }: { expression?: string; help?: string; cause?: unknown } = {},
  ): ExpansionError {
    return ExpansionError.of({ reason, expression, ...(help === undefined ? {} : { help }) }, cause);
  }

  #needed(error: ExpansionError): ExpansionError {
    const name = this.#label;
    if (name === undefined) return error;
    return error.neededBy({
      name,
      at: this.#place(error.chain.length === 0 ? error.failure.expression : ""),
    });
  }

  /** Of `part` of the text that is expanded, or at least of its statement. */
  #place(part: string): Span | undefined {
    const name = this.#label ?? "";
    const [, variable = name, flag] = /^(.*)\[([^\]]*)\]$/.exec(name) ?? [];
    const own = flag === undefined ? placeOfPart(this.#d, name, part) : undefined;
    return own ?? this.#d.spanOf(variable, flag);
  }

  #translate(error: unknown): unknown {
    if (error instanceof ExpansionError) return this.#needed(error);
    if (error instanceof BuildError || error instanceof SkipRecipe || error instanceof PythonError)
      return error;
    if (error instanceof EndlessExpansion) return this.#needed(this.#failure(error.message));
    if (error instanceof RangeError)
      return this.#needed(this.#failure("values and Python code call each other without end"));
    return error;
  }
}

/** A text that only looks like Python, such as a lone quote in braces, stays as it is. */
function isUnterminated({ type, detail }: PythonError): boolean {
  return type === "SyntaxError" && /^(EOL while scanning|unterminated) string literal/.test(detail);
}

/** Whether the exception is how metadata says that a recipe is to be left out. */
export function isSkip({ type }: PythonError): boolean {
  return type === "bb.parse.SkipRecipe" || type === "bb.parse.SkipPackage";
}
