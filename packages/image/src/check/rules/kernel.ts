/** Kernel modules of the extension: whether the device runs the kernel that they are for. */
import { sortedUnique } from "@tsbake/base";
import { entryAt, finding, type CheckRule } from "./rule.js";

const MODULE = /^\/usr\/lib\/modules\/([^/]+)\/.*\.ko(\.(gz|xz|zst))?$/;
const KERNEL = /^\/usr\/lib\/modules\/([^/]+)$/;

export const kernel: CheckRule = {
  codes: [
    {
      code: "foreign-kernel",
      severity: "either",
      meaning:
        "kernel modules are for a version of the kernel that the base has not; a warning where the base has no kernel of its own",
    },
  ],
  *find(context) {
    const { base, extension } = context;
    const wanted = [...extension.tree.below("/usr/lib/modules")].flatMap(
      ({ path }) => MODULE.exec(path)?.[1] ?? [],
    );
    if (wanted.length === 0) return;
    const there = [...base.index.entries()].flatMap(({ path, kind }) =>
      kind === "directory" ? (KERNEL.exec(path)?.[1] ?? []) : [],
    );
    for (const version of sortedUnique(wanted)) {
      if (there.includes(version)) continue;
      yield finding(
        "foreign-kernel",
        there.length === 0 ? "warning" : "error",
        entryAt(context, `/usr/lib/modules/${version}`),
        there.length === 0
          ? `its modules are for kernel ${version}, and ${base.name} has no kernel to compare with`
          : `its modules are for kernel ${version}, and ${base.name} has ${there.join(", ")}`,
        "install the modules for the base's kernel",
      );
    }
  },
};
