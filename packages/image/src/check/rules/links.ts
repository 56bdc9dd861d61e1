/** Symlinks of the extension: whether they lead somewhere on the device. */
import type { FileEntry } from "@tsbake/archive";
import type { Context } from "../context.js";
import type { Finding } from "../finding.js";
import type { MergedView } from "../merged-view.js";
import { finding, type CheckRule } from "./rule.js";

/** Where links to what another package has are common, and nobody needs them to run something. */
const FOR_READERS =
  /^\/usr\/(share\/(doc|doc-base|man|info|gtk-doc|help|lintian|bug|javascript|locale)|include|src)\//;

/** Links of linkers and compilers, and the tree a module was built in. */
const FOR_BUILDS = /(\/[^/]*\.so|\.(h|a|pc)|^\/usr\/lib\/modules\/[^/]+\/(build|source))$/;

export const links: CheckRule = {
  codes: [
    {
      code: "dangling-link",
      severity: "either",
      meaning:
        "a symlink leads to what neither the extension nor the base has, and no tmpfiles.d file makes; an error for commands, libraries, units and the like, a warning below /usr/share and for links to /etc. Targets that only a running device has are no finding, nor links of documentation and of headers",
    },
    {
      code: "link-loop",
      severity: "error",
      meaning: "a symlink leads to itself, by way of others or at once",
    },
  ],
  *find(context) {
    for (const entry of context.extension.tree.entries()) {
      if (entry.kind !== "symlink" || FOR_READERS.test(entry.path) || FOR_BUILDS.test(entry.path)) continue;
      if (/^\/(usr|opt)\//.test(entry.path)) yield* judge(context, entry);
    }
  },
};

function* judge({ merged, base }: Context, entry: FileEntry): Iterable<Finding> {
  const target = entry.target ?? "";
  // A masked unit.
  if (target === "/dev/null" || isWanted(entry.path, merged)) return;
  const place = merged.find(entry.path);
  if (place.kind === "loop") {
    yield finding(
      "link-loop",
      "error",
      entry,
      `it leads to ${target}, and back to itself`,
      "leave the package out, or drop the link by a rule of SYSEXT_RULES",
    );
  }
  // What services make as they run.
  if (place.kind !== "missing" || place.path.startsWith("/var/")) return;
  const isMild = place.path.startsWith("/etc/")
    ? !place.path.startsWith("/etc/alternatives/")
    : entry.path.startsWith("/usr/share/");
  yield finding(
    "dangling-link",
    isMild ? "warning" : "error",
    entry,
    `it leads to ${target}, and ${place.path} is neither in the extension nor in ${base.name}`,
    place.path.startsWith("/etc/alternatives/")
      ? "update-alternatives makes it in a script: set SYSEXT_SCRIPTS to `merged`, or have a recipe ship a link to the program itself"
      : `add the package that has ${place.path}, or drop the link by a rule of SYSEXT_RULES`,
  );
}

/** systemd goes by the name of a link in such a folder, not by where it leads. @see systemd.unit(5) */
function isWanted(path: string, merged: MergedView): boolean {
  const [, manager, name = ""] =
    /\/systemd\/(system|user)\/[^/]+\.(?:wants|requires|upholds)\/([^/]+)$/.exec(path) ?? [];
  if (manager === undefined) return false;
  const names = [name, name.replace(/@.*(\.[a-z]+)$/, "@$1")];
  return ["/etc", "/usr/lib"].some((folder) =>
    names.some((one) => merged.has(`${folder}/systemd/${manager}/${one}`)),
  );
}
