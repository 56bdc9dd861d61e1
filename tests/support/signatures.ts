/** Signatures made by hand, of tasks of which nothing but the unihash matters. */
import type { Signatures, TaskId, TaskSignature } from "@tsbake/graph";

export function fixedSignature(task: TaskId, unihash: string, taint?: string): TaskSignature {
  return {
    task,
    unihash,
    baseHash: unihash,
    taskHash: unihash,
    needs: [],
    files: [],
    feed: [],
    ...(taint !== undefined && { taint }),
  };
}

/** They never change, and explain nothing but the unihash. */
export function fixedSignatures(signed: ReadonlyMap<TaskId, TaskSignature>): Signatures {
  return {
    of: (task) => signed.get(task)!,
    settle: () => [],
    paths: () => [],
    absentPaths: () => [],
    variables: () => [],
    differing: () => undefined,
    explain: (task) =>
      Promise.resolve({
        task,
        basehash: "",
        taskhash: "",
        unihash: signed.get(task)!.unihash,
        gendeps: {},
        varvals: {},
        runtaskdeps: [],
        runtaskhashes: {},
        file_checksum_values: [],
        feed: [],
      }),
  };
}
