/** Ages and sizes, as people write them on a command line and read them in an answer. */

const ageUnits: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};
const sizeUnits = ["", "K", "M", "G", "T"];

/** `90m`, `12h`, `30d`, `4w` in ms; undefined for any other text. */
export function parseAge(text: string): number | undefined {
  const [, number, unit] = /^(\d+)([mhdw])$/.exec(text) ?? [];
  return number === undefined ? undefined : Number(number) * ageUnits[unit!]!;
}

/** `500M`, `10G`, `1.5T`, plain bytes; K is 1024 bytes. Undefined for any other text. */
export function parseSize(text: string): number | undefined {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/.exec(text) ?? [];
  return number === undefined ? undefined : Math.floor(Number(number) * 1024 ** sizeUnits.indexOf(unit!));
}

/** `812 B`, `4.0 KiB`, `37 MiB`. */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < sizeUnits.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${value} B`;
  return `${value.toFixed(value < 9.95 ? 1 : 0)} ${sizeUnits[unit]}iB`;
}

/** An age in whole units, the biggest that fits: `45 min`, `3 h`, `12 days`. */
export function ageText(ms: number): string {
  if (ms < 7_200_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} days`;
}
