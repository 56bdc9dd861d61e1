/** The table of extensions and bases: 24 lines and 100 columns at most, however many there are. */
import type { Finding, Verdict } from "@tsbake/image";
import { sizeText } from "./quantities.js";
import { tableText } from "./table.js";
import { count } from "./text.js";

export interface MatrixCell {
  readonly base: string;
  /** The recipe whose image is meant for this base. */
  readonly image: string;
  /** Built for this very base. */
  readonly isOwn: boolean;
  readonly verdict: Verdict;
  /** Content of the image, and how much of it is in the first one of the row, too. */
  readonly sizeBytes: number;
  readonly sharedBytes: number;
  readonly refusals: readonly string[];
  readonly findings: readonly Finding[];
}

export interface MatrixRow {
  readonly extension: string;
  /** Content of the one that the recipe itself is built to. */
  readonly sizeBytes: number;
  /** In the order of the bases. */
  readonly bases: readonly MatrixCell[];
}

export interface Matrix {
  readonly format: 1;
  readonly bases: readonly string[];
  readonly extensions: readonly MatrixRow[];
}

const MOST_LINES = 24;
const MOST_COLUMNS = 100;
const BY_WORST: readonly Verdict[] = ["broken", "rebuild", "ok"];

export function matrixText({ bases, extensions }: Matrix): string {
  const rows = extensions.toSorted((left, right) => worst(left) - worst(right));
  const wide = tableText([["extension", "size", ...bases], ...rows.map((row) => cells(row, wideCell))]);
  const isWide = widthOf(wide) <= MOST_COLUMNS;
  // Many bases have numbers.
  const legend = isWide ? [] : legendOf(bases);
  const head = isWide ? bases : bases.map((_, index) => String(index + 1));
  const end = endOf(extensions);
  const room = MOST_LINES - 1 - legend.length - end.length;
  const shown = rows.length <= room ? rows : rows.slice(0, room - 1);
  const cell = isWide ? wideCell : ({ verdict }: MatrixCell) => verdict;
  const table = tableText([["extension", "size", ...head], ...shown.map((row) => cells(row, cell))]);
  const more = rows.length - shown.length;
  const left = more > 0 ? [`… and ${more} more, no worse: --json has all`] : [];
  const lines = [...table.trimEnd().split("\n"), ...left, ...legend, ...end];
  return lines.map((line) => `${line}\n`).join("");
}

function cells(row: MatrixRow, cell: (one: MatrixCell) => string): string[] {
  return [row.extension, sizeText(row.sizeBytes), ...row.bases.map(cell)];
}

function wideCell({ verdict, isOwn, sharedBytes, sizeBytes }: MatrixCell): string {
  if (!isOwn) return verdict === "ok" ? `ok, ${sizeText(sharedBytes)} shared` : verdict;
  return sharedBytes === 0
    ? `${verdict}, own`
    : `${verdict}, own, ${sizeText(sharedBytes)} of ${sizeText(sizeBytes)} shared`;
}

function worst({ bases }: MatrixRow): number {
  return Math.min(...bases.map(({ verdict }) => BY_WORST.indexOf(verdict)));
}

function widthOf(table: string): number {
  return Math.max(...table.split("\n").map((line) => line.length));
}

/** `1 device-base, 2 panel-base`, as many lines as that takes, of at most a third of the table. */
function legendOf(bases: readonly string[]): string[] {
  const lines: string[] = [];
  for (const [index, base] of bases.entries()) {
    const word = `${index + 1} ${base}`;
    const last = lines.at(-1);
    if (last !== undefined && last.length + word.length + 2 <= MOST_COLUMNS)
      lines[lines.length - 1] = `${last}, ${word}`;
    else lines.push(word);
  }
  return lines.length <= MOST_LINES / 3
    ? lines
    : [...lines.slice(0, MOST_LINES / 3 - 1), "…: --json has all"];
}

function endOf(extensions: readonly MatrixRow[]): string[] {
  const all = extensions.flatMap(({ bases }) => bases);
  const counts = BY_WORST.toReversed().flatMap((verdict) => {
    const number = all.filter((one) => one.verdict === verdict).length;
    return number > 0 ? [`${number} ${verdict}`] : [];
  });
  const images = new Set(
    all.filter(({ verdict, isOwn }) => isOwn || verdict === "ok").map(({ image }) => image),
  );
  const shared = all.filter(({ verdict }) => verdict === "ok").reduce((sum, one) => sum + one.sharedBytes, 0);
  const places = count(all.length, "place");
  const text = `${places}: ${counts.join(", ")}; ${count(images.size, "image")} for them, ${sizeText(shared)} shared`;
  const bad = extensions.find((row) => worst(row) < BY_WORST.indexOf("ok"));
  const cell = bad?.bases.find(({ verdict }) => verdict !== "ok");
  return cell ? [text, `why: \`tsbake check ${cell.image} --against ${cell.base}\``] : [text];
}
