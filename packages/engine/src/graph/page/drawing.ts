/** A graph as SVG: its recipes, or its tasks. What was done the last time is in the classes; colours are the style's. */
import { html, type Markup } from "@tsbake/base/page";
import type { GraphData, GraphRecipe, GraphTask } from "../graph-data.js";
import { layOut, reduced, type LayoutEdge } from "../layout/index.js";
import { elapsedText } from "./elapsed-text.js";

/** What a box stands for. */
interface Node {
  /** A recipe's name, or RECIPE:TASK; the page's address with it shows it. */
  readonly name: string;
  readonly title: string;
  readonly detail: string;
  readonly state: string;
  readonly isCritical: boolean;
  /** Names of nodes that it needs. */
  readonly needs: ReadonlySet<string>;
}

/** Of a letter at 13 px in a font whose letters are equally wide, rounded up. */
const LETTER = 8;
const [BOX_HEIGHT, PADDING] = [28, 10];

/** @returns undefined for a graph that is too large to draw */
export function recipeDrawing(data: GraphData): Markup | undefined {
  const critical = new Set(data.criticalPath?.tasks);
  const owners = new Map(
    data.recipes.flatMap((recipe) => recipe.tasks.map((task) => [labelOf(recipe, task), recipe.name])),
  );
  const nodes = data.recipes
    .toSorted((one, other) => one.level - other.level)
    .map((recipe): Node => {
      const needs = new Set(recipe.tasks.flatMap((task) => task.needs.map((need) => owners.get(need)!)));
      needs.delete(recipe.name);
      const spentMs = recipe.tasks.reduce((sum, { last }) => sum + (last?.elapsedMs ?? 0), 0);
      return {
        name: recipe.name,
        title: recipe.name,
        detail: spentMs > 0 ? elapsedText(spentMs) : "",
        state: stateOfRecipe(recipe),
        isCritical: recipe.tasks.some((task) => critical.has(labelOf(recipe, task))),
        needs,
      };
    });
  return drawing(
    "recipes",
    nodes,
    stepsOf(data, (label) => owners.get(label)!),
  );
}

/** @returns undefined for a graph that is too large to draw */
export function taskDrawing(data: GraphData): Markup | undefined {
  const critical = new Set(data.criticalPath?.tasks);
  const nodes = new Map<string, Node>();
  for (const recipe of data.recipes)
    for (const task of recipe.tasks) {
      const name = labelOf(recipe, task);
      nodes.set(name, {
        name,
        title: `${recipe.name} ${task.name}`,
        detail: task.last && task.last.elapsedMs > 0 ? elapsedText(task.last.elapsedMs) : "",
        state: task.last?.how ?? "unknown",
        isCritical: critical.has(name),
        needs: new Set(task.needs),
      });
    }
  return drawing(
    "tasks",
    neededFirst(nodes),
    stepsOf(data, (label) => label),
  );
}

function labelOf(recipe: GraphRecipe, task: GraphTask): string {
  return `${recipe.name}:${task.name}`;
}

function stateOfRecipe({ tasks }: GraphRecipe): string {
  const has = (how: string): boolean => tasks.some(({ last }) => last?.how === how);
  return ["run", "restore", "covered", "noexec"].find(has) ?? "unknown";
}

/** Pairs of nodes that the critical path goes from and to. */
function stepsOf({ criticalPath }: GraphData, nodeOf: (label: string) => string): ReadonlySet<string> {
  const tasks = criticalPath?.tasks ?? [];
  return new Set(tasks.slice(1).map((task, at) => JSON.stringify([nodeOf(tasks[at]!), nodeOf(task)])));
}

function neededFirst(nodes: ReadonlyMap<string, Node>): Node[] {
  const waits = new Map([...nodes].map(([name, { needs }]) => [name, needs.size]));
  const users = new Map<string, string[]>();
  for (const [name, { needs }] of nodes)
    for (const need of needs) users.set(need, [...(users.get(need) ?? []), name]);
  const ready = [...nodes.keys()].filter((name) => waits.get(name) === 0);
  // Grows while it is walked.
  for (const name of ready)
    for (const user of users.get(name) ?? []) {
      waits.set(user, waits.get(user)! - 1);
      if (waits.get(user) === 0) ready.push(user);
    }
  return ready.map((name) => nodes.get(name)!);
}

function drawing(kind: string, nodes: readonly Node[], steps: ReadonlySet<string>): Markup | undefined {
  const places = new Map(nodes.map(({ name }, place) => [name, place]));
  const all = nodes.flatMap(({ needs }, to) =>
    [...needs].map((need): LayoutEdge => ({ from: places.get(need)!, to })),
  );
  const isStep = ({ from, to }: LayoutEdge): boolean =>
    steps.has(JSON.stringify([nodes[from]!.name, nodes[to]!.name]));
  const edges = reduced(nodes.length, all, isStep);
  const letters = ({ title, detail }: Node): number => title.length + (detail === "" ? 0 : detail.length + 1);
  const layout = layOut({
    boxes: nodes.map((node) => ({ width: letters(node) * LETTER + 2 * PADDING })),
    boxHeight: BOX_HEIGHT,
    edges,
  });
  if (layout === undefined) return undefined;
  const { width, height } = layout;
  // What matters is drawn last, over the others.
  const lines = edges
    .map((edge, at) => ({ edge, path: layout.lines[at]!, isCritical: isStep(edge) }))
    .sort((one, other) => Number(one.isCritical) - Number(other.isCritical));
  return html`<svg
    id="${kind}"
    width="${width}"
    height="${height}"
    viewBox="0 0 ${width} ${height}"
    role="group"
    aria-label="${kind}"
  >
    <g>
      ${lines.map(({ edge: { from, to }, path, isCritical }) => {
        const back = from > to && " back";
        return html`<path
          class="line${isCritical && " critical"}${back}"
          data-from="${from}"
          data-to="${to}"
          d="${path}"
        /> `;
      })}
    </g>
    ${nodes.map((node, at) => {
      const { x, y, width: wide } = layout.boxes[at]!;
      return html`<a
        href="#${encodeURIComponent(node.name)}"
        class="box ${node.state}${node.isCritical && " critical"}"
        data-name="${node.name}"
        ><rect x="${x}" y="${y}" width="${wide}" height="${BOX_HEIGHT}" rx="5" /><text
          x="${x + PADDING}"
          y="${y + 18.5}"
          >${node.title}${node.detail !== "" && html` <tspan class="time">${node.detail}</tspan>`}</text
        ></a
      > `;
    })}
  </svg>`;
}
