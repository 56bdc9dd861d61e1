/** Text of a page. What is put into markup is escaped unless it is markup itself: a hostile name stays a name. */
import { withoutControls } from "../text/printable.js";

/** Text in which everything is as HTML, or SVG, wants it. Only {@link html} makes some. */
export class Markup {
  readonly text: string;

  /** @param text whoever calls this has escaped what is not its own */
  constructor(text: string) {
    this.text = text;
  }
}

/** What may stand in `${…}`; undefined and false leave nothing. */
export type Insertion = Markup | string | number | false | undefined | readonly Insertion[];

/** A template of HTML or SVG: html`<td>${name}</td>`. Attributes stand in double quotes. */
export function html(strings: TemplateStringsArray, ...parts: readonly Insertion[]): Markup {
  let text = strings[0]!;
  for (const [index, part] of parts.entries()) text += textOf(part) + strings[index + 1]!;
  return new Markup(text);
}

export const nothing = new Markup("");

function textOf(part: Insertion): string {
  if (part === undefined || part === false) return "";
  if (part instanceof Markup) return part.text;
  if (typeof part === "number") return String(part);
  if (typeof part === "string") return escaped(part);
  return part.map(textOf).join("");
}

/** Marks that turn the order of letters around: with them a name would look like another one. */
export const TURNING = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

function escaped(text: string): string {
  return withoutControls(text)
    .replaceAll(TURNING, (mark) => `U+${mark.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`)
    .replaceAll(/[&<>"'`]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}
