/** `task-depends.html`: the graph as one page that needs nothing else. It is drawn here; the browser shows what belongs together. */
import { html, htmlPage, type Markup } from "@tsbake/base/page";
import type { GraphData } from "../graph-data.js";
import { recipeDrawing, taskDrawing } from "./drawing.js";
import { GRAPH_SCRIPT } from "./script.js";
import { GRAPH_STYLE } from "./style.js";
import { elapsedText } from "./elapsed-text.js";

/** Drawn as tasks at first: no more than one can look at. */
const FEW_TASKS = 40;
/** Not drawn as tasks at all: one who looks for a task finds it by its recipe. */
const MOST_TASKS = 600;
/** Names in the title; the others are counted. */
const MOST_TARGETS = 3;

/** The page, a whole document. */
export function graphPage(data: GraphData): string {
  const count = data.recipes.reduce((sum, { tasks }) => sum + tasks.length, 0);
  const recipes = recipeDrawing(data);
  const tasks = count > MOST_TASKS ? undefined : taskDrawing(data);
  const title = titleOf(data.targets);
  const shown = tasks !== undefined && (count <= FEW_TASKS || recipes === undefined) ? "tasks" : "recipes";
  return htmlPage({
    title: `${title}: tasks`,
    style: GRAPH_STYLE,
    script: GRAPH_SCRIPT,
    data,
    body: html`<header>
        <h1>${title}</h1>
        <p class="soft" id="count">${data.recipes.length} recipes, ${count} tasks</p>
        <label>Find <input id="search" type="search" placeholder="recipe or task" /></label>
        <span class="control" role="group" aria-label="Drawing">
          <button type="button" data-shows="recipes" aria-pressed="${String(shown === "recipes")}">
            Recipes
          </button>
          ${tasks && html`<button type="button" data-shows="tasks" aria-pressed="${String(shown === "tasks")}">Tasks</button>`}
          <button type="button" data-zoom="0.8" aria-label="Smaller">−</button
          ><button type="button" data-zoom="1.25" aria-label="Bigger">+</button
          ><button type="button" data-zoom="0">Fit</button>
        </span>
        ${legend(data)}
      </header>
      <main data-shown="${shown}">
        <div id="drawing" tabindex="0" role="region" aria-label="Graph: what is needed stands on the left">
          ${recipes ?? html`<p>${data.recipes.length} recipes with what they need are too many to draw. Search for a recipe or a task.</p>`}
          ${tasks}
        </div>
        <section id="detail" aria-label="What is selected" aria-live="polite">
          ${tasks === undefined && html`<p class="soft">${count} tasks are too many to draw: each recipe lists its own.</p>`}
          ${criticalList(data)}
        </section>
      </main>`,
  });
}

function titleOf(targets: readonly string[]): string {
  const left = targets.length - MOST_TARGETS;
  return `${targets.slice(0, MOST_TARGETS).join(" ")}${left > 0 ? ` and ${left} more` : ""}`;
}

/** How many tasks were done in each way, with the colour of it. */
function legend({ recipes, criticalPath }: GraphData): Markup {
  const counts = { run: 0, restore: 0, covered: 0, noexec: 0, unknown: 0 };
  for (const { tasks } of recipes) for (const { last } of tasks) counts[last?.how ?? "unknown"]++;
  const words = {
    run: "ran",
    restore: "came from the cache",
    covered: "not needed, for what needs it came from the cache",
    noexec: "has nothing to run",
    unknown: "not built yet",
  } as const;
  const kinds = (["run", "restore", "covered", "noexec", "unknown"] as const).filter(
    (kind) => counts[kind] > 0,
  );
  return html`<ul class="legend" aria-label="Colours, and tasks of each">
    ${kinds.map((kind) => html`<li><span class="swatch ${kind}"></span>${words[kind]} (${counts[kind]})</li>`)}
    ${criticalPath && html`<li><span class="swatch critical"></span>critical path (${elapsedText(criticalPath.elapsedMs)})</li>`}
    <li class="soft">Lines that follow from others are left out.</li>
  </ul>`;
}

function criticalList({ criticalPath, recipes }: GraphData): Markup {
  if (criticalPath === undefined)
    return html`<p class="soft">
      No times are known yet: after a build the slowest way through the graph is marked.
    </p>`;
  const times = new Map(
    recipes.flatMap(({ name, tasks }) =>
      tasks.map((task) => [`${name}:${task.name}`, task.last?.elapsedMs ?? 0]),
    ),
  );
  return html`<h2>Critical path</h2>
    <p class="soft">
      By the times of the last builds. No number of threads makes a build shorter than these
      ${elapsedText(criticalPath.elapsedMs)}.
    </p>
    <ol>
      ${criticalPath.tasks.map(
        (task) =>
          html`<li>
            <a href="#${encodeURIComponent(task)}">${task}</a>
            <small>${elapsedText(times.get(task) ?? 0)}</small>
          </li> `,
      )}
    </ol>`;
}
