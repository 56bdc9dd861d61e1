/** What a build finds in the shared state, and what of it comes from mirrors. */
import { stat } from "node:fs/promises";
import { ifThere } from "@tsbake/base";
import { objectPath, type Store } from "@tsbake/sstate";
import type { PushSummary } from "@tsbake/sstate/remote";
import type { EngineEvent, SharedStateTraffic } from "../events.js";

/** What was uploaded, and whereto. */
export interface Pushed extends PushSummary {
  readonly url: string;
}

const NOTHING_PUSHED = { pushed: 0, bytes: 0, known: 0, conflicts: 0, left: 0 };

/** Of one build. */
export class Traffic {
  readonly #wanted = new Set<string>();
  readonly #found = new Set<string>();
  #hasMirrors = false;
  #fetched = 0;
  #fetchedBytes = 0;

  /** All that is looked at: what is asked for, and what of it is there, is counted. */
  over(store: Store): Store {
    return {
      ...passing(store),
      find: async (names) => {
        const found = await store.find(names);
        for (const name of names) this.#wanted.add(objectPath(name));
        for (const name of found) this.#found.add(objectPath(name));
        return found;
      },
    };
  }

  /** One mirror: what comes from it is counted. */
  ofMirror(store: Store): Store {
    this.#hasMirrors = true;
    return {
      ...passing(store),
      get: async (name) => {
        const file = await store.get(name);
        if (file === undefined) return undefined;
        this.#fetched++;
        this.#fetchedBytes += (await ifThere(stat(file)))?.size ?? 0;
        return file;
      },
    };
  }

  /** Nothing is told where nothing is shared, or nothing was asked for and nothing sent. */
  tell(onEvent: (event: EngineEvent) => void, push: Pushed | undefined): void {
    if (!push && !this.#hasMirrors) return;
    const event: SharedStateTraffic = {
      type: "shared-state",
      wanted: this.#wanted.size,
      found: this.#found.size,
      fetched: this.#fetched,
      fetchedBytes: this.#fetchedBytes,
      ...NOTHING_PUSHED,
      ...push,
    };
    const { wanted, pushed, known, conflicts, left } = event;
    if (wanted + pushed + known + conflicts + left > 0) onEvent(event);
  }
}

/** A store may be a class, whose methods no spread takes. */
function passing(store: Store): Store {
  return {
    find: (names) => store.find(names),
    get: (name) => store.get(name),
    put: (name, path, description, signature) => store.put(name, path, description, signature),
    reject: (name) => store.reject(name),
    describe: (name, description) => store.describe(name, description),
  };
}
