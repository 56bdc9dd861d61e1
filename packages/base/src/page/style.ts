/** How our pages look: one set of colours for light and dark, sizes that can be read on a telephone and on a wall. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1b2430; --soft: #5a6675; --line: #d8dde4; --fill: #e9edf2;
  --mark: #0b62c4; --good: #1a7f4b; --warn: #9a5b00; --bad: #b3261e; --bar: #7fb0e8;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1b2129; --text: #e4e9f0; --soft: #9aa7b6; --line: #333d49; --fill: #262e38;
    --mark: #79b4ff; --good: #5ccb8f; --warn: #e6a94a; --bad: #ff8a80; --bar: #37608f;
  }
}
*, ::before, ::after { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--text); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere }
h2 { font-size: 1.15rem; margin: 0 0 .5rem }
a { color: var(--mark) }
code, .name { font-family: ui-monospace, "DejaVu Sans Mono", monospace; font-size: .9em; overflow-wrap: anywhere }
small, .soft { color: var(--soft); font-size: .88rem }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 1px }
button, input, select {
  font: inherit; color: inherit; background: var(--card); border: 1px solid var(--line); border-radius: .4rem; padding: .3rem .6rem; max-width: 100%;
}
button { cursor: pointer } button:hover { border-color: var(--mark) }
.page { max-width: 76rem; margin: 0 auto; padding: 1.25rem 1rem 3rem; display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr) }
.card { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; padding: 1rem; min-width: 0 }
.card > :last-child { margin-bottom: 0 } .card > h2 + p { margin-top: 0 }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .3rem .8rem .3rem 0; border-top: 1px solid var(--line) }
thead th { border-top: 0; color: var(--soft); font-weight: 600; font-size: .88rem }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
summary { cursor: pointer; padding: .25rem 0 }
@media (min-width: 40rem) { .number { white-space: nowrap } }
@media (max-width: 40rem) { .wide { display: none } .page { padding-inline: .6rem } .card { padding: .75rem } }
@media print { body { background: none } .card { border: 0; padding: 0 } .control { display: none } }
`;
