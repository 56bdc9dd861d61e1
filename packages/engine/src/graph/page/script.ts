/** What the browser does on the page of a graph: plain JavaScript of any current one. Names go in as text, never as markup. */
export const GRAPH_SCRIPT = `
"use strict";
const graph = JSON.parse(document.getElementById("data").textContent);
const recipes = new Map(graph.recipes.map((recipe) => [recipe.name, recipe]));
const tasks = new Map();
for (const recipe of graph.recipes)
  for (const task of recipe.tasks) tasks.set(recipe.name + ":" + task.name, { recipe, task, users: [] });
for (const [name, { task }] of tasks) for (const need of task.needs) tasks.get(need).users.push(name);

const main = document.querySelector("main");
const drawing = document.getElementById("drawing");
const detail = document.getElementById("detail");
const atFirst = [...detail.childNodes];
const svgs = [...drawing.querySelectorAll("svg")];

// A small graph fills its place; a large one keeps letters that can be read, and is scrolled.
let zoom;
function fit() {
  for (const svg of svgs) {
    const { width, height } = svg.viewBox.baseVal;
    const whole = Math.min(drawing.clientWidth / width, drawing.clientHeight / height);
    const scale = zoom ?? Math.min(Math.max(whole, 1), 2.5);
    svg.setAttribute("width", width * scale);
    svg.setAttribute("height", height * scale);
  }
}
const shown = () => svgs.find((svg) => svg.id === main.dataset.shown);
for (const button of document.querySelectorAll("[data-zoom]"))
  button.addEventListener("click", () => {
    const svg = shown();
    if (!svg) return;
    const { width, height } = svg.viewBox.baseVal;
    const factor = Number(button.dataset.zoom);
    const now = svg.width.baseVal.value / width;
    zoom = factor === 0 ? Math.min(drawing.clientWidth / width, drawing.clientHeight / height, 2.5) : now * factor;
    fit();
  });
addEventListener("resize", fit);

function show(kind) {
  main.dataset.shown = kind;
  for (const button of document.querySelectorAll("[data-shows]"))
    button.setAttribute("aria-pressed", String(button.dataset.shows === kind));
  zoom = undefined;
  fit();
  mark();
}
for (const button of document.querySelectorAll("[data-shows]"))
  button.addEventListener("click", () => show(button.dataset.shows));

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
function link(name) {
  return element("a", { href: "#" + encodeURIComponent(name) }, name);
}
function row(title, names) {
  return names.length === 0 ? "" : element("p", {}, element("small", {}, title + ": "), ...names.map(link));
}
const WORDS = { run: "ran", restore: "from the cache", covered: "not needed", noexec: "nothing to run" };
function lastWords(last) {
  if (!last) return "";
  const seconds = last.elapsedMs > 0 ? " " + (last.elapsedMs / 1000).toFixed(1) + " s" : "";
  return element("small", {}, " " + WORDS[last.how] + seconds);
}
function describe(recipe, wanted) {
  detail.replaceChildren(
    element("h2", {}, recipe.name + " " + recipe.version),
    element("p", {}, element("small", {}, recipe.file + (recipe.layer ? " (" + recipe.layer + ")" : ""))),
    ...recipe.tasks.flatMap((one) => {
      const full = recipe.name + ":" + one.name;
      const head = element("h3", full === wanted ? { "aria-current": "true" } : {}, one.name, lastWords(one.last));
      return [head, row("needs", one.needs), row("needed by", tasks.get(full).users)];
    }),
    element("p", {}, element("a", { href: "#" }, "Critical path")),
  );
  (detail.querySelector("[aria-current]") ?? detail.firstChild).scrollIntoView({ block: "nearest" });
}

// What the address names, and what is next to it.
function selected() {
  let name;
  try {
    name = decodeURIComponent(location.hash.slice(1));
  } catch {
    name = "";
  }
  return recipes.has(name) || tasks.has(name) ? name : undefined;
}
/** The names that a drawing has for a selection, and for what it needs and is needed by. */
function neighbours(kind, name) {
  const recipe = recipes.get(name) ?? tasks.get(name).recipe;
  const own = kind === "tasks" && tasks.has(name) ? [name] : recipe.tasks.map((task) => recipe.name + ":" + task.name);
  const named = (all) => new Set(kind === "tasks" ? all : all.map((task) => tasks.get(task).recipe.name));
  return {
    own: named(own),
    needs: named(own.flatMap((task) => tasks.get(task).task.needs)),
    users: named(own.flatMap((task) => tasks.get(task).users)),
  };
}
function setKind(one, kind) {
  for (const other of ["selected", "need", "user", "faded"]) one.classList.toggle(other, other === kind);
}
function mark() {
  const word = document.getElementById("search").value.trim().toLowerCase();
  const name = selected();
  for (const svg of svgs) {
    const boxes = [...svg.querySelectorAll(".box")];
    const near = name === undefined ? undefined : neighbours(svg.id, name);
    const kindOf = (one) => {
      if (word !== "") return one.toLowerCase().includes(word) ? "" : "faded";
      if (!near) return "";
      return near.own.has(one) ? "selected" : near.needs.has(one) ? "need" : near.users.has(one) ? "user" : "faded";
    };
    const kinds = boxes.map((box) => kindOf(box.dataset.name));
    for (const [at, box] of boxes.entries()) setKind(box, kinds[at]);
    for (const line of svg.querySelectorAll(".line")) {
      const [from, to] = [kinds[line.dataset.from], kinds[line.dataset.to]];
      const kind = to === "selected" ? "need" : from === "selected" ? "user" : "faded";
      setKind(line, word === "" && near ? kind : word === "" ? "" : "faded");
    }
  }
}
/** Into the middle of the drawing, where it is not to be seen. */
function reveal(box) {
  if (!box) return;
  const [place, own] = [drawing.getBoundingClientRect(), box.getBoundingClientRect()];
  if (own.left >= place.left && own.right <= place.right && own.top >= place.top && own.bottom <= place.bottom) return;
  drawing.scrollBy(
    (own.left + own.right - place.left - place.right) / 2,
    (own.top + own.bottom - place.top - place.bottom) / 2,
  );
}
function follow() {
  document.getElementById("search").value = "";
  const name = selected();
  if (name === undefined) detail.replaceChildren(...atFirst);
  else describe(recipes.get(name) ?? tasks.get(name).recipe, name);
  mark();
  const wanted = name ?? (main.dataset.shown === "tasks" ? graph.targets[0] : tasks.get(graph.targets[0])?.recipe.name);
  reveal([...(shown()?.querySelectorAll(".box") ?? [])].find((box) => box.dataset.name === wanted || box.classList.contains("selected")));
}
addEventListener("hashchange", follow);

document.getElementById("search").addEventListener("input", (event) => {
  const word = event.target.value.trim().toLowerCase();
  const found = word ? [...recipes.keys(), ...tasks.keys()].filter((name) => name.toLowerCase().includes(word)) : [];
  detail.replaceChildren(
    ...(word ? [] : atFirst),
    ...found.slice(0, 300).map((name) => element("div", {}, link(name))),
    word && found.length === 0 ? "Nothing is called so." : found.length > 300 ? "… and " + (found.length - 300) + " more" : "",
  );
  mark();
});
fit();
follow();
`;
