/** Debian's order of versions: `[epoch:]upstream[-revision]` (deb-version(7)). */

/** Negative, zero or positive, as `left` is older than, the same as, or newer than `right`. */
export function compareDebVersions(left: string, right: string): number {
  const [a, b] = [split(left), split(right)];
  return a.epoch - b.epoch || compareParts(a.upstream, b.upstream) || compareParts(a.revision, b.revision);
}

/** @param constraint e.g. `<< 2.36`; none is met by every version. @see deb-control(5) */
export function meets(version: string, constraint: string): boolean {
  const [, operator, wanted = ""] = /^(<<|<=|=|>=|>>|<|>)\s*(\S+)$/.exec(constraint) ?? [];
  const order = compareDebVersions(version, wanted);
  switch (operator) {
    case undefined:
      return true;
    case "<<":
      return order < 0;
    case ">>":
      return order > 0;
    case "=":
      return order === 0;
    // The short ones mean the same, for old packages (deb-control(5)).
    case "<":
    case "<=":
      return order <= 0;
    default:
      return order >= 0;
  }
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(":");
  const rest = colon < 0 ? version : version.slice(colon + 1);
  const dash = rest.lastIndexOf("-");
  return {
    epoch: colon < 0 ? 0 : Number(version.slice(0, colon)) || 0,
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? "" : rest.slice(dash + 1),
  };
}

/** Runs of non-digits and of digits in turn: the first by `weight`, the second as numbers. */
function compareParts(left: string, right: string): number {
  let [i, j] = [0, 0];
  while (i < left.length || j < right.length) {
    while ((i < left.length && !isDigit(left[i])) || (j < right.length && !isDigit(right[j]))) {
      const difference = weight(left[i]) - weight(right[j]);
      if (difference !== 0) return difference;
      i += 1;
      j += 1;
    }
    const [a, b] = [digits(left, i), digits(right, j)];
    const [x, y] = [a.replace(/^0+/, ""), b.replace(/^0+/, "")];
    if (x.length !== y.length) return x.length - y.length;
    if (x !== y) return x < y ? -1 : 1;
    i += a.length;
    j += b.length;
  }
  return 0;
}

/** `~` before the end, the end before letters, letters before everything else. A digit counts as the end of its run. */
function weight(character: string | undefined): number {
  if (character === undefined || isDigit(character)) return 0;
  if (character === "~") return -1;
  return /[A-Za-z]/.test(character) ? character.charCodeAt(0) : character.charCodeAt(0) + 256;
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= "0" && character <= "9";
}

function digits(text: string, from: number): string {
  return /^\d*/.exec(text.slice(from))?.[0] ?? "";
}
