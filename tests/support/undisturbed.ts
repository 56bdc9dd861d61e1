/** What builds come to that nothing disturbs: what a build after a kill or a power cut has to come to as well. */
import { rmSync } from "node:fs";
import type { Toy } from "./toy.js";

export interface Undisturbed {
  /** Digests of what is deployed, by the word of the greeting. */
  readonly deployed: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** How long a build takes that has neither outputs nor shared state. */
  readonly wholeMs: number;
}

/** Changes a source of all recipes. */
export function greet(toy: Toy, word: string): void {
  toy.rig.write("meta-toy/recipes/greeting/greeting/greeting.txt", word);
}

export async function buildUndisturbed(
  toy: Toy,
  target: string,
  words: readonly string[],
): Promise<Undisturbed> {
  await toy.built([target]);
  const deployed = new Map<string, Map<string, string>>();
  let wholeMs = 0;
  for (const word of words) {
    greet(toy, word);
    for (const name of ["tmp", "sstate-cache"]) rmSync(toy.rig.path("build", name), { recursive: true });
    const started = performance.now();
    await toy.built([target]);
    wholeMs = performance.now() - started;
    deployed.set(word, await toy.rig.digests("build/tmp/deploy"));
  }
  return { deployed, wholeMs };
}
