/** Several stores as one: the first is the nearest, and learns what the others have. */
import { rm, stat } from "node:fs/promises";
import { BuildError, ifThere } from "@tsbake/base";
import { descriptionOf } from "./folder-store.js";
import { signatureOf } from "./gpg.js";
import type { ObjectName } from "./names.js";
import type { Store } from "./store.js";

/** Asks `first`, then the others in order; what a later one has is copied into `first`. `put` goes to `first`. */
export function chainStores(first: Store, others: readonly Store[]): Store {
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
        if (file !== undefined) return keep(first, name, file);
      }
      return undefined;
    },
    put: (name, path, description, signature) => first.put(name, path, description, signature),
    async reject(name) {
      for (const store of [first, ...others]) await store.reject(name);
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
  const [first, ...others] = stores;
  if (!first) return noStore();
  const [chain, none] = [chainStores(first, others), noStore()];
  return {
    ...chain,
    async get(name) {
      for (const store of stores) {
        const file = await store.get(name);
        if (file !== undefined) return file;
      }
      return undefined;
    },
    put: (name, path, description) => none.put(name, path, description),
    describe: (name, description) => none.describe(name, description),
  };
}
