/**
 * Modes of a layer's paths as an ordinary installation would leave them at most: what scripts that did not run, and overrides
 * of the base, take away is not shipped. Nothing is added: an owner, or a bit that only scripts give, is not known here.
 */
import type { FileEntry } from "@tsbake/archive";
import type { ModeRule, PackageDatabase, ScriptModes } from "@tsbake/packaging";
import type { NarrowedMode } from "../facts/facts.js";
import type { Reported } from "../facts/reported.js";

const SET_ID = 0o6000;

/** Every entry that gets another mode, in the order of the entries. All names of one file get the same. */
export function narrowedModes(entries: readonly FileEntry[], rules: readonly ModeRule[]): NarrowedMode[] {
  const masks = new Map<string, number>();
  const because = new Map<string, ModeRule>();
  const files = entries.filter(({ kind }) => kind !== "symlink");
  for (const entry of files) {
    const content = entry.hardlink ?? entry.path;
    for (const rule of rules) {
      if (!concerns(rule, entry)) continue;
      const mask = rule.mask & (rule.dropsSetId ? ~SET_ID : 0o7777);
      const before = masks.get(content) ?? 0o7777;
      if ((entry.mode & before & ~mask) === 0) continue;
      masks.set(content, before & mask);
      because.set(content, rule);
    }
  }
  return files.flatMap((entry) => {
    const content = entry.hardlink ?? entry.path;
    const to = entry.mode & (masks.get(content) ?? 0o7777);
    const rule = because.get(content);
    if (to === entry.mode || rule === undefined) return [];
    const { package: owner, script, text } = rule;
    return [{ path: entry.path, from: entry.mode, to, package: owner, script, text }];
  });
}

function concerns(rule: ModeRule, entry: FileEntry): boolean {
  if (rule.only !== undefined && rule.only !== (entry.kind === "directory" ? "directory" : "file"))
    return false;
  return (!rule.isOwnOnly || entry.package === rule.package) && rule.matches(entry.path);
}

/** The base's `dpkg-statoverride` entries, which dpkg would apply to what it unpacks: `user group mode path`. */
export function overrideRules(base: PackageDatabase): ModeRule[] {
  return base.overrides.flatMap((line) => {
    const [, user = "", group = "", mode = "", path = ""] = /^(\S+) (\S+) ([0-7]+) (.+)$/.exec(line) ?? [];
    if (path === "") return [];
    return [
      {
        matches: (one) => one === path,
        mask: Number.parseInt(mode, 8),
        dropsSetId: user !== "root" || group !== "root",
        package: "the base",
        isOwnOnly: false,
        script: "statoverride",
        text: line,
      },
    ];
  });
}

/** Lines of the report of paths that ship. */
export function reportModes(narrowed: readonly NarrowedMode[]): Reported[] {
  const bits = (mode: number): string => mode.toString(8).padStart(4, "0");
  return narrowed.map(({ path, from, to, package: owner, script, text }) => ({
    path,
    decision: "mode-narrowed",
    because: `from ${bits(from)} to ${bits(to)}, as the ${script} of ${owner} would: ${text.replace(/\s+/g, " ")}`,
    package: owner,
  }));
}

/** Sentences for a report: what could not be read, and so may ship wider than it is after an ordinary installation. */
export function unreadModes({ unread }: ScriptModes): string[] {
  const sentences = unread.map(
    ({ package: owner, script, text }) =>
      `the ${script} of ${owner} did not run and sets modes on paths that only running it would tell (\`${text}\`): what it makes narrower ships as it is packed`,
  );
  return [...new Set(sentences)];
}
