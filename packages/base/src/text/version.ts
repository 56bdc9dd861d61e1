/** The order of versions, and the version conditions of layers. */

/** A piece of a version: its class decides first (`~` −1, digits 0, letters 1, anything else 2), then its text. */
type Piece = readonly [rank: number, text: string];

const PIECE = /\d+|[a-zA-Z]+|[^]/g;

/**
 * Debian-like version order: epoch by number, then version, then revision.
 *
 * @returns less than 0 when `left` is older, 0 when neither, more than 0 when newer
 */
export function compareVersions(
  left: readonly [string, string, string],
  right: readonly [string, string, string],
): number {
  return (
    number(left[0]) - number(right[0]) || comparePart(left[1], right[1]) || comparePart(left[2], right[2])
  );
}

function number(epoch: string): number {
  const value = Number.parseInt(epoch, 10);
  return Number.isNaN(value) ? 0 : value;
}

function comparePart(left: string, right: string): number {
  const mine = pieces(left);
  const other = pieces(right);
  for (let index = 0; index < mine.length || index < other.length; index++) {
    const order = comparePiece(mine[index], other[index]);
    if (order !== 0) return order;
  }
  return 0;
}

/** A text that ends counts as rank 0 below every number, so `1.0~rc1` < `1.0` < `1.0.1`. */
function comparePiece(left: Piece | undefined, right: Piece | undefined): number {
  const rank = (left?.[0] ?? 0) - (right?.[0] ?? 0);
  if (rank !== 0) return rank;
  if (!left) return -1;
  if (!right) return 1;
  if (left[0] === 0) {
    // Dates and hashes make numbers beyond 2^53: compare the digits.
    const length = left[1].length - right[1].length;
    if (length !== 0) return length;
  }
  return left[1] < right[1] ? -1 : left[1] > right[1] ? 1 : 0;
}

function pieces(text: string): Piece[] {
  return [...text.matchAll(PIECE)].map(([piece]): Piece => {
    if (/^\d/.test(piece)) return [0, piece.replace(/^0+(?=\d)/, "")];
    if (/^[a-zA-Z]/.test(piece)) return [1, piece];
    return [piece === "~" ? -1 : 2, piece];
  });
}

/** `[epoch:]version[-revision]` in three parts. */
function splitVersion(text: string): [string, string, string] {
  const bare = text.replace(/^[ <>=]+|[ <>=]+$/g, "");
  const colon = bare.indexOf(":");
  const rest = colon === -1 ? bare : bare.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return [
    colon === -1 ? "" : bare.slice(0, colon),
    dash === -1 ? rest : rest.slice(0, dash),
    dash === -1 ? "" : rest.slice(dash + 1),
  ];
}

export type VersionOperator = "=" | "==" | "<=" | ">=" | "<" | "<<" | ">" | ">>" | "!=";

/** One condition of a dependency list, e.g. `>=` and `12` of `core (>= 12)`. */
export interface VersionCondition {
  readonly operator: VersionOperator;
  readonly version: string;
}

/** Whether `version` meets the condition. */
export function meetsVersion(version: string, condition: VersionCondition): boolean {
  const order = compareVersions(splitVersion(version), splitVersion(condition.version));
  switch (condition.operator) {
    case "=":
    case "==":
      return order === 0;
    case "<=":
      return order <= 0;
    case ">=":
      return order >= 0;
    case "<":
    case "<<":
      return order < 0;
    case ">":
    case ">>":
      return order > 0;
    case "!=":
      return order !== 0;
  }
}
