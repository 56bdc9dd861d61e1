/**
 * What maintainer scripts changed in the merged view, as what an extension can carry. Pure: nothing is read or written.
 *
 * | what changed | becomes |
 * |---|---|
 * | a link through /etc/alternatives | a direct link |
 * | a unit enabled below /etc/systemd | a link below /usr/lib/systemd |
 * | a derived cache below /usr | ships, over that of the base |
 * | a file of the base outside /usr | stays as the base has it, and is reported |
 */
import type { FileEntry } from "@tsbake/archive";
import { posix } from "node:path";
import type { FileIndex } from "../../facts/file-manifest.js";
import type { PathDecision, Reported } from "../../facts/reported.js";
import { isDerived } from "../../rules/derived.js";

const ALTERNATIVES = "/etc/alternatives/";

/** Links that `systemctl enable` makes: `TARGET.wants/UNIT`, aliases. */
const ENABLED = /^\/etc\/(systemd\/(?:system|user)\/.+)$/;

export interface Translated {
  /** What is left for the rules. */
  readonly layer: readonly FileEntry[];
  readonly report: readonly Reported[];
  /** Whether a different file of the base may be hidden: what was made over both. */
  readonly isDerived: (path: string) => boolean;
}

/** @param layer what differs from the base, with what scripts made */
export function translate(layer: readonly FileEntry[], base: FileIndex): Translated {
  const report: Reported[] = [];
  const note = (entry: FileEntry, decision: PathDecision, because: string): void => {
    const owner = entry.package === undefined ? {} : { package: entry.package };
    report.push({ path: entry.path, decision, because, ...owner });
  };
  const targets = alternativesOf(layer, base);
  const direct = directLinks(layer, base, targets);
  const kept = layer.flatMap((entry) => {
    if (targets.has(entry.path)) {
      note(entry, "dropped", `links that lead through it lead to ${targets.get(entry.path)} at once`);
      return [];
    }
    const made = entry.package === undefined;
    const [, unit] = ENABLED.exec(entry.path) ?? [];
    if (made && unit !== undefined && entry.kind === "symlink" && base.get(entry.path) === undefined) {
      const path = `/usr/lib/${unit}`;
      note(entry, "moved", `to ${path}: enabled as long as the extension is merged`);
      return [{ ...entry, path }];
    }
    const before = base.get(entry.path);
    if (made && before !== undefined && !/^\/(usr|opt)\//.test(entry.path) && entry.kind !== "directory") {
      note(entry, "dropped", "a script changed this file of the base, which stays as it is");
      return [];
    }
    return direct.has(entry.path) ? [] : [entry];
  });
  for (const entry of direct.values()) note(entry, "direct-link", `to ${entry.target}`);
  return {
    layer: [...kept, ...direct.values()],
    report,
    isDerived: (path) => direct.has(path) || isDerived(path),
  };
}

/** `/etc/alternatives/NAME` → where it leads in the merged tree, of those that are new or another. */
function alternativesOf(layer: readonly FileEntry[], base: FileIndex): Map<string, string> {
  const links = new Map(
    layer.flatMap(({ path, kind, target }) =>
      kind === "symlink" && path.startsWith(ALTERNATIVES) && target?.startsWith("/") === true
        ? [[path, target] as const]
        : [],
    ),
  );
  const settled = (path: string): string => {
    let at = path;
    // One alternative may be another one's link.
    for (let hops = 0; hops < 10; hops++) at = links.get(at) ?? at;
    // /bin/nc.openbsd lies in /usr/bin.
    return base.followFolders(at) ?? at;
  };
  return new Map([...links].map(([path, target]) => [path, settled(target)]));
}

/** Links below /usr and /opt that lead through one of these, of the layer or of the base, relative and direct. */
function directLinks(
  layer: readonly FileEntry[],
  base: FileIndex,
  targets: ReadonlyMap<string, string>,
): Map<string, FileEntry> {
  const direct = new Map<string, FileEntry>();
  for (const entry of [...base.entries(), ...layer]) {
    if (entry.kind !== "symlink" || !/^\/(usr|opt)\//.test(entry.path)) continue;
    const target = targets.get(entry.target ?? "");
    if (target === undefined || !/^\/(usr|opt)\//.test(target)) continue;
    direct.set(entry.path, { ...entry, target: posix.relative(posix.dirname(entry.path), target) });
  }
  return direct;
}
