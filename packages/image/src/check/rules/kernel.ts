/** Kernel modules of the extension: whether the device runs the kernel that they are for. */
import { sortedUnique } from "@tsbake/base";
import { readKernelSymbols, readSection } from "@tsbake/elf";
import type { Context } from "../context.js";
import type { Finding } from "../finding.js";
import { entryAt, finding, type CheckRule } from "./rule.js";

/** A module of a kernel: its version. */
export const KERNEL_MODULE = /^\/usr\/lib\/modules\/([^/]+)\/.*\.ko(\.(gz|xz|zst))?$/;
const KERNEL = /^\/usr\/lib\/modules\/([^/]+)$/;

export const kernel: CheckRule = {
  codes: [
    {
      code: "foreign-kernel",
      severity: "either",
      meaning:
        "kernel modules are for a version of the kernel that the base has not; a warning where the base has no kernel of its own",
    },
    {
      code: "missing-module",
      severity: "error",
      meaning:
        "a kernel module needs another one (`depends=` of its information) that neither the extension nor the base has for that kernel. Compressed modules are not looked at",
    },
    {
      code: "missing-kernel-symbol",
      severity: "error",
      meaning:
        "a kernel module needs a symbol that neither the base's kernel nor a module exports, so it is not loaded (as `depmod -e` finds); where Module.symvers, System.map or the kernel itself tells what it exports. Compressed modules are not looked at",
    },
  ],
  *find(context) {
    const { base, extension } = context;
    yield* missingModules(context);
    yield* missingSymbols(context);
    const wanted = [...extension.tree.below("/usr/lib/modules")].flatMap(
      ({ path }) => KERNEL_MODULE.exec(path)?.[1] ?? [],
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

/** As modprobe calls a module: without folder and ending, `-` and `_` are one. @see modprobe(8) */
function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf("/") + 1)
    .replace(/\.ko(\.\w+)?$/, "")
    .replaceAll("-", "_");
}

/** @see modinfo(8) */
function* missingModules(context: Context): Iterable<Finding> {
  const { base, extension } = context;
  const own = [...extension.tree.below("/usr/lib/modules")].filter(
    ({ kind, path }) => kind === "file" && KERNEL_MODULE.test(path),
  );
  if (own.length === 0) return;
  const there = new Set(
    [...base.index.entries(), ...own].flatMap(({ path }) => {
      const version = KERNEL_MODULE.exec(path)?.[1];
      return version === undefined ? [] : [`${version} ${moduleName(path)}`];
    }),
  );
  for (const entry of own) {
    const version = KERNEL_MODULE.exec(entry.path)?.[1] ?? "";
    const info = readSection((at, size) => extension.tree.bytes(entry, at, size), ".modinfo");
    const depends = (info?.toString("latin1") ?? "").split("\0").find((one) => one.startsWith("depends="));
    const names = depends?.slice("depends=".length).split(",") ?? [];
    for (const name of names.filter((one) => one !== "")) {
      if (there.has(`${version} ${name.replaceAll("-", "_")}`)) continue;
      yield finding(
        "missing-module",
        "error",
        entry,
        `it needs the module ${name}, which neither the extension nor ${base.name} has for kernel ${version}`,
        `add the package that has ${name}.ko for this kernel`,
      );
    }
  }
}

/** Nobody exports these, and the kernel's loader knows of them. */
const OF_THE_LINKER: ReadonlySet<string> = new Set(["_GLOBAL_OFFSET_TABLE_", ".TOC."]);

function* missingSymbols({ base, extension }: Context): Iterable<Finding> {
  const kernels = base.inspected?.base.kernels ?? [];
  for (const { version, symbols } of kernels) {
    const own = extension.tree
      .below(`/usr/lib/modules/${version}`)
      .filter(({ kind, path }) => kind === "file" && path.endsWith(".ko"))
      .flatMap((entry) => {
        const found = readKernelSymbols((at, size) => extension.tree.bytes(entry, at, size));
        return found === undefined ? [] : [{ entry, ...found }];
      });
    const given = new Set([...symbols, ...own.flatMap(({ gives }) => gives)]);
    for (const { entry, needs } of own)
      for (const name of needs.filter((one) => !given.has(one) && !OF_THE_LINKER.has(one)))
        yield finding(
          "missing-kernel-symbol",
          "error",
          entry,
          `it needs the symbol ${name}, which kernel ${version} of ${base.name} does not export, nor any module`,
          "build the module for the base's kernel, or add the package with the module that exports it",
        );
  }
}
