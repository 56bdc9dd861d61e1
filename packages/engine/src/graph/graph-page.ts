/** `task-depends.html`: the graph as one page that needs nothing else; recipes are drawn, tasks are listed. */
import type { GraphData } from "./graph-data.js";

/** The page. Opened from a file it asks no server for anything. */
export function graphPage(data: GraphData): string {
  // `</script>` or `<!--` in a name would end the script.
  const json = JSON.stringify(data).replaceAll("<", String.raw`\u003c`);
  const title = escaped(data.targets.join(" "));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}: tasks</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<input id="search" type="search" placeholder="recipe or task" autofocus>
<span id="count"></span>
</header>
<main>
<div id="drawing"></div>
<section id="detail"></section>
</main>
<script>const graph = ${json};
${SCRIPT}</script>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

const STYLE = `
:root { color-scheme: light dark; --line: #8888; --box: #8882; --mark: #06c; --need: #080; --user: #b50; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 0; display: flex; flex-direction: column; height: 100vh; }
header { display: flex; gap: 1em; align-items: baseline; padding: .5em 1em; border-bottom: 1px solid var(--line); }
h1 { font-size: 1em; margin: 0; }
main { display: flex; flex: 1; min-height: 0; }
#drawing { flex: 3; overflow: auto; }
#detail { flex: 2; overflow: auto; padding: 0 1em; border-left: 1px solid var(--line); overflow-wrap: anywhere; }
rect { fill: var(--box); stroke: var(--line); cursor: pointer; }
text { font-size: 12px; fill: currentColor; pointer-events: none; }
path { fill: none; stroke: var(--line); opacity: .4; }
.selected rect { stroke: var(--mark); stroke-width: 2; }
.need rect { stroke: var(--need); stroke-width: 2; } path.need { stroke: var(--need); opacity: 1; }
.user rect { stroke: var(--user); stroke-width: 2; } path.user { stroke: var(--user); opacity: 1; }
.faded { opacity: .25; }
a { color: var(--mark); cursor: pointer; margin-right: .7em; }
h2 { font-size: 1.1em; } h3 { font-size: 1em; margin: 1em 0 0; }
small { opacity: .7; }
`;

/** Runs in the browser; plain JavaScript of any current one. Names go in as text, never as markup. */
const SCRIPT = String.raw`
const recipes = new Map(graph.recipes.map((recipe) => [recipe.name, recipe]));
const tasks = new Map();
for (const recipe of graph.recipes)
  for (const task of recipe.tasks)
    tasks.set(recipe.name + ":" + task.name, { recipe, task, users: [] });
const needs = new Map(graph.recipes.map((recipe) => [recipe.name, new Set()]));
const users = new Map(graph.recipes.map((recipe) => [recipe.name, new Set()]));
for (const [name, { recipe, task }] of tasks) {
  for (const need of task.needs) {
    const other = tasks.get(need);
    other.users.push(name);
    if (other.recipe === recipe) continue;
    needs.get(recipe.name).add(other.recipe.name);
    users.get(other.recipe.name).add(recipe.name);
  }
}
document.getElementById("count").textContent = graph.recipes.length + " recipes, " + tasks.size + " tasks";

function element(name, attributes, ...children) {
  const made = /^(svg|g|rect|text|path)$/.test(name)
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// Columns by level, what is needed on the left; in a column near to what a recipe needs.
const columns = [];
for (const recipe of graph.recipes) (columns[recipe.level] ||= []).push(recipe.name);
const places = new Map();
let left = 10;
let bottom = 0;
for (const column of columns) {
  if (!column) continue;
  const wish = (name) => {
    const rows = [...needs.get(name)].map((other) => places.get(other)).filter(Boolean);
    return rows.reduce((sum, place) => sum + place.y, 0) / (rows.length || 1);
  };
  const width = Math.max(...column.map((name) => name.length)) * 7 + 16;
  column.sort((one, other) => wish(one) - wish(other));
  column.forEach((name, row) => places.set(name, { x: left, y: 10 + row * 34, width }));
  bottom = Math.max(bottom, column.length * 34 + 10);
  left += width + 70;
}
const boxes = new Map();
const lines = [];
const svg = element("svg", { width: left, height: bottom });
for (const [name, others] of needs) {
  for (const other of others) {
    const [from, to] = [places.get(other), places.get(name)];
    const [x1, y1, x2, y2] = [from.x + from.width, from.y + 12, to.x, to.y + 12];
    const d = "M" + x1 + " " + y1 + " C" + (x1 + 40) + " " + y1 + " " + (x2 - 40) + " " + y2 + " " + x2 + " " + y2;
    lines.push({ from: other, to: name, path: svg.appendChild(element("path", { d })) });
  }
}
for (const [name, { x, y, width }] of places) {
  const rect = element("rect", { x, y, width, height: 24, rx: 4 });
  const text = element("text", { x: x + 8, y: y + 16 }, name);
  const box = svg.appendChild(element("g", {}, rect, text));
  rect.addEventListener("click", () => select(name));
  boxes.set(name, box);
}
document.getElementById("drawing").append(svg);

const detail = document.getElementById("detail");
function link(name) {
  const made = element("a", {}, name);
  made.addEventListener("click", () => select(tasks.get(name).recipe.name, name));
  return made;
}
function row(title, names) {
  return names.length === 0 ? "" : element("div", {}, element("small", {}, title + ": "), ...names.map(link));
}
function select(name, task) {
  for (const [other, box] of boxes) {
    const kind = other === name ? "selected" : needs.get(name).has(other) ? "need" : users.get(name).has(other) ? "user" : "faded";
    box.setAttribute("class", kind);
  }
  for (const { from, to, path } of lines)
    path.setAttribute("class", to === name ? "need" : from === name ? "user" : "faded");
  const recipe = recipes.get(name);
  detail.replaceChildren(
    element("h2", {}, name + " " + recipe.version),
    element("div", {}, element("small", {}, recipe.file + (recipe.layer ? " (" + recipe.layer + ")" : ""))),
    ...recipe.tasks.flatMap((one) => {
      const full = name + ":" + one.name;
      return [
        element("h3", { id: full }, one.name),
        row("needs", one.needs),
        row("needed by", tasks.get(full).users),
      ];
    }),
  );
  location.hash = encodeURIComponent(name);
  (document.getElementById(task) || detail).scrollIntoView({ block: "nearest" });
}

document.getElementById("search").addEventListener("input", (event) => {
  const word = event.target.value.trim();
  for (const [name, box] of boxes) box.setAttribute("class", word && !name.includes(word) ? "faded" : "");
  for (const { path } of lines) path.setAttribute("class", word ? "faded" : "");
  const found = word ? [...tasks.keys()].filter((name) => name.includes(word)) : [];
  detail.replaceChildren(
    ...found.slice(0, 300).map((name) => element("div", {}, link(name))),
    found.length > 300 ? "… " + (found.length - 300) + " more" : "",
  );
});
const asked = decodeURIComponent(location.hash.slice(1));
const target = tasks.get(graph.targets[0]);
if (recipes.has(asked)) select(asked);
else if (target) select(target.recipe.name);
`;
