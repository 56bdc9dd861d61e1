/** What stops a value from being computed, with the variables it was needed for. */
import { BuildError, type Note, type Span } from "@tsbake/base";
import { expansion } from "../problems.js";

/** One variable on the way to the failure. */
interface Link {
  readonly name: string;
  readonly at: Span | undefined;
}

export interface ExpansionFailure {
  /** Python's `Type: text`, or our own sentence. */
  readonly reason: string;
  /** The text in which it happened, as it was when it happened. */
  readonly expression: string;
  /** What to do, when it is more than to correct the expression. */
  readonly help?: string;
  /** The innermost function of metadata Python, when the failure came up in one. */
  readonly inside?: { readonly name: string; readonly at: Span };
}

/**
 * `datastore/expansion`. Each variable that needed the failed one makes a new error with itself in front.
 */
export class ExpansionError extends BuildError {
  readonly failure: ExpansionFailure;
  readonly #links: readonly Link[];
  readonly #use: Span | undefined;

  private constructor(
    failure: ExpansionFailure,
    links: readonly Link[],
    use: Span | undefined,
    cause: unknown,
  ) {
    super([describe(failure, links, use)], cause === undefined ? undefined : { cause });
    this.failure = failure;
    this.#links = links;
    this.#use = use;
  }

  static of(failure: ExpansionFailure, cause?: unknown): ExpansionError {
    return new ExpansionError(failure, [], undefined, cause);
  }

  /** Names from what was asked for to what failed. */
  get chain(): readonly string[] {
    return this.#links.map(({ name }) => name);
  }

  /** The same failure, seen from a variable that needs the first one of the chain. */
  neededBy(link: Link): ExpansionError {
    return new ExpansionError(this.failure, [link, ...this.#links], this.#use, this.cause);
  }

  /** The same failure, with the statement that asked for the value. The first one to say so counts. */
  neededAt(use: Span): ExpansionError {
    return this.#use ? this : new ExpansionError(this.failure, this.#links, use, this.cause);
  }
}

const SHOWN = 8;

function describe(
  { reason, expression, help, inside }: ExpansionFailure,
  links: readonly Link[],
  use: Span | undefined,
) {
  const last = links.at(-1);
  const subject = last ? `\`${last.name}\`` : "the text";
  const shown = expression.length > 200 ? `${expression.slice(0, 200)}…` : expression;
  const names = links.map(({ name }) => name);
  const chain =
    names.length > SHOWN ? [...names.slice(0, SHOWN / 2), "…", ...names.slice(-SHOWN / 2)] : names;
  const notes: Note[] = inside ? [{ message: `it came up in \`${inside.name}\``, at: inside.at }] : [];
  for (const { name, at } of links.slice(0, -1).reverse().slice(0, 3)) {
    if (at !== undefined) notes.push({ message: `\`${name}\` needs it`, at });
  }
  if (use !== undefined && last?.at !== undefined) notes.push({ message: "this line needs it", at: use });
  return expansion(last?.at ?? use, `${subject} cannot be expanded: ${reason}, in \`${shown}\``, {
    chain,
    notes,
    help: help ?? (inside && `correct \`${inside.name}\`, or what the expression gives it`),
  });
}
