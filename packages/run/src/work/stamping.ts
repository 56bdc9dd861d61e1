/** The stamps of one run: taken away before a task changes anything, put back when signatures turn out to be known ones. */
import { taskId } from "@tsbake/graph";
import type { RecipeInfo } from "@tsbake/recipe";
import type { RunOptions } from "../options.js";
import type { WantedSignature } from "../outputs/stamps.js";
import type { PlannedTask } from "./planned-task.js";

export class Stamping {
  readonly #options: Pick<RunOptions, "graph" | "signatures" | "stamps">;
  /** What was restored in this run, and the unihash that its stamp has. */
  readonly #restored = new Map<PlannedTask, string>();
  /** Recipes of which something has begun, by their stamps. */
  readonly #begun = new Map<string, RecipeInfo>();

  constructor(options: Pick<RunOptions, "graph" | "signatures" | "stamps">) {
    this.#options = options;
  }

  /** Before the task changes anything on disk. */
  begin({ recipe, name }: PlannedTask): void {
    this.#begun.set(recipe.stamp, recipe);
    this.#options.stamps.begin(recipe, name, this.#wanted(recipe));
  }

  /** The body has run, and what it left is kept. [nostamp] is the caller's. */
  done({ task, recipe, name }: PlannedTask): void {
    this.#options.stamps.finish(recipe, name, this.#options.signatures.of(task).unihash, "real");
  }

  restored(task: PlannedTask): void {
    const { unihash } = this.#options.signatures.of(task.task);
    this.#options.stamps.finish(task.recipe, task.name, unihash, "setscene");
    this.#restored.set(task, unihash);
  }

  /**
   * Signatures have changed, and all that changes them in a run is that an output counts as a known one. So what was
   * restored counts for the signature that its task has now, and stamps that were taken away for it may be right again.
   *
   * @returns whether some were
   */
  restamp(): boolean {
    for (const [task, unihash] of this.#restored) {
      if (this.#options.signatures.of(task.task).unihash !== unihash) this.restored(task);
    }
    const found = [...this.#begun.values()].map((recipe) =>
      this.#options.stamps.restamp(recipe, this.#wanted(recipe)),
    );
    return found.includes(true);
  }

  #wanted({ id }: RecipeInfo): WantedSignature {
    const { graph, signatures } = this.#options;
    return (name) => {
      const task = taskId(id, name);
      return graph.has(task) ? signatures.of(task).unihash : undefined;
    };
  }
}
