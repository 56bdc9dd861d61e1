/** Paths of the extension that hide what the base has, or that another extension has otherwise. */
import type { FileEntry } from "@tsbake/archive";
import { isDerived } from "../../rules/derived.js";
import type { ExtensionKind } from "../../layer/extension-kind.js";
import type { Context } from "../context.js";
import type { Finding } from "../finding.js";
import { finding, type CheckRule } from "./rule.js";

const LIBRARY = /\/lib[^/]*\.so(\.[^/]*)?$/;

export const clashes: CheckRule = {
  codes: [
    {
      code: "extensions-differ",
      severity: "error",
      meaning:
        "two extensions that are checked together have one path with different content: which of them counts depends on their names",
    },
    {
      code: "hides-cache",
      severity: "error",
      meaning:
        "a cache that is computed over all packages (schemas, MIME types, icons, modules, hardware database) hides the base's, and was not made over base and extension",
    },
    { code: "hides-file", severity: "warning", meaning: "a file hides another one of the base" },
    {
      code: "hides-library",
      severity: "error",
      meaning: "a shared library hides another one of the base, which programs of the base were linked with",
    },
    {
      code: "kind-clash",
      severity: "error",
      meaning:
        "a folder of the extension is where the base has a file or a symlink, or the other way round: all of the base's below it would be hidden",
    },
    {
      code: "not-merged",
      severity: "warning",
      meaning: "a path outside of /usr and /opt: systemd-sysext merges nothing of it",
    },
    {
      code: "ships-os-release",
      severity: "error",
      meaning: "systemd-sysext refuses an extension that has /usr/lib/os-release",
    },
  ],
  *find(context) {
    const outside = new Set<string>();
    const { kind } = context;
    for (const entry of context.extension.tree.entries()) {
      const [top = ""] = /^\/[^/]+/.exec(entry.path) ?? [];
      if (kind.isMerged(entry.path)) yield* againstBase(context, entry);
      else if (!outside.has(top)) {
        outside.add(top);
        yield notMerged(entry, top, kind);
      }
    }
    yield* betweenExtensions(context);
  },
};

function notMerged(entry: FileEntry, top: string, kind: ExtensionKind): Finding {
  return finding(
    "not-merged",
    "warning",
    { ...entry, path: top },
    `only ${kind.hierarchies} of a ${kind.word} image is merged: it is not on the device`,
    kind.word === "sysext"
      ? "ship it below /usr, with a tmpfiles.d line that copies it (rule `factory` of SYSEXT_RULES does)"
      : "ship it in a sysext image, or drop it by a rule of SYSEXT_RULES",
  );
}

function* againstBase({ base, extension }: Context, entry: FileEntry): Iterable<Finding> {
  if (entry.path === "/usr/lib/os-release")
    yield finding(
      "ships-os-release",
      "error",
      entry,
      "systemd-sysext refuses the whole extension for it",
      "leave it out",
    );
  const before = base.index.get(entry.path);
  if (before === undefined || (before.kind === "directory" && entry.kind === "directory")) return;
  const owner = before.package === undefined ? base.name : `package ${before.package} of ${base.name}`;
  if (before.kind === "directory" || entry.kind === "directory") {
    yield finding(
      "kind-clash",
      "error",
      entry,
      `it is a ${entry.kind}, and a ${before.kind} of ${owner}`,
      before.kind === "symlink"
        ? `put what is in it where the base's link leads (${before.target ?? ""})`
        : "leave the package out",
    );
    return;
  }
  // Who made the extension knows of it.
  if (extension.mayHide?.(entry.path) === true || isSame(entry, before)) return;
  if (isDerived(entry.path))
    yield finding(
      "hides-cache",
      "error",
      entry,
      `it hides that of ${owner}, and was not made over both`,
      "set SYSEXT_SCRIPTS to `merged`, or drop it by a rule of SYSEXT_RULES",
    );
  else if (LIBRARY.test(entry.path))
    yield finding(
      "hides-library",
      "error",
      entry,
      `it hides the library of ${owner}, whose programs were linked with that`,
      "leave the package out, or put the same version into the base",
    );
  else
    yield finding(
      "hides-file",
      "warning",
      entry,
      `it hides the file of ${owner}`,
      "leave the package out, or drop the path by a rule of SYSEXT_RULES",
    );
}

/** Content, not owners and modes, which a tree that was unpacked may have lost. */
function isSame(one: FileEntry, other: FileEntry): boolean {
  return one.kind === other.kind && one.sha256 === other.sha256 && one.target === other.target;
}

function* betweenExtensions({ extension, others, kind }: Context): Iterable<Finding> {
  for (const other of others) {
    for (const entry of extension.tree.entries()) {
      const there = other.tree.index.get(entry.path);
      if (there === undefined || (entry.kind === "directory" && there.kind === "directory")) continue;
      if (!kind.isMerged(entry.path) || isSame(entry, there)) continue;
      yield finding(
        "extensions-differ",
        "error",
        entry,
        `${other.name} has it with other content`,
        "leave the package out of one of them, or put both into one extension",
      );
    }
  }
}
