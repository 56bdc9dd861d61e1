/** Several stores as one: the first is the nearest, and learns what the others have. */
import { rm, stat } from "node:fs/promises";
import { BuildError, ifThere } from "@tsbake/base";
import { descriptionOf } from "./folder-store.js";
import { signatureOf } from "./gpg.js";
import { objectPath, type ObjectName } from "./names.js";
import type { Store } from "./store.js";

/** Asks `first`, then the others in order; what a later one has is copied into `first`. `put` goes to `first`. */
export function chainStores(first: Store, others: readonly Store[]): Store {
  return inOrder(first, others, (name, file) => keep(first, name, file));
}

/** @param take what is given of a file that one of `others` has */
function inOrder(
  first: Store,
  others: readonly Store[],
  take: (name: ObjectName, file: string) => Promise<string | undefined>,
): Store {
  /** Which of `others` gave an object, by its path. */
  const sources = new Map<string, Store>();
  return {
    async find(names) {
      const found = new Set<ObjectName>();
      for (const store of [first, ...others]) {
        const missing = names.filter((name) => !found.has(name));
        if (missing.length === 0) break;
        for (const name of await store.find(missing)) found.add(name);
      }
      return found;
    },
    async get(name) {
      const near = await first.get(name);
      if (near !== undefined) return near;
      for (const store of others) {
        const file = await store.get(name);
        if (file === undefined) continue;
        sources.set(objectPath(name), store);
        return take(name, file);
      }
      return undefined;
    },
    put: (name, path, description, signature) => first.put(name, path, description, signature),
    async reject(name) {
      await first.reject(name);
      // Those behind it may have the right one.
      await sources.get(objectPath(name))?.reject(name);
      sources.delete(objectPath(name));
    },
    describe: (name, description) => first.describe(name, description),
  };
}

async function keep(first: Store, name: ObjectName, file: string): Promise<string | undefined> {
  try {
    const signature = signatureOf(file);
    // As its maker has signed it.
    const isSigned = (await ifThere(stat(signature))) !== undefined;
    await first.put(name, file, await descriptionOf(file), isSigned ? signature : undefined);
    for (const rest of [`${file}.siginfo`, signature]) await rm(rest, { force: true });
  } catch (error) {
    // The nearest store is full or cannot be written to: the file itself is as good, and still there.
    if (!(error instanceof BuildError)) throw error;
    return file;
  }
  return first.get(name);
}

/** Where nothing is kept: a configuration without SSTATE_DIR. Its mirrors are read all the same. */
export function noStore(): Store {
  return {
    find: () => Promise.resolve(new Set()),
    get: () => Promise.resolve(undefined),
    put: (_name, path) => rm(path, { force: true }),
    reject: () => Promise.resolve(),
    describe: () => Promise.resolve(),
  };
}

/** The stores in order; nothing is copied from one into another. */
export function readThrough(stores: readonly Store[]): Store {
  return inOrder(noStore(), stores, (_name, file) => Promise.resolve(file));
}
