/** Tables and bars of the page, and what they look like. */
import { html, type Markup, type Insertion } from "@tsbake/base/page";
import { readableSize } from "../facts/size.js";

/** Rows of one table that a browser still scrolls well; who wants more has the files for programs. */
const MOST_ROWS = 2000;

interface Column {
  readonly title: string;
  /** `number`: at the right; `wide`: not on a telephone; `name`: of machines. */
  readonly kind?: string;
}

/** A value, or one with what it is sorted by where that is not its text. */
export type Cell = Insertion | { readonly shown: Insertion; readonly sortedBy: number };

interface TableOptions {
  /** Clicks on heads sort it. */
  readonly sorts?: boolean;
  /** Where all rows are, e.g. `NAME.report`. */
  readonly allIn: string;
}

/** A table with an accessible name. Beyond the most rows it says how many there are, and where. */
export function table(
  name: string,
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  { sorts = false, allIn }: TableOptions,
): Markup {
  const left = rows.length - MOST_ROWS;
  return html`<table aria-label="${name}">
      <thead>
        <tr>
          ${columns.map(({ title, kind = "" }) => {
            const shown = sorts ? html`<button type="button" class="sort">${title}</button>` : title;
            return html`<th scope="col" class="${kind.replace("name", "")}">${shown}</th>`;
          })}
        </tr>
      </thead>
      <tbody>
        ${rows.slice(0, MOST_ROWS).map(
          (row) =>
            html`<tr>
              ${row.map((cell, at) => tableCell(cell, columns[at]?.kind ?? ""))}
            </tr> `,
        )}
      </tbody>
    </table>
    ${left > 0 && html`<p class="soft">… and ${left} more, which are all in <code>${allIn}</code></p>`}`;
}

function tableCell(cell: Cell, kind: string): Markup {
  return typeof cell === "object" && "sortedBy" in cell
    ? html`<td class="${kind}" data-value="${cell.sortedBy}">${cell.shown}</td>`
    : html`<td class="${kind}">${cell}</td>`;
}

/** A size as a number, with a bar behind it. @param most what fills the whole bar, in bytes */
export function sizeCell(bytes: number, most: number): Cell {
  const width = ((100 * bytes) / Math.max(most, 1)).toFixed(1);
  return {
    sortedBy: bytes,
    shown: html`<span class="sized"
      ><span class="bar"><span style="width:${width}%"></span></span>${readableSize(bytes)}</span
    >`,
  };
}

/** What narrows a table, or all tables of a part. @param part the id of the part */
export function filterBox(part: string, what: string): Markup {
  return html`<p class="control">
    <label>Show only <input type="search" data-filters="${part}" placeholder="${what}" /></label>
    <small role="status"></small>
  </p>`;
}

export const SECTION_STYLE = `
.page-parts { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) }
.tiles { display: flex; flex-wrap: wrap; gap: .5rem 2rem; list-style: none; padding: 0; margin: .75rem 0 }
.tiles li { max-width: 16rem } .tiles b { display: block; font-size: 1.5rem; line-height: 1.2 }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem }
header p { margin: .25rem 0 }
.sized { display: flex; align-items: center; justify-content: flex-end; gap: .75rem; white-space: nowrap; font-variant-numeric: tabular-nums }
.bar { flex: 1; height: .6rem; border-radius: .15rem; background: var(--fill) }
.bar > span { display: block; height: 100%; min-width: 1px; border-radius: inherit; background: var(--bar) }
td.size { width: 18rem } th.size { text-align: right }
.strip { display: flex; height: 2rem; margin: .25rem 0 1rem; border-radius: .3rem; overflow: hidden; background: var(--fill) }
.strip span { background: var(--bar); border-right: 1px solid var(--card); padding: .35rem .4rem 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-size: .8rem; line-height: 1.3; min-width: 0 }
.strip span:empty { padding: 0 }
th button.sort { border: 0; padding: 0; background: none; font-weight: inherit; color: inherit }
th[aria-sort=ascending] button::after { content: " ↑" } th[aria-sort=descending] button::after { content: " ↓" }
.bad { color: var(--bad) } .warn { color: var(--warn) } .good { color: var(--good) }
.findings { list-style: none; padding: 0; margin: 0; display: grid; gap: .75rem }
.findings li { border-left: .25rem solid var(--line); padding-left: .75rem }
.findings li.bad-edge { border-color: var(--bad) } .findings li.warn-edge { border-color: var(--warn) }
.findings p { margin: .1rem 0; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) minmax(0, 1fr); gap: .3rem 1rem; margin: 0 }
dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
td { overflow-wrap: break-word }
details > table, details > ul { margin-bottom: .75rem }
@media (max-width: 40rem) { dl { grid-template-columns: minmax(0, 1fr) } dd { margin-bottom: .5rem } td.size { width: 6rem } .sized { flex-direction: column; align-items: stretch; gap: 0; text-align: right } .bar { flex: none; height: .25rem; order: 1 } }
`;
