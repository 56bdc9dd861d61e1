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
  // Many bases have numbers, and very many are counted.
  const forms: readonly Form[] = [
    { head: bases, cells: (row) => row.bases.map(wideCell), legend: [] },
    {
      head: bases.map(numberOf),
      cells: (row) => row.bases.map(({ verdict }) => verdict),
      legend: legendOf(bases),
    },
    { head: ["ok", "rebuild", "broken", "such as"], cells: countCells, legend: [] },
  ];
  const form = forms.find((one) => fits(one, rows)) ?? forms.at(-1)!;
  const end = endOf(extensions);
  const room = MOST_LINES - 1 - form.legend.length - end.length;
  const shown = rows.length <= room ? rows : rows.slice(0, room - 1);
  const more = rows.length - shown.length;
  const left = more > 0 ? [`… and ${more} more, no worse: --json has all`] : [];
  const lines = [...linesOf(form, shown), ...left, ...form.legend, ...end];
  return lines.map((line) => `${line}\n`).join("");
}

/** One way to show a row. */
interface Form {
  readonly head: readonly string[];
  readonly cells: (row: MatrixRow) => readonly string[];
  /** Lines below the table. */
  readonly legend: readonly string[];
}

function linesOf({ head, cells }: Form, rows: readonly MatrixRow[]): string[] {
  const all = rows.map((row) => [row.extension, sizeText(row.sizeBytes), ...cells(row)]);
  return tableText([["extension", "size", ...head], ...all])
    .trimEnd()
    .split("\n");
}

function fits(form: Form, rows: readonly MatrixRow[]): boolean {
  return (
    form.legend.length <= MOST_LINES / 3 && linesOf(form, rows).every((line) => line.length <= MOST_COLUMNS)
  );
}

function numberOf(_base: string, index: number): string {
  return String(index + 1);
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

/** How many of each verdict, and the first base with the worst. */
function countCells(row: MatrixRow): string[] {
  const verdicts: readonly Verdict[] = ["ok", "rebuild", "broken"];
  const counts = verdicts.map((one) => String(row.bases.filter(({ verdict }) => verdict === one).length));
  const bad = row.bases.find(({ verdict }) => verdict === BY_WORST[worst(row)]);
  return [...counts, worst(row) < BY_WORST.indexOf("ok") ? (bad?.base ?? "") : ""];
}

/** `1 device-base, 2 panel-base`, as many lines as that takes. */
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
