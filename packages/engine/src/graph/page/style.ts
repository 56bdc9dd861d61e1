/** How the page of a graph looks, behind what all pages share. */
export const GRAPH_STYLE = `
:root { --run: #dbe7f7; --run-edge: #6f95c6; --restore: #d3efdf; --restore-edge: #3c9a68; --critical: #c62f1d; --need: #0b62c4; --user: #9a5b00 }
@media (prefers-color-scheme: dark) {
  :root { --run: #23364f; --run-edge: #5580b8; --restore: #1c4230; --restore-edge: #4fae7d; --critical: #ff7a66; --need: #79b4ff; --user: #e6a94a }
}
body { display: flex; flex-direction: column; height: 100vh }
header { display: flex; flex-wrap: wrap; gap: .4rem 1.25rem; align-items: center; padding: .6rem 1rem; background: var(--card); border-bottom: 1px solid var(--line) }
header p { margin: 0 } header h1 { font-size: 1.15rem } .control { display: inline-flex; flex-wrap: wrap; gap: .3rem }
button[aria-pressed=true] { border-color: var(--mark); color: var(--mark) }
main { display: flex; flex: 1; min-height: 0 }
#drawing { flex: 3; overflow: auto; min-width: 0; display: flex } #drawing > p { padding: 1rem }
#detail { flex: 1; min-width: 18rem; max-width: 30rem; overflow: auto; padding: 1rem; background: var(--card); border-left: 1px solid var(--line); overflow-wrap: anywhere }
#detail h3 { font-size: 1rem; margin: 1rem 0 .1rem } #detail p { margin: .1rem 0 } #detail ol { padding-left: 1.5rem } #detail a { margin-right: .6rem }
[data-shown=recipes] #tasks, [data-shown=tasks] #recipes { display: none }
svg { flex: none; margin: auto } svg text { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; fill: var(--text) } .time { fill: var(--soft) }
rect, .swatch { fill: var(--card); background: var(--card); stroke: var(--line); border: 1px solid var(--line) }
.run rect, .swatch.run { fill: var(--run); background: var(--run); stroke: var(--run-edge); border-color: var(--run-edge) }
.restore rect, .swatch.restore { fill: var(--restore); background: var(--restore); stroke: var(--restore-edge); border-color: var(--restore-edge) }
.covered rect, .swatch.covered { stroke: var(--soft); border: 1px dashed var(--soft); stroke-dasharray: 4 3 }
.noexec rect, .swatch.noexec { fill: none; background: none; stroke: var(--soft); border-color: var(--soft) }
.critical rect { stroke: var(--critical); stroke-width: 2.5; stroke-dasharray: none } .swatch.critical { border: 0; height: .2rem; background: var(--critical) }
.box { text-decoration: none } .box:hover rect { stroke: var(--mark) } .box:focus-visible { outline: none } .box:focus-visible rect { stroke: var(--mark); stroke-width: 3 }
.line { fill: none; stroke: var(--soft); stroke-opacity: .55; stroke-width: 1.2 } .line.back { stroke-dasharray: 5 4 }
.line.critical { stroke: var(--critical); stroke-opacity: 1; stroke-width: 2.5 }
.selected rect { stroke: var(--mark); stroke-width: 3.5 }
.need rect { stroke: var(--need); stroke-width: 2.5 } .user rect { stroke: var(--user); stroke-width: 2.5 }
.line.need { stroke: var(--need); stroke-opacity: 1; stroke-width: 2 } .line.user { stroke: var(--user); stroke-opacity: 1; stroke-width: 2 }
.box.faded { opacity: .35 } .line.faded { stroke-opacity: .12 }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: 0; padding: 0; font-size: .88rem; width: 100% }
.legend li { display: inline-flex; align-items: center; gap: .4rem } .swatch { display: inline-block; width: 1.1rem; height: .8rem; border-radius: .2rem; flex: none }
@media (max-width: 60rem) {
  body { height: auto; min-height: 100vh } main { flex-direction: column } #drawing { flex: none; height: 45vh } #detail { max-width: none; min-width: 0; border-left: 0; border-top: 1px solid var(--line) }
}
`;
